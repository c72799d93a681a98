//! How many stays began and ended in each second, and sums of that: so that `Total` and the second
//! in which a page begins are found without visiting rows.
//!
//! A scope has a row for each 64 seconds in which a stay began or ended, with the sum and each of
//! the seconds; one sum for each 64 of those that have any, and one for each 64 of these. What
//! happened before an instant is at most 63 rows of each level and a part of one; the same rows,
//! walked down from the top, tell in which second the n-th began.

use std::collections::BTreeMap;

use domain::AppId;
use domain::ids::RoomId;
use serde::{Deserialize, Serialize};

use super::index::Scope;
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts};
use crate::embedded::tables::{Index, Row};
use crate::embedded::transaction::{Read, Write};
use crate::record;

/// Each bucket of a level is as long as 64 of the level below, and those of the lowest are as long
/// as 64 seconds.
const BUCKET_BITS: u32 = 6;

/// 64 seconds, then 64 of those (68 minutes), then 64 of those (three days). Of the last there is
/// one for every three days that the log reaches back.
const LEVELS: u8 = 3;

/// The beginning of the keys of a scope's sums; also of its crowds.
pub(super) fn prefix(scope: Scope<'_>) -> Key {
    match scope {
        Scope::App(app) => Key::new().u32(app.0).u8(0),
        Scope::Room(app, room) => Key::new().u32(app.0).u8(1).text(room.as_str()),
    }
}

/// How many stays, of clients and of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kinds {
    pub(super) clients: u64,
    pub(super) servers: u64,
}

impl Kinds {
    pub(super) fn selected(self, with_servers: bool) -> u64 {
        if with_servers { self.all() } else { self.clients }
    }

    pub(super) fn all(self) -> u64 {
        self.clients + self.servers
    }

    fn plus(self, other: Self) -> Self {
        Self { clients: self.clients + other.clients, servers: self.servers + other.servers }
    }

    /// One more.
    pub(super) fn add(&mut self, is_server: bool) {
        match is_server {
            true => self.servers += 1,
            false => self.clients += 1,
        }
    }

    /// `None` if it would be less than nothing.
    pub(super) fn changed(self, change: KindsChange) -> Option<Self> {
        Some(Self {
            clients: self.clients.checked_add_signed(change.clients)?,
            servers: self.servers.checked_add_signed(change.servers)?,
        })
    }
}

/// By how much a number of stays changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KindsChange {
    clients: i64,
    servers: i64,
}

impl KindsChange {
    pub(super) fn add(&mut self, is_server: bool, change: i64) {
        match is_server {
            true => self.servers += change,
            false => self.clients += change,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self { clients: self.clients + other.clients, servers: self.servers + other.servers }
    }
}

/// How many stays began and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) began: Kinds,
    pub(super) ended: Kinds,
}

/// By how much they change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SumsChange {
    pub(super) began: KindsChange,
    pub(super) ended: KindsChange,
}

impl SumsChange {
    pub(super) fn plus(self, other: Self) -> Self {
        Self { began: self.began.plus(other.began), ended: self.ended.plus(other.ended) }
    }
}

impl Sums {
    fn plus(self, other: Self) -> Self {
        Self { began: self.began.plus(other.began), ended: self.ended.plus(other.ended) }
    }

    /// `None` if it would be less than nothing.
    fn changed(self, change: SumsChange) -> Option<Self> {
        let (began, ended) = (self.began.changed(change.began)?, self.ended.changed(change.ended)?);
        Some(Self { began, ended })
    }
}

/// A row of the lowest level. It begins as those of the others are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seconds {
    all: Sums,
    /// Those in which there was anything, by their place among the 64.
    each: Vec<(u8, Sums)>,
}

impl Seconds {
    /// Changes what began and ended in one of them, and tells how it is afterwards; `None` if it
    /// would be less than nothing.
    fn change(&mut self, second: i64, by: SumsChange) -> Option<Sums> {
        let place = place_of(second);
        self.all = self.all.changed(by)?;
        match self.each.binary_search_by_key(&place, |it| it.0) {
            Ok(at) => {
                let now = self.each[at].1.changed(by)?;
                match now == Sums::default() {
                    true => drop(self.each.remove(at)),
                    false => self.each[at].1 = now,
                }
                Some(now)
            }
            Err(at) => {
                let now = Sums::default().changed(by)?;
                if now != Sums::default() {
                    self.each.insert(at, (place, now));
                }
                Some(now)
            }
        }
    }
}

