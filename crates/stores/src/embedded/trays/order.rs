//! The rows of a tray in the order of their keys, for whoever walks over everybody.
//!
//! A row never gets another key, so what is in order stays so: what came since is looked at row by
//! row until it is so much that all are put in order anew. Nothing is made before somebody walks,
//! and it goes with the tray; it takes four bytes for each row, 2 MiB for a full tray.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use heed::RoTxn;

use super::pile::Pile;
use crate::embedded::fault::{Damage, Fault, Result};

/// So many rows are looked at one by one in each step, at least, before they are put in order.
const LOOSE_MIN: usize = if cfg!(test) { 3 } else { 4 << 10 };

/// The same, as a part of those that are in order: with each time there are so much more of them
/// that what all the times take together stays a few times what the last one takes.
const LOOSE_PART: usize = 16;

/// The first rows of a tray, in the order of their keys.
#[derive(Default)]
pub(super) struct Order(Mutex<Arc<[u32]>>);

impl Order {
    /// The first rows that there are in a transaction, of `rows`, in the order of their keys. Those
    /// behind them are few.
    pub(super) fn of(&self, pile: &Pile, txn: &RoTxn<'_>, rows: u32) -> Result<Arc<[u32]>> {
        // Whoever walks beside it waits, and need not do the same.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let len = rows as usize;
        match known.len().cmp(&len) {
            Ordering::Equal => return Ok(Arc::clone(&known)),
            // This transaction began before some of them came.
            Ordering::Greater => {
                return Ok(known.iter().copied().filter(|it| *it < rows).collect());
            }
            Ordering::Less => {}
        }
        if len - known.len() <= LOOSE_MIN.max(known.len() / LOOSE_PART) {
            return Ok(Arc::clone(&known));
        }
        let mut keys: Vec<&[u8]> = Vec::with_capacity(len);
        for row in pile.from(txn, 0)?.take(len) {
            let (row, lying) = row?;
            if row as usize != keys.len() {
                return Err(Fault::damaged(pile.name, Damage::Missing));
            }
            keys.push(lying.key);
        }
        if keys.len() != len {
            return Err(Fault::damaged(pile.name, Damage::Missing));
        }
        // Nearly all of it is in order already, which this sort makes use of.
        let behind = u32::try_from(known.len()).unwrap_or(rows)..rows;
        let mut order: Vec<u32> = known.iter().copied().chain(behind).collect();
        order.sort_by_key(|row| keys[*row as usize]);
        *known = order.into();
        Ok(Arc::clone(&known))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pile::Lying;
    use super::*;
    use crate::embedded::Options;
    use crate::embedded::open::open;

    #[test]
    fn a_row_that_is_missing_is_damage_and_no_other_order() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&Options::new(folder.path())).unwrap();
        let pile = opened.tables.pile(0);
        let mut txn = opened.env.write_txn().unwrap();
        for (row, key) in (0..).zip([b"e", b"a", b"d", b"c", b"b"]) {
            pile.append(&mut txn, row, Lying { key, sealed: &[] }).unwrap();
        }
        let of = |txn: &RoTxn<'_>, rows| Order::default().of(pile, txn, rows);
        assert_eq!(of(&txn, 5).unwrap()[..], [1, 4, 3, 2, 0]);
        // One behind the last, and one in between.
        assert!(of(&txn, 6).unwrap_err().is_damage());
        pile.rows.delete(&mut txn, &2_u32.to_be_bytes()).unwrap();
        assert!(of(&txn, 5).unwrap_err().is_damage());
        assert!(of(&txn, 4).unwrap_err().is_damage());
    }
}
