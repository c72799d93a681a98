//! The ring as the parts of the store use it: prepared statements, sent with the consistency, the
//! time limit and the repeats of their kind.
//!
//! - Reads and plain writes go at `LOCAL_QUORUM`. They are marked as idempotent: the driver sends
//!   them to another node too when one is slow, and again when a connection breaks. So a plain
//!   write must be one that may be made twice: it sets, it never counts.
//! - Conditional writes (`IF …`) are decided at `LOCAL_SERIAL` and written at `LOCAL_QUORUM`. They
//!   are sent to another node later than the others, since two of them for one row get into each
//!   other's way. Each brings a mark of its own, a random one, into the row: then one that was
//!   made twice is found to be made ([`Cas::Refused`]), and so is one whose answer never came
//!   ([`Cas::Unknown`]), by a read of the kind [`Prepare::settle`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use domain::AppId;
use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::ExecutionError;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, Statement};
use scylla::value::Row;
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};
use uuid::Uuid;

use super::counted::counted;
use super::fault::{Damage, Fault, Result, is_surely_undone};
use super::log::{self, index};
use super::options::Options;
use super::pace::{Pace, Places};
use super::refusal::is_denied;
use super::{broadcasts, dead, directory, presences, robots, schema, users, walk};

/// How many rows a page of an answer has.
pub(super) const PAGE_ROWS: i32 = 1_000;

/// How long a page of a walk may take: it is put together from many nodes, and nobody waits.
const WALK_TIMEOUT: Duration = Duration::from_secs(20);

/// How many reads, and how many plain writes, are under way at once. More would only wait at the
/// nodes, where their time runs: all of them would be late, and be sent again to another node. Here
/// they wait before it begins, for as long as a statement may take at most.
const STATEMENTS_ABREAST: usize = 256;

/// Values of one statement of a batch.
type Values = Box<dyn SerializeRow + Send + Sync>;

/// What became of a conditional change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cas {
    /// It is made.
    Applied,
    /// The condition did not hold: another changed it before, or this very statement did, when
    /// the driver sent it to a second node because the first was slow. So whoever writes brings a
    /// mark of their own, and looks for it.
    Refused,
    /// It may be made, or not, or later. Read with a statement of [`Prepare::settle`] to know.
    Unknown,
}

/// This process, as rows of the ring name it.
pub(super) struct Process {
    /// Another in each process.
    pub(super) id: Uuid,
    touches: AtomicI64,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { id: Uuid::new_v4(), touches: AtomicI64::new(0) }
    }
}

/// A ring that is connected, and what is said to it.
pub(super) struct Cluster {
    session: Session,
    realm: u32,
    process: Arc<Process>,
    /// Over how many partitions the index of an app is spread, as written in `meta` when the
    /// keyspace was made.
    pub(super) shards: u32,
    /// How long one statement may take.
    pub(super) request_timeout: Duration,
    patient: ExecutionProfileHandle,
    probe: PreparedStatement,
    trial: PreparedStatement,
    /// Whether a statement was refused since a right is missing, since that was last looked at.
    was_denied: AtomicBool,
    reads: Semaphore,
    writes: Semaphore,
    /// Who changes a user or a room takes a place first.
    pub(super) pace: Pace,
    // The statements of each part.
    pub(super) users: users::Statements,
    pub(super) directory: directory::Statements,
    pub(super) robots: robots::Statements,
    pub(super) dead: dead::Statements,
    pub(super) broadcasts: broadcasts::Statements,
    pub(super) presences: presences::Statements,
    pub(super) index: index::Statements,
    pub(super) log: log::Statements,
}

