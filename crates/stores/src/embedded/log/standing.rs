//! What is kept of a participant in a room, besides their events: their stays, and what would
//! change them.
//!
//! Most intervals end with a reported leave, and nothing that others do can change them. The rest
//! depend on closers: whoever is still there, and whoever left without a word. While a participant
//! is folded, it is noted which closers were looked for ([`Watch`]); a closer that comes or goes
//! later matters to them only if it counts within that time. So a room's end, a snapshot or a
//! restart touches those whom it can touch, however many have been in the room before.

use domain::ids::ParticipantId;
use domain::log::stay::RoomKey;
use serde::{Deserialize, Serialize};

use super::place::{Room, Seat};
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts, Part, time_bytes, time_from};
use crate::embedded::transaction::{Read, Write};

/// What is kept of a participant in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::embedded) struct Standing {
    /// Their stays, by number.
    pub(super) stays: Vec<u64>,
    /// Their intervals that needed a call: when each began, and its place among theirs of that
    /// instant.
    pub(super) uncalled: Vec<(i64, u16)>,
    /// What they depend on.
    pub(super) watch: Watch,
}

/// What somebody's intervals depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watch {
    /// On the closers that count from the one instant to the other, both included.
    pub(super) closers: Option<(i64, i64)>,
    /// On everything that is heard in the room before this instant.
    pub(super) heard_before_unix_us: Option<i64>,
}

impl Watch {
    /// Leaves out what is before an instant.
    pub(super) fn begin(&mut self, unix_us: i64) {
        let closers = self.closers.filter(|(_, until)| *until >= unix_us);
        self.closers = closers.map(|(from, until)| (from.max(unix_us), until));
        self.heard_before_unix_us = self.heard_before_unix_us.filter(|before| *before >= unix_us);
    }
}

const CLOSERS: u8 = 0;
const HEARD: u8 = 1;

fn standing_key(seat: Seat<'_>) -> Key {
    Key::in_room(seat.room, Part::Standings).bytes(seat.participant.as_str().as_bytes())
}

/// What a row of `standings` is about: everything behind the room and the part.
pub(super) fn participant_in(key: &[u8]) -> Option<ParticipantId> {
    let rest = key.get(size_of::<u64>() + size_of::<u8>()..)?;
    ParticipantId::parse(std::str::from_utf8(rest).ok()?).ok()
}

/// The row of `watched_rooms` that lists a room under the end of a watch.
pub(super) fn row_of_room(room: Room<'_>, until_unix_us: i64) -> Key {
    room_key(room.at).time(until_unix_us).u64(room.number)
}

pub(super) fn find(read: Read<'_>, seat: Seat<'_>) -> Result<Standing> {
    Ok(read.tables.standings.find(read.txn, &standing_key(seat))?.unwrap_or_default())
}

/// What is kept of everybody who was in a room.
pub(super) fn all_in<'t>(
    read: Read<'t>,
    room: u64,
) -> Result<impl Iterator<Item = Result<Standing>> + use<'t>> {
    let rows = read.tables.standings.range(read.txn, &Key::in_room(room, Part::Standings), &[])?;
    Ok(rows.map(|row| Ok(row?.1)))
}

/// Replaces what is kept of a participant. Whether the room is to be listed in `watched_rooms` is
/// another question: see [`list_room`].
pub(super) fn replace(
    write: &mut Write<'_>,
    seat: Seat<'_>,
    old: &Standing,
    new: &Standing,
) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let Write { tables, txn, .. } = write;
    let key = standing_key(seat);
    match *new == Standing::default() {
        true => tables.standings.delete(txn, &key)?,
        false => tables.standings.put(txn, &key, new)?,
    }
    if old.watch == new.watch {
        return Ok(());
    }
    for (key, _) in rows_of(seat, old.watch) {
        tables.watched.delete(txn, &key)?;
    }
    for (key, from_unix_us) in rows_of(seat, new.watch) {
        tables.watched.put(txn, &key, &time_bytes(from_unix_us))?;
    }
    Ok(())
}

