//! An event is written down once.

use std::borrow::Cow;

use domain::log::event::{EventHash, Rank};
use domain::log::stay::RoomKey;
use domain::log::{Closer, Event, Fact};
use domain::store::Appended;
use serde::{Deserialize, Serialize};

use super::place::Seat;
use super::touched::{Came, Step, Touched, TouchedRoom};
use crate::embedded::fault::{Damage, Fault, Result};
use crate::embedded::key::{Key, KeyParts, Part, time_bytes};
use crate::embedded::tables::{Index, Row, Sealed, Tables};
use crate::embedded::transaction::{Read, Write};

/// An event, and the hash by which it is compared with others of its identity.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::embedded) struct KnownEvent {
    pub(super) content: EventHash,
    pub(super) event: Event,
}

/// An event on its way into the log, with all that can be made of it before the writer has it:
/// hashes and records are no work for the one thread for which everybody waits.
pub(in crate::embedded) struct Arrival {
    known: KnownEvent,
    place: EventPlace,
    row: Sealed<KnownEvent>,
}

impl KnownEvent {
    /// Whether it is the event that this key tells. Its hash need not be that of what it says now:
    /// what is left of somebody who was erased keeps the one that it came with.
    pub(super) fn is_at(&self, key: &[u8]) -> bool {
        *EventPlace::of_event(&self.event).key(Key::new()) == *key
    }
}

impl Arrival {
    pub(in crate::embedded) fn of(event: Event, tables: &Tables) -> Result<Self> {
        let place = EventPlace::of_event(&event);
        let known = KnownEvent { content: event.content_hash(), event };
        let row = tables.events.seal(place.key(Key::new()), &known)?;
        Ok(Self { known, place, row })
    }

    pub(in crate::embedded) fn event(&self) -> &Event {
        &self.known.event
    }

    /// How many bytes the record has that will be written.
    pub(in crate::embedded) fn row_len(&self) -> usize {
        self.row.len()
    }
}

/// Adds events, tells of each what became of it, and notes what they touch.
pub(in crate::embedded) fn append<'e>(
    write: &mut Write<'_>,
    touched: &mut Touched<'e>,
    arrivals: &'e [Arrival],
) -> Result<Vec<Appended>> {
    arrivals.iter().map(|arrival| append_one(write, touched, arrival)).collect()
}

fn append_one<'e>(
    write: &mut Write<'_>,
    touched: &mut Touched<'e>,
    Arrival { known: new, place, row }: &'e Arrival,
) -> Result<Appended> {
    let appended = match write.tables.events.put_new(&mut write.txn, row)? {
        None => Appended::Stored,
        Some(known) if known.content == new.content => return Ok(Appended::Duplicate),
        Some(known) if known.content < new.content => return Ok(Appended::Conflict),
        Some(known) => {
            write.tables.events.put_sealed(&mut write.txn, row)?;
            if let Some(room) = place.note(write, touched, &known.event, Step::Went)? {
                room.forget(&known.event, place);
            }
            Appended::Conflict
        }
    };
    if let Some(room) = place.note(write, touched, &new.event, Step::Came)? {
        room.remember(&new.event, *place);
    }
    Ok(appended)
}

/// How long the end of a key is that tells an event's place.
pub(super) const PLACE_LEN: usize = size_of::<i64>() + size_of::<EventHash>();

/// Where an event stands: its key in `events`, and the end of its key in every index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::embedded) struct EventPlace {
    pub(super) time_unix_us: i64,
    identity: EventHash,
}

impl EventPlace {
    /// That of an event.
    pub(super) fn of_event(event: &Event) -> Self {
        Self { time_unix_us: event.time_unix_us, identity: event.identity() }
    }

    pub(super) fn key(&self, prefix: Key) -> Key {
        prefix.time(self.time_unix_us).bytes(&self.identity)
    }

    /// That to which a row of an index of events points, or of `events` itself.
    pub(super) fn of(index: &'static str, key: &[u8]) -> Result<Self> {
        let mut parts = KeyParts(key.split_last_chunk::<PLACE_LEN>().map_or(&[], |it| it.1));
        let damaged = Fault::damaged(index, Damage::Encoding);
        let (time_unix_us, identity) = parts.time().zip(parts.array()).ok_or(damaged)?;
        Ok(Self { time_unix_us, identity })
    }

    pub(super) fn find(&self, read: Read<'_>) -> Result<Option<Event>> {
        Ok(self.known(read)?.map(|known| known.event))
    }

    /// The event, if it is there, with the hash by which it is compared.
    pub(super) fn known(&self, read: Read<'_>) -> Result<Option<KnownEvent>> {
        read.tables.events.find(read.txn, &self.key(Key::new()))
    }

    /// The event, which must be there.
    fn get(&self, read: Read<'_>) -> Result<Event> {
        Ok(read.tables.events.get(read.txn, &self.key(Key::new()))?.event)
    }

    /// Removes an event, and notes what it touched.
    pub(super) fn remove(
        &self,
        write: &mut Write<'_>,
        touched: &mut Touched<'_>,
        event: &Event,
    ) -> Result<()> {
        self.note(write, touched, event, Step::Went)?;
        write.tables.events.delete(&mut write.txn, &self.key(Key::new()))
    }

    /// Puts what is left of an event in its place, and notes what both touch.
    pub(super) fn replace(
        &self,
        write: &mut Write<'_>,
        touched: &mut Touched<'_>,
        (event, left): (&Event, &KnownEvent),
    ) -> Result<()> {
        self.note(write, touched, event, Step::Went)?;
        write.tables.events.put(&mut write.txn, &self.key(Key::new()), left)?;
        self.note(write, touched, &left.event, Step::Came)?;
        Ok(())
    }

