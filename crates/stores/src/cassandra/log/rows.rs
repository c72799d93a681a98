//! The rows of a room's partition, and what is written in them.

use domain::ids::{CallId, ParticipantId};
use domain::log::event::EventHash;
use domain::log::stay::RoomKey;
use domain::log::{Event, Stay};
use serde::{Deserialize, Serialize};

use super::state::Lost;
use crate::record::{Damage, Fault, seal, unseal};

pub(super) type Result<T> = std::result::Result<T, Fault>;

/// The table of the rooms.
pub(super) const TABLE: &str = "room_log";

/// What kind of row it is: the first clustering column.
pub(super) type Part = i8;

/// An event, by its time and identity.
pub(super) const EVENT: Part = 0;
/// An event that lost, by its time, identity and content.
const LOST: Part = 1;
/// A stay, by its call and participant.
const STAY: Part = 2;
/// What the index has to be told, by the version of its round.
pub(super) const TODO: Part = 3;

/// Those whose `at` is the time of an event.
pub(super) const FACTS: [Part; 2] = [EVENT, LOST];

/// Where a row lies in its partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) part: Part,
    pub(super) at: i64,
    pub(super) key: Vec<u8>,
}

/// A row, without the names of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) place: Place,
    /// Sealed.
    pub(super) value: Vec<u8>,
}

/// Where a room stands in the lists of its door's rooms, by the hours since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Of its first event; `None` if it has none.
    pub(super) first_hour: Option<i64>,
    /// Of the last instant at which a restart can change what it shows, or [`Head::OPEN`].
    pub(super) last_hour: Option<i64>,
}

impl Head {
    /// Somebody is in the room.
    pub(super) const OPEN: i64 = i64::MAX;

    /// The hour of an instant.
    pub(super) fn hour_of(unix_us: i64) -> i64 {
        const HOUR_US: i64 = 3_600_000_000;
        unix_us.div_euclid(HOUR_US)
    }

    /// As it is written down.
    pub(super) fn seal(&self, at: &RoomKey) -> Result<Vec<u8>> {
        seal(TABLE, at.room.as_str().as_bytes(), self)
    }
}

/// What a round changed that the index shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Todo {
    pub(super) version: i64,
    /// The stays that changed, as they were.
    pub(super) gone: Vec<Stay>,
    /// As they are.
    pub(super) come: Vec<Stay>,
    /// Whether more stays change, by a further round.
    pub(super) more: bool,
    /// Whether the index was told.
    pub(super) done: bool,
    /// Whether it was found in the partition when that was read: then its server is dead, or slow.
    pub(super) is_left_over: bool,
}

impl Todo {
    pub(super) fn empty(version: i64) -> Self {
        let (gone, come) = (vec![], vec![]);
        Self { version, gone, come, more: false, done: false, is_left_over: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty() && !self.more
    }

    /// Where its row is.
    pub(super) fn place(&self) -> Place {
        Place { part: TODO, at: self.version, key: vec![] }
    }
}

impl Place {
    pub(super) fn of_event(time_unix_us: i64, identity: EventHash) -> Self {
        Self { part: EVENT, at: time_unix_us, key: identity.to_vec() }
    }

    pub(super) fn of_lost(lost: &Lost) -> Self {
        let key = [lost.identity, lost.content].concat();
        Self { part: LOST, at: lost.time_unix_us, key }
    }

    pub(super) fn of_stay(call: &CallId, participant: &ParticipantId) -> Self {
        // No id holds a zero.
        let key = [call.as_str().as_bytes(), participant.as_str().as_bytes()].join(&0);
        Self { part: STAY, at: 0, key }
    }

    /// Whether it goes with the time that it is of.
    pub(super) fn is_of_fact(&self) -> bool {
        FACTS.contains(&self.part)
    }

    /// So that a row which stands in another's place is found.
    fn checked_with(&self, room: &RoomKey) -> Vec<u8> {
        let room = room.room.as_str().as_bytes();
        [room, &self.part.to_be_bytes(), &self.at.to_be_bytes(), &self.key].concat()
    }
}

impl Row {
    pub(super) fn of_event(room: &RoomKey, event: &Event) -> Result<Self> {
        Self::seal(room, Place::of_event(event.time_unix_us, event.identity()), event)
    }

    pub(super) fn of_lost(room: &RoomKey, lost: &Lost) -> Result<Self> {
        Self::seal(room, Place::of_lost(lost), &())
    }

    pub(super) fn of_stay(room: &RoomKey, stay: &Stay) -> Result<Self> {
        Self::seal(room, Place::of_stay(&stay.call, &stay.participant), stay)
    }

    pub(super) fn of_todo(room: &RoomKey, todo: &Todo) -> Result<Self> {
        Self::seal(room, todo.place(), &(&todo.gone, &todo.come, todo.more))
    }

    fn seal<T: Serialize>(room: &RoomKey, place: Place, value: &T) -> Result<Self> {
        let value = seal(TABLE, &place.checked_with(room), value)?;
        Ok(Self { place, value })
    }

    fn unseal<'r, T: Deserialize<'r>>(&'r self, room: &RoomKey) -> Result<T> {
        unseal(TABLE, &self.place.checked_with(room), &self.value)
    }
}

/// What a partition holds.
#[derive(Debug, Default)]
pub(super) struct Image {
    pub(super) version: Option<i64>,
    pub(super) head: Head,
    pub(super) events: Vec<Event>,
    pub(super) lost: Vec<Lost>,
    pub(super) stays: Vec<Stay>,
    pub(super) todos: Vec<Todo>,
}

impl Image {
    /// Reads the head.
    pub(super) fn set_head(&mut self, room: &RoomKey, sealed: &[u8]) -> Result<()> {
        self.head = unseal(TABLE, room.room.as_str().as_bytes(), sealed)?;
        Ok(())
    }

    /// Reads one more row.
    pub(super) fn add(&mut self, room: &RoomKey, row: &Row) -> Result<()> {
        match row.place.part {
            EVENT => self.events.push(row.unseal(room)?),
            LOST => {
                row.unseal::<()>(room)?;
                let (identity, content) = row.place.key.split_at_checked(16).ok_or_else(damaged)?;
                self.lost.push(Lost {
                    time_unix_us: row.place.at,
                    identity: identity.try_into().map_err(|_| damaged())?,
                    content: content.try_into().map_err(|_| damaged())?,
                });
            }
            STAY => self.stays.push(row.unseal(room)?),
            TODO => self.todos.push(Self::todo(room, row)?),
            _ => return Err(damaged()),
        }
        Ok(())
    }

    /// Reads a row of what the index has to be told.
    pub(super) fn todo(room: &RoomKey, row: &Row) -> Result<Todo> {
        let (gone, come, more) = row.unseal(room)?;
        let version = row.place.at;
        Ok(Todo { version, gone, come, more, done: false, is_left_over: true })
    }
}

fn damaged() -> Fault {
    Fault::Damaged { table: TABLE, how: Damage::Encoding }
}
