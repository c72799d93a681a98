//! What is too old, found in small steps and without the writer.
//!
//! A [`Pass`] walks the events in the order of time, from the oldest to those that are young
//! enough. A room is looked at when one of its events is met. If it can be cut, the writer is asked
//! to, and the walk goes on when the part that goes is gone. If not, its events are passed over in
//! this pass, so that a room which is held back is looked at once. Where a pass stands is not
//! stored: a process that begins anew begins a new pass.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem;

use domain::AppId;
use domain::ids::Door;
use domain::log::Event;
use domain::log::retire::{find_cut, is_spent};
use domain::log::stay::RoomKey;

use super::append::{EventPlace, KnownEvent, event_of, restarts_at, room_key};
use super::remove::{Cut, Removal};
use crate::embedded::dead;
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, Part};
use crate::embedded::transaction::Read;

/// How many events are walked over in one step.
const WALKED_MAX: usize = 4_096;

/// How many events of a room are looked at. A room with more is held back.
const ROOM_EVENTS_MAX: usize = 200_000;

/// How many rooms are cut in one step.
const ROOMS_MAX: usize = 64;

/// How often a room is looked at in one pass that changes meanwhile.
const TRIES_MAX: u32 = 16;

/// How many restarts are judged in one pass; the others wait for a later one.
const RESTARTS_MAX: usize = 10_000;

/// Where the search stands.
#[derive(Default)]
pub(in crate::embedded) struct Pass {
    /// What is older than this is looked for, once the pass has begun.
    before_unix_us: Option<i64>,
    /// The key in `events` from which to go on.
    from: Vec<u8>,
    /// Rooms that are held back, by number.
    held: HashSet<u64>,
    /// How often rooms changed while they were looked at, by number.
    refused: HashMap<u64, u32>,
    /// The oldest event about a room that is left.
    oldest_left: HashMap<(AppId, Door), i64>,
    /// Restarts that may be spent.
    restarts: BTreeMap<EventPlace, Event>,
}

/// What to do next.
pub(in crate::embedded) enum Step {
    /// Something is to be removed.
    Remove(Removal),
    /// Nothing, but the pass goes on.
    GoOn,
    /// Nothing, and the pass is over.
    Over,
}

impl Pass {
    /// Looks for what is older than `before_unix_us`, or than what was given when the pass began.
    pub(in crate::embedded) fn next(
        &mut self,
        read: Read<'_>,
        before_unix_us: i64,
        events_max: usize,
    ) -> Result<Step> {
        if read.tables.cuts.range(read.txn, &[], &[])?.next().transpose()?.is_some() {
            return Ok(Step::Remove(Removal { events_max, ..Removal::default() }));
        }
        if let Some(app) = dead::app_with_old(read, before_unix_us)? {
            let letters = Some((app, before_unix_us));
            return Ok(Step::Remove(Removal { letters, events_max, ..Removal::default() }));
        }
        let before_unix_us = *self.before_unix_us.get_or_insert(before_unix_us);
        let from = self.from.clone();
        let mut walked = 0;
        let mut cuts = Cuts::default();
        for row in read.tables.events.range(read.txn, &[], &from)? {
            let (key, KnownEvent { event, .. }) = row?;
            if event.time_unix_us >= before_unix_us || cuts.are_enough(events_max) {
                break;
            }
            // What is refused is walked over again.
            if cuts.rooms.is_empty() {
                self.from = key.to_vec();
            }
            if walked >= WALKED_MAX {
                return Ok(cuts.into_step(events_max).unwrap_or(Step::GoOn));
            }
            walked += 1;
            let Some(room) = event.room() else {
                self.meet_restart(EventPlace::of("events", key)?, event);
                continue;
            };
            let at = RoomKey { app: event.app, door: event.door.clone(), room: room.clone() };
            let number = read.tables.rooms.get(read.txn, &room_key(&at))?;
            match cuts.rooms.get(&number) {
                Some(cut) if event.time_unix_us < cut.begins_unix_us => continue,
                _ => {}
            }
            if !self.held.contains(&number) && !cuts.rooms.contains_key(&number) {
                let events = events_of(read, number, &at)?;
                let len = events.as_ref().map_or(ROOM_EVENTS_MAX, Vec::len);
                walked += len;
                let cut = events.and_then(|events| find_cut(events, before_unix_us));
                if let Some(begins_unix_us) = cut {
                    cuts.events += len;
                    cuts.rooms.insert(number, Cut { at, begins_unix_us });
                    continue;
                }
                self.held.insert(number);
            }
            self.oldest_left.entry((event.app, event.door)).or_insert(event.time_unix_us);
        }
        match cuts.into_step(events_max) {
            Some(step) => Ok(step),
            None => Ok(self.finish(before_unix_us, events_max)),
        }
    }

