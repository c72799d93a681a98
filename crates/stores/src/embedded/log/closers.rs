//! What ends an interval, looked up in the tables instead of in all events of the room.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use domain::ids::{CallId, ParticipantId};
use domain::log::closing::{first_of, is_heard_before};
use domain::log::event::Rank;
use domain::log::{Closer, Closers, Closing, Interval, Proof, Reach, fold_participant};

use super::append::{STOPPED, event_of, facts, restarts_of, time_of_room_event};
use super::place::Room;
use super::standing::Watch;
use super::touched::Came;
use crate::embedded::fault::{Fault, Result};
use crate::embedded::key::{Key, KeyParts, Part, time_bytes};
use crate::embedded::tables::Index;
use crate::embedded::transaction::Read;

/// The closers of one room, as of one transaction.
pub(super) struct RoomClosers<'t> {
    read: Read<'t>,
    room: Room<'t>,
    /// By their keys: a snapshot may be long, and is compared with everyone who is there.
    known: RefCell<HashMap<Vec<u8>, Rc<Closer>>>,
    /// When a call was last heard of before an instant.
    heard: RefCell<HashMap<Asked, Option<i64>>>,
    /// The last instant of the participant's own events.
    own_last_unix_us: Cell<i64>,
    /// What the participant's intervals turned out to depend on.
    watch: Cell<Watch>,
    /// What went wrong, since a fold cannot fail.
    fault: Cell<Option<Fault>>,
}

/// Of which call, and before when.
type Asked = (Option<CallId>, i64);

/// Somebody's intervals, and what they depend on besides their own events.
pub(super) struct Folded {
    pub(super) intervals: Vec<Interval>,
    pub(super) watch: Watch,
}

/// What was found, if anything, and the last instant before which it was asked what was heard.
struct Found {
    closing: Option<Closing>,
    asked_unix_us: Option<i64>,
}

impl<'t> RoomClosers<'t> {
    pub(super) fn new(read: Read<'t>, room: Room<'t>) -> Self {
        Self {
            read,
            room,
            known: RefCell::default(),
            heard: RefCell::default(),
            own_last_unix_us: Cell::new(i64::MIN),
            watch: Cell::default(),
            fault: Cell::default(),
        }
    }

