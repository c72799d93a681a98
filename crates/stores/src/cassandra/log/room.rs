//! A room: its root, which is changed in one conditional step, and its sheets, which follow.

use domain::log::stay::RoomKey;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use super::round::Round;
use super::rows::{EVENT, FACTS, Head, Image, Part, Place, Root, Row};
use super::sheets;
use super::state::Lost;
use crate::cassandra::cluster::{Bundle, Cas, Cluster, Prepare};
use crate::cassandra::fault::{Fault, Result};

/// How many rows a page of a root has: an event may have megabytes, so not many.
const PAGE_ROWS: i32 = 500;

/// How often a room is read again because it changed while it was read.
const TRIES_MAX: usize = 16;

/// For how long the version of a room is kept in which nothing is left, in seconds. It is the time
/// of writing of sheets and index, and must not go back: a day is more than clocks differ. For as
/// long it is known, too, that what the last round of a room left to do is done.
const VERSION_KEPT_S: i32 = 86_400;

/// What is said about a room.
pub(super) struct Statements {
    read: PreparedStatement,
    settle: PreparedStatement,
    version: PreparedStatement,
    first: PreparedStatement,
    has: PreparedStatement,
    begin: PreparedStatement,
    put: PreparedStatement,
    delete: PreparedStatement,
    cut: PreparedStatement,
    told: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let read = "SELECT version, head, part, at, key, value FROM {ks}.room_log \
                    WHERE app = ? AND door = ? AND room = ?";
        let version = "SELECT version, head FROM {ks}.room_log \
                    WHERE app = ? AND door = ? AND room = ? LIMIT 1";
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
        let told = format!("{put} USING TIMESTAMP ? AND TTL ?");
        let mut pages = prepare.read(read).await?;
        pages.set_page_size(PAGE_ROWS);
        let mut settle = prepare.settle(read).await?;
        settle.set_page_size(PAGE_ROWS);
        Ok(Self {
            read: pages,
            settle,
            version: prepare.read(version).await?,
            first: prepare.read(first).await?,
            has: prepare.read(has).await?,
            begin: prepare.cas(begin).await?,
            put: prepare.cas(put).await?,
            delete: prepare.cas(delete).await?,
            cut: prepare.cas(cut).await?,
            told: prepare.write(&told).await?,
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

/// What a room holds, as of one instant.
pub(super) async fn read(cluster: &Cluster, at: &RoomKey, how: How) -> Result<Image> {
    let mut how = how;
    for _ in 0..TRIES_MAX {
        let root = read_root(cluster, at, how).await?;
        let (version, catalog) = (root.version, root.catalog.clone().unwrap_or_default());
        let sheets = sheets::read(cluster, at, &catalog).await?;
        // The sheets follow the root, so what was read while it stayed as it was is of one instant.
        if catalog.is_empty() || self::version(cluster, at).await? == version {
            return Ok(root.image(at, sheets)?);
        }
        how = How::Settled;
    }
    Err(Fault::Crowded)
}

/// The version that the room has.
pub(super) async fn version(cluster: &Cluster, at: &RoomKey) -> Result<Option<i64>> {
    Ok(head_of(cluster, at).await?.0)
}

/// The version and the head.
async fn head_of(cluster: &Cluster, at: &RoomKey) -> Result<(Option<i64>, Option<Vec<u8>>)> {
    let statement = &cluster.log.room.version;
    let row = cluster.read_one(statement, key_of(cluster, at)).await?;
    Ok(row.unwrap_or_default())
}

async fn read_root(cluster: &Cluster, at: &RoomKey, how: How) -> Result<Root> {
    let mut how = how;
    for _ in 0..TRIES_MAX {
        if let Some(root) = read_pages(cluster, at, how).await? {
            return Ok(root);
        }
        how = How::Settled;
    }
    Err(Fault::Crowded)
}

/// `None` if it changed between two pages, or nobody can tell.
async fn read_pages(cluster: &Cluster, at: &RoomKey, how: How) -> Result<Option<Root>> {
    let statements = &cluster.log.room;
    let statement = match how {
        How::Quorum => &statements.read,
        How::Settled => &statements.settle,
    };
    let mut root = Root::default();
    let mut next = Some(PagingState::start());
    let mut is_first = true;
    while let Some(page) = next {
        let (rows, behind) =
            cluster.read_page::<Read>(statement, key_of(cluster, at), page).await?;
        if is_first && let Some((version, head, ..)) = rows.first() {
            root.version = *version;
            if let Some(head) = head {
                root.set_head(at, head)?;
            }
        }
        is_first = false;
        for (version, _, part, row_at, key, value) in rows {
            if version != root.version {
                return Ok(None);
            }
            // A partition with nothing but its version has one row without a place.
            let (Some(part), Some(row_at), Some(key)) = (part, row_at, key) else { continue };
            let place = Place { part, at: row_at, key };
            root.add(at, Row { place, value: value.unwrap_or_default() })?;
        }
        next = behind;
        if next.is_some() && how == How::Quorum {
            return Ok(None);
        }
    }
    Ok(Some(root))
}

/// Makes a round, if the room is still as it was.
pub(super) async fn write(cluster: &Cluster, at: &RoomKey, round: &mut Round) -> Result<Cas> {
    let statements = &cluster.log.room;
    let (app, door, room) = key_of(cluster, at);
    let mut bundle = Bundle::new();
    let ttl = if round.is_last { VERSION_KEPT_S } else { 0 };
    let head = round.head.seal(at, &round.catalog)?;
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

/// Whether anything is still to be done of what rounds left to do.
pub(super) async fn is_unfinished(cluster: &Cluster, at: &RoomKey) -> Result<bool> {
    Ok(read_root(cluster, at, How::Quorum).await?.count_unfinished() > 0)
}

/// The time of the oldest event of the room.
pub(super) async fn first_unix_us(cluster: &Cluster, at: &RoomKey) -> Result<Option<i64>> {
    let (_, Some(head)) = head_of(cluster, at).await? else { return Ok(None) };
    match Head::unseal(at, &head)? {
        (_, Some(catalog)) => Ok(catalog.first_unix_us),
        (_, None) => first_at(cluster, at, EVENT).await,
    }
}

/// Whether the room must not have an event.
pub(super) async fn has_lost(cluster: &Cluster, room: &RoomKey, lost: &Lost) -> Result<bool> {
    let place = Place::of_lost(lost);
    if sheets::has_lost(cluster, room, (&lost.identity, &place)).await? {
        return Ok(true);
    }
    let (app, door, name) = key_of(cluster, room);
    let Place { part, at, key } = place;
    let values = (app, door, name, part, at, key);
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

/// Writes down that what rounds up to a version left to do is done.
pub(super) async fn put_told(cluster: &Cluster, at: &RoomKey, version: i64) -> Result<()> {
    let (app, door, room) = key_of(cluster, at);
    let Row { place: Place { part, at, key }, value } = Row::of_told(at, version)?;
    let values = (app, door, room, part, at, key, value, version, VERSION_KEPT_S);
    cluster.write(&cluster.log.room.told, values).await
}
