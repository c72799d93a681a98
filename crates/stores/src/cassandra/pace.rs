//! How many conditional changes are under way at once: as many as the ring answers in good time.
//!
//! Too many make each of them late, and a late one is sent again to another node, which makes all
//! of them later. So the number follows how long answers take: one more after as many quick
//! answers as are under way, a quarter fewer after a slow one, once in a while. Whoever finds no
//! place waits, before the time of what they want runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

const FIRST: usize = 32;
const LEAST: usize = 8;
const MOST: usize = 256;

/// Slow answers of one moment are slow for one reason.
const BETWEEN_SLOWER: Duration = Duration::from_millis(100);

/// Places for those who may go on.
pub(super) struct Pace {
    places: Semaphore,
    state: Mutex<State>,
    /// An answer that takes longer is slow; one that takes a quarter of it, or less, is quick.
    slow: Duration,
}

struct State {
    /// How many places there are.
    limit: usize,
    /// How many of those that are taken do not come back.
    owed: usize,
    /// Quick answers since the last change.
    quick: usize,
    slower_at: Option<Instant>,
}

/// Some places, until it is dropped.
pub(super) struct Places<'p> {
    pace: &'p Pace,
    len: usize,
}

impl Pace {
    pub(super) fn new(slow: Duration) -> Self {
        let state = State { limit: FIRST, owed: 0, quick: 0, slower_at: None };
        Self { places: Semaphore::new(FIRST), state: Mutex::new(state), slow }
    }

    /// Waits for so many places, or for as many as there are in all.
    pub(super) async fn places(&self, wanted: usize) -> Places<'_> {
        let len = wanted.min(LEAST.max(self.state().limit));
        let found = self.places.acquire_many(len as u32).await;
        found.expect("nobody closes it").forget();
        Places { pace: self, len }
    }

    /// Notes how long an answer took.
    pub(super) fn note(&self, took: Duration) {
        if took > self.slow {
            self.slower(Instant::now());
        } else if took * 4 <= self.slow {
            self.faster();
        }
    }

    fn faster(&self) {
        let mut state = self.state();
        state.quick += 1;
        if state.quick >= state.limit && state.limit < MOST {
            state.quick = 0;
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
        (state.limit, state.quick, state.slower_at) = (limit, 0, Some(now));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        (0..FIRST).for_each(|_| pace.note(SLOW / 4));
        assert_eq!((pace.state().limit, pace.places.available_permits()), (FIRST + 1, FIRST + 1));
        (0..MOST * MOST).for_each(|_| pace.note(Duration::ZERO));
        assert_eq!((pace.state().limit, pace.places.available_permits()), (MOST, MOST));
    }

    #[test]
    fn answers_that_are_neither_quick_nor_slow_change_nothing() {
        let pace = Pace::new(SLOW);
        (0..10 * FIRST).for_each(|_| pace.note(SLOW / 2));
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
    fn places_that_are_taken_go_when_they_come_back() {
        let pace = Pace::new(SLOW);
        let all = wait(pace.places(10 * MOST));
        assert_eq!((all.len, pace.places.available_permits()), (FIRST, 0));
        pace.slower(Instant::now());
        assert_eq!(pace.state().owed, FIRST - FIRST * 3 / 4);
        drop(all);
        let state = pace.state();
        assert_eq!((state.owed, state.limit), (0, pace.places.available_permits()));
    }
}
