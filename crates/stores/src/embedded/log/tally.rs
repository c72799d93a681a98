//! What is to be counted of a group's changes: collected while stays are written, and brought into
//! the sums once, at the group's end.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::AppId;
use domain::ids::{Door, RoomId, SourceName};
use domain::log::{Event, LogFigures, Stay};

use super::crowds::{self, Newcomer};
use super::index::{self, Scope};
use super::sums::{self, SumsChange, SumsOf};
use super::touched::Step;
use super::{few, participants, stays};
use crate::embedded::fault::Result;
use crate::embedded::key::Key;
use crate::embedded::transaction::{Read, Write};

/// How many stays a room has at least when it is found to be large: from then on they are in
/// `by_room`, and counted. Looking at fewer is no slower, and most rooms never have as many: for
/// them nothing is written. In the store's own tests so few that random histories have large rooms.
const LARGE_ROOM_STAYS_MIN: usize = if cfg!(test) { 8 } else { 256 };

/// One in so many new stays makes its room be looked at.
const LOOKED_AT_EVERY: u64 = if cfg!(test) { 2 } else { 64 };

/// Changes of one scope.
#[derive(Default)]
struct Changes {
    sums: BTreeMap<i64, SumsChange>,
    newcomers: BTreeMap<i64, Vec<Newcomer>>,
}

impl Changes {
    /// A stay was written, over the one that was there before, or was removed.
    fn note(&mut self, scope: &Scope<'_>, old: Option<&Stay>, new: Option<&Stay>) {
        let both = || old.map(|it| (it, -1)).into_iter().chain(new.map(|it| (it, 1)));
        let began = |stay: &Stay| (stay.created_unix_s(), stay.is_server());
        // Mostly they only left.
        if old.map(began) != new.map(began) {
            for (stay, change) in both() {
                let (created, is_server) = began(stay);
                self.sums.entry(created).or_default().began.add(is_server, change);
                let rest = index::rest_in_key(scope, stay);
                let newcomers = self.newcomers.entry(created).or_default();
                newcomers.push(Newcomer { rest, is_server, change });
            }
        }
        let ended = |stay: &Stay| Some((stay.left_unix_s()?, stay.is_server()));
        if old.and_then(ended) != new.and_then(ended) {
            for (stay, change) in both() {
                if let Some((left, is_server)) = ended(stay) {
                    self.sums.entry(left).or_default().ended.add(is_server, change);
                }
            }
        }
    }
}

/// An app in which stays changed.
struct OfApp {
    /// Of [`participants::aged`], as long as the group is applied.
    aged: i64,
    /// When the latest of those came that changed.
    latest_unix_s: i64,
    changes: Changes,
    rooms: BTreeMap<RoomId, OfRoom>,
}

/// A room in which stays changed.
struct OfRoom {
    /// As long as the group is applied.
    is_large: bool,
    /// Whether it is time to see if it is.
    is_looked_at: bool,
    changes: Changes,
}

/// What is to be counted.
#[derive(Default)]
pub(in crate::embedded) struct Tally {
    apps: BTreeMap<AppId, OfApp>,
    /// Of the stays that came, in all.
    came: LogFigures,
    /// Of those that went.
    went: LogFigures,
    /// By how much the number of events about somebody changes, for each sender.
    senders: BTreeMap<Sender, i64>,
}

/// Whoever sends events, by app and door.
type Sender = (AppId, Door, SourceName);

pub(super) fn sender_key((app, door, source): &Sender) -> Key {
    Key::new().u32(app.0).text(door.as_str()).bytes(source.as_str().as_bytes())
}

/// The key of the only row of the figures.
pub(super) const FIGURES: &[u8] = b"log";

impl Tally {
    /// An event came or went.
    pub(super) fn note_event(&mut self, event: &Event, step: Step) {
        if event.presence().is_some() {
            let sender = (event.app, event.door.clone(), event.source.clone());
            *self.senders.entry(sender).or_default() += match step {
                Step::Came => 1,
                Step::Went => -1,
            };
        }
    }
}

/// What is known of where a stay is, and does not change before the group's end.
pub(super) struct Known {
    pub(super) is_in_large_room: bool,
    pub(super) aged: i64,
}

