//! The property that says most: whatever happens, in whatever order it is told, however often, and
//! however often the store is opened again in between, each engine shows what `memory` shows.

use std::collections::BTreeSet;

use domain::AppId;
use domain::clock::{SECOND_US, whole_second};
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, OpenCall, Presence, Stay, StayQuery};
use domain::store::{Store, Walk};
use proptest::prelude::*;
use proptest::sample::Index;

use super::engine::{self, Engine, fresh};
use super::{properties, wait};
use crate::embedded::Embedded;
use crate::memory::Memory;

const SECONDS: i64 = 240;

fn room(number: u8) -> RoomId {
    // So long that its rows cannot say all of their order.
    let long = ["r0", "r1", "r2-which-has-a-name-that-goes-on-and-on"][usize::from(number)];
    let repeat = if number == 2 { 6 } else { 1 };
    RoomId::parse(&long.repeat(repeat)).expect("an id")
}

fn call(number: u8) -> CallId {
    let long = if number == 1 { "c".repeat(250) } else { format!("c{number}") };
    CallId::parse(&long).expect("an id")
}

pub(super) fn participant(number: u8) -> ParticipantId {
    let long = if number == 3 { "q".repeat(200) } else { format!("p{number}") };
    ParticipantId::parse(&long).expect("an id")
}

fn instants() -> impl Strategy<Value = i64> {
    let fraction = prop_oneof![3 => Just(0), 1 => Just(250_000), 1 => Just(871_000)];
    // Most of what happens happens close together, so that ties are the rule.
    let second = prop_oneof![2 => 0..20_i64, 1 => 0..SECONDS];
    (second, fraction).prop_map(|(second, fraction)| (1_000 + second) * SECOND_US + fraction)
}

fn clients() -> impl Strategy<Value = ClientFacts> {
    let os = prop_oneof![Just(None), Just(Some("ios")), Just(Some("linux"))];
    os.prop_map(|os| ClientFacts::from_attributes(os.map(|os| ("os.name", os))))
}

