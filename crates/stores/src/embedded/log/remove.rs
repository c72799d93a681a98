//! A part of a room goes.
//!
//! A room is cut at an instant, in one step: from then on nothing reads what happened before
//! ([`beginning`]). The rows of it go in as many steps as it takes, while the room goes on. What
//! happened behind the cut needs nothing of it, as [`domain::log::retire::find_cut`] has seen to,
//! so nobody is folded again.

use std::collections::BTreeSet;

use domain::AppId;
use domain::ids::{CallId, ParticipantId};
use domain::log::stay::RoomKey;
use serde::{Deserialize, Serialize};

use super::append::{EventPlace, room_key};
use super::place::Room;
use super::settle::settle;
use super::standing::{self, Standing, Watch};
use super::stays;
use super::touched::{Touched, TouchedRoom};
use super::uncalled::interval_key;
use crate::embedded::dead;
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts, Part};
use crate::embedded::recent::Recent;
use crate::embedded::tables::Index;
use crate::embedded::transaction::{Read, Write};

/// Where a room is cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::embedded) struct Cut {
    pub(super) at: RoomKey,
    /// What happened before goes.
    pub(super) begins_unix_us: i64,
}

/// What is to be removed.
#[derive(Default)]
pub(in crate::embedded) struct Removal {
    /// Rooms to be cut, by number. Without any, what was cut before goes on going.
    pub(super) cuts: Vec<(u64, Cut)>,
    /// Restarts that are spent.
    pub(super) restarts: Vec<EventPlace>,
    /// Dead letters of an app that are older than an instant.
    pub(super) letters: Option<(AppId, i64)>,
    pub(super) events_max: usize,
}

/// What was removed.
#[derive(Default)]
pub(in crate::embedded) struct Removed {
    pub(in crate::embedded) stays: u64,
    pub(in crate::embedded) events: u64,
    pub(in crate::embedded) dead_letters: u64,
    /// Rooms that were not cut, since they have changed in between.
    pub(in crate::embedded) refused: Vec<u64>,
}

/// What of a room counts: that which happened then or later.
///
/// A leave that tells of a join before that is not to be mixed up with what goes. This is so rare
/// that what is left of it goes at once.
pub(super) fn beginning(
    write: &mut Write<'_>,
    room: u64,
    touched: &TouchedRoom<'_>,
) -> Result<i64> {
    let key = Key::new().u64(room);
    let Some(cut) = write.tables.cuts.find(&write.txn, &key)? else { return Ok(i64::MIN) };
    if touched.told_unix_us >= cut.begins_unix_us {
        return Ok(cut.begins_unix_us);
    }
    let room = Room { number: room, at: &cut.at, begins_unix_us: cut.begins_unix_us };
    clear(write, room, usize::MAX, &mut Removed::default())?;
    Ok(i64::MIN)
}

/// Removes at most `events_max` events, and what was derived from them.
pub(in crate::embedded) fn remove(
    write: &mut Write<'_>,
    request: &Removal,
    recent: &Recent,
) -> Result<Removed> {
    let mut removed = Removed::default();
    for (room, cut) in &request.cuts {
        match recent.has_changed(*room) {
            true => removed.refused.push(*room),
            false => write.tables.cuts.put(&mut write.txn, &Key::new().u64(*room), cut)?,
        }
    }
    let mut touched = Touched::default();
    for place in &request.restarts {
        if let Some(event) = place.find(write.read())? {
            place.remove(write, &mut touched, &event)?;
            removed.events += 1;
        }
    }
    settle(write, touched)?;
    if let Some(letters) = request.letters {
        removed.dead_letters = dead::remove_old(write, letters, request.events_max)?;
    }
    let mut events_left = request.events_max;
    while events_left > 0 {
        let cut = write.tables.cuts.range(&write.txn, &[], &[])?.next().transpose()?;
        let cut = cut.map(|(key, cut)| (KeyParts(key).u64(), cut));
        let Some((Some(number), cut)) = cut else { break };
        let room = Room { number, at: &cut.at, begins_unix_us: cut.begins_unix_us };
        let before = removed.events;
        clear(write, room, events_left, &mut removed)?;
        events_left = events_left.saturating_sub((removed.events - before).max(1) as usize);
    }
    Ok(removed)
}

