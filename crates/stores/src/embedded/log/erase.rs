//! Somebody is erased: their events go, and snapshots lose their name.
//!
//! Where they are named is looked for beside the writer, room by room of an app ([`find`]). What is
//! found goes as an event goes that gives way to another of its identity, and whoever that concerns
//! is folded again ([`erase`]).

use domain::AppId;
use domain::ids::ParticipantId;
use domain::log::stay::RoomKey;
use domain::store::walked_weight;

use super::append::{EventPlace, KnownEvent, event_of, facts_of, room_key};
use super::place::Seat;
use super::settle::settle;
use super::standing;
use super::touched::Touched;
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, Part};
use crate::embedded::recent::Recent;
use crate::embedded::transaction::{Read, Write};

/// How many rooms and events a step looks at, the names in snapshots counted too.
const LOOKED_MAX: usize = 4_096;

/// What is to be erased.
pub(in crate::embedded) struct Erase {
    pub(in crate::embedded) who: ParticipantId,
    places: Vec<EventPlace>,
}

impl Erase {
    /// How many events are named.
    pub(in crate::embedded) fn len(&self) -> usize {
        self.places.len()
    }
}

/// What was erased.
#[derive(Default)]
pub(in crate::embedded) struct Gone {
    pub(in crate::embedded) events: u64,
    pub(in crate::embedded) snapshots: u64,
    pub(in crate::embedded) stays: i64,
}

/// Where a search stands: at a room, and at one of its closers.
#[derive(Default)]
struct Standing {
    /// The rest of the room's key in `rooms`, behind the app.
    room: Vec<u8>,
    /// The rest of the closer's key, behind the room and the part.
    closer: Vec<u8>,
}

impl Standing {
    fn parse(place: &[u8]) -> Option<Self> {
        let (len, rest) = place.split_first_chunk()?;
        let (room, closer) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        Some(Self { room: room.to_vec(), closer: closer.to_vec() })
    }

    fn bytes(&self) -> Vec<u8> {
        // Keys have 511 bytes at most.
        let len = u16::try_from(self.room.len()).unwrap_or(u16::MAX);
        [&len.to_be_bytes()[..], &self.room, &self.closer].concat()
    }
}

/// The first key behind another.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// Events of an app that name somebody, `limit` at most, from a place on; and where to go on.
pub(in crate::embedded) fn find(
    read: Read<'_>,
    (app, who): (AppId, &ParticipantId),
    from: Option<&[u8]>,
    limit: usize,
) -> Result<(Erase, Option<Vec<u8>>)> {
    let mut at = from.and_then(Standing::parse).unwrap_or_default();
    let (mut places, mut looked) = (vec![], 0);
    let of_app = Key::new().u32(app.0);
    for row in read.tables.rooms.range(read.txn, &of_app, &at.room)? {
        let (key, number) = row?;
        let room = &key[of_app.len()..];
        if room != at.room {
            at = Standing { room: room.to_vec(), closer: vec![] };
        }
        let seat = Seat { room: number, participant: who };
        let facts = &read.tables.facts;
        for row in facts.range(read.txn, &facts_of(seat), &[])?.take(limit - places.len()) {
            places.push(EventPlace::of(facts.name, row?.0)?);
        }
        let closers = &read.tables.closers;
        let of_room = Key::in_room(number, Part::Closers);
        for row in closers.range(read.txn, &of_room, &at.closer)? {
            if places.len() >= limit || looked >= LOOKED_MAX {
                break;
            }
            let (key, _) = row?;
            let event = event_of(read, closers, key)?;
            if event.names(who) {
                places.push(EventPlace::of(closers.name, key)?);
            }
            at.closer = behind(&key[of_room.len()..]);
            looked += walked_weight(&event);
        }
        looked += 1;
        // There may be more in this room: facts that are found then are those that are left.
        if places.len() >= limit || looked >= LOOKED_MAX {
            return Ok((Erase { who: who.clone(), places }, Some(at.bytes())));
        }
    }
    Ok((Erase { who: who.clone(), places }, None))
}

/// Erases events, as far as they still name who is to be erased.
pub(in crate::embedded) fn erase(
    write: &mut Write<'_>,
    request: &Erase,
    recent: &Recent,
) -> Result<Gone> {
    let (mut gone, mut touched) = (Gone::default(), Touched::default());
    for place in &request.places {
        let Some(KnownEvent { content, event }) = place.known(write.read())? else { continue };
        if !event.names(&request.who) {
            continue;
        }
        match event.clone().without(&request.who) {
            None => {
                place.remove(write, &mut touched, &event)?;
                gone.events += 1;
            }
            Some(left) => {
                place.replace(
                    write,
                    &mut touched,
                    (&event, &KnownEvent { content, event: left }),
                )?;
                gone.snapshots += 1;
            }
        }
    }
    recent.note(touched.rooms());
    let rooms: Vec<(u64, RoomKey)> =
        touched.rooms.iter().map(|(number, room)| (*number, room.at.clone())).collect();
    let before = stays_in(write.read(), &rooms, &request.who)?;
    settle(write, touched)?;
    gone.stays = before - stays_in(write.read(), &rooms, &request.who)?;
    rooms.iter().try_for_each(|(number, at)| forget_if_empty(write, *number, at))?;
    Ok(gone)
}

fn stays_in(read: Read<'_>, rooms: &[(u64, RoomKey)], who: &ParticipantId) -> Result<i64> {
    let mut stays = 0;
    for (room, _) in rooms {
        stays += standing::find(read, Seat { room: *room, participant: who })?.stays.len() as i64;
    }
    Ok(stays)
}

/// A room in which nothing is left has no number.
fn forget_if_empty(write: &mut Write<'_>, number: u64, at: &RoomKey) -> Result<()> {
    let events = Key::in_room(number, Part::RoomEvents);
    let index = &write.tables.room_events;
    if index.range(&write.txn, &events, &[])?.next().transpose()?.is_none() {
        write.tables.rooms.delete(&mut write.txn, &room_key(at))?;
        write.tables.cuts.delete(&mut write.txn, &Key::new().u64(number))?;
    }
    Ok(())
}
