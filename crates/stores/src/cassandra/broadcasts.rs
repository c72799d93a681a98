//! Broadcasts: those of an app are one partition, and whoever adds one, removes some or writes how
//! far one has come changes it in one conditional step, with the app's ledger.
//!
//! A step whose outcome is unknown may be made later. So a new broadcast's row has a mark of the
//! attempt that made it, and how far one has come is a record that nobody else writes alike: who
//! tries again looks for these first.

use domain::AppId;
use domain::broadcast::ledger::Entry;
use domain::broadcast::{
    Added, Broadcast, KEPT_MAX, Ledger, Message, Open, Progress, Quota, Refusal,
};
use domain::store::Walked;
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use super::cluster::{Bundle, Cas, Cluster, Prepare};
use super::fault::{Damage, Fault, Result};
use super::walk;
use crate::record;

const TABLE: &str = "broadcasts";

/// How often a change is tried while others change the broadcasts of the same app.
const TRIES_MAX: usize = 16;

/// How many broadcasts are read at once: each may be long.
const PAGE_BROADCASTS: i32 = 16;

/// How many are removed in one step.
const STEP_REMOVED_MAX: usize = 100;

/// What is said about broadcasts.
pub(super) struct Statements {
    stand: PreparedStatement,
    settle: PreparedStatement,
    mark: PreparedStatement,
    find: PreparedStatement,
    list: PreparedStatement,
    progress: PreparedStatement,
    all_progress: PreparedStatement,
    change: PreparedStatement,
    add: PreparedStatement,
    save: PreparedStatement,
    remove: PreparedStatement,
    walk: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let stand = "SELECT DISTINCT version, ledger FROM {ks}.broadcasts WHERE app = ?";
        let mark = "SELECT mark FROM {ks}.broadcasts WHERE app = ? AND id = ?";
        let find = "SELECT id, message, progress FROM {ks}.broadcasts WHERE app = ? AND id = ?";
        let list = "SELECT id, message, progress FROM {ks}.broadcasts \
                    WHERE app = ? AND id > ? LIMIT ?";
        let progress = "SELECT progress FROM {ks}.broadcasts WHERE app = ? AND id = ?";
        let all_progress = "SELECT id, progress FROM {ks}.broadcasts WHERE app = ? AND id > 0";
        let change = "UPDATE {ks}.broadcasts SET version = ?, ledger = ? WHERE app = ? \
                      IF version = ?";
        let add = "INSERT INTO {ks}.broadcasts (app, id, mark, message, progress) \
                   VALUES (?, ?, ?, ?, ?)";
        let save = "UPDATE {ks}.broadcasts SET progress = ? WHERE app = ? AND id = ?";
        let remove = "DELETE FROM {ks}.broadcasts WHERE app = ? AND id = ?";
        let mut list = prepare.read(list).await?;
        list.set_page_size(PAGE_BROADCASTS);
        Ok(Self {
            stand: prepare.read(stand).await?,
            settle: prepare.settle(stand).await?,
            mark: prepare.read(mark).await?,
            find: prepare.read(find).await?,
            list,
            progress: prepare.read(progress).await?,
            all_progress: prepare.read(all_progress).await?,
            change: prepare.cas(change).await?,
            add: prepare.write(add).await?,
            save: prepare.write(save).await?,
            remove: prepare.write(remove).await?,
            walk: prepare.walk("SELECT DISTINCT app, ledger FROM {ks}.broadcasts").await?,
        })
    }
}

/// The ledger of an app, as of one version of its partition.
struct Standing {
    version: Option<Uuid>,
    ledger: Ledger,
}

/// A row: id, message, progress.
type Row = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