impl Cluster {
    /// Prepares everything that is said to a ring whose tables are there.
    pub(super) async fn prepare(
        session: Session,
        options: &Options,
        process: Arc<Process>,
        shards: u32,
    ) -> Result<Self> {
        let patient = patient(&session, options.request_timeout);
        let prepare = Prepare { session: &session, keyspace: &options.keyspace, patient: &patient };
        let users = users::Statements::prepare(&prepare).await?;
        let directory = directory::Statements::prepare(&prepare).await?;
        let robots = robots::Statements::prepare(&prepare).await?;
        let dead = dead::Statements::prepare(&prepare).await?;
        let broadcasts = broadcasts::Statements::prepare(&prepare).await?;
        let presences = presences::Statements::prepare(&prepare).await?;
        let index = index::Statements::prepare(&prepare).await?;
        let log = log::Statements::prepare(&prepare).await?;
        let probe = prepare.read(schema::PROBE).await?;
        let trial = prepare.write(schema::TRIAL).await?;
        Ok(Self {
            realm: options.realm,
            request_timeout: options.request_timeout,
            session,
            process,
            shards,
            patient,
            probe,
            trial,
            was_denied: AtomicBool::new(false),
            reads: Semaphore::new(STATEMENTS_ABREAST),
            writes: Semaphore::new(STATEMENTS_ABREAST),
            pace: Pace::new(options.request_timeout / 3),
            users,
            directory,
            robots,
            dead,
            broadcasts,
            presences,
            index,
            log,
        })
    }

    /// Reads a row, to see whether the ring answers; and after a statement that was refused since
    /// a right is missing, writes too.
    pub(super) async fn probe(&self) -> Result<()> {
        // Past the places: whether it is busy here is not the question.
        let sent = Box::pin(self.session.execute_unpaged(&self.probe, (schema::META_KEY,)));
        let mut rows = rows_of::<(i32,)>(self.counted("read", sent).await?)?;
        rows.pop().ok_or(Fault::damaged(schema::META_NAME, Damage::Missing))?;
        if self.was_denied.swap(false, Ordering::Relaxed) {
            self.try_to_write().await?;
        }
        Ok(())
    }

    /// Removes a row that never was, to see whether we may write.
    pub(super) async fn try_to_write(&self) -> Result<()> {
        let sent = Box::pin(self.session.execute_unpaged(&self.trial, (schema::NO_KEY,)));
        self.counted("write", sent).await?;
        Ok(())
    }

    /// Whether any node is connected.
    pub(super) fn is_anybody_connected(&self) -> bool {
        self.session.get_cluster_state().get_nodes_info().iter().any(|node| node.is_connected())
    }

    /// An app of our realm, as keys name it.
    pub(super) fn app(&self, app: AppId) -> i64 {
        ((u64::from(self.realm) << 32) | u64::from(app.0)).cast_signed()
    }

    /// The app that a key names, if it is of our realm.
    pub(super) fn own_app(&self, key: i64) -> Option<AppId> {
        let key = key.cast_unsigned();
        // The lower half is the app; the upper is its realm.
        (key >> 32 == u64::from(self.realm)).then_some(AppId(key as u32))
    }

    /// Our realm, as keys name it.
    pub(super) fn realm(&self) -> i64 {
        i64::from(self.realm)
    }

    /// This process.
    pub(super) fn process(&self) -> Uuid {
        self.process.id
    }

    /// A number that this process has not had before, and greater than those that it has had.
    pub(super) fn next_touch(&self) -> i64 {
        self.process.touches.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The first row, if there is one.
    pub(super) async fn read_one<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<R>>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        let (mut rows, _) = self.read_page(statement, values, PagingState::start()).await?;
        Ok((!rows.is_empty()).then(|| rows.swap_remove(0)))
    }