/// A stay is to be written, over the one that is there, or to be removed. `stay` is one of both.
pub(super) fn note(
    write: &mut Write<'_>,
    (number, stay): (u64, &Stay),
    (old, new): (Option<&Stay>, Option<&Stay>),
) -> Result<Known> {
    let Write { tables, txn, tally, .. } = write;
    let read = Read { tables, txn };
    tally.went += old.map(LogFigures::of).unwrap_or_default();
    tally.came += new.map(LogFigures::of).unwrap_or_default();
    let of_app = match tally.apps.entry(stay.app) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => {
            let aged = participants::aged(read, stay.app)?;
            let (changes, rooms) = (Changes::default(), BTreeMap::new());
            new.insert(OfApp { aged, latest_unix_s: i64::MIN, changes, rooms })
        }
    };
    let of_room = match of_app.rooms.entry(stay.room.clone()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => {
            let is_large = SumsOf::of_room(read, stay.app, &stay.room)?.is_some();
            let (is_looked_at, changes) = (false, Changes::default());
            new.insert(OfRoom { is_large, is_looked_at, changes })
        }
    };
    of_app.latest_unix_s = of_app.latest_unix_s.max(stay.created_unix_s());
    of_app.changes.note(&Scope::App(stay.app), old, new);
    if of_room.is_large {
        of_room.changes.note(&Scope::Room(stay.app, &stay.room), old, new);
    }
    of_room.is_looked_at |= old.is_none() && number.is_multiple_of(LOOKED_AT_EVERY);
    Ok(Known { is_in_large_room: of_room.is_large, aged: of_app.aged })
}

/// Brings the sums up to date with the stays, and what else is done once for a group.
pub(in crate::embedded) fn count(write: &mut Write<'_>) -> Result<()> {
    let Tally { apps, came, went, senders } = std::mem::take(&mut write.tally);
    count_all(write, came, went)?;
    for (sender, change) in senders {
        count_sender(write, &sender, change)?;
    }
    for (app, of_app) in apps {
        apply(write, Scope::App(app), of_app.changes)?;
        for (room, of_room) in of_app.rooms {
            if of_room.is_large {
                apply(write, Scope::Room(app, &room), of_room.changes)?;
            } else if of_room.is_looked_at {
                look_at(write, app, &room)?;
            }
        }
        match SumsOf::of_app(write.read(), app).is_empty()? {
            true => participants::forget(write, app)?,
            false => participants::age(write, app, of_app.latest_unix_s)?,
        }
    }
    Ok(())
}

/// Whether anything is known that a sender told about somebody: only then somebody's interval can
/// have begun with it.
pub(super) fn tells_of_anybody(write: &Write<'_>, sender: &Sender) -> Result<bool> {
    let known = write.tables.senders.find(&write.txn, &sender_key(sender))?.unwrap_or(0);
    let change = write.tally.senders.get(sender).copied().unwrap_or(0);
    Ok(known.checked_add_signed(change).is_some_and(|events| events > 0))
}

fn count_sender(write: &mut Write<'_>, sender: &Sender, change: i64) -> Result<()> {
    let table = &write.tables.senders;
    let key = sender_key(sender);
    let known = table.find(&write.txn, &key)?.unwrap_or(0);
    match known.checked_add_signed(change).ok_or_else(|| table.damaged())? {
        0 => table.delete(&mut write.txn, &key),
        events if events == known => Ok(()),
        events => table.put(&mut write.txn, &key, &events),
    }
}

/// All stays, counted.
pub(in crate::embedded) fn figures(read: Read<'_>) -> Result<LogFigures> {
    Ok(read.tables.figures.find(read.txn, FIGURES)?.unwrap_or_default())
}

fn count_all(write: &mut Write<'_>, came: LogFigures, went: LogFigures) -> Result<()> {
    if came == went {
        return Ok(());
    }
    let now = (figures(write.read())? + came).without(went);
    let table = &write.tables.figures;
    match now.ok_or_else(|| table.damaged())? {
        none if none == LogFigures::default() => table.delete(&mut write.txn, FIGURES),
        now => table.put(&mut write.txn, FIGURES, &now),
    }
}

fn apply(write: &mut Write<'_>, scope: Scope<'_>, changes: Changes) -> Result<()> {
    let Changes { sums, newcomers } = changes;
    for (second, now) in sums::change(write, scope, sums)? {
        if let Some(newcomers) = newcomers.get(&second) {
            crowds::update(write, scope, second, newcomers, now.began.all())?;
        }
    }
    Ok(())
}

/// Lists and counts the stays of a room that was not large, if it has become so.
fn look_at(write: &mut Write<'_>, app: AppId, room: &RoomId) -> Result<()> {
    let numbers = few::stays_in(write.read(), app, room)?;
    if numbers.len() < LARGE_ROOM_STAYS_MIN {
        return Ok(());
    }
    let scope = Scope::Room(app, room);
    let mut changes = Changes::default();
    for number in numbers {
        let stay = stays::get(write.read(), number)?;
        let Write { tables, txn, .. } = write;
        index::replace((tables, txn), (&scope, number), (None, Some(&stay)))?;
        changes.note(&scope, None, Some(&stay));
    }
    apply(write, scope, changes)
}
