//! What is to be counted of a group's changes: collected while stays are written, and brought into
//! the sums once, at the group's end.

use std::collections::BTreeMap;

use domain::AppId;
use domain::ids::{Door, SourceName};
use domain::log::{Event, LogFigures, Stay};

use super::crowds::{self, Newcomer};
use super::index::{self, CLASSES};
use super::sums::{self, Counted, SumsChange, SumsOf};
use super::touched::Step;
use crate::embedded::fault::Result;
use crate::embedded::key::Key;
use crate::embedded::transaction::{Read, Write};

/// How many stays a room has at least when it begins to be counted. Visiting fewer is no slower,
/// and most rooms never have as many: for them nothing is written. In the store's own tests so few
/// that random histories have counted rooms.
const ROOM_STAYS_MIN: usize = if cfg!(test) { 8 } else { 1_024 };

/// One in so many new stays makes its room be looked at.
const LOOKED_AT_EVERY: u64 = if cfg!(test) { 2 } else { 256 };

/// Changes of one scope.
#[derive(Default)]
struct Changes {
    sums: BTreeMap<i64, SumsChange>,
    newcomers: BTreeMap<i64, Vec<Newcomer>>,
    /// Whether it is time to see if there are enough stays to count them.
    is_looked_at: bool,
}

/// What is to be counted.
#[derive(Default)]
pub(in crate::embedded) struct Tally {
    scopes: BTreeMap<Counted, Changes>,
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
const FIGURES: &[u8] = b"log";

/// What counts of a stay.
type Counts = (i64, Option<i64>, bool);

fn counts(stay: &Stay) -> Counts {
    (stay.created_unix_s(), stay.left_unix_s(), stay.is_server())
}

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

    /// A stay was written, over the one that was there before, or was removed.
    pub(super) fn note(&mut self, number: u64, old: Option<&Stay>, new: Option<&Stay>) {
        self.went += old.map(LogFigures::of).unwrap_or_default();
        self.came += new.map(LogFigures::of).unwrap_or_default();
        if old.map(counts) == new.map(counts) {
            return;
        }
        for (stay, change) in old.map(|stay| (stay, -1)).into_iter().chain(new.map(|it| (it, 1))) {
            let scopes = [Counted::App(stay.app), Counted::Room(stay.app, stay.room.clone())];
            for scope in scopes {
                let rest = index::rest_in_key(&scope.scope(), stay);
                let changes = self.scopes.entry(scope).or_default();
                let (created, left, is_server) = counts(stay);
                changes.sums.entry(created).or_default().began.add(is_server, change);
                if let Some(left) = left {
                    changes.sums.entry(left).or_default().ended.add(is_server, change);
                }
                let newcomers = changes.newcomers.entry(created).or_default();
                newcomers.push(Newcomer { rest, is_server, change });
                changes.is_looked_at |= old.is_none() && number.is_multiple_of(LOOKED_AT_EVERY);
            }
        }
    }
}

/// Brings the sums up to date with the stays.
pub(in crate::embedded) fn count(write: &mut Write<'_>) -> Result<()> {
    let Tally { scopes, came, went, senders } = std::mem::take(&mut write.tally);
    count_all(write, came, went)?;
    for (sender, change) in senders {
        count_sender(write, &sender, change)?;
    }
    for (scope, changes) in scopes {
        let is_counted = SumsOf::find(write.read(), scope.scope())?.is_some();
        let changes = match is_counted {
            true => Some(changes),
            false if changes.is_looked_at => all_stays(write, &scope)?,
            false => None,
        };
        if let Some(changes) = changes {
            apply(write, &scope, changes)?;
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

fn apply(write: &mut Write<'_>, scope: &Counted, changes: Changes) -> Result<()> {
    let Changes { sums, newcomers, .. } = changes;
    for (second, now) in sums::change(write, scope.scope(), sums)? {
        if let Some(newcomers) = newcomers.get(&second) {
            crowds::update(write, scope.scope(), second, newcomers, now.began.all())?;
        }
    }
    Ok(())
}

/// All that counts of a room that is not counted yet, if it has enough.
fn all_stays(write: &Write<'_>, scope: &Counted) -> Result<Option<Changes>> {
    let scope = scope.scope();
    let index = scope.index(write.tables);
    let mut changes = Changes::default();
    let mut stays = 0;
    for class in CLASSES {
        let prefix = scope.prefix(class);
        for row in index.range(&write.txn, &prefix, &[])? {
            let row = index::parse(prefix.len(), row?).ok_or_else(|| index.damaged())?;
            let created = row.created_unix_s;
            changes.sums.entry(created).or_default().began.add(row.is_server, 1);
            if row.left_unix_s < i64::MAX {
                changes.sums.entry(row.left_unix_s).or_default().ended.add(row.is_server, 1);
            }
            let rest = Key::new().bytes(row.rest);
            let newcomer = Newcomer { rest, is_server: row.is_server, change: 1 };
            changes.newcomers.entry(created).or_default().push(newcomer);
            stays += 1;
        }
    }
    Ok((stays >= ROOM_STAYS_MIN).then_some(changes))
}
