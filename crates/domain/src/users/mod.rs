//! WHOIS: the directory. One for all dialects; each shows the fields that it has words for.
//!
//! [`profile`] is what is known of a user, [`view`] the same without a copy; [`mod@register`],
//! [`mod@update`], [`tags`], [`mod@unregister`], [`mod@find`] are the operations; [`audience`]
//! tells who is meant by tags, and [`store`] what stores promise for that.

pub mod audience;
pub mod find;
pub mod profile;
pub mod register;
pub mod store;
pub mod tags;
pub mod unregister;
pub mod update;
pub mod view;

use serde::{Deserialize, Serialize};

pub use audience::Audience;
pub use find::{find, look_at};
pub use profile::{Limits, Profile, ProfileChange, ProfileFault};
pub use register::register;
pub use tags::{TAG_BYTES_MAX, update_tags};
pub use unregister::unregister;
pub use update::update;
pub use view::{ProfileView, UserView};

use crate::ids::UserId;

/// An entry of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Unique in its app.
    pub id: UserId,
    /// What is known of them.
    pub profile: Profile,
    /// When they were registered.
    pub created_unix_ms: i64,
    /// When their profile was last written; never before `created_unix_ms`.
    pub modified_unix_ms: i64,
}
