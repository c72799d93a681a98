//! Making the tables, and bringing them to this program's version.
//!
//! Any number of servers may do this at once. All of them send what changes the schema to the same
//! node, the one with the smallest id of those that are connected: a node changes its schema one
//! step after the other, so that `IF NOT EXISTS` holds, which it does not between two nodes that
//! have not told each other yet. The driver waits after each step until the nodes agree. The
//! version is written last, by a conditional write: whoever dies half-way leaves the old one, and
//! the next server does all of the step again.

use std::collections::HashMap;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::cluster::Node;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::policies::load_balancing::{
    LoadBalancingPolicy, NodeIdentifier, SingleTargetLoadBalancingPolicy,
};
use scylla::response::query_result::QueryResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::{Consistency, Statement};

use super::settings::{There, change, impatient, table_of};
use super::{META, META_KEY, META_NAME, SHARDS, STEPS, VERSION};
use crate::cassandra::cluster::{in_keyspace, rows_of};
use crate::cassandra::fault::{Damage, Fault};
use crate::cassandra::options::Options;
use crate::cassandra::refusal::{Refusal, Trouble, refused_right};
use crate::cassandra::session::connect;

/// Nodes may take long to make a table.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(30);

/// What bringing a keyspace to a version did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version that was found; 0 if there was none.
    pub from: i32,
    /// The version that is there now.
    pub to: i32,
    /// How many tables that were there had options of an older program.
    pub altered: usize,
}

/// Whether an older keyspace may be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    Yes,
    No,
}

/// Brings a keyspace to this program's version, and makes it if there is none.
pub(in crate::cassandra) async fn whole(options: &Options) -> Result<Migrated, Trouble> {
    let (session, data_center) = connect(options).await?;
    let keyspace = Keyspace::new(&session, options);
    let (found, _) = keyspace.bring_up(&data_center, Upgrade::Yes).await?;
    let altered = keyspace.alter_tables().await?;
    Ok(Migrated { from: found, to: VERSION, altered })
}

/// Whether the keyspace is there, and the first of our tables in it.
pub(in crate::cassandra) async fn is_there(options: &Options) -> Result<bool, Trouble> {
    let (session, _) = connect(options).await?;
    let tables = Keyspace::new(&session, options).tables().await?;
    Ok(tables.iter().any(|table| table == META_NAME))
}

/// Makes the keyspace or its tables where there are none, and tells its number of shards.
pub(in crate::cassandra) async fn open(
    session: &Session,
    options: &Options,
    data_center: &str,
) -> Result<u32, Trouble> {
    let keyspace = Keyspace::new(session, options);
    let (_, shards) = keyspace.bring_up(data_center, Upgrade::No).await?;
    Ok(shards)
}

struct Keyspace<'s> {
    session: &'s Session,
    options: &'s Options,
    /// Only the node that all servers change the schema at; any, if none is connected yet.
    first: Option<Arc<dyn LoadBalancingPolicy>>,
}

impl<'s> Keyspace<'s> {
    fn new(session: &'s Session, options: &'s Options) -> Self {
        let state = session.get_cluster_state();
        let connected = state.get_nodes_info().iter().filter(|node| node.is_connected());
        let first = connected.min_by_key(|node| node.host_id).map(Arc::clone);
        let only = |node| SingleTargetLoadBalancingPolicy::new(NodeIdentifier::Node(node), None);
        let first = first.map(only);
        Self { session, options, first }
    }

    /// The version that was found, and the number of shards.
    async fn bring_up(&self, data_center: &str, upgrade: Upgrade) -> Result<(i32, u32), Trouble> {
        self.make_keyspace(data_center).await?;
        let mut known = self.version().await?;
        if known.is_none() {
            self.make_meta().await?;
            known = self.version().await?;
        }
        let (found, shards) = known.ok_or(Fault::damaged(META_NAME, Damage::Missing))?;
        self.refuse_other_versions(found, upgrade)?;
        self.make_tables(found).await?;
        Ok((found, shards))
    }

