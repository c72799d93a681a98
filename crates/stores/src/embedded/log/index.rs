//! The rows by which the stays of an app are found, and those of a large room.
//!
//! Both have the same form: scope, duration class, second of the first join, then the rest of the
//! order of answers, then the stay's number. The class bounds how far before a window a stay can
//! have begun that still reaches into it.

use domain::AppId;
use domain::ids::RoomId;
use domain::log::Stay;
use heed::RwTxn;

use crate::embedded::fault::Result;
use crate::embedded::key::{KEY_LEN_MAX, Key, KeyParts, time_bytes, time_from};
use crate::embedded::tables::{Index, Row, Tables};

/// How long the stays of each class are at most, in minutes; two more classes are for those that
/// are longer, and for those that are not over.
const CLASS_MINUTES: [i64; 6] = [1, 4, 16, 64, 256, 1_024];

/// The class of those that are not over.
pub(super) const OPEN: u8 = CLASS_MINUTES.len() as u8 + 1;

/// Every class.
pub(super) const CLASSES: std::ops::RangeInclusive<u8> = 0..=OPEN;

/// The class of stays from one second to another.
fn class_of(created_unix_s: i64, left_unix_s: Option<i64>) -> u8 {
    let Some(left) = left_unix_s else { return OPEN };
    let lasted = left.saturating_sub(created_unix_s);
    let longer = CLASS_MINUTES.iter().filter(|&&minutes| lasted >= minutes * 60);
    longer.count() as u8
}

/// The first second in which a stay of this class can have begun that had not ended before
/// `from_unix_s`.
pub(super) fn earliest_created(class: u8, from_unix_s: i64) -> i64 {
    match CLASS_MINUTES.get(usize::from(class)) {
        Some(minutes) => from_unix_s.saturating_sub(minutes * 60 - 1),
        None => i64::MIN,
    }
}

/// What the rows of one scope begin with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'s> {
    App(AppId),
    Room(AppId, &'s RoomId),
}

impl Scope<'_> {
    /// The table of its rows.
    pub(super) fn index<'t>(&self, tables: &'t Tables) -> &'t Index {
        match self {
            Self::App(_) => &tables.by_app,
            Self::Room(..) => &tables.by_room,
        }
    }

    /// The beginning of the keys of one class.
    pub(super) fn prefix(&self, class: u8) -> Key {
        let key = match self {
            Self::App(app) => Key::new().u32(app.0),
            Self::Room(app, room) => Key::new().u32(app.0).text(room.as_str()),
        };
        key.u8(class)
    }

    /// How long the beginning of a key is, up to the second of the first join, which is in it.
    fn head_len(&self) -> usize {
        let name = match self {
            Self::App(_) => 0,
            Self::Room(_, room) => room.as_str().len() + 1,
        };
        size_of::<u32>() + name + size_of::<u8>() + SECOND_LEN
    }

    /// What sorts stays of one second, besides what the scope has fixed.
    pub(super) fn rest(&self, stay: &Stay) -> Key {
        let call = stay.call.as_str();
        let key = match self {
            Self::App(_) => Key::new().text(stay.room.as_str()).text(call),
            Self::Room(..) => Key::new().text(call),
        };
        key.text(stay.participant.as_str()).text(stay.door.as_str())
    }
}

/// [`Scope::rest`], as much of it as fits into a key.
pub(super) fn rest_in_key(scope: &Scope<'_>, stay: &Stay) -> Key {
    let rest = scope.rest(stay);
    let room_left = KEY_LEN_MAX - NUMBER_LEN - scope.head_len();
    match rest.len() > room_left {
        true => Key::new().bytes(&rest[..room_left]),
        false => rest,
    }
}

const NUMBER_LEN: usize = size_of::<u64>();
const SECOND_LEN: usize = size_of::<i64>();

/// What tells servers from clients at the end of a value.
pub(super) fn kind_bytes(is_server: bool) -> &'static [u8] {
    if is_server { &[1] } else { &[] }
}

/// Whether a value ends with what tells a server.
pub(super) fn is_server(kind: &[u8]) -> bool {
    !kind.is_empty()
}

/// The row of a stay.
pub(super) fn row(scope: &Scope<'_>, stay: &Stay, number: u64) -> (Key, Vec<u8>) {
    let (created, left) = (stay.created_unix_s(), stay.left_unix_s());
    let head = scope.prefix(class_of(created, left)).time(created);
    let key = head.bytes(&rest_in_key(scope, stay)).u64(number);
    let left = time_bytes(left.unwrap_or(i64::MAX));
    (key, [&left, kind_bytes(stay.is_server())].concat())
}

/// Replaces the row of a stay.
pub(super) fn replace(
    (tables, txn): (&Tables, &mut RwTxn<'_>),
    (scope, number): (&Scope<'_>, u64),
    (old, new): (Option<&Stay>, Option<&Stay>),
) -> Result<()> {
    let row = |stay: Option<&Stay>| stay.map(|stay| row(scope, stay, number));
    scope.index(tables).replace(txn, row(old).as_ref(), row(new).as_ref())
}

/// A row, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'t> {
    pub(super) created_unix_s: i64,
    /// The beginning of [`Scope::rest`], as much as fits into a key.
    pub(super) rest: &'t [u8],
    /// Whether `rest` is only a beginning.
    pub(super) cut: bool,
    pub(super) number: u64,
    /// `i64::MAX` for someone who is still there.
    pub(super) left_unix_s: i64,
    pub(super) is_server: bool,
}

/// Takes apart a row whose key begins with a prefix of this length.
pub(super) fn parse<'t>(prefix_len: usize, (key, value): Row<'t>) -> Option<Found<'t>> {
    let mut parts = KeyParts(key.get(prefix_len..)?);
    let created_unix_s = parts.time()?;
    let (rest, number) = parts.0.split_last_chunk::<NUMBER_LEN>()?;
    let (left, kind) = value.split_first_chunk::<SECOND_LEN>()?;
    Some(Found {
        created_unix_s,
        rest,
        cut: key.len() == KEY_LEN_MAX,
        number: u64::from_be_bytes(*number),
        left_unix_s: time_from(*left),
        is_server: is_server(kind),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stay_of_a_class_begins_before_its_earliest_second() {
        const FROM: i64 = 1_000_000;
        for minutes in [1, 4, 16, 64, 256, 1_024] {
            for lasted in [minutes * 60 - 1, minutes * 60, minutes * 60 + 1] {
                let created = FROM - lasted;
                let class = class_of(created, Some(FROM));
                assert!(earliest_created(class, FROM) <= created, "{lasted} s");
            }
        }
        assert_eq!(class_of(5, Some(5)), 0);
        assert_eq!(class_of(0, Some(i64::MAX)), OPEN - 1);
        assert_eq!(class_of(0, None), OPEN);
        assert_eq!(earliest_created(0, FROM), FROM - 59);
        assert_eq!(earliest_created(OPEN, FROM), i64::MIN);
    }
}
