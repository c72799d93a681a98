//! Who comes straight into `users`, and who is laid into a tray first.

use std::collections::HashMap;

use super::emptying;
use super::pile::Lying;
use crate::embedded::fault::Result;
use crate::embedded::key::Key;
use crate::embedded::transaction::Write;

/// Whoever shares a page of `users` with so many others of their group goes there at once: moving
/// later would not be cheaper.
const NEIGHBOURS_MIN: usize = if cfg!(test) { 3 } else { 4 };

/// So many scattered users must come in a group for a tray to be worth it: a few pages are written
/// in no time beside what a commit takes anyhow, and readers have one place less to look.
const SCATTERED_MIN: usize = if cfg!(test) { 1 } else { 64 };

/// Whose record is longer, in bytes, takes so much of a page that nothing is gained.
const SEALED_LEN_MAX: usize = 1 << 10;

/// Someone who is new, and their record: an empty one, if they went again.
type Arrival = (Key, Vec<u8>);

/// Those who are new in a group, as they came, until it is known who they all are.
#[derive(Default)]
pub(super) struct Arrivals {
    all: Vec<Arrival>,
    /// By the hash of their key; of those with the same hash, the first.
    places: HashMap<u64, usize>,
}

impl Arrivals {
    /// Where someone is, if they are new and did not go again.
    pub(super) fn find(&self, hash: u64, key: &Key) -> Option<usize> {
        self.place(hash, key).filter(|place| !self.all[*place].1.is_empty())
    }

    fn place(&self, hash: u64, key: &Key) -> Option<usize> {
        let place = *self.places.get(&hash)?;
        match self.all[place].0 == *key {
            true => Some(place),
            false => self.all.iter().position(|(other, _)| other == key),
        }
    }

    pub(super) fn sealed(&self, place: usize) -> &[u8] {
        &self.all[place].1
    }

    pub(super) fn put(&mut self, place: usize, sealed: Vec<u8>) {
        self.all[place].1 = sealed;
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.all[place].1.clear();
    }

    pub(super) fn add(&mut self, hash: u64, key: Key, sealed: Vec<u8>) {
        if let Some(place) = self.place(hash, &key) {
            return self.put(place, sealed);
        }
        self.places.entry(hash).or_insert(self.all.len());
        self.all.push((key, sealed));
    }
}

/// Gives everybody who came a place; tells how many there were for a tray, if it took them or not.
pub(super) fn place(write: &mut Write<'_>) -> Result<u32> {
    let arrivals = std::mem::take(&mut write.trays.arrivals).all;
    let mut sorted: Vec<&Arrival> =
        arrivals.iter().filter(|(_, sealed)| !sealed.is_empty()).collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (mut straight, scattered) = part(write, sorted)?;
    let is_worth_it = scattered.len() >= SCATTERED_MIN;
    let count = if is_worth_it { u32::try_from(scattered.len()).unwrap_or(u32::MAX) } else { 0 };
    if is_worth_it && make_room(write, scattered.len()) {
        lay(write, &scattered)?;
    } else if !scattered.is_empty() {
        straight.extend(scattered);
        straight.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    for (key, sealed) in straight {
        write.tables.users.put_bytes(&mut write.txn, key, sealed)?;
    }
    Ok(count)
}

/// Parts those who share a page with others from those who are scattered.
fn part<'a>(
    write: &Write<'_>,
    sorted: Vec<&'a Arrival>,
) -> Result<(Vec<&'a Arrival>, Vec<&'a Arrival>)> {
    if sorted.len() < SCATTERED_MIN {
        return Ok((sorted, vec![]));
    }
    let pages = pages_of(write, &sorted)?;
    let (mut near, mut scattered) = (vec![], vec![]);
    let mut sorted = sorted.into_iter();
    for count in pages.chunk_by(|one, other| one == other).map(<[_]>::len) {
        for arrival in sorted.by_ref().take(count) {
            let is_near = count >= NEIGHBOURS_MIN || arrival.1.len() > SEALED_LEN_MAX;
            if is_near { near.push(arrival) } else { scattered.push(arrival) }
        }
    }
    Ok((near, scattered))
}

/// On which page of `users` each would come, as a number that is the same for the same page.
fn pages_of(write: &Write<'_>, sorted: &[&Arrival]) -> Result<Vec<usize>> {
    /// LMDB's, on nearly every machine. With others, neighbours are told a little worse.
    const PAGE_LEN: usize = 4_096;
    // Whoever comes before the same key as the one before comes to the same page.
    let mut next: Option<Option<&[u8]>> = None;
    let mut page_of = |(key, _): &&Arrival| {
        let found = match next {
            Some(found) if found.is_none_or(|found| **key < *found) => found,
            _ => write.tables.users.next_key(&write.txn, key)?,
        };
        next = Some(found);
        // A key lies in its page, and a page at its place in the map.
        Ok(found.map_or(0, |found| found.as_ptr().addr() / PAGE_LEN))
    };
    sorted.iter().map(&mut page_of).collect()
}

/// Whether the tray that is filled takes so many; takes the next one if it can.
fn make_room(write: &mut Write<'_>, count: usize) -> bool {
    let takes = |write: &mut Write<'_>| {
        let filling = write.trays.progress.filling;
        write.trays.map(filling).room() as usize >= count
    };
    if takes(write) {
        return true;
    }
    if write.trays.progress.emptying.is_some() {
        return false;
    }
    emptying::turn(write);
    takes(write)
}

/// Lays users, who are in the order of their keys, into the tray that is filled.
fn lay(write: &mut Write<'_>, users: &[&Arrival]) -> Result<()> {
    let Write { tables, txn, trays, .. } = write;
    let filling = trays.progress.filling;
    let map = trays.map(filling);
    let rows = &mut trays.progress.rows;
    let runs = trays.work.runs(filling);
    // Without those of a commit that failed.
    runs.retain(|first| first < rows);
    runs.push(*rows);
    for (key, sealed) in users {
        map.add(trays.shared.hash(key), *rows);
        tables.pile(filling).append(txn, *rows, Lying { key, sealed })?;
        *rows += 1;
    }
    Ok(())
}
