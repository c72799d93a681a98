//! What every operation needs at hand.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::app::Apps;
use crate::clock::{Clock, SECOND_US};
use crate::quota::Quotas;
use crate::store::Store;
use crate::witness::Witness;

/// Seconds in a day.
pub const DAY_S: i64 = 86_400;

/// [`Settings::presence_expiry_minutes`], unless the operator decides otherwise: a day.
const PRESENCE_EXPIRY_MINUTES: u32 = 1_440;

/// What the operator decided for all apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether the vendors' own limits hold: calls per second, query window, look-back.
    pub documented_limits: bool,
    /// East of Greenwich, in seconds: of the times in answers.
    pub time_zone_offset_s: i32,
    /// How long the log keeps a call after its last event.
    pub retention_days: u32,
    /// After how many minutes without any event a call is taken to be over; `None`: never.
    pub idle_close_minutes: Option<NonZeroU32>,
    /// After how many minutes without a word somebody who is online is not taken to be so any more;
    /// `None`: never. Nobody is for longer than the retention.
    pub presence_expiry_minutes: Option<NonZeroU32>,
    /// Whether a refused signature's message shows the canonical request.
    pub explain_signatures: bool,
    /// Whether a nonce may be used once only.
    pub strict_nonce: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            documented_limits: true,
            time_zone_offset_s: 8 * 3_600,
            retention_days: 14,
            idle_close_minutes: None,
            presence_expiry_minutes: NonZeroU32::new(PRESENCE_EXPIRY_MINUTES),
            explain_signatures: false,
            strict_nonce: false,
        }
    }
}

impl Settings {
    /// [`Self::idle_close_minutes`] in microseconds.
    pub fn idle_close_us(&self) -> Option<i64> {
        Some(i64::from(self.idle_close_minutes?.get()) * 60 * SECOND_US)
    }
}

/// Store, clock, tenants and settings: made once, shared by all requests.
pub struct Context {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The tenants.
    pub apps: Apps,
    /// How often they may call.
    pub quotas: Quotas,
    /// What the operator decided.
    pub settings: Settings,
    /// Who is told what has just become durable.
    pub witness: Arc<dyn Witness>,
}

impl Context {
    /// A context whose quotas follow the settings, and whose witness is nobody.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        apps: Apps,
        settings: Settings,
    ) -> Self {
        let quotas = Quotas::new(settings.documented_limits);
        Self { store, clock, apps, quotas, settings, witness: Arc::new(()) }
    }

    /// The instant before which an event is too old to be applied.
    pub fn retention_start_unix_us(&self) -> i64 {
        let kept_s = i64::from(self.settings.retention_days) * DAY_S;
        self.clock.now_unix_us() - kept_s * SECOND_US
    }
}