    /// Makes the first table and its row, unless there are others but not this one.
    ///
    /// A node lists a table a moment before it takes statements for it. So it is made whenever it
    /// does not take them, though it may be listed: that waits for whoever is making it.
    async fn make_meta(&self) -> Result<(), Trouble> {
        let tables = self.tables().await?;
        if let Some(table) = tables.first()
            && !tables.iter().any(|table| table == META_NAME)
        {
            let (keyspace, table) = (self.options.keyspace.clone(), table.clone());
            return Err(Refusal::AnotherProgram { keyspace, table }.into());
        }
        self.change(&impatient(META)).await?;
        let cql = "INSERT INTO {ks}.whowas_meta (key, version, shards) VALUES (?, 0, ?) \
                   IF NOT EXISTS";
        self.say(Statement::new(cql), (META_KEY, SHARDS)).await?;
        Ok(())
    }

    fn refuse_other_versions(&self, found: i32, upgrade: Upgrade) -> Result<(), Refusal> {
        let keyspace = self.options.keyspace.clone();
        if found > VERSION {
            return Err(Refusal::Newer { keyspace, found, known: VERSION });
        }
        if 0 < found && found < VERSION && upgrade == Upgrade::No {
            return Err(Refusal::Older { keyspace, found, needed: VERSION });
        }
        Ok(())
    }

    /// All steps from a version on. Tables that are missing, though the version says that they are
    /// there, are made too: empty ones are better than a server that cannot start.
    async fn make_tables(&self, found: i32) -> Result<(), Trouble> {
        // While the version is an older one somebody may be about to make them: see `make_meta`.
        let there = if found < VERSION { vec![] } else { self.tables().await? };
        let missing = |statement: &str| {
            table_of(statement).is_none_or(|made| there.iter().all(|table| table != made))
        };
        let statements = STEPS.iter().copied().flatten().copied();
        let missing: Vec<&str> = statements.filter(|statement| missing(statement)).collect();
        for statement in missing {
            self.change(&impatient(statement)).await?;
        }
        if found < VERSION {
            // If it does not hold any more, another server has done the same.
            let cql = "UPDATE {ks}.whowas_meta SET version = ? WHERE key = ? IF version = ?";
            self.say(Statement::new(cql), (VERSION, META_KEY, found)).await?;
            tracing::info!(from = found, to = VERSION, "the tables are there");
        }
        Ok(())
    }

    /// Brings the tables that are there to the options that they would be made with, and tells how
    /// many had others. Servers leave them alone: it takes a right that they can do without.
    async fn alter_tables(&self) -> Result<usize, Trouble> {
        let cql = "SELECT table_name, speculative_retry, gc_grace_seconds \
                   FROM system_schema.tables WHERE keyspace_name = ?";
        let there = self.local_rows::<There>(cql, &self.options.keyspace).await?;
        let all = iter::once(META).chain(STEPS.iter().copied().flatten().copied());
        let change = |statement: &str| {
            let table = table_of(statement)?;
            change(statement, there.iter().find(|(name, ..)| name == table)?)
        };
        let changes: Vec<String> = all.filter_map(change).collect();
        for change in &changes {
            self.change(change).await?;
        }
        Ok(changes.len())
    }

