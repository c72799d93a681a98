//! Asking who is where now, and how somebody was last seen.
//!
//! Now is as of the log: whoever's stay is not over is there, whatever their client may be doing.
//! However many there are, they are read a page at a time, not as of one instant: who comes or goes
//! meanwhile may be told, or not.

use std::collections::{BTreeMap, BTreeSet};

use super::end::{Certainty, End};
use super::pages::{Pages, READ_MAX};
use super::query::StayQuery;
use super::record::AHEAD_S_MAX;
use super::stay::{Span, Stay};
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, ParticipantId, RoomId};

/// How many people of a room are told apart. Those beyond are counted by their stays.
pub const PEOPLE_MAX: usize = 500_000;

/// Who is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Each of them once, in the order of their joining, then of their ids; [`PEOPLE_MAX`] at most.
    pub people: Vec<Person>,
    /// How many stays of others there are, all of whom came later.
    pub more: u64,
}

/// Somebody who is there, however many connections of theirs are, in however many calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub participant: ParticipantId,
    /// When the first of their connections joined that are still there.
    pub since_unix_us: i64,
    /// Whether nothing of theirs is there but servers: a recorder, an agent, a bridge.
    pub is_server: bool,
}

/// How somebody was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// They are in a room.
    There,
    /// Somebody reported that they left the last room that they were in.
    Left,
    /// They are in no room any more, although nobody reported a leave: it follows from something
    /// else, as the end of the room, the restart of a server, or silence.
    Lost,
}

/// Who is in a room now; of `some`, if they are given.
pub async fn who_is_in(
    ctx: &Context,
    app: AppId,
    room: &RoomId,
    some: Option<BTreeSet<ParticipantId>>,
) -> Result<Present> {
    let mut there = There::default();
    let mut pages = OpenPages::new(ctx, app, Some(room.clone()), some);
    while let Some(stays) = pages.next(ctx).await? {
        stays.iter().for_each(|stay| there.add(stay));
    }
    Ok(there.into_present())
}

