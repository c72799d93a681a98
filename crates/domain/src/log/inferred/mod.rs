//! Joins and leaves that nobody reported, for those who watch an app: what the log shows of those
//! whom events concern is read before and after the events are stored, and compared.
//!
//! Who is gone follows from the end of a room, from another call in it, from who was counted in it,
//! from a server's restart or from silence. Who came follows from their publishing, or from a leave
//! that tells of its join. It is looked at only if somebody watches, and as far as one batch may
//! read. Of two changes at once both may find the same.

mod concerned;
mod reads;

use std::collections::{BTreeMap, BTreeSet};

use concerned::There;
pub(super) use concerned::{Before, Concerned};
use reads::Scope;
pub(super) use reads::{Reads, STAYS_AFTER_MAX, STAYS_BEFORE_MAX};

use super::end::{Certainty, End};
use super::event::{Event, Fact, Presence};
use super::query::PAGE_LEN_MAX;
use super::stay::{Span, Stay};
use crate::clock::{SECOND_US, whole_second};
use crate::ids::{AppId, CallId, Door, ParticipantId, RoomId};

/// How old a join may be without anybody asking whether what ended it was known before it.
const LATE_S: i64 = 30;

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

/// Somebody in a room, however many connections of theirs are.
type Place = (Door, RoomId, ParticipantId);

/// What follows from events of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Follows {
    /// In the order in which it is to be told.
    pub(super) changes: Vec<Inferred>,
    /// Whether there may be more, which could not be read, or was too much.
    pub(super) misses_some: bool,
}

impl Follows {
    fn add(&mut self, changes: Option<Vec<Inferred>>) {
        match changes {
            Some(changes) => self.changes.extend(changes),
            None => self.misses_some = true,
        }
    }
}

/// Events of one app that are new in the log.
#[derive(Clone, Copy)]
pub(super) struct New<'e> {
    /// Which app.
    pub(super) app: AppId,
    /// They, and those of others.
    pub(super) events: &'e [Event],
}

impl<'e> New<'e> {
    fn iter(self) -> impl Iterator<Item = &'e Event> {
        self.events.iter().filter(move |event| event.app == self.app)
    }

    /// Whether one of them is the join at this place and time.
    fn tell_join(self, place: &Place, at_unix_us: i64) -> bool {
        self.iter().any(|event| match &event.fact {
            Fact::Joined { who, .. } => {
                event.time_unix_us == at_unix_us && place_in(event, who) == *place
            }
            _ => false,
        })
    }
}

impl Before {
    /// What is to be told before the events themselves: who had gone by then, and who had come of
    /// those who leave.
    pub(super) async fn compare(&self, reads: &mut Reads<'_>, new: New<'_>) -> Follows {
        let mut follows = self.told_by_leaves(reads, new).await;
        for (scope, there) in self.all.iter().filter(|((app, _), _)| *app == new.app) {
            follows.add(match there {
                Some(there) => gone(reads, scope, there).await,
                None => None,
            });
        }
        follows
    }

    /// What is to be told behind the events themselves: who is there, since they published, and was
    /// not; and who came with the events, and is not there any more.
    pub(super) async fn compare_again(&self, reads: &mut Reads<'_>, new: New<'_>) -> Follows {
        let mut follows = self.published(reads, new).await;
        for (room, joins) in self.doubtful_joins(reads.now_unix_s(), new) {
            follows.add(gone_at_once(reads, &(new.app, Some(room)), &joins).await);
        }
        follows
    }

    /// Joins of which only the leave tells.
    async fn told_by_leaves(&self, reads: &mut Reads<'_>, new: New<'_>) -> Follows {
        let mut follows = Follows::default();
        let mut unknown: BTreeMap<RoomId, BTreeSet<(Place, i64)>> = BTreeMap::new();
        for (event, (who, at)) in new.iter().filter_map(|it| Some((it, told_join(it)?))) {
            let place = place_in(event, who);
            match self.spans(new.app, &place) {
                Some(spans) if spans.iter().any(|span| covers(span, at)) => {}
                Some(_) => drop(unknown.entry(who.room.clone()).or_default().insert((place, at))),
                None => follows.misses_some = true,
            }
        }
        for (room, joins) in unknown {
            let scope = (new.app, Some(room));
            let Some(stays) = since_first_of(reads, &scope, &joins).await else {
                follows.misses_some = true;
                continue;
            };
            // That the log has a connection which begins there says that it knows of no other join.
            for stay in &stays {
                let (place, told) = (place_of(stay), joins_of(stay, &joins));
                let known = self.spans(new.app, &place).unwrap_or_default();
                let is_news = |span: &&Span| {
                    !known.iter().any(|it| overlap(it, span))
                        && !new.tell_join(&place, span.joined_unix_us)
                };
                let news = told.filter(is_news).map(|span| span.joined_unix_us);
                follows.changes.extend(news.map(|at| told_of(stay, at, true)));
            }
        }
        follows
    }

    /// Those who are there, since they published, and were not.
    async fn published(&self, reads: &mut Reads<'_>, new: New<'_>) -> Follows {
        let mut follows = Follows::default();
        let mut unknown: BTreeMap<RoomId, BTreeSet<ParticipantId>> = BTreeMap::new();
        for event in new.iter() {
            let Fact::Published { who } = &event.fact else { continue };
            match self.spans(new.app, &place_in(event, who)) {
                Some(spans) if spans.iter().any(is_open) => {}
                Some(_) => {
                    let of_room = unknown.entry(who.room.clone()).or_default();
                    of_room.insert(who.participant.clone());
                }
                None => follows.misses_some = true,
            }
        }
        for (room, some) in unknown {
            let now_unix_s = reads.now_unix_s();
            let stays = reads.since(&(new.app, Some(room)), Some(some), now_unix_s).await;
            follows.add(stays.map(|stays| stays.iter().filter_map(came).collect()));
        }
        follows
    }

