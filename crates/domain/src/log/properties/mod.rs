//! What holds for every history, on histories that nobody would think of. The clock has no part.
//!
//! A failing history is shrunk and printed, and its seed is kept in `proptest-regressions/`, from
//! where it is run again first. It becomes a line of `what_once_failed` or a table: a seed means
//! something else as soon as the histories are made in another way.
//! `PROPTEST_CASES` says how many histories each property gets, `PROPTEST_RNG_SEED` where they
//! begin.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::end::End;
use super::event::{Event, Fact};
use super::intervals::{Interval, fold_participant};
use super::room::AllClosers;
use super::stay::Stay;
use super::{Certainty, ClientFacts, fold_room};
use crate::clock::{SECOND_US, whole_second};
use crate::ids::{CallId, ConnectionId, EventId, ParticipantId, SourceName};

mod coverage;
mod growing;
mod histories;

use histories::{
    Connection, END_S, FIRST_S, Truth, at, histories, noise, participant, participants, truths,
};

type Verdict = Result<(), TestCaseError>;

/// A clock that stands behind everything that happens.
const NOW_S: i64 = END_S + 30;

fn intervals_of(events: &[Event], who: &ParticipantId) -> Vec<Interval> {
    let theirs = events.iter().filter(|it| it.presence().is_some_and(|it| it.participant == *who));
    fold_participant(theirs, who, &AllClosers::of(events))
}

/// Seconds in which somebody was there, counted one by one.
fn seconds_there(stay: &Stay, now_unix_s: i64) -> i64 {
    let there = |second: &i64| {
        stay.spans.iter().any(|span| {
            let left = span.end.unix_us().map_or(now_unix_s, whole_second);
            whole_second(span.joined_unix_us) <= *second && *second < left
        })
    };
    (FIRST_S..now_unix_s).filter(there).count() as i64
}

fn nobody_is_where_no_fact_names_them(events: &[Event]) -> Verdict {
    let named: BTreeSet<(&ParticipantId, Option<&CallId>)> = events
        .iter()
        .filter_map(Event::presence)
        .map(|who| (&who.participant, who.call.as_ref()))
        .collect();
    let calls: BTreeSet<&CallId> = events.iter().filter_map(Event::call).collect();
    for stay in fold_room(&at(), events) {
        let call = calls.contains(&stay.call).then_some(&stay.call);
        prop_assert!(named.contains(&(&stay.participant, call)), "{stay:?}");
    }
    Ok(())
}

/// Nor is anything at an instant that no event tells of.
fn spans_are_in_order_and_at_instants_that_were_told(events: &[Event]) -> Verdict {
    let mut told: BTreeSet<i64> = BTreeSet::new();
    for event in events {
        told.extend([event.time_unix_us, event.effective_unix_us()]);
        if let Fact::Left { joined_unix_us: Some(joined), .. } = event.fact {
            told.insert(joined);
        }
    }
    let stays = fold_room(&at(), events);
    for stay in &stays {
        prop_assert!(!stay.spans.is_empty());
        prop_assert!(stay.spans.is_sorted_by_key(|span| span.joined_unix_us));
        for span in &stay.spans {
            let end = span.end.unix_us().unwrap_or(span.joined_unix_us);
            prop_assert!(end >= span.joined_unix_us, "{:?}", stay);
            prop_assert!(told.contains(&span.joined_unix_us) && told.contains(&end), "{:?}", stay);
        }
    }
    prop_assert!(stays.is_sorted_by(|one, other| one.order() < other.order()), "{:?}", stays);
    Ok(())
}

fn a_connection_joins_and_leaves_in_turn(events: &[Event]) -> Verdict {
    for who in participants() {
        let mut last: BTreeMap<(Option<CallId>, Option<ConnectionId>), End> = BTreeMap::new();
        for interval in intervals_of(events, &who) {
            let key = (interval.call.clone(), interval.connection.clone());
            if let Some(before) = last.insert(key, interval.end) {
                let left = before.unix_us();
                prop_assert!(
                    left.is_some_and(|left| left <= interval.joined_unix_us),
                    "{interval:?}"
                );
            }
        }
    }
    Ok(())
}

fn a_duration_is_the_union_of_the_spans(events: &[Event]) -> Verdict {
    for stay in fold_room(&at(), events) {
        prop_assert_eq!(stay.duration_s(NOW_S), seconds_there(&stay, NOW_S));
    }
    Ok(())
}

/// An interval without what may depend on others, which is an end that was inferred.
type Own = (Option<CallId>, Option<ConnectionId>, SourceName, EventId, i64, Certainty, Option<i64>);

fn own(interval: &Interval) -> (Own, ClientFacts, bool) {
    let left = interval.end.unix_us().filter(|_| interval.end.is_reported());
    let own = (
        interval.call.clone(),
        interval.connection.clone(),
        interval.source.clone(),
        interval.began_with.clone(),
        interval.joined_unix_us,
        interval.join,
        left,
    );
    (own, interval.client.clone(), interval.published)
}

