//! What holds for every history, on histories that nobody would think of. The clock has no part.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::event::{Event, Fact, Presence};
use super::intervals::End;
use super::stay::{RoomKey, Stay};
use super::{ClientFacts, fold_room};
use crate::clock::{SECOND_US, whole_second};
use crate::ids::{AppId, CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};

fn at() -> RoomKey {
    RoomKey {
        app: AppId(1),
        door: Door::parse("native").expect("a door"),
        room: RoomId::parse("room").expect("a room"),
    }
}

fn participant(number: u8) -> ParticipantId {
    ParticipantId::parse(&format!("p{number}")).expect("an id")
}

/// A few seconds with few instants in each, so that ties and whole seconds are the rule.
fn instants() -> impl Strategy<Value = i64> {
    (0_i64..20, prop_oneof![Just(0), Just(0), Just(250_000), Just(871_000)])
        .prop_map(|(second, fraction)| (1_000 + second) * SECOND_US + fraction)
}

fn optional(prefix: &'static str, count: u8) -> impl Strategy<Value = Option<String>> {
    prop::option::of(0..count).prop_map(move |it| it.map(|number| format!("{prefix}{number}")))
}

fn presences() -> impl Strategy<Value = Presence> {
    (0..3_u8, optional("c", 2), optional("k", 4)).prop_map(|(who, call, connection)| Presence {
        room: at().room,
        call: call.map(|call| CallId::parse(&call).expect("an id")),
        participant: participant(who),
        connection: connection.map(|it| ConnectionId::parse(&it).expect("an id")),
    })
}

fn facts() -> impl Strategy<Value = Fact> {
    let call = || optional("c", 2).prop_map(|it| it.map(|it| CallId::parse(&it).expect("an id")));
    let os = prop_oneof![Just("ios"), Just("linux"), Just("")];
    let client = os.prop_map(|os| match os {
        "" => ClientFacts::default(),
        os => ClientFacts::from_attributes([("os.name", os)]),
    });
    prop_oneof![
        5 => (presences(), any::<bool>(), client.clone())
            .prop_map(|(who, sole, client)| Fact::Joined { who, sole, client }),
        4 => (presences(), prop::option::of(instants()), client.clone()).prop_map(
            |(who, joined_unix_us, client)| Fact::Left { who, joined_unix_us, client }
        ),
        1 => (presences(), client).prop_map(|(who, client)| Fact::Client { who, client }),
        2 => presences().prop_map(|who| Fact::Published { who }),
        1 => call().prop_map(|call| Fact::RoomFinished { room: at().room, call }),
        1 => (call(), prop::collection::btree_set((0..3_u8).prop_map(participant), 0..3))
            .prop_map(|(call, present)| Fact::Snapshot { room: at().room, call, present }),
        1 => Just(Fact::ServerRestarted),
    ]
}

fn histories() -> impl Strategy<Value = Vec<Event>> {
    let event = (instants(), 0..2_u8, facts());
    prop::collection::vec(event, 0..24).prop_map(|events| {
        let number = |(number, (time_unix_us, source, fact)): (usize, (i64, u8, Fact))| Event {
            app: AppId(1),
            door: at().door,
            source: SourceName::parse(&format!("s{source}")).expect("an id"),
            id: EventId::parse(&format!("e{number}")).expect("an id"),
            time_unix_us,
            fact,
        };
        events.into_iter().enumerate().map(number).collect()
    })
}

/// Somebody's spans without what depends on others: minted ids and inferred ends.
fn own(stays: &[Stay], who: &ParticipantId) -> BTreeSet<(i64, Option<i64>)> {
    let theirs = stays.iter().filter(|stay| stay.participant == *who);
    let reported = |end: End| end.is_reported().then(|| end.unix_us()).flatten();
    let spans = theirs.flat_map(|stay| &stay.spans);
    spans.map(|span| (span.joined_unix_us, reported(span.end))).collect()
}

/// Seconds in which somebody was there, counted one by one.
fn seconds_there(stay: &Stay, now_unix_s: i64) -> i64 {
    let there = |second: &i64| {
        stay.spans.iter().any(|span| {
            let left = span.end.unix_us().map_or(now_unix_s, whole_second);
            whole_second(span.joined_unix_us) <= *second && *second < left
        })
    };
    (1_000..1_100).filter(there).count() as i64
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
    fn a_stay_is_of_somebody_who_was_named_and_has_spans_in_order(events in histories()) {
        let stays = fold_room(&at(), &events);
        let named: BTreeSet<_> = events
            .iter()
            .filter_map(|event| event.presence())
            .map(|who| (who.participant.clone(), who.call.clone()))
            .collect();
        for stay in &stays {
            let called = (stay.participant.clone(), Some(stay.call.clone()));
            let uncalled = (stay.participant.clone(), None);
            prop_assert!(named.contains(&called) || named.contains(&uncalled), "{:?}", stay);
            prop_assert!(stay.spans.is_sorted_by_key(|span| span.joined_unix_us));
            for span in &stay.spans {
                prop_assert!(span.end.unix_us().is_none_or(|end| end >= span.joined_unix_us));
            }
        }
        let mut orders: Vec<_> = stays.iter().map(Stay::order).collect();
        orders.dedup();
        prop_assert_eq!(orders.len(), stays.len(), "two stays in one place");
    }

    #[test]
    fn a_duration_is_the_union_of_the_spans(events in histories()) {
        for stay in fold_room(&at(), &events) {
            prop_assert_eq!(stay.duration_s(1_050), seconds_there(&stay, 1_050));
        }
    }

    #[test]
    fn without_connections_nobody_is_in_a_call_twice_at_once(events in histories()) {
        let mut events = events;
        for event in &mut events {
            match &mut event.fact {
                Fact::Joined { who, .. } | Fact::Left { who, .. } | Fact::Client { who, .. }
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
    }

    #[test]
    fn a_participant_taken_away_takes_nobody_along(events in histories(), who in 0..3_u8) {
        let gone = participant(who);
        let rest: Vec<Event> = events
            .iter()
            .filter(|event| event.presence().is_none_or(|who| who.participant != gone))
            .cloned()
            .collect();
        let before = fold_room(&at(), &events);
        let after = fold_room(&at(), &rest);
        prop_assert!(own(&after, &gone).is_empty());
        for other in (0..3).map(participant).filter(|other| *other != gone) {
            prop_assert_eq!(own(&before, &other), own(&after, &other));
        }
    }
}

/// Set by the environment of proptest where more are wanted.
fn cases() -> u32 {
    ProptestConfig::default().cases.max(256) * 4
}
