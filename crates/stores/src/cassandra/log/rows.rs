//! The rows of a room, and what is written in them.

use domain::ids::{CallId, ParticipantId};
use domain::log::event::EventHash;
use domain::log::stay::RoomKey;
use domain::log::{Event, Stay};
use serde::{Deserialize, Serialize};

use super::sheets::{Catalog, Changes, ROOT, Rows, Sheet};
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
pub(super) const LOST: Part = 1;
/// A stay, by its call and participant.
const STAY: Part = 2;
/// The note that the last round left: what the sheets and the index have to be told. In the first
/// version of the schema there was one for each round, by its version, and of the index alone.
const TODO: Part = 3;
/// Up to which version that was done. Written plainly.
const TOLD: Part = 4;

/// Those whose `at` is the time of an event.
pub(super) const FACTS: [Part; 2] = [EVENT, LOST];

/// Where a row lies in its partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    pub(super) fn seal(&self, at: &RoomKey, catalog: &Catalog) -> Result<Vec<u8>> {
        seal(TABLE, at.room.as_str().as_bytes(), &(self, catalog))
    }

    /// With the catalog, if it is not of the first version of the schema.
    pub(super) fn unseal(at: &RoomKey, sealed: &[u8]) -> Result<(Self, Option<Catalog>)> {
        let name = at.room.as_str().as_bytes();
        match unseal(TABLE, name, sealed) {
            // It ends where the catalog begins.
            Err(Fault::Damaged { how: Damage::Encoding, .. }) => {
                Ok((unseal(TABLE, name, sealed)?, None))
            }
            head => head.map(|(head, catalog)| (head, Some(catalog))),
        }
    }
}

/// What follows from a round, for the sheets and for the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Todo {
    pub(super) version: i64,
    /// The stays that changed, as they were.
    pub(super) gone: Vec<Stay>,
    /// As they are.
    pub(super) come: Vec<Stay>,
    /// Whether more changes, by a further round.
    pub(super) more: bool,
    /// What the rows in the sheets are then.
    pub(super) changes: Changes,
    /// Whether sheets and index were told.
    pub(super) done: bool,
    /// Whether it was found in the partition when that was read: then its server is dead, or slow.
    pub(super) is_left_over: bool,
    /// Whether it is of the first version of the schema.
    pub(super) is_old: bool,
}

impl Todo {
    pub(super) fn empty(version: i64) -> Self {
        let changes = Changes::default();
        let (gone, come, more) = (vec![], vec![], false);
        let (done, is_left_over, is_old) = (false, false, false);
        Self { version, gone, come, more, changes, done, is_left_over, is_old }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty() && !self.more && self.changes.is_empty()
    }

    /// Where its row is. Each takes the place of the one before, so that none has to be removed:
    /// what is removed lies about for days.
    pub(super) fn place(&self) -> Place {
        let at = if self.is_old { self.version } else { 0 };
        Place { part: TODO, at, key: vec![] }
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
        let Todo { version, gone, come, more, changes, .. } = todo;
        Self::seal(room, todo.place(), &(version, gone, come, more, changes))
    }

    /// Says up to which version a room's notes are done.
    pub(super) fn of_told(room: &RoomKey, version: i64) -> Result<Self> {
        Self::seal(room, Place { part: TOLD, at: 0, key: vec![] }, &version)
    }

    fn seal<T: Serialize>(room: &RoomKey, place: Place, value: &T) -> Result<Self> {
        let value = seal(TABLE, &place.checked_with(room), value)?;
        Ok(Self { place, value })
    }

    fn unseal<'r, T: Deserialize<'r>>(&'r self, room: &RoomKey) -> Result<T> {
        unseal(TABLE, &self.place.checked_with(room), &self.value)
    }
}

/// What the root of a room holds.
#[derive(Debug, Default)]
pub(super) struct Root {
    pub(super) version: Option<i64>,
    pub(super) head: Head,
    /// `None` in the first version of the schema.
    pub(super) catalog: Option<Catalog>,
    rows: Rows,
    todos: Vec<Todo>,
    told: Option<i64>,
}

