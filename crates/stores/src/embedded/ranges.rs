//! Rows whose keys begin alike.

use std::ops::Bound;

use heed::RoTxn;

use super::fault::{Fault, Result};
use super::key::Key;
use super::tables::{Row, Rows};

/// The rows whose keys begin with `prefix` and go on with `from` or later.
pub(super) fn range<'t>(
    rows: Rows,
    txn: &'t RoTxn<'_>,
    prefix: &[u8],
    from: &[u8],
) -> Result<impl Iterator<Item = Result<Row<'t>>> + use<'t>> {
    let first = Key::new().bytes(prefix).bytes(from);
    // LMDB knows no empty key.
    let begin = if first.is_empty() { Bound::Unbounded } else { Bound::Included(&*first) };
    let rows = rows.range(txn, &(begin, Bound::Unbounded))?;
    let prefix_len = prefix.len();
    let is_within = move |key: &[u8]| key.starts_with(&first[..prefix_len]);
    Ok(rows
        .take_while(move |row| row.as_ref().map_or(true, |(key, _)| is_within(key)))
        .map(|row| row.map_err(Fault::from)))
}

/// The rows whose keys begin with `prefix` and go on with less than `end`, if there is one, the
/// last first.
pub(super) fn before<'t>(
    rows: Rows,
    txn: &'t RoTxn<'_>,
    prefix: &[u8],
    end: Option<&[u8]>,
) -> Result<impl Iterator<Item = Result<Row<'t>>> + use<'t>> {
    let end = match end {
        Some(end) => Some([prefix, end].concat()),
        None => successor(prefix),
    };
    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let rows = rows.rev_range(txn, &(Bound::Included(prefix), end))?;
    Ok(rows.map(|row| row.map_err(Fault::from)))
}

/// The first key after all that begin with `prefix`; `None` if there can be none.
pub(super) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}
