//! A transaction together with the tables that it is about.

use heed::{RoTxn, RwTxn, WithoutTls};

use super::directory::Census;
use super::fault::Result;
use super::log::Tally;
use super::tables::Tables;
use super::trays;

/// The map of the folder's file, and what makes transactions of it.
pub(super) type Env = heed::Env<WithoutTls>;

/// One that reads.
#[derive(Clone, Copy)]
pub(super) struct Read<'t> {
    pub(super) tables: &'t Tables,
    pub(super) txn: &'t RoTxn<'t>,
}

/// One that writes, and reads what it wrote.
pub(super) struct Write<'t> {
    pub(super) tables: &'t Tables,
    pub(super) txn: RwTxn<'t>,
    /// What of its changes is still to be counted.
    pub(super) tally: Tally,
    pub(super) trays: trays::Group<'t>,
    /// How many came and went, of all and by tags.
    pub(super) census: Census,
}

impl<'t> Write<'t> {
    /// For what only reads.
    pub(super) fn read(&self) -> Read<'_> {
        Read { tables: self.tables, txn: &self.txn }
    }

    /// What is left to do: to commit, and then to tell how far users have moved.
    pub(super) fn end(self) -> (RwTxn<'t>, trays::Progress) {
        (self.txn, self.trays.progress)
    }

    /// The next number of a kind; none is given twice.
    pub(super) fn next_number(&mut self, kind: &str) -> Result<u64> {
        let counters = &self.tables.counters;
        let number = counters.find(&self.txn, kind.as_bytes())?.unwrap_or(0);
        counters.put(&mut self.txn, kind.as_bytes(), &(number + 1))?;
        Ok(number)
    }
}
