//! What every store promises of the directory besides registration: that users go, and that they
//! are found by their tags.
//!
//! **The index.** A user is found by each of their tags that has no more than [`TAG_BYTES_MAX`]
//! bytes, however often it stands in their profile. The index follows the profile in the same
//! step, whatever changed it: registration, an update, a change of tags, deregistration,
//! [`crate::store::Walk::put_users`].
//!
//! **The order.** An engine keeps all users of an app in one fixed order of its own, which is the
//! same for all walks, whoever they look for.

use async_trait::async_trait;

use super::tags::TagChange;
use super::{TAG_BYTES_MAX, User};
use crate::error::Result;
use crate::ids::{AppId, UserId};
use crate::store::Walked;

/// How many robots an app may have.
pub const ROBOTS_MAX: u64 = 5_000;

/// How many tags a walk looks for at once, at most.
pub const WALK_TAGS_MAX: usize = 64;

/// How many users a step of a walk finds, at most.
pub const WALK_LEN_MAX: u32 = 1_000;

/// How many tags are listed at once, at most.
pub const TAGS_LISTED_MAX: u32 = 1_000;

const _: () = assert!(TAG_BYTES_MAX < 400, "a tag has room in a key of any engine");

/// What became of one change of a user's tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged {
    /// They have the tags, or have them no longer. If that is how it was, nothing was written.
    Done,
    /// Nobody has the id.
    NotFound,
    /// They would have more tags than allowed. Nothing was written.
    TooMany,
}

/// What became of one deregistration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unregistered {
    /// They were there, and are gone.
    Done,
    /// Nobody has the id.
    NotFound,
}

/// A tag that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// How many have it: exact; `None` from a store that would have to walk to know. Such a store
    /// may also tell a tag that nobody has any more.
    pub users: Option<u64>,
}

/// The directory, as far as users go and are found by tags.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// Removes users whose ids are distinct: from then on nothing tells of them, neither by id nor
    /// by tag. Who is registered again begins anew.
    async fn unregister_users(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        now_unix_ms: i64,
    ) -> Result<Vec<Unregistered>>;

    /// Changes the tags of users whose ids are distinct.
    async fn update_tags(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        change: TagChange,
        now_unix_ms: i64,
    ) -> Result<Vec<Tagged>>;

    /// The first tags of an app that begin with `prefix` and come behind `after` in the order of
    /// their bytes: `limit` of them, and [`TAGS_LISTED_MAX`] at most.
    async fn list_tags(
        &self,
        app: AppId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<TagCount>>;

    /// How many users of an app have a tag, or how many there are: exact; `None` from a store that
    /// would have to walk to know.
    async fn count_tagged(&self, app: AppId, tag: Option<&str>) -> Result<Option<u64>>;

    /// The next users who have any of these tags, [`WALK_TAGS_MAX`] at most, or everybody if there
    /// are no tags: in the engine's order, each once in a walk, `limit` and [`WALK_LEN_MAX`] of
    /// them at most. It may find nobody although there is more.
    ///
    /// Whoever is there all the while, and has any of the tags whenever a step passes them, is
    /// found. A step may be given other tags than the one before it.
    async fn walk_tagged(
        &self,
        app: AppId,
        tags: &[&str],
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<User>>;
}
