//! What has just become durable, for those who wait for it: the tasks that deliver broadcasts, and
//! listeners to an app's stream ([`ring`]).
//!
//! A server tells what became durable through it. Of broadcasts that another server of the same
//! ring accepted it learns when it looks for them; of joins and leaves that came in there it does
//! not.

pub(crate) mod line;
pub(crate) mod ring;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::app::Apps;
use domain::broadcast::{Broadcast, Message};
use domain::ids::ParticipantId;
use domain::log::{Event, Inferred};
use domain::witness::{Admitted, Errand, Witness};
use domain::{AppId, Context};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinError;

use ring::{Ear, Ring};

/// How many may listen to the streams of all apps together.
pub(crate) const LISTENERS_MAX: usize = 10_000;

/// For how many batches at once it is found out what follows from them, all apps together. Others
/// wait for one of these before they are stored, if somebody listens to their app.
pub(crate) const LOOKS_MAX: usize = 64;

/// How many broadcasts are read from the store at once.
const PAGE_BROADCASTS: u32 = 100;

/// What happens in all apps.
pub(crate) struct Feed {
    apps: HashMap<AppId, OfApp>,
    listeners: AtomicUsize,
    looks: Arc<Semaphore>,
}

struct OfApp {
    bell: Notify,
    ring: Arc<Ring>,
}

/// A place among the listeners.
pub(crate) struct Seat(Arc<Feed>);

impl Feed {
    /// Nothing has happened yet. `epoch` is another number in each process.
    pub(crate) fn new(apps: &Apps, epoch: u64) -> Self {
        let of_app = |id| (id, OfApp { bell: Notify::new(), ring: Arc::new(Ring::new(epoch)) });
        let apps = apps.iter().map(|app| of_app(app.id)).collect();
        let looks = Arc::new(Semaphore::new(LOOKS_MAX));
        Self { apps, listeners: AtomicUsize::new(0), looks }
    }

    /// Rings when there is something to deliver; `None` for an app that the config does not name.
    pub(crate) fn bell(&self, app: AppId) -> Option<&Notify> {
        Some(&self.apps.get(&app)?.bell)
    }

    /// What happens in an app; `None` for one that the config does not name.
    pub(crate) fn ring(&self, app: AppId) -> Option<&Arc<Ring>> {
        Some(&self.apps.get(&app)?.ring)
    }

    /// What happens in an app, which is kept from now on, until nobody has listened for
    /// [`ring::KEPT_FOR`]. `last_id` finds the last broadcast that
    /// there is; if it fails, nothing is changed.
    ///
    /// # Panics
    ///
    /// If the config does not name the app.
    pub(crate) async fn turn_on(
        &self,
        app: AppId,
        last_id: impl Future<Output = domain::Result<u64>>,
    ) -> domain::Result<Ear> {
        let OfApp { bell, ring } = self.apps.get(&app).expect("an app of the config");
        let ear = ring.listen();
        if !ring.is_on() {
            // Those before are no news for a listener who begins.
            ring.turn_on(last_id.await?);
            // One may have been accepted in between: whoever delivers looks again, and tells.
            bell.notify_one();
        }
        Ok(ear)
    }

    /// A place for one more listener, if there is one.
    pub(crate) fn sit_down(self: &Arc<Self>) -> Option<Seat> {
        let admit = |there: usize| (there < LISTENERS_MAX).then_some(there + 1);
        let admitted =
            self.listeners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admit).is_ok();
        admitted.then(|| {
            let seat = Seat(self.clone());
            seat.show();
            seat
        })
    }

    /// Tells listeners of broadcasts that this server has not told them: another one has accepted
    /// them, or the store failed while it kept them, and kept them all the same. `last_id` is the
    /// last that there is.
    pub(crate) async fn catch_up(
        &self,
        ctx: &Context,
        app: AppId,
        last_id: u64,
    ) -> domain::Result<()> {
        let Some(ring) = self.ring(app).filter(|ring| ring.is_on()) else { return Ok(()) };
        let mut after = ring.told_to();
        while after < last_id {
            let page = ctx.store.list_broadcasts(app, Some(after), PAGE_BROADCASTS).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            page.iter().for_each(|Broadcast { id, message, .. }| ring.tell_broadcast(*id, message));
        }
        // What is not there any more is not waited for.
        ring.told_all_to(after.min(last_id));
        Ok(())
    }
}

impl Seat {
    #[expect(clippy::cast_precision_loss, reason = "a metric; listeners are far below 2^52")]
    fn show(&self) {
        let listeners = self.0.listeners.load(Ordering::Relaxed);
        metrics::gauge!("whowas_stream_listeners").set(listeners as f64);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Ordering::Relaxed);
        self.show();
    }
}

/// Whoever calls it waits for nobody.
impl Witness for Feed {
    fn accepted_broadcast(&self, app: AppId, id: u64, message: &Message) {
        let Some(of_app) = self.apps.get(&app) else { return };
        of_app.ring.tell_broadcast(id, message);
        of_app.bell.notify_one();
    }

    fn retried_broadcast(&self, app: AppId, _: u64) {
        if let Some(of_app) = self.apps.get(&app) {
            of_app.bell.notify_one();
        }
    }

    fn wants_events(&self, app: AppId) -> bool {
        self.ring(app).is_some_and(|ring| ring.is_on())
    }

    fn admit(&self) -> Pin<Box<dyn Future<Output = Admitted> + Send + '_>> {
        Box::pin(async {
            let place = self.looks.clone().acquire_owned().await;
            Box::new(place.expect("it is never closed")) as Admitted
        })
    }

    fn stored_events(&self, events: &[Event]) {
        for event in events {
            if let Some(ring) = self.ring(event.app) {
                ring.tell_event(event);
            }
        }
    }

    fn inferred(&self, app: AppId, changes: &[Inferred], misses_some: bool) {
        let Some(ring) = self.ring(app).filter(|ring| ring.is_on()) else { return };
        changes.iter().for_each(|change| ring.tell_inferred(change));
        if misses_some {
            ring.tell_gap();
        }
    }

    fn erased(&self, app: AppId, who: &ParticipantId) {
        if let Some(ring) = self.ring(app) {
            ring.erase(who);
        }
    }

    fn run(&self, errand: Errand) -> Errand {
        let task = tokio::spawn(errand);
        Box::pin(async {
            // Nobody aborts it, but for the process when it ends.
            if let Err(Ok(panic)) = task.await.map_err(JoinError::try_into_panic) {
                std::panic::resume_unwind(panic);
            }
        })
    }
}