    /// All rows, page by page; more than `rows_max` are a fault.
    pub(super) async fn read<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        (table, rows_max): (&'static str, usize),
    ) -> Result<Vec<R>>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        let mut all = vec![];
        let mut next = Some(PagingState::start());
        while let Some(at) = next {
            let (rows, behind) = self.read_page(statement, &values, at).await?;
            if all.len() + rows.len() > rows_max {
                return Err(Fault::TooManyRows { table, rows_max });
            }
            all.extend(rows);
            next = behind;
        }
        Ok(all)
    }

    /// One page of rows, and where the next begins, if there are more.
    pub(super) async fn read_page<R>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        at: PagingState,
    ) -> Result<(Vec<R>, Option<PagingState>)>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        let limit = statement.get_request_timeout().unwrap_or(self.request_timeout);
        // The driver's futures are of 20 kB: on the heap, they make none of those that wait large.
        let sent = Box::pin(self.session.execute_single_page(statement, values, at));
        let (answer, behind) = self.within(limit, &self.reads, self.counted("read", sent)).await?;
        Ok((rows_of(answer)?, next_of(behind)))
    }

    /// A plain write.
    pub(super) async fn write(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<()> {
        let sent = self.counted("write", Box::pin(self.session.execute_unpaged(statement, values)));
        self.within(self.request_timeout, &self.writes, sent).await?;
        Ok(())
    }

    /// Plain writes into ONE partition: all of them are made, or none, and no reader sees a part.
    pub(super) async fn write_batch(&self, bundle: Bundle) -> Result<()> {
        let Bundle { mut batch, values } = bundle;
        if !values.is_empty() {
            batch.set_is_idempotent(true);
            let sent = self.counted("write", Box::pin(self.session.batch(&batch, values)));
            self.within(self.request_timeout, &self.writes, sent).await?;
        }
        Ok(())
    }

    /// A conditional write.
    pub(super) async fn cas(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Cas> {
        let began = Instant::now();
        let sent = Box::pin(self.session.execute_unpaged(statement, values));
        let outcome = outcome_of(self.counted("conditional", sent).await);
        self.note(&outcome, began);
        outcome
    }

    /// Waits until so many users may be changed. Nothing of a request is done while it waits here.
    pub(super) async fn places_for_users(&self, users: usize) -> Result<Places<'_>> {
        let places = self.pace.places(users);
        timeout(self.request_timeout / 3, places).await.map_err(|_| Fault::Busy)
    }

    /// A ring that is gone says so quickly, which tells nothing of how much it bears.
    fn note(&self, outcome: &Result<Cas>, began: Instant) {
        if outcome.is_ok() {
            self.pace.note(began.elapsed());
        }
    }

    /// Sends something that may be given up half-way, once there is a place for it; both together
    /// take no longer than `limit`.
    async fn within<T>(
        &self,
        limit: Duration,
        places: &Semaphore,
        sent: impl Future<Output = std::result::Result<T, ExecutionError>>,
    ) -> Result<T> {
        let by = tokio::time::Instant::now() + limit;
        let place = timeout_at(by, places.acquire()).await.map_err(|_| Fault::Busy)?;
        let _place = place.map_err(|_| Fault::Busy)?;
        Ok(timeout_at(by, sent).await.map_err(|_| Fault::Unknown)??)
    }

    /// Counts what is sent, and notes whether it was denied.
    async fn counted<T>(
        &self,
        kind: &'static str,
        sent: impl Future<Output = std::result::Result<T, ExecutionError>>,
    ) -> std::result::Result<T, ExecutionError> {
        let answer = counted(kind, sent).await;
        if answer.as_ref().is_err_and(is_denied) {
            self.was_denied.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Conditional and plain writes into ONE partition: all of them if all conditions hold.
    pub(super) async fn cas_batch(&self, bundle: Bundle) -> Result<Cas> {
        let Bundle { mut batch, values } = bundle;
        batch.set_is_idempotent(true);
        batch.set_execution_profile_handle(Some(self.patient.clone()));
        let began = Instant::now();
        let outcome = outcome_of(
            self.counted("conditional", Box::pin(self.session.batch(&batch, values))).await,
        );
        self.note(&outcome, began);
        outcome
    }
}

/// Statements that go together, into one partition.
pub(super) struct Bundle {
    batch: Batch,
    values: Vec<Values>,
}

impl Bundle {
    pub(super) fn new() -> Self {
        Self { batch: Batch::new(BatchType::Unlogged), values: vec![] }
    }

    pub(super) fn add(
        &mut self,
        statement: &PreparedStatement,
        values: impl SerializeRow + Send + Sync + 'static,
    ) {
        self.batch.append_statement(statement.clone());
        self.values.push(Box::new(values));
    }

    /// How many statements there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

/// Prepares statements. `{ks}` in their text stands for the keyspace.
pub(super) struct Prepare<'s> {
    session: &'s Session,
    keyspace: &'s str,
    patient: &'s ExecutionProfileHandle,
}

impl Prepare<'_> {
    /// A read at `LOCAL_QUORUM`.
    pub(super) async fn read(&self, cql: &str) -> Result<PreparedStatement> {
        let mut statement = self.write(cql).await?;
        statement.set_page_size(PAGE_ROWS);
        Ok(statement)
    }

    /// A read of a whole table at `LOCAL_QUORUM`, page by page, which may take its time.
    pub(super) async fn walk(&self, cql: &str) -> Result<PreparedStatement> {
        let mut statement = self.read(cql).await?;
        statement.set_page_size(walk::PAGE_ROWS);
        statement.set_request_timeout(Some(WALK_TIMEOUT));
        Ok(statement)
    }

    /// A read of one partition at `LOCAL_SERIAL`: it shows what is decided so far. A change that it
    /// does not show may still be made for as long as nobody else moves the version: whoever goes
    /// on writes on the same condition, and knows the marks of all their attempts.
    pub(super) async fn settle(&self, cql: &str) -> Result<PreparedStatement> {
        let mut statement = self.read(cql).await?;
        statement.set_consistency(Consistency::LocalSerial);
        Ok(statement)
    }

    /// A plain write, which may be made twice.
    pub(super) async fn write(&self, cql: &str) -> Result<PreparedStatement> {
        let cql = in_keyspace(cql, self.keyspace);
        let mut statement = self.session.prepare(Statement::new(cql)).await?;
        statement.set_is_idempotent(true);
        Ok(statement)
    }

    /// A conditional write, which may be made twice.
    pub(super) async fn cas(&self, cql: &str) -> Result<PreparedStatement> {
        let mut statement = self.write(cql).await?;
        statement.set_execution_profile_handle(Some(self.patient.clone()));
        Ok(statement)
    }
}

/// How conditional writes are sent: another node is asked after a third of the time, and a third
/// is left for finding out what became of one.
fn patient(session: &Session, request_timeout: Duration) -> ExecutionProfileHandle {
    let third = request_timeout / 3;
    let policy = SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: third };
    let usual = session.get_default_execution_profile_handle().to_profile();
    let patient = usual
        .to_builder()
        .request_timeout(Some(third * 2))
        .speculative_execution_policy(Some(Arc::new(policy)));
    patient.build().into_handle()
}

