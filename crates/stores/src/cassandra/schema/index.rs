//! The tables of the index: what pages, totals and figures are read from. How they are used, and
//! why what is read from them is right, tells `log/index/mod.rs`.

/// The stays of a scope (an app, a room, a participant), by when they began. A partition is a slice
/// of time of one scope, and of one shard of an app: of an app with 10 million stays a day 30,000
/// rows in 256 s and all shards, about 2 MB in each of 4; of a room 34 minutes, of a participant
/// three days.
///
/// Whoever leaves overwrites a row, so that there are tombstones only where the log was corrected
/// or retired.
pub(super) const STAYS: &str = "CREATE TABLE IF NOT EXISTS {ks}.index_stays (
    app bigint,
    scope text,
    shard int,
    slice bigint,
    created bigint,
    room text,
    call text,
    participant text,
    door text,
    stay blob,
    ended bigint,
    server boolean,
    PRIMARY KEY ((app, scope, shard, slice), created, room, call, participant, door)
)";

/// What is counted of the stays of an app besides when they began: when they ended, and what of
/// them is inferred. A partition is 256 s of one shard, as of the stays, with smaller rows.
pub(super) const POINTS: &str = "CREATE TABLE IF NOT EXISTS {ks}.index_points (
    app bigint,
    kind tinyint,
    shard int,
    slice bigint,
    second bigint,
    room text,
    call text,
    participant text,
    door text,
    server boolean,
    joins int,
    leaves int,
    PRIMARY KEY ((app, kind, shard, slice), second, room, call, participant, door)
)";

/// The nodes that count stays. A partition has the up to 128 nodes below another node; that of the
/// highest level of a scope has a row for every three days (of a room every nine hours) in which
/// anything began. `touched` and `reaches` are maps so that several servers never overwrite each
/// other.
pub(super) const SUMS: &str = "CREATE TABLE IF NOT EXISTS {ks}.index_sums (
    app bigint,
    scope text,
    kind tinyint,
    level tinyint,
    parent bigint,
    bucket bigint,
    touched map<uuid, bigint>,
    reaches map<int, bigint>,
    counted blob,
    PRIMARY KEY ((app, scope, kind, level, parent), bucket)
)";

/// Which apps of a realm have stays, for the figures: one partition, a row for each app that ever
/// had one.
pub(super) const APPS: &str = "CREATE TABLE IF NOT EXISTS {ks}.index_apps (
    realm bigint,
    app bigint,
    PRIMARY KEY ((realm), app)
)";
