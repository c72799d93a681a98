//! The rows by which stays are found: of an app, of a room, of a participant.
//!
//! Each of the three has the same form: scope, duration class, second of the first join, then the
//! rest of the order of answers, then the stay's number. The class bounds how far before a window a
//! stay can have begun that still reaches into it.

use domain::AppId;
use domain::ids::{ParticipantId, RoomId};
use domain::log::Stay;

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
    Participant(AppId, &'s ParticipantId),
}

impl Scope<'_> {
    /// The table of its rows.
    pub(super) fn index<'t>(&self, tables: &'t Tables) -> &'t Index {
        match self {
            Self::App(_) => &tables.by_app,
            Self::Room(..) => &tables.by_room,
            Self::Participant(..) => &tables.by_participant,
        }
    }

    /// The beginning of the keys of one class.
    pub(super) fn prefix(&self, class: u8) -> Key {
        let key = match self {
            Self::App(app) => Key::new().u32(app.0),
            Self::Room(app, room) => Key::new().u32(app.0).text(room.as_str()),
            Self::Participant(app, participant) => Key::new().u32(app.0).text(participant.as_str()),
        };
        key.u8(class)
    }

    /// How long the beginning of a key is, up to the second of the first join, which is in it.
    fn head_len(&self) -> usize {
        let name = match self {
            Self::App(_) => 0,
            Self::Room(_, room) => room.as_str().len() + 1,
            Self::Participant(_, participant) => participant.as_str().len() + 1,
        };
        size_of::<u32>() + name + size_of::<u8>() + SECOND_LEN
    }

    /// What sorts stays of one second, besides what the scope has fixed.
    pub(super) fn rest(&self, stay: &Stay) -> Key {
        let call = stay.call.as_str();
        let key = match self {
            Self::App(_) => Key::new().text(stay.room.as_str()).text(call),
            Self::Room(..) => Key::new().text(call),
            Self::Participant(..) => {
                return Key::new().text(stay.room.as_str()).text(call).text(stay.door.as_str());
            }
        };
        key.text(stay.participant.as_str()).text(stay.door.as_str())
    }
}

/// The [`Scope::rest`] of a whole app, from that of a participant.
pub(super) fn with_participant(rest: &[u8], participant: &ParticipantId) -> Vec<u8> {
    let mut parts = KeyParts(rest);
    let head = [parts.text(), parts.text()];
    let head_len = rest.len() - parts.0.len();
    debug_assert!(head.iter().all(Option::is_some), "only a key that is not cut");
    [&rest[..head_len], &Key::new().text(participant.as_str()), parts.0].concat()
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

/// A row to be written.
pub(super) struct Entry<'t> {
    pub(super) index: &'t Index,
    pub(super) key: Key,
    pub(super) value: Vec<u8>,
}

const NUMBER_LEN: usize = size_of::<u64>();
const SECOND_LEN: usize = size_of::<i64>();
const CLIENT: u8 = 0;
const SERVER: u8 = 1;

/// The rows of one stay, always of the same scopes in the same order.
pub(super) fn entries<'t>(tables: &'t Tables, stay: &Stay, number: u64) -> [Entry<'t>; 3] {
    let scopes = [
        Scope::App(stay.app),
        Scope::Room(stay.app, &stay.room),
        Scope::Participant(stay.app, &stay.participant),
    ];
    let (created, left) = (stay.created_unix_s(), stay.left_unix_s());
    let class = class_of(created, left);
    let kind = if stay.is_server() { SERVER } else { CLIENT };
    scopes.map(|scope| {
        let head = scope.prefix(class).time(created);
        let key = head.bytes(&rest_in_key(&scope, stay)).u64(number);
        let value = [&time_bytes(left.unwrap_or(i64::MAX))[..], &[kind]].concat();
        Entry { index: scope.index(tables), key, value }
    })
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
        is_server: kind == [SERVER],
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
