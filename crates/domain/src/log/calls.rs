//! Asking which calls began in a window, and how far each has come.
//!
//! The port knows stays, not calls, so calls are put together from stays here: all that began in
//! the window are read, a page at a time, and what is kept meanwhile are the calls. No answer bears
//! on more than [`CALLS_MAX`] of them: then those told are the first, and it is told that there are
//! more. A store that kept, for each app and room, the calls by the second in which they began, and
//! how many began in each second, would answer at the cost of a page.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::pages::{Pages, READ_MAX};
use super::present::{OpenPages, PEOPLE_MAX};
use super::query::StayQuery;
use super::record::AHEAD_S_MAX;
use super::stay::Stay;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, CallId, Door, ParticipantId, RoomId};

/// How many calls are found for one answer at most.
pub const CALLS_MAX: usize = 100_000;

/// How many stays from before a window are read at most, to tell which calls had begun before it.
const EARLIER_READ_MAX: usize = 1_000_000;

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
    /// How many participants are there now; those beyond the first [`PEOPLE_MAX`] of the room are
    /// counted by their stays.
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

/// What a call is known by among those of its room.
type OfRoom = (CallId, Door);

/// One page of the calls that began in a window.
///
/// A call began with its first join, wherever in the log that is. It is read in several steps, not
/// as of one instant: what changes meanwhile may be told, or not. If the rooms that are found had
/// more than a million stays before the window, those of the later ones are not told, but that
/// there are more.
pub async fn list_calls(ctx: &Context, query: &CallQuery) -> Result<CallPage> {
    if query.until_unix_s < query.from_unix_s {
        return Ok(CallPage { total: 0, more: false, calls: vec![] });
    }
    let (found, is_more) = began_in(ctx, query).await?;
    let (found, is_cut) = leave_out_earlier(ctx, query, found).await?;
    let total = found.len() as u64;
    let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let shown = found.into_iter().skip(offset).take(query.limit as usize).collect();
    let calls = look_at(ctx, query.app, shown).await?;
    Ok(CallPage { total, more: is_more || is_cut, calls })
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

/// The calls of which anybody came in the window, each with the first who did, in the order of
/// answers; and whether there are more than these.
async fn began_in(ctx: &Context, query: &CallQuery) -> Result<(Vec<Found>, bool)> {
    let all = all_of(query);
    // Those who were there before come first.
    let until_unix_s = query.from_unix_s.saturating_sub(1);
    let before = StayQuery { until_unix_s, limit: 0, ..all.clone() };
    let before = ctx.store.page_of_stays(&before).await?.total;
    let mut pages = Pages::since(all, query.from_unix_s, before);
    let mut first = FirstJoins::default();
    while !first.is_more
        && let Some(stays) = pages.next(&*ctx.store).await?
    {
        stays.into_iter().for_each(|stay| first.add(stay));
    }
    let found = |((room, call, door), created)| (created, room, call, door);
    let mut found: Vec<Found> = first.of_calls.into_iter().map(found).collect();
    found.sort();
    Ok((found, first.is_more))
}

/// The first joins of calls, out of stays in the order of answers.
#[derive(Default)]
struct FirstJoins {
    /// Of the first [`CALLS_MAX`] calls.
    of_calls: BTreeMap<(RoomId, CallId, Door), i64>,
    is_more: bool,
}

impl FirstJoins {
    fn add(&mut self, stay: Stay) {
        let created = stay.created_unix_s();
        let is_full = self.of_calls.len() >= CALLS_MAX;
        match self.of_calls.entry((stay.room, stay.call, stay.door)) {
            Entry::Occupied(_) => {}
            Entry::Vacant(_) if is_full => self.is_more = true,
            Entry::Vacant(vacant) => {
                vacant.insert(created);
            }
        }
    }
}

/// Those of the calls that had not begun before the window, and whether it was given up on later
/// ones.
async fn leave_out_earlier(
    ctx: &Context,
    query: &CallQuery,
    found: Vec<Found>,
) -> Result<(Vec<Found>, bool)> {
    let mut of_rooms: BTreeMap<&RoomId, BTreeSet<OfRoom>> = BTreeMap::new();
    for (_, room, call, door) in &found {
        of_rooms.entry(room).or_default().insert((call.clone(), door.clone()));
    }
    let mut rooms = BTreeSet::new();
    let (mut earlier, mut read, mut known) = (BTreeSet::new(), 0, found.len());
    for (place, (_, room, ..)) in found.iter().enumerate() {
        if !rooms.insert(room) {
            continue;
        }
        if read >= EARLIER_READ_MAX {
            known = place;
            break;
        }
        let mut left = of_rooms.remove(room).unwrap_or_default();
        let mut pages = Pages::new(StayQuery {
            room: Some(room.clone()),
            from_unix_s: 0,
            until_unix_s: query.from_unix_s.saturating_sub(1),
            ..all_of(query)
        });
        while !left.is_empty()
            && let Some(stays) = pages.next(&*ctx.store).await?
        {
            read += stays.len();
            for stay in stays {
                let of_room = (stay.call, stay.door);
                if left.remove(&of_room) {
                    earlier.insert((stay.room, of_room));
                }
            }
        }
    }
    let is_cut = known < found.len();
    let is_new = |(_, room, call, door): &Found| {
        !earlier.contains(&(room.clone(), (call.clone(), door.clone())))
    };
    Ok((found.into_iter().take(known).filter(is_new).collect(), is_cut))
}

/// How far calls have come.
async fn look_at(ctx: &Context, app: AppId, shown: Vec<Found>) -> Result<Vec<Call>> {
    let mut rooms: BTreeMap<&RoomId, BTreeMap<OfRoom, i64>> = BTreeMap::new();
    for (created, room, call, door) in &shown {
        rooms.entry(room).or_default().insert((call.clone(), door.clone()), *created);
    }
    let (mut present, mut ended) = (BTreeMap::new(), BTreeMap::new());
    for (room, calls) in rooms {
        let there = who_is_in_calls(ctx, app, room, &calls).await?;
        let over: BTreeMap<OfRoom, i64> =
            calls.into_iter().filter(|(call, _)| !there.contains_key(call)).collect();
        let left = last_leaves(ctx, app, room, over).await?;
        present.extend(there.into_iter().map(|(call, count)| ((room.clone(), call), count)));
        ended.extend(left.into_iter().map(|(call, left)| ((room.clone(), call), left)));
    }
    let call = |(created_unix_s, room, call, door): &Found| {
        let key = (room.clone(), (call.clone(), door.clone()));
        Call {
            door: door.clone(),
            room: room.clone(),
            call: call.clone(),
            created_unix_s: *created_unix_s,
            ended_unix_s: ended.get(&key).copied(),
            present: present.get(&key).copied().unwrap_or(0),
        }
    };
    Ok(shown.iter().map(call).collect())
}

/// In which of these calls of a room anybody is, and how many.
async fn who_is_in_calls(
    ctx: &Context,
    app: AppId,
    room: &RoomId,
    calls: &BTreeMap<OfRoom, i64>,
) -> Result<BTreeMap<OfRoom, u64>> {
    let mut people: BTreeMap<OfRoom, (BTreeSet<ParticipantId>, u64)> = BTreeMap::new();
    let mut count = 0;
    let mut pages = OpenPages::new(ctx, app, Some(room.clone()), None);
    while let Some(stays) = pages.next(ctx).await? {
        for stay in stays {
            let call = (stay.call, stay.door);
            if !calls.contains_key(&call) {
                continue;
            }
            let (there, more) = people.entry(call).or_default();
            if count < PEOPLE_MAX {
                count += usize::from(there.insert(stay.participant));
            } else {
                *more += u64::from(!there.contains(&stay.participant));
            }
        }
    }
    let count = |(call, (there, more)): (_, (BTreeSet<_>, u64))| (call, there.len() as u64 + more);
    Ok(people.into_iter().map(count).collect())
}

/// The last leave of each of these calls of a room, which are over, and of which it is told when
/// they began.
async fn last_leaves(
    ctx: &Context,
    app: AppId,
    room: &RoomId,
    mut calls: BTreeMap<OfRoom, i64>,
) -> Result<BTreeMap<OfRoom, i64>> {
    // If somebody has come back since it was asked who is there, it is over as it began.
    let Some(from_unix_s) = calls.values().copied().min() else { return Ok(calls) };
    let mut pages = Pages::new(StayQuery {
        app,
        room: Some(room.clone()),
        participants: None,
        with_servers: true,
        from_unix_s,
        until_unix_s: ctx.clock.now_unix_s() + AHEAD_S_MAX,
        offset: 0,
        limit: READ_MAX,
    });
    while let Some(stays) = pages.next(&*ctx.store).await? {
        for stay in stays {
            let Some(left) = stay.left_unix_s() else { continue };
            if let Some(last) = calls.get_mut(&(stay.call, stay.door)) {
                *last = left.max(*last);
            }
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Certainty, ClientFacts, End, Span};

    #[test]
    fn of_too_many_calls_the_first_are_told_and_that_there_are_more() {
        let stay = |call: usize, joined_unix_s: i64| Stay {
            app: AppId(1),
            door: Door::parse("native").unwrap(),
            room: RoomId::parse("r").unwrap(),
            call: CallId::parse(&call.to_string()).unwrap(),
            participant: ParticipantId::parse("p").unwrap(),
            spans: vec![Span {
                joined_unix_us: joined_unix_s * 1_000_000,
                join: Certainty::Reported,
                end: End::Open,
            }],
            client: ClientFacts::default(),
            published: false,
        };
        let mut first = FirstJoins::default();
        (0..CALLS_MAX).for_each(|call| first.add(stay(call, 5)));
        // Of a call that is known there may be any number.
        first.add(stay(7, 6));
        assert_eq!((first.of_calls.len(), first.is_more), (CALLS_MAX, false));
        first.add(stay(CALLS_MAX, 7));
        assert_eq!((first.of_calls.len(), first.is_more), (CALLS_MAX, true));
        assert!(first.of_calls.values().all(|created| *created == 5));
    }
}
