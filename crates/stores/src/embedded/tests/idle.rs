//! Calls of which nothing was heard for long, through the operation that closes them.

use std::num::NonZeroU32;
use std::sync::Arc;

use domain::Settings;
use domain::app::{App, Apps, Quirks};
use domain::clock::{FixedClock, SECOND_US};
use domain::context::{Context, DAY_S};
use domain::ids::{CallId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::idle::{CALLS_PER_STEP_MAX, Closed};
use domain::log::{ClientFacts, Event, Fact, Presence, StayQuery, idle};
use domain::store::Store;

use super::super::Options;
use super::super::key::{Key, Part};
use super::{APP, Embedded, open, wait};

const BEGAN_S: i64 = 1_700_000_000;
const LIMIT_S: i64 = 60 * 60;

struct World {
    store: Arc<Embedded>,
    clock: Arc<FixedClock>,
    ctx: Context,
    _folder: tempfile::TempDir,
}

fn world(idle_close_minutes: Option<NonZeroU32>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&Options::new(folder.path())));
    let clock = Arc::new(FixedClock::at_unix_s(BEGAN_S));
    let settings = Settings { retention_days: 2, idle_close_minutes, ..Settings::default() };
    let apps = Apps::new([app()]).unwrap();
    let ctx = Context::new(store.clone(), clock.clone(), apps, settings);
    World { store, clock, ctx, _folder: folder }
}

fn one_hour() -> Option<NonZeroU32> {
    NonZeroU32::new(60)
}

fn app() -> App {
    App {
        id: APP,
        rtc_id: None,
        name: String::new(),
        server_secret: None,
        event_token: None,
        api_token: None,
        access_keys: vec![],
        quirks: Quirks::default(),
        sources: Default::default(),
    }
}

fn anna(room: &str, call: Option<&str>) -> Presence {
    Presence {
        room: RoomId::parse(room).unwrap(),
        call: call.map(|call| CallId::parse(call).unwrap()),
        participant: ParticipantId::parse("anna").unwrap(),
        connection: None,
    }
}

impl World {
    fn at(&self, after_s: i64) {
        self.clock.set_unix_us((BEGAN_S + after_s) * SECOND_US);
    }

    fn close(&self) -> Closed {
        wait(idle::close(&self.ctx)).unwrap()
    }

    fn publish(&self, room: &str, call: Option<&str>, after_s: i64) {
        self.record(room, after_s, Fact::Published { who: anna(room, call) });
    }

    fn join(&self, room: &str, call: Option<&str>, after_s: i64) {
        let who = anna(room, call);
        self.record(
            room,
            after_s,
            Fact::Joined { who, sole: false, client: ClientFacts::default() },
        );
    }

    fn record(&self, room: &str, after_s: i64, fact: Fact) {
        let event = Event {
            app: APP,
            door: Door::parse("janus").unwrap(),
            source: SourceName::parse("sfu").unwrap(),
            id: EventId::parse(&format!("{after_s} in {room}")).unwrap(),
            time_unix_us: (BEGAN_S + after_s) * SECOND_US,
            fact,
        };
        wait(self.store.append_events(vec![event])).unwrap();
    }

    /// When those whose stays began first went, in seconds; `None` for whoever is still there.
    fn left_s(&self) -> Vec<Option<i64>> {
        let query = StayQuery {
            app: APP,
            room: None,
            participants: None,
            with_servers: true,
            from_unix_s: i64::MIN,
            until_unix_s: i64::MAX,
            offset: 0,
            limit: 1_000,
        };
        let stays = wait(self.store.page_of_stays(&query)).unwrap().stays;
        stays.iter().map(|stay| stay.left_unix_s().map(|left| left - BEGAN_S)).collect()
    }
}

#[test]
fn without_a_limit_nobody_is_taken_to_have_gone() {
    let world = world(None);
    world.join("room", Some("c"), 0);
    world.at(1_000 * LIMIT_S);
    assert_eq!(world.close(), Closed::default());
    assert_eq!(world.left_s(), [None]);
}

