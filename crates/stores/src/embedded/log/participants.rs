//! The rows by which the stays of a participant are found.
//!
//! A row is led by a stretch of time and only then by the participant, so that what comes at the
//! same time is written together, and it is written once: when somebody comes. Whoever asks for a
//! window looks into each stretch that reaches into it, and into those shortly before.
//!
//! Those who stay for long would have to be looked for far back. So they have a second row, in
//! front of all stretches: whoever stayed for [`LONG_S`] or more, and whoever is still there and
//! came before an instant, which follows those who come ([`age`]).

use domain::AppId;
use domain::ids::ParticipantId;
use domain::log::{Stay, StayQuery};
use heed::RwTxn;

use super::index::{self, OPEN, Scope};
use super::stays;
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts, time_bytes, time_from};
use crate::embedded::tables::{Row, Tables};
use crate::embedded::transaction::{Read, Write};

/// A stretch is 4,096 seconds, so that a day has about twenty. In the store's own tests so few that
/// random histories have several.
const STRETCH_BITS: u32 = if cfg!(test) { 6 } else { 12 };

/// How long a stay lasts at least that has a second row, in seconds: a stretch, so that whoever
/// looks back from an instant looks into one or two of them.
const LONG_S: i64 = 1 << STRETCH_BITS;

/// Stretches are numbered from here, so that numbers of five bytes do for every time; nothing comes
/// before 1.
const STRETCH_BIAS: i64 = 1 << 39;

/// Where the second rows are.
const LONG: u64 = 0;

/// The stretch in which a second is. Stays are in fewer than there are numbers for, since their
/// times are microseconds of 64 bits; a window may reach further.
fn stretch_of(second: i64) -> u64 {
    let stretch = (second >> STRETCH_BITS).clamp(1 - STRETCH_BIAS, STRETCH_BIAS - 2);
    (STRETCH_BIAS + stretch).unsigned_abs()
}

/// The beginning of the keys of a stretch.
fn stretch_key(app: AppId, stretch: u64) -> Key {
    Key::new().u32(app.0).bytes(&stretch.to_be_bytes()[3..])
}

/// The beginning of the keys of a participant in a stretch.
fn prefix(app: AppId, stretch: u64, who: &ParticipantId) -> Key {
    stretch_key(app, stretch).text(who.as_str())
}

/// How long the beginning is that tells a stretch.
const STRETCH_KEY_LEN: usize = 9;

/// A number without the zeros it begins with. It is the end of a key.
fn number_bytes(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes[number.leading_zeros() as usize / 8..].to_vec()
}

fn number_from(bytes: &[u8]) -> Option<u64> {
    let mut number = [0; size_of::<u64>()];
    let begin = number.len().checked_sub(bytes.len())?;
    number[begin..].copy_from_slice(bytes);
    Some(u64::from_be_bytes(number))
}

/// The place of a second in its stretch.
fn place_in_stretch(second: i64) -> [u8; 2] {
    let [.., high, low] = (second & (LONG_S - 1)).to_be_bytes();
    [high, low]
}

/// The row of a stay.
fn row(stay: &Stay, number: u64) -> (Key, Vec<u8>) {
    let created = stay.created_unix_s();
    let key = prefix(stay.app, stretch_of(created), &stay.participant);
    let key = key.bytes(&place_in_stretch(created)).bytes(&number_bytes(number));
    (key, index::kind_bytes(stay.is_server()).to_vec())
}

/// The second row of a stay, if it has one. `aged` is the instant before which those came who are
/// still there and have one.
fn long_row(stay: &Stay, number: u64, aged: i64) -> Option<(Key, Vec<u8>)> {
    let (created, left) = (stay.created_unix_s(), stay.left_unix_s());
    let is_long = match left {
        Some(left) => left.saturating_sub(created) >= LONG_S,
        None => created < aged,
    };
    is_long.then(|| {
        let key = prefix(stay.app, LONG, &stay.participant).time(created);
        let left = time_bytes(left.unwrap_or(i64::MAX));
        let value = [&left, index::kind_bytes(stay.is_server())].concat();
        (key.bytes(&number_bytes(number)), value)
    })
}

