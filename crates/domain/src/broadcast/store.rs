//! What every store promises of broadcasts.

use async_trait::async_trait;

use super::{Broadcast, Message, Progress, Quota, Refusal};
use crate::error::Result;
use crate::ids::AppId;

/// What became of a new broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is kept under this id.
    Yes(u64),
    /// As many of its action were accepted as the quota admits. Nothing was written.
    OverQuota,
    /// [`super::OPEN_MAX`] of the app are under way. Nothing was written.
    TooManyOpen,
}

/// Which of an app's broadcasts are not over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Their ids, ascending, [`super::KEPT_MAX`] at most.
    pub ids: Vec<u64>,
    /// The id of the last that was accepted; 0 if none was.
    pub last_id: u64,
}

/// Where broadcasts are kept. What is common to all methods of [`crate::store::Store`] holds here
/// too.
#[async_trait]
pub trait Broadcasts: Send + Sync + 'static {
    /// Keeps a new broadcast, if the quota admits it, and tells its id. Ids of an app increase from
    /// 1 on. What counts against a quota is what was accepted, whether it is still kept or not. Of
    /// an app that then has more than [`super::KEPT_MAX`], the oldest that are over go.
    async fn add_broadcast(
        &self,
        app: AppId,
        message: Message,
        quota: Option<Quota>,
    ) -> Result<Added>;

    /// The broadcast of this id.
    async fn find_broadcast(&self, app: AppId, id: u64) -> Result<Option<Broadcast>>;

    /// The first `limit` of an app's broadcasts whose ids are greater than `after`, ascending. One
    /// that is removed meanwhile may be missing, and so is one whose record is damaged.
    async fn list_broadcasts(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Broadcast>>;

    /// Which of an app's broadcasts are not over.
    async fn open_broadcasts(&self, app: AppId) -> Result<Open>;

    /// Keeps how far a broadcast has come in place of what is there, if that has the version before
    /// this one's; tells whether it did. A repeat of a change that was made finds it made.
    async fn save_progress(&self, app: AppId, id: u64, progress: Progress) -> Result<bool>;

    /// Ends a broadcast whose record is damaged, and tells whether it was: it has failed, for this
    /// reason, and is under way no more. If nobody can read how far it had come, it stands at the
    /// beginning. If nobody can read what was asked for, that stays so: it can only be retired.
    async fn give_up_damaged(
        &self,
        app: AppId,
        id: u64,
        reason: Refusal,
        now_unix_us: i64,
    ) -> Result<bool>;

    /// Removes those of an app's broadcasts that are over and were last changed before an instant,
    /// and tells how many.
    async fn retire_broadcasts(&self, app: AppId, before_unix_us: i64) -> Result<u64>;

    /// Whether other servers may work on what is kept here.
    fn is_shared(&self) -> bool;
}
