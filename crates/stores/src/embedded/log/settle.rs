//! What follows from the events of a group: whose intervals are folded again, and what is written.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use domain::ids::{AppId, CallId, Door, ParticipantId};
use domain::log::room::told_join;
use domain::log::stay::stays_of;
use domain::log::{Closer, Interval, Reach, Stay};

use super::append::event_of;
use super::calls;
use super::closers::{Folded, RoomClosers};
use super::place::{Room, Seat};
use super::remove;
use super::standing::{self, Standing, Watcher};
use super::stays;
use super::tally;
use super::touched::{Came, ToldJoins, Touched, TouchedRoom};
use super::uncalled::{self, Changed};
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, Part, time_bytes};
use crate::embedded::transaction::{Read, Write};

/// Brings everything that is derived from events up to date with them.
pub(in crate::embedded) fn settle(write: &mut Write<'_>, mut touched: Touched<'_>) -> Result<()> {
    for ((app, door), restarts) in restarts_that_matter(write, &mut touched)? {
        let Some(&since) = restarts.first() else { continue };
        for (number, at) in standing::watching_rooms(write.read(), (app, &door), since)? {
            let room = touched.rooms.entry(number).or_insert_with(|| TouchedRoom::new(at));
            room.restarts = Rc::clone(&restarts);
        }
    }
    for (number, touched) in &mut touched.rooms {
        let begins_unix_us = remove::beginning(write, *number, touched)?;
        settle_first_joins(write, (*number, begins_unix_us), touched)?;
        let room = Room { number: *number, at: &touched.at, begins_unix_us };
        settle_room(write, room, touched)?;
    }
    Ok(())
}

/// When servers of an app and door began anew, in order.
type Restarts = BTreeMap<(AppId, Door), Rc<[i64]>>;

/// The restarts of each app and door, but for those of servers through which nobody came.
fn restarts_that_matter(write: &Write<'_>, touched: &mut Touched<'_>) -> Result<Restarts> {
    let mut restarts: BTreeMap<(AppId, Door), BTreeSet<i64>> = BTreeMap::new();
    for (server, times) in std::mem::take(&mut touched.restarts) {
        if tally::tells_of_anybody(write, &server)? {
            let (app, door, _) = server;
            restarts.entry((app, door)).or_default().extend(times);
        }
    }
    Ok(restarts.into_iter().map(|(at, times)| (at, times.into_iter().collect())).collect())
}

/// Keeps the first joins of calls. A first join is a closer, so one that moves is two that changed.
fn settle_first_joins(
    write: &mut Write<'_>,
    (room, begins_unix_us): (u64, i64),
    touched: &mut TouchedRoom<'_>,
) -> Result<()> {
    for (call, joins) in &touched.calls {
        let key = Key::in_room(room, Part::FirstJoins).bytes(call.as_str().as_bytes());
        let old = write.tables.first_joins.find(&write.txn, &key)?;
        let new = first_join(write.read(), (room, begins_unix_us), (call, joins), old)?;
        if old == new {
            continue;
        }
        let Write { tables, txn, .. } = write;
        let by_time = |at: i64| Key::in_room(room, Part::Calls).time(at).text(call.as_str());
        if let Some(old) = old {
            tables.calls.delete(txn, &by_time(old))?;
            tables.first_joins.delete(txn, &key)?;
        }
        if let Some(new) = new {
            tables.calls.put(txn, &by_time(new), &[])?;
            tables.first_joins.put(txn, &key, &new)?;
        }
        let moved = old.into_iter().chain(new);
        touched.closers.extend(moved.map(|at| Closer::superseding(call.clone(), at)));
    }
    Ok(())
}

fn first_join(
    read: Read<'_>,
    (room, begins_unix_us): (u64, i64),
    (call, joins): (&CallId, &ToldJoins),
    old: Option<i64>,
) -> Result<Option<i64>> {
    if !joins.one_went {
        return Ok(old.into_iter().chain(joins.came_unix_us).min());
    }
    // An event gave way to another one of its identity, which is rare enough to look at the whole
    // room.
    let mut first: Option<i64> = None;
    let index = &read.tables.room_events;
    let events = Key::in_room(room, Part::RoomEvents);
    for row in index.range(read.txn, &events, &time_bytes(begins_unix_us))? {
        let event = event_of(read, index, row?.0)?;
        if let Some((_, joined)) = told_join(&event).filter(|(told, _)| *told == call) {
            first = Some(first.unwrap_or(i64::MAX).min(joined));
        }
    }
    Ok(first)
}

/// A participant who is folded again: what was kept of them, and what is to be.
struct Refolded {
    old: Standing,
    new: Standing,
    folded: Folded,
}

