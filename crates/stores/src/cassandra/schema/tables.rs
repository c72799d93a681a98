//! The directory's tables, that of the dead letters, and that of broadcasts.

/// A user is a partition of one row: at most about 70 KiB, mostly less than 500 bytes.
///
/// Mostly read, often written once: few levels to look into (`LeveledCompactionStrategy`). Nothing
/// is ever deleted, so there are no tombstones to keep. `version` is another in each write, so
/// that who wrote can tell whether theirs is the one that stands.
pub(super) const USERS: &str = "CREATE TABLE IF NOT EXISTS {ks}.users (
    app bigint,
    id text,
    version uuid,
    profile blob,
    created bigint,
    modified bigint,
    PRIMARY KEY ((app, id))
) WITH compaction = {'class': 'LeveledCompactionStrategy'}";

/// Who was seen is a partition of one row: at most 16 connections, mostly less than 200 bytes.
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
