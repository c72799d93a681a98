//! The store as the domain sees it: each call goes to the part that does it.

use async_trait::async_trait;
use domain::broadcast::{
    Added, Broadcast, Broadcasts, Ledger, Message, Open, Progress, Quota, Refusal,
};
use domain::erasure::{Erased, Erasures};
use domain::error::Result;
use domain::ids::{AppId, ParticipantId, UserId};
use domain::log::dead::{DeadLetter, LetterPage};
use domain::log::{Event, LogFigures, OpenCall, StayPage, StayQuery};
use domain::presence::Sighting;
use domain::store::{
    Appended, IfTaken, Look, NewUser, Registration, Retired, Store, Update, Walk, WalkLens, Walked,
};
use domain::users::{ProfileChange, User};

use super::log::index;
use super::{Cassandra, broadcasts, dead, log, presences, users};

#[async_trait]
impl Erasures for Cassandra {
    async fn erase_events(
        &self,
        app: AppId,
        who: &ParticipantId,
        from: Option<&[u8]>,
        _: u32,
    ) -> Result<Erased> {
        let cluster = self.connection.cluster()?;
        log::erase(&self.log, &cluster, (app, who), from).await
    }
}

#[async_trait]
impl Store for Cassandra {
    async fn register_users(
        &self,
        app: AppId,
        users: Vec<NewUser>,
        if_taken: IfTaken,
        now_unix_ms: i64,
    ) -> Result<Vec<Registration>> {
        let cluster = self.connection.cluster()?;
        Ok(users::register(&cluster, app, &users, if_taken, now_unix_ms).await?)
    }

    async fn update_users(
        &self,
        app: AppId,
        changes: Vec<(UserId, ProfileChange)>,
        now_unix_ms: i64,
    ) -> Result<Vec<Update>> {
        let cluster = self.connection.cluster()?;
        Ok(users::update(&cluster, app, &changes, now_unix_ms).await?)
    }

    async fn look_at_users(&self, app: AppId, ids: &[UserId], look: &mut Look<'_>) -> Result<()> {
        let cluster = self.connection.cluster()?;
        Ok(users::look_at(&cluster, app, ids, look).await?)
    }

    async fn append_events(&self, events: Vec<Event>) -> Result<Vec<Appended>> {
        let cluster = self.connection.cluster()?;
        log::append(&self.log, &cluster, events).await
    }

    async fn page_of_stays(&self, query: &StayQuery) -> Result<StayPage> {
        let cluster = self.connection.cluster()?;
        Ok(index::page_of_stays(&cluster, query).await?)
    }

    async fn open_calls(
        &self,
        app: AppId,
        heard_before_unix_us: i64,
        limit: u32,
    ) -> Result<Vec<OpenCall>> {
        let cluster = self.connection.cluster()?;
        Ok(log::open_calls(&cluster, app, heard_before_unix_us, limit).await?)
    }

    async fn log_figures(&self) -> Result<LogFigures> {
        let cluster = self.connection.cluster()?;
        Ok(index::log_figures(&cluster).await?)
    }

    async fn retire(&self, before_unix_us: i64, events_max: usize) -> Result<Retired> {
        let cluster = self.connection.cluster()?;
        let of_log = log::retire(&self.log, &cluster, before_unix_us, events_max).await?;
        let dead_letters = dead::retire(&cluster, before_unix_us, events_max).await?;
        let more = of_log.more || dead_letters >= events_max as u64 && dead_letters > 0;
        Ok(Retired { dead_letters, more, ..of_log })
    }

    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<Vec<u64>> {
        let cluster = self.connection.cluster()?;
        Ok(dead::keep(&cluster, letters).await?)
    }

    async fn list_dead_letters(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<LetterPage> {
        let cluster = self.connection.cluster()?;
        Ok(dead::list(&cluster, app, (after, limit)).await?)
    }

    async fn remove_dead_letters(&self, app: AppId, ids: Vec<u64>) -> Result<u64> {
        let cluster = self.connection.cluster()?;
        Ok(dead::remove(&cluster, app, &ids).await?)
    }

    fn ready(&self) -> Result<()> {
        self.connection.ready()
    }
}

#[async_trait]
impl Broadcasts for Cassandra {
    async fn add_broadcast(
        &self,
        app: AppId,
        message: Message,
        quota: Option<Quota>,
    ) -> Result<Added> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::add(&cluster, app, &message, quota).await?)
    }

    async fn find_broadcast(&self, app: AppId, id: u64) -> Result<Option<Broadcast>> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::find(&cluster, app, id).await?)
    }

    async fn list_broadcasts(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Broadcast>> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::list(&cluster, app, (after, limit)).await?)
    }

    async fn open_broadcasts(&self, app: AppId) -> Result<Open> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::open(&cluster, app).await?)
    }

    async fn save_progress(&self, app: AppId, id: u64, progress: Progress) -> Result<bool> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::save(&cluster, app, id, &progress).await?)
    }

    async fn give_up_damaged(
        &self,
        app: AppId,
        id: u64,
        reason: Refusal,
        now_unix_us: i64,
    ) -> Result<bool> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::give_up(&cluster, app, id, (&reason, now_unix_us)).await?)
    }

    async fn retire_broadcasts(&self, app: AppId, before_unix_us: i64) -> Result<u64> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::retire(&cluster, app, before_unix_us).await?)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[async_trait]
impl Walk for Cassandra {
    async fn walk_users(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<(AppId, User)>> {
        let cluster = self.connection.cluster()?;
        Ok(users::walk(&cluster, from, limit).await?)
    }

    async fn walk_events(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Event>> {
        let cluster = self.connection.cluster()?;
        Ok(log::walk(&cluster, from, limit).await?)
    }

    async fn walk_dead_letters(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<DeadLetter>> {
        let cluster = self.connection.cluster()?;
        Ok(dead::walk(&cluster, from, limit).await?)
    }

    async fn walk_sightings(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Sighting>> {
        let cluster = self.connection.cluster()?;
        Ok(presences::walk_sightings(&cluster, from, limit).await?)
    }

    async fn walk_ledgers(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<(AppId, Ledger)>> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::walk(&cluster, from, limit).await?)
    }

    /// Unknown: each partition would have to be counted.
    async fn walk_lens(&self) -> Result<Option<WalkLens>> {
        Ok(None)
    }

    async fn put_users(&self, users: Vec<(AppId, User)>) -> Result<()> {
        let cluster = self.connection.cluster()?;
        Ok(users::put(&cluster, &users).await?)
    }

    async fn put_broadcasts(
        &self,
        app: AppId,
        ledger: Ledger,
        broadcasts: Vec<Broadcast>,
    ) -> Result<()> {
        let cluster = self.connection.cluster()?;
        Ok(broadcasts::put(&cluster, app, &ledger, &broadcasts).await?)
    }
}
