//! The one thread that writes.
//!
//! It takes what is waiting, applies it in one transaction, commits once, which syncs, and only
//! then answers everybody. A change waits for at most the group before its own. What happens on
//! failure:
//!
//! - Applying fails: nothing of the group is written, everybody in it is told, the next group is
//!   tried as if nothing had been.
//! - The commit finds no room in the map or on the disk: the same. LMDB never writes over a page
//!   that the last commit needs, so what it wrote of this group is never looked at.
//! - The commit fails in any other way: what the disk holds is unknown, so this thread answers
//!   [`Error::Stopped`] from then on and writes nothing more. It never tries again: a second sync
//!   that succeeds proves nothing about what the first one lost.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use domain::error::{Error, Result};

use super::change::Change;
use super::fault::{Fault, is_out_of_room};
use super::group;
use super::priority;
use super::recent::Recent;
use super::tables::Tables;
use super::transaction::{Env, Write};
use super::trays::{self, Trays, Work};

/// How many changes may wait; one more is [`Error::Busy`].
pub(super) const QUEUE_LEN_MAX: usize = 4_096;

/// How many bytes of changes may wait, unless it is a single one.
pub(super) const QUEUE_BYTES_MAX: usize = 64 << 20;

/// How many changes go into one transaction.
const GROUP_LEN_MAX: usize = 1_024;

/// How many bytes of changes go into one transaction, unless it is a single change.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// How many groups go by before it is looked whether somebody who read died: as long as nobody
/// looks, what was deleted since takes room for their sake.
const GROUPS_PER_SWEEP: u32 = 256;

/// For how long no change comes before users are moved out of trays for its own sake: far longer
/// than clients who wait for an answer take to ask again.
const IDLE_AFTER: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });

/// Hands changes to the thread. Dropping it lets the thread finish what is waiting, and waits for
/// that.
pub(super) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<SyncSender<Waiting>>,
    load: Arc<Load>,
    thread: Option<JoinHandle<()>>,
}

/// A change, and how much of the queue it takes.
struct Waiting {
    change: Change,
    bytes: usize,
}

/// What is waiting, and whether it waits in vain.
#[derive(Default)]
struct Load {
    stopped: AtomicBool,
    changes: AtomicUsize,
    bytes: AtomicUsize,
}

impl Load {
    /// Makes room for a change; `false` if there is none.
    fn admit(&self, bytes: usize) -> bool {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before > 0 && before + bytes > QUEUE_BYTES_MAX {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.show(self.changes.fetch_add(1, Ordering::Relaxed) + 1);
        true
    }

    fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.show(self.changes.fetch_sub(1, Ordering::Relaxed) - 1);
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric; the queue is far below 2^52")]
    fn show(&self, changes: usize) {
        metrics::gauge!("whowas_writer_queue").set(changes as f64);
    }
}

impl Writer {
    /// Starts the thread. `folder` is where it looks whether the disk is full.
    pub(super) fn start(
        env: Env,
        (tables, recent, trays): (Arc<Tables>, Arc<Recent>, Arc<Trays>),
        work: Work,
        folder: PathBuf,
    ) -> io::Result<Self> {
        let (queue, waiting) = mpsc::sync_channel(QUEUE_LEN_MAX);
        let load = Arc::new(Load::default());
        let load_of_group = Arc::clone(&load);
        let groups = Groups {
            env,
            tables,
            folder,
            recent,
            trays,
            work,
            waiting,
            load: load_of_group,
            next: None,
            is_idle: false,
            groups: 0,
        };
        let run = move || {
            priority::step_back();
            groups.run();
        };
        let thread = thread::Builder::new().name("whowas-writer".to_owned()).spawn(run)?;
        Ok(Self { queue: Some(queue), load, thread: Some(thread) })
    }

    /// Puts a change into the queue.
    pub(super) fn submit(&self, change: Change) -> Result<()> {
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        let bytes = change.bytes();
        if !self.load.admit(bytes) {
            return Err(Error::Busy);
        }
        queue.try_send(Waiting { change, bytes }).map_err(|refused| {
            self.load.release(bytes);
            match refused {
                TrySendError::Full(_) => Error::Busy,
                TrySendError::Disconnected(_) => Error::Stopped,
            }
        })
    }

    /// How many changes are in the queue.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.load.changes.load(Ordering::Relaxed)
    }

    /// Whether a change would be taken now. Whether it would find room on the disk, only trying
    /// tells.
    pub(super) fn ready(&self) -> Result<()> {
        if self.load.stopped.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        match self.load.changes.load(Ordering::Relaxed) < QUEUE_LEN_MAX {
            true => Ok(()),
            false => Err(Error::Busy),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer's thread panicked");
        }
    }
}

/// What the thread has.
struct Groups {
    env: Env,
    tables: Arc<Tables>,
    folder: PathBuf,
    recent: Arc<Recent>,
    trays: Arc<Trays>,
    work: Work,
    waiting: Receiver<Waiting>,
    load: Arc<Load>,
    /// Taken from the queue, but too large for the group before.
    next: Option<Waiting>,
    /// Nothing came for a while.
    is_idle: bool,
    /// How many groups went by since it was looked for readers that died.
    groups: u32,
}

