//! The work at one app's broadcasts: one delivery after the other, the jobs in turns.

use std::time::Duration;

use domain::broadcast::{Broadcast, Next, Progress, Refusal, State, Worker, find_batch, next};
use domain::clock::whole_second;
use domain::{AppId, Context, Error};
use tokio::sync::watch;

use super::receiver::Receives;
use super::webhook::Webhook;
use crate::feed::Feed;
use crate::observe;

/// How many batches of a job are delivered before it is the next one's turn.
const TURN_BATCHES: usize = 16;
/// How often is looked for jobs that other servers accepted, or left.
const LOOK_SHARED: Duration = Duration::from_secs(5);
/// How often is looked for jobs where nobody else can have accepted any.
const LOOK_ALONE: Duration = Duration::from_secs(60);
/// How long to wait when the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait when a job could not be read or written.
const FAILED_PAUSE: Duration = Duration::from_secs(5);

/// The work at one app's broadcasts.
pub(super) struct Work<'a, R> {
    pub(super) ctx: &'a Context,
    /// Tells when there is something new, and is told what others accepted.
    pub(super) feed: &'a Feed,
    pub(super) app: AppId,
    /// Where they go; `None` if the config names nobody.
    pub(super) receiver: Option<&'a R>,
    pub(super) worker: Worker,
}

/// What a job's turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing more is to do.
    Over,
    /// There is more to do now.
    More,
    /// There is more to do from this instant on.
    NotBefore(i64),
}

impl<R: Receives> Work<'_, R> {
    /// Works until it is told to stop, or whoever tells is gone.
    pub(super) async fn run(&self, mut stopping: watch::Receiver<()>) {
        let Some(bell) = self.feed.bell(self.app) else { return };
        loop {
            let pause = match self.round(&stopping).await {
                Ok(pause) => pause,
                Err(error) => {
                    let (app, cause) = (self.app.0, observe::chain(&error));
                    tracing::error!(app, cause, "broadcasts could not be worked on");
                    Some(STORE_PAUSE)
                }
            };
            if is_over(&stopping) {
                return;
            }
            let Some(pause) = pause else {
                // Others of this thread come first.
                tokio::task::yield_now().await;
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = bell.notified() => {}
                _ = stopping.changed() => return,
            }
        }
    }

    /// Each job's turn; tells how long to wait then, if nothing is to do now.
    async fn round(&self, stopping: &watch::Receiver<()>) -> domain::Result<Option<Duration>> {
        let open = self.ctx.store.open_broadcasts(self.app).await?;
        self.feed.catch_up(self.ctx, self.app, open.last_id).await?;
        Ok(self.turns(open.ids, stopping, |id| self.turn(id, stopping)).await)
    }

    /// The turns of these jobs; one that fails holds up no other.
    pub(super) async fn turns<F>(
        &self,
        ids: Vec<u64>,
        stopping: &watch::Receiver<()>,
        turn: impl Fn(u64) -> F,
    ) -> Option<Duration>
    where
        F: Future<Output = domain::Result<Turn>>,
    {
        let look = if self.worker.has_peers { LOOK_SHARED } else { LOOK_ALONE };
        let mut pause = Some(look);
        for id in ids {
            match turn(id).await {
                Ok(Turn::Over) => {}
                Ok(Turn::More) => pause = None,
                Ok(Turn::NotBefore(unix_us)) => {
                    let wait = unix_us.saturating_sub(self.ctx.clock.now_unix_us()).max(0);
                    let wait = Duration::from_micros(wait.cast_unsigned());
                    pause = pause.map(|pause| pause.min(wait));
                }
                Err(error) => {
                    let (app, cause) = (self.app.0, observe::chain(&error));
                    tracing::error!(app, id, cause, "a broadcast could not be worked on");
                    pause = pause.map(|pause| pause.min(FAILED_PAUSE));
                }
            }
            if is_over(stopping) {
                break;
            }
        }
        pause
    }

    /// Some batches of a job.
    async fn turn(&self, id: u64, stopping: &watch::Receiver<()>) -> domain::Result<Turn> {
        let mut job = match self.ctx.store.find_broadcast(self.app, id).await {
            Ok(Some(job)) => job,
            Ok(None) => return Ok(Turn::Over),
            Err(error) => return self.set_aside(id, error).await,
        };
        for _ in 0..TURN_BATCHES {
            let now_unix_us = self.ctx.clock.now_unix_us();
            let progress = match (next(&job, self.worker, now_unix_us), self.receiver) {
                (Next::Nothing, _) => return Ok(Turn::Over),
                (Next::NotBefore(unix_us), _) => return Ok(Turn::NotBefore(unix_us)),
                (Next::Expire, _) => job.progress.expired(now_unix_us),
                (Next::Deliver, None) => job.progress.failed(nobody(), now_unix_us),
                (Next::Deliver, Some(receiver)) => {
                    if !self.claim(&mut job, now_unix_us).await? {
                        return Ok(Turn::More);
                    }
                    self.deliver(&job, receiver).await?
                }
            };
            // If somebody changed it meanwhile, the next turn sees what they made of it.
            if !self.save(&mut job, progress).await? {
                return Ok(Turn::More);
            }
            if is_over(stopping) {
                return self.leave(&mut job).await;
            }
        }
        Ok(Turn::More)
    }

    /// Ends a job that cannot be read, if that is because it is damaged: it would be the next time,
    /// too.
    async fn set_aside(&self, id: u64, error: Error) -> domain::Result<Turn> {
        let Error::Engine(_) = error else { return Err(error) };
        let reason = "what is kept of the broadcast is damaged".to_owned();
        let (store, now_unix_us) = (&self.ctx.store, self.ctx.clock.now_unix_us());
        let refusal = Refusal { status: None, reason };
        if !store.give_up_damaged(self.app, id, refusal, now_unix_us).await? {
            return Err(error);
        }
        let (app, state, cause) = (self.app.0, State::Failed.name(), observe::chain(&error));
        observe::broadcast_over(state);
        tracing::error!(app, id, state, cause, "a broadcast is damaged, and is over");
        Ok(Turn::Over)
    }

    /// Makes sure that this server works on it, and no other.
    async fn claim(&self, job: &mut Broadcast, now_unix_us: i64) -> domain::Result<bool> {
        if let State::Running(lease) = job.progress.state
            && lease.holder == self.worker.id
        {
            return Ok(true);
        }
        let claimed = job.progress.claimed(self.worker, now_unix_us);
        self.save(job, claimed).await
    }

    /// Leaves a job to whoever is next.
    async fn leave(&self, job: &mut Broadcast) -> domain::Result<Turn> {
        if matches!(job.progress.state, State::Running(_)) {
            let released = job.progress.released(self.ctx.clock.now_unix_us());
            self.save(job, released).await?;
        }
        Ok(Turn::Over)
    }

    async fn save(&self, job: &mut Broadcast, progress: Progress) -> domain::Result<bool> {
        let saved = self.ctx.store.save_progress(self.app, job.id, progress.clone()).await?;
        if saved {
            tell(job, &progress);
            job.progress = progress;
        }
        Ok(saved)
    }

    /// Delivers the next batch, and tells what comes of it.
    async fn deliver(&self, job: &Broadcast, receiver: &R) -> domain::Result<Progress> {
        let batch = match find_batch(self.ctx, job).await {
            Ok(batch) => batch,
            Err(error) => return unread(job, error, self.ctx.clock.now_unix_us()),
        };
        let users = batch.users.len();
        let advanced = (batch.place, users);
        if users == 0 {
            let now_unix_us = self.ctx.clock.now_unix_us();
            return Ok(job.progress.advanced(advanced, self.worker, now_unix_us));
        }
        let webhook = Webhook::new(job, &batch.users);
        let sent_unix_s = whole_second(self.ctx.clock.now_unix_us());
        let taken = receiver.deliver(&webhook, sent_unix_s).await;
        let now_unix_us = self.ctx.clock.now_unix_us();
        observe::delivered(users, taken.is_ok());
        Ok(match taken {
            Ok(()) => job.progress.advanced(advanced, self.worker, now_unix_us),
            Err(refusal) => job.progress.refused(refusal, now_unix_us),
        })
    }
}

