//! Which rooms a door has, in lists by the hour, for those who must look at many: a restart looks
//! for the rooms that it can change, retirement for those with old events.
//!
//! A room is written into a list before the round that makes it belong there, and removed after the
//! round that makes it belong there no more, both with the version of that round as their time of
//! writing. So a list may name a room too many, never one too few.

use std::collections::HashSet;

use std::sync::{Mutex, PoisonError};

use domain::AppId;
use domain::clock::{Clock, SystemClock};
use domain::ids::{Door, RoomId};
use domain::log::stay::RoomKey;
use futures::future::try_join_all;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use super::round::Round;
use super::rows::Head;
use crate::cassandra::cluster::{Cluster, Prepare};
use crate::cassandra::fault::{Damage, Fault, Result};

const TABLE: &str = "door_rooms";

/// Over how many partitions the rooms of an hour are spread.
const SHARDS: i16 = 16;

/// How many hours a list has at most: sixty years of them.
const HOURS_MAX: usize = 1 << 19;

/// How many doors a realm has at most.
const DOORS_MAX: usize = 1 << 20;

/// How many lists this process remembers to have written down.
const KNOWN_MAX: usize = 1 << 16;

/// By which of its hours a room is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// That of its first event.
    First = 0,
    /// That of the last instant at which a restart can change it, or [`Head::OPEN`].
    Last = 1,
}

/// A list of rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct List {
    pub(super) app: AppId,
    pub(super) door: Door,
    pub(super) by: By,
    pub(super) hour: i64,
}

/// What is said about the rooms of a door.
pub(super) struct Statements {
    add_door: PreparedStatement,
    doors: PreparedStatement,
    add_hour: PreparedStatement,
    hours: PreparedStatement,
    delete_hour: PreparedStatement,
    add: PreparedStatement,
    delete: PreparedStatement,
    rooms: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let add_door = "INSERT INTO {ks}.doors (realm, app, door) VALUES (?, ?, ?)";
        let doors = "SELECT app, door FROM {ks}.doors WHERE realm = ?";
        let add_hour = "INSERT INTO {ks}.door_hours (app, door, kind, hour) VALUES (?, ?, ?, ?)";
        let hours = "SELECT hour FROM {ks}.door_hours \
                     WHERE app = ? AND door = ? AND kind = ? AND hour >= ? AND hour <= ?";
        let delete_hour = "DELETE FROM {ks}.door_hours \
                           WHERE app = ? AND door = ? AND kind = ? AND hour = ?";
        let place = "app = ? AND door = ? AND kind = ? AND hour = ? AND shard = ?";
        let add = "INSERT INTO {ks}.door_rooms (app, door, kind, hour, shard, room) \
                   VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let delete =
            format!("DELETE FROM {{ks}}.door_rooms USING TIMESTAMP ? WHERE {place} AND room = ?");
        let rooms = format!("SELECT room FROM {{ks}}.door_rooms WHERE {place}");
        Ok(Self {
            add_door: prepare.write(add_door).await?,
            doors: prepare.read(doors).await?,
            add_hour: prepare.write(add_hour).await?,
            hours: prepare.read(hours).await?,
            delete_hour: prepare.write(delete_hour).await?,
            add: prepare.write(add).await?,
            delete: prepare.write(&delete).await?,
            rooms: prepare.read(&rooms).await?,
        })
    }
}

/// Which lists this process has written down, so that it need not again.
#[derive(Default)]
pub(super) struct Known(Mutex<HashSet<List>>);

impl Known {
    fn has(&self, list: &List) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(list)
    }

    fn add(&self, list: List) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(list);
    }

    fn remove(&self, list: &List) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(list);
    }
}

fn lists_of(at: &RoomKey, head: Head) -> impl Iterator<Item = List> + '_ {
    let list = |(by, hour)| List { app: at.app, door: at.door.clone(), by, hour };
    let first = head.first_hour.map(|hour| (By::First, hour));
    let last = head.last_hour.map(|hour| (By::Last, hour));
    first.into_iter().chain(last).map(list)
}

fn shard_of(room: &RoomId) -> i16 {
    // Any even spread would do if it were the same for ever: FNV-1a.
    let hash = room.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i16::try_from(hash % SHARDS.unsigned_abs() as u64).expect("it is less than 16")
}

/// Lists a room where it belongs after a round. To be done before the round.
pub(super) async fn add(
    cluster: &Cluster,
    known: &Known,
    at: &RoomKey,
    round: &Round,
) -> Result<()> {
    let before: Vec<List> = lists_of(at, round.head_before).collect();
    for list in lists_of(at, round.head).filter(|list| !before.contains(list)) {
        let (app, door) = (cluster.app(list.app), list.door.as_str());
        let kind = list.by as i8;
        let statements = &cluster.log.rooms;
        if !known.has(&list) {
            cluster.write(&statements.add_door, (cluster.realm(), app, door)).await?;
            cluster.write(&statements.add_hour, (app, door, kind, list.hour)).await?;
        }
        let (shard, room) = (shard_of(&at.room), at.room.as_str());
        let values = (app, door, kind, list.hour, shard, room, round.version);
        cluster.write(&statements.add, values).await?;
        known.add(list);
    }
    Ok(())
}

