//! Finishing what dead servers left half done. Every server does it, for all.

use std::sync::{Arc, Weak};
use std::time::Duration;

use domain::clock::{Clock, SystemClock};
use domain::error::Result;
use futures::stream::{StreamExt, TryStreamExt, iter};
use tokio::time::sleep;

use super::state::Ask;
use super::unfinished::{self, Unfinished};
use super::{Log, restarted, room, waiting};
use crate::cassandra::cluster::Cluster;
use crate::cassandra::session::Connection;

const MINUTE: Duration = Duration::from_secs(60);

/// How many rooms are looked at at once.
const ROOMS_ABREAST: usize = 16;

/// Sweeps at once and then every minute, for as long as the store is there.
pub(in crate::cassandra) async fn sweep_every_minute(log: Weak<Log>, connection: Weak<Connection>) {
    loop {
        {
            let (Some(log), Some(connection)) = (log.upgrade(), connection.upgrade()) else {
                return;
            };
            if let Ok(cluster) = connection.cluster()
                && let Err(error) = sweep(&log, &cluster, SystemClock.now_unix_us()).await
            {
                tracing::debug!(%error, "what dead servers left is looked at again in a minute");
            }
        }
        sleep(MINUTE).await;
    }
}

/// Finishes what was begun in the minutes that are well over.
pub(in crate::cassandra) async fn sweep(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    now_unix_us: i64,
) -> Result<()> {
    for slot in unfinished::slots(cluster, now_unix_us).await? {
        let mut from = None;
        loop {
            let (some, next) = unfinished::page(cluster, slot, from).await?;
            let finish = some.into_iter().map(|it| finish(log, cluster, it));
            iter(finish).buffer_unordered(ROOMS_ABREAST).try_collect::<()>().await?;
            from = next;
            if from.is_none() {
                break;
            }
        }
        unfinished::forget(cluster, slot).await?;
    }
    Ok(())
}

async fn finish(log: &Arc<Log>, cluster: &Arc<Cluster>, it: Unfinished) -> Result<()> {
    match it {
        Unfinished::Restarts(app, door) => restarted::finish(log, cluster, app, &door).await,
        Unfinished::Room(at) => {
            if room::has_todo(cluster, &at).await? {
                // Whoever reads a room finishes it first.
                waiting::ask(log, cluster, &at, vec![Ask::Fold]).await?;
            }
            Ok(())
        }
    }
}
