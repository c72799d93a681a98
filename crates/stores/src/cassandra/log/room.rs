//! A room's partition: read as a whole, and changed in one conditional step.

use domain::log::stay::RoomKey;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use super::rows::{EVENT, FACTS, Image, Part, Place, Row, TABLE, TODO};
use super::state::{Lost, Round};
use crate::cassandra::cluster::{Bundle, Cas, Cluster, Prepare};
use crate::cassandra::fault::{Fault, Result};

/// How many rows a page of a room has: an event may have megabytes, so not many.
const PAGE_ROWS: i32 = 500;

/// How many rows a room is read with at most.
const ROWS_MAX: usize = 2_000_000;

/// How often a room is read again because it changed while it was read.
const TRIES_MAX: usize = 16;

/// For how long the version of a room is kept in which nothing is left, in seconds. It is the time
/// of writing of what the index is told, and must not go back: a day is more than clocks differ.
const VERSION_KEPT_S: i32 = 86_400;

/// What is said about a room.
pub(super) struct Statements {
    read: PreparedStatement,
    settle: PreparedStatement,
    first: PreparedStatement,
    has: PreparedStatement,
    begin: PreparedStatement,
    put: PreparedStatement,
    delete: PreparedStatement,
    cut: PreparedStatement,
    done: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let read = "SELECT version, head, part, at, key, value FROM {ks}.room_log \
                    WHERE app = ? AND door = ? AND room = ?";
        let first = "SELECT at FROM {ks}.room_log \
                    WHERE app = ? AND door = ? AND room = ? AND part = ? LIMIT 1";
        let has = "SELECT at FROM {ks}.room_log \
                   WHERE app = ? AND door = ? AND room = ? AND part = ? AND at = ? AND key = ?";
        let begin = "UPDATE {ks}.room_log USING TTL ? SET version = ?, head = ? \
                     WHERE app = ? AND door = ? AND room = ? IF version = ?";
        let put = "INSERT INTO {ks}.room_log (app, door, room, part, at, key, value) \
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        let delete = "DELETE FROM {ks}.room_log \
                      WHERE app = ? AND door = ? AND room = ? AND part = ? AND at = ? AND key = ?";
        let cut = "DELETE FROM {ks}.room_log \
                   WHERE app = ? AND door = ? AND room = ? AND part = ? AND at < ?";
        let mut pages = prepare.read(read).await?;
        pages.set_page_size(PAGE_ROWS);
        let mut settle = prepare.settle(read).await?;
        settle.set_page_size(PAGE_ROWS);
        Ok(Self {
            read: pages,
            settle,
            first: prepare.read(first).await?,
            has: prepare.read(has).await?,
            begin: prepare.cas(begin).await?,
            put: prepare.cas(put).await?,
            delete: prepare.cas(delete).await?,
            cut: prepare.cas(cut).await?,
            done: prepare.write(delete).await?,
        })
    }
}

/// The names of a partition.
type Key = (i64, String, String);

fn key_of(cluster: &Cluster, at: &RoomKey) -> Key {
    (cluster.app(at.app), at.door.as_str().to_owned(), at.room.as_str().to_owned())
}

/// How a partition is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// As a quorum has it. What is then written on a condition finds out if that is not the last.
    ///
    /// If it has several pages, it is read settled after all: of a change that is only just being
    /// made, a reader may bring the version to a quorum with the first page, and find the second
    /// as it was before.
    Quorum,
    /// As is decided so far, also of conditional changes that nobody knows the outcome of.
    Settled,
}

type Read =
    (Option<i64>, Option<Vec<u8>>, Option<i8>, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);

/// What a room's partition holds, as of one instant.
pub(super) async fn read(cluster: &Cluster, at: &RoomKey, how: How) -> Result<Image> {
    let mut how = how;
    for _ in 0..TRIES_MAX {
        if let Some(image) = read_pages(cluster, at, how).await? {
            return Ok(image);
        }
        how = How::Settled;
    }
    Err(Fault::Crowded)
}

