//! Calls in which somebody is, found by the rows of the stays that are not over.
//!
//! There may be many, and the last thing heard of a call may lie far back in a busy room. So a
//! [`Search`] goes on in steps, each in a transaction of its own, and keeps where it stands.

use std::collections::HashSet;

use domain::AppId;
use domain::ids::{CallId, Door, ParticipantId, RoomId};
use domain::log::OpenCall;
use domain::log::closing::is_heard_of;
use domain::log::open::OPEN_CALLS_MAX;
use domain::log::stay::RoomKey;

use super::append::{PLACE_LEN, event_of, room_key, time_of_room_event};
use super::index::{self, Found, OPEN, Scope};
use super::place::Seat;
use super::uncalled::call_of;
use super::{standing, stays};
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts, Part};
use crate::embedded::transaction::Read;

/// How many rows are read in one transaction.
const ROWS_PER_STEP: usize = 1_000;

/// How many calls are remembered as looked at. Beyond it they are forgotten, and may be looked at
/// again.
const SEEN_MAX: usize = 100_000;

/// Where the search stands.
pub(in crate::embedded) struct Search {
    app: AppId,
    heard_before_unix_us: i64,
    limit: usize,
    /// The key in `by_app` behind which to go on.
    behind: Vec<u8>,
    /// Calls that were looked at, most of whose stays are still to come.
    seen: HashSet<Key>,
    /// The call that is looked at.
    looking: Option<Looking>,
    found: Vec<OpenCall>,
}

/// A call whose last event is looked for.
struct Looking {
    at: RoomKey,
    call: CallId,
    minted: bool,
    room: u64,
    /// The end of the key in `room_events` before which to go on.
    before: Vec<u8>,
}

enum Next {
    Call(Looking),
    NotYet,
    Over,
}

enum Heard {
    At(i64),
    NotYet,
    Never,
}

impl Search {
    pub(in crate::embedded) fn new(app: AppId, heard_before_unix_us: i64, limit: u32) -> Self {
        Self {
            app,
            heard_before_unix_us,
            limit: limit.min(OPEN_CALLS_MAX) as usize,
            behind: vec![],
            seen: HashSet::new(),
            looking: None,
            found: vec![],
        }
    }

    /// What was found, once there is nothing more to do.
    pub(in crate::embedded) fn into_found(self) -> Vec<OpenCall> {
        self.found
    }

    /// Reads on a little, and tells whether there is more to do.
    pub(in crate::embedded) fn step(&mut self, read: Read<'_>) -> Result<bool> {
        let mut rows_left = ROWS_PER_STEP;
        while self.found.len() < self.limit {
            let mut looking = match self.looking.take() {
                Some(looking) => looking,
                None => match self.next_call(read, &mut rows_left)? {
                    Next::Call(looking) => looking,
                    Next::NotYet => return Ok(true),
                    Next::Over => return Ok(false),
                },
            };
            match looking.last_heard(read, &mut rows_left)? {
                Heard::At(last_heard_unix_us) if last_heard_unix_us < self.heard_before_unix_us => {
                    let Looking { at, call, minted, .. } = looking;
                    self.found.push(OpenCall { at, call, minted, last_heard_unix_us });
                }
                // It went while we were reading, if nothing was.
                Heard::At(_) | Heard::Never => {}
                Heard::NotYet => {
                    self.looking = Some(looking);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The next call that was not looked at.
    fn next_call(&mut self, read: Read<'_>, rows_left: &mut usize) -> Result<Next> {
        let index = &read.tables.by_app;
        let prefix = Scope::App(self.app).prefix(OPEN);
        let first = if self.behind.is_empty() { &*prefix } else { &*self.behind };
        let end = Scope::App(self.app).prefix(OPEN + 1);
        for row in index.between(read.txn, first, &end)? {
            let (key, value) = row?;
            if key == self.behind {
                continue;
            }
            if *rows_left == 0 {
                return Ok(Next::NotYet);
            }
            *rows_left -= 1;
            self.behind = key.to_vec();
            let found = index::parse(prefix.len(), (key, value)).ok_or_else(|| index.damaged())?;
            let seat = OpenSeat::of(read, &found)?;
            let seen = seen_key(&seat.door, &seat.room, &seat.call);
            if self.seen.contains(&seen) {
                continue;
            }
            self.remember(seen);
            return Ok(Next::Call(seat.look(read, self.app)?));
        }
        Ok(Next::Over)
    }

    fn remember(&mut self, seen: Key) {
        if self.seen.len() >= SEEN_MAX {
            let key = |it: &OpenCall| seen_key(&it.at.door, &it.at.room, &it.call);
            self.seen = self.found.iter().map(key).collect();
        }
        self.seen.insert(seen);
    }
}

fn seen_key(door: &Door, room: &RoomId, call: &CallId) -> Key {
    Key::new().text(door.as_str()).text(room.as_str()).text(call.as_str())
}

/// Where somebody is.
struct OpenSeat {
    door: Door,
    room: RoomId,
    call: CallId,
    participant: ParticipantId,
}

impl OpenSeat {
    fn of(read: Read<'_>, found: &Found<'_>) -> Result<Self> {
        if found.cut {
            let stay = stays::get(read, found.number)?;
            let (door, room, call, participant) =
                (stay.door, stay.room, stay.call, stay.participant);
            return Ok(Self { door, room, call, participant });
        }
        let mut parts = KeyParts(found.rest);
        let mut parse = || {
            let room = RoomId::parse(parts.text()?).ok()?;
            let call = CallId::parse(parts.text()?).ok()?;
            let participant = ParticipantId::parse(parts.text()?).ok()?;
            let door = Door::parse(parts.text()?).ok()?;
            Some(Self { door, room, call, participant })
        };
        parse().ok_or_else(|| read.tables.by_app.damaged())
    }

    /// The call that they are in, to be looked at.
    fn look(self, read: Read<'_>, app: AppId) -> Result<Looking> {
        let Self { door, room, call, participant } = self;
        let at = RoomKey { app, door, room };
        let room = read.tables.rooms.get(read.txn, &room_key(&at))?;
        let seat = Seat { room, participant: &participant };
        let mut minted = false;
        for &place in standing::find(read, seat)?.uncalled.iter().rev() {
            minted = call_of(read, seat, place)? == call;
            if minted {
                break;
            }
        }
        // Behind every time and identity.
        let before = vec![u8::MAX; PLACE_LEN + 1];
        Ok(Looking { at, call, minted, room, before })
    }
}

impl Looking {
    /// Looks on for the last thing that was heard of the call.
    fn last_heard(&mut self, read: Read<'_>, rows_left: &mut usize) -> Result<Heard> {
        let index = &read.tables.room_events;
        let prefix = Key::in_room(self.room, Part::RoomEvents);
        let call = (!self.minted).then_some(&self.call);
        for row in index.before(read.txn, &prefix, &self.before)? {
            if *rows_left == 0 {
                return Ok(Heard::NotYet);
            }
            *rows_left -= 1;
            let (key, _) = row?;
            self.before = key[prefix.len()..].to_vec();
            if is_heard_of(&event_of(read, index, key)?, call) {
                return Ok(Heard::At(time_of_room_event(index, key)?));
            }
        }
        Ok(Heard::Never)
    }
}
