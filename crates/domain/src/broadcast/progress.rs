//! How far a broadcast has come, and what comes next: pure functions of what is known and the time.
//!
//! Whoever changes a job writes a progress whose version is one more than the one they read, and
//! the store takes it only if nobody else did so before. So of two servers that work on the same
//! job one goes on, and the other one stops.

use serde::{Deserialize, Serialize};

use super::Broadcast;
use crate::clock::SECOND_US;

/// For how long a server has a job to itself after it last told how far it is. Longer than a
/// delivery and the search for the next users take.
pub const LEASE_S: i64 = 60;

/// How long to wait after so many failures in a row, in seconds; from then on the last.
pub const BACKOFF_S: [i64; 6] = [1, 5, 30, 120, 600, 1_800];

/// After how many failures in a row a job is given up: about half a day.
pub const FAILURES_MAX: u32 = 30;

/// How much of a reason is kept.
pub const REASON_BYTES_MAX: usize = 256;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nobody works on it: it is new, or the receiver is to be left alone for a while.
    Waiting,
    /// A server works on it.
    Running(Lease),
    /// Everybody was reached.
    Done,
    /// Its time was over before everybody was reached.
    Expired,
    /// The receiver failed too often, or there is none. It can be retried.
    Failed,
    /// Somebody cancelled it. It can be retried.
    Cancelled,
}

/// Who works on a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// A number that no other process has.
    pub holder: u128,
    /// Until when, by the holder's clock.
    pub until_unix_us: i64,
}

/// Why a delivery was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The receiver's HTTP status, if it answered.
    pub status: Option<u16>,
    /// What is wrong, in words that hold nothing of the receiver's answer.
    pub reason: String,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How often it changed.
    pub version: u64,
    /// Where it stands.
    pub state: State,
    /// Up to where the audience was delivered to, in the store's words; `None`: the beginning.
    pub place: Option<Vec<u8>>,
    /// How many users the accepted deliveries named.
    pub users: u64,
    /// How many deliveries were accepted.
    pub batches: u64,
    /// How often the next delivery failed so far.
    pub failures: u32,
    /// When it may be tried again.
    pub not_before_unix_us: i64,
    /// Why the last delivery failed that did, until one is accepted.
    pub refusal: Option<Refusal>,
    /// When this was written.
    pub changed_unix_us: i64,
}

/// A server that works on jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// A number that no other process has.
    pub id: u128,
    /// Whether others may work on the same store. If not, whoever else holds a lease is gone.
    pub has_peers: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is over.
    Nothing,
    /// Nothing before this instant.
    NotBefore(i64),
    /// Its time is over.
    Expire,
    /// The next batch.
    Deliver,
}

/// What a worker does next about a job.
pub fn next(job: &Broadcast, worker: Worker, now_unix_us: i64) -> Next {
    let Broadcast { progress, message, .. } = job;
    if progress.is_over() {
        return Next::Nothing;
    }
    if message.expires_unix_us.is_some_and(|expires| expires <= now_unix_us) {
        return Next::Expire;
    }
    let not_before = match progress.state {
        State::Running(lease) if worker.has_peers && lease.holder != worker.id => {
            lease.until_unix_us
        }
        State::Running(_) => i64::MIN,
        _ => progress.not_before_unix_us,
    };
    if not_before > now_unix_us {
        let expires = message.expires_unix_us.unwrap_or(i64::MAX);
        return Next::NotBefore(not_before.min(expires));
    }
    Next::Deliver
}

