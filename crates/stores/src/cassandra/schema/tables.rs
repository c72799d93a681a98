//! The directory's tables, that of the dead letters, and that of broadcasts.

/// A user is a partition of one row: at most about 70 KiB, mostly less than 500 bytes.
///
/// Mostly read, often written once: few levels to look into (`LeveledCompactionStrategy`). Who is
/// unregistered leaves a row without a profile, which expires after a day. `version` is another in
/// each write, so that who wrote can tell whether theirs is the one that stands. The profile's
/// record has the stamp too that rows of `tagged` are written with.
pub(super) const USERS: &str = "CREATE TABLE IF NOT EXISTS {ks}.users (
    app bigint,
    id text,
    version uuid,
    profile blob,
    created bigint,
    modified bigint,
    PRIMARY KEY ((app, id))
) WITH compaction = {'class': 'LeveledCompactionStrategy'}";

/// Who was seen is a partition of one row: at most 128 connections, mostly less than 200 bytes.
///
/// Whoever is forgotten, since nothing was seen of them within the retention or since they are
/// erased, leaves a tombstone that nobody reads over.
pub(super) const PRESENCES: &str = "CREATE TABLE IF NOT EXISTS {ks}.presences (
    app bigint,
    id text,
    version uuid,
    connections blob,
    PRIMARY KEY ((app, id))
) WITH compaction = {'class': 'LeveledCompactionStrategy'}";

/// Where users may be found: `kind` 0 is everybody, 1 a tag. Of each 64 partitions, by the id's
/// hash, of about 30 bytes a user: 64 million users of one app are 30 MiB each.
///
/// Rows are written and deleted with timestamps of ours, so that the order of changes of a user
/// counts and no clock; a row that lost its user is deleted by whoever walks over it.
pub(super) const TAGGED: &str = "CREATE TABLE IF NOT EXISTS {ks}.tagged (
    app bigint,
    kind int,
    tag text,
    shard int,
    id text,
    PRIMARY KEY ((app, kind, tag, shard), id)
)";

/// Which tags an app ever had: one partition, a row of about 20 bytes for each. Rows are never
/// deleted.
pub(super) const TAG_NAMES: &str = "CREATE TABLE IF NOT EXISTS {ks}.tag_names (
    app bigint,
    tag text,
    PRIMARY KEY ((app), tag)
)";

/// The robots of an app: one partition, of 5,000 rows at most as the domain says, changed by
/// conditional batches together with their number.
pub(super) const ROBOTS: &str = "CREATE TABLE IF NOT EXISTS {ks}.robots (
    app bigint,
    id text,
    version uuid static,
    taken bigint static,
    mark uuid,
    PRIMARY KEY ((app), id)
)";

/// The dead letters of an app are one partition, changed by conditional batches: at most 10,000
/// letters or 16 MiB, as the domain says, and the tombstones of a day.
///
/// They are read from the oldest on, which is where tombstones are, so these go early
/// (`gc_grace_seconds` of an hour). A replica that was away for longer may bring a removed letter
/// back, which harms nobody: it is older than `first`, and not shown.
pub(super) const DEAD_LETTERS: &str = "CREATE TABLE IF NOT EXISTS {ks}.dead_letters (
    app bigint,
    id bigint,
    version uuid static,
    totals blob static,
    letter blob,
    PRIMARY KEY ((app), id)
) WITH gc_grace_seconds = 3600";

/// Which apps of a realm have dead letters, for retirement: one partition, a row for each app that
/// ever had one. Rows are never deleted.
pub(super) const DEAD_APPS: &str = "CREATE TABLE IF NOT EXISTS {ks}.dead_apps (
    realm bigint,
    app bigint,
    PRIMARY KEY ((realm), app)
)";

/// The broadcasts of an app are one partition, changed by conditional batches: at most 1,000 of
/// mostly a few KiB, those under way and those of the retention. How far one has come is written
/// for each delivery, over what was there.
pub(super) const BROADCASTS: &str = "CREATE TABLE IF NOT EXISTS {ks}.broadcasts (
    app bigint,
    id bigint,
    version uuid static,
    ledger blob static,
    mark uuid,
    message blob,
    progress blob,
    PRIMARY KEY ((app), id)
)";