pub(super) fn rows_of(seat: Seat<'_>, watch: Watch) -> impl Iterator<Item = (Key, i64)> {
    let key = move |kind, until: i64| {
        watched_of(seat.room, kind).time(until).text(seat.participant.as_str())
    };
    let closers = watch.closers.map(|(from, until)| (key(CLOSERS, until), from));
    let heard = watch.heard_before_unix_us.map(|before| (key(HEARD, before), before));
    closers.into_iter().chain(heard)
}

/// Somebody whose intervals depend on closers.
pub(super) struct Watcher {
    pub(super) participant: ParticipantId,
    pub(super) from_unix_us: i64,
    pub(super) until_unix_us: i64,
}

/// Those of a room who depend on closers that count at `since_unix_us` or later.
pub(super) fn watching_closers<'t>(
    read: Read<'t>,
    room: u64,
    since_unix_us: i64,
) -> Result<impl Iterator<Item = Result<Watcher>> + use<'t>> {
    watching(read, room, (CLOSERS, since_unix_us))
}

/// Those of a room who depend on what is heard at `at_unix_us`.
pub(super) fn watching_what_is_heard<'t>(
    read: Read<'t>,
    room: u64,
    at_unix_us: i64,
) -> Result<impl Iterator<Item = Result<Watcher>> + use<'t>> {
    watching(read, room, (HEARD, at_unix_us.saturating_add(1)))
}

fn watching<'t>(
    read: Read<'t>,
    room: u64,
    (kind, since_unix_us): (u8, i64),
) -> Result<impl Iterator<Item = Result<Watcher>> + use<'t>> {
    let prefix = watched_of(room, kind);
    let index = &read.tables.watched;
    let rows = index.range(read.txn, &prefix, &time_bytes(since_unix_us))?;
    let prefix_len = prefix.len();
    let parse = move |(key, value): (&[u8], &[u8])| {
        let mut parts = KeyParts(&key[prefix_len..]);
        let until_unix_us = parts.time()?;
        let participant = ParticipantId::parse(parts.text()?).ok()?;
        let from_unix_us = time_from(value.try_into().ok()?);
        Some(Watcher { participant, from_unix_us, until_unix_us })
    };
    Ok(rows.map(move |row| parse(row?).ok_or_else(|| index.damaged())))
}

/// The beginning of the keys in `watched` of one kind.
fn watched_of(room: u64, kind: u8) -> Key {
    Key::in_room(room, Part::Watched).u8(kind)
}

fn room_key(at: &RoomKey) -> Key {
    Key::new().u32(at.app.0).text(at.door.as_str())
}

/// Lists a room in `watched_rooms` under the ends of its watches, given those that may have come or
/// gone.
pub(super) fn list_room(write: &mut Write<'_>, room: Room<'_>, until_unix_us: i64) -> Result<()> {
    let Write { tables, txn, .. } = write;
    let prefix = watched_of(room.number, CLOSERS).time(until_unix_us);
    let watched = tables.watched.range(txn, &prefix, &[])?.next().transpose()?.is_some();
    let key = row_of_room(room, until_unix_us);
    let listed = tables.watched_rooms.find(txn, &key)?.is_some();
    match (watched, listed) {
        (true, false) => tables.watched_rooms.put(txn, &key, room.at),
        (false, true) => tables.watched_rooms.delete(txn, &key),
        _ => Ok(()),
    }
}

/// The rooms of an app and door where somebody depends on closers that count at `since_unix_us` or
/// later; a room may come more than once.
pub(super) fn watching_rooms(
    read: Read<'_>,
    server: (domain::AppId, &domain::ids::Door),
    since_unix_us: i64,
) -> Result<Vec<(u64, RoomKey)>> {
    let prefix = Key::new().u32(server.0.0).text(server.1.as_str());
    let rows = read.tables.watched_rooms.range(read.txn, &prefix, &time_bytes(since_unix_us))?;
    let parse = |row: Result<(&[u8], RoomKey)>| {
        let (key, at) = row?;
        let number = key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        Ok((number.ok_or_else(|| read.tables.watched.damaged())?, at))
    };
    rows.map(parse).collect()
}
