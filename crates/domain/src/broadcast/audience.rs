//! To whom a broadcast goes.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::users;

/// Which users of an app a broadcast is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Which of them, by their tags.
    pub who: users::Audience,
    /// Only those whose ids are positive Longs: others do not exist for some dialects.
    pub longs_only: bool,
}

impl Audience {
    /// Everybody, whatever their id is.
    pub const EVERYBODY: Self = Self { who: users::Audience::Everybody, longs_only: false };

    /// Whether it is for users with such an id.
    pub(super) fn admits(&self, id: &UserId) -> bool {
        !self.longs_only || id.as_long().is_some()
    }
}
