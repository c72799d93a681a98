//! The tables. Each is one constant, with why it lies so; [`migrate`] makes them.
//!
//! `{ks}` stands for the keyspace. A change of a table that is out in the world is not made here,
//! but as a further step of [`STEPS`].

mod index;
mod log;
pub(super) mod migrate;
mod settings;
mod tables;

use tables::{BROADCASTS, DEAD_APPS, DEAD_LETTERS, PRESENCES, ROBOTS, TAG_NAMES, TAGGED, USERS};

/// What the keyspace is, and of which version: the first table that is made, so that a keyspace
/// with tables but without this one is somebody else's.
///
/// One partition of one row, which every server reads at start, and every second to see whether
/// the ring is there.
const META: &str = "CREATE TABLE IF NOT EXISTS {ks}.whowas_meta (
    key text PRIMARY KEY,
    version int,
    shards int
)";

/// The name of [`META`].
pub(super) const META_NAME: &str = "whowas_meta";

/// The only key in [`META`].
pub(super) const META_KEY: &str = "schema";

/// Reads the version.
pub(super) const PROBE: &str = "SELECT version FROM {ks}.whowas_meta WHERE key = ?";

/// Changes nothing, as nothing has [`NO_KEY`]; only who may write may do it.
pub(super) const TRIAL: &str = "DELETE FROM {ks}.whowas_meta WHERE key = ?";

/// What no row of [`META`] has for a key.
pub(super) const NO_KEY: &str = "nobody";

/// Over how many partitions the index of an app is spread in a keyspace that is made here. It is a
/// power of two, and stays what it was when the keyspace was made.
const SHARDS: i32 = 4;

/// What each version of the schema adds to the one before. All of a step may be done twice, and by
/// several servers one after the other.
const STEPS: &[&[&str]] = &[FIRST, SECOND];

/// The tables of the first version.
const FIRST: &[&str] = &[
    USERS,
    PRESENCES,
    TAGGED,
    TAG_NAMES,
    ROBOTS,
    DEAD_LETTERS,
    DEAD_APPS,
    BROADCASTS,
    log::ROOM_LOG,
    log::IDENTITIES,
    log::RESTARTS,
    log::DOOR_ROOMS,
    log::DOOR_HOURS,
    log::DOORS,
    log::UNFINISHED,
    log::UNFINISHED_SLOTS,
    index::STAYS,
    index::POINTS,
    index::SUMS,
    index::APPS,
];

/// Rooms have sheets.
const SECOND: &[&str] = &[log::ROOM_SHEETS];

/// The version that this program reads and writes.
const VERSION: i32 = STEPS.len().cast_signed() as i32;
