//! All events of one room, folded: the definition of what the log shows.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::closing::{Closer, Closers, Closing, Proof, first_of, is_heard_before};
use super::event::{Event, Fact};
use super::intervals::{Interval, fold_participant};
use super::mint::{Uncalled, mint};
use super::stay::{RoomKey, Stay, stays_of};
use crate::ids::{CallId, ParticipantId};

/// Folds all events of one room, each once and in any order, into its stays. `events` are those
/// whose room is `at.room`, and the restarts of servers of the same app and door.
pub fn fold_room(at: &RoomKey, events: &[Event]) -> Vec<Stay> {
    let closers = AllClosers::of(events);
    let mut by_participant: BTreeMap<&ParticipantId, Vec<&Event>> = BTreeMap::new();
    for event in events {
        if let Some(who) = event.presence() {
            by_participant.entry(&who.participant).or_default().push(event);
        }
    }
    let mut called: BTreeMap<&ParticipantId, Vec<(CallId, Interval)>> = BTreeMap::new();
    let mut uncalled = vec![];
    for (participant, theirs) in by_participant {
        for interval in fold_participant(theirs, participant, &closers) {
            match interval.call.clone() {
                Some(call) => called.entry(participant).or_default().push((call, interval)),
                None => uncalled.push(Uncalled { participant: participant.clone(), interval }),
            }
        }
    }
    let minted = mint(at.app, &at.room, uncalled);
    for call in &minted {
        for Uncalled { participant, interval } in &call.intervals {
            let theirs = called.entry(participant).or_default();
            theirs.push((call.call.clone(), interval.clone()));
        }
    }
    let mut stays = vec![];
    for (participant, intervals) in &called {
        let intervals = intervals.iter().map(|(call, interval)| (call, interval));
        stays.extend(stays_of(at, participant, intervals));
    }
    stays.sort_by(|one, other| one.order().cmp(&other.order()));
    stays
}

/// The first join of each call that a source named.
pub fn first_joins<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeMap<CallId, i64> {
    let mut first: BTreeMap<CallId, i64> = BTreeMap::new();
    for event in events {
        let Some((call, joined)) = told_join(event) else { continue };
        let known = first.entry(call.clone()).or_insert(joined);
        *known = joined.min(*known);
    }
    first
}

/// The call that an event says somebody joined, and when: a join's, or one that a leave tells of.
pub fn told_join(event: &Event) -> Option<(&CallId, i64)> {
    let call = event.call()?;
    match &event.fact {
        Fact::Joined { .. } => Some((call, event.time_unix_us)),
        Fact::Left { joined_unix_us: Some(joined), .. } => {
            Some((call, (*joined).min(event.effective_unix_us())))
        }
        _ => None,
    }
}

/// Whatever closes intervals of a room: what its events say, and each call that takes the place of
/// those before it.
pub(super) fn closers_of<'e>(
    events: impl IntoIterator<Item = &'e Event>,
    first_joins: &BTreeMap<CallId, i64>,
) -> Vec<Closer> {
    let own = events.into_iter().filter_map(Closer::from_event);
    let superseding = first_joins.iter().map(|(call, first_joined_unix_us)| {
        Closer::superseding(call.clone(), *first_joined_unix_us)
    });
    own.chain(superseding).collect()
}

/// Closers found by looking at every event of the room.
pub(super) struct AllClosers<'a> {
    events: &'a [Event],
    closers: Cow<'a, [Closer]>,
}

impl<'a> AllClosers<'a> {
    pub(super) fn of(events: &'a [Event]) -> Self {
        let closers = closers_of(events, &first_joins(events));
        Self { events, closers: Cow::Owned(closers) }
    }

    /// Those that were found before, among events of which none has told another one since.
    pub(super) fn known(closers: &'a [Closer], events: &'a [Event]) -> Self {
        Self { events, closers: Cow::Borrowed(closers) }
    }
}

impl Closers for AllClosers<'_> {
    fn first_for(
        &self,
        interval: &Interval,
        participant: &ParticipantId,
        proof: Proof,
    ) -> Option<Closing> {
        let last_heard = |closer: &Closer| {
            let call = interval.call.as_ref();
            let heard = self.events.iter().filter(|event| is_heard_before(event, call, closer));
            heard.map(|event| event.time_unix_us).max()
        };
        let closers = self.closers.iter().filter(|closer| proof.admits(closer));
        first_of(closers, interval, participant, last_heard)
    }
}