/// `None` if it changed between two pages, or nobody can tell.
async fn read_pages(cluster: &Cluster, at: &RoomKey, how: How) -> Result<Option<Image>> {
    let statements = &cluster.log.room;
    let statement = match how {
        How::Quorum => &statements.read,
        How::Settled => &statements.settle,
    };
    let mut image = Image::default();
    let mut next = Some(PagingState::start());
    let mut rows_seen = 0;
    while let Some(page) = next {
        let (rows, behind) =
            cluster.read_page::<Read>(statement, key_of(cluster, at), page).await?;
        if rows_seen == 0
            && let Some((version, head, ..)) = rows.first()
        {
            image.version = *version;
            if let Some(head) = head {
                image.set_head(at, head)?;
            }
        }
        rows_seen += rows.len();
        if rows_seen > ROWS_MAX {
            return Err(Fault::TooManyRows { table: TABLE, rows_max: ROWS_MAX });
        }
        for (version, _, part, row_at, key, value) in rows {
            if version != image.version {
                return Ok(None);
            }
            // A partition with nothing but its version has one row without a place.
            let (Some(part), Some(row_at), Some(key)) = (part, row_at, key) else { continue };
            let place = Place { part, at: row_at, key };
            image.add(at, &Row { place, value: value.unwrap_or_default() })?;
        }
        next = behind;
        if next.is_some() && how == How::Quorum {
            return Ok(None);
        }
    }
    Ok(Some(image))
}

/// Makes a round, if the room is still as it was.
pub(super) async fn write(cluster: &Cluster, at: &RoomKey, round: &mut Round) -> Result<Cas> {
    let statements = &cluster.log.room;
    let (app, door, room) = key_of(cluster, at);
    let mut bundle = Bundle::new();
    let ttl = if round.is_last { VERSION_KEPT_S } else { 0 };
    let head = round.head.seal(at)?;
    let (version, expected) = (round.version, round.expected);
    let key = (app, door.clone(), room.clone());
    bundle.add(&statements.begin, (ttl, version, head, key.0, key.1, key.2, expected));
    if let Some(cut_unix_us) = round.cut_unix_us {
        for part in FACTS {
            let values = (app, door.clone(), room.clone(), part, cut_unix_us);
            bundle.add(&statements.cut, values);
        }
    }
    for (Place { part, at, key }, value) in std::mem::take(&mut round.rows) {
        let (door, room) = (door.clone(), room.clone());
        match value {
            Some(value) => bundle.add(&statements.put, (app, door, room, part, at, key, value)),
            None => bundle.add(&statements.delete, (app, door, room, part, at, key)),
        }
    }
    cluster.cas_batch(bundle).await
}

/// Whether the index may have to be told something of the room.
pub(super) async fn has_todo(cluster: &Cluster, at: &RoomKey) -> Result<bool> {
    Ok(first_at(cluster, at, TODO).await?.is_some())
}

/// The time of the oldest event of the room.
pub(super) async fn first_unix_us(cluster: &Cluster, at: &RoomKey) -> Result<Option<i64>> {
    first_at(cluster, at, EVENT).await
}

/// Whether the room must not have an event.
pub(super) async fn has_lost(cluster: &Cluster, at: &RoomKey, lost: &Lost) -> Result<bool> {
    let (app, door, room) = key_of(cluster, at);
    let Place { part, at, key } = Place::of_lost(lost);
    let values = (app, door, room, part, at, key);
    let row: Option<(i64,)> = cluster.read_one(&cluster.log.room.has, values).await?;
    Ok(row.is_some())
}

/// Where the first row of a part lies.
async fn first_at(cluster: &Cluster, at: &RoomKey, part: Part) -> Result<Option<i64>> {
    let (app, door, room) = key_of(cluster, at);
    let row: Option<(i64,)> =
        cluster.read_one(&cluster.log.room.first, (app, door, room, part)).await?;
    Ok(row.map(|(at,)| at))
}

/// Forgets what the index has been told. A node whose clock is behind may take it for older than
/// what it deletes: then it stays, and is told again.
pub(super) async fn forget_todo(cluster: &Cluster, at: &RoomKey, place: Place) -> Result<()> {
    let (app, door, room) = key_of(cluster, at);
    let Place { part, at, key } = place;
    cluster.write(&cluster.log.room.done, (app, door, room, part, at, key)).await
}
