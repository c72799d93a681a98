//! The store of many machines: Cassandra or ScyllaDB, and any number of servers in front of it,
//! none of them special.
//!
//! The README tells the tables, the consistency of each statement, and what fails how. Read the
//! code in this order: `schema` (the tables), `session` (connecting), `cluster` (what is said to
//! the ring, and how), `users`, `directory`, `presences`, `dead` and `broadcasts`, then `log`.

mod broadcasts;
mod cluster;
mod counted;
mod dead;
mod directory;
mod fault;
mod log;
mod options;
mod pace;
mod presences;
mod refusal;
mod robots;
mod schema;
mod session;
mod store;
#[cfg(all(test, feature = "cassandra-tests"))]
pub(crate) mod tests;
mod tls;
mod unreached;
mod users;
mod walk;

use std::sync::Arc;

pub use options::{Identity, Login, Options, REQUEST_TIMEOUT_DEFAULT, Tls};
pub use refusal::{Refusal, Trouble};
pub use schema::migrate::Migrated;

use session::Connection;

/// A store on a ring.
///
/// It keeps no state that another server would miss. Dropping it closes the connections.
pub struct Cassandra {
    connection: Arc<Connection>,
    log: Arc<log::Log>,
}

impl Cassandra {
    /// Brings the tables of a keyspace to the version that this program knows, or makes them.
    pub async fn migrate(options: &Options) -> Result<Migrated, Trouble> {
        schema::migrate::whole(options).await
    }

    /// Whether the keyspace is there, and has this program's tables, of whichever version.
    pub async fn is_there(options: &Options) -> Result<bool, Trouble> {
        schema::migrate::is_there(options).await
    }

    /// Opens the store, and makes its keyspace and tables where there are none.
    ///
    /// It fails only if it is refused. If the ring does not answer within some seconds, the store
    /// is there but not ready, every call is `Unavailable` at once, and the ring is asked again
    /// and again until it answers.
    pub async fn open(options: Options) -> Result<Self, Refusal> {
        let connection = Connection::open(options).await?;
        let log = Arc::new(log::Log::default());
        tokio::spawn(log::sweep_every_minute(Arc::downgrade(&log), Arc::downgrade(&connection)));
        Ok(Self { connection, log })
    }
}