/// A statement in our keyspace.
pub(super) fn in_keyspace(cql: &str, keyspace: &str) -> String {
    cql.replace("{ks}", &format!("\"{keyspace}\""))
}

/// All rows of an answer.
pub(super) fn rows_of<R>(answer: QueryResult) -> Result<Vec<R>>
where
    R: for<'r> DeserializeRow<'r, 'r>,
{
    let rows = answer.into_rows_result()?;
    let rows = rows.rows::<R>()?.collect::<Result<_, _>>()?;
    Ok(rows)
}

fn next_of(behind: PagingStateResponse) -> Option<PagingState> {
    behind.into_paging_control_flow().continue_value()
}

fn outcome_of(answer: std::result::Result<QueryResult, ExecutionError>) -> Result<Cas> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if is_surely_undone(&error) => return Err(error.into()),
        Err(error) => {
            tracing::debug!(%error, "the outcome of a conditional change is unknown");
            return Ok(Cas::Unknown);
        }
    };
    // Nodes differ in which columns come behind the first, and a batch has a row for each row that
    // it has a condition on; `[applied]` is the first everywhere, and the same in all rows.
    let rows = answer.into_rows_result()?;
    let first = rows.rows::<Row>()?.next().transpose()?;
    let applied = first.and_then(|row| row.columns.into_iter().next().flatten());
    match applied.and_then(|applied| applied.as_boolean()) {
        Some(true) => Ok(Cas::Applied),
        _ => Ok(Cas::Refused),
    }
}
