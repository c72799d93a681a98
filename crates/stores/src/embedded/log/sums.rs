//! How many stays began and ended in each second, and sums of that: so that `Total` and the second
//! in which a page begins are found without visiting rows.
//!
//! A scope has a row for each second in which a stay began or ended, one for each 64 seconds that
//! have any, one for each 64 of those, and so on. What happened before an instant is at most 63
//! rows of each level; the same rows, walked down from the top, tell in which second the n-th
//! began.

use domain::AppId;
use domain::ids::RoomId;

use super::index::Scope;
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts};
use crate::embedded::tables::Row;
use crate::embedded::transaction::{Read, Write};

/// Each bucket of a level is as long as 64 of the level below.
const BUCKET_BITS: u32 = 6;

/// Seconds, then 64 of them, then 64 of those (68 minutes), then 64 of those (three days). Of the
/// last there is one for every three days that the log reaches back.
const LEVELS: u8 = 4;

/// The beginning of the keys of a scope's sums; also of its crowds.
pub(super) fn prefix(scope: Scope<'_>) -> Key {
    match scope {
        Scope::App(app) => Key::new().u32(app.0).u8(0),
        Scope::Room(app, room) => Key::new().u32(app.0).u8(1).text(room.as_str()),
    }
}

/// How many stays, of clients and of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

const NUMBER_LEN: usize = size_of::<u64>();

impl Sums {
    fn plus(self, other: Self) -> Self {
        Self { began: self.began.plus(other.began), ended: self.ended.plus(other.ended) }
    }

    fn encode(self) -> [u8; 4 * NUMBER_LEN] {
        let Self { began, ended } = self;
        let numbers = [began.clients, began.servers, ended.clients, ended.servers];
        let mut bytes = [0; 4 * NUMBER_LEN];
        for (into, number) in bytes.chunks_exact_mut(NUMBER_LEN).zip(numbers) {
            into.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut parts = KeyParts(bytes);
        let mut kinds = || Some(Kinds { clients: parts.u64()?, servers: parts.u64()? });
        Some(Self { began: kinds()?, ended: kinds()? })
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
        Ok(sums)
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
            first = if level == 0 { bucket } else { bucket << BUCKET_BITS };
        }
        Ok(Some((first, left)))
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
        Some((parts.time()?, Sums::decode(value)?))
    }
}

fn bucket_of(second: i64, level: u8) -> i64 {
    second >> (BUCKET_BITS * u32::from(level))
}

/// Changes what began and ended in a second, and tells how it is afterwards.
pub(super) fn change(
    write: &mut Write<'_>,
    scope: Scope<'_>,
    changes: impl IntoIterator<Item = (i64, SumsChange)>,
) -> Result<Vec<(i64, Sums)>> {
    let prefix = prefix(scope);
    // The seconds come in order, so those of one bucket stand together.
    let mut level: Vec<(i64, SumsChange)> = changes.into_iter().collect();
    let mut seconds = vec![];
    for number in 0..LEVELS {
        for (bucket, by) in &level {
            let now = change_row(write, &prefix.clone().u8(number).time(*bucket), *by)?;
            if number == 0 {
                seconds.push((*bucket, now));
            }
        }
        let mut above: Vec<(i64, SumsChange)> = vec![];
        for (bucket, by) in level {
            let bucket = bucket_of(bucket, 1);
            match above.last_mut() {
                Some(last) if last.0 == bucket => last.1 = last.1.plus(by),
                _ => above.push((bucket, by)),
            }
        }
        level = above;
    }
    Ok(seconds)
}

fn change_row(write: &mut Write<'_>, key: &Key, by: SumsChange) -> Result<Sums> {
    let table = &write.tables.sums;
    let old = match table.find(&write.txn, key)? {
        Some(value) => Sums::decode(value).ok_or_else(|| table.damaged())?,
        None => Sums::default(),
    };
    let began = old.began.changed(by.began).ok_or_else(|| table.damaged())?;
    let ended = old.ended.changed(by.ended).ok_or_else(|| table.damaged())?;
    let new = Sums { began, ended };
    if new == Sums::default() {
        table.delete(&mut write.txn, key)?;
    } else if new != old {
        table.put(&mut write.txn, key, &new.encode())?;
    }
    Ok(new)
}

/// All the rows that these stays make, counted one by one.
#[cfg(test)]
pub(super) fn rows_of<'s>(
    prefix: &Key,
    stays: impl Iterator<Item = &'s domain::log::Stay>,
) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = std::collections::BTreeMap::<Vec<u8>, Sums>::new();
    for stay in stays {
        for level in 0..LEVELS {
            let key = |second| prefix.clone().u8(level).time(bucket_of(second, level)).to_vec();
            let count = |kinds: &mut Kinds| match stay.is_server() {
                true => kinds.servers += 1,
                false => kinds.clients += 1,
            };
            count(&mut rows.entry(key(stay.created_unix_s())).or_default().began);
            if let Some(left) = stay.left_unix_s() {
                count(&mut rows.entry(key(left)).or_default().ended);
            }
        }
    }
    rows.into_iter().map(|(key, sums)| (key, sums.encode().to_vec())).collect()
}
