//! A great many rooms at once: what a page and a batch cost then.

use std::sync::Arc;
use std::time::Instant;

use domain::Settings;
use domain::app::Apps;
use domain::clock::{FixedClock, SECOND_US};
use domain::context::Context;
use domain::ids::{CallId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::query::PAGE_LEN_MAX;
use domain::log::{ClientFacts, Event, Fact, LogFigures, Presence, StayQuery, list_stays};
use domain::store::Store;

use super::super::Options;
use super::{APP, open, wait};

const BEGAN_S: i64 = 1_700_000_000;

fn event(source: &str, id: &str, at_s: i64, fact: Fact) -> Event {
    Event {
        app: APP,
        door: Door::parse("janus").unwrap(),
        source: SourceName::parse(source).unwrap(),
        id: EventId::parse(id).unwrap(),
        time_unix_us: (BEGAN_S + at_s) * SECOND_US,
        fact,
    }
}

/// Somebody comes into each of so many rooms.
fn rooms(count: usize) -> Vec<Event> {
    let join = |number: usize| {
        let who = Presence {
            room: RoomId::parse(&format!("room{number}")).unwrap(),
            call: CallId::parse("c").ok(),
            participant: ParticipantId::parse("anna").unwrap(),
            connection: None,
        };
        let client = ClientFacts::default();
        event("sfu", &format!("j{number}"), 0, Fact::Joined { who, sole: false, client })
    };
    (0..count).map(join).collect()
}

#[test]
fn a_page_is_never_longer_than_its_maximum() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&Options::new(folder.path())));
    let stays = PAGE_LEN_MAX as usize + 5;
    wait(store.append_events(rooms(stays))).unwrap();
    let clock = Arc::new(FixedClock::at_unix_s(BEGAN_S));
    let ctx = Context::new(store, clock, Apps::default(), Settings::default());
    let query = StayQuery {
        app: APP,
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s: i64::MIN,
        until_unix_s: i64::MAX,
        offset: 0,
        limit: u32::MAX,
    };
    let page = wait(list_stays(&ctx, &query)).unwrap();
    assert_eq!((page.stays.len(), page.total), (PAGE_LEN_MAX as usize, stays as u64));
}

/// Told with `--nocapture`: how long the writer is held by a batch of restarts, of a server through
/// which nobody came, and of the one through which all did.
#[test]
fn many_restarts_among_many_rooms_close_those_of_their_server() {
    const ROOMS: usize = if cfg!(debug_assertions) { 300 } else { 5_000 };
    const RESTARTS: i64 = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    for batch in rooms(ROOMS).chunks(1_000) {
        wait(store.append_events(batch.to_vec())).unwrap();
    }
    let all_open = LogFigures { stays: ROOMS as u64, open_stays: ROOMS as u64, ..<_>::default() };
    let all_over = LogFigures { open_stays: 0, inferred_leaves: ROOMS as u64, ..all_open };
    for (server, expected) in [("other", all_open), ("sfu", all_over)] {
        let restart = |at_s| event(server, &format!("r{at_s}"), at_s, Fact::ServerRestarted);
        let restarts: Vec<Event> = (1..=RESTARTS).map(restart).collect();
        let began = Instant::now();
        wait(store.append_events(restarts)).unwrap();
        println!("{RESTARTS} restarts of {server}, {ROOMS} rooms: {:?}", began.elapsed());
        assert_eq!(wait(store.log_figures()).unwrap(), expected, "{server}");
    }
    store.recount();
}
