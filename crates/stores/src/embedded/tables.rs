//! The tables, and the two ways of keeping rows in them. What each holds, in which order and why,
//! stands in the README.

use std::marker::PhantomData;
use std::ops::Bound;

use domain::broadcast::{Ledger, Message, Progress as Delivered};
use domain::log::dead::DeadLetter;
use domain::log::stay::RoomKey;
use domain::log::{LogFigures, Stay};
use domain::presence::Connections;
use domain::users::User;
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, RoTxn, RwTxn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::dead::Letters;
use super::directory::Population;
use super::fault::{Damage, Fault, Result};
use super::key::{Key, Part};
use super::log::{Cut, KnownEvent, MintedInterval, Standing};
use super::ranges::{before, range};
use super::transaction::Env;
use super::trays::{Pile, Progress};
use crate::record;

/// Whoever is shown a row: its table, its key, and whether it can be read.
pub(super) type ShowRow<'s> = dyn FnMut(&'static str, &[u8], Result<()>) + 's;

pub(super) type Rows = Database<'static, Bytes, Bytes>;

macro_rules! tables {
    (
        $($(#[$doc:meta])* $name:ident: $kind:ty,)+
        ; $rooms:ident {
            $($(#[$part_doc:meta])* $part_name:ident: $part_kind:ty as $part:ident,)+
        }
    ) => {
        /// Every table of the store. Those that are led by a room's number and a
        /// [`Part`](super::key::Part) lie in one.
        pub(super) struct Tables {
            $($(#[$doc])* pub(super) $name: $kind,)+
            $($(#[$part_doc])* pub(super) $part_name: $part_kind,)+
        }

        const NAMES: [&str; [$(stringify!($name)),+].len() + 1] =
            [$(stringify!($name),)+ stringify!($rooms)];

        impl Tables {
            fn of(rows: [Rows; NAMES.len()]) -> Self {
                let [$($name,)+ $rooms] = rows;
                Self {
                    $($name: <$kind>::new(stringify!($name), $name),)+
                    $($part_name: <$part_kind>::new(stringify!($part_name), $rooms),)+
                }
            }

            /// Shows every row: its table, its key, and whether what lies under it can be read.
            pub(super) fn each_row(&self, txn: &RoTxn<'_>, show: &mut ShowRow<'_>) -> Result<()> {
                $(
                    for row in self.$name.rows.iter(txn)? {
                        let (key, bytes) = row?;
                        show(stringify!($name), key, self.$name.read_row(key, bytes));
                    }
                )+
                for row in self.room_events.rows.iter(txn)? {
                    let (key, bytes) = row?;
                    match key.get(size_of::<u64>()) {
                        $(Some(&part) if part == Part::$part as u8 => {
                            let table = &self.$part_name;
                            show(stringify!($part_name), key, table.read_row(key, bytes));
                        })+
                        _ => {
                            let of_none = Fault::damaged(stringify!($rooms), Damage::Encoding);
                            show(stringify!($rooms), key, Err(of_none));
                        }
                    }
                }
                Ok(())
            }

            /// The rows among which those of a table are.
            #[cfg(test)]
            pub(super) fn raw(&self, table: &str) -> Rows {
                match table {
                    $(stringify!($name) => self.$name.rows,)+
                    $(stringify!($part_name) => self.$part_name.rows,)+
                    _ => panic!("{table} is none"),
                }
            }

            /// How many rows each table has.
            #[cfg(test)]
            pub(crate) fn lens(&self, txn: &RoTxn<'_>) -> Vec<(&'static str, u64)> {
                vec![
                    $((stringify!($name), self.$name.rows.len(txn).expect("a number")),)+
                    $((stringify!($part_name), len_of(self.$part_name.rows, txn, Part::$part)),)+
                ]
            }
        }
    };
}

tables! {
    /// The next number of a kind.
    counters: Table<u64>,
    users: Table<User>,
    /// Users who wait for their place there, as they came: of trays with even numbers, and of those
    /// with odd ones.
    tray_even: Pile,
    tray_odd: Pile,
    /// One row: how far trays are filled and emptied.
    trays: Table<Progress>,
    /// Who was seen, under the keys of `users`.
    presences: Table<Connections>,
    /// Users by their tags: the tag's length, the tag, and the user's key behind the app's.
    tags: Index,
    /// How many users have each tag.
    tag_counts: Table<u64>,
    /// How many users and robots an app has.
    populations: Table<Population>,
    /// Every event once, in the order of time.
    events: Table<KnownEvent>,
    /// A room's number.
    rooms: Table<u64>,
    /// Rooms of which a part is being removed.
    cuts: Table<Cut>,
    /// Restarts of servers.
    restarts: Index,
    /// Rooms with such participants, by the last instant that matters.
    watched_rooms: Table<RoomKey>,
    stays: Table<Stay>,
    /// Stays in the order of answers: of an app, of a large room.
    by_app: Index,
    by_room: Index,
    /// Stays by stretches of time, and then by participant.
    by_participant: Index,
    /// Of an app: who is still there and came before is in `by_participant` twice.
    aged: Table<i64>,
    /// How many stays of an app or of a large room began and ended by when.
    sums: Index,
    /// Pieces of seconds in which a great many began.
    crowds: Index,
    /// How many events about somebody each sender sent.
    senders: Table<u64>,
    /// One row: all stays, counted.
    figures: Table<LogFigures>,
    /// By app, in the order in which they came.
    dead_letters: Table<DeadLetter>,
    /// How much there is of each app.
    dead_of_app: Table<Letters>,
    /// By app, in the order in which they came.
    broadcasts: Table<Message>,
    /// The same keys: how far each has come.
    broadcast_progress: Table<Delivered>,
    /// Of each app: which there are, and what counts against quotas.
    broadcast_ledgers: Table<Ledger>,
    ; room_logs {
        /// The events of a room, in the order of time.
        room_events: Index as RoomEvents,
        /// The events about one participant in one room.
        facts: Index as Facts,
        /// The events that end intervals of a room, in the order in which they count.
        closers: Index as Closers,
        /// When a call of a room was first joined.
        first_joins: Table<i64> as FirstJoins,
        /// The same, in the order of time.
        calls: Index as Calls,
        /// What is known of a participant in a room.
        standings: Table<Standing> as Standings,
        /// Whose intervals depend on closers of their room, by the last instant that matters.
        watched: Index as Watched,
        /// Intervals that needed a call, in the order of their joins.
        uncalled: Table<MintedInterval> as Uncalled,
        /// The calls that they were given, in the order of their first joins.
        minted: Index as Minted,
    }
}

/// How many rows of one part there are.
#[cfg(test)]
fn len_of(rows: Rows, txn: &RoTxn<'_>, part: Part) -> u64 {
    let is_of_part = |(key, _): &(&[u8], &[u8])| key[size_of::<u64>()] == part as u8;
    let rows = rows.iter(txn).expect("rows").map(|row| row.expect("a row"));
    rows.filter(is_of_part).count() as u64
}

/// How many tables there are.
pub(super) const TABLES: u32 = NAMES.len() as u32;

impl Tables {
    /// Opens the tables, those that are missing as empty ones.
    pub(super) fn open(env: &Env) -> Result<Self, heed::Error> {
        let opened = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
            let tables = NAMES.map(|name| opener.create_database(txn, Some(name)));
            let tables = tables.into_iter().collect::<Result<Vec<Database<'_, _, _>>, _>>()?;
            let tables = <[_; NAMES.len()]>::try_from(tables).expect("as many as there are names");
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(tables))
        })?;
        Ok(Self::of(opened.unwrap_commit()))
    }

    /// Opens the tables to read, if all are there; else tells one that is not.
    pub(super) fn open_there(env: &Env) -> Result<Result<Self, &'static str>, heed::Error> {
        let opened = env.open_databases_and_commit(env.read_txn()?, |opener, txn| {
            let mut tables = vec![];
            for name in NAMES {
                match opener.open_database(txn, Some(name))? {
                    Some(table) => tables.push(table),
                    None => return Ok(CommitOrAbort::Abort(name)),
                }
            }
            let tables = <[_; NAMES.len()]>::try_from(tables).expect("as many as there are names");
            Ok::<_, heed::Error>(CommitOrAbort::Commit(tables))
        })?;
        Ok(match opened {
            CommitOrAbort::Commit(tables) => Ok(Self::of(tables)),
            CommitOrAbort::Abort(missing) => Err(missing),
        })
    }

    /// The rows of a tray.
    pub(super) fn pile(&self, tray: u64) -> &Pile {
        if tray.is_multiple_of(2) { &self.tray_even } else { &self.tray_odd }
    }
}

/// A table of sealed records.
pub(super) struct Table<T> {
    name: &'static str,
    rows: Rows,
    holds: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    fn new(name: &'static str, rows: Rows) -> Self {
        Self { name, rows, holds: PhantomData }
    }

    /// The record under `key`, if there is one.
    pub(super) fn find(&self, txn: &RoTxn<'_>, key: &[u8]) -> Result<Option<T>> {
        let bytes = self.rows.get(txn, key)?;
        Ok(bytes.map(|bytes| record::unseal(self.name, key, bytes)).transpose()?)
    }

    /// The record under `key`, if there is one, as a type that borrows from it and is encoded
    /// alike.
    pub(super) fn view<'t, View: Deserialize<'t>>(
        &self,
        txn: &'t RoTxn<'_>,
        key: &[u8],
    ) -> Result<Option<View>> {
        let bytes = self.rows.get(txn, key)?;
        Ok(bytes.map(|bytes| record::unseal(self.name, key, bytes)).transpose()?)
    }

    /// The record under `key`, to which another row points.
    pub(super) fn get(&self, txn: &RoTxn<'_>, key: &[u8]) -> Result<T> {
        self.find(txn, key)?.ok_or(Fault::damaged(self.name, Damage::Missing))
    }

    /// How many records there are.
    pub(super) fn len(&self, txn: &RoTxn<'_>) -> Result<u64> {
        Ok(self.rows.len(txn)?)
    }

    /// Writes a record, over the one that may be there.
    pub(super) fn put(&self, txn: &mut RwTxn<'_>, key: &[u8], value: &T) -> Result<()> {
        let sealed = record::seal(self.name, key, value)?;
        self.put_bytes(txn, key, &sealed)
    }

    /// Writes a record that lay sealed elsewhere.
    pub(super) fn put_bytes(&self, txn: &mut RwTxn<'_>, key: &[u8], sealed: &[u8]) -> Result<()> {
        Ok(self.rows.put(txn, key, sealed)?)
    }

    /// The key of the first record that is not before `key`.
    pub(super) fn next_key<'t>(&self, txn: &'t RoTxn<'_>, key: &[u8]) -> Result<Option<&'t [u8]>> {
        Ok(self.rows.get_greater_than_or_equal_to(txn, key)?.map(|(key, _)| key))
    }

    /// Seals a record, to be written later.
    pub(super) fn seal(&self, key: Key, value: &T) -> Result<Sealed<T>> {
        let bytes = record::seal(self.name, &key, value)?;
        Ok(Sealed { key, bytes, holds: PhantomData })
    }

    /// Writes a sealed record unless there is one under its key, which is told.
    pub(super) fn put_new(&self, txn: &mut RwTxn<'_>, sealed: &Sealed<T>) -> Result<Option<T>> {
        let Sealed { key, bytes, .. } = sealed;
        let known = self.rows.get_or_put(txn, key, bytes)?;
        Ok(known.map(|bytes| record::unseal(self.name, key, bytes)).transpose()?)
    }

    /// Writes a sealed record, over the one that may be there.
    pub(super) fn put_sealed(&self, txn: &mut RwTxn<'_>, sealed: &Sealed<T>) -> Result<()> {
        Ok(self.rows.put(txn, &sealed.key, &sealed.bytes)?)
    }

    /// Removes a record, if it is there.
    pub(super) fn delete(&self, txn: &mut RwTxn<'_>, key: &[u8]) -> Result<()> {
        self.rows.delete(txn, key)?;
        Ok(())
    }

    /// The records whose keys begin with `prefix` and go on with `from` or later.
    pub(super) fn range<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        prefix: &[u8],
        from: &[u8],
    ) -> Result<impl Iterator<Item = Result<(&'t [u8], T)>> + use<'t, T>> {
        let name = self.name;
        let rows = range(self.rows, txn, prefix, from)?;
        Ok(rows.map(move |row| {
            let (key, bytes) = row?;
            Ok((key, record::unseal(name, key, bytes)?))
        }))
    }

    /// The records whose keys begin with `prefix` and go on with less than `end`, if there is one;
    /// the last first.
    pub(super) fn before<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        prefix: &[u8],
        end: Option<&[u8]>,
    ) -> Result<impl Iterator<Item = Result<(&'t [u8], T)>> + use<'t, T>> {
        let name = self.name;
        let rows = before(self.rows, txn, prefix, end)?;
        Ok(rows.map(move |row| {
            let (key, bytes) = row?;
            Ok((key, record::unseal(name, key, bytes)?))
        }))
    }
}

impl<T: DeserializeOwned> Table<T> {
    fn read_row(&self, key: &[u8], bytes: &[u8]) -> Result<()> {
        record::unseal::<T>(self.name, key, bytes)?;
        Ok(())
    }
}

impl<T> Table<T> {
    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// For a record that cannot be what it says.
    pub(super) fn damaged(&self) -> Fault {
        Fault::damaged(self.name, Damage::Encoding)
    }
}

/// A record as it will be written, and its key.
pub(super) struct Sealed<T> {
    key: Key,
    bytes: Vec<u8>,
    holds: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    /// How many bytes the key and the record have.
    pub(super) fn len(&self) -> usize {
        self.key.len() + self.bytes.len()
    }
}

/// A table of rows that only repeat what stands in records, in another order. Their values are
/// plain.
pub(super) struct Index {
    pub(super) name: &'static str,
    rows: Rows,
}

/// Key and value.
pub(super) type Row<'t> = (&'t [u8], &'t [u8]);

impl Index {
    fn new(name: &'static str, rows: Rows) -> Self {
        Self { name, rows }
    }

    /// Only what it repeats can tell whether a row is right.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as of the other tables")]
    fn read_row(&self, _: &[u8], _: &[u8]) -> Result<()> {
        Ok(())
    }

    /// The value under `key`, if there is one.
    pub(super) fn find<'t>(&self, txn: &'t RoTxn<'_>, key: &[u8]) -> Result<Option<&'t [u8]>> {
        Ok(self.rows.get(txn, key)?)
    }

    pub(super) fn put(&self, txn: &mut RwTxn<'_>, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.rows.put(txn, key, value)?)
    }

    pub(super) fn delete(&self, txn: &mut RwTxn<'_>, key: &[u8]) -> Result<()> {
        self.rows.delete(txn, key)?;
        Ok(())
    }

    /// Writes a row instead of another one; one that stays as it is costs nothing.
    pub(super) fn replace(
        &self,
        txn: &mut RwTxn<'_>,
        old: Option<&(Key, Vec<u8>)>,
        new: Option<&(Key, Vec<u8>)>,
    ) -> Result<()> {
        if old == new {
            return Ok(());
        }
        if let Some((key, _)) = old
            && new.is_none_or(|new| new.0 != *key)
        {
            self.delete(txn, key)?;
        }
        new.map_or(Ok(()), |(key, value)| self.put(txn, key, value))
    }

    /// The rows whose keys begin with `prefix` and go on with `from` or later.
    pub(super) fn range<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        prefix: &[u8],
        from: &[u8],
    ) -> Result<impl Iterator<Item = Result<Row<'t>>> + use<'t>> {
        range(self.rows, txn, prefix, from)
    }

    /// The rows from `first` on, up to `end`, which is left out.
    pub(super) fn between<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        first: &[u8],
        end: &[u8],
    ) -> Result<impl Iterator<Item = Result<Row<'t>>> + use<'t>> {
        let rows = self.rows.range(txn, &(Bound::Included(first), Bound::Excluded(end)))?;
        Ok(rows.map(|row| row.map_err(Fault::from)))
    }

    /// The rows whose keys begin with `prefix` and go on with less than `end`, the last first.
    pub(super) fn before<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        prefix: &[u8],
        end: &[u8],
    ) -> Result<impl Iterator<Item = Result<Row<'t>>> + use<'t>> {
        before(self.rows, txn, prefix, Some(end))
    }

    /// For a key that cannot be taken apart.
    pub(super) fn damaged(&self) -> Fault {
        Fault::damaged(self.name, Damage::Encoding)
    }
}
