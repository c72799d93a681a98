//! Asking who is where now, and how somebody was last seen.
//!
//! Now is as of the log: whoever's stay is not over is there, whatever their client may be doing.
//! All of it is asked of the one query that stores answer, about pages of stays, so that no answer
//! bears on more than [`READ_MAX`] of them. A store that told the distinct participants of a room,
//! in the order of their joins from any of them on, would lift that.

use std::collections::{BTreeMap, BTreeSet};

use super::end::{Certainty, End};
use super::query::StayQuery;
use super::record::AHEAD_S_MAX;
use super::stay::{Span, Stay};
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, ParticipantId, RoomId};

/// How many stays are read at once, as of one instant, to tell who is where.
pub const READ_MAX: u32 = 10_000;

/// The stays that are not over, of those who were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStays {
    /// In the order of answers; the first [`READ_MAX`] of them, if there are more.
    pub stays: Vec<Stay>,
    /// How many there are beyond them.
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
) -> Result<OpenStays> {
    open_stays(ctx, app, Some(room.clone()), some).await
}

/// Where these participants are now.
pub async fn where_are(
    ctx: &Context,
    app: AppId,
    participants: BTreeSet<ParticipantId>,
) -> Result<OpenStays> {
    open_stays(ctx, app, None, Some(participants)).await
}

async fn open_stays(
    ctx: &Context,
    app: AppId,
    room: Option<RoomId>,
    participants: Option<BTreeSet<ParticipantId>>,
) -> Result<OpenStays> {
    if participants.as_ref().is_some_and(BTreeSet::is_empty) {
        return Ok(OpenStays { stays: vec![], more: 0 });
    }
    let now_unix_s = ctx.clock.now_unix_s();
    let query = StayQuery {
        app,
        room,
        participants,
        with_servers: true,
        from_unix_s: now_unix_s,
        until_unix_s: now_unix_s + AHEAD_S_MAX,
        offset: 0,
        limit: READ_MAX,
    };
    let mut page = ctx.store.page_of_stays(&query).await?;
    let more = page.total.saturating_sub(page.stays.len() as u64);
    // A leave whose clock is ahead of ours is a leave.
    page.stays.retain(|stay| stay.left_unix_s().is_none());
    Ok(OpenStays { stays: page.stays, more })
}

impl OpenStays {
    /// Each of them once, in the order of their joining, then of their ids.
    pub fn people(&self) -> Vec<Person> {
        let mut by_id: BTreeMap<&ParticipantId, (i64, bool)> = BTreeMap::new();
        for stay in &self.stays {
            let is_server = stay.is_server();
            for span in open_spans(stay) {
                let of_them =
                    by_id.entry(&stay.participant).or_insert((span.joined_unix_us, is_server));
                of_them.0 = of_them.0.min(span.joined_unix_us);
                of_them.1 &= is_server;
            }
        }
        let person = |(participant, (since_unix_us, is_server)): (&ParticipantId, _)| Person {
            participant: participant.clone(),
            since_unix_us,
            is_server,
        };
        let mut people: Vec<Person> = by_id.into_iter().map(person).collect();
        people.sort_by_key(|person| person.since_unix_us);
        people
    }
}

/// The connections of a stay that are still there.
pub fn open_spans(stay: &Stay) -> impl Iterator<Item = &Span> {
    stay.spans.iter().filter(|span| span.end == End::Open)
}

/// How these participants were last seen, in any room, at `since_unix_s` or later. Whoever was not
/// is missing. Of somebody with more than [`READ_MAX`] stays since then, those that began last
/// count.
pub async fn last_seen(
    ctx: &Context,
    app: AppId,
    participants: BTreeSet<ParticipantId>,
    since_unix_s: i64,
) -> Result<BTreeMap<ParticipantId, Seen>> {
    let mut seen = BTreeMap::new();
    let mut waiting = vec![participants];
    while let Some(mut some) = waiting.pop() {
        if some.is_empty() {
            continue;
        }
        let query = StayQuery {
            app,
            room: None,
            participants: Some(some.clone()),
            with_servers: true,
            from_unix_s: since_unix_s,
            until_unix_s: ctx.clock.now_unix_s() + AHEAD_S_MAX,
            offset: 0,
            limit: READ_MAX,
        };
        let (stays, is_whole) = newest(ctx, &query).await?;
        if is_whole || some.len() == 1 {
            seen.extend(judge(&stays));
        } else {
            let middle = some.iter().nth(some.len() / 2).expect("there are two at least").clone();
            waiting.push(some.split_off(&middle));
            waiting.push(some);
        }
    }
    Ok(seen)
}

/// The last [`READ_MAX`] of the stays that a query selects, and whether they are all of them.
pub(super) async fn newest(ctx: &Context, query: &StayQuery) -> Result<(Vec<Stay>, bool)> {
    let page = ctx.store.page_of_stays(query).await?;
    let beyond = page.total.saturating_sub(page.stays.len() as u64);
    if beyond == 0 {
        return Ok((page.stays, true));
    }
    let last = StayQuery { offset: beyond, ..query.clone() };
    Ok((ctx.store.page_of_stays(&last).await?.stays, false))
}

/// How the participants of these stays were last seen.
fn judge(stays: &[Stay]) -> BTreeMap<ParticipantId, Seen> {
    let mut last: BTreeMap<&ParticipantId, (i64, Seen)> = BTreeMap::new();
    let ends = stays.iter().flat_map(|stay| stay.spans.iter().map(move |span| (stay, span.end)));
    for (stay, end) in ends {
        let (unix_us, seen) = match end {
            End::Open => (i64::MAX, Seen::There),
            End::At(unix_us, Certainty::Reported) => (unix_us, Seen::Left),
            End::At(unix_us, Certainty::Inferred) => (unix_us, Seen::Lost),
        };
        let known = last.entry(&stay.participant).or_insert((unix_us, seen));
        // Of two ends at one instant, the one that was reported is the one to believe.
        if unix_us > known.0 || unix_us == known.0 && seen != Seen::Lost {
            *known = (unix_us, seen);
        }
    }
    last.into_iter().map(|(who, (_, seen))| (who.clone(), seen)).collect()
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
        let open = OpenStays {
            stays: vec![
                stay("b", &[(1, over), (4, End::Open), (3, End::Open)]),
                stay("a", &[(3, End::Open)]),
                server(stay("b", &[(2, End::Open)])),
                server(stay("recorder", &[(9, End::Open)])),
            ],
            more: 0,
        };
        let people = open.people();
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
                let judged = judge(&[stay("a", spans)]);
                assert_eq!(judged.into_values().collect::<Vec<_>>(), [seen], "{spans:?}");
            }
        }
    }
}
