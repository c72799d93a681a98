//! Taking users out of the directory.

use std::collections::HashSet;

use super::store::Unregistered;
use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, UserId};

/// What became of one user of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// They are gone.
    Yes,
    /// Nobody is registered with this id.
    NotFound,
    /// The same id stands earlier in the request.
    Repeated,
}

/// Removes each user who is there, and tells of each what became of them, in the order asked.
///
/// When this returns they are gone for good: from every answer, and from all tags and audiences.
/// What the log has of them stays.
pub async fn unregister(ctx: &Context, app: AppId, ids: Vec<UserId>) -> Result<Vec<Removed>> {
    let mut seen = HashSet::new();
    let is_first: Vec<bool> = ids.iter().map(|id| seen.insert(id.clone())).collect();
    let distinct = ids.into_iter().zip(&is_first).filter(|(_, is_first)| **is_first);
    let distinct: Vec<UserId> = distinct.map(|(id, _)| id).collect();
    let now_unix_ms = ctx.clock.now_unix_us() / (SECOND_US / 1_000);
    let done = match distinct.is_empty() {
        true => vec![],
        false => ctx.store.unregister_users(app, distinct, now_unix_ms).await?,
    };
    let mut done = done.into_iter().map(|unregistered| match unregistered {
        Unregistered::Done => Removed::Yes,
        Unregistered::NotFound => Removed::NotFound,
    });
    let mut outcome = |is_first| match is_first {
        true => done.next().expect("one outcome for each distinct id"),
        false => Removed::Repeated,
    };
    Ok(is_first.into_iter().map(&mut outcome).collect())
}
