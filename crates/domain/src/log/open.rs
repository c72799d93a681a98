//! Calls in which somebody is, and when each was last heard of.

use super::stay::RoomKey;
use crate::ids::CallId;

/// How many calls [`crate::store::Store::open_calls`] tells at most.
pub const OPEN_CALLS_MAX: u32 = 1_000;

/// A call in which somebody is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenCall {
    /// Where.
    pub at: RoomKey,
    /// Its id.
    pub call: CallId,
    /// Whether we made the id: what is reported of it names no call.
    pub minted: bool,
    /// When the last thing was heard of it: see [`super::closing::is_heard_of`].
    pub last_heard_unix_us: i64,
}
