//! Broadcasts: what was asked for, once; how far it has come, again and again; and the ledger of
//! each app, which changes with them.

use std::collections::BTreeMap;

use domain::AppId;
use domain::broadcast::ledger::Entry;
use domain::broadcast::{Added, Broadcast, Ledger, Message, Open, Progress, Quota, Refusal};
use domain::store::Walked;

use super::check::{Expected, Problem};
use super::fault::Result;
use super::key::{Key, KeyParts};
use super::transaction::{Read, Write};

/// A request to keep a new one.
pub(super) struct Add {
    pub(super) app: AppId,
    pub(super) message: Message,
    pub(super) quota: Option<Quota>,
}

/// A request to keep how far one has come.
pub(super) struct Save {
    pub(super) app: AppId,
    pub(super) id: u64,
    pub(super) progress: Progress,
}

/// A request to remove what is over and old.
pub(super) struct Retire {
    pub(super) app: AppId,
    pub(super) before_unix_us: i64,
}

/// A request to end one that is damaged.
pub(super) struct GiveUp {
    pub(super) app: AppId,
    pub(super) id: u64,
    pub(super) reason: Refusal,
    pub(super) now_unix_us: i64,
}

/// A request to keep some as they are.
pub(super) struct Put {
    pub(super) app: AppId,
    pub(super) ledger: Ledger,
    pub(super) broadcasts: Vec<Broadcast>,
}

fn key_of_app(app: AppId) -> Key {
    Key::new().u32(app.0)
}

fn key_of(app: AppId, id: u64) -> Key {
    key_of_app(app).u64(id)
}

fn ledger(read: Read<'_>, app: AppId) -> Result<Ledger> {
    let ledgers = &read.tables.broadcast_ledgers;
    Ok(ledgers.find(read.txn, &key_of_app(app))?.unwrap_or_default())
}

/// Keeps a new one, unless the ledger says no.
pub(super) fn add(write: &mut Write<'_>, request: &Add) -> Result<Added> {
    let Add { app, message, quota } = request;
    let mut ledger = ledger(write.read(), *app)?;
    let (id, gone) = match ledger.enter(&message.action, message.created_unix_us, *quota) {
        Entry::Made { id, gone } => (id, gone),
        Entry::OverQuota => return Ok(Added::OverQuota),
        Entry::TooManyOpen => return Ok(Added::TooManyOpen),
    };
    remove(write, *app, &gone)?;
    let Write { tables, txn, .. } = write;
    let key = key_of(*app, id);
    tables.broadcasts.put(txn, &key, message)?;
    tables.broadcast_progress.put(txn, &key, &Progress::new(message.created_unix_us))?;
    tables.broadcast_ledgers.put(txn, &key_of_app(*app), &ledger)?;
    Ok(Added::Yes(id))
}

fn remove(write: &mut Write<'_>, app: AppId, gone: &[u64]) -> Result<()> {
    let Write { tables, txn, .. } = write;
    for id in gone {
        let key = key_of(app, *id);
        tables.broadcasts.delete(txn, &key)?;
        tables.broadcast_progress.delete(txn, &key)?;
    }
    Ok(())
}

/// Keeps how far one has come, if nobody changed it meanwhile; tells whether it is so.
pub(super) fn save(write: &mut Write<'_>, request: &Save) -> Result<bool> {
    let Save { app, id, progress } = request;
    let key = key_of(*app, *id);
    let tables = write.tables;
    let Some(known) = tables.broadcast_progress.find(&write.txn, &key)? else { return Ok(false) };
    if known.version.checked_add(1) != Some(progress.version) {
        return Ok(known == *progress);
    }
    tables.broadcast_progress.put(&mut write.txn, &key, progress)?;
    // Most changes leave it under way.
    if known.is_over() != progress.is_over() {
        let mut ledger = ledger(write.read(), *app)?;
        ledger.note(*id, progress.is_over());
        tables.broadcast_ledgers.put(&mut write.txn, &key_of_app(*app), &ledger)?;
    }
    Ok(true)
}

/// Removes those that are over and old, and tells how many.
pub(super) fn retire(write: &mut Write<'_>, request: &Retire) -> Result<u64> {
    let Retire { app, before_unix_us } = *request;
    let mut ledger = ledger(write.read(), app)?;
    let mut gone = vec![];
    for id in ledger.over() {
        let progress = &write.tables.broadcast_progress;
        let progress = unless_damaged(progress.get(&write.txn, &key_of(app, id)))?;
        // Nobody knows how old one is whose record is damaged.
        if progress.is_some_and(|progress| progress.changed_unix_us < before_unix_us) {
            gone.push(id);
        }
    }
    if gone.is_empty() {
        return Ok(0);
    }
    ledger.remove(&gone);
    remove(write, app, &gone)?;
    write.tables.broadcast_ledgers.put(&mut write.txn, &key_of_app(app), &ledger)?;
    Ok(gone.len() as u64)
}

