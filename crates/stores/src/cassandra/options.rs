//! Where the ring is, who we are there, and how patient we are.

use std::path::PathBuf;
use std::time::Duration;

use domain::app::Secret;

use super::refusal::Refusal;

/// How a store on a ring is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Some nodes, as `host:port` or `host` (port 9042): one that answers tells the others.
    pub contact_points: Vec<String>,
    /// The keyspace: letters, digits and `_`, 48 at most, beginning with a letter.
    pub keyspace: String,
    /// On how many nodes of the local data centre a keyspace that is made here keeps each row.
    pub replication_factor: u8,
    /// The data centre whose nodes are asked. It must be given where the ring has several.
    pub local_data_center: Option<String>,
    /// How the connections are encrypted, if they are.
    pub tls: Option<Tls>,
    /// Who we are, for a ring that asks.
    pub login: Option<Login>,
    /// Separates stores in one keyspace: a store sees its own realm only.
    pub realm: u32,
    /// How long one statement may take, with all its repeats.
    pub request_timeout: Duration,
}

/// A user of the ring.
#[derive(Clone, Debug)]
pub struct Login {
    /// The role's name.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// How the connections are encrypted.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who signs the nodes' certificates, in PEM; the system's authorities if it is `None`.
    pub authorities: Option<PathBuf>,
    /// Our certificate and its key, in PEM, for a ring that asks for them.
    pub identity: Option<Identity>,
    /// Whether a node's certificate must name the address that it is reached at. Nodes are told of
    /// by their addresses, and many certificates name none.
    pub check_addresses: bool,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The chain of certificates, ours first.
    pub certificates: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Well below a second, so that whoever asks is told within one that the ring is not there.
pub const REQUEST_TIMEOUT_DEFAULT: Duration = Duration::from_millis(900);

impl Options {
    /// What most rings need: three replicas, no login, no encryption.
    pub fn new(contact_points: Vec<String>, keyspace: impl Into<String>) -> Self {
        Self {
            contact_points,
            keyspace: keyspace.into(),
            replication_factor: 3,
            local_data_center: None,
            tls: None,
            login: None,
            realm: 0,
            request_timeout: REQUEST_TIMEOUT_DEFAULT,
        }
    }

    /// Refuses what no ring could help.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        const NAME_LEN_MAX: usize = 48;
        let of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let name = &self.keyspace;
        if self.contact_points.is_empty() {
            return Err(Refusal::NoContactPoints);
        }
        if name.len() > NAME_LEN_MAX
            || !name.starts_with(|first: char| first.is_ascii_alphabetic())
            || !name.chars().all(of_name)
        {
            return Err(Refusal::KeyspaceName(name.clone()));
        }
        match self.replication_factor {
            0 => Err(Refusal::NoReplicas),
            _ => Ok(()),
        }
    }

    /// Who we are, as sentences say it.
    pub(super) fn user(&self) -> String {
        self.login.as_ref().map_or_else(|| "anonymous".to_owned(), |login| login.user.clone())
    }
}