    /// These rooms changed in between: they are looked at again, and in the end have to wait for
    /// the next pass.
    pub(in crate::embedded) fn refuse(&mut self, rooms: Vec<u64>) {
        for room in rooms {
            let tries = self.refused.entry(room).or_insert(0);
            *tries += 1;
            if *tries >= TRIES_MAX {
                self.held.insert(room);
            }
        }
    }

    fn meet_restart(&mut self, place: EventPlace, event: Event) {
        let server = (event.app, event.door.clone());
        // What is left and older was met before.
        let oldest = self.oldest_left.get(&server);
        let is_oldest = oldest.is_none_or(|oldest| *oldest > event.time_unix_us);
        if is_oldest && self.restarts.len() < RESTARTS_MAX {
            self.restarts.insert(place, event);
        }
    }

    /// Judges the restarts, and begins anew.
    fn finish(&mut self, before_unix_us: i64, events_max: usize) -> Step {
        let Self { restarts, oldest_left, .. } = mem::take(self);
        let is_spent = |event: &Event| {
            let oldest = oldest_left.get(&(event.app, event.door.clone())).copied();
            is_spent(event, oldest, before_unix_us)
        };
        let spent = restarts.into_iter().filter(|(_, event)| is_spent(event));
        let restarts: Vec<EventPlace> = spent.map(|(place, _)| place).take(events_max).collect();
        match restarts.is_empty() {
            true => Step::Over,
            false => Step::Remove(Removal { restarts, events_max, ..Removal::default() }),
        }
    }
}

/// Rooms that can be cut, by number.
#[derive(Default)]
struct Cuts {
    rooms: BTreeMap<u64, Cut>,
    /// How many events those rooms have, about as many as will go.
    events: usize,
}

impl Cuts {
    fn are_enough(&self, events_max: usize) -> bool {
        self.events >= events_max || self.rooms.len() >= ROOMS_MAX
    }

    fn into_step(self, events_max: usize) -> Option<Step> {
        let cuts: Vec<(u64, Cut)> = self.rooms.into_iter().collect();
        let removal = Removal { cuts, events_max, ..Removal::default() };
        (!removal.cuts.is_empty()).then_some(Step::Remove(removal))
    }
}

/// Everything that concerns a room; `None` if it is too much to be looked at.
pub(super) fn events_of(read: Read<'_>, number: u64, at: &RoomKey) -> Result<Option<Vec<Event>>> {
    let mut events = vec![];
    let index = &read.tables.room_events;
    for row in index.range(read.txn, &Key::in_room(number, Part::RoomEvents), &[])? {
        if events.len() >= ROOM_EVENTS_MAX {
            tracing::warn!(room = number, "a room has too many events to be retired");
            return Ok(None);
        }
        events.push(event_of(read, index, row?.0)?);
    }
    let index = &read.tables.restarts;
    for row in index.range(read.txn, &restarts_at(at.app, at.door.as_str()), &[])? {
        events.push(event_of(read, index, row?.0)?);
    }
    Ok(Some(events))
}