/// Keeps a new one, unless the ledger says no.
pub(super) async fn add(
    cluster: &Cluster,
    app: AppId,
    message: &Message,
    quota: Option<Quota>,
) -> Result<Added> {
    let statements = &cluster.broadcasts;
    let mut standing = stand(cluster, app, &statements.stand).await?;
    let mut tried: Vec<(u64, Uuid)> = vec![];
    for _ in 0..TRIES_MAX {
        if let Some(id) = find_made(cluster, app, &tried).await? {
            return Ok(Added::Yes(id));
        }
        let (action, created_unix_us) = (&message.action, message.created_unix_us);
        let (id, gone) = match standing.ledger.enter(action, created_unix_us, quota) {
            Entry::Made { id, gone } => (id, gone),
            Entry::OverQuota => return Ok(Added::OverQuota),
            Entry::TooManyOpen => return Ok(Added::TooManyOpen),
        };
        let mark = Uuid::new_v4();
        let mut bundle = change(cluster, app, &standing)?;
        let (key, row) = (cluster.app(app), id.cast_signed());
        let sealed = record::seal(TABLE, &key_of(app, id), message)?;
        let progress = seal_progress(app, id, &Progress::new(created_unix_us))?;
        bundle.add(&statements.add, (key, row, mark, sealed, progress));
        remove(cluster, app, &gone, &mut bundle);
        if cluster.cas_batch(bundle).await? == Cas::Applied {
            return Ok(Added::Yes(id));
        }
        tried.push((id, mark));
        standing = stand(cluster, app, &statements.settle).await?;
    }
    Err(Fault::Crowded)
}

/// The broadcast that one of the attempts made after all.
async fn find_made(cluster: &Cluster, app: AppId, tried: &[(u64, Uuid)]) -> Result<Option<u64>> {
    for (id, mark) in tried {
        let values = (cluster.app(app), id.cast_signed());
        let row: Option<(Option<Uuid>,)> =
            cluster.read_one(&cluster.broadcasts.mark, values).await?;
        if row.is_some_and(|(made_by,)| made_by == Some(*mark)) {
            return Ok(Some(*id));
        }
    }
    Ok(None)
}

/// Keeps how far one has come, if nobody changed it meanwhile; tells whether it is so.
pub(super) async fn save(
    cluster: &Cluster,
    app: AppId,
    id: u64,
    progress: &Progress,
) -> Result<bool> {
    let statements = &cluster.broadcasts;
    let (key, row) = (cluster.app(app), id.cast_signed());
    let mut standing = stand(cluster, app, &statements.stand).await?;
    for _ in 0..TRIES_MAX {
        let found: Option<(Option<Vec<u8>>,)> =
            cluster.read_one(&statements.progress, (key, row)).await?;
        let Some(sealed) = found.and_then(|(sealed,)| sealed) else { return Ok(false) };
        let known: Progress = record::unseal(TABLE, &key_of(app, id), &sealed)?;
        if known.version.checked_add(1) != Some(progress.version) {
            return Ok(known == *progress);
        }
        standing.ledger.note(id, progress.is_over());
        let mut bundle = change(cluster, app, &standing)?;
        bundle.add(&statements.save, (seal_progress(app, id, progress)?, key, row));
        if cluster.cas_batch(bundle).await? == Cas::Applied {
            return Ok(true);
        }
        standing = stand(cluster, app, &statements.settle).await?;
    }
    Err(Fault::Crowded)
}

