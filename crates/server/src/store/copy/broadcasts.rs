//! Broadcasts, app by app: as they are, with their ids and what counts against quotas.
//!
//! One that is under way knows how far it has come as a place among the users of its store. A store
//! of another kind has another order, so there it begins anew, and who was reached already is
//! reached again. Where servers still work at the source, what is under way is carried as
//! cancelled if the command says so. One that is damaged is left out, and named.

use std::collections::BTreeSet;

use anyhow::ensure;
use domain::AppId;
use domain::broadcast::{Broadcast, Ledger, Progress as HowFar, Refusal};
use domain::store::Walk;

use super::Copy;
use crate::note;
use crate::progress::Progress;

/// How many apps' ledgers are read at a time.
const LEDGERS_OF_A_STEP: u32 = 16;
/// How many broadcasts are copied at a time: each may have a quarter of a MiB.
const BROADCASTS_OF_A_STEP: u32 = 8;

/// Why one is cancelled in the target, for whoever looks at it there.
const CANCELLED: &str = "it was under way when the store was copied, and was left to the source";

/// As it is cancelled in the target: at the time of its last change, since it is compared later.
fn cancelled(job: &HowFar) -> Option<HowFar> {
    let cancelled = job.cancelled(job.changed_unix_us)?;
    let refusal = Refusal { status: None, reason: CANCELLED.to_owned() };
    Some(HowFar { refusal: Some(refusal), ..cancelled })
}

impl Copy {
    /// What becomes of one in the target.
    fn moved(&self, mut job: Broadcast) -> Broadcast {
        if self.state.cancels_broadcasts
            && let Some(cancelled) = cancelled(&job.progress)
        {
            job.progress = cancelled;
        }
        if !self.keeps_places {
            job.progress = job.progress.begun_anew();
        }
        job
    }

    /// What becomes of a ledger in the target.
    fn moved_ledger(&self, mut ledger: Ledger) -> Ledger {
        if self.state.cancels_broadcasts {
            for id in ledger.open().ids {
                ledger.note(id, true);
            }
        }
        ledger
    }

    /// Says what becomes of those that are not over, while nothing is copied yet.
    pub(super) async fn announce_broadcasts(&self) -> anyhow::Result<()> {
        let (mut open, mut halfway, mut from) = (0_u64, 0_u64, None);
        loop {
            let walk = async || self.from.walk_ledgers(from.as_deref(), LEDGERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            for (app, _) in step.found {
                let mut after = None;
                loop {
                    let jobs = self.broadcasts_behind(&*self.from, app, after).await?;
                    let Some(last) = jobs.last() else { break };
                    after = Some(last.id);
                    let all = || jobs.iter().map(|job| &job.progress);
                    open += all().filter(|job| !job.is_over()).count() as u64;
                    halfway += all().filter(|job| job.is_halfway()).count() as u64;
                }
            }
            match step.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        match (open, self.state.cancels_broadcasts) {
            (0, _) => {}
            (_, true) => note(&format!(
                "{open} broadcasts are under way. In the target they are cancelled: who works at \
                 the source ends them, or whowas broadcast retry has them go on in the target."
            )),
            (_, false) => note(&format!(
                "{open} broadcasts are under way. They go on in the target: if a server goes on \
                 with the source as well, they are delivered twice. To prevent that: \
                 --cancel-broadcasts."
            )),
        }
        if halfway > 0 && !self.keeps_places {
            note(&format!(
                "{halfway} broadcasts have reached some of their users. In the target they begin \
                 anew, by themselves or when they are retried, since it has its users in another \
                 order: who was reached is reached again."
            ));
        }
        Ok(())
    }

    pub(super) async fn carry_broadcasts(&mut self) -> anyhow::Result<()> {
        let mut progress = Progress::start("broadcasts", 0, None);
        let mut from = self.state.next()?;
        loop {
            let walk = async || self.from.walk_ledgers(from.as_deref(), LEDGERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            for (app, ledger) in step.found {
                self.state.apps.insert(app.0);
                self.carry_broadcasts_of(app, ledger, &mut progress).await?;
            }
            let Some(next) = step.next else { return Ok(()) };
            self.state.set_next(Some(&next));
            self.file.save(&self.state)?;
            from = Some(next);
        }
    }

    async fn carry_broadcasts_of(
        &self,
        app: AppId,
        ledger: Ledger,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        let mut ledger = self.moved_ledger(ledger);
        let (mut after, mut seen) = (None, BTreeSet::new());
        loop {
            let jobs = self.broadcasts_behind(&*self.from, app, after).await?;
            let Some(last) = jobs.last() else { break };
            after = Some(last.id);
            progress.add(jobs.len());
            seen.extend(jobs.iter().map(|job| job.id));
            let jobs: Vec<Broadcast> = jobs.into_iter().map(|job| self.moved(job)).collect();
            let put = async || self.to.put_broadcasts(app, ledger.clone(), jobs.clone()).await;
            self.patiently(put).await?;
        }
        let damaged = leave_out_unseen(&mut ledger, &seen);
        if damaged > 0 {
            note(&format!("{damaged} broadcasts of app {app} cannot be read, and are left out."));
        }
        let put = async || self.to.put_broadcasts(app, ledger.clone(), vec![]).await;
        self.patiently(put).await
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

    async fn compare_broadcasts_of(&self, app: AppId, ledger: Ledger) -> anyhow::Result<u64> {
        let mut ledger = self.moved_ledger(ledger);
        let (mut after, mut seen) = (None, BTreeSet::new());
        loop {
            let there = self.broadcasts_behind(&*self.from, app, after).await?;
            let here = self.broadcasts_behind(&*self.to, app, after).await?;
            let there = there.into_iter().map(|job| self.moved(job));
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
