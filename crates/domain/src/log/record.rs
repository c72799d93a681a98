//! Taking events in.

use std::collections::BTreeSet;

use super::event::{Event, Fact};
use super::inferred::{Before, Concerned, New, Reads, STAYS_AFTER_MAX, STAYS_BEFORE_MAX};
use crate::clock::SECOND_US;
use crate::context::{Context, DAY_S};
use crate::error::Result;
use crate::ids::AppId;
use crate::store::Appended;
use crate::witness::{Witness, see_through};

/// How far ahead of our clock an event may be.
pub const AHEAD_S_MAX: i64 = 600;

/// How long before itself a leave may say that the join was. One that says more has mistaken
/// seconds for milliseconds, or the like.
pub const STAY_TOLD_S_MAX: i64 = 366 * DAY_S;

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
    good.iter_mut().for_each(doubt_told_join);
    let appended = match good.is_empty() {
        true => vec![],
        false => append(ctx, good).await?,
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

/// Appends events, and tells those who want to know which of them are new, and what follows.
async fn append(ctx: &Context, events: Vec<Event>) -> Result<Vec<Appended>> {
    if !events.iter().any(|event| ctx.witness.wants_events(event.app)) {
        return ctx.store.append_events(events).await;
    }
    let (store, witness) = (ctx.store.clone(), ctx.witness.clone());
    let now_unix_s = ctx.clock.now_unix_s();
    // Not within the errand: whoever hangs up while they wait for it leaves nothing behind.
    let place = ctx.witness.admit().await;
    let appended = see_through(&ctx.witness, async move {
        let _place = place;
        let wanted = events.iter().filter(|event| witness.wants_events(event.app));
        let mut reads = Reads::new(&*store, now_unix_s, STAYS_BEFORE_MAX);
        let before = Concerned::of(wanted).look(&mut reads).await;
        let mut told = events.clone();
        let appended = store.append_events(events).await?;
        let mut outcomes = appended.iter();
        told.retain(|event| {
            let is_new = outcomes.next().is_some_and(|it| *it == Appended::Stored);
            is_new && witness.wants_events(event.app)
        });
        let mut reads = Reads::new(&*store, now_unix_s, STAYS_AFTER_MAX);
        tell(&mut reads, &*witness, &before, &told).await;
        Ok(appended)
    });
    appended.await
}

/// Tells what is new, and what follows from it.
async fn tell(reads: &mut Reads<'_>, witness: &dyn Witness, before: &Before, told: &[Event]) {
    let apps: BTreeSet<AppId> = told.iter().map(|event| event.app).collect();
    let mut with_gaps = BTreeSet::new();
    for app in &apps {
        let follows = before.compare(reads, New { app: *app, events: told }).await;
        witness.inferred(*app, &follows.changes, false);
        if follows.misses_some {
            with_gaps.insert(*app);
        }
    }
    witness.stored_events(told);
    for app in &apps {
        let follows = before.compare_again(reads, New { app: *app, events: told }).await;
        witness.inferred(*app, &follows.changes, follows.misses_some || with_gaps.contains(app));
    }
}

/// Forgets what a leave tells of its join if that cannot be.
fn doubt_told_join(event: &mut Event) {
    if let Fact::Left { joined_unix_us, .. } = &mut event.fact {
        let earliest = event.time_unix_us.saturating_sub(STAY_TOLD_S_MAX * SECOND_US);
        joined_unix_us.take_if(|joined| *joined < earliest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AppId, Door, EventId, ParticipantId, RoomId, SourceName};
    use crate::log::{ClientFacts, Presence};

    #[test]
    fn a_leave_is_not_believed_that_somebody_was_there_for_years() {
        const LEFT_UNIX_US: i64 = 1_795_225_600 * SECOND_US;
        let told = |joined_unix_us: i64| {
            let who = Presence {
                room: RoomId::parse("r").unwrap(),
                call: None,
                participant: ParticipantId::parse("u").unwrap(),
                connection: None,
            };
            let client = ClientFacts::default();
            let mut event = Event {
                app: AppId(1),
                door: Door::parse("zegocloud").unwrap(),
                source: SourceName::parse("s").unwrap(),
                id: EventId::parse("e").unwrap(),
                time_unix_us: LEFT_UNIX_US,
                fact: Fact::Left { who, joined_unix_us: Some(joined_unix_us), client },
            };
            doubt_told_join(&mut event);
            let Fact::Left { joined_unix_us, .. } = event.fact else { panic!("a leave") };
            joined_unix_us
        };
        let longest = LEFT_UNIX_US - STAY_TOLD_S_MAX * SECOND_US;
        assert_eq!(told(longest), Some(longest));
        assert_eq!(told(longest - 1), None);
        // Seconds, taken for milliseconds.
        assert_eq!(told(1_795_225_000 * 1_000), None);
        assert_eq!(told(LEFT_UNIX_US + 1), Some(LEFT_UNIX_US + 1));
    }
}