/// The edge from both sides, of a call that was named and of one that was minted.
#[test]
fn a_call_is_closed_when_nothing_was_heard_of_it_for_the_limit() {
    let world = world(one_hour());
    world.join("named", Some("c"), 10);
    world.join("minted", None, 20);
    world.publish("named", Some("c"), 30);
    world.at(20 + LIMIT_S - 1);
    assert_eq!(world.close().calls, 0);
    world.at(20 + LIMIT_S);
    assert_eq!(world.close(), Closed { calls: 1, more: false });
    assert_eq!(world.left_s(), [None, Some(20)]);
    world.at(30 + LIMIT_S);
    assert_eq!(world.close().calls, 1);
    assert_eq!(world.left_s(), [Some(30), Some(20)]);
    assert_eq!(world.close().calls, 0);
}

/// A restart, or a second server, finds what the first one found, and it stands once.
#[test]
fn whoever_finds_a_silence_makes_the_same_event_of_it() {
    let (one, other) = (world(one_hour()), world(one_hour()));
    for (world, after_s) in [(&one, LIMIT_S), (&other, 3 * LIMIT_S)] {
        world.join("room", None, 0);
        world.at(after_s);
        assert_eq!(world.close().calls, 1);
    }
    let events = |world: &World| {
        let tables = &world.store.tables;
        let txn = world.store.env.read_txn().unwrap();
        let first_room = Key::in_room(0, Part::RoomEvents);
        let rows = tables.room_events.range(&txn, &first_room, &[]).unwrap();
        rows.map(|row| row.unwrap().0.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(events(&one).len(), 2);
    assert_eq!(events(&one), events(&other));
}

#[test]
fn a_late_event_undoes_it_until_the_call_is_silent_again() {
    let world = world(one_hour());
    world.join("room", Some("c"), 0);
    world.at(LIMIT_S);
    assert_eq!(world.close().calls, 1);
    assert_eq!(world.left_s(), [Some(0)]);
    world.publish("room", Some("c"), 600);
    assert_eq!(world.left_s(), [None]);
    assert_eq!(world.close().calls, 0);
    world.at(600 + LIMIT_S);
    assert_eq!(world.close().calls, 1);
    assert_eq!(world.left_s(), [Some(600)]);
}

/// An event that is older than the retention would not be taken.
#[test]
fn a_ghost_that_is_older_than_the_retention_is_closed_too() {
    let world = world(one_hour());
    world.join("room", Some("c"), 0);
    world.at(30 * DAY_S + 1_234);
    assert_eq!(world.close(), Closed { calls: 1, more: false });
    assert_eq!(world.left_s(), [Some(0)]);
    assert_eq!(world.close().calls, 0);
}

#[test]
fn the_silence_goes_with_its_call() {
    let world = world(one_hour());
    world.join("named", Some("c"), 0);
    world.join("minted", None, 0);
    world.at(LIMIT_S);
    assert_eq!(world.close().calls, 2);
    world.at(3 * DAY_S);
    while wait(domain::log::retire(&world.ctx)).unwrap().more {}
    let mut left = world.store.lens();
    left.retain(|(table, rows)| *table != "counters" && *rows > 0);
    assert_eq!(left, []);
}

#[test]
fn many_calls_are_closed_in_steps() {
    let world = world(one_hour());
    let calls = CALLS_PER_STEP_MAX as usize + 10;
    (0..calls).for_each(|it| world.join(&format!("room{it}"), Some("c"), 0));
    world.at(LIMIT_S);
    assert_eq!(world.close(), Closed { calls: CALLS_PER_STEP_MAX.into(), more: true });
    assert_eq!(world.close(), Closed { calls: 10, more: false });
    assert!(world.left_s().iter().all(|left| *left == Some(0)));
}
