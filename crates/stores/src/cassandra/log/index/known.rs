//! What this process has written and a quorum has, so that it need not write it again. It is
//! forgotten when there is too much of it; then it is written again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use super::place::Scope;

/// How many things of each sort are remembered.
const REMEMBERED_MAX: usize = 50_000;

/// App, scope, level, bucket and shard of a node.
pub(super) type Reached = (i64, Scope, u8, i64, i32);

/// What this process has written.
#[derive(Default)]
pub(super) struct Known {
    /// Apps that are in the list of apps.
    pub(super) apps: Memory<i64, ()>,
    /// Up to when nodes reach.
    pub(super) reaches: Memory<Reached, i64>,
}

/// Values that only grow.
pub(super) struct Memory<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Ord> Memory<K, V> {
    /// Whether this value or a greater one is written.
    pub(super) fn has(&self, key: &K, value: V) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).is_some_and(|known| *known >= value)
    }

    /// Remembers what is written.
    pub(super) fn add(&self, written: impl IntoIterator<Item = (K, V)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in written {
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_smaller_is_written_too() {
        let memory = Memory::default();
        memory.add([("a", 5)]);
        assert_eq!([4, 5, 6].map(|value| memory.has(&"a", value)), [true, true, false]);
        assert!(!memory.has(&"b", 0));
        memory.add((0..REMEMBERED_MAX).map(|_| ("c", 1)));
        assert!(memory.has(&"c", 1));
    }
}
