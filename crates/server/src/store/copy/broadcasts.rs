//! Broadcasts, app by app: as they are, with their ids and what counts against quotas.
//!
//! One that is under way knows how far it has come as a place among the users of its store. A store
//! of another kind has another order, so there it begins anew, and who was reached already is
//! reached again. One that is damaged is left out, and named.

use std::collections::BTreeSet;

use anyhow::ensure;
use domain::AppId;
use domain::broadcast::{Broadcast, Ledger};
use domain::store::Walk;

use super::Copy;
use super::progress::Progress;
use crate::note;

/// How many apps' ledgers are read at a time.
const LEDGERS_OF_A_STEP: u32 = 16;
/// How many broadcasts are copied at a time: each may have a quarter of a MiB.
const BROADCASTS_OF_A_STEP: u32 = 8;

/// What becomes of one that goes on from a place that the target does not know.
fn moved(job: Broadcast, keeps_places: bool) -> Broadcast {
    match keeps_places {
        true => job,
        false => Broadcast { progress: job.progress.begun_anew(), ..job },
    }
}

impl Copy {
    pub(super) async fn carry_broadcasts(&mut self) -> anyhow::Result<()> {
        let mut progress = Progress::start("broadcasts", 0, None);
        let (mut from, mut begins_anew) = (self.state.next()?, 0);
        loop {
            let walk = async || self.from.walk_ledgers(from.as_deref(), LEDGERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            for (app, ledger) in step.found {
                self.state.apps.insert(app.0);
                begins_anew += self.carry_broadcasts_of(app, ledger, &mut progress).await?;
            }
            let Some(next) = step.next else { break };
            self.state.set_next(Some(&next));
            self.file.save(&self.state)?;
            from = Some(next);
        }
        if begins_anew > 0 {
            note(&format!(
                "{begins_anew} broadcasts were under way. They begin anew, since the target has its \
                 users in another order: who was reached is reached again. To prevent that: \
                 whowas broadcast cancel, before the copy."
            ));
        }
        Ok(())
    }

    /// Copies those of an app, and tells how many begin anew that had begun.
    async fn carry_broadcasts_of(
        &self,
        app: AppId,
        mut ledger: Ledger,
        progress: &mut Progress,
    ) -> anyhow::Result<u64> {
        let (mut after, mut begins_anew, mut seen) = (None, 0, BTreeSet::new());
        loop {
            let jobs = self.broadcasts_behind(&*self.from, app, after).await?;
            let Some(last) = jobs.last() else { break };
            after = Some(last.id);
            progress.add(jobs.len());
            seen.extend(jobs.iter().map(|job| job.id));
            let has_begun = |job: &&Broadcast| !job.progress.is_over() && job.progress.users > 0;
            if !self.keeps_places {
                begins_anew += jobs.iter().filter(has_begun).count() as u64;
            }
            let jobs: Vec<Broadcast> =
                jobs.into_iter().map(|job| moved(job, self.keeps_places)).collect();
            let put = async || self.to.put_broadcasts(app, ledger.clone(), jobs.clone()).await;
            self.patiently(put).await?;
        }
        let damaged = leave_out_unseen(&mut ledger, &seen);
        if damaged > 0 {
            note(&format!("{damaged} broadcasts of app {app} cannot be read, and are left out."));
        }
        let put = async || self.to.put_broadcasts(app, ledger.clone(), vec![]).await;
        self.patiently(put).await?;
        Ok(begins_anew)
    }

    async fn broadcasts_behind(
        &self,
        store: &dyn Walk,
        app: AppId,
        after: Option<u64>,
    ) -> anyhow::Result<Vec<Broadcast>> {
        let list = async || store.list_broadcasts(app, after, BROADCASTS_OF_A_STEP).await;
        self.patiently(list).await
    }

    /// Compares those of every app, and tells how many there are.
    pub(super) async fn compare_broadcasts(&self) -> anyhow::Result<u64> {
        let (mut count, mut from) = (0, None);
        loop {
            let walk = async || self.from.walk_ledgers(from.as_deref(), LEDGERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            for (app, ledger) in step.found {
                count += self.compare_broadcasts_of(app, ledger).await?;
            }
            match step.next {
                Some(next) => from = Some(next),
                None => return Ok(count),
            }
        }
    }

    async fn compare_broadcasts_of(&self, app: AppId, mut ledger: Ledger) -> anyhow::Result<u64> {
        let (mut after, mut seen) = (None, BTreeSet::new());
        loop {
            let there = self.broadcasts_behind(&*self.from, app, after).await?;
            let here = self.broadcasts_behind(&*self.to, app, after).await?;
            let there = there.into_iter().map(|job| moved(job, self.keeps_places));
            ensure!(there.eq(here.iter().cloned()), "the broadcasts of app {app} differ");
            seen.extend(here.iter().map(|job| job.id));
            let Some(last) = here.last() else { break };
            after = Some(last.id);
        }
        leave_out_unseen(&mut ledger, &seen);
        let same = self.ledger_here(app).await? == Some(ledger);
        ensure!(same, "what counts against the quotas of app {app} differs");
        Ok(seen.len() as u64)
    }

    async fn ledger_here(&self, app: AppId) -> anyhow::Result<Option<Ledger>> {
        let mut from = None;
        loop {
            let walk = async || self.to.walk_ledgers(from.as_deref(), LEDGERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            if let Some((_, ledger)) = step.found.into_iter().find(|(other, _)| *other == app) {
                return Ok(Some(ledger));
            }
            match step.next {
                Some(next) => from = Some(next),
                None => return Ok(None),
            }
        }
    }
}

/// Strikes out those that no list showed, and tells how many there were.
fn leave_out_unseen(ledger: &mut Ledger, seen: &BTreeSet<u64>) -> usize {
    let unseen: Vec<u64> = ledger.behind(None).filter(|id| !seen.contains(id)).collect();
    ledger.remove(&unseen);
    unseen.len()
}