    /// Folds the events of one participant, of which some `came` in this group.
    pub(super) fn fold(&self, participant: &ParticipantId, came: &Came<'_>) -> Result<Folded> {
        let seat = self.room.seat(participant);
        let events = facts(self.read, seat, self.room.begins_unix_us, came)?;
        let last = events.iter().map(|event| event.effective_unix_us()).max();
        self.own_last_unix_us.set(last.unwrap_or(i64::MIN));
        self.watch.set(Watch::default());
        let intervals = fold_participant(events.iter().map(|it| &**it), participant, self);
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(Folded { intervals, watch: self.watch.get() }),
        }
    }

    fn find(
        &self,
        interval: &Interval,
        participant: &ParticipantId,
        proof: Proof,
    ) -> Result<Found> {
        let asked = Cell::new(None);
        let last_heard = |closer: &Closer| {
            asked.set(asked.get().max(Some(closer.effective_unix_us)));
            let heard = self.last_heard(interval.call.as_ref(), closer);
            heard.unwrap_or_else(|fault| {
                self.fault.set(Some(fault));
                None
            })
        };
        let ends = |closer: &Closer| {
            // Only of a silence the end depends on what was heard.
            let was_silence = || closer.close(interval, last_heard(closer)).is_some();
            proof.admits(closer)
                && closer.ends(interval, participant)
                && (!matches!(closer.reach, Reach::Idle { .. }) || was_silence())
        };
        let since = time_bytes(interval.joined_unix_us.max(self.room.begins_unix_us));
        let mut candidates = vec![];
        self.of_the_room(&since, &ends, &mut candidates)?;
        self.of_the_server(interval, &since, &mut candidates)?;
        if proof == Proof::Any {
            self.of_the_calls(&since, &ends, &mut candidates)?;
        }
        let closing = first_of(candidates, interval, participant, last_heard);
        Ok(Found { closing, asked_unix_us: asked.get() })
    }

    /// The first end of the room, silence or snapshot that `ends` it, and all others of its place.
    fn of_the_room(
        &self,
        since: &[u8],
        ends: &impl Fn(&Closer) -> bool,
        candidates: &mut Vec<Rc<Closer>>,
    ) -> Result<()> {
        let index = &self.read.tables.closers;
        let prefix = Key::in_room(self.room.number, Part::Closers);
        let rows = index.range(self.read.txn, &prefix, since)?;
        let mut found: Option<Rc<Closer>> = None;
        for row in rows {
            let closer = self.closer(index, row?.0)?;
            if found.as_ref().is_some_and(|found| found.is_before(&closer)) {
                break;
            }
            if ends(&closer) {
                candidates.push(Rc::clone(&closer));
                found = Some(closer);
            }
        }
        Ok(())
    }

    fn closer(&self, index: &Index, key: &[u8]) -> Result<Rc<Closer>> {
        if let Some(closer) = self.known.borrow().get(key) {
            return Ok(Rc::clone(closer));
        }
        let event = event_of(self.read, index, key)?;
        let closer = Rc::new(Closer::from_event(&event).ok_or_else(|| index.damaged())?);
        self.known.borrow_mut().insert(key.to_vec(), Rc::clone(&closer));
        Ok(closer)
    }

    /// The first restart or stop of the server through which they came, and all others of its
    /// instant.
    fn of_the_server(
        &self,
        interval: &Interval,
        since: &[u8],
        candidates: &mut Vec<Rc<Closer>>,
    ) -> Result<()> {
        let index = &self.read.tables.restarts;
        let source = &interval.source;
        let prefix = restarts_of(self.room.at.app, self.room.at.door.as_str(), source.as_str());
        let mut found: Option<i64> = None;
        for row in index.range(self.read.txn, &prefix, since)? {
            let (key, value) = row?;
            let mut parts = KeyParts(&key[prefix.len()..]);
            let effective_unix_us = parts.time().ok_or_else(|| index.damaged())?;
            if found.is_some_and(|found| found < effective_unix_us) {
                break;
            }
            if effective_unix_us > interval.joined_unix_us {
                let reach = match value == STOPPED {
                    true => Reach::Stopped(source.clone()),
                    false => Reach::Restarted(source.clone()),
                };
                let rank = Rank::End;
                candidates.push(Rc::new(Closer { effective_unix_us, rank, reach }));
                found = Some(effective_unix_us);
            }
        }
        Ok(())
    }

    /// The first join of a new call that `ends` it, and all others of its instant.
    fn of_the_calls(
        &self,
        since: &[u8],
        ends: &impl Fn(&Closer) -> bool,
        candidates: &mut Vec<Rc<Closer>>,
    ) -> Result<()> {
        let index = &self.read.tables.calls;
        let prefix = Key::in_room(self.room.number, Part::Calls);
        let mut found: Option<i64> = None;
        for row in index.range(self.read.txn, &prefix, since)? {
            let mut parts = KeyParts(&row?.0[prefix.len()..]);
            let time = parts.time().ok_or_else(|| index.damaged())?;
            if found.is_some_and(|found| found < time) {
                break;
            }
            let call = parts.text().and_then(|text| CallId::parse(text).ok());
            let closer = Closer::superseding(call.ok_or_else(|| index.damaged())?, time);
            if ends(&closer) {
                candidates.push(Rc::new(closer));
                found = Some(time);
            }
        }
        Ok(())
    }

    /// When the call was last heard of before the closer.
    fn last_heard(&self, call: Option<&CallId>, closer: &Closer) -> Result<Option<i64>> {
        let asked = (call.cloned(), closer.effective_unix_us);
        if let Some(&heard) = self.heard.borrow().get(&asked) {
            return Ok(heard);
        }
        let index = &self.read.tables.room_events;
        let before = time_bytes(closer.effective_unix_us);
        let mut heard = None;
        let prefix = Key::in_room(self.room.number, Part::RoomEvents);
        for row in index.before(self.read.txn, &prefix, &before)? {
            let (key, _) = row?;
            if time_of_room_event(index, key)? < self.room.begins_unix_us {
                break;
            }
            if is_heard_before(&event_of(self.read, index, key)?, call, closer) {
                heard = Some(time_of_room_event(index, key)?);
                break;
            }
        }
        self.heard.borrow_mut().insert(asked, heard);
        Ok(heard)
    }

    /// Notes which closers would have given another answer, and before when something heard would.
    fn watch(&self, interval: &Interval, proof: Proof, found: &Found) {
        let known = found.closing.map(|closing| closing.known_unix_us);
        let until = match (proof, known, interval.end.unix_us()) {
            // Asked in the middle of the fold, for an instant of one of their own events.
            (Proof::OfTheRoom, ..) => self.own_last_unix_us.get(),
            // Asked at its end: a later closer than the first changes nothing, nor does one after
            // the end that the participant's own next join proves.
            (Proof::Any, known, end) => known.unwrap_or(i64::MAX).min(end.unwrap_or(i64::MAX)),
        };
        let mut watch = self.watch.get();
        let (from, last) = watch.closers.unwrap_or((i64::MAX, i64::MIN));
        watch.closers = Some((from.min(interval.joined_unix_us), last.max(until)));
        if proof == Proof::Any {
            watch.heard_before_unix_us = watch.heard_before_unix_us.max(found.asked_unix_us);
        }
        self.watch.set(watch);
    }
}

impl Closers for RoomClosers<'_> {
    fn first_for(
        &self,
        interval: &Interval,
        participant: &ParticipantId,
        proof: Proof,
    ) -> Option<Closing> {
        match self.find(interval, participant, proof) {
            Ok(found) => {
                self.watch(interval, proof, &found);
                found.closing
            }
            Err(fault) => {
                self.fault.set(Some(fault));
                None
            }
        }
    }
}
