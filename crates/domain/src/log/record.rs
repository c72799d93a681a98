//! Taking events in.

use super::event::Event;
use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::store::Appended;

/// How far ahead of our clock an event may be.
pub const AHEAD_S_MAX: i64 = 600;

/// Why an event is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It says that it happens later than our clock can be wrong.
    #[error("its time is more than {AHEAD_S_MAX} seconds ahead of this server's clock")]
    InTheFuture,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log.
    Stored,
    /// It was known.
    Duplicate,
    /// An event of the same identity but other content was known; one of the two counts, whichever
    /// came first.
    Conflict,
    /// It is older than the log's retention, and not applied. For its sender this is a success.
    Expired,
    /// It is refused: nothing will come of sending it again.
    Refused(Refused),
}

impl Outcome {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Expired => "expired",
            Self::Refused(Refused::InTheFuture) => "in_the_future",
        }
    }
}

/// Takes events into the log, and tells of each what became of it, in the order given. What is
/// stored is durable, and seen by the next query, when this returns.
pub async fn record(ctx: &Context, events: Vec<Event>) -> Result<Vec<Outcome>> {
    let latest = ctx.clock.now_unix_us() + AHEAD_S_MAX * SECOND_US;
    let earliest = ctx.retention_start_unix_us();
    let judge = |event: &Event| {
        if event.time_unix_us > latest {
            Some(Outcome::Refused(Refused::InTheFuture))
        } else if event.time_unix_us < earliest {
            Some(Outcome::Expired)
        } else {
            None
        }
    };
    let outcomes: Vec<Option<Outcome>> = events.iter().map(judge).collect();
    let mut judged = outcomes.iter();
    let mut good = events;
    good.retain(|_| judged.next().is_some_and(Option::is_none));
    let appended = match good.is_empty() {
        true => vec![],
        false => ctx.store.append_events(good).await?,
    };
    let mut appended = appended.into_iter().map(|appended| match appended {
        Appended::Stored => Outcome::Stored,
        Appended::Duplicate => Outcome::Duplicate,
        Appended::Conflict => Outcome::Conflict,
    });
    let fill = |outcome: Option<Outcome>| {
        outcome.unwrap_or_else(|| appended.next().expect("one outcome for each event appended"))
    };
    Ok(outcomes.into_iter().map(fill).collect())
}
