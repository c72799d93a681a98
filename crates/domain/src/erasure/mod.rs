//! Erasing somebody: whatever names them goes, from the directory and from the log.
//!
//! The profile first, so that it is gone from every answer at once; then by which connections they
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

use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, ParticipantId, UserId};
use crate::log::query::PAGE_LEN_MAX;

/// How many events one step erases at most.
pub const EVENTS_PER_STEP_MAX: u32 = 256;

/// What was erased, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How many connections by which they were seen.
    pub connections: u64,
    /// How many dead letters that named them.
    pub dead_letters: u64,
    /// How many events about them.
    pub events: u64,
    /// How many snapshots lost their name.
    pub snapshots: u64,
    /// How many of their stays.
    pub stays: u64,
    /// When it was over.
    pub finished_unix_us: i64,
}

/// Erases everything that names somebody, registered or not: all that was there when it began. It
/// takes as many steps as there are, so that others are served between them.
///
/// If it fails, some of it is done, and doing it again does the rest.
pub async fn erase(ctx: &Context, app: AppId, who: &ParticipantId) -> Result<Receipt> {
    let mut receipt = Receipt::default();
    // A longer name is nobody's in the directory.
    if let Ok(user) = UserId::parse(who.as_str()) {
        receipt.connections = ctx.store.remove_sightings(app, &user).await?;
    }
    receipt.dead_letters = remove_letters(ctx, app, who).await?;
    let mut from = None;
    loop {
        let step = ctx.store.erase_events(app, who, from.as_deref(), EVENTS_PER_STEP_MAX).await?;
        receipt.events += step.events;
        receipt.snapshots += step.snapshots;
        receipt.stays += step.stays;
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    receipt.finished_unix_us = ctx.clock.now_unix_us();
    Ok(receipt)
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
