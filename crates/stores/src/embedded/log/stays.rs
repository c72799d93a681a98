//! The stays of one participant in one room: what is written of them, and only what is new.

use std::collections::BTreeMap;

use domain::ids::CallId;
use domain::log::Stay;

use super::index::{self, Scope};
use super::participants;
use super::tally;
use crate::embedded::fault::Result;
use crate::embedded::key::Key;
use crate::embedded::transaction::{Read, Write};

fn key_of(number: u64) -> Key {
    Key::new().u64(number)
}

/// The stay with this number, to which a row of an index points.
pub(super) fn get(read: Read<'_>, number: u64) -> Result<Stay> {
    read.tables.stays.get(read.txn, &key_of(number))
}

/// Replaces the stays of one participant in one room, of which there is one per call, and tells the
/// numbers of the new ones. What stays the same is not written again.
pub(super) fn replace(write: &mut Write<'_>, old: &[u64], new: &[Stay]) -> Result<Vec<u64>> {
    let mut known: BTreeMap<CallId, (u64, Stay)> = BTreeMap::new();
    for &number in old {
        let stay = get(write.read(), number)?;
        known.insert(stay.call.clone(), (number, stay));
    }
    let mut numbers = Vec::with_capacity(new.len());
    for stay in new {
        let number = match known.remove(&stay.call) {
            Some((number, old)) => {
                if old != *stay {
                    put(write, number, Some(&old), Some(stay))?;
                }
                number
            }
            None => {
                let number = write.next_number("stay")?;
                put(write, number, None, Some(stay))?;
                number
            }
        };
        numbers.push(number);
    }
    for (number, gone) in known.values() {
        put(write, *number, Some(gone), None)?;
    }
    Ok(numbers)
}

/// Removes a stay.
pub(super) fn delete(write: &mut Write<'_>, number: u64, stay: &Stay) -> Result<()> {
    put(write, number, Some(stay), None)
}

fn put(write: &mut Write<'_>, number: u64, old: Option<&Stay>, new: Option<&Stay>) -> Result<()> {
    let both = (old, new);
    let Some(stay) = new.or(old) else { return Ok(()) };
    let known = tally::note(write, (number, stay), both)?;
    let Write { tables, txn, .. } = write;
    match new {
        Some(stay) => tables.stays.put(txn, &key_of(number), stay)?,
        None => tables.stays.delete(txn, &key_of(number))?,
    }
    index::replace((tables, txn), (&Scope::App(stay.app), number), both)?;
    if known.is_in_large_room {
        index::replace((tables, txn), (&Scope::Room(stay.app, &stay.room), number), both)?;
    }
    participants::replace((tables, txn), (number, known.aged), both)
}
