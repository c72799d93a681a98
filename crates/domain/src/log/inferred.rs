//! Joins and leaves that nobody reported, for those who watch an app: what the log shows of those
//! whom events concern is read before and after the events are stored, and compared.
//!
//! Who is gone follows from the end of a room, from who was counted in it, from a server's restart
//! or from silence. Who came follows from their publishing, or from a leave that tells of its join.
//! It is looked at only if somebody watches. Of two changes at once both may find the same.

use std::collections::{BTreeMap, BTreeSet};

use super::end::{Certainty, End};
use super::event::{Event, Fact, Presence};
use super::pages::READ_MAX;
use super::query::{PAGE_LEN_MAX, StayQuery};
use super::record::AHEAD_S_MAX;
use super::stay::Stay;
use crate::error::Result;
use crate::ids::{AppId, CallId, Door, ParticipantId, RoomId};
use crate::store::Store;

/// Somebody who came or went, as follows from something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// By which door the log knows them.
    pub door: Door,
    /// Where.
    pub room: RoomId,
    /// In which call; `None` if nothing tells.
    pub call: Option<CallId>,
    /// Who.
    pub participant: ParticipantId,
    /// When, as the log has it.
    pub time_unix_us: i64,
    /// Whether they came; else they went.
    pub came: bool,
}

/// A room of an app, or all of them.
type Scope = (AppId, Option<RoomId>);

/// Somebody in a room, however many connections of theirs are.
type Place = (Door, RoomId, ParticipantId);

/// Of whom it has to be known whether they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Concerned {
    /// Whoever is there may have gone.
    all: BTreeSet<Scope>,
    /// These may have come.
    some: BTreeMap<(AppId, RoomId), BTreeSet<ParticipantId>>,
}

/// Who was there before events were stored.
#[derive(Debug, Default)]
pub(super) struct Before {
    all: BTreeMap<Scope, Option<Vec<Stay>>>,
    some: BTreeMap<(AppId, RoomId), Option<BTreeSet<Place>>>,
}

/// What follows from events of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Follows {
    /// In the order in which it is to be told.
    pub(super) changes: Vec<Inferred>,
    /// Whether there may be more, which could not be read, or was too much.
    pub(super) misses_some: bool,
}

impl Concerned {
    /// Those whom some events concern.
    pub(super) fn of<'e>(events: impl Iterator<Item = &'e Event>) -> Self {
        let mut concerned = Self::default();
        for event in events {
            match &event.fact {
                Fact::RoomFinished { room, .. }
                | Fact::Snapshot { room, .. }
                | Fact::RoomIdle { room, .. } => {
                    concerned.all.insert((event.app, Some(room.clone())));
                }
                Fact::ServerRestarted | Fact::ServerStopped => {
                    concerned.all.insert((event.app, None));
                }
                Fact::Published { who } | Fact::Left { who, joined_unix_us: Some(_), .. } => {
                    let of_room = concerned.some.entry((event.app, who.room.clone())).or_default();
                    of_room.insert(who.participant.clone());
                }
                Fact::Joined { .. } | Fact::Left { .. } | Fact::Client { .. } => {}
            }
        }
        concerned
    }

    /// Who of them is there.
    pub(super) async fn look(&self, store: &dyn Store, now_unix_s: i64) -> Before {
        let mut before = Before::default();
        for scope in &self.all {
            let open = open_stays(store, scope, None, now_unix_s).await;
            before.all.insert(scope.clone(), open.ok().flatten());
        }
        for ((app, room), some) in &self.some {
            let scope = (*app, Some(room.clone()));
            let open = open_stays(store, &scope, Some(some.clone()), now_unix_s).await;
            let there = |stays: Vec<Stay>| stays.iter().map(place_of).collect();
            before.some.insert((*app, room.clone()), open.ok().flatten().map(there));
        }
        before
    }
}

impl Before {
    /// Joins that followed from a leave of somebody who was not there.
    pub(super) fn told_by_leaves(&self, app: AppId, events: &[Event]) -> Follows {
        let mut follows = Follows::default();
        for event in events.iter().filter(|event| event.app == app) {
            let Fact::Left { who, joined_unix_us: Some(joined_unix_us), .. } = &event.fact else {
                continue;
            };
            match self.was_there(event, who) {
                Some(true) => {}
                None => follows.misses_some = true,
                Some(false) => follows.changes.push(Inferred {
                    door: event.door.clone(),
                    room: who.room.clone(),
                    call: who.call.clone(),
                    participant: who.participant.clone(),
                    time_unix_us: (*joined_unix_us).min(event.time_unix_us),
                    came: true,
                }),
            }
        }
        follows
    }

    /// Whether somebody was there; `None` if nobody knows.
    fn was_there(&self, event: &Event, who: &Presence) -> Option<bool> {
        let known = self.some.get(&(event.app, who.room.clone()))?.as_ref()?;
        let place = (event.door.clone(), who.room.clone(), who.participant.clone());
        Some(known.contains(&place))
    }

