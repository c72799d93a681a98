//! Sends one batch until the server has acknowledged it. A repeat is harmless: what is there
//! already are duplicates.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::lines::Batch;
use super::progress::Notes;
use crate::remote::{Remote, Taken, Trouble};

/// How long to wait before the first repeat; before each further one twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(200);
/// How long to wait before a repeat, at most.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What every batch needs to be sent.
#[derive(Clone)]
pub(super) struct Sending {
    pub(super) remote: Remote,
    /// How long a batch is sent again and again.
    pub(super) retry_for: Duration,
    /// True once no repeat is wanted any more.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) notes: Notes,
}

/// A batch, and what became of it.
pub(super) struct Sent {
    /// Its place among the batches.
    pub(super) number: u64,
    pub(super) batch: Batch,
    pub(super) taken: Result<Taken, Trouble>,
}

impl Sending {
    pub(super) async fn send(mut self, number: u64, batch: Batch) -> Sent {
        let nothing = Taken { accepted: 0, duplicates: 0, expired: 0, errors: vec![] };
        let taken = match batch.events.is_empty() {
            true => Ok(nothing),
            false => self.insist(&batch).await,
        };
        Sent { number, batch, taken }
    }

    async fn insist(&mut self, batch: &Batch) -> Result<Taken, Trouble> {
        let began = Instant::now();
        let mut wait = WAIT_FIRST;
        loop {
            let reason = match self.remote.send(batch.body.clone()).await {
                Err(Trouble::Again(reason)) => reason,
                taken => return taken,
            };
            if began.elapsed() + wait > self.retry_for || *self.stopping.borrow() {
                return Err(Trouble::Again(reason));
            }
            if wait == WAIT_FIRST {
                self.notes.say(&format!("{reason}; trying again."));
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = self.stopping.wait_for(|stopping| *stopping) => {}
            }
            wait = (wait * 2).min(WAIT_MAX);
        }
    }
}