fn a_participant_taken_away_takes_nobody_along(events: &[Event], gone: &ParticipantId) -> Verdict {
    let not_theirs = |it: &&Event| it.presence().is_none_or(|who| who.participant != *gone);
    let rest: Vec<Event> = events.iter().filter(not_theirs).cloned().collect();
    let owned = |events: &[Event], who: &ParticipantId| -> Vec<_> {
        intervals_of(events, who).iter().map(own).collect()
    };
    for other in participants().filter(|other| other != gone) {
        prop_assert_eq!(owned(events, &other), owned(&rest, &other));
    }
    // The stays of named calls stand, but for inferred ends; those of minted calls lose no span.
    let named: BTreeSet<&CallId> = events.iter().filter_map(Event::call).collect();
    let called = |events: &[Event]| -> Vec<_> {
        let stays = fold_room(&at(), events).into_iter();
        let stays = stays.filter(|it| it.participant != *gone && named.contains(&it.call));
        let joins = |stay: &Stay| -> Vec<i64> {
            stay.spans.iter().map(|span| span.joined_unix_us).collect()
        };
        stays.map(|it| (joins(&it), it.call, it.participant, it.client, it.published)).collect()
    };
    prop_assert_eq!(called(events), called(&rest));
    let uncalled = |events: &[Event]| {
        let stays = fold_room(&at(), events).into_iter();
        let stays = stays.filter(|it| it.participant != *gone && !named.contains(&it.call));
        let mut spans: Vec<_> = stays
            .flat_map(|it| {
                it.spans.into_iter().map(move |s| (it.participant.clone(), s.joined_unix_us))
            })
            .collect();
        spans.sort();
        spans
    };
    prop_assert_eq!(uncalled(events), uncalled(&rest));
    prop_assert!(fold_room(&at(), &rest).iter().all(|stay| stay.participant != *gone));
    Ok(())
}

fn at_the_end(fact: Fact, source: &str) -> Event {
    Event {
        app: at().app,
        door: at().door,
        source: SourceName::parse(source).expect("a source"),
        id: EventId::parse("last").expect("an id"),
        time_unix_us: NOW_S * SECOND_US,
        fact,
    }
}

/// They touch nothing else than what is open.
fn closers_leave_nobody_open_whom_they_reach(events: &[Event]) -> Verdict {
    let room = at().room;
    let with = |last: &[Event]| -> Vec<Interval> {
        let all = [events, last].concat();
        participants().flat_map(|who| intervals_of(&all, &who)).collect()
    };
    let nobody =
        Fact::Snapshot { room: room.clone(), call: None, present: BTreeSet::new(), told: None };
    let all = Fact::Snapshot {
        room: room.clone(),
        call: None,
        present: participants().collect(),
        told: None,
    };
    let over = Fact::RoomFinished { room, call: None };
    let restarts = ["s0", "s1"].map(|server| at_the_end(Fact::ServerRestarted, server));
    let before = with(&[]);
    let stops = ["s0", "s1"].map(|server| at_the_end(Fact::ServerStopped, server));
    let over = [at_the_end(over, "x")];
    for last in [&over[..], &[at_the_end(nobody, "x")], &restarts, &stops] {
        let after = with(last);
        prop_assert_eq!(after.len(), before.len());
        for (after, before) in after.iter().zip(&before) {
            prop_assert!(after.end != End::Open, "{after:?}");
            prop_assert!(after.end == before.end || before.end == End::Open, "{before:?}");
            prop_assert_eq!(own(after), own(before));
        }
    }
    prop_assert_eq!(with(&[at_the_end(all, "x")]), before);
    Ok(())
}

fn without_connections_nobody_is_in_a_call_twice_at_once(mut events: Vec<Event>) -> Verdict {
    for event in &mut events {
        match &mut event.fact {
            Fact::Joined { who, .. }
            | Fact::Left { who, .. }
            | Fact::Client { who, .. }
            | Fact::Published { who } => who.connection = None,
            _ => {}
        }
    }
    for stay in fold_room(&at(), &events) {
        for pair in stay.spans.windows(2) {
            let end = pair[0].end.unix_us();
            prop_assert!(end.is_some_and(|end| end <= pair[1].joined_unix_us), "{:?}", stay);
        }
    }
    Ok(())
}

/// Who, by which connection, in which call, from when to when.
type Shown = BTreeSet<(ParticipantId, Option<CallId>, Option<ConnectionId>, i64, Option<i64>)>;

fn shown(events: &[Event]) -> Shown {
    let of = |who: ParticipantId| {
        intervals_of(events, &who).into_iter().map(move |it| {
            (who.clone(), it.call, it.connection, it.joined_unix_us, it.end.unix_us())
        })
    };
    participants().flat_map(of).collect()
}

