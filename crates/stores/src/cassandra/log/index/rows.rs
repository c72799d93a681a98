//! Reading the rows of stays: those of one slice, in the order of answers, merged from its shards.
//! Pages of rows are asked for when they are needed, so that little is held that is not shown.

use std::collections::VecDeque;

use domain::log::Stay;
use futures::future::try_join_all;
use scylla::deserialize::row::DeserializeRow;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use super::Index;
use crate::cassandra::cluster::PAGE_ROWS;
use crate::cassandra::fault::{Fault, Result};
use crate::record;

/// The table of stays.
pub(super) const STAYS: &str = "index_stays";

/// The smallest page that is asked for.
const PAGE_ROWS_MIN: i32 = 16;

/// A stay's place in answers: [`Stay::order`].
pub(super) type Key = (i64, String, String, String, String);

/// The place of a stay.
pub(super) fn key_of(stay: &Stay) -> Key {
    let (created, room, call, participant, door) = stay.order();
    let text = |name: &str| name.to_owned();
    (
        created,
        text(room.as_str()),
        text(call.as_str()),
        text(participant.as_str()),
        text(door.as_str()),
    )
}

/// Before all stays of a second: no name is empty.
pub(super) fn before_second(second: i64) -> Key {
    (second, String::new(), String::new(), String::new(), String::new())
}

/// A stay as it is written down. Its checksum covers its place.
pub(super) fn seal(stay: &Stay, key: &Key) -> Result<Vec<u8>> {
    Ok(record::seal(STAYS, &key_bytes(key), stay)?)
}

/// The stay that was written down at a place.
pub(super) fn unseal((created, room, call, participant, door, stay): StayRow) -> Result<Stay> {
    let key = (created, room, call, participant, door);
    Ok(record::unseal(STAYS, &key_bytes(&key), &stay)?)
}

fn key_bytes((created, room, call, participant, door): &Key) -> Vec<u8> {
    // No name holds U+0000.
    let names = [room, call, participant, door].map(String::as_str).join("\0");
    [&created.to_be_bytes()[..], names.as_bytes()].concat()
}

/// A row, which sorts by its place.
pub(super) trait Placed: Ord + for<'r> DeserializeRow<'r, 'r> {}

impl Placed for Key {}

impl Placed for StayRow {}

/// A row of a stay: its place, and the stay as it is written down.
pub(super) type StayRow = (i64, String, String, String, String, Vec<u8>);

/// Rows of one slice.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) app: i64,
    pub(super) scope: String,
    pub(super) shards: Vec<i32>,
    pub(super) slice: i64,
    /// Only those behind this place, ...
    pub(super) behind: Key,
    /// ... that began in this second or before, ...
    pub(super) until_unix_s: i64,
    /// ... and were not over before this one.
    pub(super) alive_unix_s: i64,
    pub(super) with_servers: bool,
}

impl Rows {
    /// Takes rows along that are behind these in the same slice, and whatever is between.
    pub(super) fn join(&mut self, behind: Self) {
        self.until_unix_s = behind.until_unix_s;
        for shard in behind.shards {
            if !self.shards.contains(&shard) {
                self.shards.push(shard);
            }
        }
    }

    /// Whole rows, in their order. About `wanted` of them will be.
    pub(super) fn stays(&self, index: &Index<'_>, wanted: u64) -> Merged<StayRow> {
        let said = index.said();
        let all = if self.with_servers { &said.read_stays } else { &said.read_clients };
        self.merged(all, wanted)
    }

    /// Their places, in their order.
    pub(super) fn keys(&self, index: &Index<'_>, wanted: u64) -> Merged<Key> {
        let said = index.said();
        let all = if self.with_servers { &said.read_keys } else { &said.read_client_keys };
        self.merged(all, wanted)
    }

    fn merged<R>(&self, statement: &PreparedStatement, wanted: u64) -> Merged<R> {
        let mut statement = statement.clone();
        let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
        statement.set_page_size(wanted.clamp(PAGE_ROWS_MIN, PAGE_ROWS));
        let start = |shard: &i32| Shard {
            shard: *shard,
            ready: VecDeque::new(),
            next: Some(PagingState::start()),
        };
        let shards = self.shards.iter().map(start).collect();
        Merged { statement, rows: self.clone(), shards }
    }

    /// How many there are, and in which shards. Of each shard no more than `enough` are counted.
    pub(super) async fn count(&self, index: &Index<'_>, enough: u64) -> Result<(u64, Vec<i32>)> {
        let count = |shard: i32| async move {
            let one = Self { shards: vec![shard], ..self.clone() };
            let mut keys = one.keys(index, enough);
            let mut count: u64 = 0;
            while count < enough && keys.next(index).await?.is_some() {
                count += 1;
            }
            Ok::<_, Fault>((count, shard))
        };
        let counts = try_join_all(self.shards.iter().map(|shard| count(*shard))).await?;
        let some = counts.iter().filter(|it| it.0 > 0).map(|it| it.1).collect();
        Ok((counts.iter().map(|it| it.0).sum(), some))
    }

    /// Some of the stays, after those that are passed over.
    pub(super) async fn page(
        mut self,
        index: &Index<'_>,
        passed_over: u64,
        wanted: u64,
    ) -> Result<Vec<Stay>> {
        if passed_over > 0 {
            // Their places are a fifth of their bytes.
            let mut keys = self.keys(index, passed_over);
            for _ in 0..passed_over {
                let Some(key) = keys.next(index).await? else { return Ok(vec![]) };
                self.behind = key;
            }
        }
        let mut rows = self.stays(index, wanted);
        let mut stays = vec![];
        while (stays.len() as u64) < wanted
            && let Some(row) = rows.next(index).await?
        {
            stays.push(unseal(row)?);
        }
        Ok(stays)
    }
}

/// Rows of one shard.
struct Shard<R> {
    shard: i32,
    ready: VecDeque<R>,
    next: Option<PagingState>,
}

/// Rows of all shards, as one in the order of answers.
pub(super) struct Merged<R> {
    statement: PreparedStatement,
    rows: Rows,
    shards: Vec<Shard<R>>,
}

impl<R: Placed> Merged<R> {
    /// The next row.
    pub(super) async fn next(&mut self, index: &Index<'_>) -> Result<Option<R>> {
        let (statement, rows) = (&self.statement, &self.rows);
        let fill = self.shards.iter_mut().map(|shard| shard.fill(index, statement, rows));
        try_join_all(fill).await?;
        let some = self.shards.iter_mut().filter(|shard| !shard.ready.is_empty());
        let first = some.min_by(|one, other| one.ready.front().cmp(&other.ready.front()));
        Ok(first.and_then(|shard| shard.ready.pop_front()))
    }
}

impl<R: Placed> Shard<R> {
    /// Sees to it that the next row is known.
    async fn fill(&mut self, index: &Index<'_>, all: &PreparedStatement, of: &Rows) -> Result<()> {
        while self.ready.is_empty()
            && let Some(at) = self.next.take()
        {
            let (created, room, call, participant, door) = &of.behind;
            let (app, scope, shard, slice) = (of.app, &of.scope, self.shard, of.slice);
            let (until, alive) = (of.until_unix_s, of.alive_unix_s);
            let values =
                (app, scope, shard, slice, created, room, call, participant, door, until, alive);
            let (rows, next) = index.read_page(all, values, at).await?;
            self.ready.extend(rows);
            self.next = next;
        }
        Ok(())
    }
}
