//! How many conditional changes are under way at once: as many as the ring answers in good time.
//!
//! Too many make each of them late, and a late one is sent again to another node, which makes all
//! of them later. So the number follows how long answers take: one more after as many quick
//! answers as are under way, a quarter fewer where more than a few are slow, once in a while.
//! Whoever finds no place waits, before the time of what they want runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

const FIRST: usize = 32;
const LEAST: usize = 8;
const MOST: usize = 256;

/// Slow answers of one moment are slow for one reason.
const BETWEEN_SLOWER: Duration = Duration::from_millis(100);

/// Of so many answers one may be slow: a row that many change at once is slow, and no sign of load.
const SLOW_AMONG: usize = 10;

/// Places for those who may go on.
pub(super) struct Pace {
    places: Semaphore,
    state: Mutex<State>,
    /// An answer that takes longer is slow; one that takes half of it, or less, is quick.
    slow: Duration,
}

struct State {
    /// How many places there are.
    limit: usize,
    /// How many of those that are taken do not come back.
    owed: usize,
    /// Quick answers since the last change, all answers since then, and the slow ones.
    quick: usize,
    answers: usize,
    slow: usize,
    slower_at: Option<Instant>,
}

/// Some places, until it is dropped.
pub(super) struct Places<'p> {
    pace: &'p Pace,
    len: usize,
}

impl Pace {
    pub(super) fn new(slow: Duration) -> Self {
        let state = State { limit: FIRST, owed: 0, quick: 0, answers: 0, slow: 0, slower_at: None };
        Self { places: Semaphore::new(FIRST), state: Mutex::new(state), slow }
    }

    /// Waits for so many places, or for half of all that there are: whoever wants many would wait
    /// for all others to be ready at once, and keep places unused meanwhile.
    pub(super) async fn places(&self, wanted: usize) -> Places<'_> {
        let len = wanted.min(self.state().limit / 2).max(1);
        let found = self.places.acquire_many(len as u32).await;
        found.expect("nobody closes it").forget();
        Places { pace: self, len }
    }

    /// Notes how long an answer took.
    pub(super) fn note(&self, took: Duration) {
        let is_slow = took > self.slow;
        let many_are_slow = {
            let mut state = self.state();
            state.answers += 1;
            state.slow += usize::from(is_slow);
            state.slow * SLOW_AMONG > state.answers
        };
        if is_slow && many_are_slow {
            self.slower(Instant::now());
        } else if took * 2 <= self.slow {
            self.faster();
        }
    }

    fn faster(&self) {
        let mut state = self.state();
        state.quick += 1;
        if state.quick >= state.limit && state.limit < MOST {
            (state.quick, state.answers, state.slow) = (0, 0, 0);
            state.limit += 1;
            match state.owed.checked_sub(1) {
                Some(owed) => state.owed = owed,
                None => self.places.add_permits(1),
            }
        }
    }

    fn slower(&self, now: Instant) {
        let mut state = self.state();
        if state.slower_at.is_some_and(|last| now.duration_since(last) < BETWEEN_SLOWER) {
            return;
        }
        let limit = LEAST.max(state.limit * 3 / 4);
        let fewer = state.limit - limit;
        state.owed += fewer - self.places.forget_permits(fewer);
        (state.limit, state.slower_at) = (limit, Some(now));
        (state.quick, state.answers, state.slow) = (0, 0, 0);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places<'_> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Places<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        let paid = self.len.min(state.owed);
        state.owed -= paid;
        self.pace.places.add_permits(self.len - paid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(100);

    fn wait<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(future)
    }

    #[test]
    fn quick_answers_make_places() {
        let pace = Pace::new(SLOW);
        (0..FIRST).for_each(|_| pace.note(SLOW / 2));
        assert_eq!((pace.state().limit, pace.places.available_permits()), (FIRST + 1, FIRST + 1));
        (0..MOST * MOST).for_each(|_| pace.note(Duration::ZERO));
        assert_eq!((pace.state().limit, pace.places.available_permits()), (MOST, MOST));
    }

    #[test]
    fn answers_that_are_neither_quick_nor_slow_change_nothing() {
        let pace = Pace::new(SLOW);
        (0..10 * FIRST).for_each(|_| pace.note(SLOW * 3 / 4));
        assert_eq!(pace.state().limit, FIRST);
    }

    #[test]
    fn slow_answers_take_places_away_once_in_a_while() {
        let pace = Pace::new(SLOW);
        let now = Instant::now();
        pace.slower(now);
        pace.slower(now + BETWEEN_SLOWER / 2);
        assert_eq!(pace.state().limit, FIRST * 3 / 4);
        (1..100).for_each(|times| pace.slower(now + BETWEEN_SLOWER * times));
        assert_eq!((pace.state().limit, pace.places.available_permits()), (LEAST, LEAST));
    }

    #[test]
    fn a_slow_answer_among_many_is_no_sign() {
        let pace = Pace::new(SLOW);
        (0..SLOW_AMONG).for_each(|_| pace.note(SLOW * 3 / 4));
        pace.note(SLOW * 2);
        assert_eq!(pace.state().limit, FIRST);
        pace.note(SLOW * 2);
        assert_eq!(pace.state().limit, FIRST * 3 / 4);
    }

    #[test]
    fn whoever_wants_many_gets_half_and_places_that_are_owed_go_when_they_come_back() {
        let pace = Pace::new(SLOW);
        let (half, other) = wait(async { (pace.places(10 * MOST).await, pace.places(MOST).await) });
        assert_eq!((half.len(), other.len()), (FIRST / 2, FIRST / 2));
        assert_eq!(pace.places.available_permits(), 0);
        pace.slower(Instant::now());
        assert_eq!(pace.state().owed, FIRST - FIRST * 3 / 4);
        drop((half, other));
        let state = pace.state();
        assert_eq!((state.owed, state.limit), (0, pace.places.available_permits()));
    }
}
