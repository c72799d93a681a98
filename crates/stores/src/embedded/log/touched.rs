//! What the events of a group touch, so that everything is folded once, at the group's end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use domain::ids::{AppId, CallId, Door, ParticipantId, SourceName};
use domain::log::room::told_join;
use domain::log::stay::RoomKey;
use domain::log::{Closer, Event, Fact};

use super::append::EventPlace;
use crate::embedded::fault::Result;

/// What the events of a group touch.
#[derive(Default)]
pub(in crate::embedded) struct Touched<'e> {
    pub(super) rooms: BTreeMap<u64, TouchedRoom<'e>>,
    /// The numbers of the rooms that were looked up.
    numbers: HashMap<RoomKey, u64>,
    /// When servers began anew, or turned out not to have.
    pub(super) restarts: BTreeMap<(AppId, Door, SourceName), BTreeSet<i64>>,
}

impl<'e> Touched<'e> {
    /// The numbers of the rooms in which something happened.
    pub(in crate::embedded) fn rooms(&self) -> impl Iterator<Item = u64> {
        self.rooms.keys().copied()
    }

    /// The number of a room, looked up once.
    pub(super) fn number(
        &mut self,
        at: &RoomKey,
        look_up: impl FnOnce() -> Result<u64>,
    ) -> Result<u64> {
        if let Some(&number) = self.numbers.get(at) {
            return Ok(number);
        }
        let number = look_up()?;
        self.numbers.insert(at.clone(), number);
        Ok(number)
    }
}

/// What events touch in one room.
pub(super) struct TouchedRoom<'e> {
    pub(super) at: RoomKey,
    /// Whom an event was about, and those of the events that count from now on.
    pub(super) participants: BTreeMap<ParticipantId, Came<'e>>,
    /// Closers that came or went.
    pub(super) closers: Vec<Closer>,
    /// When servers through which somebody may be there began anew, or turned out not to have; the
    /// same for all rooms of an app and door, in order.
    pub(super) restarts: Rc<[i64]>,
    /// Calls whose first join may be another.
    pub(super) calls: BTreeMap<CallId, ToldJoins>,
    /// The earliest of the times of all events that came or went.
    pub(super) heard_unix_us: i64,
    /// The earliest of the joins that leaves told of.
    pub(super) told_unix_us: i64,
}

/// Events that came, by their places.
pub(super) type Came<'e> = BTreeMap<EventPlace, &'e Event>;

/// What became known of the joins of a call.
#[derive(Default)]
pub(super) struct ToldJoins {
    /// The earliest that came.
    pub(super) came_unix_us: Option<i64>,
    /// Whether one went.
    pub(super) one_went: bool,
}

/// What happened to an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It counts from now on.
    Came,
    /// Another one of its identity counts instead.
    Went,
}

impl<'e> TouchedRoom<'e> {
    pub(super) fn new(at: RoomKey) -> Self {
        Self {
            at,
            participants: BTreeMap::new(),
            closers: vec![],
            restarts: Rc::default(),
            calls: BTreeMap::new(),
            heard_unix_us: i64::MAX,
            told_unix_us: i64::MAX,
        }
    }

    /// Notes what an event of this room touches.
    pub(super) fn note(&mut self, event: &Event, step: Step) {
        self.heard_unix_us = self.heard_unix_us.min(event.time_unix_us);
        self.closers.extend(Closer::from_event(event));
        if let Fact::Left { joined_unix_us: Some(joined), .. } = &event.fact {
            self.told_unix_us = self.told_unix_us.min(*joined);
        }
        if let Some(who) = event.presence()
            && !self.participants.contains_key(&who.participant)
        {
            self.participants.insert(who.participant.clone(), Came::new());
        }
        if let Some((call, joined_unix_us)) = told_join(event) {
            let joins = self.calls.entry(call.clone()).or_default();
            match step {
                Step::Came => {
                    let earliest = joins.came_unix_us.unwrap_or(i64::MAX).min(joined_unix_us);
                    joins.came_unix_us = Some(earliest);
                }
                Step::Went => joins.one_went = true,
            }
        }
    }

    /// Keeps an event that came, so that it need not be read for the fold.
    pub(super) fn remember(&mut self, event: &'e Event, place: EventPlace) {
        if let Some(came) = self.came_of(event) {
            came.insert(place, event);
        }
    }

    /// Forgets an event that had come and went, as another one of its identity counts.
    pub(super) fn forget(&mut self, event: &Event, place: &EventPlace) {
        if let Some(came) = self.came_of(event) {
            came.remove(place);
        }
    }

    fn came_of(&mut self, event: &Event) -> Option<&mut Came<'e>> {
        self.participants.get_mut(&event.presence()?.participant)
    }
}