/// Removes some of the events before the cut of a room, and all that they leave behind.
fn clear(
    write: &mut Write<'_>,
    room: Room<'_>,
    events_max: usize,
    removed: &mut Removed,
) -> Result<()> {
    let index = &write.tables.room_events;
    let keys = first_keys(index, write.read(), (room, Part::RoomEvents), events_max)?;
    let mut touched = Touched::default();
    for key in &keys {
        let place = EventPlace::of(index.name, key)?;
        if let Some(event) = place.find(write.read())? {
            place.remove(write, &mut touched, &event)?;
        }
    }
    removed.events += keys.len() as u64;
    if let Some(touched) = touched.rooms.remove(&room.number) {
        forget_first_joins(write, room, touched.calls.keys())?;
        let mut untils = BTreeSet::new();
        for participant in touched.participants.keys() {
            removed.stays += forget(write, room, participant, &mut untils)?;
        }
        untils.into_iter().try_for_each(|until| standing::list_room(write, room, until))?;
    }
    // There are no more calls that were minted than events.
    let minted = &write.tables.minted;
    for key in first_keys(minted, write.read(), (room, Part::Minted), events_max)? {
        minted.delete(&mut write.txn, &key)?;
    }
    if keys.len() < events_max {
        write.tables.cuts.delete(&mut write.txn, &Key::new().u64(room.number))?;
        let events = Key::in_room(room.number, Part::RoomEvents);
        if index.range(&write.txn, &events, &[])?.next().transpose()?.is_none() {
            write.tables.rooms.delete(&mut write.txn, &room_key(room.at))?;
        }
    }
    Ok(())
}

/// The first keys of a part that is led by time, up to the cut.
fn first_keys(
    index: &Index,
    read: Read<'_>,
    (room, part): (Room<'_>, Part),
    max: usize,
) -> Result<Vec<Vec<u8>>> {
    let first = Key::in_room(room.number, part);
    let end = first.clone().time(room.begins_unix_us);
    let rows = index.between(read.txn, &first, &end)?.take(max);
    rows.map(|row| Ok(row?.0.to_vec())).collect()
}

/// No call has events on both sides of a cut, so those of events before it are over.
fn forget_first_joins<'c>(
    write: &mut Write<'_>,
    room: Room<'_>,
    calls: impl Iterator<Item = &'c CallId>,
) -> Result<()> {
    for call in calls {
        let key = Key::in_room(room.number, Part::FirstJoins).bytes(call.as_str().as_bytes());
        let Write { tables, txn, .. } = write;
        let first = tables.first_joins.find(txn, &key)?;
        if let Some(first) = first.filter(|first| *first < room.begins_unix_us) {
            let by_time = Key::in_room(room.number, Part::Calls).time(first).text(call.as_str());
            tables.calls.delete(txn, &by_time)?;
            tables.first_joins.delete(txn, &key)?;
        }
    }
    Ok(())
}

/// Removes what is kept of a participant from before the cut, and tells how many stays that were.
fn forget(
    write: &mut Write<'_>,
    room: Room<'_>,
    participant: &ParticipantId,
    untils: &mut BTreeSet<i64>,
) -> Result<u64> {
    let seat = room.seat(participant);
    let old = standing::find(write.read(), seat)?;
    let mut new = Standing { stays: vec![], uncalled: vec![], watch: old.watch };
    for &number in &old.stays {
        let stay = stays::get(write.read(), number)?;
        let is_left = stay.spans.iter().any(|span| span.joined_unix_us >= room.begins_unix_us);
        match is_left {
            true => new.stays.push(number),
            false => stays::delete(write, number, &stay)?,
        }
    }
    for &place in &old.uncalled {
        match place.0 >= room.begins_unix_us {
            true => new.uncalled.push(place),
            false => {
                write.tables.uncalled.delete(&mut write.txn, &interval_key(seat, place))?;
            }
        }
    }
    // Whoever shows nothing has no interval, and depends on nothing.
    match new.stays.is_empty() {
        true => new.watch = Watch::default(),
        false => new.watch.begin(room.begins_unix_us),
    }
    standing::replace(write, seat, &old, &new)?;
    if old.watch != new.watch {
        let watches = [old.watch.closers, new.watch.closers];
        untils.extend(watches.into_iter().flatten().map(|(_, until)| until));
    }
    Ok((old.stays.len() - new.stays.len()) as u64)
}
