//! Asking which calls began in a window, and how far each has come.
//!
//! The port knows stays, not calls, so calls are put together from stays here, and no answer bears
//! on more than so many of them: the calls told are the first of those that were asked for, each of
//! them exactly, and it is told whether there are more. A store that kept, for each app and room,
//! the calls by the second in which they began, with the last leave of each and how many are there,
//! and how many calls began in each second, would answer at the cost of a page and know the total
//! of any window.

use std::collections::{BTreeMap, BTreeSet};

use super::present::{READ_MAX, newest, who_is_in};
use super::query::StayQuery;
use super::record::AHEAD_S_MAX;
use super::stay::Stay;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, CallId, Door, RoomId};

/// How many stays from before a window are read at most, to tell which calls had begun before it.
const EARLIER_READ_MAX: usize = 10 * READ_MAX as usize;

/// How often it is looked further for the last leave of a call, each time among those who left
/// after the last one that was found.
const LOOKS_MAX: usize = 16;

/// Which calls, and which of them to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallQuery {
    /// Of this tenant.
    pub app: AppId,
    /// In this room, or in any.
    pub room: Option<RoomId>,
    /// Those that began in this second or later, ...
    pub from_unix_s: i64,
    /// ... and in this second or before.
    pub until_unix_s: i64,
    /// How many of them to pass over, in the order of their beginning, then of room, call and door.
    pub offset: u64,
    /// How many of them to show.
    pub limit: u32,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The way its events came in.
    pub door: Door,
    /// Where.
    pub room: RoomId,
    /// Its id.
    pub call: CallId,
    /// Its first join, in whole seconds.
    pub created_unix_s: i64,
    /// Its last leave, in whole seconds; `None` while somebody is there.
    pub ended_unix_s: Option<i64>,
    /// How many participants are there now; as far as the first [`READ_MAX`] stays of the room that
    /// are not over tell it.
    pub present: u64,
}

/// Some of the calls that a query selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPage {
    /// How many calls were found, on all pages.
    pub total: u64,
    /// Whether more may have begun in the window than were found, all of them later.
    pub more: bool,
    /// Those of this page.
    pub calls: Vec<Call>,
}

/// What a call is known by, in the order of answers.
type Found = (i64, RoomId, CallId, Door);

/// One page of the calls that began in a window.
///
/// A call began with its first join, wherever in the log that is. It is read in several steps, not
/// as of one instant: what changes meanwhile may be told, or not. In a room with more than
/// [`READ_MAX`] stays before the window, a call of which none of the last of them is, is taken to
/// have begun in it.
pub async fn list_calls(ctx: &Context, query: &CallQuery) -> Result<CallPage> {
    if query.until_unix_s < query.from_unix_s {
        return Ok(CallPage { total: 0, more: false, calls: vec![] });
    }
    let (stays, mut more) = began_in(ctx, query).await?;
    let (found, stopped) = leave_out_earlier(ctx, query, first_joins(&stays)).await?;
    more |= stopped;
    let total = found.len() as u64;
    let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let mut calls = vec![];
    for call in found.into_iter().skip(offset).take(query.limit as usize) {
        calls.push(look_at(ctx, query.app, call).await?);
    }
    Ok(CallPage { total, more, calls })
}

fn all_of(query: &CallQuery) -> StayQuery {
    StayQuery {
        app: query.app,
        room: query.room.clone(),
        participants: None,
        with_servers: true,
        from_unix_s: query.from_unix_s,
        until_unix_s: query.until_unix_s,
        offset: 0,
        limit: READ_MAX,
    }
}