    /// What was known of somebody; `None` if nobody knows.
    fn spans(&self, app: AppId, place: &Place) -> Option<&[Span]> {
        let known = self.some.get(&(app, place.1.clone()))?.as_ref()?;
        Some(known.get(place).map(Vec::as_slice).unwrap_or_default())
    }

    /// Joins whose end may be known already: it came with them, or before them.
    fn doubtful_joins(
        &self,
        now_unix_s: i64,
        new: New<'_>,
    ) -> BTreeMap<RoomId, BTreeSet<(Place, i64)>> {
        let mut joins: BTreeMap<RoomId, BTreeSet<(Place, i64)>> = BTreeMap::new();
        for event in new.iter() {
            let Fact::Joined { who, .. } = &event.fact else { continue };
            let ends = |room| self.all.contains_key(&(new.app, room));
            let is_late = event.time_unix_us < (now_unix_s - LATE_S) * SECOND_US;
            if is_late || ends(None) || ends(Some(who.room.clone())) {
                let of_room = joins.entry(who.room.clone()).or_default();
                of_room.insert((place_in(event, who), event.time_unix_us));
            }
        }
        joins
    }
}

/// When somebody joined who leaves, if the leave tells.
fn told_join(event: &Event) -> Option<(&Presence, i64)> {
    match &event.fact {
        Fact::Left { who, joined_unix_us: Some(joined_unix_us), .. } => {
            Some((who, (*joined_unix_us).min(event.time_unix_us)))
        }
        _ => None,
    }
}

fn place_in(event: &Event, who: &Presence) -> Place {
    (event.door.clone(), who.room.clone(), who.participant.clone())
}

fn place_of(stay: &Stay) -> Place {
    (stay.door.clone(), stay.room.clone(), stay.participant.clone())
}

fn is_open(span: &Span) -> bool {
    span.end == End::Open
}

fn covers(span: &Span, at_unix_us: i64) -> bool {
    span.joined_unix_us <= at_unix_us && !span.end.is_over_at(at_unix_us)
}

fn overlap(one: &Span, other: &Span) -> bool {
    covers(one, other.joined_unix_us) || covers(other, one.joined_unix_us)
}

/// The spans of a stay that began with one of these joins.
fn joins_of<'s>(stay: &'s Stay, joins: &BTreeSet<(Place, i64)>) -> impl Iterator<Item = &'s Span> {
    let place = place_of(stay);
    stay.spans.iter().filter(move |span| joins.contains(&(place.clone(), span.joined_unix_us)))
}

/// The stays of those who joined, from the first of these joins on.
async fn since_first_of(
    reads: &mut Reads<'_>,
    scope: &Scope,
    joins: &BTreeSet<(Place, i64)>,
) -> Option<Vec<Stay>> {
    let participants = joins.iter().map(|((.., participant), _)| participant.clone()).collect();
    let first = joins.iter().map(|(_, at)| whole_second(*at)).min()?;
    reads.since(scope, Some(participants), first).await
}

/// Those of whom it was concluded that they are there.
fn came(stay: &Stay) -> Option<Inferred> {
    let last = stay.spans.iter().rfind(|span| is_open(span))?;
    (last.join == Certainty::Inferred).then(|| told_of(stay, last.joined_unix_us, true))
}

fn told_of(stay: &Stay, time_unix_us: i64, came: bool) -> Inferred {
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
async fn gone(reads: &mut Reads<'_>, scope: &Scope, there: &[There]) -> Option<Vec<Inferred>> {
    let mut gone = vec![];
    if there.is_empty() {
        return Some(gone);
    }
    let here = reads.open(scope).await?;
    let here: BTreeSet<_> = here.iter().map(|stay| (place_of(stay), &stay.call)).collect();
    let is_gone = |it: &&There| !here.contains(&(it.place.clone(), &it.call));
    let lost: Vec<&There> = there.iter().filter(is_gone).collect();
    for some in lost.chunks(PAGE_LEN_MAX as usize) {
        let wanted: BTreeSet<_> = some.iter().map(|it| (it.place.clone(), &it.call)).collect();
        let participants = some.iter().map(|it| it.place.2.clone()).collect();
        // However long before now they are taken to have gone, it was after they came.
        let first = some.iter().map(|it| it.created_unix_s).min()?;
        let stays = reads.since(scope, Some(participants), first).await?;
        let ended = stays.iter().filter(|it| wanted.contains(&(place_of(it), &it.call)));
        gone.extend(ended.filter_map(went));
    }
    Some(gone)
}

/// Those who joined just so, and are gone, though nobody reported it; `None` if they are too many.
async fn gone_at_once(
    reads: &mut Reads<'_>,
    scope: &Scope,
    joins: &BTreeSet<(Place, i64)>,
) -> Option<Vec<Inferred>> {
    let stays = since_first_of(reads, scope, joins).await?;
    let came = stays.iter().filter(|stay| joins_of(stay, joins).next().is_some());
    Some(came.filter_map(went).collect())
}

/// How somebody went, if nobody reported it.
fn went(stay: &Stay) -> Option<Inferred> {
    let last = stay.spans.iter().map(|span| span.end).reduce(End::or_later)?;
    match last {
        End::At(time_unix_us, Certainty::Inferred) => Some(told_of(stay, time_unix_us, false)),
        End::At(_, Certainty::Reported) | End::Open => None,
    }
}