fn expected<'a>(truth: &Truth, of: impl IntoIterator<Item = &'a Connection>) -> Shown {
    let entry = |it: &Connection| {
        let (joined, left) = truth.shown(it);
        let who = it.who.clone();
        (who.participant, who.call, who.connection, joined, Some(left))
    };
    of.into_iter().map(entry).collect()
}

fn what_is_told_in_full_is_shown_as_it_was(truth: &Truth) -> Verdict {
    let events = truth.reported(false);
    prop_assert_eq!(shown(&events), expected(truth, &truth.connections));
    // Without names, two are in one call if nobody could have seen the room empty between them.
    if truth.connections.iter().all(|it| it.who.call.is_none()) {
        let mut spans: Vec<_> = truth.connections.iter().map(|it| truth.shown(it)).collect();
        spans.sort_unstable();
        let mut calls = 0;
        let mut until = i64::MIN;
        for (joined, left) in spans {
            calls += usize::from(until <= joined);
            until = until.max(left);
        }
        let stays = fold_room(&at(), &events);
        let minted: BTreeSet<&CallId> = stays.iter().map(|stay| &stay.call).collect();
        prop_assert_eq!(minted.len(), calls);
    }
    Ok(())
}

fn a_connection_told_in_full_is_shown_whatever_else_is_told(
    truth: &Truth,
    noise: Vec<Event>,
) -> Verdict {
    let events = [truth.reported(true), noise].concat();
    // A leave at the instant of its own join may be taken for that of one who named no connection.
    let lasts = |it: &&Connection| truth.shown(it).0 < truth.shown(it).1;
    let whole = truth.connections.iter().filter(|it| it.loses == (false, false)).filter(lasts);
    let (expected, mut shown) = (expected(truth, whole), shown(&events));
    if expected.iter().all(|(_, call, ..)| call.is_none()) {
        // Something else may have told in which call they were.
        shown = shown.into_iter().map(|(who, _, by, from, to)| (who, None, by, from, to)).collect();
    }
    let missing: Vec<_> = expected.difference(&shown).collect();
    prop_assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn arrival_does_not_matter(
        (events, shuffled) in histories().prop_flat_map(|events| {
            (Just(events.clone()), Just(events).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(fold_room(&at(), &events), fold_room(&at(), &shuffled));
    }

    #[test]
    fn a_log_is_well_formed(events in histories()) {
        nobody_is_where_no_fact_names_them(&events)?;
        spans_are_in_order_and_at_instants_that_were_told(&events)?;
        a_connection_joins_and_leaves_in_turn(&events)?;
        a_duration_is_the_union_of_the_spans(&events)?;
    }

    #[test]
    fn taking_somebody_away_takes_nobody_along(events in histories(), gone in 0..3_u8) {
        a_participant_taken_away_takes_nobody_along(&events, &participant(gone))?;
    }

    #[test]
    fn whoever_is_there_alone_is_there_once(events in histories()) {
        without_connections_nobody_is_in_a_call_twice_at_once(events)?;
    }

    #[test]
    fn closers_close(events in histories()) {
        closers_leave_nobody_open_whom_they_reach(&events)?;
    }

    #[test]
    fn the_log_tells_the_truth(truth in truths(), noise in noise()) {
        what_is_told_in_full_is_shown_as_it_was(&truth)?;
        a_connection_told_in_full_is_shown_whatever_else_is_told(&truth, noise)?;
    }
}

/// Histories that broke a property at some time, shrunk by the search or by hand.
#[test]
fn what_once_failed() {
    let stories = [
        "10 join p0\n 26 publish p1\n 17 join p1\n 18 join p2 call=c1\n 10 join p0 call=c1",
        "18 leave p1\n 17.871 leave p1 call=c0 joined=10 source=b\n 11 publish p1 call=c0
         11 present",
        "10 join p0 conn=k call=c0\n 20 join p0 conn=k call=c1\n 25.5 leave p0 conn=k call=c0",
        "10 leave p0 call=c0 joined=10",
    ];
    for story in stories {
        let events = super::tests::events(story);
        let holds = || -> Verdict {
            nobody_is_where_no_fact_names_them(&events)?;
            spans_are_in_order_and_at_instants_that_were_told(&events)?;
            a_connection_joins_and_leaves_in_turn(&events)?;
            for gone in participants() {
                a_participant_taken_away_takes_nobody_along(&events, &gone)?;
            }
            without_connections_nobody_is_in_a_call_twice_at_once(events.clone())
        };
        assert!(holds().is_ok(), "{story}: {:?}", holds());
    }
}

/// Thousands; what the environment variable `PROPTEST_CASES` says counts.
fn cases() -> u32 {
    const PROPTESTS_OWN: u32 = 256;
    match ProptestConfig::default().cases {
        PROPTESTS_OWN => 1_000,
        told => told,
    }
}
