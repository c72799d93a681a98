//! What a running server does when nobody asks it anything.

use std::sync::Arc;
use std::time::Duration;

use domain::{Context, log, presence};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::http::Server;
use crate::{observe, reconcile};

/// How often the log is counted, and what the histograms have collected is moved out of the way of
/// new values.
const METRICS_EVERY: Duration = Duration::from_secs(5);
/// How often the log is searched for what is older than the retention. A search reads each room
/// that has something old, so this is not for every second.
const RETIRE_EVERY: Duration = Duration::from_secs(3_600);
/// How long to wait between two steps of a search: requests come first.
const RETIRE_PAUSE: Duration = Duration::from_millis(20);

/// How often calls of which nothing was heard for too long are looked for.
const IDLE_EVERY: Duration = Duration::from_secs(60);

/// Begins it; it ends when the handles are aborted.
pub(crate) fn start(server: &Arc<Server>) -> Vec<JoinHandle<()>> {
    let mut tasks = reconcile::start(server);
    tasks.push(tokio::spawn(tidy_metrics(server.clone())));
    tasks.push(tokio::spawn(retire_all(server.clone())));
    if server.ctx.settings.idle_close_minutes.is_some() {
        tasks.push(tokio::spawn(close_idle(server.clone())));
    }
    tasks
}

async fn tidy_metrics(server: Arc<Server>) {
    let mut every = tokio::time::interval(METRICS_EVERY);
    loop {
        every.tick().await;
        match server.ctx.store.log_figures().await {
            Ok(figures) => observe::log_figures(figures),
            Err(error) => {
                tracing::error!(cause = observe::chain(&error), "the log could not be counted");
            }
        }
        server.metrics.run_upkeep();
    }
}

async fn retire_all(server: Arc<Server>) {
    let mut every = tokio::time::interval(RETIRE_EVERY);
    loop {
        every.tick().await;
        if let Err(error) = retire(&server.ctx).await {
            tracing::error!(cause = observe::chain(&error), "what is old could not be removed");
        }
        if let Err(error) = forget(&server.ctx).await {
            let cause = observe::chain(&error);
            tracing::error!(cause, "who was seen long ago could not be forgotten");
        }
    }
}

async fn close_idle(server: Arc<Server>) {
    let mut every = tokio::time::interval(IDLE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        loop {
            match log::idle::close(&server.ctx).await {
                Ok(step) => {
                    observe::closed_idle(step.calls);
                    if !step.more {
                        break;
                    }
                }
                Err(error) => {
                    let cause = observe::chain(&error);
                    tracing::error!(cause, "calls without any event could not be closed");
                    break;
                }
            }
        }
    }
}

/// What was seen too long ago is forgotten, to the end.
async fn forget(ctx: &Context) -> domain::Result<()> {
    let mut from = None;
    loop {
        let step = presence::retire(ctx, from.as_deref()).await?;
        observe::forgotten(step.connections);
        from = step.next;
        if from.is_none() {
            return Ok(());
        }
        tokio::time::sleep(RETIRE_PAUSE).await;
    }
}

/// One search, to its end.
async fn retire(ctx: &Context) -> domain::Result<()> {
    loop {
        let step = log::retire(ctx).await?;
        observe::retired(step.stays, step.events, step.dead_letters);
        if !step.more {
            break;
        }
        tokio::time::sleep(RETIRE_PAUSE).await;
    }
    for app in ctx.apps.iter() {
        let before_unix_us = ctx.retention_start_unix_us();
        ctx.store.retire_broadcasts(app.id, before_unix_us).await?;
    }
    Ok(())
}