/// Whether it has been told, or whoever would tell is gone.
fn is_over(stopping: &watch::Receiver<()>) -> bool {
    !matches!(stopping.has_changed(), Ok(false))
}

fn nobody() -> Refusal {
    let reason = "the app has no broadcast_url: nothing was delivered".to_owned();
    Refusal { status: None, reason }
}

/// What becomes of a job whose next users cannot be read. If something is damaged there, it is the
/// next time, too, so that it is tried as often as a receiver who refuses; all else goes by.
pub(super) fn unread(job: &Broadcast, error: Error, now_unix_us: i64) -> domain::Result<Progress> {
    let Error::Engine(_) = error else { return Err(error) };
    let (app, id, cause) = (job.app.0, job.id, observe::chain(&error));
    tracing::error!(app, id, cause, "the users of a broadcast could not be read");
    let reason = "the users to deliver to could not be read from the store".to_owned();
    Ok(job.progress.refused(Refusal { status: None, reason }, now_unix_us))
}

/// Says in the log what became of a job.
fn tell(job: &Broadcast, after: &Progress) {
    let (app, id, users, failures) = (job.app.0, job.id, after.users, after.failures);
    let refusal = after.refusal.as_ref();
    let (status, reason) = (
        refusal.and_then(|it| it.status),
        refusal.map(|it| it.reason.as_str()).unwrap_or_default(),
    );
    if after.is_over() {
        let state = after.state.name();
        observe::broadcast_over(state);
        tracing::info!(app, id, state, users, status, reason, "a broadcast is over");
    } else if failures > job.progress.failures {
        tracing::warn!(app, id, users, failures, status, reason, "a delivery was not taken");
    }
}
