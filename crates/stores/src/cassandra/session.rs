//! Connecting, and staying connected.
//!
//! A keeper, one task for each store, opens a session, sees that the tables are there, and from
//! then on asks the ring every second for one row. While that fails the store is not ready, and
//! says why. The driver connects again to nodes that come back; if no node at all is connected,
//! the keeper begins anew, since then names may stand for other addresses by now.

use std::sync::{Arc, Weak};
use std::time::Duration;

use domain::error::{EngineError, Error, Result};
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileBuilder};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::policies::timestamp_generator::MonotonicTimestampGenerator;
use scylla::statement::{Consistency, SerialConsistency};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::cluster::{Cluster, Process};
use super::fault::Fault;
use super::options::Options;
use super::refusal::{Refusal, Trouble, refused_login, refused_right};
use super::schema::migrate;
use super::{tls, unreached};

/// How long opening waits for the ring; after that it goes on behind the scenes.
const FIRST_TRY: Duration = Duration::from_secs(30);

/// How long one node may take to answer a new connection.
const CONNECT: Duration = Duration::from_secs(2);

/// How long finding one contact point that answers may take. Of an encrypted connection the driver
/// limits only the first step; it takes the contact points in another order each time, so that one
/// who is silent keeps nobody from the others for long.
const FIND: Duration = Duration::from_secs(10);

/// How long one attempt may take: connecting, making the tables, preparing.
const ATTEMPT: Duration = Duration::from_secs(90);

/// Between two attempts: this first, then twice as long each time.
const BACKOFF: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Between two looks whether the ring answers.
const LOOK: Duration = Duration::from_secs(1);

/// Between two looks whether all nodes have the same tables.
const AGREEMENT: Duration = Duration::from_millis(50);

/// How long a connection may be silent before it is asked for a sign of life, and how long that
/// may take. A node that stopped answering is passed over from then on.
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// A node that has not answered a statement that may be repeated is joined by the next one.
const SPECULATE_AFTER: Duration = Duration::from_millis(100);
const SPECULATE_MAX: usize = 2;

/// What is known of the ring.
#[derive(Default)]
pub(super) struct State {
    cluster: Option<Arc<Cluster>>,
    pub(super) trouble: Option<Error>,
}

/// The connection of a store to its ring.
pub(super) struct Connection {
    options: Options,
    process: Arc<Process>,
    state: watch::Sender<State>,
}

impl Connection {
    /// Tries to connect for some seconds, and leaves the rest to a keeper.
    pub(super) async fn open(options: Options) -> Result<Arc<Self>, Refusal> {
        options.check()?;
        let process = Arc::new(Process::new());
        let connection = Arc::new(Self { options, process, state: watch::Sender::default() });
        match timeout(FIRST_TRY, Box::pin(connection.connect())).await {
            Ok(Ok(cluster)) => connection.connected(cluster),
            Ok(Err(Trouble::Refused(refusal))) => return Err(refusal),
            Ok(Err(trouble)) => connection.disconnected(trouble),
            Err(_) => connection.disconnected(Trouble::Slow(FIRST_TRY)),
        }
        tokio::spawn(keep(Arc::downgrade(&connection)));
        Ok(connection)
    }

    /// The ring, if it was ever there.
    pub(super) fn cluster(&self) -> Result<Arc<Cluster>> {
        let state = self.state.borrow();
        let trouble = || state.trouble.clone().unwrap_or_else(|| Trouble::Slow(FIRST_TRY).into());
        state.cluster.clone().ok_or_else(trouble)
    }

    /// Whether the ring answered when it was last looked at; if not, why.
    pub(super) fn ready(&self) -> Result<()> {
        self.state.borrow().trouble.clone().map_or(Ok(()), Err)
    }