/// Replaces the rows of a stay. `aged` is what [`aged`] tells of its app.
pub(super) fn replace(
    (tables, txn): (&Tables, &mut RwTxn<'_>),
    (number, aged): (u64, i64),
    (old, new): (Option<&Stay>, Option<&Stay>),
) -> Result<()> {
    let index = &tables.by_participant;
    // Mostly they only left.
    let shown = |stay: &Stay| (stay.created_unix_s(), stay.is_server());
    if old.map(shown) != new.map(shown) {
        let (old, new) = (old.map(|it| row(it, number)), new.map(|it| row(it, number)));
        index.replace(txn, old.as_ref(), new.as_ref())?;
    }
    let long = |stay: Option<&Stay>| stay.and_then(|it| long_row(it, number, aged));
    index.replace(txn, long(old).as_ref(), long(new).as_ref())
}

pub(super) fn aged_key(app: AppId) -> Key {
    Key::new().u32(app.0)
}

/// The instant before which those came who are still there and have a second row, in seconds.
pub(super) fn aged(read: Read<'_>, app: AppId) -> Result<i64> {
    Ok(read.tables.aged.find(read.txn, &aged_key(app))?.unwrap_or(i64::MIN))
}

/// Gives a second row to those who are still there when the stretch after theirs is over, given
/// when the latest came. Once in a stretch there is something to do.
pub(super) fn age(write: &mut Write<'_>, app: AppId, latest_unix_s: i64) -> Result<()> {
    let before = aged(write.read(), app)?;
    let now = ((latest_unix_s >> STRETCH_BITS) - 1) << STRETCH_BITS;
    if now <= before {
        return Ok(());
    }
    let prefix = Scope::App(app).prefix(OPEN);
    let (first, end) = (prefix.clone().time(before), prefix.clone().time(now));
    let mut rows = vec![];
    let by_app = &write.tables.by_app;
    for row in by_app.between(&write.txn, &first, &end)? {
        let found = index::parse(prefix.len(), row?).ok_or_else(|| by_app.damaged())?;
        let stay = stays::get(write.read(), found.number)?;
        rows.extend(long_row(&stay, found.number, now));
    }
    for (key, value) in rows {
        write.tables.by_participant.put(&mut write.txn, &key, &value)?;
    }
    write.tables.aged.put(&mut write.txn, &aged_key(app), &now)
}

/// Of an app without stays nothing is kept.
pub(super) fn forget(write: &mut Write<'_>, app: AppId) -> Result<()> {
    write.tables.aged.delete(&mut write.txn, &aged_key(app))
}

/// The second of the first join, and the number of a stay.
pub(super) type Place = (i64, u64);

/// Where the stays of a participant are that a query selects.
pub(super) fn find(read: Read<'_>, query: &StayQuery, who: &ParticipantId) -> Result<Vec<Place>> {
    // Whoever came before and is selected has a second row.
    let earliest = query.from_unix_s.saturating_sub(LONG_S - 1).min(aged(read, query.app)?);
    let mut found = vec![];
    find_long(read, query, (who, earliest), &mut found)?;
    if query.until_unix_s < earliest {
        return Ok(found);
    }
    let index = &read.tables.by_participant;
    let last = stretch_of(query.until_unix_s);
    let end = stretch_key(query.app, last + 1);
    let mut next = Some(stretch_of(earliest));
    // Without a next one there is nobody any more.
    while let Some(stretch) = next.take().filter(|stretch| *stretch <= last) {
        let prefix = prefix(query.app, stretch, who);
        for row in index.between(read.txn, &prefix, &end)? {
            let (key, kind) = row?;
            let Some(rest) = key.strip_prefix(&*prefix) else {
                let found = stretch_in(key).ok_or_else(|| index.damaged())?;
                next = Some(found.max(stretch + 1));
                break;
            };
            let (created, number) = parse(stretch, rest).ok_or_else(|| index.damaged())?;
            let is_asked_for = (earliest..=query.until_unix_s).contains(&created)
                && (query.with_servers || !index::is_server(kind));
            if is_asked_for && is_selected(read, query, (created, number))? {
                found.push((created, number));
            }
        }
    }
    Ok(found)
}

/// Those with a second row who came before `earliest`.
fn find_long(
    read: Read<'_>,
    query: &StayQuery,
    (who, earliest): (&ParticipantId, i64),
    found: &mut Vec<Place>,
) -> Result<()> {
    let index = &read.tables.by_participant;
    let prefix = prefix(query.app, LONG, who);
    let end = prefix.clone().time(earliest.min(query.until_unix_s.saturating_add(1)));
    for row in index.between(read.txn, &prefix, &end)? {
        let row = row?;
        let parse = |(key, value): Row<'_>| {
            let mut parts = KeyParts(key.get(prefix.len()..)?);
            let place = (parts.time()?, number_from(parts.0)?);
            let (left, kind) = value.split_first_chunk()?;
            Some((place, time_from(*left), index::is_server(kind)))
        };
        let (place, left, is_server) = parse(row).ok_or_else(|| index.damaged())?;
        let is_asked_for = left >= query.from_unix_s && (query.with_servers || !is_server);
        if is_asked_for && (query.room.is_none() || query.selects(&stays::get(read, place.1)?)) {
            found.push(place);
        }
    }
    Ok(())
}

fn stretch_in(key: &[u8]) -> Option<u64> {
    number_from(key.get(STRETCH_KEY_LEN - 5..STRETCH_KEY_LEN)?)
}

/// Takes apart what follows the participant.
fn parse(stretch: u64, rest: &[u8]) -> Option<Place> {
    let (place, number) = rest.split_first_chunk::<2>()?;
    let begin = stretch.cast_signed().checked_sub(STRETCH_BIAS)? << STRETCH_BITS;
    Some((begin + i64::from(u16::from_be_bytes(*place)), number_from(number)?))
}

/// Whether a stay whose row is asked for is selected: whoever came during the window is, in
/// whichever room; of the others only the stay itself tells.
fn is_selected(read: Read<'_>, query: &StayQuery, (created, number): Place) -> Result<bool> {
    if created >= query.from_unix_s && query.room.is_none() {
        return Ok(true);
    }
    Ok(query.selects(&stays::get(read, number)?))
}

/// The rows of a stay. `aged` is what [`aged`] tells of its app.
pub(super) fn rows_of(stay: &Stay, number: u64, aged: i64) -> impl Iterator<Item = (Key, Vec<u8>)> {
    [Some(row(stay, number)), long_row(stay, number, aged)].into_iter().flatten()
}
