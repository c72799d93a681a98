//! What is older than the retention goes away, with everything derived from it.
//!
//! A room is cut at an instant ([`find_cut`]), and what happened in it before goes. An instant is
//! fit for that if nobody is in the room across it, no call that a source named has events on both
//! sides, and what is shown of the time behind it is the same without what was before. So what is
//! left of a room shows what it showed, and a call goes as a whole.
//!
//! What holds a room back: somebody who is still there, calls that overlap without end, and
//! somebody whose facts from before and behind the cut can be of one connection. Nothing here
//! measures how long that has been so.

use std::collections::BTreeMap;

use super::closing::Closers;
use super::event::{Event, Fact};
use super::intervals::{Interval, fold_participant};
use super::room::AllClosers;
use crate::clock::{SECOND_US, whole_second};
use crate::context::{Context, DAY_S};
use crate::error::Result;
use crate::ids::{CallId, ParticipantId};
use crate::store::Retired;

/// How many events one step removes.
pub const EVENTS_PER_STEP_MAX: usize = 256;

/// How many instants of a room are tried at most before it is held back.
const CUTS_TRIED_MAX: usize = 64;

/// Removes a little of what is older than the retention. To be called again at once while there is
/// more, and else after a while.
pub async fn retire(ctx: &Context) -> Result<Retired> {
    ctx.store.retire(ctx.retention_start_unix_us(), EVENTS_PER_STEP_MAX).await
}

/// The latest instant, `before_unix_us` or earlier, before which everything in a room may go;
/// `None` if nothing may. `events` are what [`super::fold_room`] takes.
pub fn find_cut(mut events: Vec<Event>, before_unix_us: i64) -> Option<i64> {
    events.sort_by_key(|event| event.time_unix_us);
    let first = events.iter().find(|event| event.room().is_some())?.time_unix_us;
    if first >= before_unix_us {
        return None;
    }
    let participants = by_participant(&events);
    let closers = AllClosers::of(&events);
    let intervals = participants
        .iter()
        .map(|(who, theirs)| (*who, fold_participant(theirs.iter().copied(), who, &closers)))
        .collect();
    let busy = busy(&events, &intervals);
    let mut cut = second_of(before_unix_us);
    for _ in 0..CUTS_TRIED_MAX {
        cut = last_free(&busy, cut);
        if cut <= first {
            return None;
        }
        let behind = events.partition_point(|event| event.time_unix_us < cut);
        let closers = AllClosers::of(&events[behind..]);
        match last_that_matters(&participants, &intervals, &closers, cut) {
            None => return Some(cut),
            Some(matters) => cut = second_of(matters),
        }
    }
    None
}

/// Whether the restart or stop of a server may go, given the oldest event about any room that is
/// left of its app and door: whether nobody is left who can have been there when it happened. A
/// leave may tell of a join that was up to a day before it.
pub fn is_spent(restart: &Event, oldest_left_unix_us: Option<i64>, before_unix_us: i64) -> bool {
    let a_day_later = restart.time_unix_us.saturating_add(DAY_S * SECOND_US);
    matches!(restart.fact, Fact::ServerRestarted | Fact::ServerStopped)
        && a_day_later <= before_unix_us
        && oldest_left_unix_us.is_none_or(|oldest| a_day_later <= oldest)
}

type ByParticipant<'e, T> = BTreeMap<&'e ParticipantId, Vec<T>>;

fn by_participant(events: &[Event]) -> ByParticipant<'_, &Event> {
    let mut by_participant = ByParticipant::new();
    for event in events {
        if let Some(who) = event.presence() {
            by_participant.entry(&who.participant).or_default().push(event);
        }
    }
    by_participant
}

/// The stretches of time in which a room cannot be cut, in their order and apart: behind the first
/// instant, up to the second, which is included.
fn busy(events: &[Event], intervals: &ByParticipant<'_, Interval>) -> Vec<(i64, i64)> {
    let mut calls: BTreeMap<&CallId, (i64, i64)> = BTreeMap::new();
    let mut stretches = vec![];
    for event in events {
        let at = event.time_unix_us;
        if let Some(call) = event.call() {
            let (first, last) = calls.entry(call).or_insert((at, at));
            (*first, *last) = (at.min(*first), at.max(*last));
        }
        if let Fact::Left { joined_unix_us: Some(joined), .. } = &event.fact {
            stretches.push((*joined, at));
        }
    }
    stretches.extend(calls.into_values());
    let there = intervals.values().flatten();
    stretches.extend(there.map(|it| (it.joined_unix_us, it.end.unix_us().unwrap_or(i64::MAX))));
    stretches.retain(|(first, last)| first < last);
    stretches.sort_unstable();
    let mut apart: Vec<(i64, i64)> = vec![];
    for (first, last) in stretches {
        match apart.last_mut() {
            Some((_, before)) if first <= *before => *before = last.max(*before),
            _ => apart.push((first, last)),
        }
    }
    apart
}

/// The last whole second, `cut` or earlier, that is outside of all stretches.
fn last_free(busy: &[(i64, i64)], mut cut: i64) -> i64 {
    for &(first, last) in busy.iter().rev() {
        if first < cut && cut <= last {
            cut = second_of(first);
        }
    }
    cut
}

/// The last fact before `cut` of somebody whose intervals behind it depend on what was before.
fn last_that_matters(
    participants: &ByParticipant<'_, &Event>,
    intervals: &ByParticipant<'_, Interval>,
    closers: &impl Closers,
    cut: i64,
) -> Option<i64> {
    let matters = participants.iter().filter_map(|(who, theirs)| {
        let (before, behind) =
            theirs.split_at(theirs.partition_point(|event| event.time_unix_us < cut));
        let last = before.last().filter(|_| !behind.is_empty())?;
        let alone = fold_participant(behind.iter().copied(), who, closers);
        let shown = intervals[who].iter().filter(|interval| interval.joined_unix_us >= cut);
        (!shown.eq(&alone)).then_some(last.time_unix_us)
    });
    matters.min()
}

/// The beginning of the second that an instant lies in. All that has happened before it counts
/// before it.
fn second_of(unix_us: i64) -> i64 {
    whole_second(unix_us).saturating_mul(SECOND_US)
}