    /// Shows each change.
    #[cfg(all(test, feature = "cassandra-tests"))]
    pub(super) fn states(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    async fn connect(&self) -> Result<Cluster, Trouble> {
        let options = &self.options;
        let (session, data_center) = connect(options).await?;
        let shards = migrate::open(&session, options, &data_center).await?;
        session.refresh_metadata().await.map_err(Box::new)?;
        let process = Arc::clone(&self.process);
        let cluster = Cluster::prepare(session, options, process, shards).await?;
        cluster.try_to_write().await.map_err(|fault| self.trouble(fault))?;
        Ok(cluster)
    }

    fn trouble(&self, fault: Fault) -> Trouble {
        let refusal = match &fault {
            Fault::Statement(error) => refused_right(error, &self.options),
            _ => None,
        };
        refusal.map_or_else(|| fault.into(), Trouble::Refused)
    }

    fn connected(&self, cluster: Cluster) {
        self.state.send_replace(State { cluster: Some(Arc::new(cluster)), trouble: None });
        tracing::info!(keyspace = self.options.keyspace, "connected to the ring");
    }

    fn disconnected(&self, trouble: impl std::error::Error + Send + Sync + 'static) {
        let trouble = EngineError::new(trouble);
        let known = self.ready().is_err();
        let told = Some(Error::Unavailable(trouble.clone()));
        self.state.send_modify(|state| state.trouble = told);
        // Said once, not each time that it is found so again.
        if !known {
            let cause = cause(&trouble);
            tracing::warn!(%trouble, cause, "the ring cannot be used");
        }
    }

    fn answers(&self) {
        let back = |state: &mut State| state.trouble.take().is_some();
        if self.state.send_if_modified(back) {
            tracing::info!("the ring answers again");
        }
    }
}

/// The end of the chain, if it has one: what the node or the network said.
fn cause(error: &dyn std::error::Error) -> Option<String> {
    let mut last = error.source()?;
    while let Some(source) = last.source() {
        last = source;
    }
    Some(last.to_string())
}

/// Keeps a connection, until the store that it is of is dropped.
async fn keep(connection: Weak<Connection>) {
    let mut backoff = BACKOFF;
    loop {
        let Some(connection) = connection.upgrade() else { return };
        let pause = match connection.cluster() {
            Ok(cluster) => match cluster.probe().await {
                Ok(()) => {
                    connection.answers();
                    LOOK
                }
                Err(fault) => {
                    connection.disconnected(connection.trouble(fault));
                    if !cluster.is_anybody_connected() {
                        attempt(&connection).await;
                    }
                    backoff
                }
            },
            Err(_) => {
                attempt(&connection).await;
                backoff
            }
        };
        backoff = match connection.ready() {
            Ok(()) => BACKOFF,
            Err(_) => (backoff * 2).min(BACKOFF_MAX),
        };
        drop(connection);
        sleep(pause).await;
    }
}

async fn attempt(connection: &Connection) {
    match timeout(ATTEMPT, Box::pin(connection.connect())).await {
        Ok(Ok(cluster)) => connection.connected(cluster),
        Ok(Err(trouble)) => connection.disconnected(trouble),
        Err(_) => connection.disconnected(Trouble::Slow(ATTEMPT)),
    }
}

/// A session, and the data centre that it stays in.
pub(super) async fn connect(options: &Options) -> Result<(Session, String), Trouble> {
    let anywhere = profile(options).build().into_handle();
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.contact_points)
        .connection_timeout(CONNECT)
        .hostname_resolution_timeout(Some(CONNECT))
        .keepalive_interval(KEEPALIVE)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .tcp_nodelay(true)
        // Ours only and rising, so that of two plain writes of one server the later one counts.
        .timestamp_generator(Arc::new(MonotonicTimestampGenerator::new().without_warnings()))
        .keyspaces_to_fetch([&options.keyspace])
        .fetch_full_schema_metadata(false)
        // Tables are made one after the other: what is known of them is fetched once, behind all.
        .refresh_metadata_on_auto_schema_agreement(false)
        .schema_agreement_interval(AGREEMENT)
        .default_execution_profile_handle(anywhere);
    if let Some(login) = &options.login {
        builder = builder.user(&login.user, login.password.reveal());
    }
    if let Some(tls) = &options.tls {
        builder = builder.tls_context(Some(tls::config(tls)?));
    }
    let built = timeout(FIND, builder.build()).await.map_err(|_| Trouble::Slow(FIND))?;
    let session = built.map_err(|source| match refused_login(&source, options) {
        Some(refusal) => Trouble::Refused(refusal),
        None => {
            let contact_points = options.contact_points.clone();
            let why = unreached::why(&source, options.tls.as_ref());
            tracing::debug!(error = %source, "there is no session");
            Trouble::NobodyThere { contact_points, why }
        }
    })?;
    let data_center = data_center(&session, options)?;
    let policy = DefaultPolicy::builder()
        .prefer_datacenter(data_center.clone())
        .token_aware(true)
        .permit_dc_failover(false)
        .build();
    let local = profile(options).load_balancing_policy(policy).build();
    session.get_default_execution_profile_handle().clone().map_to_another_profile(local);
    Ok((session, data_center))
}

fn profile(options: &Options) -> ExecutionProfileBuilder {
    let speculation = SimpleSpeculativeExecutionPolicy {
        max_retry_count: SPECULATE_MAX,
        retry_interval: SPECULATE_AFTER,
    };
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(options.request_timeout))
        .speculative_execution_policy(Some(Arc::new(speculation)))
}

fn data_center(session: &Session, options: &Options) -> Result<String, Refusal> {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter();
    let mut there: Vec<String> = nodes.filter_map(|node| node.datacenter.clone()).collect();
    there.sort_unstable();
    there.dedup();
    match &options.local_data_center {
        Some(named) if there.contains(named) => Ok(named.clone()),
        Some(named) => Err(Refusal::NoSuchDataCenter { named: named.clone(), there }),
        None if there.len() == 1 => Ok(there.remove(0)),
        None => Err(Refusal::ManyDataCenters(there)),
    }
}
