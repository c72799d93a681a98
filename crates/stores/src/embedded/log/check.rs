//! Whether all rows of the log are those that follow from its events: the indexes of events, what
//! is kept of rooms and of those in them, the stays, and all by which stays are found and counted.
//!
//! The stays of a room are compared with [`domain::log::fold_room`] over its events, which is what
//! they are by definition. Rooms of which a part is just being removed are passed over, and such
//! with more events than are looked at when a room is retired.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::AppId;
use domain::ids::{CallId, Door, RoomId};
use domain::log::room::first_joins;
use domain::log::stay::RoomKey;
use domain::log::{Event, LogFigures, Stay, fold_room};

use super::append::{EventPlace, room_key};
use super::index::{self, CLASSES, Scope};
use super::place::{Room, Seat};
use super::standing;
use super::sums::{self, Sums, SumsOf};
use super::tally::{self, FIGURES};
use super::uncalled::interval_key;
use super::{crowds, old, participants};
use crate::embedded::check::{Expected, Problem};
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts, Part, time_bytes};
use crate::embedded::ranges::successor;
use crate::embedded::tables::Index;
use crate::embedded::transaction::Read;

/// Tells everything that follows from the events, and from the stays.
pub(in crate::embedded) fn check(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    events(read, expected)?;
    let shown = rooms(read, expected)?;
    stays(read, expected, shown)?;
    scopes(read, expected)
}

fn events(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    let tables = read.tables;
    let mut senders: BTreeMap<Key, u64> = BTreeMap::new();
    for row in tables.events.range(read.txn, &[], &[])? {
        let (key, known) = row?;
        if !known.is_at(key) {
            expected.note("events", key, Problem::Misplaced);
            continue;
        }
        let event = &known.event;
        let place = EventPlace::of_event(event);
        if event.presence().is_some() {
            let sender = (event.app, event.door.clone(), event.source.clone());
            *senders.entry(tally::sender_key(&sender)).or_default() += 1;
        }
        let Some(room) = event.room() else {
            let (key, kind) = place.row_of_restart(event);
            expected.row(read, &tables.restarts, &key, kind)?;
            continue;
        };
        let at = RoomKey { app: event.app, door: event.door.clone(), room: room.clone() };
        let key = room_key(&at);
        let Some(number) = tables.rooms.find(read.txn, &key)? else {
            expected.note("rooms", &key, Problem::Missing);
            continue;
        };
        for (index, key) in place.rows_in_room(tables, event, number).into_iter().flatten() {
            expected.row(read, index, &key, &[])?;
        }
    }
    for (key, events) in senders {
        expected.record(read, &tables.senders, &key, Some(&events))?;
    }
    Ok(())
}

/// All rooms, one by one; tells how many stays they show.
fn rooms(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<u64> {
    let (mut numbers, mut shown) = (HashSet::new(), 0);
    let given = read.tables.counters.find(read.txn, b"room")?.unwrap_or(0);
    for row in read.tables.rooms.range(read.txn, &[], &[])? {
        let (key, number) = row?;
        let Some(at) = parse_room(key) else {
            expected.note("rooms", key, Problem::Misplaced);
            continue;
        };
        if number >= given {
            expected.note("rooms", key, Problem::Wrong("has a number that was never given"));
        }
        if !numbers.insert(number) {
            expected.note("rooms", key, Problem::Twice);
        }
        shown += OneRoom { read, number, at: &at, key }.check(expected)?;
    }
    Ok(shown)
}

fn parse_room(key: &[u8]) -> Option<RoomKey> {
    let mut parts = KeyParts(key);
    let app = AppId(u32::from_be_bytes(parts.array()?));
    let door = Door::parse(parts.text()?).ok()?;
    let room = RoomId::parse(std::str::from_utf8(parts.0).ok()?).ok()?;
    Some(RoomKey { app, door, room })
}

/// A room that is looked at.
struct OneRoom<'r> {
    read: Read<'r>,
    number: u64,
    at: &'r RoomKey,
    /// Its key in `rooms`.
    key: &'r [u8],
}

