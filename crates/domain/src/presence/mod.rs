//! Who is online, as their app's clients tell: somebody may be logged in and in no room.
//!
//! A sender reports [`Sighting`]s: late, twice, in any order. What is known of somebody, their
//! [`Connections`], is the greatest sighting of each of the connections that were seen last, so
//! none of that can matter. [`state`] puts it together with the room log.
//!
//! Nobody becomes a user of the directory by being seen.

pub mod connections;
#[cfg(test)]
mod properties;
pub mod record;
pub mod retire;
pub mod state;
pub mod store;

use serde::{Deserialize, Serialize};

pub use connections::{CONNECTIONS_MAX, Connections};
pub use record::record;
pub use retire::{Forgotten, retire};
pub use state::{online, states};
pub use store::{Noted, Presences};

use crate::ids::{AppId, ConnectionId, UserId};
use crate::log::Os;

/// How somebody is by one of their connections. Of two states that are told of one instant the
/// later one here counts: a connection begins with being online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// Their client is there.
    Online,
    /// Their client was lost without a word.
    Offline,
    /// Their client said that it goes.
    LoggedOut,
}

/// What was told of a connection last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id, as the sender gave it.
    pub id: ConnectionId,
    /// When that happened, by the sender's clock.
    pub time_unix_us: i64,
    /// What happened.
    pub state: State,
    /// What it runs on, if the sender tells.
    pub os: Option<Os>,
}

/// Somebody was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The tenant.
    pub app: AppId,
    /// Who. They need not be in the directory.
    pub user: UserId,
    /// By which connection, when and how.
    pub connection: Connection,
}