fn settle_room(write: &mut Write<'_>, room: Room<'_>, touched: &TouchedRoom<'_>) -> Result<()> {
    let whom = whom_to_fold(write.read(), room.number, touched)?;
    let mut refolded = refold(write.read(), (room, touched), &whom)?;
    let mut changed = Changed::default();
    for (participant, it) in &mut refolded {
        let placed = uncalled::placed(&it.folded.intervals);
        let change = (&*it.old.uncalled, &*placed);
        uncalled::replace_intervals(write, room.seat(participant), change, &mut changed)?;
        it.new.uncalled = placed.iter().map(|(place, _)| *place).collect();
    }
    changed.changes.retain(|change| change.joined_unix_us >= room.begins_unix_us);
    let mut moved = calls::mint_again(write, room, &changed)?;
    moved.retain(|participant| !refolded.contains_key(participant));
    refolded.extend(refold(write.read(), (room, touched), &moved)?);

    let mut untils = BTreeSet::new();
    for (participant, mut it) in refolded {
        let seat = room.seat(&participant);
        let shown = shown(write.read(), room, seat, &it.folded.intervals)?;
        it.new.stays = stays::replace(write, &it.old.stays, &shown)?;
        standing::replace(write, seat, &it.old, &it.new)?;
        if it.old.watch != it.new.watch {
            let watches = [it.old.watch.closers, it.new.watch.closers];
            untils.extend(watches.into_iter().flatten().map(|(_, until)| until));
        }
    }
    untils.into_iter().try_for_each(|until| standing::list_room(write, room, until))
}

/// Whom the events are about, and everyone whose intervals depend on what changed.
fn whom_to_fold(
    read: Read<'_>,
    room: u64,
    touched: &TouchedRoom<'_>,
) -> Result<BTreeSet<ParticipantId>> {
    let mut whom: BTreeSet<ParticipantId> = touched.participants.keys().cloned().collect();
    let closers = touched.closers.iter().map(|closer| closer.effective_unix_us);
    let since = closers.chain(touched.restarts.first().copied()).min();
    if let Some(since) = since {
        for watcher in standing::watching_closers(read, room, since)? {
            let watcher = watcher?;
            if touched.closers.iter().any(|closer| can_concern(closer, &watcher))
                || is_one_within(&touched.restarts, &watcher)
            {
                whom.insert(watcher.participant);
            }
        }
    }
    for watcher in standing::watching_what_is_heard(read, room, touched.heard_unix_us)? {
        whom.insert(watcher?.participant);
    }
    Ok(whom)
}

fn can_concern(closer: &Closer, watcher: &Watcher) -> bool {
    let within = (watcher.from_unix_us..=watcher.until_unix_us).contains(&closer.effective_unix_us);
    let there = matches!(&closer.reach, Reach::Absent { present, .. }
        if present.contains(&watcher.participant));
    within && !there
}

/// Whether one of these instants, which are in order, matters to somebody.
fn is_one_within(instants: &[i64], watcher: &Watcher) -> bool {
    let first = instants.partition_point(|instant| *instant < watcher.from_unix_us);
    instants.get(first).is_some_and(|instant| *instant <= watcher.until_unix_us)
}

fn refold(
    read: Read<'_>,
    (room, touched): (Room<'_>, &TouchedRoom<'_>),
    whom: &BTreeSet<ParticipantId>,
) -> Result<BTreeMap<ParticipantId, Refolded>> {
    let closers = RoomClosers::new(read, room);
    let nothing_came = Came::new();
    let refold = |participant: &ParticipantId| {
        let old = standing::find(read, room.seat(participant))?;
        let came = touched.participants.get(participant).unwrap_or(&nothing_came);
        let folded = closers.fold(participant, came)?;
        let new = Standing { watch: folded.watch, ..old.clone() };
        Ok((participant.clone(), Refolded { old, new, folded }))
    };
    whom.iter().map(refold).collect()
}

/// The stays that these intervals show, each interval in the call that it has or was given.
fn shown(
    read: Read<'_>,
    room: Room<'_>,
    seat: Seat<'_>,
    intervals: &[Interval],
) -> Result<Vec<Stay>> {
    let told = intervals.iter().filter_map(|it| Some((it.call.clone()?, it)));
    let mut called: Vec<(CallId, &Interval)> = told.collect();
    for (place, interval) in uncalled::placed(intervals) {
        let call = uncalled::call_of(read, seat, place)?;
        called.push((call, interval));
    }
    let called = called.iter().map(|(call, interval)| (call, *interval));
    Ok(stays_of(room.at, seat.participant, called))
}
