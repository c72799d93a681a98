//! Broadcasts: a message to all users of an app, or to those with some tags, as a durable job.
//!
//! A dialect has it accepted ([`accept()`]), which makes it durable and counts it against a quota.
//! From then on it is a job: its audience is walked in the store's order, in batches, each of which
//! is delivered before the next is begun. What comes next, and what an answer of the receiver makes
//! of a job, are the pure functions of [`progress`]; [`batch`] finds the next users; [`tend`] is
//! what an operator may do. How a batch reaches its receiver is not known here.
//!
//! Whether a user belongs is judged when the walk reaches them. A batch is delivered at least once:
//! who is in it may hear of it again after a crash, and nobody is passed over.

pub mod accept;
pub mod audience;
pub mod batch;
pub mod ledger;
pub mod progress;
pub mod store;
pub mod tend;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use accept::{Accepted, accept};
pub use audience::Audience;
pub use batch::{Batch, find_batch};
pub use ledger::{Ledger, Quota};
pub use progress::{Lease, Next, Progress, Refusal, State, Worker, next};
pub use store::{Added, Broadcasts, Open};
pub use tend::{Tended, cancel, find, list, retry};

use crate::ids::{AppId, UserId};

/// How many bytes a message's content may have, as the dialects document it.
pub const CONTENT_BYTES_MAX: usize = 32 << 10;

/// How many bytes what a dialect makes of a request may have: the content with every character
/// escaped, and the fields beside it.
pub const BODY_BYTES_MAX: usize = 256 << 10;

/// How many broadcasts of an app are kept, those that are over included; the oldest of these go
/// first.
pub const KEPT_MAX: usize = 1_000;

/// How many broadcasts of an app may be under way.
pub const OPEN_MAX: usize = 256;

/// How many users one delivery names at most.
pub const BATCH_USERS_MAX: u32 = 1_000;

/// What was asked for. It never changes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who was asked: the dialect's name.
    pub dialect: String,
    /// What was asked, in the dialect's words. Quotas are counted by it.
    pub action: String,
    /// In whose name.
    pub sender: UserId,
    /// What is delivered, in the dialect's words: a JSON object, of [`BODY_BYTES_MAX`] at most.
    pub body: String,
    /// To whom.
    pub audience: Audience,
    /// When it ends, delivered or not; `None`: when the receiver was tried often enough.
    pub expires_unix_us: Option<i64>,
    /// When it was accepted.
    pub created_unix_us: i64,
}

/// A message, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// Whose it is.
    pub app: AppId,
    /// Its number in the app. Later ones have larger numbers.
    pub id: u64,
    /// What it is.
    pub message: Message,
    /// How far it has come.
    pub progress: Progress,
}

/// Shows neither who sends nor what.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialect, action, sender: _, body, audience: _, expires_unix_us, .. } = self;
        f.debug_struct("Message")
            .field("dialect", dialect)
            .field("action", action)
            .field("body_len", &body.len())
            .field("expires_unix_us", expires_unix_us)
            .field("created_unix_us", &self.created_unix_us)
            .finish_non_exhaustive()
    }
}
