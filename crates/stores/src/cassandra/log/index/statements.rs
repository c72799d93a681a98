//! What is said about the index. The tables are in `schema/index.rs`.

use scylla::statement::prepared::PreparedStatement;

use super::known::Known;
use crate::cassandra::cluster::Prepare;
use crate::cassandra::fault::Result;

const STAY_KEY: &str = "app = ? AND scope = ? AND shard = ? AND slice = ? AND created = ? AND room = ? AND call = ? \
     AND participant = ? AND door = ?";

const POINT_KEY: &str = "app = ? AND kind = ? AND shard = ? AND slice = ? AND second = ? AND room = ? AND call = ? \
     AND participant = ? AND door = ?";

const SUM_KEY: &str =
    "app = ? AND scope = ? AND kind = ? AND level = ? AND parent = ? AND bucket = ?";

/// Rows of a slice: behind a place in the order of answers, up to a second, and not over before
/// another second. The nodes look at their non-key columns, of one partition and a range in it.
const RANGE: &str = "app = ? AND scope = ? AND shard = ? AND slice = ? \
     AND (created, room, call, participant, door) > (?, ?, ?, ?, ?) AND (created) <= (?) \
     AND ended >= ?";

/// What is said about the index, and what was said already.
pub(in crate::cassandra) struct Statements {
    pub(super) put_stay: PreparedStatement,
    pub(super) delete_stay: PreparedStatement,
    pub(super) read_stays: PreparedStatement,
    pub(super) read_clients: PreparedStatement,
    pub(super) read_keys: PreparedStatement,
    pub(super) read_client_keys: PreparedStatement,
    pub(super) read_facts: PreparedStatement,
    pub(super) put_point: PreparedStatement,
    pub(super) delete_point: PreparedStatement,
    pub(super) read_points: PreparedStatement,
    pub(super) touch: PreparedStatement,
    pub(super) reach: PreparedStatement,
    pub(super) keep_count: PreparedStatement,
    pub(super) read_sums: PreparedStatement,
    pub(super) put_app: PreparedStatement,
    pub(super) read_apps: PreparedStatement,
    pub(super) known: Known,
}

impl Statements {
    pub(in crate::cassandra) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let stays = |columns: &str, clients: &str| {
            format!(
                "SELECT {columns} FROM {{ks}}.index_stays WHERE {RANGE}{clients} ALLOW FILTERING"
            )
        };
        let (key, clients) = ("created, room, call, participant, door", " AND server = false");
        let whole = format!("{key}, stay");
        let facts = "SELECT created, ended, server FROM {ks}.index_stays \
                     WHERE app = ? AND scope = ? AND shard = ? AND slice = ? \
                     AND created >= ? AND created <= ?";
        let points = "SELECT second, server, joins, leaves FROM {ks}.index_points \
                      WHERE app = ? AND kind = ? AND shard = ? AND slice = ? \
                      AND second >= ? AND second <= ?";
        let sums = "SELECT bucket, touched, counted, reaches FROM {ks}.index_sums \
                    WHERE app = ? AND scope = ? AND kind = ? AND level = ? AND parent = ?";
        let put_stay = "INSERT INTO {ks}.index_stays (app, scope, shard, slice, created, room, \
                        call, participant, door, stay, ended, server) \
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let put_point = "INSERT INTO {ks}.index_points (app, kind, shard, slice, second, room, \
                         call, participant, door, server, joins, leaves) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let delete = |table: &str, key: &str| {
            format!("DELETE FROM {{ks}}.{table} USING TIMESTAMP ? WHERE {key}")
        };
        let update = |using: &str, set: &str| {
            format!("UPDATE {{ks}}.index_sums {using} SET {set} WHERE {SUM_KEY}")
        };
        Ok(Self {
            put_stay: prepare.write(put_stay).await?,
            delete_stay: prepare.write(&delete("index_stays", STAY_KEY)).await?,
            read_stays: prepare.read(&stays(&whole, "")).await?,
            read_clients: prepare.read(&stays(&whole, clients)).await?,
            read_keys: prepare.read(&stays(key, "")).await?,
            read_client_keys: prepare.read(&stays(key, clients)).await?,
            read_facts: prepare.read(facts).await?,
            put_point: prepare.write(put_point).await?,
            delete_point: prepare.write(&delete("index_points", POINT_KEY)).await?,
            read_points: prepare.read(points).await?,
            touch: prepare.write(&update("USING TIMESTAMP ?", "touched[?] = ?")).await?,
            reach: prepare.write(&update("USING TIMESTAMP ?", "reaches[?] = ?")).await?,
            keep_count: prepare.write(&update("", "counted = ?")).await?,
            read_sums: prepare.read(sums).await?,
            put_app: prepare
                .write("INSERT INTO {ks}.index_apps (realm, app) VALUES (?, ?)")
                .await?,
            read_apps: prepare.read("SELECT app FROM {ks}.index_apps WHERE realm = ?").await?,
            known: Known::default(),
        })
    }
}
