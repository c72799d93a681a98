//! One file per action: what it takes, which operation of the domain it calls, and what it gives.

pub(super) mod cancel_broadcast;
pub(super) mod count_users;
pub(super) mod delete_user;
pub(super) mod erase_user;
pub(super) mod get_broadcast;
pub(super) mod get_user;
pub(super) mod list_stays;
pub(super) mod list_tags;
pub(super) mod list_users;

pub(super) mod list_broadcasts;
pub(super) mod retry_broadcast;
#[cfg(test)]
mod tests;

mod broadcasts;
mod users;

use domain::Context;
use domain::app::App;

use super::query::Query;

/// A request that has proved which app it speaks for.
pub(super) struct Asked<'a> {
    pub(super) ctx: &'a Context,
    pub(super) app: &'a App,
    /// Those in the path, behind the app's.
    pub(super) names: &'a [String],
    pub(super) query: &'a Query,
}
