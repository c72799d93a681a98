//! Calls of which nothing was heard for long are taken to be over, if the operator says how long.
//!
//! That nobody said anything is no event of a media server, so it is made one: a
//! [`Fact::RoomIdle`], recorded like any other. The log stays a function of the set of its events,
//! an event that comes late from within the silence undoes it, and whoever looks at the events
//! later finds why somebody was taken to have gone.

use super::event::{Event, Fact, FieldHash};
use super::open::OpenCall;
use super::record::{Outcome, record};
use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{CallId, EventId, SourceName};

/// How many calls one step closes.
pub const CALLS_PER_STEP_MAX: u32 = 256;

/// The sender of these events: this server.
pub const SOURCE: &str = "whowas";

const HOUR_US: i64 = 3_600 * SECOND_US;

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// How many calls were found silent, and closed.
    pub calls: u64,
    /// Whether there may be more to do now.
    pub more: bool,
}

/// Closes a few calls of which nothing was heard for as long as the settings say; none if they do
/// not say. To be called again at once while there is more, and else after a while.
pub async fn close(ctx: &Context) -> Result<Closed> {
    let Some(quiet_us) = ctx.settings.idle_close_us() else { return Ok(Closed::default()) };
    let heard_before_unix_us = ctx.clock.now_unix_us() - quiet_us + 1;
    let mut events = vec![];
    for app in ctx.apps.iter() {
        let limit = CALLS_PER_STEP_MAX - events.len() as u32;
        let calls = ctx.store.open_calls(app.id, heard_before_unix_us, limit).await?;
        events.extend(calls.into_iter().map(|call| silence(ctx, call, quiet_us)));
    }
    let full = events.len() == CALLS_PER_STEP_MAX as usize;
    let outcomes = record(ctx, events).await?;
    let stored = outcomes.iter().filter(|outcome| **outcome == Outcome::Stored).count();
    // What was known already closes nothing more if it is told again.
    Ok(Closed { calls: stored as u64, more: full && stored > 0 })
}

/// The silence of a call. Whoever finds it makes the same event of it, so that it stands once in
/// the log, however many servers look for it and however often they start.
fn silence(ctx: &Context, call: OpenCall, quiet_us: i64) -> Event {
    let last_heard_unix_us = call.last_heard_unix_us;
    let over_unix_us = last_heard_unix_us.saturating_add(quiet_us);
    let time_unix_us = match over_unix_us < ctx.retention_start_unix_us() {
        // It would not be taken. So the whole hour is when it was noticed.
        true => ctx.clock.now_unix_us().div_euclid(HOUR_US) * HOUR_US,
        false => over_unix_us,
    };
    let OpenCall { at, call, minted, .. } = call;
    let mut hash = FieldHash::default();
    hash.text(at.room.as_str());
    hash.text(call.as_str());
    hash.field(&last_heard_unix_us.to_be_bytes());
    let id = format!("idle-{}", hash.hex());
    let call: Option<CallId> = (!minted).then_some(call);
    Event {
        app: at.app,
        door: at.door,
        source: SourceName::parse(SOURCE).expect("a short text is a name"),
        id: EventId::parse(&id).expect("37 characters are an id"),
        time_unix_us,
        fact: Fact::RoomIdle {
            room: at.room,
            call,
            quiet_us: time_unix_us.saturating_sub(last_heard_unix_us),
        },
    }
}