    /// The version that is written down, and the number of shards; `None` if the table is not
    /// there.
    async fn version(&self) -> Result<Option<(i32, u32)>, Trouble> {
        let mut read = Statement::new("SELECT version, shards FROM {ks}.whowas_meta WHERE key = ?");
        read.set_consistency(Consistency::LocalSerial);
        let answer = match self.send(read, (META_KEY,)).await {
            Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(
                DbError::Invalid,
                _,
            ))) => return Ok(None),
            answer => answer.map_err(|error| self.trouble(error))?,
        };
        let Some((version, shards)) = rows_of::<(i32, i32)>(answer)?.pop() else {
            return Ok(None);
        };
        let shards = u32::try_from(shards).ok().filter(|shards| shards.is_power_of_two());
        let shards = shards.ok_or(Fault::damaged(META_NAME, Damage::Encoding))?;
        Ok(Some((version, shards)))
    }

    async fn make_keyspace(&self, data_center: &str) -> Result<(), Trouble> {
        let Options { keyspace, replication_factor, .. } = self.options;
        let cql = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
        let mut found = self.local_rows::<(HashMap<String, String>,)>(cql, keyspace).await?;
        if let Some((replication,)) = found.pop() {
            return Ok(refuse_elsewhere(&replication, keyspace, data_center)?);
        }
        let state = self.session.get_cluster_state();
        let here = |node: &&Arc<Node>| node.datacenter.as_deref() == Some(data_center);
        let nodes = state.get_nodes_info().iter().filter(here).count();
        if usize::from(*replication_factor) > nodes {
            let (replicas, data_center) = (*replication_factor, data_center.to_owned());
            return Err(Refusal::TooManyReplicas { replicas, data_center, nodes }.into());
        }
        // A quote in a name is written twice.
        let data_center = data_center.replace('\'', "''");
        let cql = format!(
            "CREATE KEYSPACE IF NOT EXISTS {{ks}} WITH replication = \
             {{'class': 'NetworkTopologyStrategy', '{data_center}': {replication_factor}}}"
        );
        self.change(&cql).await?;
        tracing::info!(keyspace, replication_factor, "the keyspace is made");
        Ok(())
    }

    async fn tables(&self) -> Result<Vec<String>, Trouble> {
        let cql = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
        let rows = self.local_rows::<(String,)>(cql, &self.options.keyspace).await?;
        Ok(rows.into_iter().map(|(table,)| table).collect())
    }

    /// Rows of the node's own tables, which every node has whole.
    async fn local_rows<R>(&self, cql: &str, keyspace: &str) -> Result<Vec<R>, Trouble>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        let mut read = Statement::new(cql);
        read.set_consistency(Consistency::One);
        self.rows(read, (keyspace.to_owned(),)).await
    }

    async fn rows<R>(&self, read: Statement, values: impl SerializeRow) -> Result<Vec<R>, Trouble>
    where
        R: for<'r> DeserializeRow<'r, 'r>,
    {
        let answer = self.say(read, values).await?;
        Ok(rows_of(answer)?)
    }

    async fn change(&self, cql: &str) -> Result<(), Trouble> {
        self.say(Statement::new(cql), ()).await?;
        Ok(())
    }

    async fn say(
        &self,
        statement: Statement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, Trouble> {
        self.send(statement, values).await.map_err(|error| self.trouble(error))
    }

    /// Sends a statement to the one node that all servers send theirs to.
    async fn send(
        &self,
        mut statement: Statement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, ExecutionError> {
        statement.contents = in_keyspace(&statement.contents, &self.options.keyspace);
        statement.set_request_timeout(Some(SCHEMA_TIMEOUT));
        statement.set_load_balancing_policy(self.first.clone());
        self.session.query_unpaged(statement, values).await
    }

    fn trouble(&self, error: ExecutionError) -> Trouble {
        refused_right(&error, self.options).map_or_else(|| error.into(), Trouble::Refused)
    }
}

/// Refuses a keyspace that has replicas by data centre, and none in ours.
fn refuse_elsewhere(
    replication: &HashMap<String, String>,
    keyspace: &str,
    data_center: &str,
) -> Result<(), Refusal> {
    let class = replication.get("class").map_or("", String::as_str);
    let here = replication.get(data_center).is_some_and(|replicas| replicas != "0");
    if !class.ends_with("NetworkTopologyStrategy") || here {
        return Ok(());
    }
    let (keyspace, data_center) = (keyspace.to_owned(), data_center.to_owned());
    Err(Refusal::NotReplicatedHere { keyspace, data_center })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_keyspace_that_is_kept_here_is_taken() {
        const BY_DATA_CENTRE: &str = "org.apache.cassandra.locator.NetworkTopologyStrategy";
        const BY_RING: &str = "org.apache.cassandra.locator.SimpleStrategy";
        for (class, key, replicas, taken) in [
            (BY_DATA_CENTRE, "here", "3", true),
            (BY_DATA_CENTRE, "here", "0", false),
            (BY_DATA_CENTRE, "there", "3", false),
            (BY_RING, "replication_factor", "1", true),
        ] {
            let replication = [("class", class), (key, replicas)];
            let replication = replication.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let outcome = refuse_elsewhere(&replication.into(), "ours", "here");
            let refused = matches!(outcome, Err(Refusal::NotReplicatedHere { .. }));
            assert_eq!(refused, !taken, "{class} {key} {replicas}");
        }
    }

    #[test]
    fn every_table_is_found_in_its_statement() {
        let tables = STEPS.iter().copied().flatten().map(|statement| table_of(statement));
        let tables: Vec<&str> = tables.collect::<Option<_>>().expect("all make tables");
        assert!(tables.contains(&"users") && tables.contains(&"dead_letters"), "{tables:?}");
        assert_eq!(table_of(META), Some(META_NAME));
    }
}
