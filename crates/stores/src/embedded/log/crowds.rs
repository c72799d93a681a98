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
pub(super) const CROWD_MIN: u64 = CROWD_MAX / 4;

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

/// The places of the stays that began in a second, from `first` to `end`, in their order, and
/// whether each is a server's.
fn rows_within(
    read: Read<'_>,
    scope: Scope<'_>,
    second: i64,
    (first, end): (&[u8], Option<&[u8]>),
) -> Result<Vec<(Vec<u8>, bool)>> {
    let mut rows = vec![];
    let index = scope.index(read.tables);
    for class in CLASSES {
        let of_class = scope.prefix(class);
        let from = of_class.clone().time(second).bytes(first);
        let until = match end {
            Some(end) => of_class.clone().time(second).bytes(end),
            None => of_class.clone().time(second.saturating_add(1)),
        };
        for row in index.between(read.txn, &from, &until)? {
            let row = index::parse(of_class.len(), row?).ok_or_else(|| index.damaged())?;
            rows.push((row.rest.to_vec(), row.is_server));
        }
    }
    rows.sort();
    Ok(rows)
}

/// Cuts what begins at `first`, up to `end`, into pieces.
fn cut(
    write: &mut Write<'_>,
    scope: Scope<'_>,
    (prefix, second): (&Key, i64),
    (first, end): (&[u8], Option<&[u8]>),
) -> Result<()> {
    let rows = rows_within(write.read(), scope, second, (first, end))?;
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

/// The keys of the pieces of a second in which so many began, and what is wrong with them, if
/// anything is.
pub(super) fn check(
    read: Read<'_>,
    scope: Scope<'_>,
    (second, began): (i64, u64),
) -> Result<(Vec<Key>, Option<&'static str>)> {
    let head = key_of(&prefix(scope), second, &[]);
    let pieces: Vec<Piece> = pieces(read, &head)?.collect::<Result<_>>()?;
    let keys = pieces.iter().map(|piece| head.clone().bytes(&piece.first)).collect();
    let wrong = match pieces.first() {
        None => (began > CROWD_MAX).then_some("a second of so many is not cut into pieces"),
        Some(_) if began <= CROWD_MIN => Some("a second of so few is cut into pieces"),
        Some(first) if !first.first.is_empty() => Some("the first piece does not begin at first"),
        Some(_) => match are_right(&pieces, &rows_within(read, scope, second, (&[], None))?) {
            true => None,
            false => Some("a piece counts others than those who are in it"),
        },
    };
    Ok((keys, wrong))
}

/// Whether pieces count those who are in them, who come in order, and are as large as they may be.
fn are_right(pieces: &[Piece], rows: &[(Vec<u8>, bool)]) -> bool {
    let mut from = 0;
    pieces.iter().enumerate().all(|(number, piece)| {
        let end = match pieces.get(number + 1) {
            Some(next) => rows.partition_point(|(rest, _)| *rest < next.first),
            None => rows.len(),
        };
        let here = rows.get(from..end).unwrap_or_default();
        from = end;
        let mut kinds = Kinds::default();
        here.iter().for_each(|(_, is_server)| kinds.add(*is_server));
        // Those who are alike stay together, however many.
        let places = here.chunk_by(|one, other| one.0 == other.0).count() as u64;
        piece.kinds == kinds && places <= CROWD_MAX
    })
}
