//! LiveKit's queue of webhooks, one for each room, and a receiver that is not always there.
//!
//! As in `resource_url_notifier.go` of livekit/protocol and go-retryablehttp: one delivery at a
//! time, five attempts with 1, 2, 4 and 8 seconds between them, and what cannot be sent in time is
//! dropped without a word.

use std::{collections::VecDeque, ops::Range};

use fastrand::Rng;

use crate::{truth::chance, webhook::Webhook};

/// What has waited longer is dropped when its turn comes.
const AGE_MS_MAX: i64 = 30_000;
/// How many may wait.
const DEPTH_MAX: usize = 200;
const WAITS_MS: [i64; 4] = [1_000, 2_000, 4_000, 8_000];

/// Of attempts that fail, those that the receiver had taken: only the answer was lost.
const ANSWERS_LOST: f64 = 0.5;
/// Of lost answers, those that were lost because the receiver was slow: it is done so much later.
const SLOW: f64 = 0.2;
const SLOW_MS: Range<i64> = 1_000..5_000;

pub(crate) struct Receiver {
    /// When it takes no connections.
    pub(crate) down_ms: Range<i64>,
    /// The share of attempts that fail at other times.
    pub(crate) failing: f64,
}

/// A webhook that the receiver took. One whose answer was lost comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) at_ms: i64,
    /// Its place in the queue.
    pub(crate) webhook: usize,
}

/// What becomes of one attempt.
enum Attempt {
    Answered { after_ms: i64 },
    Taken { after_ms: i64 },
    Lost,
}

impl Receiver {
    fn attempt(&self, at_ms: i64, random: &mut Rng) -> Attempt {
        let after_ms = random.i64(3..30);
        if self.down_ms.contains(&at_ms) {
            Attempt::Lost
        } else if !chance(random, self.failing) {
            Attempt::Answered { after_ms }
        } else if !chance(random, ANSWERS_LOST) {
            Attempt::Lost
        } else if chance(random, SLOW) {
            Attempt::Taken { after_ms: random.i64(SLOW_MS) }
        } else {
            Attempt::Taken { after_ms }
        }
    }
}

/// Everything that arrives, in the order of arrival. `told` is in the order of the queue; a crash
/// of the server takes along what is waiting then.
pub(crate) fn deliver(
    told: &[Webhook],
    receiver: &Receiver,
    crash_ms: Option<i64>,
    random: &mut Rng,
) -> Vec<Arrival> {
    let mut arrivals = vec![];
    let mut free_ms = i64::MIN;
    // When the turn came of those that were let in: whatever turn is still to come is waiting.
    let mut turns_ms = VecDeque::new();
    for (webhook, Webhook { queued_ms, .. }) in told.iter().enumerate() {
        while turns_ms.front().is_some_and(|turn_ms| turn_ms <= queued_ms) {
            turns_ms.pop_front();
        }
        // A new server begins with an empty queue.
        let ends_ms = crash_ms.filter(|crash_ms| queued_ms < crash_ms);
        if crash_ms.is_some_and(|crash_ms| *queued_ms >= crash_ms && free_ms > crash_ms) {
            free_ms = i64::MIN;
            turns_ms.clear();
        }
        if turns_ms.len() >= DEPTH_MAX {
            continue;
        }
        let turn_ms = free_ms.max(*queued_ms);
        turns_ms.push_back(turn_ms);
        let mut attempt_ms = turn_ms;
        if turn_ms - queued_ms > AGE_MS_MAX {
            continue;
        }
        for wait_ms in WAITS_MS.into_iter().map(Some).chain([None]) {
            if ends_ms.is_some_and(|crash_ms| attempt_ms >= crash_ms) {
                break;
            }
            match receiver.attempt(attempt_ms, random) {
                Attempt::Answered { after_ms } => {
                    attempt_ms += after_ms;
                    arrivals.push(Arrival { at_ms: attempt_ms, webhook });
                    break;
                }
                Attempt::Taken { after_ms } => {
                    arrivals.push(Arrival { at_ms: attempt_ms + after_ms, webhook });
                }
                Attempt::Lost => {}
            }
            attempt_ms += wait_ms.unwrap_or(0);
        }
        free_ms = attempt_ms;
    }
    arrivals.sort_by_key(|arrival| arrival.at_ms);
    arrivals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::Kind;

    fn queued(times_ms: impl IntoIterator<Item = i64>) -> Vec<Webhook> {
        let webhook = |queued_ms| Webhook {
            kind: Kind::RoomStarted,
            call: 0,
            connection: None,
            created_ms: queued_ms,
            queued_ms,
        };
        times_ms.into_iter().map(webhook).collect()
    }

    fn arrived(told: &[Webhook], receiver: &Receiver, crash_ms: Option<i64>) -> Vec<usize> {
        let arrivals = deliver(told, receiver, crash_ms, &mut Rng::with_seed(1));
        arrivals.iter().map(|arrival| arrival.webhook).collect()
    }

    fn down(down_ms: Range<i64>) -> Receiver {
        Receiver { down_ms, failing: 0.0 }
    }

    #[test]
    fn the_fifth_attempt_is_the_last() {
        let told = queued([0]);
        assert_eq!(arrived(&told, &down(0..15_000), None), [0]);
        assert_eq!(arrived(&told, &down(0..15_001), None), [] as [usize; 0]);
    }

    #[test]
    fn what_waited_longer_than_half_a_minute_is_dropped() {
        // The first three give up after 15, 30 and 45 s. The fourth is too old then, the fifth is
        // not, and its second attempt finds the receiver back.
        let told = queued([0, 0, 0, 0, 17_000]);
        assert_eq!(arrived(&told, &down(0..46_000), None), [4]);
    }

    #[test]
    fn two_hundred_may_wait() {
        // One is under way; it arrives when the receiver is back.
        let told = queued((0..250).map(|number| number.min(1)));
        let arrived = arrived(&told, &down(0..10), None);
        assert_eq!(arrived, (0..=200).collect::<Vec<_>>());
    }

    #[test]
    fn a_lost_answer_makes_a_repeat_and_nothing_is_lost() {
        let told = queued((0..1_000).map(|number| number * 60_000));
        let receiver = Receiver { down_ms: 0..0, failing: 0.1 };
        let arrived = arrived(&told, &receiver, None);
        assert!(arrived.len() > 1_020, "{}", arrived.len());
        assert!((0..1_000).all(|webhook| arrived.contains(&webhook)));
    }

    #[test]
    fn a_crash_takes_the_queue_along() {
        let told = queued([0, 500, 6_000]);
        assert_eq!(arrived(&told, &down(0..7_000), Some(5_000)), [2]);
    }
}
