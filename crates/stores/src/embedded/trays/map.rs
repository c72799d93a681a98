//! Where in a tray somebody may lie: a table that only grows, into which one thread writes while
//! everybody reads, without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Rows by the hash of their key. A slot is 0, or the upper half of the hash and the row plus one.
///
/// A row may be named that is not there, or that is somebody else's: two keys may share half a
/// hash, and what was added for a commit that failed stays. So it tells where to look, not what is
/// so.
pub(super) struct Map {
    /// Twice as many as there may be entries, so that a free one is near; their number is a power
    /// of two.
    slots: Box<[AtomicU64]>,
    len: AtomicU32,
    len_max: u32,
}

impl Map {
    pub(super) fn new(len_max: u32) -> Self {
        let slots = (2 * len_max as usize).next_power_of_two();
        let slots = (0..slots).map(|_| AtomicU64::new(0)).collect();
        Self { slots, len: AtomicU32::new(0), len_max }
    }

    /// How many more entries it takes.
    pub(super) fn room(&self) -> u32 {
        self.len_max - self.len.load(Ordering::Relaxed)
    }

    /// Adds an entry, for which there must be room. Only one thread does.
    pub(super) fn add(&self, hash: u64, row: u32) {
        assert!(self.room() > 0, "a tray with more users than it takes");
        let entry = hash >> 32 << 32 | (u64::from(row) + 1);
        let free = self.places(hash).find(|slot| slot.load(Ordering::Relaxed) == 0);
        free.expect("half of the slots are free").store(entry, Ordering::Release);
        self.len.fetch_add(1, Ordering::Relaxed);
    }

    /// The rows that may have a key with this hash.
    pub(super) fn find(&self, hash: u64) -> impl Iterator<Item = u32> {
        let entries = self.places(hash).map(|slot| slot.load(Ordering::Acquire));
        let same = move |entry: &u64| entry >> 32 == hash >> 32;
        entries.take_while(|entry| *entry != 0).filter(same).map(|entry| {
            // The lower half.
            #[expect(clippy::cast_possible_truncation, reason = "it is what is wanted")]
            let row_and_one = entry as u32;
            row_and_one - 1
        })
    }

    /// All slots, from that of the hash on.
    fn places(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        #[expect(clippy::cast_possible_truncation, reason = "only the lower bits are wanted")]
        let first = hash as usize & (self.slots.len() - 1);
        self.slots[first..].iter().chain(&self.slots[..first])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_however_full_and_however_alike() {
        let map = Map::new(100);
        // Ten hashes end alike, and each comes ten times.
        let hash = |row: u32| u64::from(row % 10) << 32 | 0xff;
        (0..100).for_each(|row| map.add(hash(row), row));
        assert_eq!(map.room(), 0);
        for digit in 0..10 {
            let found: Vec<u32> = map.find(hash(digit)).collect();
            let expected: Vec<u32> = (0..10).map(|tens| 10 * tens + digit).collect();
            assert_eq!(found, expected);
        }
        assert_eq!(map.find(10 << 32 | 0xff).count(), 0);
    }
}
