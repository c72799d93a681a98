//! How often an app may call an action: the vendors' documented limits, or none.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use governor::clock::{Clock as MonotonicClock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::ids::AppId;

type Limiter<C> =
    RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as MonotonicClock>::Instant>>;

/// What one counter counts: the calls of one action by one app.
type Counted = (AppId, &'static str);

/// Counts calls per app and action. It holds one counter per configured app and known action, so it
/// cannot grow with the traffic: ask only for apps that exist.
#[derive(Debug)]
pub struct Quotas<C: MonotonicClock = DefaultClock> {
    clock: C,
    enforced: bool,
    limiters: RwLock<HashMap<Counted, Arc<Limiter<C>>>>,
}

impl Quotas {
    /// Quotas that count (`true`), or that let everything pass (`false`).
    pub fn new(enforced: bool) -> Self {
        Self::with_clock(enforced, DefaultClock::default())
    }
}

impl<C: MonotonicClock + Clone> Quotas<C> {
    /// The same with a clock of the caller's.
    pub fn with_clock(enforced: bool, clock: C) -> Self {
        Self { clock, enforced, limiters: RwLock::default() }
    }

    /// Takes one call out of the quota of `per_second` calls; `false` if none is left. A call that
    /// is refused later, for whatever reason, has been taken all the same.
    pub fn take(&self, app: AppId, action: &'static str, per_second: NonZeroU32) -> bool {
        !self.enforced || self.limiter(app, action, per_second).check().is_ok()
    }

    fn limiter(&self, app: AppId, action: &'static str, per_second: NonZeroU32) -> Arc<Limiter<C>> {
        let key = (app, action);
        let known = self.limiters.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
            let new = || {
                Arc::new(RateLimiter::direct_with_clock(
                    Quota::per_second(per_second),
                    self.clock.clone(),
                ))
            };
            limiters.entry(key).or_insert_with(new).clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    const TWO: NonZeroU32 = NonZeroU32::new(2).expect("not zero");

    #[test]
    fn a_quota_is_per_app_and_action_and_fills_again() {
        let clock = FakeRelativeClock::default();
        let quotas = Quotas::with_clock(true, clock.clone());
        let take = |app, action| quotas.take(AppId(app), action, TWO);

        assert_eq!([take(1, "A"), take(1, "A"), take(1, "A")], [true, true, false]);
        assert_eq!([take(1, "B"), take(2, "A")], [true, true], "others are not touched");
        clock.advance(Duration::from_millis(499));
        assert!(!take(1, "A"));
        clock.advance(Duration::from_millis(1));
        assert_eq!([take(1, "A"), take(1, "A")], [true, false]);
    }

    #[test]
    fn lifted_quotas_let_everything_pass() {
        let quotas = Quotas::with_clock(false, FakeRelativeClock::default());
        assert!((0..1_000).all(|_| quotas.take(AppId(1), "A", TWO)));
    }
}
