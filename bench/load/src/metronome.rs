//! Arrivals at a rate that does not ask how the server is doing.
//!
//! A thread of its own sleeps until the next arrival is due, since a runtime's timers count whole
//! milliseconds, and hands it to whichever connection is free first. Gaps are those of a Poisson
//! process, as `pgbench --rate` makes them. If all connections are busy the arrival waits, and its
//! waiting counts.

use std::{
    cell::RefCell,
    collections::VecDeque,
    ops::Range,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, mpsc};

/// Beyond this no one wakes up: several arrivals are handed over at once.
const NAP: Duration = Duration::from_micros(100);
/// How long after the end arrivals that are still waiting may be sent.
const OVERTIME: Duration = Duration::from_secs(5);

/// Arrivals that nobody has taken yet.
pub(crate) struct Arrivals {
    due: RefCell<VecDeque<Instant>>,
    waiting: Semaphore,
    end: Instant,
}

impl Arrivals {
    /// Those of a stretch of time; to be called at its beginning, on the runtime's thread.
    pub(crate) fn begin(
        per_s: f64,
        stretch: Range<Instant>,
        connections: usize,
        seed: u64,
    ) -> Rc<Self> {
        let end = stretch.end + OVERTIME;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        std::thread::spawn(move || beat(per_s, stretch, seed, &sender));
        let all = Rc::new(Self { due: RefCell::default(), waiting: Semaphore::new(0), end });
        let arrivals = Rc::clone(&all);
        tokio::task::spawn_local(async move {
            while let Some(due) = receiver.recv().await {
                arrivals.due.borrow_mut().push_back(due);
                arrivals.waiting.add_permits(1);
            }
            // Whoever waits finds nothing, and ends.
            arrivals.waiting.add_permits(connections);
        });
        all
    }

    /// The next arrival, and whether it had been waiting for a connection; none after the last.
    pub(crate) async fn next(&self) -> Option<(Instant, bool)> {
        let had_waited = !self.due.borrow().is_empty();
        let permit = self.waiting.acquire().await.expect("it is never closed");
        permit.forget();
        if Instant::now() >= self.end {
            return None;
        }
        Some((self.due.borrow_mut().pop_front()?, had_waited))
    }

    /// Those that nobody took, since the server was too slow.
    pub(crate) fn left_over(&self) -> usize {
        self.due.borrow().len()
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread that does nothing else")]
fn beat(per_s: f64, stretch: Range<Instant>, seed: u64, sender: &mpsc::UnboundedSender<Instant>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut due = stretch.start;
    loop {
        due += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / per_s);
        let now = Instant::now();
        if due > now {
            std::thread::sleep((due - now).max(NAP));
        }
        if due >= stretch.end || sender.send(due).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn as_many_come_as_were_asked_for_and_then_no_more() {
        let local = tokio::task::LocalSet::new();
        let count = local.run_until(async {
            let now = Instant::now();
            let stretch = now..now + Duration::from_millis(100);
            let arrivals = Arrivals::begin(20_000.0, stretch, 1, 1);
            let (mut count, mut last) = (0, None);
            while let Some((due, _)) = arrivals.next().await {
                assert!(last.is_none_or(|last| last < due));
                last = Some(due);
                count += 1;
            }
            assert_eq!(arrivals.left_over(), 0);
            count
        });
        // 2,000 within five times their spread.
        assert!((1_775..2_225).contains(&count.await));
    }
}
