//! Finishing what dead servers left half done. Every server does it, for all.

use std::sync::{Arc, Weak};
use std::time::Duration;

use domain::clock::{Clock, SystemClock};
use domain::error::{Error, Result};
use futures::stream::{StreamExt, iter};
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
        if finish_all(log, cluster, slot).await? {
            unfinished::forget(cluster, slot).await?;
        }
    }
    Ok(())
}

/// Whether all is finished that was begun in a minute.
async fn finish_all(log: &Arc<Log>, cluster: &Arc<Cluster>, slot: i64) -> Result<bool> {
    let (mut is_all, mut from) = (true, None);
    loop {
        let (some, next) = unfinished::page(cluster, slot, from).await?;
        let finish = some.into_iter().map(|it| async move { finish(log, cluster, it?).await });
        let mut finished = iter(finish).buffer_unordered(ROOMS_ABREAST);
        while let Some(outcome) = finished.next().await {
            is_all &= goes_on(outcome)?.is_some();
        }
        from = next;
        if from.is_none() {
            return Ok(is_all);
        }
    }
}

/// What was done, or `None` if it failed in a way that says nothing of the next one: whoever has
/// more to do warns and goes on, so that one damaged row does not keep them from all others.
///
/// # Errors
///
/// Those of a ring that is away or busy, which would meet the next one too.
pub(super) fn goes_on<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(error @ (Error::Unavailable(_) | Error::Busy)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "something of the log is passed over, and tried again later");
            Ok(None)
        }
    }
}

async fn finish(log: &Arc<Log>, cluster: &Arc<Cluster>, it: Unfinished) -> Result<()> {
    match it {
        Unfinished::Restarts(app, door) => restarted::finish(log, cluster, app, &door).await,
        Unfinished::Room(at) => {
            if room::is_unfinished(cluster, &at).await? {
                // Whoever reads a room finishes it first.
                waiting::ask(log, cluster, &at, vec![Ask::Fold]).await?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassandra::fault::{Damage, Fault};

    #[test]
    fn a_damaged_row_is_passed_over() {
        let damaged = Fault::damaged("room_log", Damage::Encoding);
        assert!(matches!(goes_on::<()>(Err(damaged.into())), Ok(None)));
        assert!(matches!(goes_on(Ok(7)), Ok(Some(7))));
    }

    #[test]
    fn a_ring_that_is_away_or_busy_ends_the_work() {
        assert!(matches!(goes_on::<()>(Err(Fault::Unknown.into())), Err(Error::Unavailable(_))));
        assert!(matches!(goes_on::<()>(Err(Fault::Busy.into())), Err(Error::Busy)));
    }
}