    /// The rows by which an event is found in its room.
    pub(super) fn rows_in_room<'t>(
        &self,
        tables: &'t Tables,
        event: &Event,
        number: u64,
    ) -> [Option<(&'t Index, Key)>; 3] {
        let of_room = self.key(Key::in_room(number, Part::RoomEvents));
        let of_participant = event.presence().map(|who| {
            let seat = Seat { room: number, participant: &who.participant };
            (&tables.facts, self.key(facts_of(seat)))
        });
        let closing = Closer::from_event(event).map(|closer| {
            let order = Key::in_room(number, Part::Closers).time(closer.effective_unix_us);
            (&tables.closers, self.key(order.u8(rank_byte(closer.rank))))
        });
        [Some((&tables.room_events, of_room)), of_participant, closing]
    }

    /// The row by which the restart of a server is found.
    pub(super) fn row_of_restart(&self, event: &Event) -> (Key, &'static [u8]) {
        let server = restarts_of(event.app, event.door.as_str(), event.source.as_str());
        (self.key(server), restart_kind(event))
    }

    /// Keeps the indexes of events, and notes what the event touches: a room, mostly, which is
    /// told.
    fn note<'t, 'e>(
        &self,
        write: &mut Write<'_>,
        touched: &'t mut Touched<'e>,
        event: &Event,
        step: Step,
    ) -> Result<Option<&'t mut TouchedRoom<'e>>> {
        write.tally.note_event(event, step);
        let Some(room) = event.room() else {
            let (key, kind) = self.row_of_restart(event);
            match step {
                Step::Came => write.tables.restarts.put(&mut write.txn, &key, kind)?,
                Step::Went => write.tables.restarts.delete(&mut write.txn, &key)?,
            }
            let server = (event.app, event.door.clone(), event.source.clone());
            let restarts = touched.restarts.entry(server).or_default();
            restarts.insert(event.effective_unix_us());
            return Ok(None);
        };
        let at = RoomKey { app: event.app, door: event.door.clone(), room: room.clone() };
        let number = touched.number(&at, || room_number(write, &at))?;
        for (index, key) in self.rows_in_room(write.tables, event, number).into_iter().flatten() {
            set(index, write, &key, step)?;
        }
        let room = touched.rooms.entry(number).or_insert_with(|| TouchedRoom::new(at));
        room.note(event, step);
        Ok(Some(room))
    }
}

fn set(index: &Index, write: &mut Write<'_>, key: &Key, step: Step) -> Result<()> {
    match step {
        Step::Came => index.put(&mut write.txn, key, &[]),
        Step::Went => index.delete(&mut write.txn, key),
    }
}

/// What tells a stop in order from a restart, in `restarts`.
pub(super) const STOPPED: &[u8] = &[1];

fn restart_kind(event: &Event) -> &'static [u8] {
    match event.fact {
        Fact::ServerStopped => STOPPED,
        _ => &[],
    }
}

/// The beginning of the keys in `restarts` of one server.
pub(super) fn restarts_of(app: domain::AppId, door: &str, source: &str) -> Key {
    restarts_at(app, door).text(source)
}

/// The beginning of the keys in `restarts` of an app and door.
pub(super) fn restarts_at(app: domain::AppId, door: &str) -> Key {
    Key::new().u32(app.0).text(door)
}

/// The beginning of the keys in `facts` of one participant in one room.
pub(super) fn facts_of(seat: Seat<'_>) -> Key {
    Key::in_room(seat.room, Part::Facts).text(seat.participant.as_str())
}

fn rank_byte(rank: Rank) -> u8 {
    match rank {
        Rank::End => 0,
        Rank::Leave => 1,
        Rank::Join => 2,
        Rank::Rest => 3,
    }
}

/// The key of a room in `rooms`.
pub(super) fn room_key(at: &RoomKey) -> Key {
    Key::new().u32(at.app.0).text(at.door.as_str()).bytes(at.room.as_str().as_bytes())
}

/// The number of a room; the next one if it has none.
fn room_number(write: &mut Write<'_>, at: &RoomKey) -> Result<u64> {
    let key = room_key(at);
    if let Some(number) = write.tables.rooms.find(&write.txn, &key)? {
        return Ok(number);
    }
    let number = write.next_number("room")?;
    write.tables.rooms.put(&mut write.txn, &key, &number)?;
    Ok(number)
}

/// The event to which a row of an index of events points.
pub(super) fn event_of(read: Read<'_>, index: &Index, key: &[u8]) -> Result<Event> {
    EventPlace::of(index.name, key)?.get(read)
}

/// Every event about one participant in one room that happened then or later. Those that `came` in
/// this group need not be read again.
pub(super) fn facts<'e>(
    read: Read<'_>,
    seat: Seat<'_>,
    since_unix_us: i64,
    came: &Came<'e>,
) -> Result<Vec<Cow<'e, Event>>> {
    let facts = &read.tables.facts;
    let rows = facts.range(read.txn, &facts_of(seat), &time_bytes(since_unix_us))?;
    let find = |row: Result<Row<'_>>| {
        let place = EventPlace::of(facts.name, row?.0)?;
        match came.get(&place) {
            Some(event) => Ok(Cow::Borrowed(*event)),
            None => Ok(Cow::Owned(place.get(read)?)),
        }
    };
    rows.map(find).collect()
}

/// The time at which an event of `room_events` happened.
pub(super) fn time_of_room_event(index: &Index, key: &[u8]) -> Result<i64> {
    EventPlace::of(index.name, key).map(|place| place.time_unix_us)
}
