//! The log's tables, other than those of its index.

/// The root of a room: which version it has, in which sheets its rows are, and what the last round
/// changed, all of which is replaced by the next. It is changed by conditional batches, which is
/// what `version` is for.
///
/// It does not grow. Of rooms that nobody has changed since the first version of the schema it
/// holds the rows too.
pub(super) const ROOM_LOG: &str = "CREATE TABLE IF NOT EXISTS {ks}.room_log (
    app bigint,
    door text,
    room text,
    part tinyint,
    at bigint,
    key blob,
    version bigint static,
    head blob static,
    value blob,
    PRIMARY KEY ((app, door, room), part, at, key)
)";

/// The rows of a room: its events, which of them lost, and its stays. A sheet is a partition, which
/// is full after 10,000 rows or 4 MiB were put into it, and takes no further ones then. Written
/// plainly, with the version of the round as time of writing.
pub(super) const ROOM_SHEETS: &str = "CREATE TABLE IF NOT EXISTS {ks}.room_sheets (
    app bigint,
    door text,
    room text,
    sheet int,
    part tinyint,
    at bigint,
    key blob,
    value blob,
    PRIMARY KEY ((app, door, room, sheet), part, at, key)
)";

/// An identity is a partition: a row for each event that has it, which is one but for senders that
/// contradict themselves.
pub(super) const IDENTITIES: &str = "CREATE TABLE IF NOT EXISTS {ks}.identities (
    app bigint,
    identity blob,
    content blob,
    event blob,
    PRIMARY KEY ((app, identity), content)
)";

/// The restarts of a door are a partition, of about 300 bytes each. `touched` has an entry of 24
/// bytes for each server process that ever wrote one.
pub(super) const RESTARTS: &str = "CREATE TABLE IF NOT EXISTS {ks}.restarts (
    app bigint,
    door text,
    at bigint,
    identity blob,
    content blob,
    touched map<uuid, bigint> static,
    event blob,
    lost boolean,
    pending boolean,
    PRIMARY KEY ((app, door), at, identity, content)
)";

/// Rooms by the hour of their first event (kind 0), and by the last hour in which a restart can
/// change them (kind 1), spread over 16 partitions an hour. Those in which somebody is are in the
/// last hour that there is.
pub(super) const DOOR_ROOMS: &str = "CREATE TABLE IF NOT EXISTS {ks}.door_rooms (
    app bigint,
    door text,
    kind tinyint,
    hour bigint,
    shard smallint,
    room text,
    PRIMARY KEY ((app, door, kind, hour, shard), room)
)";

/// Of which hours there are rooms: two rows for each hour that is kept.
pub(super) const DOOR_HOURS: &str = "CREATE TABLE IF NOT EXISTS {ks}.door_hours (
    app bigint,
    door text,
    kind tinyint,
    hour bigint,
    PRIMARY KEY ((app, door), kind, hour)
)";

/// Which doors a realm has: one row for each, never deleted.
pub(super) const DOORS: &str = "CREATE TABLE IF NOT EXISTS {ks}.doors (
    realm bigint,
    app bigint,
    door text,
    PRIMARY KEY ((realm), app, door)
)";

/// Which rooms were changed in a minute: a partition for each minute and shard, which goes as a
/// whole some minutes later. It comes back if a replica that was away for an hour brings it, and
/// is then looked at again, which harms nobody.
pub(super) const UNFINISHED: &str = "CREATE TABLE IF NOT EXISTS {ks}.unfinished (
    realm bigint,
    slot bigint,
    shard smallint,
    app bigint,
    door text,
    room text,
    PRIMARY KEY ((realm, slot, shard), app, door, room)
) WITH gc_grace_seconds = 3600";

/// Which minutes there are: some rows, and the tombstones of an hour.
pub(super) const UNFINISHED_SLOTS: &str = "CREATE TABLE IF NOT EXISTS {ks}.unfinished_slots (
    realm bigint,
    slot bigint,
    PRIMARY KEY ((realm), slot)
) WITH gc_grace_seconds = 3600";
