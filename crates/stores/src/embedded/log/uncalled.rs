//! Intervals whose source knows no calls, as rows that minting reads, and what changed among them.

use std::collections::BTreeSet;

use domain::ids::{CallId, ParticipantId};
use domain::log::mint::Uncalled;
use domain::log::{ClientFacts, End, Interval};
use serde::{Deserialize, Serialize};

use super::place::Seat;
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, Part};
use crate::embedded::transaction::{Read, Write};

/// An interval that needed a call, and the call that it was given, once it was.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::embedded) struct MintedInterval {
    pub(super) uncalled: Uncalled,
    pub(super) call: Option<CallId>,
}

/// When an interval began, and its place among those of the same participant and instant.
pub(super) type Place = (i64, u16);

/// What changed among the intervals of a room.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) changes: Vec<Change>,
    /// The keys of those that have no call yet.
    pub(super) came: Vec<Key>,
}

/// An interval that came, went or changed.
pub(super) struct Change {
    pub(super) joined_unix_us: i64,
    /// If all that changed is that it had no end, and now has this one.
    pub(super) ended_unix_us: Option<i64>,
}

/// The intervals of one participant that need calls, each with its place.
pub(super) fn placed(intervals: &[Interval]) -> Vec<(Place, &Interval)> {
    let mut uncalled: Vec<&Interval> =
        intervals.iter().filter(|interval| interval.call.is_none()).collect();
    // As a room's joins are read, so that places and mints agree.
    uncalled.sort_by_key(|it| (it.joined_unix_us, &it.connection, &it.source, &it.began_with));
    let mut placed: Vec<(Place, &Interval)> = Vec::with_capacity(uncalled.len());
    for interval in uncalled {
        let joined = interval.joined_unix_us;
        let place = match placed.last() {
            Some(((before, nth), _)) if *before == joined => nth.saturating_add(1),
            _ => 0,
        };
        placed.push(((joined, place), interval));
    }
    placed
}

pub(super) fn interval_key(seat: Seat<'_>, (joined, nth): Place) -> Key {
    Key::in_room(seat.room, Part::Uncalled).time(joined).text(seat.participant.as_str()).u16(nth)
}

/// Replaces the intervals of one participant that need calls, and notes what changed.
pub(super) fn replace_intervals(
    write: &mut Write<'_>,
    seat: Seat<'_>,
    (old, new): (&[Place], &[(Place, &Interval)]),
    changed: &mut Changed,
) -> Result<()> {
    let kept: BTreeSet<Place> = new.iter().map(|(place, _)| *place).collect();
    for place in old.iter().filter(|place| !kept.contains(place)) {
        write.tables.uncalled.delete(&mut write.txn, &interval_key(seat, *place))?;
        changed.changes.push(Change { joined_unix_us: place.0, ended_unix_us: None });
    }
    for (place, interval) in new {
        let key = interval_key(seat, *place);
        let known = write.tables.uncalled.find(&write.txn, &key)?;
        let uncalled = bare(seat.participant, interval);
        if known.as_ref().is_some_and(|known| known.uncalled == uncalled) {
            continue;
        }
        let ended_unix_us = known.as_ref().and_then(|known| ended(&known.uncalled, &uncalled));
        changed.changes.push(Change { joined_unix_us: place.0, ended_unix_us });
        let call = known.and_then(|known| known.call);
        if call.is_none() {
            changed.came.push(key.clone());
        }
        let minted = MintedInterval { uncalled, call };
        write.tables.uncalled.put(&mut write.txn, &key, &minted)?;
    }
    Ok(())
}

/// When an interval ended, if it had not, and nothing else changed.
fn ended(old: &Uncalled, new: &Uncalled) -> Option<i64> {
    let as_it_was = Interval { end: old.interval.end, ..new.interval.clone() };
    let end = new.interval.end.unix_us()?;
    (old.interval.end == End::Open && as_it_was == old.interval).then_some(end)
}

/// What minting asks of an interval.
fn bare(participant: &ParticipantId, interval: &Interval) -> Uncalled {
    let client = ClientFacts::default();
    let seen_unix_us = interval.joined_unix_us;
    let interval = Interval { client, published: false, seen_unix_us, ..interval.clone() };
    Uncalled { participant: participant.clone(), interval }
}

/// The call that an interval was given.
pub(super) fn call_of(read: Read<'_>, seat: Seat<'_>, place: Place) -> Result<CallId> {
    let minted = read.tables.uncalled.get(read.txn, &interval_key(seat, place))?;
    minted.call.ok_or_else(|| read.tables.minted.damaged())
}
