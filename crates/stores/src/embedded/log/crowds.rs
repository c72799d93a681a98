//! Seconds in which so many stays began that passing over them would be felt: ten thousand people
//! who join a lesson at 10:00.
//!
//! The rows of such a second, in the order of answers, are cut into pieces; each piece says where
//! it begins and how many stays are in it. Rows exist for every second with more than
//! [`CROWD_MAX`] stays, and for none with [`CROWD_MIN`] or fewer.

use super::index::{self, CLASSES, Scope};
use super::sums::{Kinds, KindsChange, decode, encode, prefix};
use crate::embedded::fault::Result;
use crate::embedded::key::Key;
use crate::embedded::tables::Row;
use crate::embedded::transaction::{Read, Write};

/// How many stays a second may have without being cut, and a piece without being cut again. In the
/// store's own tests so few that random histories have crowds.
const CROWD_MAX: u64 = if cfg!(test) { 4 } else { 512 };

/// A second with so many or fewer is not cut any more.
const CROWD_MIN: u64 = CROWD_MAX / 4;

/// How many stays a new piece has.
const PIECE_LEN: u64 = CROWD_MAX / 2;

/// One stay more or less that began in a second.
pub(super) struct Newcomer {
    /// [`index::rest_in_key`].
    pub(super) rest: Key,
    pub(super) is_server: bool,
    pub(super) change: i64,
}

/// A piece of a second: where it begins, and how many stays are in it.
struct Piece {
    first: Vec<u8>,
    kinds: Kinds,
}

fn key_of(prefix: &Key, second: i64, first: &[u8]) -> Key {
    prefix.clone().time(second).bytes(first)
}

fn parse((key, value): Row<'_>, head_len: usize) -> Option<Piece> {
    Some(Piece { first: key.get(head_len..)?.to_vec(), kinds: decode(value)? })
}

fn pieces<'t>(read: Read<'t>, head: &Key) -> Result<impl Iterator<Item = Result<Piece>> + use<'t>> {
    let (table, head_len) = (&read.tables.crowds, head.len());
    let rows = table.range(read.txn, head, &[])?;
    Ok(rows.map(move |row| parse(row?, head_len).ok_or_else(|| table.damaged())))
}

/// Where to begin to read in a second in order to come to its stay of this rank, and how many are
/// still to be passed over there.
pub(super) fn seek(
    read: Read<'_>,
    scope: Scope<'_>,
    (second, rank): (i64, u64),
    with_servers: bool,
) -> Result<(Vec<u8>, u64)> {
    let mut found = (vec![], rank);
    if rank <= CROWD_MIN {
        return Ok(found);
    }
    for piece in pieces(read, &key_of(&prefix(scope), second, &[]))? {
        let Piece { first, kinds } = piece?;
        found.0 = first;
        let here = kinds.selected(with_servers);
        if found.1 < here {
            break;
        }
        found.1 -= here;
    }
    Ok(found)
}

/// Brings the pieces of a second up to date. `now` is how many stays it has.
pub(super) fn update(
    write: &mut Write<'_>,
    scope: Scope<'_>,
    second: i64,
    newcomers: &[Newcomer],
    now: u64,
) -> Result<()> {
    let prefix = prefix(scope);
    let change: i64 = newcomers.iter().map(|it| it.change).sum();
    let before = now.checked_add_signed(-change).unwrap_or(0);
    if before.max(now) <= CROWD_MIN {
        return Ok(());
    }
    let head = key_of(&prefix, second, &[]);
    if now <= CROWD_MIN {
        return clear(write, &head);
    }
    let is_cut = pieces(write.read(), &head)?.next().transpose()?.is_some();
    match is_cut {
        true => follow(write, scope, (&prefix, second), newcomers),
        false if now > CROWD_MAX => cut(write, scope, (&prefix, second), (&[], None)),
        false => Ok(()),
    }
}

fn clear(write: &mut Write<'_>, head: &Key) -> Result<()> {
    let pieces: Vec<Piece> = pieces(write.read(), head)?.collect::<Result<_>>()?;
    for piece in pieces {
        write.tables.crowds.delete(&mut write.txn, &head.clone().bytes(&piece.first))?;
    }
    Ok(())
}