    /// What follows from events of an app, now that they are stored.
    pub(super) async fn compare(
        &self,
        store: &dyn Store,
        (app, events): (AppId, &[Event]),
        now_unix_s: i64,
    ) -> Follows {
        let mut follows = self.published(store, (app, events), now_unix_s).await;
        for (scope, there) in self.all.iter().filter(|((of, _), _)| *of == app) {
            let gone = match there {
                Some(there) => gone(store, scope, there, now_unix_s).await.ok().flatten(),
                None => None,
            };
            match gone {
                Some(gone) => follows.changes.extend(gone),
                None => follows.misses_some = true,
            }
        }
        follows
    }

    /// Those who are there, since they published, and were not.
    async fn published(
        &self,
        store: &dyn Store,
        (app, events): (AppId, &[Event]),
        now_unix_s: i64,
    ) -> Follows {
        let mut follows = Follows::default();
        let mut new: BTreeMap<Scope, BTreeSet<ParticipantId>> = BTreeMap::new();
        for event in events.iter().filter(|event| event.app == app) {
            let Fact::Published { who } = &event.fact else { continue };
            match self.was_there(event, who) {
                Some(true) => {}
                None => follows.misses_some = true,
                Some(false) => {
                    let of_room = new.entry((app, Some(who.room.clone()))).or_default();
                    of_room.insert(who.participant.clone());
                }
            }
        }
        for (scope, some) in new {
            match open_stays(store, &scope, Some(some), now_unix_s).await {
                Ok(Some(stays)) => follows.changes.extend(stays.iter().filter_map(came)),
                _ => follows.misses_some = true,
            }
        }
        follows
    }
}

fn place_of(stay: &Stay) -> Place {
    (stay.door.clone(), stay.room.clone(), stay.participant.clone())
}

/// The stays that are not over, of a scope; `None` if they are too many.
async fn open_stays(
    store: &dyn Store,
    scope: &Scope,
    participants: Option<BTreeSet<ParticipantId>>,
    now_unix_s: i64,
) -> Result<Option<Vec<Stay>>> {
    let (app, room) = scope.clone();
    let (from_unix_s, until_unix_s) = (now_unix_s, now_unix_s + AHEAD_S_MAX);
    let (with_servers, offset, limit) = (true, 0, READ_MAX);
    let query = StayQuery {
        app,
        room,
        participants,
        with_servers,
        from_unix_s,
        until_unix_s,
        offset,
        limit,
    };
    let mut page = store.page_of_stays(&query).await?;
    let is_all = page.total <= page.stays.len() as u64;
    page.stays.retain(|stay| stay.left_unix_s().is_none());
    Ok(is_all.then_some(page.stays))
}

/// Those of whom it was concluded that they are there.
fn came(stay: &Stay) -> Option<Inferred> {
    let is_open = |span: &&super::stay::Span| span.end == End::Open;
    let last = stay.spans.iter().rfind(is_open)?;
    (last.join == Certainty::Inferred).then(|| told(stay, last.joined_unix_us, true))
}

fn told(stay: &Stay, time_unix_us: i64, came: bool) -> Inferred {
    Inferred {
        door: stay.door.clone(),
        room: stay.room.clone(),
        call: Some(stay.call.clone()),
        participant: stay.participant.clone(),
        time_unix_us,
        came,
    }
}

/// Those who were there and are not, though nobody reported it; `None` if they are too many.
async fn gone(
    store: &dyn Store,
    scope: &Scope,
    there: &[Stay],
    now_unix_s: i64,
) -> Result<Option<Vec<Inferred>>> {
    let Some(here) = open_stays(store, scope, None, now_unix_s).await? else { return Ok(None) };
    let here: BTreeSet<_> = here.iter().map(|stay| (place_of(stay), &stay.call)).collect();
    let is_gone = |stay: &&Stay| !here.contains(&(place_of(stay), &stay.call));
    let lost: Vec<&Stay> = there.iter().filter(is_gone).collect();
    let mut gone = vec![];
    for some in lost.chunks(PAGE_LEN_MAX as usize) {
        let wanted: BTreeSet<_> = some.iter().map(|stay| (place_of(stay), &stay.call)).collect();
        let query = StayQuery {
            app: scope.0,
            room: scope.1.clone(),
            participants: Some(some.iter().map(|stay| stay.participant.clone()).collect()),
            with_servers: true,
            // However long before now they are taken to have gone, it was after they came.
            from_unix_s: some.iter().map(|stay| stay.created_unix_s()).min().unwrap_or(now_unix_s),
            until_unix_s: now_unix_s + AHEAD_S_MAX,
            offset: 0,
            limit: READ_MAX,
        };
        let page = store.page_of_stays(&query).await?;
        if page.total > page.stays.len() as u64 {
            return Ok(None);
        }
        let ended = page.stays.iter().filter(|it| wanted.contains(&(place_of(it), &it.call)));
        gone.extend(ended.filter_map(went));
    }
    Ok(Some(gone))
}

/// How somebody went, if nobody reported it.
fn went(stay: &Stay) -> Option<Inferred> {
    let open = || stay.spans.iter().any(|span| span.end == End::Open);
    let last = stay.spans.iter().map(|span| span.end).reduce(End::or_later).filter(|_| !open())?;
    match last {
        End::At(time_unix_us, Certainty::Inferred) => Some(told(stay, time_unix_us, false)),
        End::At(_, Certainty::Reported) | End::Open => None,
    }
}
