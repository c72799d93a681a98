//! The index: what pages, totals and figures are read from. It follows the rooms' own partitions,
//! which are the truth: `write` is told what of a room's stays changed in which version.
//!
//! Read in this order: `place` (where rows and nodes lie), `write`, `sum` and `counts` (the trees
//! of counts), `walk` and `rows` (reading in order), then `page`, `few`, `open`, `figures`.
//!
//! # Rows
//!
//! Each stay is written whole into a slice of time of its app, its room and its participant, by
//! when it began, so that a page is read from one place. Every row is written with the version of
//! the room's change as its timestamp. A room's versions increase whatever the clocks say, so rows
//! that two servers write, in any order, however often, end as the latest version says. Of a row
//! and a deletion with one timestamp the deletion stands; so what goes and what comes in a version
//! is compared by key first, and a key that comes is not deleted.
//!
//! # Counts
//!
//! A tree of nodes counts the rows of a scope. A count is made from rows, never added to, so that
//! nothing that is repeated can spoil it. A node has *marks*, the number of the last touch of each
//! server process, and a count with the marks that it was made for. **It counts only if these are
//! the marks that are there.** What makes that right:
//!
//! 1. A writer writes rows, waits until a quorum has them, then touches the leaves, waits, touches
//!    the nodes above, waits, and so on; then the sender is answered. It takes each number after
//!    the wait. So whoever sees a touch, even one that only a single replica has yet, may be sure
//!    that what it stands for was on a quorum before.
//! 2. A process's numbers increase, and are their own timestamps: a mark never goes back. A number
//!    stands for all smaller ones of its process: what they stand for was on a quorum before they
//!    were taken.
//! 3. Whoever counts reads a node's marks first, and only then the rows, or the nodes below. By 1
//!    and 2 they see everything that the marks stand for. If they see more (rows that are written
//!    but not touched yet), then the touch comes still, and makes the count void.
//!
//! So of a count that is stored for the marks M, whenever and by whomever, everything is true that
//! was touched up to M; and whoever was answered has touched. Counts that were made at the same
//! time may overwrite each other: each says what it was made for, and the worst is to count again.
//! A writer that dies between rows and touches has answered nobody; its room still has the to-do,
//! and whoever finishes it touches again, as another process. A late event touches an old leaf and
//! what is above it, and these are counted again by whoever asks first: of each leaf its rows, of
//! each node above up to 128 nodes.
//!
//! The touch must come behind the rows, not in one batch with them. A batch is one step on each
//! replica, but a read is repaired column by column: a reader that finds batch and marks on one
//! replica alone brings the marks to a second one, and a later read of these two replicas' rows
//! need not see the batch.
//!
//! Whoever leaves touches nothing where they began: there only `open`, how many are still there,
//! would change, and it is an upper bound. It may be stored again, lower, with the same marks:
//! whoever joins, or turns out to be there still, touches, so without a touch nobody more is there.
//!
//! # Who was there before a window
//!
//! A node also has its *reaches*: the last second at which anybody of it who is over was there. A
//! reach is written with itself as the timestamp, so the latest stands, whoever writes last. It may
//! be too late (it is rounded up; a leave was corrected), which costs a look in vain, never a stay.
//! Those who were there before a window are found in the nodes that reach into it or have somebody
//! open, in order; the rows of a leaf are asked for with what they must reach, and the ring passes
//! over the others.
//!
//! # Clocks
//!
//! None is read. The order of timestamps is that of versions, of touches and of reaches. Only
//! counts themselves are stored with the driver's clock; if an old one wins for a while, its marks
//! do not match, and it is counted again.

mod counts;
mod few;
mod figures;
mod known;
pub(in crate::cassandra::log) mod open;
mod page;
mod place;
mod rows;
mod statements;
mod sum;
#[cfg(all(test, feature = "cassandra-tests"))]
mod tests;
mod walk;
mod write;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::AppId;
use domain::log::{LogFigures, Stay, StayPage, StayQuery};
use scylla::deserialize::row::DeserializeRow;
use scylla::response::PagingState;
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub(in crate::cassandra::log) use open::OpenStays;
pub(in crate::cassandra) use statements::Statements;