fn facts() -> impl Strategy<Value = Fact> {
    let calls = || prop::option::of((0..3_u8).prop_map(call));
    let rooms = || prop_oneof![3 => Just(0_u8), 1 => Just(1_u8), 2 => Just(2_u8)].prop_map(room);
    let connection =
        (0..4_u8).prop_map(|it| ConnectionId::parse(&format!("k{it}")).expect("an id"));
    let who = || {
        let connection = prop::option::of(connection.clone());
        let participant = (0..4_u8).prop_map(participant);
        (rooms(), calls(), participant, connection).prop_map(
            |(room, call, participant, connection)| Presence {
                room,
                call,
                participant,
                connection,
            },
        )
    };
    let present = prop::collection::btree_set((0..4_u8).prop_map(participant), 0..4);
    prop_oneof![
        5 => (who(), any::<bool>(), clients())
            .prop_map(|(who, sole, client)| Fact::Joined { who, sole, client }),
        4 => (who(), prop::option::of(instants()), clients()).prop_map(
            |(who, joined_unix_us, client)| Fact::Left { who, joined_unix_us, client }
        ),
        1 => (who(), clients()).prop_map(|(who, client)| Fact::Client { who, client }),
        2 => who().prop_map(|who| Fact::Published { who }),
        1 => (rooms(), calls()).prop_map(|(room, call)| Fact::RoomFinished { room, call }),
        1 => (rooms(), calls(), present)
            .prop_map(|(room, call, present)| Fact::Snapshot { room, call, present, told: None }),
        1 => prop_oneof![Just(Fact::ServerRestarted), Just(Fact::ServerStopped)],
        2 => (rooms(), calls(), 0..60 * SECOND_US)
            .prop_map(|(room, call, quiet_us)| Fact::RoomIdle { room, call, quiet_us }),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let app = prop_oneof![4 => Just(1), 1 => Just(2)].prop_map(AppId);
    let door = prop_oneof![4 => Just("native"), 1 => Just("janus")]
        .prop_map(|door| Door::parse(door).expect("a door"));
    let source = (0..2_u8).prop_map(|it| SourceName::parse(&format!("s{it}")).expect("an id"));
    // Few ids, so that some events have the identity of others.
    let id = (0..60_u8).prop_map(|it| EventId::parse(&format!("e{it}")).expect("an id"));
    let rare_clash = prop_oneof![
        9 => instants(),
        1 => Just(1_005 * SECOND_US),
    ];
    (app, door, source, id, rare_clash, facts()).prop_map(
        |(app, door, source, id, time_unix_us, fact)| Event {
            app,
            door,
            source,
            id,
            time_unix_us,
            fact,
        },
    )
}

/// What arrives, in batches, each with whether the store is opened again after it.
pub(super) type Arrivals = Vec<(Vec<Event>, bool)>;

pub(super) fn arrivals() -> impl Strategy<Value = Arrivals> {
    let clashing = |events: Vec<Event>, clashes: Vec<(Index, Index)>| {
        let mut all = events.clone();
        for (of, like) in clashes {
            let (of, like) = (of.get(&events), like.get(&events));
            // The identity of the one with the content of the other.
            all.push(Event { fact: like.fact.clone(), ..of.clone() });
        }
        all
    };
    let any_index = any::<Index>;
    let distinct = (
        prop::collection::vec(events(), 1..50),
        prop::collection::vec((any_index(), any_index()), 0..6),
    )
        .prop_map(move |(events, clashes)| clashing(events, clashes));
    let with_repeats =
        (distinct, prop::collection::vec(any_index(), 0..10)).prop_map(|(mut events, repeats)| {
            let repeated: Vec<Event> =
                repeats.iter().map(|index| index.get(&events).clone()).collect();
            events.extend(repeated);
            events
        });
    let with_repeats = with_repeats.boxed();
    // In the order of time, as it mostly is, or in any.
    let ordered = prop_oneof![
        1 => with_repeats.clone().prop_map(|mut events| {
            events.sort_by_key(|event| event.time_unix_us);
            events
        }),
        2 => with_repeats.prop_shuffle(),
    ];
    let cuts = prop::collection::vec((1..12_usize, prop::bool::weighted(0.15)), 60);
    (ordered, cuts).prop_map(|(mut events, cuts)| {
        let mut batches = vec![];
        for (len, reopen) in cuts {
            if events.is_empty() {
                break;
            }
            let rest = events.split_off(len.min(events.len()));
            batches.push((std::mem::replace(&mut events, rest), reopen));
        }
        batches
    })
}

/// The same in one room whose source knows no calls, where each interval can change everybody's.
pub(super) fn arrivals_without_calls() -> impl Strategy<Value = Arrivals> {
    let strip = |mut event: Event| {
        (event.app, event.door) = (AppId(1), Door::parse("native").expect("a door"));
        match &mut event.fact {
            Fact::Joined { who, .. }
            | Fact::Left { who, .. }
            | Fact::Client { who, .. }
            | Fact::Published { who } => (who.room, who.call) = (room(0), None),
            Fact::RoomFinished { room: it, call }
            | Fact::Snapshot { room: it, call, .. }
            | Fact::RoomIdle { room: it, call, .. } => {
                (*it, *call) = (room(0), None);
            }
            Fact::ServerRestarted | Fact::ServerStopped => {}
        }
        event
    };
    arrivals().prop_map(move |batches| {
        let strip =
            |(batch, reopen): (Vec<Event>, bool)| (batch.into_iter().map(strip).collect(), reopen);
        batches.into_iter().map(strip).collect()
    })
}

pub(super) fn queries() -> impl Strategy<Value = StayQuery> {
    let some = prop::collection::btree_set((0..4_u8).prop_map(participant), 0..4);
    let second = || 990..1_010 + SECONDS;
    let whole = (Just(i64::MIN), Just(i64::MAX));
    let windows = prop_oneof![3 => (second(), 0..60_i64).prop_map(|(from, len)| (from, from + len)),
        1 => (second(), second()), 1 => whole];
    (
        prop_oneof![4 => Just(1), 1 => Just(2)],
        prop::option::of((0..3_u8).prop_map(room)),
        prop::option::of(some),
        any::<bool>(),
        windows,
        (0..6_u64, 0..6_u32),
    )
        .prop_map(|(app, room, participants, with_servers, window, (offset, limit))| {
            StayQuery {
                app: AppId(app),
                room,
                participants,
                with_servers,
                from_unix_s: window.0,
                until_unix_s: window.1,
                offset,
                limit,
            }
        })
}

pub(super) fn everything(app: u32) -> StayQuery {
    StayQuery {
        app: AppId(app),
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s: i64::MIN,
        until_unix_s: i64::MAX,
        offset: 0,
        limit: u32::MAX,
    }
}

pub(super) async fn stays(store: &dyn Store, query: &StayQuery) -> Vec<Stay> {
    store.page_of_stays(query).await.expect("a page").stays
}

/// The calls that are open, in an order that all stores agree on.
async fn open_calls(store: &dyn Store, app: AppId) -> Vec<OpenCall> {
    let mut calls = store.open_calls(app, i64::MAX, u32::MAX).await.expect("calls");
    calls.sort();
    calls
}

/// Holds both to the same answers, and each to its own pages.
async fn compare(
    model: &Memory,
    store: &dyn Store,
    query: &StayQuery,
) -> Result<(), TestCaseError> {
    let expected = model.page_of_stays(query).await.expect("a page");
    let page = store.page_of_stays(query).await.expect("a page");
    prop_assert_eq!(&page, &expected, "{:?}", query);
    let whole = StayQuery { offset: 0, limit: u32::MAX, ..query.clone() };
    let whole = stays(store, &whole).await;
    prop_assert_eq!(whole.len() as u64, expected.total);
    let mut pages = vec![];
    for offset in (0..whole.len() as u64).step_by(3) {
        pages.extend(stays(store, &StayQuery { offset, limit: 3, ..query.clone() }).await);
    }
    prop_assert_eq!(pages, whole, "{:?}", query);
    Ok(())
}

async fn attack<E: Engine>(
    arrivals: Arrivals,
    queries: Vec<StayQuery>,
) -> Result<(), TestCaseError> {
    let model = Memory::default();
    let (mut store, place) = fresh::<E>().await;
    for (batch, reopen) in arrivals {
        let expected = model.append_events(batch.clone()).await.expect("appended");
        let appended = store.append_events(batch).await.expect("appended");
        prop_assert_eq!(appended, expected);
        if reopen {
            drop(store);
            store = E::open(&place).await;
        }
        store.recount();
        for app in [1, 2] {
            let expected = stays(&model, &everything(app)).await;
            prop_assert_eq!(stays(&store, &everything(app)).await, expected);
        }
        let expected = model.log_figures().await.expect("figures");
        prop_assert_eq!(store.log_figures().await.expect("figures"), expected);
    }
    for app in [AppId(1), AppId(2)] {
        let expected = open_calls(&model, app).await;
        prop_assert_eq!(open_calls(&store, app).await, expected);
    }
    for query in &queries {
        compare(&model, &store, query).await?;
    }
    let named: BTreeSet<ParticipantId> = (0..4).map(participant).collect();
    compare(&model, &store, &StayQuery { participants: Some(named), ..everything(1) }).await
}

/// Both lose what is too old at the same instants, the store in small steps; in between, only what
/// is young enough arrives. At the end the store holds the rows of one that was told nothing else
/// than what is left.
async fn attack_and_retire<E: Engine>(
    arrivals: Arrivals,
    instants: Vec<Option<i64>>,
    step: usize,
    interleaved: bool,
) -> Result<(), TestCaseError> {
    let model = Memory::default();
    let (mut store, place) = fresh::<E>().await;
    let mut before = i64::MIN;
    let instants = instants.into_iter().chain(std::iter::repeat(None));
    for ((mut batch, reopen), instant) in arrivals.into_iter().zip(instants) {
        batch.retain(|event| event.time_unix_us >= before);
        if let Some(instant) = instant {
            before = before.max(instant);
            retire(&model, before, usize::MAX).await;
            match interleaved {
                true => store.retire(before, step).await.map(|_| ()).expect("a step"),
                false => retire(&store, before, step).await,
            }
            batch.retain(|event| event.time_unix_us >= before);
        }
        if reopen {
            drop(store);
            store = E::open(&place).await;
        }
        let expected = model.append_events(batch.clone()).await.expect("appended");
        prop_assert_eq!(store.append_events(batch).await.expect("appended"), expected);
        if instant.is_some() && interleaved {
            retire(&model, before, usize::MAX).await;
            // An engine may be done with a room in a pass that is under way, and then what has come
            // since lets a part of it go in the next pass.
            retire(&store, before, step).await;
            retire(&store, before, step).await;
        }
        store.recount();
        for app in [1, 2] {
            let expected = stays(&model, &everything(app)).await;
            prop_assert_eq!(stays(&store, &everything(app)).await, expected);
        }
        let expected = model.log_figures().await.expect("figures");
        prop_assert_eq!(store.log_figures().await.expect("figures"), expected);
    }
    let events = model.events();
    prop_assert_eq!(everything_of(&store).await, sorted(events.clone()));
    let (other, _place) = fresh::<E>().await;
    other.append_events(events).await.expect("appended");
    prop_assert_eq!(store.rows(), other.rows());
    Ok(())
}

/// Every event, as a walk finds them.
pub(super) async fn everything_of(store: &dyn Walk) -> Vec<Event> {
    let (mut all, mut from) = (vec![], None);
    loop {
        let step = store.walk_events(from.as_deref(), 20).await.expect("events");
        all.extend(step.found);
        from = step.next;
        if from.is_none() {
            return sorted(all);
        }
    }
}

pub(super) fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_cached_key(|event| (event.identity(), event.content_hash()));
    events
}

