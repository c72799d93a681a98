//! What any answer is, on every store: the fold of the set of the events, selected, in order, cut
//! into pages. The definition is written down once more here, so that no store's own way of
//! finding, counting or cutting has a part in it.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::CallId;
use domain::log::event::EventHash;
use domain::log::stay::RoomKey;
use domain::log::{Event, Fact, Stay, StayQuery, fold_room};
use domain::store::Store;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::engine::{self, Engine, fresh};
use super::histories::{Arrivals, arrivals, everything, queries};
use super::{properties, wait};
use crate::memory::Memory;

/// Of the events of one identity the one with the smallest content hash.
fn set_of(events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut set: BTreeMap<EventHash, Event> = BTreeMap::new();
    for event in events {
        let known = set.entry(event.identity()).or_insert_with(|| event.clone());
        if event.content_hash() < known.content_hash() {
            *known = event;
        }
    }
    set.into_values().collect()
}

fn room_of(event: &Event) -> Option<RoomKey> {
    let room = event.room()?.clone();
    Some(RoomKey { app: event.app, door: event.door.clone(), room })
}

/// All stays, in the order of answers.
fn log_of(events: &[Event]) -> Vec<Stay> {
    let rooms: BTreeSet<RoomKey> = events.iter().filter_map(room_of).collect();
    let fold = |at: &RoomKey| {
        let concerns = |event: &Event| match room_of(event) {
            Some(room) => room == *at,
            None => (event.app, &event.door) == (at.app, &at.door),
        };
        let of_room: Vec<Event> = events.iter().filter(|it| concerns(it)).cloned().collect();
        fold_room(at, &of_room)
    };
    let mut stays: Vec<Stay> = rooms.iter().flat_map(fold).collect();
    stays.sort_by(|one, other| one.order().cmp(&other.order()));
    stays
}

fn events_of(arrivals: &Arrivals) -> Vec<Event> {
    arrivals.iter().flat_map(|(batch, _)| batch).cloned().collect()
}

/// Without holes or repeats, and as many as each page says; there is nothing behind the last.
fn pages_are_the_answer(
    store: &dyn Store,
    log: &[Stay],
    query: &StayQuery,
    page_len: u32,
) -> Result<(), TestCaseError> {
    let expected: Vec<&Stay> = log.iter().filter(|stay| query.selects(stay)).collect();
    let mut found = vec![];
    for offset in (0..).step_by(page_len as usize) {
        let query = StayQuery { offset, limit: page_len, ..query.clone() };
        let page = wait(store.page_of_stays(&query)).expect("a page");
        prop_assert_eq!(page.total, expected.len() as u64, "{:?}", query);
        let rest = expected.len().saturating_sub(found.len());
        prop_assert_eq!(page.stays.len(), rest.min(page_len as usize), "{:?}", query);
        if page.stays.is_empty() {
            break;
        }
        found.extend(page.stays);
    }
    prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{:?}", query);
    Ok(())
}

fn answers_are_the_log<E: Engine>(
    arrivals: &Arrivals,
    questions: &[(StayQuery, u32)],
) -> Result<(), TestCaseError> {
    let events = events_of(arrivals);
    let log = log_of(&set_of(events.clone()));
    let (store, _place) = wait(fresh::<E>());
    // In two batches: that batches do not matter is said elsewhere, and commits are dear.
    for batch in events.chunks(events.len().div_ceil(2).max(1)) {
        wait(store.append_events(batch.to_vec())).expect("appended");
    }
    for app in [1, 2] {
        pages_are_the_answer(&store, &log, &everything(app), 5)?;
    }
    for (query, page_len) in questions {
        pages_are_the_answer(&store, &log, query, *page_len)?;
    }
    Ok(())
}

fn questions() -> impl Strategy<Value = Vec<(StayQuery, u32)>> {
    prop::collection::vec((queries(), 1..8_u32), 6)
}

proptest! {
    #![proptest_config(engine::config::<Memory>(1_000))]

    #[test]
    fn every_answer_of_memory_is_the_fold_of_the_set(
        arrivals in arrivals(),
        questions in questions(),
    ) {
        answers_are_the_log::<Memory>(&arrivals, &questions)?;
    }
}

properties! {
    #![cases = 60]

    #[test]
    fn every_answer_is_the_fold_of_the_set(
        arrivals in arrivals(),
        questions in questions(),
    ) {
        answers_are_the_log::<E>(&arrivals, &questions)?;
    }
}

