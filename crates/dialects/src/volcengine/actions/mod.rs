//! One file per action, named as the vendor names it: what it takes, which operation of the domain
//! it calls, and what it gives.

pub(super) mod batch_get_user;
pub(super) mod batch_update_user;
pub(super) mod batch_update_user_tags;
pub(super) mod get_room_online_users;
pub(super) mod list_room_info;
pub(super) mod list_user_info;
pub(super) mod query_online_status;
pub(super) mod register_users;
pub(super) mod un_register_users;
pub(super) mod user_broadcast;

mod users;
mod windows;

use bytes::Bytes;
use domain::Context;
use domain::app::App;
use http::HeaderMap;

use super::action::Version;
use super::query::Query;

/// A request that has proved whose it is and which app it speaks for.
pub(super) struct Asked<'a> {
    pub(super) ctx: &'a Context,
    pub(super) app: &'a App,
    pub(super) version: Version,
    pub(super) query: &'a Query,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
}

impl Asked<'_> {
    /// Whether the official Go SDK asks, whose types differ from the documented ones.
    fn is_from_go_sdk(&self) -> bool {
        let version = self.headers.get("x-im-sdk-version");
        version.is_some_and(|version| version.as_bytes().starts_with(b"Golang-"))
    }
}
