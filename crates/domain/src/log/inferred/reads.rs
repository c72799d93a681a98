//! Reading the log to find what follows from a batch of events: no batch may read without an end.

use std::collections::BTreeSet;

use crate::ids::{AppId, ParticipantId, RoomId};
use crate::log::pages::READ_MAX;
use crate::log::query::{StayPage, StayQuery};
use crate::log::record::AHEAD_S_MAX;
use crate::log::stay::Stay;
use crate::store::Store;

/// How often the store is asked for a batch, before its events are stored, and as often after that.
pub(in crate::log) const READS_MAX: u32 = 100;
/// How many stays are read for a batch before its events are stored; that many are kept.
pub(in crate::log) const STAYS_BEFORE_MAX: u32 = READ_MAX;
/// How many stays are read for a batch after that: who is there, and how the others went.
pub(in crate::log) const STAYS_AFTER_MAX: u32 = 2 * READ_MAX;

/// A room of an app, or all of them.
pub(super) type Scope = (AppId, Option<RoomId>);

/// What may still be read for a batch.
pub(in crate::log) struct Reads<'s> {
    store: &'s dyn Store,
    now_unix_s: i64,
    times: u32,
    stays: u32,
}

impl<'s> Reads<'s> {
    /// At most [`READS_MAX`] times, and so many stays.
    pub(in crate::log) fn new(store: &'s dyn Store, now_unix_s: i64, stays: u32) -> Self {
        Self { store, now_unix_s, times: READS_MAX, stays }
    }

    /// What time it is, in seconds since 1970.
    pub(super) fn now_unix_s(&self) -> i64 {
        self.now_unix_s
    }

    /// The stays that are not over; `None` if they are too many, or cannot be read.
    pub(super) async fn open(&mut self, scope: &Scope) -> Option<Vec<Stay>> {
        let mut stays = self.since(scope, None, self.now_unix_s).await?;
        stays.retain(|stay| stay.left_unix_s().is_none());
        Some(stays)
    }

    /// The stays that were not over at a time; `None` if they are too many, or cannot be read.
    pub(super) async fn since(
        &mut self,
        scope: &Scope,
        participants: Option<BTreeSet<ParticipantId>>,
        from_unix_s: i64,
    ) -> Option<Vec<Stay>> {
        let page = self.page(scope, participants, from_unix_s, READ_MAX).await?;
        (page.total <= page.stays.len() as u64).then_some(page.stays)
    }

    /// The first of the stays that are not over, if there is any; `None` if it cannot be read.
    pub(super) async fn first(&mut self, scope: &Scope) -> Option<Option<Stay>> {
        let page = self.page(scope, None, self.now_unix_s, 1).await?;
        Some(page.stays.into_iter().next())
    }

    async fn page(
        &mut self,
        (app, room): &Scope,
        participants: Option<BTreeSet<ParticipantId>>,
        from_unix_s: i64,
        limit: u32,
    ) -> Option<StayPage> {
        self.times = self.times.checked_sub(1)?;
        let query = StayQuery {
            app: *app,
            room: room.clone(),
            participants,
            with_servers: true,
            from_unix_s: from_unix_s.min(self.now_unix_s),
            until_unix_s: self.now_unix_s + AHEAD_S_MAX,
            offset: 0,
            limit: limit.min(self.stays),
        };
        let page = self.store.page_of_stays(&query).await.ok()?;
        let read = u32::try_from(page.stays.len()).unwrap_or(u32::MAX);
        self.stays = self.stays.saturating_sub(read);
        Some(page)
    }
}
