//! Where the time comes from, so that tests can stop it.

use std::sync::atomic::{AtomicI64, Ordering};

/// Microseconds in a second: the log's unit is the microsecond, the answers' unit the second.
pub const SECOND_US: i64 = 1_000_000;

/// The whole second that `unix_us` lies in.
pub fn whole_second(unix_us: i64) -> i64 {
    unix_us.div_euclid(SECOND_US)
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_unix_us(&self) -> i64;

    /// Whole seconds since 1970-01-01T00:00:00Z.
    fn now_unix_s(&self) -> i64 {
        whole_second(self.now_unix_us())
    }
}

/// The machine's wall clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now_unix_us(&self) -> i64 {
        let since_1970 = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the machine's clock stands after 1970");
        i64::try_from(since_1970.as_micros()).expect("the year is before 294,000")
    }
}

/// A clock that stands still until it is set: for tests and simulations.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at this second.
    pub fn at_unix_s(unix_s: i64) -> Self {
        Self(AtomicI64::new(unix_s * SECOND_US))
    }

    /// Moves the clock to this microsecond.
    pub fn set_unix_us(&self, unix_us: i64) {
        self.0.store(unix_us, Ordering::Relaxed);
    }
}

impl Clock for FixedClock {
    fn now_unix_us(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