/// The place of a second among the 64 of its bucket.
fn place_of(second: i64) -> u8 {
    (second & ((1 << BUCKET_BITS) - 1)) as u8
}

/// Numbers that are mostly small, in the encoding of records.
pub(super) fn encode<T: Serialize>(table: &Index, value: &T) -> Result<Vec<u8>> {
    let unencodable = |source| record::Fault::Unencodable { table: table.name, source };
    Ok(postcard::to_allocvec(value).map_err(unencodable)?)
}

/// What a value begins with.
pub(super) fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Option<T> {
    postcard::take_from_bytes(bytes).ok().map(|it| it.0)
}

/// A row; an empty one if there is none.
fn find<'t, T: Default + Deserialize<'t>>(read: Read<'t>, key: &Key) -> Result<T> {
    let table = &read.tables.sums;
    match table.find(read.txn, key)? {
        Some(value) => decode(value).ok_or_else(|| table.damaged()),
        None => Ok(T::default()),
    }
}

/// The sums of one scope.
pub(super) struct SumsOf<'t> {
    read: Read<'t>,
    prefix: Key,
}

impl<'t> SumsOf<'t> {
    pub(super) fn of_app(read: Read<'t>, app: AppId) -> Self {
        Self { read, prefix: prefix(Scope::App(app)) }
    }

    /// `None` for a room that is not large: only of those that are there is anything.
    pub(super) fn of_room(read: Read<'t>, app: AppId, room: &RoomId) -> Result<Option<Self>> {
        let sums = Self { read, prefix: prefix(Scope::Room(app, room)) };
        Ok((!sums.is_empty()?).then_some(sums))
    }

    /// Whether there are no stays.
    pub(super) fn is_empty(&self) -> Result<bool> {
        let top = self.prefix.clone().u8(LEVELS - 1);
        let first = self.read.tables.sums.range(self.read.txn, &top, &[])?.next().transpose()?;
        Ok(first.is_none())
    }

    /// What began and ended before a second.
    pub(super) fn before(&self, second: i64) -> Result<Sums> {
        let mut sums = Sums::default();
        let mut first = i64::MIN;
        for level in (0..LEVELS).rev() {
            let end = bucket_of(second, level);
            self.walk(level, first, |bucket, row| {
                let is_before = bucket < end;
                if is_before {
                    sums = sums.plus(row);
                }
                is_before
            })?;
            first = end << BUCKET_BITS;
        }
        let each = self.seconds(bucket_of(second, 0))?.each;
        let before = each.iter().take_while(|it| it.0 < place_of(second));
        Ok(before.fold(sums, |sums, it| sums.plus(it.1)))
    }

    /// The second in which a stay began before which exactly `rank` others or fewer did, and how
    /// many of its own second are before it. `None` if fewer began.
    pub(super) fn began_at(&self, rank: u64, with_servers: bool) -> Result<Option<(i64, u64)>> {
        let mut left = rank;
        let mut first = i64::MIN;
        for level in (0..LEVELS).rev() {
            let mut found = None;
            self.walk(level, first, |bucket, row| {
                let began = row.began.selected(with_servers);
                if left < began {
                    found = Some(bucket);
                } else {
                    left -= began;
                }
                found.is_none()
            })?;
            let Some(bucket) = found else { return Ok(None) };
            first = bucket << BUCKET_BITS;
        }
        for (place, sums) in self.seconds(first >> BUCKET_BITS)?.each {
            let began = sums.began.selected(with_servers);
            if left < began {
                return Ok(Some((first + i64::from(place), left)));
            }
            left -= began;
        }
        // The sum of a row is that of its seconds.
        Err(self.read.tables.sums.damaged())
    }

    /// A row of the lowest level; an empty one if there is none.
    fn seconds(&self, bucket: i64) -> Result<Seconds> {
        find(self.read, &self.prefix.clone().u8(0).time(bucket))
    }

    /// Shows the rows of a level from a bucket on, as long as `next` wants more.
    fn walk(&self, level: u8, first: i64, mut next: impl FnMut(i64, Sums) -> bool) -> Result<()> {
        let table = &self.read.tables.sums;
        let first = self.prefix.clone().u8(level).time(first);
        let end = self.prefix.clone().u8(level + 1);
        for row in table.between(self.read.txn, &first, &end)? {
            let (bucket, sums) = self.parse(row?).ok_or_else(|| table.damaged())?;
            if !next(bucket, sums) {
                break;
            }
        }
        Ok(())
    }

