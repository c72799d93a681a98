//! What follows from records, looked up one by one; and what is there besides.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::hash::{BuildHasher as _, RandomState};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::report::{Problem, Report};
use crate::embedded::fault::Result;
use crate::embedded::tables::{Index, Table};
use crate::embedded::transaction::Read;

/// Told everything that should be there, twice if need be: first it looks whether it is; then, if
/// there turned out to be more rows than that, it remembers of which rows there may be.
pub(in crate::embedded) struct Expected<'r, 'p> {
    report: &'r mut Report,
    progress: &'r mut (dyn FnMut(u64) + 'p),
    /// How many rows of each table follow from something and are there.
    there: BTreeMap<&'static str, u64>,
    /// Hashes of the keys that follow from something, of the tables that have more.
    named: Option<HashMap<&'static str, HashSet<u64>>>,
    hasher: RandomState,
}

impl<'r, 'p> Expected<'r, 'p> {
    pub(super) fn new(report: &'r mut Report, progress: &'r mut (dyn FnMut(u64) + 'p)) -> Self {
        let (there, hasher) = (BTreeMap::new(), RandomState::new());
        Self { report, progress, there, named: None, hasher }
    }

    /// Something is wrong.
    pub(in crate::embedded) fn note(&mut self, table: &'static str, key: &[u8], what: Problem) {
        if self.named.is_none() {
            self.report.note(table, key, what);
        }
    }

    /// A room cannot be folded again.
    pub(in crate::embedded) fn pass_over_room(&mut self) {
        if self.named.is_none() {
            self.report.rooms_passed_over += 1;
        }
    }

    /// A row of an index follows from a record.
    pub(in crate::embedded) fn row(
        &mut self,
        read: Read<'_>,
        index: &Index,
        key: &[u8],
        value: &[u8],
    ) -> Result<()> {
        if self.is_only_named(index.name, key) {
            return Ok(());
        }
        let found = index.find(read.txn, key)?;
        self.look(index.name, key, found.map(|found| found == value));
        Ok(())
    }

    /// A record of a table follows from others; what it says too, if that is given.
    pub(in crate::embedded) fn record<T: Serialize + DeserializeOwned + PartialEq>(
        &mut self,
        read: Read<'_>,
        table: &Table<T>,
        key: &[u8],
        value: Option<&T>,
    ) -> Result<()> {
        if self.is_only_named(table.name(), key) {
            return Ok(());
        }
        let found = table.find(read.txn, key)?;
        let is_right = found.map(|found| value.is_none_or(|value| found == *value));
        self.look(table.name(), key, is_right);
        Ok(())
    }

    /// A row is there, and is right as far as anybody can tell.
    pub(in crate::embedded) fn take(&mut self, table: &'static str, key: &[u8]) {
        if !self.is_only_named(table, key) {
            self.look(table, key, Some(true));
        }
    }

    /// A figure is this.
    pub(in crate::embedded) fn figure<T: PartialEq + Debug>(
        &mut self,
        (table, key): (&'static str, &[u8]),
        told: &T,
        there: &T,
    ) {
        if told != there {
            let (told, there) = (format!("{told:?}"), format!("{there:?}"));
            self.note(table, key, Problem::Miscounted { told, there });
        }
    }

    fn look(&mut self, table: &'static str, key: &[u8], is_right: Option<bool>) {
        self.report.looked_at += 1;
        (self.progress)(self.report.looked_at);
        let there = self.there.entry(table).or_default();
        *there += u64::from(is_right.is_some());
        match is_right {
            None => self.report.note(table, key, Problem::Missing),
            Some(false) => self.report.note(table, key, Problem::Different),
            Some(true) => {}
        }
    }

    fn is_only_named(&mut self, table: &'static str, key: &[u8]) -> bool {
        let Some(named) = &mut self.named else { return false };
        if let Some(named) = named.get_mut(table) {
            named.insert(self.hasher.hash_one(key));
        }
        true
    }

    /// To be told everything once more, if there is more than follows from records.
    pub(super) fn with_names_of_the_rest(mut self) -> Option<Self> {
        let mut more = vec![];
        for table in DERIVED {
            let len = |lens: &BTreeMap<_, u64>| lens.get(table).copied().unwrap_or(0);
            if len(&self.report.rows) > len(&self.there) {
                more.push(table);
            }
        }
        if more.is_empty() {
            return None;
        }
        self.named = Some(more.into_iter().map(|table| (table, HashSet::new())).collect());
        Some(self)
    }

    /// A row is there: notes it, if it follows from nothing.
    pub(super) fn name_if_extra(&mut self, table: &'static str, key: &[u8]) {
        let named = self.named.as_ref().and_then(|named| named.get(table));
        if named.is_some_and(|named| !named.contains(&self.hasher.hash_one(key))) {
            self.report.note(table, key, Problem::Extra);
        }
    }
}

/// The tables of which every row follows from records of others. Those that are in none of them
/// have records of their own.
const DERIVED: [&str; 23] = [
    "tags",
    "tag_counts",
    "populations",
    "restarts",
    "watched_rooms",
    "by_app",
    "by_room",
    "by_participant",
    "aged",
    "sums",
    "crowds",
    "senders",
    "figures",
    "dead_of_app",
    "broadcast_progress",
    "room_events",
    "facts",
    "closers",
    "first_joins",
    "calls",
    "watched",
    "uncalled",
    "minted",
];
