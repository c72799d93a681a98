//! Restarts and stops of servers: what is told of a door, and of no room.
//!
//! All rooms of the door are folded with them, so both sides write before they read. Whoever tells
//! of a restart writes it, and then folds the rooms that it can change. Whoever changes a room
//! lists it among its door's rooms, writes it, and then reads which restarts there are: if others
//! than those it was folded with, it is folded again. So whichever is later sees the earlier.
//!
//! To see whether there are others, not all are read but `touched`: each process writes a number of
//! its own into it, greater than its last, whenever it changes the restarts of a door.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::AppId;
use domain::ids::Door;
use domain::log::Event;
use domain::log::event::EventHash;
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use super::state::Lost;
use crate::cassandra::cluster::{Cluster, Prepare};
use crate::cassandra::fault::{Damage, Fault, Result};
use crate::record::{seal, unseal};

const TABLE: &str = "restarts";

/// How many restarts a door may have in the time that is kept.
const RESTARTS_MAX: usize = 200_000;

/// The restarts of a door.
#[derive(Clone, Debug, Default)]
pub(super) struct Restarts {
    /// What they were read with.
    pub(super) touched: Arc<Touched>,
    pub(super) events: Arc<Vec<Event>>,
}

/// The last number of each process that changed the restarts of a door.
pub(super) type Touched = BTreeMap<Uuid, i64>;

/// A restart as it is kept.
pub(super) struct Kept {
    pub(super) place: Lost,
    /// `None` if it lost before it came.
    pub(super) event: Option<Event>,
    /// Whether another event of its identity won.
    pub(super) is_lost: bool,
    /// Whether rooms may not have been folded with it yet.
    pub(super) is_pending: bool,
}

/// What is said about restarts.
pub(super) struct Statements {
    touched: PreparedStatement,
    all: PreparedStatement,
    find: PreparedStatement,
    put: PreparedStatement,
    lose: PreparedStatement,
    finish: PreparedStatement,
    delete: PreparedStatement,
    touch: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let touched = "SELECT touched FROM {ks}.restarts WHERE app = ? AND door = ? LIMIT 1";
        let all = "SELECT touched, at, identity, content, event, lost, pending \
                   FROM {ks}.restarts WHERE app = ? AND door = ?";
        let find = "SELECT event, lost, pending FROM {ks}.restarts \
                    WHERE app = ? AND door = ? AND at = ? AND identity = ? AND content = ?";
        let put = "UPDATE {ks}.restarts SET event = ?, pending = true \
                   WHERE app = ? AND door = ? AND at = ? AND identity = ? AND content = ?";
        let lose = "UPDATE {ks}.restarts SET lost = true, pending = true \
                    WHERE app = ? AND door = ? AND at = ? AND identity = ? AND content = ?";
        let finish = "UPDATE {ks}.restarts SET pending = null \
                      WHERE app = ? AND door = ? AND at = ? AND identity = ? AND content = ?";
        let delete = "DELETE FROM {ks}.restarts \
                      WHERE app = ? AND door = ? AND at = ? AND identity = ? AND content = ?";
        let touch = "UPDATE {ks}.restarts USING TIMESTAMP ? SET touched[?] = ? \
                     WHERE app = ? AND door = ?";
        Ok(Self {
            touched: prepare.read(touched).await?,
            all: prepare.read(all).await?,
            find: prepare.read(find).await?,
            put: prepare.write(put).await?,
            lose: prepare.write(lose).await?,
            finish: prepare.write(finish).await?,
            delete: prepare.write(delete).await?,
            touch: prepare.write(touch).await?,
        })
    }
}

/// A row: what it was read with, its place, and what is kept there.
type Read = (
    Option<HashMap<Uuid, i64>>,
    Option<i64>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<bool>,
    Option<bool>,
);

/// The app and the door, as keys name them.
fn key_of(cluster: &Cluster, app: AppId, door: &Door) -> (i64, String) {
    (cluster.app(app), door.as_str().to_owned())
}

/// What the restarts of a door are read with now.
pub(super) async fn touched(cluster: &Cluster, app: AppId, door: &Door) -> Result<Touched> {
    let key = key_of(cluster, app, door);
    let row: Option<(Option<HashMap<Uuid, i64>>,)> =
        cluster.read_one(&cluster.log.restarts.touched, key).await?;
    Ok(row.and_then(|(touched,)| touched).unwrap_or_default().into_iter().collect())
}

/// All restarts of a door, those that lost too.
pub(super) async fn list(
    cluster: &Cluster,
    app: AppId,
    door: &Door,
) -> Result<(Touched, Vec<Kept>)> {
    // The first row has the map of before the others were read: whoever adds a restart meanwhile
    // makes it another.
    let mut first: Option<Touched> = None;
    let mut all = vec![];
    let key = key_of(cluster, app, door);
    let rows: Vec<Read> =
        cluster.read(&cluster.log.restarts.all, key, (TABLE, RESTARTS_MAX)).await?;
    for (touched, at, identity, content, event, lost, pending) in rows {
        first.get_or_insert_with(|| touched.unwrap_or_default().into_iter().collect());
        let (Some(at), Some(identity), Some(content)) = (at, identity, content) else { continue };
        let event = event.map(|event| unseal(TABLE, &identity, &event)).transpose()?;
        let hash = |hash: Vec<u8>| {
            hash.as_slice().try_into().map_err(|_| Fault::damaged(TABLE, Damage::Encoding))
        };
        let (identity, content) = (hash(identity)?, hash(content)?);
        let place = Lost { time_unix_us: at, identity, content };
        let (is_lost, is_pending) = (lost == Some(true), pending == Some(true));
        all.push(Kept { place, event, is_lost, is_pending });
    }
    Ok((first.unwrap_or_default(), all))
}