/// Whether anybody is in a room now.
pub async fn is_anybody_in(ctx: &Context, app: AppId, room: &RoomId) -> Result<bool> {
    let mut pages = OpenPages::new(ctx, app, Some(room.clone()), None);
    while let Some(stays) = pages.next(ctx).await? {
        if !stays.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Shows the stays of these participants that are not over, in the order of answers.
pub async fn where_are(
    ctx: &Context,
    app: AppId,
    participants: BTreeSet<ParticipantId>,
    look: &mut (dyn FnMut(&Stay) + Send),
) -> Result<()> {
    let mut pages = OpenPages::new(ctx, app, None, Some(participants));
    while let Some(stays) = pages.next(ctx).await? {
        stays.iter().for_each(&mut *look);
    }
    Ok(())
}

/// A walk over stays that are not over.
pub(super) struct OpenPages(Option<Pages>);

impl OpenPages {
    pub(super) fn new(
        ctx: &Context,
        app: AppId,
        room: Option<RoomId>,
        participants: Option<BTreeSet<ParticipantId>>,
    ) -> Self {
        if participants.as_ref().is_some_and(BTreeSet::is_empty) {
            return Self(None);
        }
        let now_unix_s = ctx.clock.now_unix_s();
        Self(Some(Pages::new(StayQuery {
            app,
            room,
            participants,
            with_servers: true,
            from_unix_s: now_unix_s,
            until_unix_s: now_unix_s + AHEAD_S_MAX,
            offset: 0,
            limit: READ_MAX,
        })))
    }

    pub(super) async fn next(&mut self, ctx: &Context) -> Result<Option<Vec<Stay>>> {
        let Some(pages) = &mut self.0 else { return Ok(None) };
        let mut stays = pages.next(&*ctx.store).await?;
        // A leave whose clock is ahead of ours is a leave.
        stays.iter_mut().for_each(|stays| stays.retain(|stay| stay.left_unix_s().is_none()));
        Ok(stays)
    }
}

/// Those who were found so far.
#[derive(Default)]
struct There {
    /// Since when, and whether nothing of theirs is there but servers.
    by_id: BTreeMap<ParticipantId, (i64, bool)>,
    more: u64,
}

impl There {
    fn add(&mut self, stay: &Stay) {
        let (is_full, is_server) = (self.by_id.len() >= PEOPLE_MAX, stay.is_server());
        let Some(since) = open_spans(stay).map(|span| span.joined_unix_us).min() else { return };
        if let Some(of_them) = self.by_id.get_mut(&stay.participant) {
            *of_them = (of_them.0.min(since), of_them.1 & is_server);
        } else if is_full {
            self.more += 1;
        } else {
            self.by_id.insert(stay.participant.clone(), (since, is_server));
        }
    }

    fn into_present(self) -> Present {
        let person = |(participant, (since_unix_us, is_server))| Person {
            participant,
            since_unix_us,
            is_server,
        };
        let mut people: Vec<Person> = self.by_id.into_iter().map(person).collect();
        people.sort_by_key(|person| person.since_unix_us);
        Present { people, more: self.more }
    }
}

/// The connections of a stay that are still there.
pub fn open_spans(stay: &Stay) -> impl Iterator<Item = &Span> {
    stay.spans.iter().filter(|span| span.end == End::Open)
}

/// How these participants were last seen, in any room, at `since_unix_s` or later. Whoever was not
/// is missing.
pub async fn last_seen(
    ctx: &Context,
    app: AppId,
    participants: BTreeSet<ParticipantId>,
    since_unix_s: i64,
) -> Result<BTreeMap<ParticipantId, Seen>> {
    let mut last = Last::default();
    if participants.is_empty() {
        return Ok(last.into_seen());
    }
    let mut pages = Pages::new(StayQuery {
        app,
        room: None,
        participants: Some(participants),
        with_servers: true,
        from_unix_s: since_unix_s,
        until_unix_s: ctx.clock.now_unix_s() + AHEAD_S_MAX,
        offset: 0,
        limit: READ_MAX,
    });
    while let Some(stays) = pages.next(&*ctx.store).await? {
        stays.iter().for_each(|stay| last.add(stay));
    }
    Ok(last.into_seen())
}

/// How participants were last seen, and when, as far as it was read.
#[derive(Default)]
struct Last(BTreeMap<ParticipantId, (i64, Seen)>);

impl Last {
    fn add(&mut self, stay: &Stay) {
        for span in &stay.spans {
            let (unix_us, seen) = match span.end {
                End::Open => (i64::MAX, Seen::There),
                End::At(unix_us, Certainty::Reported) => (unix_us, Seen::Left),
                End::At(unix_us, Certainty::Inferred) => (unix_us, Seen::Lost),
            };
            let known = self.0.entry(stay.participant.clone()).or_insert((unix_us, seen));
            // Of two ends at one instant, the one that was reported is the one to believe.
            if unix_us > known.0 || unix_us == known.0 && seen != Seen::Lost {
                *known = (unix_us, seen);
            }
        }
    }

    fn into_seen(self) -> BTreeMap<ParticipantId, Seen> {
        self.0.into_iter().map(|(who, (_, seen))| (who, seen)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CallId, Door};
    use crate::log::{ClientFacts, Os};

    fn stay(participant: &str, spans: &[(i64, End)]) -> Stay {
        let span = |&(joined_unix_us, end): &(i64, End)| Span {
            joined_unix_us,
            join: Certainty::Reported,
            end,
        };
        Stay {
            app: AppId(1),
            door: Door::parse("native").unwrap(),
            room: RoomId::parse("room").unwrap(),
            call: CallId::parse("call").unwrap(),
            participant: ParticipantId::parse(participant).unwrap(),
            spans: spans.iter().map(span).collect(),
            client: ClientFacts::default(),
            published: false,
        }
    }

    #[test]
    fn somebody_with_several_connections_is_there_once_since_the_first_that_is_left() {
        let over = End::At(5, Certainty::Reported);
        let server = |mut stay: Stay| {
            stay.client.os = Some(Os::Linux);
            stay
        };
        let mut there = There::default();
        for stay in [
            stay("b", &[(1, over), (4, End::Open), (3, End::Open)]),
            stay("a", &[(3, End::Open)]),
            server(stay("b", &[(2, End::Open)])),
            server(stay("recorder", &[(9, End::Open)])),
        ] {
            there.add(&stay);
        }
        let people = there.into_present().people;
        let shown: Vec<_> = people
            .iter()
            .map(|it| (it.participant.as_str(), it.since_unix_us, it.is_server))
            .collect();
        assert_eq!(shown, [("b", 2, false), ("a", 3, false), ("recorder", 9, true)]);
    }

    #[test]
    fn how_somebody_was_last_seen_is_the_last_of_all_their_ends() {
        let (reported, inferred) = (Certainty::Reported, Certainty::Inferred);
        let at = |unix_us, certainty| (0, End::At(unix_us, certainty));
        let cases: [(&[(i64, End)], Seen); 6] = [
            (&[at(5, reported)], Seen::Left),
            (&[at(5, inferred)], Seen::Lost),
            (&[at(5, inferred), at(7, reported), at(6, inferred)], Seen::Left),
            (&[at(9, inferred), at(7, reported)], Seen::Lost),
            (&[at(7, reported), at(7, inferred)], Seen::Left),
            (&[at(9, inferred), (1, End::Open), at(7, reported)], Seen::There),
        ];
        for (spans, seen) in cases {
            let backwards: Vec<_> = spans.iter().rev().copied().collect();
            for spans in [spans, &backwards] {
                // In one stay, or in one each.
                let mut last = Last::default();
                last.add(&stay("a", spans));
                assert_eq!(last.into_seen().into_values().collect::<Vec<_>>(), [seen], "{spans:?}");
                let mut last = Last::default();
                spans.iter().for_each(|span| last.add(&stay("a", &[*span])));
                assert_eq!(last.into_seen().into_values().collect::<Vec<_>>(), [seen], "{spans:?}");
            }
        }
    }
}
