//! What is too old leaves nothing behind, in steps that take their time from nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::app::Apps;
use domain::clock::{FixedClock, SECOND_US};
use domain::context::{Context, DAY_S, Settings};
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::record::Outcome;
use domain::log::{ClientFacts, Event, Fact, Presence};
use domain::store::Store;

use super::super::Options;
use super::{APP, open, wait};

const BEGAN_S: i64 = 1_700_000_000;

fn event(number: usize, at_s: i64, fact: Fact) -> Event {
    Event {
        app: APP,
        door: Door::parse("native").expect("a door"),
        source: SourceName::parse("sfu").expect("a source"),
        id: EventId::parse(&format!("e{number}")).expect("an id"),
        time_unix_us: (BEGAN_S + at_s) * SECOND_US,
        fact,
    }
}

fn room(name: &str) -> RoomId {
    RoomId::parse(name).expect("a room")
}

fn who(name: &str, call: Option<&str>, number: usize) -> Presence {
    Presence {
        room: room(name),
        call: call.map(|call| CallId::parse(call).expect("a call")),
        participant: ParticipantId::parse(&format!("p{number}")).expect("an id"),
        connection: ConnectionId::parse(&format!("k{number}")).ok(),
    }
}

fn joined(who: Presence) -> Fact {
    Fact::Joined { who, sole: false, client: ClientFacts::default() }
}

fn left(who: Presence) -> Fact {
    Fact::Left { who, joined_unix_us: None, client: ClientFacts::default() }
}

/// One after the other: `people` join a room, and leave it.
fn lesson(name: &str, call: Option<&str>, people: usize) -> Vec<Event> {
    let joins = (0..people).map(|it| event(it, 10, joined(who(name, call, it))));
    let leaves = (0..people).map(|it| event(people + it, 3_000, left(who(name, call, it))));
    joins.chain(leaves).collect()
}

#[test]
fn what_is_too_old_is_gone_from_every_table_and_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&Options::new(folder.path())));
    let clock = Arc::new(FixedClock::at_unix_s(BEGAN_S + DAY_S));
    let settings = Settings { retention_days: 2, ..Settings::default() };
    let ctx = Context::new(store.clone(), clock.clone(), Apps::default(), settings);

    let mut events = lesson("called", Some("c"), 20);
    events.extend(lesson("uncalled", None, 20));
    // Some who never left, and what tells that they are gone.
    for (number, name) in ["over", "absent", "lost", "superseded"].into_iter().enumerate() {
        events.push(event(100 + number, 20, joined(who(name, Some("c"), 1))));
    }
    let (over, absent) = (room("over"), room("absent"));
    events.push(event(200, 30, Fact::RoomFinished { room: over, call: None }));
    let nobody =
        Fact::Snapshot { room: absent, call: None, present: Default::default(), told: None };
    events.push(event(201, 30, nobody));
    events.push(event(202, 40, joined(who("superseded", Some("d"), 2))));
    events.push(event(203, 50, Fact::ServerRestarted));
    for (number, event) in events.iter_mut().enumerate() {
        event.id = EventId::parse(&format!("e{number}")).unwrap();
    }
    let stored = wait(domain::log::record(&ctx, events.clone())).unwrap();
    assert!(stored.iter().all(|outcome| *outcome == Outcome::Stored), "{stored:?}");

    clock.set_unix_us((BEGAN_S + 4 * DAY_S) * SECOND_US);
    let mut gone = 0;
    loop {
        let step = wait(domain::log::retire(&ctx)).unwrap();
        gone += step.events;
        if !step.more {
            break;
        }
    }
    assert_eq!(gone, events.len() as u64);
    let mut left = store.lens();
    left.retain(|(table, rows)| *table != "counters" && *rows > 0);
    assert_eq!(left, []);

    let again = wait(domain::log::record(&ctx, events)).unwrap();
    assert!(again.iter().all(|outcome| *outcome == Outcome::Expired), "{again:?}");
    assert!(store.lens().iter().all(|(table, rows)| *table == "counters" || *rows == 0));
}

#[test]
fn small_rooms_go_together() {
    const ROOMS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    for number in 0..ROOMS {
        let name = format!("room {number}");
        let (came, gone) = (joined(who(&name, Some("c"), 1)), left(who(&name, Some("c"), 1)));
        let visit = vec![event(2 * number, 10, came), event(2 * number + 1, 20, gone)];
        wait(store.append_events(visit)).unwrap();
    }
    let before = (BEGAN_S + DAY_S) * SECOND_US;
    let (mut steps, mut events) = (0, 0);
    loop {
        let step = wait(store.retire(before, 256)).unwrap();
        events += step.events;
        steps += 1;
        if !step.more {
            break;
        }
    }
    assert_eq!(events, 2 * ROOMS as u64);
    assert!(steps < 12, "{steps}");
}

#[test]
fn what_is_being_removed_goes_on_going_when_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    let before = (BEGAN_S + DAY_S) * SECOND_US;
    let store = open(&options);
    wait(store.append_events(lesson("called", Some("c"), 20))).unwrap();
    let step = wait(store.retire(before, 3)).unwrap();
    assert_eq!((step.events, step.more), (3, true));
    drop(store);

    let store = open(&options);
    // Somebody comes back in between, into the same room and even the same call.
    let back = event(1_000, DAY_S, joined(who("called", Some("c"), 19)));
    wait(store.append_events(vec![back])).unwrap();
    while wait(store.retire(before, 3)).unwrap().more {}
    let lens = store.lens();
    for (table, rows) in [("events", 1), ("facts", 1), ("stays", 1), ("standings", 1), ("cuts", 0)]
    {
        assert!(lens.contains(&(table, rows)), "{table}: {lens:?}");
    }
}

/// Told with `--nocapture`: what the README says of the cost.
#[test]
fn a_lesson_of_thousands_goes_in_small_steps() {
    const PEOPLE: usize = if cfg!(debug_assertions) { 500 } else { 10_000 };
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    let events = lesson("called", Some("c"), PEOPLE);
    for batch in events.chunks(1_000) {
        wait(store.append_events(batch.to_vec())).unwrap();
    }
    let mut steps: Vec<(Duration, u64)> = vec![];
    loop {
        let began = Instant::now();
        let step = wait(store.retire(i64::MAX, domain::log::retire::EVENTS_PER_STEP_MAX)).unwrap();
        steps.push((began.elapsed(), step.events));
        assert!(step.events <= domain::log::retire::EVENTS_PER_STEP_MAX as u64);
        if !step.more {
            break;
        }
    }
    assert_eq!(steps.iter().map(|(_, events)| events).sum::<u64>(), 2 * PEOPLE as u64);
    let took: Duration = steps.iter().map(|(took, _)| took).sum();
    steps.sort();
    let (median, longest) = (steps[steps.len() / 2].0, steps[steps.len() - 1].0);
    println!("{} events, {took:?}, median {median:?}, longest {longest:?}", events.len());
}