use crate::cassandra::cluster::{Bundle, Cluster};
use crate::cassandra::fault::Result;
use place::Scope;

/// How many reads of one request are under way at a time, and how many of its writes.
const SIDE_BY_SIDE: usize = 32;

/// How many rows are read at once to be counted, at most. They are of one slice of a leaf, or
/// fewer: see the README.
const ROWS_MAX: usize = 4_000_000;

/// When somebody leaves who is still there.
const OPEN: i64 = i64::MAX;

/// What a round of a room changed of its stays.
pub(in crate::cassandra::log) struct Change {
    /// The room's version that brought it, in microseconds of no clock in particular.
    pub(in crate::cassandra::log) version: i64,
    /// Those that changed or vanished, as they were.
    pub(in crate::cassandra::log) gone: Vec<Stay>,
    /// Those that changed or are new, as they are. All stays are of one room.
    pub(in crate::cassandra::log) come: Vec<Stay>,
}

/// Lets the index follow. It may be repeated, also by another server, and in any order.
///
/// If it fails, a part of it may be done: it is to be repeated until it does not.
pub(in crate::cassandra::log) async fn write(cluster: &Cluster, changes: &[Change]) -> Result<()> {
    write::write(&Index::new(cluster), changes).await
}

/// One page of the stays that a query selects, and how many it selects in all.
pub(in crate::cassandra) async fn page_of_stays(
    cluster: &Cluster,
    query: &StayQuery,
) -> Result<StayPage> {
    let index = Index::new(cluster);
    let page = page::page(&index, query).await?;
    tracing::trace!(statements = index.asked(), total = page.total, "a page was read");
    Ok(page)
}

/// The stays of all apps, counted.
pub(in crate::cassandra) async fn log_figures(cluster: &Cluster) -> Result<LogFigures> {
    figures::log_figures(&Index::new(cluster)).await
}

/// The index as one request uses it.
struct Index<'c> {
    cluster: &'c Cluster,
    asked: AtomicU64,
    reads: Semaphore,
}

impl<'c> Index<'c> {
    fn new(cluster: &'c Cluster) -> Self {
        Self { cluster, asked: AtomicU64::new(0), reads: Semaphore::new(SIDE_BY_SIDE) }
    }

    fn said(&self) -> &Statements {
        &self.cluster.index
    }

    fn app(&self, app: AppId) -> i64 {
        self.cluster.app(app)
    }

    fn process(&self) -> Uuid {
        self.cluster.process()
    }

    fn next_touch(&self) -> i64 {
        self.cluster.next_touch()
    }

    /// Over how many shards the stays of an app are spread.
    fn shards(&self) -> u32 {
        self.cluster.shards
    }

    /// The shards of a scope.
    fn shards_of(&self, scope: &Scope) -> Range<i32> {
        match scope {
            Scope::App => 0..self.shards().cast_signed(),
            Scope::Room(_) | Scope::Participant(_) => 0..1,
        }
    }

    /// How many statements the request took so far.
    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    async fn read_page<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        at: PagingState,
    ) -> Result<(Vec<R>, Option<PagingState>)>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let _permit = self.reads.acquire().await.expect("it is never closed");
        self.cluster.read_page(statement, values, at).await
    }

    /// All rows of a slice of a leaf, of a partition of nodes, or of the list of apps;
    /// [`ROWS_MAX`] at most.
    async fn read_all<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<R>>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let _permit = self.reads.acquire().await.expect("it is never closed");
        self.cluster.read(statement, values, ("index", ROWS_MAX)).await
    }

    async fn write(&self, statement: &PreparedStatement, values: impl SerializeRow) -> Result<()> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.cluster.write(statement, values).await
    }

    async fn write_bundle(&self, bundle: Bundle) -> Result<()> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.cluster.write_batch(bundle).await
    }

    /// Writes down that an app has stays.
    async fn put_app(&self, app: i64) -> Result<()> {
        let known = &self.said().known;
        if !known.apps.has(&app, ()) {
            self.write(&self.said().put_app, (self.cluster.realm(), app)).await?;
            known.apps.add([(app, ())]);
        }
        Ok(())
    }
}
