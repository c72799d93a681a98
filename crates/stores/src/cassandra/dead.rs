//! Dead letters: those of an app are one partition, and whoever adds or removes some changes it in
//! one conditional step, with the totals.

use std::collections::BTreeSet;

use domain::AppId;
use domain::log::dead::{DeadLetter, KeptLetter, LETTERS_BYTES_MAX, LETTERS_MAX, LetterPage};
use domain::store::Walked;
use scylla::statement::prepared::PreparedStatement;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use uuid::Uuid;

use super::cluster::{Bundle, Cas, Cluster, Prepare};
use super::fault::{Fault, Result};
use super::walk;
use crate::record;

const TABLE: &str = "dead_letters";
const APPS: &str = "dead_apps";

/// How often a change is tried while others change the letters of the same app.
const TRIES_MAX: usize = 16;

/// How many letters are added or removed in one step, and how many bytes of them: a node takes no
/// step of more than half a segment of its log, 16 MiB as shipped.
const STEP_LETTERS_MAX: usize = 256;
const STEP_BYTES_MAX: u64 = 4 << 20;

/// How many letters are read at once.
const PAGE_LETTERS: i32 = 128;

/// How many apps of a realm have dead letters at most.
const APPS_MAX: usize = 1 << 20;

/// What is said about dead letters.
pub(super) struct Statements {
    totals: PreparedStatement,
    settle: PreparedStatement,
    list: PreparedStatement,
    find: PreparedStatement,
    change: PreparedStatement,
    add: PreparedStatement,
    remove: PreparedStatement,
    apps: PreparedStatement,
    add_app: PreparedStatement,
    walk: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let totals = "SELECT DISTINCT version, totals FROM {ks}.dead_letters WHERE app = ?";
        let list = "SELECT id, letter FROM {ks}.dead_letters WHERE app = ? AND id > ? LIMIT ?";
        let find = "SELECT id, letter FROM {ks}.dead_letters WHERE app = ? AND id = ?";
        let change = "UPDATE {ks}.dead_letters SET version = ?, totals = ? WHERE app = ? \
                      IF version = ?";
        let add = "INSERT INTO {ks}.dead_letters (app, id, letter) VALUES (?, ?, ?)";
        let remove = "DELETE FROM {ks}.dead_letters WHERE app = ? AND id = ?";
        let apps = "SELECT app FROM {ks}.dead_apps WHERE realm = ?";
        let add_app = "INSERT INTO {ks}.dead_apps (realm, app) VALUES (?, ?)";
        let walk = "SELECT app, totals, id, letter FROM {ks}.dead_letters";
        let mut list = prepare.read(list).await?;
        list.set_page_size(PAGE_LETTERS);
        Ok(Self {
            totals: prepare.read(totals).await?,
            settle: prepare.settle(totals).await?,
            list,
            find: prepare.read(find).await?,
            change: prepare.cas(change).await?,
            add: prepare.write(add).await?,
            remove: prepare.write(remove).await?,
            apps: prepare.read(apps).await?,
            add_app: prepare.write(add_app).await?,
            walk: prepare.walk(walk).await?,
        })
    }
}

/// How much there is of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Totals {
    last_id: u64,
    /// All with this id or a smaller one are gone, so that nobody reads over what they left.
    gone_to: u64,
    count: u64,
    bytes: u64,
}

/// The letters of an app, as of one version of its partition.
struct Standing {
    version: Option<Uuid>,
    totals: Totals,
}

/// What a step changes in a partition.
struct Step {
    come: Vec<(u64, DeadLetter)>,
    gone: Vec<(u64, DeadLetter)>,
    /// Whether those that go are the oldest.
    from_the_front: bool,
}

/// A change of the letters of an app, which is tried until it is made.
struct Change<'c, T> {
    cluster: &'c Cluster,
    app: AppId,
    tried: Tried<T>,
}

/// The marks of the attempts so far, [`TRIES_MAX`] at most, and what is answered if it was this one
/// that was made. An attempt whose outcome was unknown may be made while the next one is under way,
/// so that the next one is refused.
struct Tried<T>(Vec<(Uuid, T)>);

/// Whether a change was made, with its answer; if not, how it stands.
enum Made<T> {
    Yes(T),
    No(Standing),
}

type Row = (i64, Vec<u8>);