async fn retire(store: &dyn Store, before_unix_us: i64, step: usize) {
    while store.retire(before_unix_us, step).await.expect("a step").more {}
}

/// What is left is what was shown, but for whole calls that were over.
async fn lose_only_what_is_over(
    arrivals: Arrivals,
    before_unix_us: i64,
) -> Result<(), TestCaseError> {
    let model = Memory::default();
    for (batch, _) in arrivals {
        model.append_events(batch).await.expect("appended");
    }
    let apps = [everything(1), everything(2)];
    let of_call = |stay: &Stay| (stay.app, stay.door.clone(), stay.room.clone(), stay.call.clone());
    let mut shown = vec![];
    for query in &apps {
        shown.extend(stays(&model, query).await);
    }
    retire(&model, before_unix_us, usize::MAX).await;
    let mut left = vec![];
    for query in &apps {
        left.extend(stays(&model, query).await);
    }
    let calls: BTreeSet<_> = left.iter().map(of_call).collect();
    for stay in &shown {
        let ended = stay.left_unix_s().is_some_and(|left| left * SECOND_US < before_unix_us);
        prop_assert!(ended || calls.contains(&of_call(stay)), "went too early: {stay:?}");
    }
    shown.retain(|stay| calls.contains(&of_call(stay)));
    prop_assert_eq!(&left, &shown);
    // Rooms are cut between seconds.
    let young = |event: &Event| event.time_unix_us >= whole_second(before_unix_us) * SECOND_US;
    let rooms_left: BTreeSet<_> =
        model.events().iter().filter_map(|it| it.room().cloned()).collect();
    let empty = left.is_empty() && !model.events().iter().any(young);
    prop_assert!(!empty || rooms_left.is_empty(), "left behind: {rooms_left:?}");
    Ok(())
}

