//! Why a ring or a keyspace is not for us, each in one sentence for whoever runs the server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use domain::error::{EngineError, Error};
use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError,
    MetadataError, NewSessionError, RequestAttemptError,
};

use super::fault::Fault;
use super::options::Options;

/// Why a store on a ring cannot be opened: waiting alone does not help.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No contact points are given.
    #[error("no contact point is given: name some nodes of the ring, as host:port")]
    NoContactPoints,
    /// The keyspace cannot have this name.
    #[error(
        "{0:?} cannot be the name of a keyspace: it has letters, digits and _, 48 at most, and \
         begins with a letter"
    )]
    KeyspaceName(String),
    /// No row can be kept on no node.
    #[error("the replication factor is 0: each row is kept on one node at least")]
    NoReplicas,
    /// A file of the encryption cannot be used.
    #[error("{file:?} cannot be used for TLS: {why}")]
    Tls {
        /// Which one.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system's authorities cannot be read.
    #[error("the system's certificate authorities cannot be read: give a file of your own")]
    SystemAuthorities(#[source] io::Error),
    /// The ring does not know us.
    #[error("the ring refuses the login as {user:?}: check the user and the password")]
    Login {
        /// Who we said we are.
        user: String,
    },
    /// The ring asks who we are.
    #[error("the ring asks for a login, and none is given: set a user and a password")]
    NoLogin,
    /// We may not do what has to be done.
    #[error(
        "{user:?} lacks a right in the keyspace {keyspace:?}: {said}; a server needs SELECT and \
         MODIFY there, and who makes its tables CREATE and ALTER too"
    )]
    Rights {
        /// Who we are.
        user: String,
        /// Where.
        keyspace: String,
        /// What the ring says.
        said: String,
    },
    /// There are several data centres, and none is named.
    #[error("the ring has the data centres {0:?}: say which of them is the local one")]
    ManyDataCenters(Vec<String>),
    /// The named data centre does not exist.
    #[error("the ring has no data centre {named:?}, but {there:?}")]
    NoSuchDataCenter {
        /// Which one was named.
        named: String,
        /// Those that exist.
        there: Vec<String>,
    },
    /// Fewer nodes than replicas.
    #[error(
        "the replication factor is {replicas}, and the data centre {data_center:?} has {nodes} \
         nodes: no write would ever find enough of them; add nodes or set a smaller one"
    )]
    TooManyReplicas {
        /// How many replicas are asked for.
        replicas: u8,
        /// Where.
        data_center: String,
        /// How many nodes there are.
        nodes: usize,
    },
    /// The keyspace is not kept in our data centre.
    #[error(
        "the keyspace {keyspace:?} has no replicas in the data centre {data_center:?}: alter its \
         replication, or name another data centre"
    )]
    NotReplicatedHere {
        /// Which keyspace.
        keyspace: String,
        /// Which data centre.
        data_center: String,
    },
    /// Somebody else's tables.
    #[error(
        "the keyspace {keyspace:?} has tables of another program ({table:?}): name another keyspace"
    )]
    AnotherProgram {
        /// Which keyspace.
        keyspace: String,
        /// One of the tables.
        table: String,
    },
    /// A later program made it.
    #[error(
        "the keyspace {keyspace:?} has version {found}, and this program knows versions up to \
         {known}: run the newer program"
    )]
    Newer {
        /// Which keyspace.
        keyspace: String,
        /// Its version.
        found: i32,
        /// Ours.
        known: i32,
    },
    /// An earlier program made it.
    #[error(
        "the keyspace {keyspace:?} has version {found}, and this program needs {needed}: run \
         `whowas store migrate` once all servers of version {found} may stop"
    )]
    Older {
        /// Which keyspace.
        keyspace: String,
        /// Its version.
        found: i32,
        /// Ours.
        needed: i32,
    },
}

/// Why a ring cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Somebody has to change something.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody answers.
    #[error("none of the contact points {contact_points:?} answers as a node of Cassandra: {why}")]
    NobodyThere {
        /// Who was asked.
        contact_points: Vec<String>,
        /// What became of the last of them.
        why: String,
    },
    /// A node was there, and something failed.
    #[error("the ring is there, but cannot be used yet")]
    Failed(#[source] EngineError),
    /// It takes too long.
    #[error("the ring did not answer for {} seconds", .0.as_secs())]
    Slow(Duration),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::Unavailable(EngineError::new(trouble))
    }
}

impl<T: Into<Fault>> From<T> for Trouble {
    fn from(fault: T) -> Self {
        Self::Failed(EngineError::new(fault.into()))
    }
}

/// What a ring says that keeps roles, and cannot look them up since too few of its nodes are there.
/// Its code is that of a wrong password, and of a right that is missing.
fn is_undecided(said: &str) -> bool {
    said.starts_with("Unable to perform auth")
}

/// Whether a statement was refused since a right is missing, or since nobody could look it up.
pub(super) fn is_denied(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Unauthorized, _))
    )
}

/// What a ring says to those who may not do something.
pub(super) fn refused_right(error: &ExecutionError, options: &Options) -> Option<Refusal> {
    match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            DbError::Unauthorized,
            said,
        )) if !is_undecided(said) => {
            let (user, keyspace) = (options.user(), options.keyspace.clone());
            Some(Refusal::Rights { user, keyspace, said: said.clone() })
        }
        _ => None,
    }
}

/// What a ring says to those it does not know.
pub(super) fn refused_login(error: &NewSessionError, options: &Options) -> Option<Refusal> {
    let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
        ConnectionPoolError::Broken { last_connection_error },
    )) = error
    else {
        return None;
    };
    let ConnectionError::ConnectionSetupRequestError(request) = last_connection_error else {
        return None;
    };
    match request.get_error() {
        ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, said)
            if !is_undecided(said) =>
        {
            Some(Refusal::Login { user: options.user() })
        }
        ConnectionSetupRequestErrorKind::MissingAuthentication => Some(Refusal::NoLogin),
        _ => None,
    }
}
