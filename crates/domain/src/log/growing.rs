//! A room that grows: whom an event can concern, told without looking at everybody.
//!
//! Most events are newer than all that ends intervals in their room, and say something of one
//! participant. Nobody else's stays can change with such an event: intervals are folded by
//! participant, and what others did has a part in them by closers alone, and by when a call was
//! last heard of *before* a closer. [`Growing::concerns_one`] tells whether an event is one of
//! these, and [`Growing::stays_of`] folds its participant. Of all other events it is not known whom
//! they concern: then the whole room is folded, by [`super::fold_room`], and looked at anew.

use std::collections::BTreeMap;

use super::closing::Closer;
use super::event::Event;
use super::intervals::fold_participant;
use super::room::{AllClosers, closers_of, first_joins, told_join};
use super::stay::{RoomKey, Stay, stays_of};
use crate::ids::{CallId, ParticipantId};

/// What ends intervals in a room, and from when on nothing does that looks back.
#[derive(Clone, Debug)]
pub struct Growing {
    closers: Vec<Closer>,
    /// When each call began.
    first_joins: BTreeMap<CallId, i64>,
    /// What is heard from this instant on changes no interval that is over by a closer.
    settled_unix_us: i64,
    /// Whether anything was reported of somebody that names no call: then everybody who is there
    /// decides in which call they are.
    is_minted: bool,
}

impl Growing {
    /// Looks at all events of a room, and at the restarts of its servers.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event> + Clone) -> Self {
        let first_joins = first_joins(events.clone());
        let closers = closers_of(events.clone(), &first_joins);
        let asking = closers.iter().filter(|closer| closer.asks_what_was_heard());
        let settled_unix_us = asking.map(|it| it.effective_unix_us).max().unwrap_or(i64::MIN);
        let is_uncalled = |event: &Event| event.presence().is_some_and(|who| who.call.is_none());
        let is_minted = events.into_iter().any(is_uncalled);
        Self { closers, first_joins, settled_unix_us, is_minted }
    }

    /// Whose stays alone can change if this event is added; `None` if others' may, too.
    pub fn concerns_one<'e>(&self, event: &'e Event) -> Option<&'e ParticipantId> {
        let who = event.presence()?;
        who.call.as_ref()?;
        let begins_no_call = told_join(event).is_none_or(|(call, joined)| {
            self.first_joins.get(call).is_some_and(|first| *first <= joined)
        });
        let is_alone =
            !self.is_minted && begins_no_call && event.time_unix_us >= self.settled_unix_us;
        is_alone.then_some(&who.participant)
    }

    /// The stays of a participant. `theirs` are all events about them, `events` those of the whole
    /// room: that was looked at, and what was added since and concerned one.
    pub fn stays_of<'e>(
        &self,
        at: &RoomKey,
        participant: &ParticipantId,
        theirs: impl IntoIterator<Item = &'e Event>,
        events: &[Event],
    ) -> Vec<Stay> {
        let closers = AllClosers::known(&self.closers, events);
        let intervals = fold_participant(theirs, participant, &closers);
        let called = intervals.iter().filter_map(|it| Some((it.call.as_ref()?, it)));
        stays_of(at, participant, called)
    }
}
