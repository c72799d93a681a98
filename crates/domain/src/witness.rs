//! Who is told what has just become durable, in this process: whoever delivers broadcasts, and
//! whoever shows what happens.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use crate::broadcast::Message;
use crate::error::{Error, Result};
use crate::ids::{AppId, ParticipantId};
use crate::log::{Event, Inferred};

/// Something to do.
pub type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A place among those who find out what follows from events, given back when it is dropped.
pub type Admitted = Box<dyn Send>;

/// Is told of things once they are durable. It must not wait: whoever asked for them does.
pub trait Witness: Send + Sync + 'static {
    /// A broadcast was accepted.
    fn accepted_broadcast(&self, app: AppId, id: u64, message: &Message);

    /// A broadcast is to go on at once.
    fn retried_broadcast(&self, app: AppId, id: u64);

    /// Whether anybody wants to know of an app's events: if not, they need not be kept for
    /// [`Witness::stored_events`].
    fn wants_events(&self, app: AppId) -> bool;

    /// Waits for a place to find out what follows from events that somebody wants to know of. How
    /// many there are is the witness's to limit; whoever stops waiting has none.
    fn admit(&self) -> Pin<Box<dyn Future<Output = Admitted> + Send + '_>> {
        Box::pin(std::future::ready(Box::new(()) as Admitted))
    }

    /// Events that are new in the log.
    fn stored_events(&self, events: &[Event]);
    /// Joins and leaves that nobody reported, as far as they follow from what is new; `misses_some`
    /// if there may be others. There may be nothing to tell.
    fn inferred(&self, app: AppId, changes: &[Inferred], misses_some: bool);
    /// Somebody is being erased: what is still known of what was told of them is to be forgotten.
    fn erased(&self, app: AppId, who: &ParticipantId);
    /// Does an errand. One that can do so does it to the end even if nobody waits for it any more:
    /// a change goes on in the store then, and somebody is to be told of it.
    fn run(&self, errand: Errand) -> Errand {
        errand
    }
}

/// Nobody is told.
impl Witness for () {
    fn accepted_broadcast(&self, _: AppId, _: u64, _: &Message) {}

    fn retried_broadcast(&self, _: AppId, _: u64) {}

    fn wants_events(&self, _: AppId) -> bool {
        false
    }

    fn stored_events(&self, _: &[Event]) {}
    fn inferred(&self, _: AppId, _: &[Inferred], _: bool) {}
    fn erased(&self, _: AppId, _: &ParticipantId) {}
}

/// Makes a change and tells of it, whether whoever asked for it still waits or not, if the witness
/// can see to that. How much may be under way is the store's to limit.
pub(crate) async fn see_through<T: Send + 'static>(
    witness: &Arc<dyn Witness>,
    change: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let made = Arc::new(Mutex::new(None));
    let place = made.clone();
    let errand = witness.run(Box::pin(async move {
        let result = change.await;
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }));
    errand.await;
    let made = made.lock().unwrap_or_else(PoisonError::into_inner).take();
    // The process ends, and with it the errand.
    made.unwrap_or(Err(Error::Stopped))
}
