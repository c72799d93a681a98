//! What a store keeps of an app's broadcasts besides the broadcasts: which there are, which are
//! under way, and how many were accepted when. Every store keeps this very record, and changes it
//! in one step with the broadcasts that it is about.

use serde::{Deserialize, Serialize};

use super::store::Open;
use super::{KEPT_MAX, OPEN_MAX};

/// How many acceptances of one action are remembered: more than any quota counts.
pub const REMEMBERED_MAX: usize = 128;

/// How many actions there are at most.
const ACTIONS_MAX: usize = 16;

/// How many broadcasts of one action are accepted from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Since when is counted.
    pub since_unix_us: i64,
    /// How many there may be, [`REMEMBERED_MAX`] at most.
    pub max: usize,
}

/// An app's broadcasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    last_id: u64,
    /// All that there are, ascending.
    kept: Vec<u64>,
    /// Those of them that are not over, ascending.
    open: Vec<u64>,
    accepted: Vec<OfAction>,
}

/// When broadcasts of one action were accepted last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OfAction {
    action: String,
    unix_us: Vec<i64>,
}

/// What becomes of a new broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It has this id, and these have to go.
    Made {
        /// The new one.
        id: u64,
        /// Some that are over.
        gone: Vec<u64>,
    },
    /// As many of its action were accepted as may be.
    OverQuota,
    /// As many are under way as may be.
    TooManyOpen,
}

impl Ledger {
    /// Enters a broadcast; changes nothing if it is not made.
    pub fn enter(&mut self, action: &str, now_unix_us: i64, quota: Option<Quota>) -> Entry {
        let known = self.accepted.iter().position(|known| known.action == action);
        if let (Some(known), Some(quota)) = (known, quota) {
            let counts = |accepted: &&i64| **accepted >= quota.since_unix_us;
            let count = self.accepted[known].unix_us.iter().filter(counts).count();
            if count >= quota.max {
                return Entry::OverQuota;
            }
        }
        if self.open.len() >= OPEN_MAX {
            return Entry::TooManyOpen;
        }
        self.remember(known, action, now_unix_us);
        // From 1, so that all are behind 0.
        self.last_id += 1;
        self.kept.push(self.last_id);
        self.open.push(self.last_id);
        let too_many = self.kept.len().saturating_sub(KEPT_MAX);
        let over = self.kept.iter().copied().filter(|id| !self.is_open(*id));
        let gone: Vec<u64> = over.take(too_many).collect();
        self.remove(&gone);
        Entry::Made { id: self.last_id, gone }
    }

    fn remember(&mut self, known: Option<usize>, action: &str, now_unix_us: i64) {
        let place = known.unwrap_or_else(|| {
            if self.accepted.len() >= ACTIONS_MAX {
                self.accepted.remove(0);
            }
            self.accepted.push(OfAction { action: action.to_owned(), unix_us: vec![] });
            self.accepted.len() - 1
        });
        let unix_us = &mut self.accepted[place].unix_us;
        if unix_us.len() >= REMEMBERED_MAX {
            unix_us.remove(0);
        }
        unix_us.push(now_unix_us);
    }

    /// Notes whether a broadcast is over; tells whether that is news.
    pub fn note(&mut self, id: u64, is_over: bool) -> bool {
        match self.open.binary_search(&id) {
            Ok(place) if is_over => {
                self.open.remove(place);
                true
            }
            Err(place) if !is_over && self.kept.binary_search(&id).is_ok() => {
                self.open.insert(place, id);
                true
            }
            _ => false,
        }
    }

    /// Strikes out some that are over.
    pub fn remove(&mut self, gone: &[u64]) {
        self.kept.retain(|id| !gone.contains(id));
        self.open.retain(|id| !gone.contains(id));
    }

    /// Those that are not over.
    pub fn open(&self) -> Open {
        Open { ids: self.open.clone(), last_id: self.last_id }
    }

    /// Those that are over, ascending.
    pub fn over(&self) -> impl Iterator<Item = u64> + '_ {
        self.kept.iter().copied().filter(|id| !self.is_open(*id))
    }

    /// Those behind one, ascending.
    pub fn behind(&self, after: Option<u64>) -> impl Iterator<Item = u64> + '_ {
        let first = after.map_or(0, |after| self.kept.partition_point(|id| *id <= after));
        self.kept[first..].iter().copied()
    }

    /// Whether there is such a broadcast.
    pub fn has(&self, id: u64) -> bool {
        self.kept.binary_search(&id).is_ok()
    }

    fn is_open(&self, id: u64) -> bool {
        self.open.binary_search(&id).is_ok()
    }
}