/// Removes a room from where it belongs no more after a round. To be done after the round.
pub(super) async fn remove(cluster: &Cluster, at: &RoomKey, round: &Round) -> Result<()> {
    let after: Vec<List> = lists_of(at, round.head).collect();
    for list in lists_of(at, round.head_before).filter(|list| !after.contains(list)) {
        let (app, door) = (cluster.app(list.app), list.door.as_str());
        let (shard, room) = (shard_of(&at.room), at.room.as_str());
        let values = (round.version, app, door, list.by as i8, list.hour, shard, room);
        cluster.write(&cluster.log.rooms.delete, values).await?;
    }
    Ok(())
}

/// The doors of our realm.
pub(super) async fn doors(cluster: &Cluster) -> Result<Vec<(AppId, Door)>> {
    let statement = &cluster.log.rooms.doors;
    let rows: Vec<(i64, String)> =
        cluster.read(statement, (cluster.realm(),), ("doors", DOORS_MAX)).await?;
    let door = |(app, door): (i64, String)| {
        // The upper half is the realm.
        let app = AppId((app.cast_unsigned() & u64::from(u32::MAX)) as u32);
        match Door::parse(&door) {
            Ok(door) => Some((app, door)),
            // The rooms of the others are to be looked at all the same.
            Err(_) => {
                tracing::warn!(app = app.0, "a name in the table `doors` is damaged");
                None
            }
        }
    };
    Ok(rows.into_iter().filter_map(door).collect())
}

/// The lists of a door from one hour to another, both included, in their order.
pub(super) async fn lists(
    cluster: &Cluster,
    (app, door): (AppId, &Door),
    by: By,
    (from_hour, to_hour): (i64, i64),
) -> Result<Vec<List>> {
    let values = (cluster.app(app), door.as_str(), by as i8, from_hour, to_hour);
    let hours: Vec<(i64,)> =
        cluster.read(&cluster.log.rooms.hours, values, ("door_hours", HOURS_MAX)).await?;
    let list = |(hour,)| List { app, door: door.clone(), by, hour };
    Ok(hours.into_iter().map(list).collect())
}

/// A page of the rooms of a list, and where the next begins.
pub(super) async fn page(
    cluster: &Cluster,
    list: &List,
    from: Option<Place>,
) -> Result<(Vec<RoomKey>, Option<Place>)> {
    let from = from.unwrap_or_else(|| Place::start_of(0));
    let shard = from.shard;
    let (rooms, next) = page_of_shard(cluster, list, from).await?;
    let behind = (shard + 1 < SHARDS).then(|| Place::start_of(shard + 1));
    Ok((rooms, next.or(behind)))
}

/// A page of each shard that is not over, read side by side, and where their next ones begin. A
/// list is read from [`Place::starts`] on, until nothing of it is left.
pub(super) async fn pages(
    cluster: &Cluster,
    list: &List,
    from: Vec<Place>,
) -> Result<(Vec<RoomKey>, Vec<Place>)> {
    let pages = from.into_iter().map(|place| page_of_shard(cluster, list, place));
    let (rooms, next): (Vec<_>, Vec<_>) = try_join_all(pages).await?.into_iter().unzip();
    Ok((rooms.concat(), next.into_iter().flatten().collect()))
}

async fn page_of_shard(
    cluster: &Cluster,
    list: &List,
    Place { shard, page }: Place,
) -> Result<(Vec<RoomKey>, Option<Place>)> {
    let values = (cluster.app(list.app), list.door.as_str(), list.by as i8, list.hour, shard);
    let (rows, behind) =
        cluster.read_page::<(String,)>(&cluster.log.rooms.rooms, values, page).await?;
    let damaged = || Fault::damaged(TABLE, Damage::Encoding);
    let room = |(room,): (String,)| {
        let room = RoomId::parse(&room).map_err(|_| damaged())?;
        Ok(RoomKey { app: list.app, door: list.door.clone(), room })
    };
    let rooms: Result<Vec<RoomKey>> = rows.into_iter().map(room).collect();
    Ok((rooms?, behind.map(|page| Place { shard, page })))
}

/// Where a page of a list begins.
#[derive(Clone)]
pub(super) struct Place {
    shard: i16,
    page: PagingState,
}

impl Place {
    fn start_of(shard: i16) -> Self {
        Self { shard, page: PagingState::start() }
    }

    /// Where the shards of a list begin.
    pub(super) fn starts() -> Vec<Self> {
        (0..SHARDS).map(Self::start_of).collect()
    }
}

/// Forgets a list in which nothing is left, and can come any more.
pub(super) async fn forget(cluster: &Cluster, known: &Known, list: &List) -> Result<()> {
    known.remove(list);
    let values = (cluster.app(list.app), list.door.as_str(), list.by as i8, list.hour);
    cluster.write(&cluster.log.rooms.delete_hour, values).await
}

/// Removes a room from a list of old rooms in which it does not belong.
pub(super) async fn strike(
    cluster: &Cluster,
    list: &List,
    at: &RoomKey,
    version: Option<i64>,
) -> Result<()> {
    let (app, door) = (cluster.app(list.app), list.door.as_str());
    // A room whose version is gone has had none for a day.
    let version = version.unwrap_or_else(|| SystemClock.now_unix_us());
    let (shard, room) = (shard_of(&at.room), at.room.as_str());
    let values = (version, app, door, list.by as i8, list.hour, shard, room);
    cluster.write(&cluster.log.rooms.delete, values).await
}

/// Whether any room is in a list.
pub(super) async fn has_any(cluster: &Cluster, list: &List) -> Result<bool> {
    let mut from = None;
    loop {
        let (rooms, next) = page(cluster, list, from).await?;
        from = next;
        if !rooms.is_empty() || from.is_none() {
            return Ok(!rooms.is_empty());
        }
    }
}
