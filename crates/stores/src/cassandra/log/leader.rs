//! The work on one room: asks become rounds, rounds are written, sheets and index are told.
//!
//! A round is made on the condition that the room is as it was read. If it is not, or nobody can
//! tell whether the round was made, the room is read again, and what is asked is asked of what is
//! there then: an event that is there already is added no second time, so nothing is done twice.

use std::sync::Arc;
use std::time::Duration;

use domain::clock::{Clock, SystemClock};
use domain::error::Error;
use domain::log::stay::RoomKey;
use futures::future::{try_join, try_join_all};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use super::index::{self, Change};
use super::room::{self, How};
use super::round::Round;
use super::rows::Todo;
use super::state::{ASKS_MAX, Answer, Ask, RoomState};
use super::unfinished::{self, Unfinished};
use super::waiting::Waiting;
use super::{Log, restarts, rooms, sheets};
use crate::cassandra::cluster::{Cas, Cluster};
use crate::cassandra::fault::{Fault, Result};

/// How often a round is tried while others change the same room.
const TRIES_MAX: u32 = 32;

/// For how long it is tried while nobody can tell what became of it.
const UNKNOWN_MAX: Duration = Duration::from_millis(900);

/// For how long a room waits at most until as few are changed that it may be. A request of a
/// thousand rooms takes its turns in less on a ring that bears what is asked of it.
const PLACE_WITHIN: Duration = Duration::from_secs(10);

/// How long is waited at most after the first conflict; twice as long each time after that.
const BACKOFF: Duration = Duration::from_millis(4);
const BACKOFF_MAX: Duration = Duration::from_millis(250);

/// How many rounds one round may cause: those with the stays that found no place in it, and those
/// for restarts that came meanwhile.
const ROUNDS_MAX: usize = 10_000;

/// Works for as long as anything is asked of a room.
pub(super) async fn lead(log: Arc<Log>, cluster: Arc<Cluster>, at: RoomKey) {
    let mut leading = Leading { log: &log, at: &at, is_over: false };
    let mut state = log.rooms.recall(&at);
    while let Some(asked) = log.rooms.next(&at, ASKS_MAX, &mut state) {
        let Ok(_place) = timeout(PLACE_WITHIN, cluster.pace.places(1)).await else {
            asked.into_iter().for_each(|waiting| drop(waiting.answer.send(Err(Error::Busy))));
            continue;
        };
        let work = Work { log: &log, cluster: &cluster, at: &at };
        work.answer(asked, &mut state).await;
        if !log.rooms.is_asked(&at)
            && let Some(state) = &mut state
        {
            work.put_told(state).await;
        }
    }
    leading.is_over = true;
}

/// Somebody who leads. If they end by a panic, whoever waits must not wait for ever.
struct Leading<'l> {
    log: &'l Log,
    at: &'l RoomKey,
    is_over: bool,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.log.rooms.abandon(self.at);
        }
    }
}

/// A room, and with whom to speak about it.
struct Work<'w> {
    log: &'w Log,
    cluster: &'w Cluster,
    at: &'w RoomKey,
}

