//! The work on one room: asks become rounds, rounds are written, the index is told.
//!
//! A round is made on the condition that the room is as it was read. If it is not, or nobody can
//! tell whether the round was made, the room is read again, and what is asked is asked of what is
//! there then: an event that is there already is added no second time, so nothing is done twice.

use std::sync::Arc;
use std::time::Duration;

use domain::clock::{Clock, SystemClock};
use domain::error::Error;
use domain::log::stay::RoomKey;
use futures::future::{join_all, try_join};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use super::index::{self, Change};
use super::room::{self, How};
use super::state::{ASKS_MAX, Answer, Ask, RoomState, Round};
use super::unfinished::{self, Unfinished};
use super::waiting::Waiting;
use super::{Log, restarts, rooms};
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
            work.forget_todos(state).await;
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
            let mut room = match state.take() {
                Some(room) if !asks[0].needs_the_last() => room,
                _ => match unknown {
                    None => self.read(how).await?,
                    Some(sent) => timeout_at(sent + UNKNOWN_MAX, self.read(how))
                        .await
                        .unwrap_or(Err(Fault::Unknown))?,
                },
            };
            self.tell_index(&mut room).await?;
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
            if !self.follow(room, &round).await? && !round.todo.more {
                return Ok(Cas::Applied);
            }
        }
        Err(Fault::Crowded)
    }

    /// Does what follows from a round that was made. Whether it must be folded again, because
    /// there are other restarts than those that it was folded with.
    async fn follow(&self, room: &mut RoomState, round: &Round) -> Result<bool> {
        let (app, door) = (self.at.app, &self.at.door);
        let index = self.tell_index(room);
        let lists = rooms::remove(self.cluster, self.at, round);
        let touched = restarts::touched(self.cluster, app, door);
        let (_, (_, touched)) = try_join(index, try_join(lists, touched)).await?;
        if *room.restarts().touched == touched {
            return Ok(false);
        }
        room.set_restarts(self.log.restarts.newest(self.cluster, app, door).await?);
        Ok(true)
    }

    /// Tells the index what it has not been told of this room.
    async fn tell_index(&self, room: &mut RoomState) -> Result<()> {
        let todos = room.todos().iter().filter(|todo| !todo.done);
        let changes: Vec<Change> = todos
            .map(|todo| Change {
                version: todo.version,
                gone: todo.gone.clone(),
                come: todo.come.clone(),
            })
            .collect();
        if !changes.is_empty() {
            index::write(self.cluster, &changes).await?;
            room.todos_are_done();
        }
        Ok(())
    }

    /// Removes what was noted down for the index, now that it was told. The next round would do it
    /// too; nobody waits for this.
    async fn forget_todos(&self, room: &mut RoomState) {
        let done = room.take_done();
        let forget =
            done.iter().map(|place| room::forget_todo(self.cluster, self.at, place.clone()));
        for forgotten in join_all(forget).await {
            if let Err(fault) = forgotten {
                tracing::debug!(%fault, "what the index was told is told it again some time");
            }
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
