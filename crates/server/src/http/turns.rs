//! Long requests take turns, so that short ones need not wait for them.
//!
//! A worker serves what is ready in the order in which it became ready. After a commit dozens of
//! writers are answered at once and send their next requests at once, and whoever wants to read
//! then would wait until all of those are parsed. So of requests with a long body only a few are
//! worked at in the same moment. One that waits, for a commit say, is not worked at.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::ready;

use tokio::sync::Semaphore;

/// From how many bytes on a body is long. An SDK's `BatchGetUser` has fewer; who asks for a hundred
/// users by long names has more, and takes turns too.
const LONG_BYTES: usize = 2 * 1024;

/// Who may work at a long request.
pub(crate) struct Turns(Semaphore);

impl Turns {
    /// One of so many workers is left to short requests, unless there is no other.
    pub(crate) fn among(workers: usize) -> Self {
        Self(Semaphore::new(workers.saturating_sub(1).max(1)))
    }

    /// Finishes `work` on a request with a body of `bytes`.
    pub(super) async fn take<Work: Future>(&self, bytes: usize, work: Work) -> Work::Output {
        if bytes < LONG_BYTES {
            return work.await;
        }
        let mut work = pin!(work);
        let mut turn = pin!(None);
        poll_fn(|cx| {
            if turn.is_none() {
                turn.set(Some(self.0.acquire()));
            }
            let next = turn.as_mut().as_pin_mut().expect("it was set");
            let _held = ready!(next.poll(cx)).expect("the semaphore is never closed");
            turn.set(None);
            work.as_mut().poll(cx)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::task::{Context, Waker};

    use super::*;

    fn is_done(work: impl Future) -> bool {
        pin!(work).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_long_request_waits_for_another_and_a_short_one_does_not() {
        let turns = Turns::among(2);
        let during = async {
            assert!(!is_done(turns.take(LONG_BYTES, async {})));
            assert!(is_done(turns.take(LONG_BYTES - 1, async {})));
        };
        assert!(is_done(turns.take(LONG_BYTES, during)));
        assert!(is_done(turns.take(LONG_BYTES, async {})), "the turn is over");
    }

    #[test]
    fn whoever_waits_for_something_else_lets_others_go() {
        let turns = Turns::among(1);
        let mut waits = pin!(turns.take(LONG_BYTES, pending::<()>()));
        assert!(!is_done(waits.as_mut()));
        assert!(is_done(turns.take(LONG_BYTES, async {})));
        assert!(!is_done(waits));
    }
}