/// Ends one that is damaged, and tells whether it was.
pub(super) async fn give_up(
    cluster: &Cluster,
    app: AppId,
    id: u64,
    (reason, now_unix_us): (&Refusal, i64),
) -> Result<bool> {
    let statements = &cluster.broadcasts;
    let (key, row) = (cluster.app(app), id.cast_signed());
    for _ in 0..TRIES_MAX {
        // What another server has ended is under way no more.
        let mut standing = stand(cluster, app, &statements.settle).await?;
        let found: Option<Row> = cluster.read_one(&statements.find, (key, row)).await?;
        let Some(found) = found.filter(|_| standing.ledger.note(id, true)) else {
            return Ok(false);
        };
        let known = found.2.as_deref().map(|it| record::unseal(TABLE, &key_of(app, id), it));
        if unless_damaged(broadcast_of(app, found))?.is_some() {
            return Ok(false);
        }
        let known = known.and_then(Result::ok).unwrap_or_else(|| Progress::new(now_unix_us));
        let failed = known.failed(reason.clone(), now_unix_us);
        let mut bundle = change(cluster, app, &standing)?;
        bundle.add(&statements.save, (seal_progress(app, id, &failed)?, key, row));
        if cluster.cas_batch(bundle).await? == Cas::Applied {
            return Ok(true);
        }
    }
    Err(Fault::Crowded)
}

/// Keeps some as they are, and a ledger.
pub(super) async fn put(
    cluster: &Cluster,
    app: AppId,
    ledger: &Ledger,
    broadcasts: &[Broadcast],
) -> Result<()> {
    let statements = &cluster.broadcasts;
    let key = cluster.app(app);
    for _ in 0..TRIES_MAX {
        let Standing { version, .. } = stand(cluster, app, &statements.settle).await?;
        let standing = Standing { version, ledger: ledger.clone() };
        let mut bundle = change(cluster, app, &standing)?;
        for Broadcast { id, message, progress, .. } in broadcasts {
            let sealed = record::seal(TABLE, &key_of(app, *id), message)?;
            let progress = seal_progress(app, *id, progress)?;
            let values = (key, id.cast_signed(), Uuid::new_v4(), sealed, progress);
            bundle.add(&statements.add, values);
        }
        if cluster.cas_batch(bundle).await? == Cas::Applied {
            return Ok(());
        }
    }
    Err(Fault::Crowded)
}

/// What is kept of each app.
pub(super) async fn walk(
    cluster: &Cluster,
    from: Option<&[u8]>,
    limit: u32,
) -> Result<Walked<(AppId, Ledger)>> {
    let page = walk::Page::of(from);
    let (rows, behind) = cluster.read_page(&cluster.broadcasts.walk, (), page.state()).await?;
    let read = |(app, sealed): (i64, Option<Vec<u8>>)| {
        let (Some(app), Some(sealed)) = (cluster.own_app(app), sealed) else { return Ok(None) };
        let ledger: Ledger = record::unseal(TABLE, &app.0.to_be_bytes(), &sealed)?;
        Ok(Some((app, ledger)))
    };
    let all = rows.into_iter().map(read).filter_map(Result::transpose);
    Ok(page.cut(all.collect::<Result<_>>()?, behind, limit, |_| 1))
}

/// `None` if a record is damaged.
fn unless_damaged<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(fault) if fault.is_damage() => Ok(None),
        read => read.map(Some),
    }
}

/// Removes those that are over and old, and tells how many.
pub(super) async fn retire(cluster: &Cluster, app: AppId, before_unix_us: i64) -> Result<u64> {
    let statements = &cluster.broadcasts;
    let mut removed = 0;
    let mut standing = stand(cluster, app, &statements.stand).await?;
    for _ in 0..TRIES_MAX {
        let values = (cluster.app(app),);
        let rows: Vec<(i64, Option<Vec<u8>>)> =
            cluster.read(&statements.all_progress, values, (TABLE, 2 * KEPT_MAX)).await?;
        let mut gone = vec![];
        for (id, sealed) in rows {
            let (id, Some(sealed)) = (id.cast_unsigned(), sealed) else { continue };
            // Nobody knows how old one is whose record is damaged.
            let Ok(progress) = record::unseal::<Progress>(TABLE, &key_of(app, id), &sealed) else {
                continue;
            };
            if progress.is_over() && progress.changed_unix_us < before_unix_us {
                gone.push(id);
            }
        }
        gone.truncate(STEP_REMOVED_MAX);
        if gone.is_empty() {
            return Ok(removed);
        }
        standing.ledger.remove(&gone);
        let mut bundle = change(cluster, app, &standing)?;
        remove(cluster, app, &gone, &mut bundle);
        if cluster.cas_batch(bundle).await? == Cas::Applied {
            removed += gone.len() as u64;
        }
        standing = stand(cluster, app, &statements.settle).await?;
    }
    Ok(removed)
}