impl OneRoom<'_> {
    fn check(&self, expected: &mut Expected<'_, '_>) -> Result<u64> {
        let mut shown = self.standings(expected)?;
        let stays_len = shown.len() as u64;
        let is_cut =
            self.read.tables.cuts.find(self.read.txn, &Key::new().u64(self.number))?.is_some();
        let events = match is_cut {
            true => None,
            false => match old::events_of(self.read, self.number, self.at) {
                // A row leads to no event: it is named when rows are counted.
                Err(fault) if fault.is_damage() => None,
                events => events?,
            },
        };
        let Some(events) = events else {
            expected.pass_over_room();
            self.take_what_is_there(expected)?;
            return Ok(stays_len);
        };
        self.calls(expected, &events)?;
        shown.sort_by(|one, other| one.order().cmp(&other.order()));
        if fold_room(self.at, &events) != shown {
            expected.note("rooms", self.key, Problem::NotOfItsEvents);
        }
        Ok(stays_len)
    }

    /// Everybody in it, what they depend on, and the stays that they are said to have.
    fn standings(&self, expected: &mut Expected<'_, '_>) -> Result<Vec<Stay>> {
        let Self { read, number, at, .. } = *self;
        let tables = read.tables;
        let (mut shown, mut untils) = (vec![], BTreeSet::new());
        let room = Room { number, at, begins_unix_us: i64::MIN };
        let prefix = Key::in_room(number, Part::Standings);
        for row in tables.standings.range(read.txn, &prefix, &[])? {
            let (key, standing) = row?;
            let Some(participant) = standing::participant_in(key) else {
                expected.note("standings", key, Problem::Misplaced);
                continue;
            };
            let seat = Seat { room: number, participant: &participant };
            for &stay in &standing.stays {
                let stay_key = Key::new().u64(stay);
                match tables.stays.find(read.txn, &stay_key)? {
                    None => expected.note("stays", &stay_key, Problem::Missing),
                    Some(stay) => {
                        let is_theirs = (stay.app, &stay.door, &stay.room, &stay.participant)
                            == (at.app, &at.door, &at.room, &participant);
                        if !is_theirs {
                            expected.note("standings", key, Problem::Different);
                        }
                        shown.push(stay);
                    }
                }
            }
            for &place in &standing.uncalled {
                expected.record(read, &tables.uncalled, &interval_key(seat, place), None)?;
            }
            for (key, from) in standing::rows_of(seat, standing.watch) {
                expected.row(read, &tables.watched, &key, &time_bytes(from))?;
            }
            untils.extend(standing.watch.closers.map(|(_, until)| until));
        }
        for until in untils {
            let key = standing::row_of_room(room, until);
            expected.record(read, &tables.watched_rooms, &key, Some(at))?;
        }
        Ok(shown)
    }

    /// When calls began, those that sources named and those that were minted.
    fn calls(&self, expected: &mut Expected<'_, '_>, events: &[Event]) -> Result<()> {
        let Self { read, number, .. } = *self;
        let tables = read.tables;
        for (call, joined) in first_joins(events) {
            let key = Key::in_room(number, Part::FirstJoins).bytes(call.as_str().as_bytes());
            expected.record(read, &tables.first_joins, &key, Some(&joined))?;
            let by_time = Key::in_room(number, Part::Calls).time(joined).text(call.as_str());
            expected.row(read, &tables.calls, &by_time, &[])?;
        }
        let mut minted: BTreeMap<CallId, i64> = BTreeMap::new();
        let prefix = Key::in_room(number, Part::Uncalled);
        for row in tables.uncalled.range(read.txn, &prefix, &[])? {
            let (key, interval) = row?;
            let joined = interval.uncalled.interval.joined_unix_us;
            match interval.call {
                None => expected.note("uncalled", key, Problem::Wrong("has no call")),
                Some(call) => {
                    let first = minted.entry(call).or_insert(joined);
                    *first = joined.min(*first);
                }
            }
        }
        for (call, joined) in minted {
            let key = Key::in_room(number, Part::Minted).time(joined).text(call.as_str());
            expected.row(read, &tables.minted, &key, &[])?;
        }
        Ok(())
    }

    /// What cannot be compared with anything.
    fn take_what_is_there(&self, expected: &mut Expected<'_, '_>) -> Result<()> {
        let Self { read, number, .. } = *self;
        let tables = read.tables;
        let first_joins = Key::in_room(number, Part::FirstJoins);
        for row in tables.first_joins.range(read.txn, &first_joins, &[])? {
            expected.take("first_joins", row?.0);
        }
        let both: [(&Index, Part); 2] =
            [(&tables.calls, Part::Calls), (&tables.minted, Part::Minted)];
        for (index, part) in both {
            for row in index.range(read.txn, &Key::in_room(number, part), &[])? {
                expected.take(index.name, row?.0);
            }
        }
        Ok(())
    }
}

