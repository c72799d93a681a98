//! What was acknowledged is there again, whatever happened to the process; what cannot be made
//! durable is not acknowledged.

use std::fs;
use std::io::Write;
use std::path::Path;

use domain::clock::SECOND_US;
use domain::error::Error;
use domain::ids::{CallId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Presence, StayQuery};

use super::children::{behind, folder, said, spawn};
use super::*;

/// Somebody comes to the room where everybody is.
fn join(number: i64) -> Event {
    let who = Presence {
        room: RoomId::parse("room").expect("a room"),
        call: Some(CallId::parse("call").expect("a call")),
        participant: ParticipantId::parse(&format!("p{number}")).expect("an id"),
        connection: None,
    };
    Event {
        app: APP,
        door: Door::parse("native").expect("a door"),
        source: SourceName::parse("sfu").expect("a source"),
        id: EventId::parse(&number.to_string()).expect("an id"),
        time_unix_us: number * SECOND_US,
        fact: Fact::Joined { who, sole: false, client: ClientFacts::default() },
    }
}

fn stays(store: &Embedded) -> u64 {
    let query = StayQuery {
        app: APP,
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s: i64::MIN,
        until_unix_s: i64::MAX,
        offset: 0,
        limit: 0,
    };
    wait(store.page_of_stays(&query)).expect("a page").total
}

fn say(word: &str, what: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    writeln!(out, "{word} {what}").and_then(|()| out.flush()).expect("somebody listens");
}

/// Not a test, but what the child of the next one does.
#[test]
fn writes_until_it_is_killed() {
    let Some(folder) = folder() else { return };
    let store = open(&Options::new(folder));
    for number in 1.. {
        register(&store, number, "a").expect("registered");
        wait(store.append_events(vec![join(number)])).expect("appended");
        say("acknowledged", number);
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let mut child = spawn("durability::writes_until_it_is_killed", folder.path(), "");
        let lines = said(&mut child);
        let mut acknowledged = lines.filter_map(|line| behind("acknowledged", &line));
        let last = acknowledged.nth(40 * round).expect("it writes");
        child.kill().unwrap();
        child.wait().unwrap();
        let last = acknowledged.last().unwrap_or(last).parse::<i64>().unwrap();

        let store = open(&Options::new(folder.path()));
        let lost = (1..=last).filter(|number| name_of(&store, *number).unwrap().is_none());
        assert_eq!(lost.collect::<Vec<_>>(), Vec::<i64>::new());
        let shown = i64::try_from(stays(&store)).unwrap();
        assert!(shown >= last, "{shown} of {last} stays");
    }
}

/// Not a test, but what the child of the next one does, which may not make files larger than some.
#[test]
fn writes_until_it_cannot() {
    let Some(folder) = folder() else { return };
    let store = open(&Options::new(folder));
    let long = "n".repeat(10_000);
    for number in 1.. {
        match register(&store, number, &long) {
            Ok(_) => say("acknowledged", number),
            Err(refused) => {
                say("refused", &refused);
                let again = register(&store, number, "small").unwrap_err();
                let ready = store.ready().err();
                assert_eq!(name_of(&store, 1).unwrap(), Some(long));
                assert_eq!(name_of(&store, number).unwrap(), None);
                say("again", format!("{again}, {}", ready.map_or("ready", |_| "not ready")));
                return;
            }
        }
    }
}

#[test]
fn a_commit_that_fails_stops_the_writer_for_good_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    // A write beyond the limit fails, and does not kill.
    let limit = "trap '' XFSZ; ulimit -f 4096;";
    let mut child = spawn("durability::writes_until_it_cannot", folder.path(), limit);
    let said: Vec<String> = said(&mut child).collect();
    assert!(child.wait().unwrap().success(), "{said:?}");
    let last = |word: &str| said.iter().rev().find_map(|line| behind(word, line));
    assert_eq!(last("refused"), Some(Error::Stopped.to_string()));
    assert_eq!(last("again"), Some(format!("{}, not ready", Error::Stopped)));

    let store = open(&Options::new(folder.path()));
    let acknowledged: i64 = last("acknowledged").unwrap().parse().unwrap();
    assert!(acknowledged > 10);
    let lost = (1..=acknowledged).filter(|number| name_of(&store, *number).unwrap().is_none());
    assert_eq!(lost.collect::<Vec<_>>(), Vec::<i64>::new());
    // Refused, it left no trace; and the new process takes changes again.
    assert_eq!(name_of(&store, acknowledged + 1).unwrap(), None);
    register(&store, acknowledged + 1, "a").unwrap();
}

pub(super) const NEEDLE: &str = "a needle in a haystack";

/// Changes a bit of it wherever it stands in the data.
pub(super) fn damage_the_needle(folder: &Path) {
    let path = folder.join("data.mdb");
    let mut data = fs::read(&path).unwrap();
    let needle = NEEDLE.as_bytes();
    let places: Vec<usize> =
        (0..data.len() - needle.len()).filter(|at| data[*at..].starts_with(needle)).collect();
    assert_ne!(places, Vec::<usize>::new());
    places.into_iter().for_each(|at| data[at] ^= 1);
    fs::write(&path, data).unwrap();
}

#[test]
fn a_damaged_record_is_an_error_and_its_neighbours_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    let store = open(&options);
    // Together, so that they are neighbours.
    let users = vec![new(1, "one"), new(2, NEEDLE), new(3, "three")];
    wait(store.register_users(APP, users, IfTaken::Leave, 1)).unwrap();
    drop(store);
    damage_the_needle(folder.path());

    let store = open(&options);
    let refused = name_of(&store, 2).unwrap_err();
    let Error::Engine(said) = refused else { panic!("{refused:?}") };
    let expected = "a record of the table `users` is damaged: its checksum does not match";
    assert_eq!(said.to_string(), expected);
    assert!(matches!(register(&store, 2, "b"), Err(Error::Engine(_))));
    assert_eq!(name_of(&store, 1).unwrap().as_deref(), Some("one"));
    assert_eq!(name_of(&store, 3).unwrap().as_deref(), Some("three"));
    assert_eq!(register(&store, 4, "four").unwrap(), [Registration::Created]);
}