impl State {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running(_) => "running",
            Self::Done => "done",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Progress {
    /// Of a job that is new.
    pub fn new(now_unix_us: i64) -> Self {
        Self {
            version: 0,
            state: State::Waiting,
            place: None,
            users: 0,
            batches: 0,
            failures: 0,
            not_before_unix_us: now_unix_us,
            refusal: None,
            changed_unix_us: now_unix_us,
        }
    }

    /// Whether nothing more comes of it by itself.
    pub fn is_over(&self) -> bool {
        match self.state {
            State::Waiting | State::Running(_) => false,
            State::Done | State::Expired | State::Failed | State::Cancelled => true,
        }
    }

    fn then(&self, state: State, now_unix_us: i64) -> Self {
        let version = self.version + 1;
        Self { version, state, changed_unix_us: now_unix_us, ..self.clone() }
    }

    /// A worker takes it, or keeps it.
    #[must_use]
    pub fn claimed(&self, worker: Worker, now_unix_us: i64) -> Self {
        let until_unix_us = now_unix_us.saturating_add(LEASE_S * SECOND_US);
        self.then(State::Running(Lease { holder: worker.id, until_unix_us }), now_unix_us)
    }

    /// So many users were delivered to, or there were none up to `place`; without a place that was
    /// all of them.
    #[must_use]
    pub fn advanced(
        &self,
        (place, users): (Option<Vec<u8>>, usize),
        worker: Worker,
        now_unix_us: i64,
    ) -> Self {
        let mut after = self.claimed(worker, now_unix_us);
        if place.is_none() {
            after.state = State::Done;
        }
        if users > 0 {
            after.users += users as u64;
            after.batches += 1;
            after.failures = 0;
            after.refusal = None;
        }
        after.place = place;
        after
    }

    /// The receiver did not take the next batch.
    #[must_use]
    pub fn refused(&self, mut refusal: Refusal, now_unix_us: i64) -> Self {
        refusal.reason.truncate(refusal.reason.floor_char_boundary(REASON_BYTES_MAX));
        let failures = self.failures.saturating_add(1);
        let state = if failures < FAILURES_MAX { State::Waiting } else { State::Failed };
        let nth = (failures as usize - 1).min(BACKOFF_S.len() - 1);
        let pause_us = BACKOFF_S[nth] * SECOND_US;
        Self {
            failures,
            not_before_unix_us: now_unix_us.saturating_add(pause_us),
            refusal: Some(refusal),
            ..self.then(state, now_unix_us)
        }
    }

    /// It is given up at once: trying again alone would not help.
    #[must_use]
    pub fn failed(&self, refusal: Refusal, now_unix_us: i64) -> Self {
        Self { refusal: Some(refusal), ..self.then(State::Failed, now_unix_us) }
    }

    /// Its time is over.
    #[must_use]
    pub fn expired(&self, now_unix_us: i64) -> Self {
        self.then(State::Expired, now_unix_us)
    }

    /// Its server stops, and leaves it to whoever is next.
    #[must_use]
    pub fn released(&self, now_unix_us: i64) -> Self {
        Self { not_before_unix_us: now_unix_us, ..self.then(State::Waiting, now_unix_us) }
    }

    /// It is taken to a store that does not understand its place: there it begins anew, by itself
    /// or when it is retried. What is over for good keeps its counts.
    #[must_use]
    pub fn begun_anew(&self) -> Self {
        match self.state {
            State::Done | State::Expired => Self { place: None, ..self.clone() },
            State::Failed | State::Cancelled => {
                Self { place: None, users: 0, batches: 0, ..self.clone() }
            }
            State::Waiting | State::Running(_) => Self {
                version: self.version,
                changed_unix_us: self.changed_unix_us,
                refusal: self.refusal.clone(),
                ..Self::new(self.changed_unix_us)
            },
        }
    }

    /// Whether it has reached somebody, and may reach more: by itself, or when it is retried.
    pub fn is_halfway(&self) -> bool {
        match self.state {
            State::Done | State::Expired => false,
            State::Waiting | State::Running(_) | State::Failed | State::Cancelled => self.users > 0,
        }
    }

    /// It goes on at its place, at once; `None` if there is nothing to retry: everybody was
    /// reached, its time is over, or it is under way.
    pub fn retried(&self, now_unix_us: i64) -> Option<Self> {
        match self.state {
            State::Done | State::Expired | State::Running(_) => None,
            State::Waiting | State::Failed | State::Cancelled => Some(Self {
                failures: 0,
                not_before_unix_us: now_unix_us,
                ..self.then(State::Waiting, now_unix_us)
            }),
        }
    }

    /// It ends here; `None` if it is over. What is on its way may still arrive.
    pub fn cancelled(&self, now_unix_us: i64) -> Option<Self> {
        (!self.is_over()).then(|| self.then(State::Cancelled, now_unix_us))
    }
}