/// The broadcast of this id.
pub(super) async fn find(cluster: &Cluster, app: AppId, id: u64) -> Result<Option<Broadcast>> {
    let Ok(row) = i64::try_from(id) else { return Ok(None) };
    let values = (cluster.app(app), row);
    let row: Option<Row> = cluster.read_one(&cluster.broadcasts.find, values).await?;
    row.map(|row| broadcast_of(app, row)).transpose()
}

/// The first behind one.
pub(super) async fn list(
    cluster: &Cluster,
    app: AppId,
    (after, limit): (Option<u64>, u32),
) -> Result<Vec<Broadcast>> {
    let Ok(after) = i64::try_from(after.unwrap_or(0)) else { return Ok(vec![]) };
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    if limit == 0 {
        return Ok(vec![]);
    }
    let values = (cluster.app(app), after, limit);
    let rows: Vec<Row> =
        cluster.read(&cluster.broadcasts.list, values, (TABLE, 2 * KEPT_MAX)).await?;
    let whole = |row| unless_damaged(broadcast_of(app, row)).transpose();
    rows.into_iter().filter_map(whole).collect()
}

/// Those that are not over.
pub(super) async fn open(cluster: &Cluster, app: AppId) -> Result<Open> {
    Ok(stand(cluster, app, &cluster.broadcasts.stand).await?.ledger.open())
}

async fn stand(cluster: &Cluster, app: AppId, statement: &PreparedStatement) -> Result<Standing> {
    let row: Option<(Option<Uuid>, Option<Vec<u8>>)> =
        cluster.read_one(statement, (cluster.app(app),)).await?;
    let (version, ledger) = row.unwrap_or_default();
    let unseal = |sealed: Vec<u8>| record::unseal(TABLE, &app.0.to_be_bytes(), &sealed);
    Ok(Standing { version, ledger: ledger.map(unseal).transpose()?.unwrap_or_default() })
}

/// A step that writes the ledger, if nobody has changed anything since it was read.
fn change(cluster: &Cluster, app: AppId, standing: &Standing) -> Result<Bundle> {
    let ledger = record::seal(TABLE, &app.0.to_be_bytes(), &standing.ledger)?;
    let mut bundle = Bundle::new();
    let values = (Uuid::new_v4(), ledger, cluster.app(app), standing.version);
    bundle.add(&cluster.broadcasts.change, values);
    Ok(bundle)
}

fn remove(cluster: &Cluster, app: AppId, gone: &[u64], bundle: &mut Bundle) {
    for id in gone {
        bundle.add(&cluster.broadcasts.remove, (cluster.app(app), id.cast_signed()));
    }
}

fn seal_progress(app: AppId, id: u64, progress: &Progress) -> Result<Vec<u8>> {
    Ok(record::seal(TABLE, &key_of(app, id), progress)?)
}

fn broadcast_of(app: AppId, (id, message, progress): Row) -> Result<Broadcast> {
    let id = id.cast_unsigned();
    let key = key_of(app, id);
    let missing = || Fault::damaged(TABLE, Damage::Missing);
    let message = record::unseal(TABLE, &key, &message.ok_or_else(missing)?)?;
    let progress = record::unseal(TABLE, &key, &progress.ok_or_else(missing)?)?;
    Ok(Broadcast { app, id, message, progress })
}

/// What a record's checksum is of, besides the record.
fn key_of(app: AppId, id: u64) -> Vec<u8> {
    [&app.0.to_be_bytes()[..], &id.to_be_bytes()].concat()
}