/// Ends one that is damaged, and tells whether it was. Damage is no failure here: that would be one
/// of everybody whose change is made in the same step.
pub(super) fn give_up(write: &mut Write<'_>, request: &GiveUp) -> Result<bool> {
    let GiveUp { app, id, reason, now_unix_us } = request;
    if unless_damaged(find(write.read(), *app, *id))?.is_some() {
        return Ok(false);
    }
    let Some(mut ledger) = unless_damaged(ledger(write.read(), *app))? else { return Ok(false) };
    if !ledger.note(*id, true) {
        return Ok(false);
    }
    let key = key_of(*app, *id);
    let known = unless_damaged(write.tables.broadcast_progress.find(&write.txn, &key))?.flatten();
    let known = known.unwrap_or_else(|| Progress::new(*now_unix_us));
    let failed = known.failed(reason.clone(), *now_unix_us);
    write.tables.broadcast_progress.put(&mut write.txn, &key, &failed)?;
    write.tables.broadcast_ledgers.put(&mut write.txn, &key_of_app(*app), &ledger)?;
    Ok(true)
}

/// Keeps some as they are.
pub(super) fn put(write: &mut Write<'_>, request: &Put) -> Result<()> {
    let Put { app, ledger, broadcasts } = request;
    let Write { tables, txn, .. } = write;
    for Broadcast { id, message, progress, .. } in broadcasts {
        let key = key_of(*app, *id);
        tables.broadcasts.put(txn, &key, message)?;
        tables.broadcast_progress.put(txn, &key, progress)?;
    }
    tables.broadcast_ledgers.put(txn, &key_of_app(*app), ledger)
}

/// `None` if a record is damaged.
fn unless_damaged<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(fault) if fault.is_damage() => Ok(None),
        read => read.map(Some),
    }
}

/// The broadcast of this id.
pub(super) fn find(read: Read<'_>, app: AppId, id: u64) -> Result<Option<Broadcast>> {
    let key = key_of(app, id);
    let Some(message) = read.tables.broadcasts.find(read.txn, &key)? else { return Ok(None) };
    let progress = read.tables.broadcast_progress.get(read.txn, &key)?;
    Ok(Some(Broadcast { app, id, message, progress }))
}

/// The first behind one.
pub(super) fn list(
    read: Read<'_>,
    app: AppId,
    (after, limit): (Option<u64>, u32),
) -> Result<Vec<Broadcast>> {
    let ledger = ledger(read, app)?;
    let find = |id| Ok(unless_damaged(find(read, app, id))?.flatten());
    ledger.behind(after).map(find).filter_map(Result::transpose).take(limit as usize).collect()
}

/// What is kept of each app.
pub(super) fn walk(
    read: Read<'_>,
    behind: Option<&[u8]>,
    limit: usize,
) -> Result<Walked<(AppId, Ledger)>> {
    let ledgers = &read.tables.broadcast_ledgers;
    let mut walked = Walked { found: vec![], next: None };
    let mut last = None;
    for row in ledgers.range(read.txn, &[], behind.unwrap_or_default())? {
        let (key, ledger) = row?;
        if behind == Some(key) {
            continue;
        }
        if walked.found.len() == limit {
            walked.next = last;
            break;
        }
        let app = KeyParts(key).array().map(|bytes| AppId(u32::from_be_bytes(bytes)));
        walked.found.push((app.ok_or_else(|| ledgers.damaged())?, ledger));
        last = Some(key.to_vec());
    }
    Ok(walked)
}

/// Those that are not over.
pub(super) fn open(read: Read<'_>, app: AppId) -> Result<Open> {
    Ok(ledger(read, app)?.open())
}

/// Compares the ledgers with the broadcasts that are there.
pub(super) fn check(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    let tables = read.tables;
    let mut there: BTreeMap<AppId, u64> = BTreeMap::new();
    for row in tables.broadcasts.range(read.txn, &[], &[])? {
        let (key, _) = row?;
        let mut parts = KeyParts(key);
        let app = parts.array().map(|bytes| AppId(u32::from_be_bytes(bytes)));
        let Some((app, id)) = app.zip(parts.u64()) else {
            expected.note("broadcasts", key, Problem::Misplaced);
            continue;
        };
        *there.entry(app).or_default() += 1;
        expected.record(read, &tables.broadcast_progress, key, None)?;
        let ledger = ledger(read, app)?;
        let progress = tables.broadcast_progress.find(read.txn, key)?;
        let is_over = progress.is_none_or(|it| it.is_over());
        if !ledger.has(id) || is_over == ledger.open().ids.contains(&id) {
            expected.note("broadcast_ledgers", key, Problem::Different);
        }
    }
    for row in tables.broadcast_ledgers.range(read.txn, &[], &[])? {
        let (key, ledger) = row?;
        let app = KeyParts(key).array().map(|bytes| AppId(u32::from_be_bytes(bytes)));
        let there = app.and_then(|app| there.get(&app).copied()).unwrap_or(0);
        expected.figure(("broadcast_ledgers", key), &(ledger.behind(None).count() as u64), &there);
    }
    Ok(())
}
