//! Looking for calls: by a part of the room's name and by time, the last first.
//!
//! The port knows stays, so calls are put together from them. Of a window with more stays than are
//! read at once, those that began last are read, and whoever asks is told where to go on.

use std::collections::BTreeMap;

use super::query::{PAGE_LEN_MAX, StayQuery};
use super::stay::{RoomKey, Stay};
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, CallId, RoomId};

/// How many stays one search reads at most.
pub const SEARCH_READ_MAX: u64 = 20_000;

/// How many more calls are told than were asked for, if they began in one second.
const SECOND_MORE_MAX: usize = 1_000;

/// Which calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Of this tenant.
    pub app: AppId,
    /// In this very room, or in any.
    pub room: Option<RoomId>,
    /// In rooms whose names hold this, in capitals or not; nothing means any.
    pub name: String,
    /// In which somebody was in this second or later, ...
    pub from_unix_s: i64,
    /// ... and in this second or before.
    pub until_unix_s: i64,
    /// How many of them, and as many more as began in one second with the last of them.
    pub limit: usize,
}

/// A call, as far as the stays that were read tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCall {
    /// Where.
    pub at: RoomKey,
    /// Its id.
    pub call: CallId,
    /// Its first join, in whole seconds.
    pub created_unix_s: i64,
    /// Its last leave, in whole seconds; `None` while somebody is there.
    pub ended_unix_s: Option<i64>,
    /// How many were in it.
    pub people: u64,
    /// How many are there now.
    pub present: u64,
    /// How many published a stream.
    pub published: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Those that began last first.
    pub calls: Vec<FoundCall>,
    /// If there may be more: they began in this second or before.
    pub earlier_unix_s: Option<i64>,
}

/// Looks for calls. It is read in several steps, not as of one instant: what changes meanwhile may
/// be told, or not.
pub async fn search_calls(ctx: &Context, search: &Search) -> Result<Found> {
    let none = Found { calls: vec![], earlier_unix_s: None };
    if search.until_unix_s < search.from_unix_s {
        return Ok(none);
    }
    let all = StayQuery {
        app: search.app,
        room: search.room.clone(),
        participants: None,
        with_servers: true,
        from_unix_s: search.from_unix_s,
        until_unix_s: search.until_unix_s,
        offset: 0,
        limit: 0,
    };
    let total = ctx.store.page_of_stays(&all).await?.total;
    let first = total.saturating_sub(SEARCH_READ_MAX);
    let wanted = search.name.to_lowercase();
    let mut calls = BTreeMap::new();
    let (mut offset, mut oldest) = (first, None);
    while offset < total {
        let page = StayQuery { offset, limit: PAGE_LEN_MAX, ..all.clone() };
        let page = ctx.store.page_of_stays(&page).await?.stays;
        let Some(begin) = page.first() else { break };
        oldest.get_or_insert(begin.created_unix_s());
        offset += page.len() as u64;
        for stay in &page {
            if stay.room.as_str().to_lowercase().contains(&wanted) {
                add(&mut calls, stay);
            }
        }
    }
    let mut calls: Vec<FoundCall> = calls.into_values().collect();
    calls.sort_by_key(|call| std::cmp::Reverse(call.created_unix_s));
    let cut = cut_between_seconds(&mut calls, search.limit);
    // The oldest second may have been read in part, so that it is read again, unless it is all.
    let unread = oldest.filter(|_| first > 0);
    let unread = unread.map(|oldest| oldest.min(search.until_unix_s - 1));
    Ok(Found { calls, earlier_unix_s: cut.or(unread) })
}

/// Leaves the first `limit` calls, and those of the last one's second, so that the rest is found by
/// its seconds; tells the second in which it begins.
fn cut_between_seconds(calls: &mut Vec<FoundCall>, limit: usize) -> Option<i64> {
    let last = calls.get(limit.checked_sub(1)?)?.created_unix_s;
    let len = calls.partition_point(|call| call.created_unix_s >= last);
    let is_all = len == calls.len();
    calls.truncate(len.min(limit + SECOND_MORE_MAX));
    (!is_all).then(|| last - 1)
}

fn add(calls: &mut BTreeMap<(RoomKey, CallId), FoundCall>, stay: &Stay) {
    let at = RoomKey { app: stay.app, door: stay.door.clone(), room: stay.room.clone() };
    let call = calls.entry((at.clone(), stay.call.clone())).or_insert_with(|| FoundCall {
        at,
        call: stay.call.clone(),
        created_unix_s: stay.created_unix_s(),
        ended_unix_s: Some(i64::MIN),
        people: 0,
        present: 0,
        published: 0,
    });
    call.created_unix_s = call.created_unix_s.min(stay.created_unix_s());
    let left = stay.left_unix_s();
    call.ended_unix_s = call.ended_unix_s.zip(left).map(|(known, left)| known.max(left));
    call.people += 1;
    call.present += u64::from(left.is_none());
    call.published += u64::from(stay.published);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Door;

    fn call(room: &str, created_unix_s: i64) -> FoundCall {
        let room = RoomId::parse(room).unwrap();
        FoundCall {
            at: RoomKey { app: AppId(1), door: Door::parse("native").unwrap(), room },
            call: CallId::parse("c").unwrap(),
            created_unix_s,
            ended_unix_s: None,
            people: 1,
            present: 1,
            published: 0,
        }
    }

    #[test]
    fn a_page_ends_between_two_seconds() {
        let all = || vec![call("a", 9), call("b", 8), call("c", 8), call("d", 8), call("e", 7)];
        for (limit, len, next) in [(1, 1, Some(8)), (2, 4, Some(7)), (4, 4, Some(7)), (5, 5, None)]
        {
            let mut calls = all();
            assert_eq!(cut_between_seconds(&mut calls, limit), next, "{limit}");
            assert_eq!(calls.len(), len, "{limit}");
        }
        assert_eq!(cut_between_seconds(&mut all(), 9), None);
    }
}
