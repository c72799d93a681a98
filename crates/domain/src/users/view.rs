//! A user as a store holds them, without a copy.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Profile, User};
use crate::ids::UserId;

/// A [`User`] whose texts are borrowed from the store, for as long as somebody looks.
///
/// Encoders that tell structs field by field and maps pair by pair write it as they write a
/// [`User`], so that a store reads either from one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView<'u> {
    /// See [`User::id`].
    pub id: &'u str,
    /// See [`User::profile`].
    #[serde(borrow)]
    pub profile: ProfileView<'u>,
    /// See [`User::created_unix_ms`].
    pub created_unix_ms: i64,
    /// See [`User::modified_unix_ms`].
    pub modified_unix_ms: i64,
}

/// How many tags, and how many pairs, are looked at without asking for memory.
const FEW: usize = 4;

/// A [`Profile`] whose texts are borrowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileView<'u> {
    /// See [`Profile::name`].
    pub name: &'u str,
    /// See [`Profile::portrait`].
    pub portrait: &'u str,
    /// See [`Profile::tags`].
    #[serde(borrow)]
    pub tags: SmallVec<[&'u str; FEW]>,
    /// See [`Profile::ext`]; in the order of the keys.
    #[serde(borrow)]
    pub ext: SmallVec<[(&'u str, &'u str); FEW]>,
    /// See [`Profile::extra`].
    pub extra: &'u str,
    /// See [`Profile::robot`].
    pub robot: bool,
}

impl UserView<'_> {
    /// A copy to keep, of the user who was asked for as `id`.
    pub fn to_user(&self, id: UserId) -> User {
        let Self { id: _, profile, created_unix_ms, modified_unix_ms } = self;
        let text = |text: &&str| (*text).to_owned();
        let profile = Profile {
            name: text(&profile.name),
            portrait: text(&profile.portrait),
            tags: profile.tags.iter().map(text).collect(),
            ext: profile.ext.iter().map(|(key, value)| (text(key), text(value))).collect(),
            extra: text(&profile.extra),
            robot: profile.robot,
        };
        User { id, profile, created_unix_ms: *created_unix_ms, modified_unix_ms: *modified_unix_ms }
    }
}

impl User {
    /// The user, to be looked at.
    pub fn view(&self) -> UserView<'_> {
        let Self { id, profile, created_unix_ms, modified_unix_ms } = self;
        let ext = profile.ext.iter().map(|(key, value)| (&**key, &**value));
        UserView {
            id: id.as_str(),
            profile: ProfileView {
                name: &profile.name,
                portrait: &profile.portrait,
                tags: profile.tags.iter().map(String::as_str).collect(),
                ext: ext.collect(),
                extra: &profile.extra,
                robot: profile.robot,
            },
            created_unix_ms: *created_unix_ms,
            modified_unix_ms: *modified_unix_ms,
        }
    }
}