/// Where a group failed.
enum Failure {
    /// Before the commit: nothing happened.
    Applying(Fault),
    /// In the commit.
    Committing(heed::Error),
}

impl Groups {
    fn run(mut self) {
        while let Some(mut group) = self.take() {
            let verdict = match self.write(&mut group) {
                Ok(()) => Ok(()),
                Err(Failure::Applying(fault)) => Err(fault.into()),
                Err(Failure::Committing(error)) => match self.is_only_full(&error) {
                    true => Err(Error::Full),
                    false => return self.stop(group, error),
                },
            };
            if verdict.is_err() {
                self.work.failed();
            }
            settle(group, &verdict);
            self.sweep();
        }
    }

    /// Frees now and then what is held for readers of other processes that died over a backup.
    fn sweep(&mut self) {
        self.groups += 1;
        if self.groups < GROUPS_PER_SWEEP {
            return;
        }
        self.groups = 0;
        match self.env.clear_stale_readers() {
            Ok(0) => {}
            Ok(readers) => tracing::info!(readers, "readers that died hold nothing any more"),
            Err(error) => tracing::warn!(%error, "nobody knows whether readers died"),
        }
    }

    /// The next change and those that wait behind it; no changes if none came for a while and there
    /// is something to do meanwhile; `None` when no more will come.
    fn take(&mut self) -> Option<Vec<Change>> {
        let first = match self.next.take() {
            Some(first) => first,
            None => match self.wait() {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => return Some(vec![]),
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        let mut bytes = first.bytes;
        self.load.release(first.bytes);
        let mut group = vec![first.change];
        while group.len() < GROUP_LEN_MAX
            && let Ok(waiting) = self.waiting.try_recv()
        {
            bytes += waiting.bytes;
            if bytes > GROUP_BYTES_MAX {
                self.next = Some(waiting);
                break;
            }
            self.load.release(waiting.bytes);
            group.push(waiting.change);
        }
        Some(group)
    }

    /// Waits for a change, and while users lie in trays not for long.
    fn wait(&mut self) -> Result<Waiting, RecvTimeoutError> {
        let patience = if self.is_idle { Duration::ZERO } else { IDLE_AFTER };
        let found = match self.work.is_untidy() {
            true => self.waiting.recv_timeout(patience),
            false => self.waiting.recv().map_err(RecvTimeoutError::from),
        };
        self.is_idle = matches!(found, Err(RecvTimeoutError::Timeout));
        found
    }

    #[expect(clippy::cast_precision_loss, reason = "a metric; a group is far below 2^52")]
    fn write(&mut self, group: &mut [Change]) -> Result<(), Failure> {
        if !group.is_empty() {
            metrics::histogram!("whowas_writer_group_size").record(group.len() as f64);
        }
        let _writing = self.recent.write();
        let txn = self.env.write_txn().map_err(|error| match error {
            // LMDB itself gave up, in a commit before.
            heed::Error::Mdb(heed::MdbError::Panic) => Failure::Committing(error),
            _ => Failure::Applying(error.into()),
        })?;
        let tables = &self.tables;
        let trays = trays::Group::begin(&self.trays, &mut self.work, (tables, &txn))
            .map_err(Failure::Applying)?;
        let (tally, census) = Default::default();
        let mut write = Write { tables, txn, tally, trays, census };
        group::apply(&mut write, group, &self.recent).map_err(Failure::Applying)?;
        // Measures, and decides nothing.
        let began = Instant::now();
        let (txn, progress) = write.end();
        txn.commit().map_err(Failure::Committing)?;
        metrics::histogram!("whowas_writer_commit_seconds").record(began.elapsed());
        trays::committed(&self.trays, &mut self.work, &progress);
        Ok(())
    }

    /// Whether a commit failed only because there was no room.
    fn is_only_full(&self, error: &heed::Error) -> bool {
        match error {
            heed::Error::Mdb(heed::MdbError::MapFull) => true,
            heed::Error::Io(error) if is_out_of_room(error) => true,
            // LMDB reports a write that the disk took only a part of as EIO, which is also what a
            // broken disk says. Only in the first case does another file find no room either.
            heed::Error::Io(_) => self.disk_is_full(),
            _ => false,
        }
    }

    fn disk_is_full(&self) -> bool {
        let path = self.folder.join("room-left");
        let probe = || {
            let mut file = File::create(&path)?;
            file.write_all(&[0x5a; 64 << 10])?;
            file.sync_all()
        };
        let full = probe().is_err_and(|error: io::Error| is_out_of_room(&error));
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "the probe for room on the disk stays behind");
        }
        full
    }

    /// Refuses everything from now on.
    fn stop(self, group: Vec<Change>, error: heed::Error) {
        tracing::error!(%error, "a commit failed; the store takes no more changes");
        self.load.stopped.store(true, Ordering::Relaxed);
        settle(group, &Err(Error::Stopped));
        for waiting in self.next.into_iter().chain(self.waiting.iter()) {
            self.load.release(waiting.bytes);
            waiting.change.settle(Err(Error::Stopped));
        }
    }
}

fn settle(group: Vec<Change>, verdict: &Result<()>) {
    group.into_iter().for_each(|change| change.settle(verdict.clone()));
}
