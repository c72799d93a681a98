//! Erasing somebody: whatever names them goes, from the directory and from the log.
//!
//! The profile first, so that it is gone from every answer at once, and what the witness still has
//! of what it told; then by which connections they
//! were seen, dead letters that name them, and the room log, step by step. What was there when it
//! began is gone when it is over. It may fail on the way, or the server may die: then some is gone,
//! and doing it again does the rest. What is told of them later is told of somebody whom nobody
//! knows: it brings no profile back.
//!
//! What others did stays, but for what followed from what is gone: a call that ended when the
//! erased one joined the next, an inferred end, a minted call.

pub mod letters;
pub mod store;

pub use store::{Erased, Erasures};

use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, ParticipantId, UserId};
use crate::log::query::PAGE_LEN_MAX;
use crate::users::store::Unregistered;

/// How many events one step erases at most.
pub const EVENTS_PER_STEP_MAX: u32 = 256;

/// How many steps one call takes at most, so that whoever waits for it is answered in time.
pub const STEPS_PER_CALL_MAX: usize = 256;

/// What one call erased, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How many profiles: one, or none if they were not registered.
    pub profiles: u64,
    /// How many connections by which they were seen.
    pub connections: u64,
    /// How many dead letters that named them.
    pub dead_letters: u64,
    /// How many events about them.
    pub events: u64,
    /// How many snapshots lost their name.
    pub snapshots: u64,
    /// How many fewer of their stays the log shows; less than nothing if there are more until the
    /// next call goes on. See [`Erased::stays`].
    pub stays: i64,
    /// When the call was over.
    pub at_unix_us: i64,
    /// Where the next call goes on; `None` if all is done.
    pub next: Option<Vec<u8>>,
}

/// Erases what names somebody, registered or not, until all is done that was there when it began:
/// to be called again with what the call before said, until that is nothing. Others are served
/// between the steps that it takes.
///
/// If it fails, some of it is done, and beginning anew does the rest.
pub async fn erase(
    ctx: &Context,
    app: AppId,
    who: &ParticipantId,
    from: Option<&[u8]>,
) -> Result<Receipt> {
    let mut receipt = Receipt::default();
    if from.is_none() {
        ctx.witness.erased(app, who);
        // A longer name is nobody's in the directory.
        if let Ok(user) = UserId::parse(who.as_str()) {
            receipt.profiles = unregister(ctx, app, &user).await?;
            receipt.connections = ctx.store.remove_sightings(app, &user).await?;
        }
        receipt.dead_letters = remove_letters(ctx, app, who).await?;
    }
    receipt.next = from.map(<[u8]>::to_vec);
    for _ in 0..STEPS_PER_CALL_MAX {
        let from = receipt.next.as_deref();
        let step = ctx.store.erase_events(app, who, from, EVENTS_PER_STEP_MAX).await?;
        receipt.events += step.events;
        receipt.snapshots += step.snapshots;
        receipt.stays += step.stays;
        receipt.next = step.next;
        if receipt.next.is_none() {
            break;
        }
    }
    if receipt.next.is_none() {
        // What came just before the rest was told of since then.
        ctx.witness.erased(app, who);
    }
    receipt.at_unix_us = ctx.clock.now_unix_us();
    Ok(receipt)
}

/// Removes the profile, and tells how many there were.
async fn unregister(ctx: &Context, app: AppId, user: &UserId) -> Result<u64> {
    let now_unix_ms = ctx.clock.now_unix_us() / (SECOND_US / 1_000);
    let done = ctx.store.unregister_users(app, vec![user.clone()], now_unix_ms).await?;
    Ok(done.iter().filter(|it| **it == Unregistered::Done).count() as u64)
}

/// Removes dead letters that name somebody, and tells how many there were.
async fn remove_letters(ctx: &Context, app: AppId, who: &ParticipantId) -> Result<u64> {
    let (mut removed, mut after) = (0, None);
    loop {
        let page = ctx.store.list_dead_letters(app, after, PAGE_LEN_MAX).await?;
        let Some(last) = page.letters.last() else { return Ok(removed) };
        after = Some(last.id);
        let theirs = page.letters.iter().filter(|it| letters::may_name(&it.letter, who));
        let theirs: Vec<u64> = theirs.map(|it| it.id).collect();
        if !theirs.is_empty() {
            removed += ctx.store.remove_dead_letters(app, theirs).await?;
        }
    }
}
