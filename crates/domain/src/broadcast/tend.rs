//! What an operator may do about broadcasts: look, retry, cancel.

use super::{Broadcast, Progress};
use crate::clock::Clock;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::AppId;
use crate::log::query::PAGE_LEN_MAX;
use crate::store::Store;
use crate::witness::see_through;

/// How often a change is tried while the job goes on meanwhile.
const TRIES_MAX: usize = 64;

/// What became of a wish about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tended {
    /// It is so.
    Done(Box<Broadcast>),
    /// It cannot be: this is how the job stands.
    NotNow(Box<Broadcast>),
    /// There is no such job.
    NotFound,
}

/// The broadcast of this id.
pub async fn find(ctx: &Context, app: AppId, id: u64) -> Result<Option<Broadcast>> {
    ctx.store.find_broadcast(app, id).await
}

/// The oldest broadcasts of an app, or those behind one of them; [`PAGE_LEN_MAX`] at most.
pub async fn list(
    ctx: &Context,
    app: AppId,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Broadcast>> {
    ctx.store.list_broadcasts(app, after, limit.min(PAGE_LEN_MAX)).await
}

/// Has a job go on at its place, at once.
pub async fn retry(ctx: &Context, app: AppId, id: u64) -> Result<Tended> {
    let (store, clock) = (ctx.store.clone(), ctx.clock.clone());
    let witness = ctx.witness.clone();
    let tended = see_through(&ctx.witness, async move {
        let tended = change(&*store, &*clock, (app, id), Progress::retried).await?;
        if matches!(tended, Tended::Done(_)) {
            witness.retried_broadcast(app, id);
        }
        Ok(tended)
    });
    tended.await
}

/// Ends a job.
pub async fn cancel(ctx: &Context, app: AppId, id: u64) -> Result<Tended> {
    change(&*ctx.store, &*ctx.clock, (app, id), Progress::cancelled).await
}

async fn change(
    store: &dyn Store,
    clock: &dyn Clock,
    (app, id): (AppId, u64),
    wish: impl Fn(&Progress, i64) -> Option<Progress>,
) -> Result<Tended> {
    for _ in 0..TRIES_MAX {
        let Some(job) = store.find_broadcast(app, id).await? else {
            return Ok(Tended::NotFound);
        };
        let Some(progress) = wish(&job.progress, clock.now_unix_us()) else {
            return Ok(Tended::NotNow(Box::new(job)));
        };
        if store.save_progress(app, id, progress.clone()).await? {
            return Ok(Tended::Done(Box::new(Broadcast { progress, ..job })));
        }
    }
    Err(Error::Busy)
}
