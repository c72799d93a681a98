//! What was seen before the retention is forgotten.

use crate::context::Context;
use crate::error::Result;

/// How many users one step looks at.
pub const USERS_PER_STEP_MAX: u32 = 512;

/// What one step of forgetting did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many connections went.
    pub connections: u64,
    /// Where to go on; `None` if this step was the last.
    pub next: Option<Vec<u8>>,
}

/// Forgets a little of what is older than the retention; the next step begins where this one says.
/// Nobody is shown what is older, forgotten or not.
pub async fn retire(ctx: &Context, from: Option<&[u8]>) -> Result<Forgotten> {
    ctx.store.forget_sightings(ctx.retention_start_unix_us(), from, USERS_PER_STEP_MAX).await
}