/// The first stays that began in the window, and whether there are more.
async fn began_in(ctx: &Context, query: &CallQuery) -> Result<(Vec<Stay>, bool)> {
    let all = all_of(query);
    // Those who were there before come first.
    let until_unix_s = query.from_unix_s.saturating_sub(1);
    let before = StayQuery { until_unix_s, limit: 0, ..all.clone() };
    let mut before = ctx.store.page_of_stays(&before).await?.total;
    let began_before = |stay: &Stay| stay.created_unix_s() < query.from_unix_s;
    loop {
        let offset = before.saturating_sub(1);
        let mut page = ctx.store.page_of_stays(&StayQuery { offset, ..all.clone() }).await?;
        // The last of them must still be the last, or somebody would be passed over.
        if before == 0 || page.stays.first().is_some_and(began_before) {
            let is_more = offset + (page.stays.len() as u64) < page.total;
            page.stays.retain(|stay| !began_before(stay));
            return Ok((page.stays, is_more));
        }
        before /= 2;
    }
}

/// The calls of these stays, each at the first of them, in the order of answers.
fn first_joins(stays: &[Stay]) -> Vec<Found> {
    let mut first: BTreeMap<(&RoomId, &CallId, &Door), i64> = BTreeMap::new();
    for stay in stays {
        let created = stay.created_unix_s();
        let known = first.entry((&stay.room, &stay.call, &stay.door)).or_insert(created);
        *known = created.min(*known);
    }
    let found = |((room, call, door), created): ((&RoomId, &CallId, &Door), i64)| {
        (created, room.clone(), call.clone(), door.clone())
    };
    let mut found: Vec<Found> = first.into_iter().map(found).collect();
    found.sort();
    found
}

/// Those of the calls that had not begun before the window, and whether it was given up on later
/// ones.
async fn leave_out_earlier(
    ctx: &Context,
    query: &CallQuery,
    found: Vec<Found>,
) -> Result<(Vec<Found>, bool)> {
    let mut earlier: BTreeMap<RoomId, BTreeSet<(CallId, Door)>> = BTreeMap::new();
    let mut read = 0;
    let mut kept = Vec::with_capacity(found.len());
    for one in found {
        let (_, room, call, door) = &one;
        if !earlier.contains_key(room) {
            if read >= EARLIER_READ_MAX {
                return Ok((kept, true));
            }
            let before = StayQuery {
                room: Some(room.clone()),
                from_unix_s: 0,
                until_unix_s: query.from_unix_s.saturating_sub(1),
                ..all_of(query)
            };
            let (stays, _) = newest(ctx, &before).await?;
            read += stays.len();
            let calls = stays.into_iter().map(|stay| (stay.call, stay.door)).collect();
            earlier.insert(room.clone(), calls);
        }
        let had_begun = earlier
            .get(room)
            .is_some_and(|calls| calls.iter().any(|(earlier, at)| earlier == call && at == door));
        if !had_begun {
            kept.push(one);
        }
    }
    Ok((kept, false))
}

/// How far a call has come.
async fn look_at(
    ctx: &Context,
    app: AppId,
    (created_unix_s, room, call, door): Found,
) -> Result<Call> {
    let is_of_call = |stay: &&Stay| stay.call == call && stay.door == door;
    let open = who_is_in(ctx, app, &room, None).await?;
    let there = open.stays.iter().filter(is_of_call).map(|stay| &stay.participant);
    let present = there.collect::<BTreeSet<_>>().len() as u64;
    let mut ended_unix_s = None;
    if present == 0 {
        let mut after = StayQuery {
            app,
            room: Some(room.clone()),
            participants: None,
            with_servers: true,
            from_unix_s: created_unix_s,
            until_unix_s: ctx.clock.now_unix_s() + AHEAD_S_MAX,
            offset: 0,
            limit: READ_MAX,
        };
        for _ in 0..LOOKS_MAX {
            let (stays, is_whole) = newest(ctx, &after).await?;
            let last = stays.iter().filter(is_of_call).filter_map(Stay::left_unix_s).max();
            ended_unix_s = ended_unix_s.max(last);
            match last {
                Some(last) if !is_whole => after.from_unix_s = last.saturating_add(1),
                _ => break,
            }
        }
        // Somebody has come back since it was asked who is there.
        ended_unix_s = ended_unix_s.or(Some(created_unix_s));
    }
    Ok(Call { door, room, call, created_unix_s, ended_unix_s, present })
}
