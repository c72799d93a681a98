//! What every store promises of erasure. What is common to all its methods stands in
//! [`crate::store`].

use async_trait::async_trait;

use crate::error::Result;
use crate::ids::{AppId, ParticipantId};

/// What one step erased from the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many events about the participant went.
    pub events: u64,
    /// How many snapshots lost their name.
    pub snapshots: u64,
    /// How many fewer of their stays the log shows than before the step. Less than nothing if it
    /// shows more: an event may go that joined two stays into one, before the others go that made
    /// them. What all steps tell is in sum how many there were.
    pub stays: i64,
    /// Where to go on; `None` if this was the last step. Only this store understands it.
    pub next: Option<Vec<u8>>,
}

/// Where the domain erases.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Erases about `limit` events that name a participant of an app: a step through its log, which
    /// begins where the step before it said.
    ///
    /// Whoever takes all steps has erased every such event that was there all the while. What is
    /// left of each event is [`crate::log::Event::without`] of it, and the log's stays are those of
    /// what is left, after each step. Whether an event that was erased is new when it is told again
    /// is the engine's affair; a snapshot that lost a name is a duplicate then.
    async fn erase_events(
        &self,
        app: AppId,
        who: &ParticipantId,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Erased>;
}
