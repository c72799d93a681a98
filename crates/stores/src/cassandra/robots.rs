//! How many robots an app has: a place for each, taken before the robot is registered and given
//! back after it is gone.
//!
//! The places of an app are one partition, changed by conditional batches with their number. A
//! place bears the mark of whoever took it last, so that nobody gives back what another has taken
//! since. A server that dies between the two leaves a place taken, until the same id is registered
//! as a robot again, or unregistered.

use domain::AppId;
use domain::ids::UserId;
use domain::users::store::ROBOTS_MAX;
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::cluster::{Bundle, Cas, Cluster, Prepare};
use super::fault::{Fault, Result};

/// How often a change is tried while others change the places of the same app.
const TRIES_MAX: usize = 16;

/// How many places are taken in one step.
const STEP_LEN_MAX: usize = 250;

/// What is said about robots.
pub(super) struct Statements {
    settle: PreparedStatement,
    find: PreparedStatement,
    change: PreparedStatement,
    take: PreparedStatement,
    give_back: PreparedStatement,
    turn: Mutex<()>,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let count = "SELECT DISTINCT version, taken FROM {ks}.robots WHERE app = ?";
        let find = "SELECT mark FROM {ks}.robots WHERE app = ? AND id = ?";
        let change = "UPDATE {ks}.robots SET version = ?, taken = ? WHERE app = ? IF version = ?";
        let take = "INSERT INTO {ks}.robots (app, id, mark) VALUES (?, ?, ?)";
        let give_back = "DELETE FROM {ks}.robots WHERE app = ? AND id = ?";
        Ok(Self {
            settle: prepare.settle(count).await?,
            find: prepare.settle(find).await?,
            change: prepare.cas(change).await?,
            take: prepare.write(take).await?,
            give_back: prepare.write(give_back).await?,
            turn: Mutex::default(),
        })
    }
}

/// The mark under which an id has a place, if it has one.
pub(super) async fn mark_of(cluster: &Cluster, app: AppId, id: &UserId) -> Result<Option<Uuid>> {
    let values = (cluster.app(app), id.as_str());
    let row: Option<(Option<Uuid>,)> = cluster.read_one(&cluster.robots.find, values).await?;
    Ok(row.and_then(|(mark,)| mark))
}

/// Takes a place for an id, or the one that it has; tells the mark, or `None` if all are taken.
pub(super) async fn take(cluster: &Cluster, app: AppId, id: &UserId) -> Result<Option<Uuid>> {
    let mark = Uuid::new_v4();
    let step = |taken: i64, standing: &[Option<Uuid>]| match standing {
        [None] if taken.cast_unsigned() >= ROBOTS_MAX => None,
        [None] => Some((taken + 1, Some(mark))),
        _ => Some((taken, Some(mark))),
    };
    Ok(change(cluster, app, &[id], step).await?.then_some(mark))
}

/// Takes places for ids however many are taken.
pub(super) async fn put(cluster: &Cluster, robots: &[(AppId, &UserId)]) -> Result<()> {
    for of_app in robots.chunk_by(|(app, _), (other, _)| app == other) {
        for some in of_app.chunks(STEP_LEN_MAX) {
            let ids: Vec<&UserId> = some.iter().map(|(_, id)| *id).collect();
            let mark = Uuid::new_v4();
            let take = |taken: i64, standing: &[Option<Uuid>]| {
                let new = standing.iter().filter(|mark| mark.is_none()).count();
                Some((taken + i64::try_from(new).unwrap_or(0), Some(mark)))
            };
            change(cluster, some[0].0, &ids, take).await?;
        }
    }
    Ok(())
}

/// Gives back the place that was taken with this mark, unless another has taken it since.
pub(super) async fn give_back(
    cluster: &Cluster,
    app: AppId,
    id: &UserId,
    mark: Uuid,
) -> Result<()> {
    let step = |taken: i64, standing: &[Option<Uuid>]| match standing {
        [Some(standing)] if *standing == mark => Some((taken - 1, None)),
        _ => None,
    };
    change(cluster, app, &[id], step).await.map(drop)
}

/// Changes the places of some ids together. Given how many are taken, and the ids' marks, `step`
/// tells how many are taken then, and the new mark, `None` for places that are given back; or it
/// takes no step. Whether one was taken is told.
async fn change(
    cluster: &Cluster,
    app: AppId,
    ids: &[&UserId],
    step: impl Fn(i64, &[Option<Uuid>]) -> Option<(i64, Option<Uuid>)>,
) -> Result<bool> {
    let (app_key, robots) = (cluster.app(app), &cluster.robots);
    // Those of this process take turns: at once they would only be in each other's way.
    let _turn = robots.turn.lock().await;
    let mut tried: Vec<Uuid> = vec![];
    for _ in 0..TRIES_MAX {
        let row: Option<(Option<Uuid>, Option<i64>)> =
            cluster.read_one(&robots.settle, (app_key,)).await?;
        let (version, taken) = row.unwrap_or_default();
        if version.is_some_and(|version| tried.contains(&version)) {
            return Ok(true);
        }
        let mut standing = Vec::with_capacity(ids.len());
        for id in ids {
            standing.push(mark_of(cluster, app, id).await?);
        }
        let Some((taken, mark)) = step(taken.unwrap_or(0), &standing) else { return Ok(false) };
        let next = Uuid::new_v4();
        let mut bundle = Bundle::new();
        for id in ids {
            let id = id.as_str().to_owned();
            match mark {
                Some(mark) => bundle.add(&robots.take, (app_key, id, mark)),
                None => bundle.add(&robots.give_back, (app_key, id)),
            }
        }
        bundle.add(&robots.change, (next, taken, app_key, version));
        if cluster.cas_batch(bundle).await? == Cas::Applied {
            return Ok(true);
        }
        tried.push(next);
    }
    Err(Fault::Crowded)
}