/// Counts newcomers in their pieces, and cuts those that become too large.
fn follow(
    write: &mut Write<'_>,
    scope: Scope<'_>,
    (prefix, second): (&Key, i64),
    newcomers: &[Newcomer],
) -> Result<()> {
    let head = key_of(prefix, second, &[]);
    let pieces: Vec<Piece> = pieces(write.read(), &head)?.collect::<Result<_>>()?;
    let mut changes = vec![KindsChange::default(); pieces.len()];
    for newcomer in newcomers {
        // The first piece begins with nothing, before everybody.
        let behind = pieces.partition_point(|piece| *piece.first <= *newcomer.rest);
        if let Some(change) = changes.get_mut(behind.saturating_sub(1)) {
            change.add(newcomer.is_server, newcomer.change);
        }
    }
    let table = &write.tables.crowds;
    for (number, (piece, change)) in pieces.iter().zip(changes).enumerate() {
        if change == KindsChange::default() {
            continue;
        }
        let now = piece.kinds.changed(change).ok_or_else(|| table.damaged())?;
        let key = head.clone().bytes(&piece.first);
        if now.all() > CROWD_MAX {
            let end = pieces.get(number + 1).map(|next| &*next.first);
            cut(write, scope, (prefix, second), (&piece.first, end))?;
        } else if now.all() == 0 && number > 0 {
            table.delete(&mut write.txn, &key)?;
        } else {
            table.put(&mut write.txn, &key, &encode(table, &now)?)?;
        }
    }
    Ok(())
}

/// Cuts what begins at `first`, up to `end`, into pieces.
fn cut(
    write: &mut Write<'_>,
    scope: Scope<'_>,
    (prefix, second): (&Key, i64),
    (first, end): (&[u8], Option<&[u8]>),
) -> Result<()> {
    let mut rows = vec![];
    let index = scope.index(write.tables);
    for class in CLASSES {
        let of_class = scope.prefix(class);
        let from = of_class.clone().time(second).bytes(first);
        let until = match end {
            Some(end) => of_class.clone().time(second).bytes(end),
            None => of_class.clone().time(second.saturating_add(1)),
        };
        for row in index.between(&write.txn, &from, &until)? {
            let row = index::parse(of_class.len(), row?).ok_or_else(|| index.damaged())?;
            rows.push((row.rest.to_vec(), row.is_server));
        }
    }
    rows.sort();
    let mut pieces = vec![Piece { first: first.to_vec(), kinds: Kinds::default() }];
    for (number, (rest, is_server)) in rows.iter().enumerate() {
        let last = pieces.last_mut().expect("there is a first one");
        // Those whose keys are cut at the same place stay together: only they themselves tell
        // their order.
        let is_like_the_last = number.checked_sub(1).is_some_and(|last| rows[last].0 == *rest);
        let piece = if last.kinds.all() >= PIECE_LEN && !is_like_the_last {
            pieces.push(Piece { first: rest.clone(), kinds: Kinds::default() });
            pieces.last_mut().expect("just pushed")
        } else {
            last
        };
        piece.kinds.add(*is_server);
    }
    for Piece { first, kinds } in pieces {
        let key = key_of(prefix, second, &first);
        let table = &write.tables.crowds;
        table.put(&mut write.txn, &key, &encode(table, &kinds)?)?;
    }
    Ok(())
}

/// Panics unless the pieces are those of these stays: each second's places and kinds.
#[cfg(test)]
pub(super) fn check(
    prefix: &Key,
    seconds: &std::collections::BTreeMap<i64, Vec<(Key, bool)>>,
    rows: &std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
) {
    let mut rows_seen = 0;
    for (second, stays) in seconds {
        let head = key_of(prefix, *second, &[]);
        let of_second = rows.iter().filter(|(key, _)| key.starts_with(&head));
        let pieces: Vec<Piece> = of_second
            .map(|(key, value)| parse((key, value), head.len()).expect("a piece"))
            .collect();
        rows_seen += pieces.len();
        let stays_len = stays.len() as u64;
        assert!(pieces.is_empty() || stays_len > CROWD_MIN, "{second}: no crowd any more");
        assert!(!pieces.is_empty() || stays_len <= CROWD_MAX, "{second}: not cut");
        for (number, piece) in pieces.iter().enumerate() {
            let next = pieces.get(number + 1).map(|next| &next.first);
            let within =
                |rest: &Key| **rest >= *piece.first && next.is_none_or(|next| **rest < **next);
            let mut kinds = Kinds::default();
            let here = || stays.iter().filter(|(rest, _)| within(rest));
            // Those who are alike stay together.
            let places: std::collections::BTreeSet<&Key> = here().map(|(rest, _)| rest).collect();
            assert!(places.len() as u64 <= CROWD_MAX, "{second}, piece {number}: large");
            for (_, is_server) in here() {
                kinds.add(*is_server);
            }
            assert_eq!(piece.kinds, kinds, "{second}, piece {number}");
        }
        assert!(pieces.first().is_none_or(|first| first.first.is_empty()), "{second}: a gap");
    }
    assert_eq!(rows_seen, rows.len(), "pieces of seconds in which nobody began");
}
