//! Who was seen: one record for each user, of a few connections.

use domain::ids::{AppId, UserId};
use domain::presence::{Connections, Noted, Sighting};
use domain::store::Walked;

use super::fault::{Damage, Fault, Result};
use super::key::Key;
use super::transaction::{Read, Write};
use super::users::{key_of, whose};

/// A request to forget what was seen before an instant of the users with these keys; all of it, if
/// there is none.
pub(super) struct Forget {
    pub(super) keys: Vec<Key>,
    pub(super) before_unix_us: Option<i64>,
}

impl Forget {
    /// Of one user, all.
    pub(super) fn all_of(app: AppId, user: &UserId) -> Self {
        Self { keys: vec![key_of(app, user)], before_unix_us: None }
    }
}

/// Notes sightings, and tells of each whether it told anything.
pub(super) fn note(write: &mut Write<'_>, sightings: &[Sighting]) -> Result<Vec<Noted>> {
    let Write { tables, txn, .. } = write;
    let mut note_one = |Sighting { app, user, connection }: &Sighting| {
        let key = key_of(*app, user);
        let mut known = tables.presences.find(txn, &key)?.unwrap_or_default();
        if !known.see(connection) {
            return Ok(Noted::Known);
        }
        tables.presences.put(txn, &key, &known)?;
        Ok(Noted::New)
    };
    sightings.iter().map(&mut note_one).collect()
}

/// What is known of these users.
pub(super) fn find(read: Read<'_>, app: AppId, users: &[UserId]) -> Result<Vec<Connections>> {
    let find = |user: &UserId| {
        Ok(read.tables.presences.find(read.txn, &key_of(app, user))?.unwrap_or_default())
    };
    users.iter().map(find).collect()
}

/// Of the next `limit` users behind a key, those of whom something is older than an instant; and
/// the last key that was looked at, if there may be more.
pub(super) fn find_old(
    read: Read<'_>,
    before_unix_us: i64,
    (behind, limit): (Option<&[u8]>, usize),
) -> Result<(Vec<Key>, Option<Vec<u8>>)> {
    let (mut old, mut looked, mut last) = (vec![], 0, None);
    for row in behind_key(read, behind)? {
        let (key, mut known) = row?;
        if known.forget(before_unix_us) > 0 {
            old.push(Key::new().bytes(key));
        }
        looked += 1;
        if looked == limit {
            last = Some(key.to_vec());
            break;
        }
    }
    Ok((old, last))
}

/// Forgets, and tells how many connections.
pub(super) fn forget(write: &mut Write<'_>, request: &Forget) -> Result<u64> {
    let Write { tables, txn, .. } = write;
    let mut gone = 0;
    for key in &request.keys {
        let Some(mut known) = tables.presences.find(txn, key)? else { continue };
        let older = match request.before_unix_us {
            Some(before_unix_us) => known.forget(before_unix_us),
            None => std::mem::take(&mut known).len(),
        };
        match known.is_empty() {
            true => tables.presences.delete(txn, key)?,
            false if older > 0 => tables.presences.put(txn, key, &known)?,
            false => {}
        }
        gone += older as u64;
    }
    Ok(gone)
}

/// What is known of the users behind a key: of so many that it is `limit` sightings, or a few more.
pub(super) fn walk(
    read: Read<'_>,
    behind: Option<&[u8]>,
    limit: usize,
) -> Result<Walked<Sighting>> {
    let mut found = vec![];
    for row in behind_key(read, behind)? {
        let (key, known) = row?;
        let (app, user) = whose(key).ok_or(Fault::damaged("presences", Damage::Encoding))?;
        let sighting = |it: &_| Sighting { app, user: user.clone(), connection: Clone::clone(it) };
        found.extend(known.iter().map(sighting));
        if found.len() >= limit {
            return Ok(Walked { found, next: Some(key.to_vec()) });
        }
    }
    Ok(Walked { found, next: None })
}

fn behind_key<'t>(
    read: Read<'t>,
    behind: Option<&[u8]>,
) -> Result<impl Iterator<Item = Result<(&'t [u8], Connections)>> + use<'t>> {
    // The first key behind another has a NUL more, which no id ends in.
    let from = behind.map(|behind| Key::new().bytes(behind).u8(0)).unwrap_or_default();
    read.tables.presences.range(read.txn, &[], &from)
}
