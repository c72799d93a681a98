//! Dead letters: one record for each, in the order in which they came, and how much there is of
//! each app.

use std::collections::BTreeMap;

use domain::AppId;
use domain::log::dead::{DeadLetter, KeptLetter, LETTERS_BYTES_MAX, LETTERS_MAX, LetterPage};
use domain::store::Walked;
use serde::{Deserialize, Serialize};

use super::check::{Expected, Problem};
use super::fault::Result;
use super::key::{Key, KeyParts};
use super::transaction::{Read, Write};

/// How much there is of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letters {
    count: u64,
    bytes: u64,
}

/// A request to remove letters.
pub(super) struct Remove {
    pub(super) app: AppId,
    pub(super) ids: Vec<u64>,
}

fn key_of_app(app: AppId) -> Key {
    Key::new().u32(app.0)
}

/// Keeps letters and tells their ids; the oldest of an app that has too many go.
pub(super) fn keep(write: &mut Write<'_>, letters: &[DeadLetter]) -> Result<Vec<u64>> {
    letters.iter().map(|letter| keep_one(write, letter)).collect()
}

fn keep_one(write: &mut Write<'_>, letter: &DeadLetter) -> Result<u64> {
    let app = key_of_app(letter.app);
    // From 1, so that all are behind 0.
    let id = write.next_number("dead_letter")?.saturating_add(1);
    let Write { tables, txn, .. } = write;
    tables.dead_letters.put(txn, &app.clone().u64(id), letter)?;
    let mut there = tables.dead_of_app.find(txn, &app)?.unwrap_or_default();
    there.count += 1;
    there.bytes += letter.bytes();
    tables.dead_of_app.put(txn, &app, &there)?;
    while there.count > LETTERS_MAX || there.bytes > LETTERS_BYTES_MAX {
        let Some((oldest, _)) = first(write.read(), letter.app)? else { break };
        there = remove_one(write, letter.app, oldest)?.unwrap_or_default();
    }
    Ok(id)
}

/// Removes a letter, and tells how much is left of its app; `None` if it is not there.
fn remove_one(write: &mut Write<'_>, app: AppId, id: u64) -> Result<Option<Letters>> {
    let Write { tables, txn, .. } = write;
    let app = key_of_app(app);
    let key = app.clone().u64(id);
    let Some(letter) = tables.dead_letters.find(txn, &key)? else { return Ok(None) };
    tables.dead_letters.delete(txn, &key)?;
    let mut left = tables.dead_of_app.find(txn, &app)?.unwrap_or_default();
    left.count = left.count.saturating_sub(1);
    left.bytes = left.bytes.saturating_sub(letter.bytes());
    match left.count {
        0 => tables.dead_of_app.delete(txn, &app)?,
        _ => tables.dead_of_app.put(txn, &app, &left)?,
    }
    Ok(Some(left))
}

/// Removes letters of an app, and tells of each whether it was there.
pub(super) fn remove(write: &mut Write<'_>, request: &Remove) -> Result<Vec<bool>> {
    let remove = |&id: &u64| Ok(remove_one(write, request.app, id)?.is_some());
    request.ids.iter().map(remove).collect()
}

/// An app whose oldest letter is older than an instant.
pub(super) fn app_with_old(read: Read<'_>, before_unix_us: i64) -> Result<Option<AppId>> {
    for row in read.tables.dead_of_app.range(read.txn, &[], &[])? {
        let (key, _) = row?;
        let app = KeyParts(key).array().map(|bytes| AppId(u32::from_be_bytes(bytes)));
        let Some(app) = app else { continue };
        if first(read, app)?.is_some_and(|(_, letter)| letter.received_unix_us < before_unix_us) {
            return Ok(Some(app));
        }
    }
    Ok(None)
}

/// Removes the oldest letters of an app as long as they are older than an instant, and tells how
/// many.
pub(super) fn remove_old(
    write: &mut Write<'_>,
    (app, before_unix_us): (AppId, i64),
    max: usize,
) -> Result<u64> {
    let mut removed = 0;
    while removed < max as u64
        && let Some((id, letter)) = first(write.read(), app)?
        && letter.received_unix_us < before_unix_us
    {
        remove_one(write, app, id)?;
        removed += 1;
    }
    Ok(removed)
}

/// The letters behind a key, in the order of the keys, and the last of these, if there may be more.
pub(super) fn walk(
    read: Read<'_>,
    behind: Option<&[u8]>,
    limit: usize,
) -> Result<Walked<DeadLetter>> {
    let mut walked = Walked { found: vec![], next: None };
    let mut last = None;
    for row in read.tables.dead_letters.range(read.txn, &[], behind.unwrap_or_default())? {
        let (key, letter) = row?;
        if behind == Some(key) {
            continue;
        }
        if walked.found.len() == limit {
            walked.next = last;
            break;
        }
        walked.found.push(letter);
        last = Some(key.to_vec());
    }
    Ok(walked)
}

fn first(read: Read<'_>, app: AppId) -> Result<Option<(u64, DeadLetter)>> {
    let mut rows = read.tables.dead_letters.range(read.txn, &key_of_app(app), &[])?;
    let Some((key, letter)) = rows.next().transpose()? else { return Ok(None) };
    Ok(id_of(key).map(|id| (id, letter)))
}

fn id_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The oldest letters of an app, or those behind one.
pub(super) fn list(
    read: Read<'_>,
    app: AppId,
    (after, limit): (Option<u64>, u32),
) -> Result<LetterPage> {
    let key = key_of_app(app);
    let there = read.tables.dead_of_app.find(read.txn, &key)?.unwrap_or_default();
    let mut page = LetterPage { total: there.count, letters: vec![] };
    let from = match after.map(|after| after.checked_add(1)) {
        None => 0,
        Some(Some(from)) => from,
        Some(None) => return Ok(page),
    };
    let rows = read.tables.dead_letters.range(read.txn, &key, &from.to_be_bytes())?;
    for row in rows.take(limit as usize) {
        let (key, letter) = row?;
        page.letters.extend(id_of(key).map(|id| KeptLetter { id, letter }));
    }
    Ok(page)
}

/// Compares how many letters each app is said to have with those that are there.
pub(super) fn check(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    let mut there: BTreeMap<AppId, Letters> = BTreeMap::new();
    for row in read.tables.dead_letters.range(read.txn, &[], &[])? {
        let (key, letter) = row?;
        if !key.starts_with(&key_of_app(letter.app)) {
            expected.note("dead_letters", key, Problem::Misplaced);
        }
        let of_app = there.entry(letter.app).or_default();
        of_app.count += 1;
        of_app.bytes += letter.bytes();
    }
    for (app, letters) in there {
        expected.record(read, &read.tables.dead_of_app, &key_of_app(app), Some(&letters))?;
    }
    Ok(())
}
