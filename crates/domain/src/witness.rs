//! Who is told what has just become durable, in this process: whoever delivers broadcasts, and
//! whoever shows what happens.

use crate::broadcast::Message;
use crate::ids::AppId;
use crate::log::Event;

/// Is told of things once they are durable. It must not wait: whoever asked for them does.
pub trait Witness: Send + Sync + 'static {
    /// A broadcast was accepted.
    fn accepted_broadcast(&self, app: AppId, id: u64, message: &Message);

    /// A broadcast is to go on at once.
    fn retried_broadcast(&self, app: AppId, id: u64);

    /// Whether anybody wants to know of an app's events: if not, they need not be kept for
    /// [`Witness::stored_events`].
    fn wants_events(&self, app: AppId) -> bool;

    /// Events that are new in the log.
    fn stored_events(&self, events: &[Event]);
}

/// Nobody is told.
impl Witness for () {
    fn accepted_broadcast(&self, _: AppId, _: u64, _: &Message) {}

    fn retried_broadcast(&self, _: AppId, _: u64) {}

    fn wants_events(&self, _: AppId) -> bool {
        false
    }

    fn stored_events(&self, _: &[Event]) {}
}
