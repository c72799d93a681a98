//! What one transaction does: every change of a group in its order.

use heed::RwTxn;

use super::change::Change;
use super::fault::Result;
use super::log::{self, Touched};
use super::tables::Tables;
use super::users;

/// Applies the changes, and leaves the outcomes in them.
pub(super) fn apply(tables: &Tables, txn: &mut RwTxn<'_>, changes: &mut [Change]) -> Result<()> {
    let mut touched = Touched::default();
    for change in changes {
        match change {
            Change::Register(it) => it.outcomes = users::register(tables, txn, &it.request)?,
            Change::Update(it) => it.outcomes = users::update(tables, txn, &it.request)?,
            Change::Append(it) => {
                it.outcomes = log::append(tables, txn, &mut touched, &it.request)?;
            }
        }
    }
    // Once for the whole group: those who come together often concern each other.
    log::settle(tables, txn, touched)
}
