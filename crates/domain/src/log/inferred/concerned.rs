//! Whom events concern, and who of them was there before the events were stored.

use std::collections::{BTreeMap, BTreeSet};

use super::reads::{Reads, Scope};
use super::{Place, place_of, told_join};
use crate::clock::whole_second;
use crate::ids::{AppId, CallId, ParticipantId, RoomId};
use crate::log::event::{Event, Fact};
use crate::log::stay::{Span, Stay};

/// Of whom it has to be known whether they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::log) struct Concerned {
    /// Whoever is there may have gone.
    all: BTreeSet<Scope>,
    /// Whoever is there in another call than these may have gone.
    calls: BTreeMap<(AppId, RoomId), BTreeSet<CallId>>,
    /// These may have come.
    some: BTreeMap<(AppId, RoomId), Comers>,
}

/// Those who may have come, in this second or later.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comers {
    participants: BTreeSet<ParticipantId>,
    since_unix_s: i64,
}

/// Who was there before events were stored; `None` is what could not be read, or was too much.
#[derive(Debug, Default)]
pub(in crate::log) struct Before {
    pub(super) all: BTreeMap<Scope, Option<Vec<There>>>,
    pub(super) some: BTreeMap<(AppId, RoomId), Option<Known>>,
}

/// What was known of some.
type Known = BTreeMap<Place, Vec<Span>>;

/// Somebody who was there.
#[derive(Debug)]
pub(super) struct There {
    pub(super) place: Place,
    pub(super) call: CallId,
    pub(super) created_unix_s: i64,
}

impl Concerned {
    /// Those whom some events concern.
    pub(in crate::log) fn of<'e>(events: impl Iterator<Item = &'e Event>) -> Self {
        let mut concerned = Self::default();
        events.for_each(|event| concerned.add(event));
        concerned
    }

    fn add(&mut self, event: &Event) {
        let app = event.app;
        match &event.fact {
            Fact::RoomFinished { room, .. }
            | Fact::Snapshot { room, .. }
            | Fact::RoomIdle { room, .. } => {
                self.all.insert((app, Some(room.clone())));
            }
            Fact::ServerRestarted | Fact::ServerStopped => {
                self.all.insert((app, None));
            }
            Fact::Joined { who, .. } => {
                if let Some(call) = &who.call {
                    self.calls.entry((app, who.room.clone())).or_default().insert(call.clone());
                }
            }
            Fact::Published { who } | Fact::Left { who, joined_unix_us: Some(_), .. } => {
                let since_unix_s = told_join(event).map_or(i64::MAX, |(_, at)| whole_second(at));
                let nobody = || Comers { participants: BTreeSet::new(), since_unix_s };
                let some = self.some.entry((app, who.room.clone())).or_insert_with(nobody);
                some.since_unix_s = some.since_unix_s.min(since_unix_s);
                some.participants.insert(who.participant.clone());
            }
            Fact::Left { .. } | Fact::Client { .. } => {}
        }
    }

    /// Who of them is there.
    pub(in crate::log) async fn look(&self, reads: &mut Reads<'_>) -> Before {
        let mut before = Before::default();
        for scope in &self.all {
            let open = reads.open(scope).await;
            before.all.insert(scope.clone(), open.map(there));
        }
        for ((app, room), calls) in &self.calls {
            let scope = (*app, Some(room.clone()));
            if before.all.contains_key(&scope) || before.all.contains_key(&(*app, None)) {
                continue;
            }
            let open = match begins_another(reads, &scope, calls).await {
                Some(false) => continue,
                Some(true) => reads.open(&scope).await,
                None => None,
            };
            before.all.insert(scope, open.map(there));
        }
        for ((app, room), Comers { participants, since_unix_s }) in &self.some {
            let scope = (*app, Some(room.clone()));
            let stays = reads.since(&scope, Some(participants.clone()), *since_unix_s).await;
            before.some.insert((*app, room.clone()), stays.map(spans_of));
        }
        before
    }
}

/// Whether one of these calls, which are joined, may be another than the one that is on in a room;
/// `None` if that cannot be read. That of whoever is there longest is on: a call's first join ends
/// those that were there in others before.
async fn begins_another(
    reads: &mut Reads<'_>,
    scope: &Scope,
    calls: &BTreeSet<CallId>,
) -> Option<bool> {
    if calls.len() > 1 {
        return Some(true);
    }
    let first = reads.first(scope).await?;
    Some(first.is_some_and(|first| !calls.contains(&first.call)))
}

fn there(stays: Vec<Stay>) -> Vec<There> {
    let there = |stay: Stay| There {
        place: place_of(&stay),
        created_unix_s: stay.created_unix_s(),
        call: stay.call,
    };
    stays.into_iter().map(there).collect()
}

fn spans_of(stays: Vec<Stay>) -> Known {
    let mut spans: Known = BTreeMap::new();
    for stay in stays {
        spans.entry(place_of(&stay)).or_default().extend(stay.spans);
    }
    spans
}
