//! Changing what is known of users.

use std::collections::HashSet;

use super::{Limits, ProfileChange, ProfileFault};
use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, UserId};
use crate::store::Update;

/// What became of one user of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Updated {
    /// The change is made.
    Yes,
    /// Nobody is registered with this id.
    NotFound,
    /// The same id stands earlier in the request.
    Repeated,
    /// A given field is over its limit.
    Invalid(ProfileFault),
}

/// Changes each user who can be, and tells of each what became of them, in the order asked.
///
/// The users of one request stand or fall alone; changes made are durable when this returns.
pub async fn update(
    ctx: &Context,
    app: AppId,
    changes: Vec<(UserId, ProfileChange)>,
    limits: &Limits,
) -> Result<Vec<Updated>> {
    let mut seen = HashSet::new();
    let mut outcomes = Vec::with_capacity(changes.len());
    let mut valid = Vec::with_capacity(changes.len());
    for (id, change) in changes {
        let outcome = if !seen.insert(id.clone()) {
            Some(Updated::Repeated)
        } else {
            change.check(limits).err().map(Updated::Invalid)
        };
        if outcome.is_none() {
            valid.push((id, change));
        }
        outcomes.push(outcome);
    }
    let now_unix_ms = ctx.clock.now_unix_us() / (SECOND_US / 1_000);
    let done = match valid.is_empty() {
        true => vec![],
        false => ctx.store.update_users(app, valid, now_unix_ms).await?,
    };
    let mut done = done.into_iter().map(|update| match update {
        Update::Done => Updated::Yes,
        Update::NotFound => Updated::NotFound,
    });
    let fill = |outcome: Option<Updated>| {
        outcome.unwrap_or_else(|| done.next().expect("one outcome for each change made"))
    };
    Ok(outcomes.into_iter().map(fill).collect())
}