/// A quarter of proptest's own number, since each case is many commits.
const CASES: u32 = 64;

properties! {
    #![cases = CASES]

    #[test]
    fn it_shows_what_memory_shows(
        arrivals in arrivals(),
        queries in prop::collection::vec(queries(), 12),
    ) {
        wait(attack::<E>(arrivals, queries))?;
    }

    #[test]
    fn it_retires_what_memory_retires(
        arrivals in arrivals(),
        instants in prop::collection::vec(prop::option::weighted(0.4, instants()), 12),
        step in 1..9_usize,
    ) {
        wait(attack_and_retire::<E>(arrivals, instants, step, false))?;
    }

    #[test]
    fn a_room_goes_on_while_a_part_of_it_goes(
        arrivals in arrivals_without_calls(),
        instants in prop::collection::vec(prop::option::weighted(0.4, instants()), 12),
        step in 1..4_usize,
    ) {
        wait(attack_and_retire::<E>(arrivals, instants, step, true))?;
    }

    #[test]
    fn it_mints_what_memory_mints(arrivals in arrivals_without_calls()) {
        wait(attack::<E>(arrivals, vec![]))?;
    }
}

proptest! {
    #![proptest_config(engine::config::<Embedded>(CASES))]

    #[test]
    fn only_what_is_over_goes(
        arrivals in prop_oneof![arrivals(), arrivals_without_calls()],
        before in instants(),
    ) {
        wait(lose_only_what_is_over(arrivals, before))?;
    }
}
