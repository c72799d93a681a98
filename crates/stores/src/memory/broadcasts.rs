//! Broadcasts, in maps.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use domain::AppId;
use domain::broadcast::ledger::Entry;
use domain::broadcast::{
    Added, Broadcast, Broadcasts, Ledger, Message, Open, Progress, Quota, Refusal,
};
use domain::error::Result;

use super::{Memory, lock};

/// Those of all apps.
#[derive(Default)]
pub(super) struct Jobs(HashMap<AppId, OfApp>);

#[derive(Default)]
struct OfApp {
    ledger: Ledger,
    jobs: BTreeMap<u64, Broadcast>,
}

/// The ledgers of all apps, in the order of the apps.
pub(super) fn ledgers(all: &Jobs) -> Vec<(AppId, Ledger)> {
    let mut ledgers: Vec<_> =
        all.0.iter().map(|(app, of_app)| (*app, of_app.ledger.clone())).collect();
    ledgers.sort_by_key(|(app, _)| *app);
    ledgers
}

/// Keeps broadcasts as they are, and a ledger.
pub(super) fn put(all: &mut Jobs, app: AppId, ledger: Ledger, broadcasts: Vec<Broadcast>) {
    let of_app = all.0.entry(app).or_default();
    of_app.ledger = ledger;
    of_app.jobs.extend(broadcasts.into_iter().map(|job| (job.id, job)));
}

#[async_trait]
impl Broadcasts for Memory {
    async fn add_broadcast(
        &self,
        app: AppId,
        message: Message,
        quota: Option<Quota>,
    ) -> Result<Added> {
        let mut all = lock(&self.jobs);
        let OfApp { ledger, jobs } = all.0.entry(app).or_default();
        Ok(match ledger.enter(&message.action, message.created_unix_us, quota) {
            Entry::Made { id, gone } => {
                jobs.retain(|id, _| !gone.contains(id));
                let progress = Progress::new(message.created_unix_us);
                jobs.insert(id, Broadcast { app, id, message, progress });
                Added::Yes(id)
            }
            Entry::OverQuota => Added::OverQuota,
            Entry::TooManyOpen => Added::TooManyOpen,
        })
    }

    async fn find_broadcast(&self, app: AppId, id: u64) -> Result<Option<Broadcast>> {
        Ok(lock(&self.jobs).0.get(&app).and_then(|of_app| of_app.jobs.get(&id).cloned()))
    }

    async fn list_broadcasts(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Broadcast>> {
        let all = lock(&self.jobs);
        let jobs = all.0.get(&app).into_iter().flat_map(|of_app| &of_app.jobs);
        let behind = jobs.filter(|(id, _)| after.is_none_or(|after| **id > after));
        Ok(behind.take(limit as usize).map(|(_, job)| job.clone()).collect())
    }

    async fn open_broadcasts(&self, app: AppId) -> Result<Open> {
        Ok(lock(&self.jobs).0.get(&app).map(|of_app| of_app.ledger.open()).unwrap_or_default())
    }

    async fn save_progress(&self, app: AppId, id: u64, progress: Progress) -> Result<bool> {
        let mut all = lock(&self.jobs);
        let Some(OfApp { ledger, jobs }) = all.0.get_mut(&app) else { return Ok(false) };
        let Some(job) = jobs.get_mut(&id) else { return Ok(false) };
        if job.progress.version.checked_add(1) == Some(progress.version) {
            ledger.note(id, progress.is_over());
            job.progress = progress;
            return Ok(true);
        }
        Ok(job.progress == progress)
    }

    /// What is in memory is not damaged.
    async fn give_up_damaged(&self, _: AppId, _: u64, _: Refusal, _: i64) -> Result<bool> {
        Ok(false)
    }

    async fn retire_broadcasts(&self, app: AppId, before_unix_us: i64) -> Result<u64> {
        let mut all = lock(&self.jobs);
        let Some(OfApp { ledger, jobs }) = all.0.get_mut(&app) else { return Ok(0) };
        let is_old = |id: &u64| jobs[id].progress.changed_unix_us < before_unix_us;
        let gone: Vec<u64> = ledger.over().filter(is_old).collect();
        ledger.remove(&gone);
        jobs.retain(|id, _| !gone.contains(id));
        Ok(gone.len() as u64)
    }

    fn is_shared(&self) -> bool {
        false
    }
}