/// Keeps letters and tells their ids; the oldest of an app that has too many go.
///
/// Letters of several apps, or very many, are kept in several steps.
pub(super) async fn keep(cluster: &Cluster, letters: Vec<DeadLetter>) -> Result<Vec<u64>> {
    let mut ids = Vec::with_capacity(letters.len());
    let mut letters = letters.into_iter().peekable();
    while let Some(first) = letters.next() {
        let app = first.app;
        let mut bytes = first.bytes();
        let mut step = vec![first];
        while step.len() < STEP_LETTERS_MAX
            && let Some(next) =
                letters.next_if(|next| next.app == app && bytes + next.bytes() <= STEP_BYTES_MAX)
        {
            bytes += next.bytes();
            step.push(next);
        }
        ids.extend(in_time(cluster, keep_some(cluster, app, &step)).await?);
    }
    Ok(ids)
}

async fn keep_some(cluster: &Cluster, app: AppId, letters: &[DeadLetter]) -> Result<Vec<u64>> {
    let statements = &cluster.dead;
    // First, so that retirement knows of the app whatever happens.
    cluster.write(&statements.add_app, (cluster.realm(), cluster.app(app))).await?;
    let mut standing = stand(cluster, app, &statements.totals).await?;
    let mut change = Change::new(cluster, app);
    for _ in 0..TRIES_MAX {
        // From 1, so that all are behind 0.
        let ids = (standing.totals.last_id + 1..).take(letters.len());
        let come: Vec<_> = ids.clone().zip(letters.iter().cloned()).collect();
        let gone = find_too_old(cluster, app, &standing.totals, &come).await?;
        let step = Step { come, gone, from_the_front: true };
        match change.attempt(&standing, &step, ids.collect()).await? {
            Made::Yes(ids) => return Ok(ids),
            Made::No(instead) => standing = instead,
        }
    }
    Err(Fault::Crowded)
}

/// Those that must go, the oldest first, before these can come.
async fn find_too_old(
    cluster: &Cluster,
    app: AppId,
    totals: &Totals,
    come: &[(u64, DeadLetter)],
) -> Result<Vec<(u64, DeadLetter)>> {
    let mut count = totals.count + come.len() as u64;
    let mut bytes = totals.bytes + bytes_of(come);
    let (mut gone, mut last) = (vec![], totals.gone_to);
    while count > LETTERS_MAX || bytes > LETTERS_BYTES_MAX {
        let oldest = read(cluster, app, (last, PAGE_LETTERS)).await?;
        if oldest.is_empty() {
            break;
        }
        for (id, letter) in oldest {
            if count <= LETTERS_MAX && bytes <= LETTERS_BYTES_MAX {
                break;
            }
            last = id;
            count = count.saturating_sub(1);
            bytes = bytes.saturating_sub(letter.bytes());
            gone.push((id, letter));
        }
    }
    Ok(gone)
}

/// Removes letters of an app, and tells how many of them there were.
pub(super) async fn remove(cluster: &Cluster, app: AppId, ids: &[u64]) -> Result<u64> {
    let mut removed = 0;
    for some in ids.chunks(STEP_LETTERS_MAX) {
        removed += in_time(cluster, remove_some(cluster, app, some)).await?;
    }
    Ok(removed)
}

async fn remove_some(cluster: &Cluster, app: AppId, ids: &[u64]) -> Result<u64> {
    let mut standing = stand(cluster, app, &cluster.dead.totals).await?;
    let mut change = Change::new(cluster, app);
    for _ in 0..TRIES_MAX {
        let mut gone = vec![];
        let distinct: BTreeSet<u64> = ids.iter().copied().collect();
        for id in distinct {
            let values = (cluster.app(app), id.cast_signed());
            let row: Option<Row> = cluster.read_one(&cluster.dead.find, values).await?;
            gone.extend(row.map(|row| letter_of(app, row)).transpose()?);
        }
        if gone.is_empty() {
            return Ok(change.find_made().await?.unwrap_or(0));
        }
        let count = gone.len() as u64;
        let step = Step { come: vec![], gone, from_the_front: false };
        match change.attempt(&standing, &step, count).await? {
            Made::Yes(count) => return Ok(count),
            Made::No(instead) => standing = instead,
        }
    }
    Err(Fault::Crowded)
}

/// Removes the oldest letters of all apps of the realm as long as they are older than an instant,
/// `max` at most, and tells how many.
pub(super) async fn retire(cluster: &Cluster, before_unix_us: i64, max: usize) -> Result<u64> {
    let mut removed = 0;
    for app in apps(cluster).await? {
        while removed < max as u64 {
            let limit = STEP_LETTERS_MAX.min(max - removed as usize);
            match retire_some(cluster, app, before_unix_us, limit).await? {
                0 => break,
                some => removed += some,
            }
        }
    }
    Ok(removed)
}