impl Root {
    /// Reads the head.
    pub(super) fn set_head(&mut self, room: &RoomKey, sealed: &[u8]) -> Result<()> {
        (self.head, self.catalog) = Head::unseal(room, sealed)?;
        Ok(())
    }

    /// Reads one more row.
    pub(super) fn add(&mut self, room: &RoomKey, row: Row) -> Result<()> {
        match row.place.part {
            TODO => self.todos.push(row.todo(room)?),
            TOLD => self.told = Some(row.unseal(room)?),
            _ => drop(self.rows.insert((ROOT, row.place), row.value)),
        }
        Ok(())
    }

    /// What is still to be done of what rounds left to do.
    fn take_todos(&mut self) -> Vec<Todo> {
        let is_over = self.catalog.as_ref().is_none_or(Catalog::is_empty);
        let told = self.told;
        let mut todos = std::mem::take(&mut self.todos);
        for todo in &mut todos {
            let is_told = told.is_some_and(|told| told >= todo.version) || todo.is_empty();
            todo.done = !todo.is_old && is_told;
        }
        // The note of a room that is over has to be removed.
        todos.retain(|todo| !todo.done || is_over);
        todos
    }

    /// How much of what rounds left is still to be done.
    pub(super) fn count_unfinished(mut self) -> usize {
        self.take_todos().iter().filter(|todo| !todo.done).count()
    }

    /// The room, with what its sheets hold.
    pub(super) fn image(mut self, room: &RoomKey, sheets: Rows) -> Result<Image> {
        let todos = self.take_todos();
        let mut rows = sheets;
        todos.iter().filter(|todo| !todo.done).for_each(|todo| todo.changes.apply(&mut rows));
        rows.append(&mut self.rows);
        let (version, head) = (self.version, self.head);
        let catalog = self.catalog.unwrap_or_default();
        let mut image = Image { version, head, catalog, todos, ..Image::default() };
        for ((sheet, place), value) in rows {
            image.add(room, sheet, &Row { place, value })?;
        }
        Ok(image)
    }
}

/// What a room holds, and in which sheets.
#[derive(Debug, Default)]
pub(super) struct Image {
    pub(super) version: Option<i64>,
    pub(super) head: Head,
    pub(super) catalog: Catalog,
    pub(super) events: Vec<(Event, Sheet)>,
    pub(super) lost: Vec<(Lost, Sheet)>,
    pub(super) stays: Vec<(Stay, Sheet)>,
    pub(super) todos: Vec<Todo>,
}

impl Image {
    /// Reads one more row.
    fn add(&mut self, room: &RoomKey, sheet: Sheet, row: &Row) -> Result<()> {
        match row.place.part {
            EVENT => self.events.push((row.unseal(room)?, sheet)),
            LOST => {
                row.unseal::<()>(room)?;
                let (identity, content) = row.place.key.split_at_checked(16).ok_or_else(damaged)?;
                let lost = Lost {
                    time_unix_us: row.place.at,
                    identity: identity.try_into().map_err(|_| damaged())?,
                    content: content.try_into().map_err(|_| damaged())?,
                };
                self.lost.push((lost, sheet));
            }
            STAY => self.stays.push((row.unseal(room)?, sheet)),
            _ => return Err(damaged()),
        }
        Ok(())
    }
}

impl Row {
    /// Reads what a round left to do.
    fn todo(&self, room: &RoomKey) -> Result<Todo> {
        let mut todo = Todo::empty(self.place.at);
        todo.is_left_over = true;
        todo.is_old = self.place.at != 0;
        if todo.is_old {
            (todo.gone, todo.come, todo.more) = self.unseal(room)?;
        } else {
            (todo.version, todo.gone, todo.come, todo.more, todo.changes) = self.unseal(room)?;
        }
        Ok(todo)
    }
}

fn damaged() -> Fault {
    Fault::Damaged { table: TABLE, how: Damage::Encoding }
}