type Kind = (&'static str, fn(&[Event]) -> bool);

fn tells(events: &[Event], told: impl Fn(&Fact) -> bool) -> bool {
    events.iter().any(|it| told(&it.fact))
}

fn differ<T: Ord>(of: impl Iterator<Item = T>) -> usize {
    of.collect::<BTreeSet<_>>().len()
}

const KINDS: &[Kind] = &[
    ("several rooms", |it| differ(it.iter().filter_map(Event::room)) > 1),
    ("two doors", |it| differ(it.iter().map(|it| &it.door)) > 1),
    ("two apps", |it| differ(it.iter().map(|it| it.app)) > 1),
    ("two sources", |it| differ(it.iter().map(|it| &it.source)) > 1),
    ("a copy", |it| it.len() > differ(it.iter().map(|it| (it.identity(), it.content_hash())))),
    ("two of one identity", |it| {
        let identities = differ(it.iter().map(Event::identity));
        differ(it.iter().map(|it| (it.identity(), it.content_hash()))) > identities
    }),
    ("the identity of one of another room", |it| {
        let rooms = differ(it.iter().map(|it| (it.identity(), it.room())));
        rooms > differ(it.iter().map(Event::identity))
    }),
    ("a time that goes back", |it| !it.is_sorted_by_key(|it| it.time_unix_us)),
    ("a sole join", |it| tells(it, |it| matches!(it, Fact::Joined { sole: true, .. }))),
    ("a leave that tells the join", |it| {
        tells(it, |it| matches!(it, Fact::Left { joined_unix_us: Some(_), .. }))
    }),
    ("a publication", |it| tells(it, |it| matches!(it, Fact::Published { .. }))),
    ("a client fact", |it| tells(it, |it| matches!(it, Fact::Client { .. }))),
    ("an end of a room", |it| tells(it, |it| matches!(it, Fact::RoomFinished { .. }))),
    ("a snapshot", |it| tells(it, |it| matches!(it, Fact::Snapshot { .. }))),
    ("a restart", |it| tells(it, |it| *it == Fact::ServerRestarted)),
    ("a stop", |it| tells(it, |it| *it == Fact::ServerStopped)),
    ("a minted call", |it| {
        log_of(&set_of(it.to_vec())).iter().any(|it| it.call.as_str().len() == 32)
    }),
    ("a stay of several spans", |it| {
        log_of(&set_of(it.to_vec())).iter().any(|it| it.spans.len() > 1)
    }),
    ("a server", |it| log_of(&set_of(it.to_vec())).iter().any(Stay::is_server)),
];

/// So that no property is hollow. Whoever adds a fact adds a line.
#[test]
fn arrivals_have_everything() {
    let mut runner = TestRunner::deterministic();
    let arrivals = arrivals();
    let mut one = || arrivals.new_tree(&mut runner).expect("arrivals").current();
    let sample: Vec<Arrivals> = (0..200).map(|_| one()).collect();
    for (name, is_in) in KINDS {
        let count = sample.iter().filter(|it| is_in(&events_of(it))).count();
        println!("{name}: in {count} of {}", sample.len());
        assert!(count * 20 >= sample.len(), "{name}: in {count} of {} only", sample.len());
    }
    let many = sample.iter().filter(|it| it.len() > 2).count();
    let reopened = sample.iter().filter(|it| it.iter().any(|(_, reopen)| *reopen)).count();
    assert!(many * 2 > sample.len() && reopened * 5 > sample.len(), "{many}, {reopened}");
    let calls =
        |it: &Arrivals| differ(events_of(it).iter().filter_map(Event::call).map(CallId::as_str));
    assert!(sample.iter().filter(|it| calls(it) > 1).count() * 2 > sample.len());
}

/// Selected by app, room and participant; servers in and out; windows that hold some, all, none.
#[test]
fn questions_have_answers_of_every_kind() {
    let mut runner = TestRunner::deterministic();
    let (arrivals, queries) = (arrivals(), queries());
    let mut some = [0; 6];
    for _ in 0..400 {
        let log =
            log_of(&set_of(events_of(&arrivals.new_tree(&mut runner).expect("it").current())));
        let query = queries.new_tree(&mut runner).expect("a query").current();
        let found = log.iter().filter(|stay| query.selects(stay)).count();
        let all = log.iter().filter(|stay| stay.app == query.app).count();
        let is = [
            found > 1 && query.room.is_none() && query.participants.is_none(),
            found > 1 && query.room.is_some() && query.participants.is_none(),
            found > 1 && query.participants.is_some(),
            found > 1 && !query.with_servers,
            found > 0 && found < all,
            found == 0 && all > 0,
        ];
        some.iter_mut().zip(is).for_each(|(count, is)| *count += usize::from(is));
    }
    assert!(some.iter().all(|count| *count >= 10), "{some:?}");
}
