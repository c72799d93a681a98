//! What is kept of a large room beside its rows, so that an event that concerns one participant
//! costs what that participant has, and not what the room has.

use std::collections::{BTreeSet, HashMap};

use domain::ids::{CallId, ParticipantId, SourceName};
use domain::log::event::EventHash;
use domain::log::{Event, Growing, LogFigures, Stay};

/// From how many events on it is worth it.
pub(super) const EVENTS_MIN: usize = if cfg!(test) { 3 } else { 500 };

/// A room that was folded whole, and grew since by what concerned one participant each.
pub(super) struct Grown {
    growing: Growing,
    /// The events of each.
    events_of: HashMap<ParticipantId, Vec<EventHash>>,
    /// In which calls each was.
    calls_of: HashMap<ParticipantId, BTreeSet<CallId>>,
    sources: BTreeSet<SourceName>,
    /// Those whose stays may be others.
    touched: BTreeSet<ParticipantId>,
    pub(super) times: Times,
    /// Of all stays, those of who was touched as they were.
    pub(super) figures: LogFigures,
}

/// The first and the last of a room.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) first_unix_us: Option<i64>,
    pub(super) last_unix_us: Option<i64>,
    /// The last restart of a server that anybody came through.
    pub(super) restarted_unix_us: Option<i64>,
}

impl Times {
    pub(super) fn of(events: &[Event], restarts: &[Event]) -> Self {
        Self {
            first_unix_us: events.iter().map(|event| event.time_unix_us).min(),
            last_unix_us: events.iter().map(Event::effective_unix_us).max(),
            restarted_unix_us: restarts.iter().map(|event| event.time_unix_us).max(),
        }
    }

    fn add(&mut self, event: &Event) {
        let first = self.first_unix_us.unwrap_or(i64::MAX);
        self.first_unix_us = Some(first.min(event.time_unix_us));
        self.last_unix_us = self.last_unix_us.max(Some(event.effective_unix_us()));
    }
}

impl Grown {
    /// Of a room's events, the restarts in their reach, and all its stays.
    pub(super) fn of(events: &[Event], restarts: &[Event], times: Times, stays: &[Stay]) -> Self {
        let mut grown = Self {
            growing: Growing::of(events.iter().chain(restarts)),
            events_of: HashMap::new(),
            calls_of: HashMap::new(),
            sources: events.iter().map(|event| event.source.clone()).collect(),
            touched: BTreeSet::new(),
            times,
            figures: LogFigures::default(),
        };
        for event in events {
            if let Some(who) = event.presence() {
                let theirs = grown.events_of.entry(who.participant.clone()).or_default();
                theirs.push(event.identity());
            }
        }
        for stay in stays {
            grown.figures += LogFigures::of(stay);
            let calls = grown.calls_of.entry(stay.participant.clone()).or_default();
            calls.insert(stay.call.clone());
        }
        grown
    }

    /// Whether an event that is new concerns one participant only. If not, the room has to be
    /// folded whole.
    pub(super) fn takes(&mut self, event: &Event) -> bool {
        let Some(who) = self.growing.concerns_one(event) else { return false };
        // Others may be in reach of restarts if it is not known.
        if !self.sources.contains(&event.source) {
            return false;
        }
        self.events_of.entry(who.clone()).or_default().push(event.identity());
        self.times.add(event);
        self.touched.insert(who.clone());
        true
    }

    /// Those whose stays may be others, with their events, and the calls in which they were.
    pub(super) fn touched(
        &self,
    ) -> impl Iterator<Item = (&ParticipantId, &[EventHash], Option<&BTreeSet<CallId>>)> {
        self.touched.iter().map(|who| {
            let theirs = self.events_of.get(who).map_or(&[][..], Vec::as_slice);
            (who, theirs, self.calls_of.get(who))
        })
    }

    pub(super) fn growing(&self) -> &Growing {
        &self.growing
    }

    /// All stays that were changed are there, or are not.
    pub(super) fn settle(&mut self, changed: Vec<((CallId, ParticipantId), bool)>) {
        for ((call, who), is_there) in changed {
            let calls = self.calls_of.entry(who).or_default();
            match is_there {
                true => drop(calls.insert(call)),
                false => drop(calls.remove(&call)),
            }
        }
        self.touched.clear();
    }
}