/// The rows by which stays are found, and the figures; `shown` is how many the rooms have.
fn stays(read: Read<'_>, expected: &mut Expected<'_, '_>, shown: u64) -> Result<()> {
    let tables = read.tables;
    let given = tables.counters.find(read.txn, b"stay")?.unwrap_or(0);
    let mut figures = LogFigures::default();
    let mut apps = BTreeMap::new();
    for row in tables.stays.range(read.txn, &[], &[])? {
        let (key, stay) = row?;
        let Some(number) = KeyParts(key).u64().filter(|number| *number < given) else {
            expected.note("stays", key, Problem::Wrong("has a number that was never given"));
            continue;
        };
        figures += LogFigures::of(&stay);
        let aged = match apps.get(&stay.app) {
            Some(aged) => *aged,
            None => {
                let aged = participants::aged(read, stay.app)?;
                apps.insert(stay.app, aged);
                aged
            }
        };
        let (by_app, value) = index::row(&Scope::App(stay.app), &stay, number);
        expected.row(read, &tables.by_app, &by_app, &value)?;
        if SumsOf::of_room(read, stay.app, &stay.room)?.is_some() {
            let (by_room, value) = index::row(&Scope::Room(stay.app, &stay.room), &stay, number);
            expected.row(read, &tables.by_room, &by_room, &value)?;
        }
        for (key, value) in participants::rows_of(&stay, number, aged) {
            expected.row(read, &tables.by_participant, &key, &value)?;
        }
    }
    for app in apps.into_keys() {
        expected.record(read, &tables.aged, &participants::aged_key(app), None)?;
    }
    expected.figure(("standings", &[]), &shown, &tables.stays.len(read.txn)?);
    if figures != LogFigures::default() {
        expected.record(read, &tables.figures, FIGURES, None)?;
        expected.figure(("figures", FIGURES), &tally::figures(read)?, &figures);
    }
    Ok(())
}

/// The sums and crowds of every app and of every large room.
fn scopes(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    let mut behind: Option<Vec<u8>> = Some(vec![]);
    while let Some(from) = behind.take() {
        let first = read.tables.by_app.range(read.txn, &[], &from)?.next().transpose()?;
        let app = first.and_then(|(key, _)| KeyParts(key).array());
        if let Some(app) = app.map(|bytes| AppId(u32::from_be_bytes(bytes))) {
            scope(read, expected, Scope::App(app))?;
            behind = successor(&Key::new().u32(app.0));
        }
    }
    behind = Some(vec![]);
    while let Some(from) = behind.take() {
        let first = read.tables.by_room.range(read.txn, &[], &from)?.next().transpose()?;
        let room = first.and_then(|(key, _)| {
            let mut parts = KeyParts(key);
            let app = AppId(u32::from_be_bytes(parts.array()?));
            Some((app, RoomId::parse(parts.text()?).ok()?))
        });
        if let Some((app, room)) = room {
            scope(read, expected, Scope::Room(app, &room))?;
            behind = successor(&Key::new().u32(app.0).text(room.as_str()));
        }
    }
    Ok(())
}

fn scope(read: Read<'_>, expected: &mut Expected<'_, '_>, scope: Scope<'_>) -> Result<()> {
    let index = scope.index(read.tables);
    let mut seconds: BTreeMap<i64, Sums> = BTreeMap::new();
    for class in CLASSES {
        let prefix = scope.prefix(class);
        for row in index.range(read.txn, &prefix, &[])? {
            let found = index::parse(prefix.len(), row?).ok_or_else(|| index.damaged())?;
            seconds.entry(found.created_unix_s).or_default().began.add(found.is_server);
            if found.left_unix_s != i64::MAX {
                seconds.entry(found.left_unix_s).or_default().ended.add(found.is_server);
            }
        }
    }
    let (sums, prefix) = (&read.tables.sums, sums::prefix(scope));
    for (key, value) in sums::rows_of(sums, &prefix, &seconds)? {
        expected.row(read, sums, &key, &value)?;
    }
    let began = |(second, sums): (i64, Sums)| (second, sums.began.all());
    for (second, began) in seconds.into_iter().map(began) {
        if began <= crowds::CROWD_MIN {
            continue;
        }
        let (pieces, wrong) = crowds::check(read, scope, (second, began))?;
        pieces.iter().for_each(|key| expected.take("crowds", key));
        if let Some(wrong) = wrong {
            let key = prefix.clone().time(second);
            expected.note("crowds", &key, Problem::Wrong(wrong));
        }
    }
    Ok(())
}
