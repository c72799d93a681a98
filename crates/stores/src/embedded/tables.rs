//! The tables, and the two ways of keeping rows in them. What each holds, in which order and why,
//! stands in the README.

use std::marker::PhantomData;

use domain::users::User;
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, RoTxn, RwTxn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::{Damage, Fault, Result};
use super::record;

type Rows = Database<'static, Bytes, Bytes>;

/// Every table of the store.
pub(super) struct Tables {
    pub(super) counters: Table<u64>,
    pub(super) users: Table<User>,
}

const NAMES: [&str; 2] = ["counters", "users"];

/// How many tables there are.
pub(super) const TABLES: u32 = NAMES.len() as u32;

impl Tables {
    /// Opens the tables, those that are missing as empty ones.
    pub(super) fn open(env: &Env) -> Result<Self, heed::Error> {
        let opened = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
            let mut create = |name| opener.create_database::<Bytes, Bytes>(txn, Some(name));
            let [counters, users] = NAMES;
            let tables = [create(counters)?, create(users)?];
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(tables))
        })?;
        let [counters, users] = opened.unwrap_commit();
        Ok(Self { counters: Table::new("counters", counters), users: Table::new("users", users) })
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
        bytes.map(|bytes| record::unseal(self.name, key, bytes)).transpose()
    }

    /// The record under `key`, to which another record points.
    pub(super) fn get(&self, txn: &RoTxn<'_>, key: &[u8]) -> Result<T> {
        self.find(txn, key)?.ok_or(Fault::Damaged { table: self.name, how: Damage::Missing })
    }

    /// Writes a record, over the one that may be there.
    pub(super) fn put(&self, txn: &mut RwTxn<'_>, key: &[u8], value: &T) -> Result<()> {
        let sealed = record::seal(self.name, key, value)?;
        Ok(self.rows.put(txn, key, &sealed)?)
    }

    /// Removes a record, if it is there.
    pub(super) fn delete(&self, txn: &mut RwTxn<'_>, key: &[u8]) -> Result<()> {
        self.rows.delete(txn, key)?;
        Ok(())
    }
}