async fn retire_some(
    cluster: &Cluster,
    app: AppId,
    before_unix_us: i64,
    limit: usize,
) -> Result<u64> {
    let mut standing = stand(cluster, app, &cluster.dead.totals).await?;
    let mut change = Change::new(cluster, app);
    for _ in 0..TRIES_MAX {
        let from = standing.totals.gone_to;
        let mut gone = read(cluster, app, (from, i32::try_from(limit).unwrap_or(i32::MAX))).await?;
        let old = |(_, letter): &&(u64, DeadLetter)| letter.received_unix_us < before_unix_us;
        gone.truncate(gone.iter().take_while(old).count());
        if gone.is_empty() {
            return Ok(change.find_made().await?.unwrap_or(0));
        }
        let count = gone.len() as u64;
        let step = Step { come: vec![], gone, from_the_front: true };
        match change.attempt(&standing, &step, count).await? {
            Made::Yes(count) => return Ok(count),
            Made::No(instead) => standing = instead,
        }
    }
    Err(Fault::Crowded)
}

/// Gives up on a step when a statement would be given up on: however often others get in the way,
/// whoever waits is told.
async fn in_time<T>(cluster: &Cluster, step: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(cluster.request_timeout, step).await.unwrap_or(Err(Fault::Unknown))
}

/// The oldest letters of an app, or those behind one.
pub(super) async fn list(
    cluster: &Cluster,
    app: AppId,
    place: (Option<u64>, u32),
) -> Result<LetterPage> {
    in_time(cluster, list_as_of_one_instant(cluster, app, place)).await
}

async fn list_as_of_one_instant(
    cluster: &Cluster,
    app: AppId,
    (after, limit): (Option<u64>, u32),
) -> Result<LetterPage> {
    let totals = &cluster.dead.totals;
    let mut standing = stand(cluster, app, totals).await?;
    for _ in 0..TRIES_MAX {
        let after = after.unwrap_or(0).max(standing.totals.gone_to);
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let letters = match limit {
            0 => vec![],
            _ => read(cluster, app, (after, limit)).await?,
        };
        // Nobody has changed anything meanwhile: so this is how it was at one instant.
        let now = stand(cluster, app, totals).await?;
        if now.version == standing.version {
            let letters = letters.into_iter().map(|(id, letter)| KeptLetter { id, letter });
            return Ok(LetterPage { total: now.totals.count, letters: letters.collect() });
        }
        standing = now;
    }
    Err(Fault::Crowded)
}

/// Some letters, those of an app together and in their order.
pub(super) async fn walk(
    cluster: &Cluster,
    from: Option<&[u8]>,
    limit: u32,
) -> Result<Walked<DeadLetter>> {
    let page = walk::Page::of(from);
    let (rows, behind) = cluster.read_page(&cluster.dead.walk, (), page.state()).await?;
    let read = |(app, totals, id, sealed): Walking| {
        let (Some(app), Some(id), Some(sealed)) = (cluster.own_app(app), id, sealed) else {
            return Ok(None);
        };
        let unseal = |sealed: Vec<u8>| record::unseal(TABLE, &app.0.to_be_bytes(), &sealed);
        let totals: Totals = totals.map(unseal).transpose()?.unwrap_or_default();
        let (id, letter) = letter_of(app, (id, sealed))?;
        Ok((id > totals.gone_to).then_some(letter))
    };
    let letters = rows.into_iter().map(read).filter_map(Result::transpose);
    Ok(page.cut(letters.collect::<Result<_>>()?, behind, limit, |_| 1))
}

/// A row of a walk; one without a letter tells of an app that has none.
type Walking = (i64, Option<Vec<u8>>, Option<i64>, Option<Vec<u8>>);

/// The apps of our realm that ever had letters, in their order.
async fn apps(cluster: &Cluster) -> Result<Vec<AppId>> {
    let realm = (cluster.realm(),);
    let rows: Vec<(i64,)> = cluster.read(&cluster.dead.apps, realm, (APPS, APPS_MAX)).await?;
    Ok(rows.into_iter().filter_map(|(key,)| cluster.own_app(key)).collect())
}

async fn stand(cluster: &Cluster, app: AppId, statement: &PreparedStatement) -> Result<Standing> {
    let row: Option<(Option<Uuid>, Option<Vec<u8>>)> =
        cluster.read_one(statement, (cluster.app(app),)).await?;
    let (version, totals) = row.unwrap_or_default();
    let unseal = |sealed: Vec<u8>| record::unseal(TABLE, &app.0.to_be_bytes(), &sealed);
    Ok(Standing { version, totals: totals.map(unseal).transpose()?.unwrap_or_default() })
}

