//! Calls for intervals whose source knows none, kept as [`domain::log::mint`] would cut the whole
//! room.
//!
//! The cut at an instant at which nobody is in the room depends on nothing else. So when intervals
//! change, the room is minted again from the beginning of the call before the first change, and
//! only until, behind the last change, the room is empty at an instant at which it was cut before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{CallId, ParticipantId};
use domain::log::mint::{Minted, Uncalled, mint};
use domain::log::{ClientFacts, Interval};
use serde::{Deserialize, Serialize};

use super::place::{Room, Seat};
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts, time_bytes};
use crate::embedded::transaction::{Read, Write};

/// An interval that needed a call, and the call that it was given, once it was.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::embedded) struct MintedInterval {
    uncalled: Uncalled,
    call: Option<CallId>,
}

/// When an interval began, and its place among those of the same participant and instant.
pub(super) type Place = (i64, u16);

/// The joins of the intervals that came, went or changed: the first and the last.
#[derive(Clone, Copy, Default)]
pub(super) struct Changed(Option<(i64, i64)>);

impl Changed {
    fn note(&mut self, joined_unix_us: i64) {
        let (first, last) = self.0.unwrap_or((i64::MAX, i64::MIN));
        self.0 = Some((first.min(joined_unix_us), last.max(joined_unix_us)));
    }
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

fn interval_key(seat: Seat<'_>, (joined, nth): Place) -> Key {
    Key::new().u64(seat.room).time(joined).text(seat.participant.as_str()).u16(nth)
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
        changed.note(place.0);
    }
    for (place, interval) in new {
        let key = interval_key(seat, *place);
        let known = write.tables.uncalled.find(&write.txn, &key)?;
        let uncalled = bare(seat.participant, interval);
        if known.as_ref().is_some_and(|known| known.uncalled == uncalled) {
            continue;
        }
        changed.note(place.0);
        let call = known.and_then(|known| known.call);
        let minted = MintedInterval { uncalled, call };
        write.tables.uncalled.put(&mut write.txn, &key, &minted)?;
    }
    Ok(())
}

/// What minting asks of an interval.
fn bare(participant: &ParticipantId, interval: &Interval) -> Uncalled {
    let client = ClientFacts::default();
    let interval = Interval { client, published: false, ..interval.clone() };
    Uncalled { participant: participant.clone(), interval }
}

/// The call that an interval was given.
pub(super) fn call_of(read: Read<'_>, seat: Seat<'_>, place: Place) -> Result<CallId> {
    let minted = read.tables.uncalled.get(read.txn, &interval_key(seat, place))?;
    minted.call.ok_or_else(|| read.tables.minted.damaged())
}

/// Mints again what the changes can have changed, and tells whose intervals are in other calls now.
pub(super) fn mint_again(
    write: &mut Write<'_>,
    room: Room<'_>,
    changed: Changed,
) -> Result<BTreeSet<ParticipantId>> {
    let Some(changed) = changed.0 else { return Ok(BTreeSet::new()) };
    let part = part_to_mint(write.read(), room.number, changed)?;
    let calls = mint(room.at.app, &room.at.room, part.intervals);
    replace_calls(write, room.number, (part.first, part.end), &calls)?;
    let mut moved = BTreeSet::new();
    let mut places: BTreeMap<(i64, ParticipantId), u16> = BTreeMap::new();
    for Minted { call, intervals, .. } in calls {
        for uncalled in intervals {
            let (joined, participant) =
                (uncalled.interval.joined_unix_us, uncalled.participant.clone());
            let next = places.entry((joined, participant.clone())).or_insert(0);
            let key = interval_key(room.seat(&participant), (joined, *next));
            *next = next.saturating_add(1);
            if part.calls.get(&*key) != Some(&call) {
                let call = Some(call.clone());
                let minted = MintedInterval { uncalled, call };
                write.tables.uncalled.put(&mut write.txn, &key, &minted)?;
                moved.insert(participant);
            }
        }
    }
    Ok(moved)
}

/// A part of a room's intervals with nobody in the room before and after.
struct Part {
    /// When it begins.
    first: i64,
    /// When the next one does, if there is one.
    end: Option<i64>,
    intervals: Vec<Uncalled>,
    /// The calls that they had, by their keys.
    calls: HashMap<Vec<u8>, CallId>,
}

fn part_to_mint(
    read: Read<'_>,
    room: u64,
    (first_changed, last_changed): (i64, i64),
) -> Result<Part> {
    let prefix = Key::new().u64(room);
    // Whatever joined before the first change is as it was, so the call that was on then began as
    // it did.
    let minted = &read.tables.minted;
    let before = minted.before(read.txn, &prefix, &time_bytes(first_changed))?.next();
    let first = match before.transpose()? {
        Some((key, _)) => KeyParts(&key[prefix.len()..]).time().ok_or_else(|| minted.damaged())?,
        None => first_changed,
    };
    let mut part = Part { first, end: None, intervals: vec![], calls: HashMap::new() };
    let mut empty_unix_us = Some(first);
    for row in read.tables.uncalled.range(read.txn, &prefix, &time_bytes(first))? {
        let (key, MintedInterval { uncalled, call }) = row?;
        let Interval { joined_unix_us: joined, end, .. } = uncalled.interval;
        if joined > last_changed
            && empty_unix_us.is_some_and(|empty| empty <= joined)
            && began_at(read, room, joined)?
        {
            part.end = Some(joined);
            break;
        }
        empty_unix_us = empty_unix_us.zip(end.unix_us()).map(|(empty, end)| empty.max(end));
        part.calls.extend(call.map(|call| (key.to_vec(), call)));
        part.intervals.push(uncalled);
    }
    Ok(part)
}

/// Whether a call began at an instant when the room was minted last.
fn began_at(read: Read<'_>, room: u64, at: i64) -> Result<bool> {
    let prefix = Key::new().u64(room).time(at);
    Ok(read.tables.minted.range(read.txn, &prefix, &[])?.next().transpose()?.is_some())
}

/// Replaces the calls that began in a part of the room.
fn replace_calls(
    write: &mut Write<'_>,
    room: u64,
    (first, end): (i64, Option<i64>),
    calls: &[Minted],
) -> Result<()> {
    let key = |at: i64, call: &CallId| Key::new().u64(room).time(at).text(call.as_str());
    let began = |minted: &Minted| minted.intervals.first().map(|it| it.interval.joined_unix_us);
    let new: BTreeSet<Key> =
        calls.iter().filter_map(|it| Some(key(began(it)?, &it.call))).collect();
    let prefix = Key::new().u64(room);
    let behind = end.map(|end| Key::new().u64(room).time(end));
    let mut old = BTreeSet::new();
    let minted = &write.tables.minted;
    for row in minted.range(&write.txn, &prefix, &time_bytes(first))? {
        let (key, _) = row?;
        if behind.as_ref().is_some_and(|behind| key >= &**behind) {
            break;
        }
        old.insert(Key::new().bytes(key));
    }
    for gone in old.difference(&new) {
        minted.delete(&mut write.txn, gone)?;
    }
    for came in new.difference(&old) {
        minted.put(&mut write.txn, came, &[])?;
    }
    Ok(())
}
