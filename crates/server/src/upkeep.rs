//! What a running server does when nobody asks it anything.

use std::sync::Arc;
use std::time::Duration;

use domain::{Context, log};
use tokio::task::JoinHandle;

use crate::http::Server;
use crate::{observe, reconcile};

/// How often what the histograms have collected is moved out of the way of new values.
const METRICS_EVERY: Duration = Duration::from_secs(5);
/// How often the log is searched for what is older than the retention. A search reads each room
/// that has something old, so this is not for every second.
const RETIRE_EVERY: Duration = Duration::from_secs(3_600);
/// How long to wait between two steps of a search: requests come first.
const RETIRE_PAUSE: Duration = Duration::from_millis(20);

/// Begins it; it ends when the handles are aborted.
pub(crate) fn start(server: &Arc<Server>) -> Vec<JoinHandle<()>> {
    let mut tasks = reconcile::start(server);
    tasks.push(tokio::spawn(tidy_metrics(server.clone())));
    tasks.push(tokio::spawn(retire_all(server.clone())));
    tasks
}

async fn tidy_metrics(server: Arc<Server>) {
    let mut every = tokio::time::interval(METRICS_EVERY);
    loop {
        every.tick().await;
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
    }
}

/// One search, to its end.
async fn retire(ctx: &Context) -> domain::Result<()> {
    loop {
        let step = log::retire(ctx).await?;
        observe::retired(step.stays, step.events);
        if !step.more {
            return Ok(());
        }
        tokio::time::sleep(RETIRE_PAUSE).await;
    }
}
