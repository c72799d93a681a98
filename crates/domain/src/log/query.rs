//! Asking who was where.

use std::collections::BTreeSet;

use super::stay::Stay;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, ParticipantId, RoomId};

/// How many rows a page may have.
pub const PAGE_LEN_MAX: u32 = 1_000;

/// Which stays, and which of them to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StayQuery {
    /// Of this tenant.
    pub app: AppId,
    /// In this room, or in any.
    pub room: Option<RoomId>,
    /// Of these participants, or of anybody. Nobody is in an empty set.
    pub participants: Option<BTreeSet<ParticipantId>>,
    /// Also those of servers.
    pub with_servers: bool,
    /// Those that had not ended before this second, ...
    pub from_unix_s: i64,
    /// ... and had begun in this second or before.
    pub until_unix_s: i64,
    /// How many of them to pass over, in the order of answers.
    pub offset: u64,
    /// How many of them to show; [`list_stays`] shows [`PAGE_LEN_MAX`] at most.
    pub limit: u32,
}

impl StayQuery {
    /// Whether a stay is among those it asks for, whatever the page.
    pub fn selects(&self, stay: &Stay) -> bool {
        stay.app == self.app
            && self.room.as_ref().is_none_or(|room| *room == stay.room)
            && self.participants.as_ref().is_none_or(|some| some.contains(&stay.participant))
            && (self.with_servers || !stay.is_server())
            && stay.created_unix_s() <= self.until_unix_s
            && stay.left_unix_s().is_none_or(|left| left >= self.from_unix_s)
    }
}

/// Some of the stays that a query selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StayPage {
    /// How many stays the query selects, on all pages.
    pub total: u64,
    /// Those of this page, in the order of answers.
    pub stays: Vec<Stay>,
}

/// One page of the stays that `query` selects, [`PAGE_LEN_MAX`] long at most.
pub async fn list_stays(ctx: &Context, query: &StayQuery) -> Result<StayPage> {
    let nobody = query.participants.as_ref().is_some_and(BTreeSet::is_empty);
    if nobody || query.until_unix_s < query.from_unix_s {
        return Ok(StayPage { total: 0, stays: vec![] });
    }
    let limit = query.limit.min(PAGE_LEN_MAX);
    ctx.store.page_of_stays(&StayQuery { limit, ..query.clone() }).await
}