impl Work<'_> {
    async fn answer(&self, asked: Vec<Waiting>, state: &mut Option<RoomState>) {
        let asks: Vec<Ask> = asked.iter().flat_map(|waiting| waiting.asks.clone()).collect();
        let mut answers = Vec::with_capacity(asks.len());
        let mut failed: Option<Error> = None;
        while answers.len() < asks.len() && failed.is_none() {
            match self.step(&asks[answers.len()..], state).await {
                Ok(more) => answers.extend(more),
                Err(fault) => {
                    *state = None;
                    failed = Some(fault.into());
                }
            }
        }
        // Whose asks are all answered need not know that those behind them failed.
        let mut answers = answers.into_iter();
        for Waiting { asks, answer, .. } in asked {
            let theirs: Vec<Answer> = answers.by_ref().take(asks.len()).collect();
            let said = match &failed {
                Some(error) if theirs.len() < asks.len() => Err(error.clone()),
                _ => Ok(theirs),
            };
            // They may have gone.
            drop(answer.send(said));
        }
    }

    /// Does as many of the asks as go into one round, and answers these.
    async fn step(&self, asks: &[Ask], state: &mut Option<RoomState>) -> Result<Vec<Answer>> {
        let mut how = How::Quorum;
        // Of the attempts before: the first version that one of them would have made, and what they
        // would have answered, had anybody known that they were made.
        let mut before: Option<(i64, Vec<Answer>)> = None;
        // When the first was sent of which nobody knows.
        let mut unknown: Option<Instant> = None;
        for attempt in 0..TRIES_MAX {
            if attempt > 0 {
                sleep(backoff(attempt)).await;
            }
            let remembered = match state.take() {
                Some(room) if asks[0].needs_the_last() => self.as_it_is_now(room).await?,
                remembered => remembered,
            };
            let mut room = match (remembered, unknown) {
                (Some(room), _) => room,
                (None, None) => self.read(how).await?,
                (None, Some(sent)) => timeout_at(sent + UNKNOWN_MAX, self.read(how))
                    .await
                    .unwrap_or(Err(Fault::Unknown))?,
            };
            self.tell(&mut room).await?;
            let as_read = room.version;
            let mut answers = take_some(&mut room, asks)?;
            // If an older version stands, none of the attempts before was made: who added it then
            // was another.
            if let Some((version, before)) = &before
                && as_read.is_some_and(|as_read| as_read >= *version)
            {
                for (answer, before) in answers.iter_mut().zip(before) {
                    if (*answer, *before) == (Answer::Known, Answer::Added) {
                        *answer = Answer::Added;
                    }
                }
            }
            let (sent, mut first) = (Instant::now(), None);
            let outcome = self.rounds(&mut room, &mut first).await?;
            match outcome {
                Cas::Applied => {
                    *state = Some(room);
                    return Ok(answers);
                }
                Cas::Refused => {}
                Cas::Unknown => {
                    if unknown.get_or_insert(sent).elapsed() >= UNKNOWN_MAX {
                        return Err(Fault::Unknown);
                    }
                }
            }
            how = How::Settled;
            if let Some(first) = first {
                before = Some(match before {
                    Some((version, before)) if before.len() > answers.len() => (version, before),
                    Some((version, _)) => (version.min(first), answers),
                    None => (first, answers),
                });
            }
        }
        Err(Fault::Crowded)
    }

    async fn read(&self, how: How) -> Result<RoomState> {
        let (app, door) = (self.at.app, &self.at.door);
        let image = room::read(self.cluster, self.at, how);
        let restarts = self.log.restarts.newest(self.cluster, app, door);
        let (image, restarts) = try_join(image, restarts).await?;
        Ok(RoomState::of(self.at.clone(), image, restarts))
    }

    /// What is remembered of the room, if nobody has changed it since.
    async fn as_it_is_now(&self, mut room: RoomState) -> Result<Option<RoomState>> {
        let (app, door) = (self.at.app, &self.at.door);
        let version = room::version(self.cluster, self.at);
        let restarts = self.log.restarts.newest(self.cluster, app, door);
        let (version, restarts) = try_join(version, restarts).await?;
        if version.is_none() || version != room.version {
            return Ok(None);
        }
        if restarts.touched != room.restarts().touched {
            room.set_restarts(restarts);
        }
        Ok(Some(room))
    }

    /// Makes rounds until the room shows what its events say. `first` is told the version that the
    /// first of them makes.
    async fn rounds(&self, room: &mut RoomState, first: &mut Option<i64>) -> Result<Cas> {
        for _ in 0..ROUNDS_MAX {
            let now_unix_us = SystemClock.now_unix_us();
            let Some(mut round) = room.round(now_unix_us)? else { return Ok(Cas::Applied) };
            first.get_or_insert(round.version);
            let mark = Unfinished::Room(self.at.clone());
            let marks = unfinished::add(self.cluster, &self.log.marks, mark);
            let lists = rooms::add(self.cluster, &self.log.lists, self.at, &round);
            try_join(marks, lists).await?;
            match room::write(self.cluster, self.at, &mut round).await? {
                Cas::Applied => {}
                other => return Ok(other),
            }
            #[cfg(all(test, feature = "cassandra-tests"))]
            self.log.dies_here(self.at)?;
            // The note of a room that is over goes, too.
            let more = round.todo.more || round.is_last && !round.todo.is_empty();
            if !self.follow(room, &round).await? && !more {
                return Ok(Cas::Applied);
            }
        }
        Err(Fault::Crowded)
    }

    /// Does what follows from a round that was made. Whether it must be folded again, because
    /// there are other restarts than those that it was folded with.
    async fn follow(&self, room: &mut RoomState, round: &Round) -> Result<bool> {
        let (app, door) = (self.at.app, &self.at.door);
        let told = self.tell(room);
        let lists = rooms::remove(self.cluster, self.at, round);
        let touched = restarts::touched(self.cluster, app, door);
        let (_, (_, touched)) = try_join(told, try_join(lists, touched)).await?;
        if *room.restarts().touched == touched {
            return Ok(false);
        }
        room.set_restarts(self.log.restarts.newest(self.cluster, app, door).await?);
        Ok(true)
    }

    /// Does in sheets and index what rounds left to do.
    async fn tell(&self, room: &mut RoomState) -> Result<()> {
        let todos: Vec<&Todo> = room.todos().iter().filter(|todo| !todo.done).collect();
        let changes: Vec<Change> = todos
            .iter()
            .map(|todo| Change {
                version: todo.version,
                gone: todo.gone.clone(),
                come: todo.come.clone(),
            })
            .collect();
        if !changes.is_empty() {
            let sheets = todos
                .iter()
                .map(|todo| sheets::write(self.cluster, self.at, todo.version, &todo.changes));
            try_join(index::write(self.cluster, &changes), try_join_all(sheets)).await?;
            room.todos_are_done();
        }
        Ok(())
    }

    /// Writes down that all is done. If that fails, it is done once more some time; nobody waits
    /// for this.
    async fn put_told(&self, room: &mut RoomState) {
        if let Some(version) = room.take_told()
            && let Err(fault) = room::put_told(self.cluster, self.at, version).await
        {
            tracing::debug!(%fault, "what a round left to do is done again some time");
        }
    }
}

/// Takes as many asks as go into one round, one at least.
fn take_some(room: &mut RoomState, asks: &[Ask]) -> Result<Vec<Answer>> {
    let mut answers = vec![];
    for ask in asks.iter().take(ASKS_MAX) {
        // What is looked for in the newest state begins a round of its own, and so does a cut,
        // which would take along what stands in the same round.
        let is_apart = ask.needs_the_last() || answers.len() == 1 && asks[0].needs_the_last();
        if !answers.is_empty() && (is_apart || !room.has_room()) {
            break;
        }
        answers.push(room.take(ask.clone())?);
    }
    Ok(answers)
}

/// A random part of a time that doubles.
fn backoff(attempt: u32) -> Duration {
    let longest = (BACKOFF * 2_u32.saturating_pow(attempt.min(16))).min(BACKOFF_MAX);
    let parts = (Uuid::new_v4().as_u128() % 1_000) as u32;
    longest * parts / 1_000
}