/// The letters behind one, `limit` at most.
async fn read(
    cluster: &Cluster,
    app: AppId,
    (after, limit): (u64, i32),
) -> Result<Vec<(u64, DeadLetter)>> {
    let Ok(after) = i64::try_from(after) else { return Ok(vec![]) };
    let rows_max = usize::try_from(limit).unwrap_or(0);
    let values = (cluster.app(app), after, limit);
    let rows: Vec<Row> = cluster.read(&cluster.dead.list, values, (TABLE, rows_max)).await?;
    rows.into_iter().map(|row| letter_of(app, row)).collect()
}

fn letter_of(app: AppId, (id, sealed): Row) -> Result<(u64, DeadLetter)> {
    let id = id.cast_unsigned();
    Ok((id, record::unseal(TABLE, &key_of(app, id), &sealed)?))
}

/// What the record's checksum is of, besides the letter.
fn key_of(app: AppId, id: u64) -> Vec<u8> {
    [&app.0.to_be_bytes()[..], &id.to_be_bytes()].concat()
}

impl<'c, T> Change<'c, T> {
    fn new(cluster: &'c Cluster, app: AppId) -> Self {
        Self { cluster, app, tried: Tried(vec![]) }
    }

    /// Makes a step, if nobody has made another since.
    async fn attempt(&mut self, standing: &Standing, step: &Step, answer: T) -> Result<Made<T>> {
        let mark = Uuid::new_v4();
        let bundle = self.bundle(standing, step, mark)?;
        let statements = &self.cluster.dead;
        let instead = match self.cluster.cas_batch(bundle).await? {
            Cas::Applied => return Ok(Made::Yes(answer)),
            Cas::Refused => stand(self.cluster, self.app, &statements.totals).await?,
            Cas::Unknown => stand(self.cluster, self.app, &statements.settle).await?,
        };
        self.tried.0.push((mark, answer));
        Ok(self.tried.take(instead.version).map_or(Made::No(instead), Made::Yes))
    }

    /// The answer of an attempt that was made after all, when nothing is left to do.
    async fn find_made(&mut self) -> Result<Option<T>> {
        if self.tried.0.is_empty() {
            return Ok(None);
        }
        let standing = stand(self.cluster, self.app, &self.cluster.dead.totals).await?;
        Ok(self.tried.take(standing.version))
    }

    fn bundle(&self, standing: &Standing, step: &Step, mark: Uuid) -> Result<Bundle> {
        let (statements, app) = (&self.cluster.dead, self.app);
        let key = self.cluster.app(app);
        let totals = step.apply(&standing.totals);
        let totals = record::seal(TABLE, &app.0.to_be_bytes(), &totals)?;
        let mut bundle = Bundle::new();
        bundle.add(&statements.change, (mark, totals, key, standing.version));
        for (id, letter) in &step.come {
            let sealed = record::seal(TABLE, &key_of(app, *id), letter)?;
            bundle.add(&statements.add, (key, id.cast_signed(), sealed));
        }
        for (id, _) in &step.gone {
            bundle.add(&statements.remove, (key, id.cast_signed()));
        }
        Ok(bundle)
    }
}

impl<T> Tried<T> {
    /// The answer of the attempt that brought this version, if one of them did.
    fn take(&mut self, version: Option<Uuid>) -> Option<T> {
        let place = self.0.iter().position(|(mark, _)| Some(*mark) == version)?;
        Some(self.0.swap_remove(place).1)
    }
}

impl Step {
    fn apply(&self, totals: &Totals) -> Totals {
        let first_id = totals.gone_to;
        let last = self.gone.last().map(|(id, _)| *id);
        Totals {
            last_id: self.come.last().map_or(totals.last_id, |(id, _)| *id),
            gone_to: first_id.max(last.filter(|_| self.from_the_front).unwrap_or(0)),
            count: (totals.count + self.come.len() as u64).saturating_sub(self.gone.len() as u64),
            bytes: (totals.bytes + bytes_of(&self.come)).saturating_sub(bytes_of(&self.gone)),
        }
    }
}

fn bytes_of(letters: &[(u64, DeadLetter)]) -> u64 {
    letters.iter().map(|(_, letter)| letter.bytes()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_was_made_late_is_known_by_its_mark_and_gives_its_own_answer() {
        let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
        let mut tried = Tried(vec![(first, 3), (second, 4)]);
        assert_eq!(tried.take(Some(first)), Some(3));
        assert_eq!(tried.take(Some(second)), Some(4));
    }

    #[test]
    fn what_somebody_else_changed_is_taken_for_no_attempt_of_ours() {
        let mut tried = Tried(vec![(Uuid::new_v4(), 3)]);
        assert_eq!(tried.take(Some(Uuid::new_v4())), None);
        assert_eq!(tried.take(None), None);
    }
}
