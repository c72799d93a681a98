//! What the events of a group touch, so that everything is folded once, at the group's end.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use domain::ids::{AppId, CallId, Door, ParticipantId, SourceName};
use domain::log::room::told_join;
use domain::log::stay::RoomKey;
use domain::log::{Closer, Event, Fact};

/// What the events of a group touch.
#[derive(Default)]
pub(in crate::embedded) struct Touched {
    pub(super) rooms: BTreeMap<u64, TouchedRoom>,
    /// When servers began anew, or turned out not to have.
    pub(super) restarts: BTreeMap<(AppId, Door, SourceName), BTreeSet<i64>>,
}

impl Touched {
    /// The numbers of the rooms in which something happened.
    pub(in crate::embedded) fn rooms(&self) -> impl Iterator<Item = u64> {
        self.rooms.keys().copied()
    }
}

/// What events touch in one room.
pub(super) struct TouchedRoom {
    pub(super) at: RoomKey,
    /// Whom an event was about.
    pub(super) participants: BTreeSet<ParticipantId>,
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

impl TouchedRoom {
    pub(super) fn new(at: RoomKey) -> Self {
        Self {
            at,
            participants: BTreeSet::new(),
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
            && !self.participants.contains(&who.participant)
        {
            self.participants.insert(who.participant.clone());
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
}