    fn parse(&self, (key, value): Row<'_>) -> Option<(i64, Sums)> {
        let mut parts = KeyParts(key.get(self.prefix.len() + size_of::<u8>()..)?);
        Some((parts.time()?, decode(value)?))
    }
}

fn bucket_of(second: i64, level: u8) -> i64 {
    second >> (BUCKET_BITS * (u32::from(level) + 1))
}

/// Changes what began and ended in some seconds, which come in order, and tells of each how it is
/// afterwards.
pub(super) fn change(
    write: &mut Write<'_>,
    scope: Scope<'_>,
    changes: impl IntoIterator<Item = (i64, SumsChange)>,
) -> Result<Vec<(i64, Sums)>> {
    let prefix = prefix(scope);
    let changes: Vec<(i64, SumsChange)> = changes.into_iter().collect();
    let mut seconds = vec![];
    let mut level = vec![];
    for of_bucket in changes.chunk_by(|one, other| bucket_of(one.0, 0) == bucket_of(other.0, 0)) {
        let bucket = bucket_of(of_bucket[0].0, 0);
        let key = prefix.clone().u8(0).time(bucket);
        seconds.extend(change_seconds(write, &key, of_bucket)?);
        level.push((bucket, sum_of(of_bucket)));
    }
    for number in 1..LEVELS {
        let above = |it: &(i64, SumsChange)| bucket_of(it.0, 0);
        let buckets = level.chunk_by(|one, other| above(one) == above(other));
        level = buckets.map(|below| (above(&below[0]), sum_of(below))).collect();
        for (bucket, by) in &level {
            change_sum(write, &prefix.clone().u8(number).time(*bucket), *by)?;
        }
    }
    Ok(seconds)
}

fn sum_of(changes: &[(i64, SumsChange)]) -> SumsChange {
    changes.iter().fold(SumsChange::default(), |sum, it| sum.plus(it.1))
}

fn change_seconds(
    write: &mut Write<'_>,
    key: &Key,
    changes: &[(i64, SumsChange)],
) -> Result<Vec<(i64, Sums)>> {
    let mut row: Seconds = find(write.read(), key)?;
    let table = &write.tables.sums;
    let change = |&(second, by): &(i64, SumsChange)| {
        let now = row.change(second, by).ok_or_else(|| table.damaged())?;
        Ok((second, now))
    };
    let now = changes.iter().map(change).collect::<Result<_>>()?;
    match row.each.is_empty() {
        true => table.delete(&mut write.txn, key)?,
        false => table.put(&mut write.txn, key, &encode(table, &row)?)?,
    }
    Ok(now)
}

fn change_sum(write: &mut Write<'_>, key: &Key, by: SumsChange) -> Result<()> {
    if by == SumsChange::default() {
        return Ok(());
    }
    let old: Sums = find(write.read(), key)?;
    let table = &write.tables.sums;
    match old.changed(by).ok_or_else(|| table.damaged())? {
        none if none == Sums::default() => table.delete(&mut write.txn, key),
        new => table.put(&mut write.txn, key, &encode(table, &new)?),
    }
}

/// All the rows that these seconds make, added up one by one.
pub(super) fn rows_of(
    table: &Index,
    prefix: &Key,
    seconds: &BTreeMap<i64, Sums>,
) -> Result<Vec<(Key, Vec<u8>)>> {
    let key = |level: u8, bucket: i64| prefix.clone().u8(level).time(bucket);
    let mut rows: BTreeMap<i64, Seconds> = BTreeMap::new();
    let mut sums: BTreeMap<(u8, i64), Sums> = BTreeMap::new();
    for (second, sum) in seconds {
        let row = rows.entry(bucket_of(*second, 0)).or_default();
        row.all = row.all.plus(*sum);
        row.each.push((place_of(*second), *sum));
        for level in 1..LEVELS {
            let all = sums.entry((level, bucket_of(*second, level))).or_default();
            *all = all.plus(*sum);
        }
    }
    let rows = rows.iter().map(|(bucket, row)| Ok((key(0, *bucket), encode(table, row)?)));
    let above =
        sums.iter().map(|((level, bucket), sum)| Ok((key(*level, *bucket), encode(table, sum)?)));
    rows.chain(above).collect()
}
