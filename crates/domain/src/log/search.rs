//! Looking for calls: by a part of the room's name and by time, the last first.
//!
//! The port knows stays, so calls are put together from them. Of a window with more stays than are
//! read at once, those that began last are read, and whoever asks is told so.

use std::collections::BTreeMap;

use super::pages::let_others_work;
use super::query::{PAGE_LEN_MAX, StayQuery};
use super::stay::{RoomKey, Stay};
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, CallId, RoomId};

/// How many stays one search reads at most.
pub const SEARCH_READ_MAX: u64 = 20_000;

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
    /// How many of them to pass over.
    pub offset: usize,
    /// How many of them at most.
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
    /// How many there are behind them.
    pub more: usize,
    /// Whether there were more stays than are read: only those that began last were. Calls that
    /// began earlier are missing, or are told without whoever came first.
    pub is_cut: bool,
}

/// Looks for calls. It is read in several steps, not as of one instant: what changes meanwhile may
/// be told, or not.
pub async fn search_calls(ctx: &Context, search: &Search) -> Result<Found> {
    if search.until_unix_s < search.from_unix_s {
        return Ok(Found { calls: vec![], more: 0, is_cut: false });
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
    let mut offset = first;
    while offset < total {
        let page = StayQuery { offset, limit: PAGE_LEN_MAX, ..all.clone() };
        let page = ctx.store.page_of_stays(&page).await?.stays;
        if page.is_empty() {
            break;
        }
        offset += page.len() as u64;
        for stay in &page {
            if stay.room.as_str().to_lowercase().contains(&wanted) {
                add(&mut calls, stay);
            }
        }
        // An engine may answer without waiting.
        let_others_work().await;
    }
    let mut calls: Vec<FoundCall> = calls.into_values().collect();
    calls.sort_by_key(|call| std::cmp::Reverse(call.created_unix_s));
    let more = calls.len().saturating_sub(search.offset.saturating_add(search.limit));
    let calls = calls.into_iter().skip(search.offset).take(search.limit).collect();
    Ok(Found { calls, more, is_cut: first > 0 })
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