/// What is known of a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    New,
    /// It counts; its rooms may have to be folded yet.
    Counts { is_pending: bool },
    /// Another of its identity won; its rooms may have to be folded yet.
    Lost { is_pending: bool },
}

/// Looks for a restart.
pub(super) async fn find(cluster: &Cluster, app: AppId, door: &Door, it: &Lost) -> Result<Found> {
    let place = place_of(cluster, app, door, it);
    type Kept = (Option<Vec<u8>>, Option<bool>, Option<bool>);
    let row: Option<Kept> = cluster.read_one(&cluster.log.restarts.find, place).await?;
    Ok(match row {
        Some((_, Some(true), pending)) => Found::Lost { is_pending: pending == Some(true) },
        Some((Some(_), _, pending)) => Found::Counts { is_pending: pending == Some(true) },
        _ => Found::New,
    })
}

/// Those of a door that count.
pub(super) async fn read(cluster: &Cluster, app: AppId, door: &Door) -> Result<Restarts> {
    let (touched, all) = list(cluster, app, door).await?;
    let events =
        all.into_iter().filter(|kept| !kept.is_lost).filter_map(|kept| kept.event).collect();
    Ok(Restarts { touched: Arc::new(touched), events: Arc::new(events) })
}

/// Keeps a restart. It is still to be told by [`touch`], and its rooms to be folded.
pub(super) async fn put(cluster: &Cluster, event: &Event) -> Result<()> {
    let (app, door, at, identity, content) =
        place_of(cluster, event.app, &event.door, &Lost::of(event));
    let sealed = seal(TABLE, &identity, event)?;
    let values = (sealed, app, door, at, identity, content);
    cluster.write(&cluster.log.restarts.put, values).await
}

/// A restart counts no more, whether it is there or still comes. That is still to be told by
/// [`touch`], and its rooms to be folded.
pub(super) async fn lose(cluster: &Cluster, app: AppId, door: &Door, lost: &Lost) -> Result<()> {
    cluster.write(&cluster.log.restarts.lose, place_of(cluster, app, door, lost)).await
}

/// The rooms are folded with it, or without.
pub(super) async fn finish(cluster: &Cluster, app: AppId, door: &Door, it: &Lost) -> Result<()> {
    cluster.write(&cluster.log.restarts.finish, place_of(cluster, app, door, it)).await
}

/// Forgets a restart. That is still to be told by [`touch`].
pub(super) async fn delete(cluster: &Cluster, app: AppId, door: &Door, it: &Lost) -> Result<()> {
    cluster.write(&cluster.log.restarts.delete, place_of(cluster, app, door, it)).await
}

/// Tells that the restarts of a door are others than before. To be done when the change is made,
/// and not in one step with it: nodes repair each other column by column, so that a reader could
/// find the number of a change, and no quorum yet that has the change.
pub(super) async fn touch(cluster: &Cluster, app: AppId, door: &Door) -> Result<()> {
    let number = cluster.next_touch();
    let (key, door) = key_of(cluster, app, door);
    // The number is its time of writing too: what no clock tells no clock can spoil.
    let values = (number, cluster.process(), number, key, door);
    cluster.write(&cluster.log.restarts.touch, values).await
}

type PlaceOf = (i64, String, i64, Vec<u8>, Vec<u8>);

fn place_of(cluster: &Cluster, app: AppId, door: &Door, it: &Lost) -> PlaceOf {
    let (app, door) = key_of(cluster, app, door);
    let hash = |hash: &EventHash| hash.to_vec();
    (app, door, it.time_unix_us, hash(&it.identity), hash(&it.content))
}

/// How many doors are remembered.
const DOORS_MAX: usize = 4_096;

/// The restarts that this process has read.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<(AppId, Door), Restarts>>);

impl Remembered {
    /// The restarts of a door, read now unless those that are remembered are the same.
    pub(super) async fn newest(
        &self,
        cluster: &Cluster,
        app: AppId,
        door: &Door,
    ) -> Result<Restarts> {
        let key = (app, door.clone());
        let known = self.lock().get(&key).cloned();
        if let Some(known) = known
            && *known.touched == touched(cluster, app, door).await?
        {
            return Ok(known);
        }
        let restarts = read(cluster, app, door).await?;
        let mut all = self.lock();
        if all.len() >= DOORS_MAX {
            all.clear();
        }
        all.insert(key, restarts.clone());
        Ok(restarts)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(AppId, Door), Restarts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
