//! Damage is planted in every table, row by row, and the check names the table.

use std::collections::BTreeMap;

use domain::clock::SECOND_US;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::dead::DeadLetter;
use domain::log::{ClientFacts, Event, Fact, Presence};
use domain::presence::{Connection, Presences as _, Sighting, State};
use heed::RwTxn;

use super::children::{behind, said, spawn};
use super::*;
use crate::embedded::check;
use crate::embedded::transaction::Read;
use crate::embedded::{Problem, Report};

fn event(number: i64, seconds: i64, fact: Fact) -> Event {
    Event {
        app: APP,
        door: Door::parse("native").unwrap(),
        source: SourceName::parse("sfu").unwrap(),
        id: EventId::parse(&number.to_string()).unwrap(),
        time_unix_us: seconds * SECOND_US,
        fact,
    }
}

fn who(number: i64, room: &str, call: Option<&str>) -> Presence {
    Presence {
        room: RoomId::parse(room).unwrap(),
        call: call.map(|call| CallId::parse(call).unwrap()),
        participant: ParticipantId::parse(&format!("p{number}")).unwrap(),
        connection: None,
    }
}

fn joined(who: Presence) -> Fact {
    Fact::Joined { who, sole: false, client: ClientFacts::default() }
}

fn left(who: Presence) -> Fact {
    Fact::Left { who, joined_unix_us: None, client: ClientFacts::default() }
}

/// Something in every table, but for those that hold what is on its way.
fn fill(store: &Embedded) {
    for number in 1..=20 {
        register(store, number, "a").unwrap();
    }
    let mut events = vec![];
    for number in 1..=20 {
        let call = (number % 2 == 0).then_some("call");
        // All in one second, so that they are a crowd; some stay.
        events.push(event(number, 100, joined(who(number, "lesson", call))));
        if number > 10 {
            events.push(event(100 + number, 200, left(who(number, "lesson", call))));
        }
        events.push(event(200 + number, 10_000 + number, joined(who(number, "other", None))));
    }
    let room = RoomId::parse("other").unwrap();
    events.push(event(300, 11_000, Fact::RoomFinished { room, call: None }));
    events.push(event(301, 12_000, Fact::ServerRestarted));
    events.push(event(302, 12_001, joined(who(1, "last", Some("c2")))));
    wait(store.append_events(events)).unwrap();
    let letter = DeadLetter {
        app: APP,
        door: Door::parse("janus").unwrap(),
        received_unix_us: 1,
        reason: "no JSON".to_owned(),
        body: None,
    };
    wait(store.keep_dead_letters(vec![letter.clone(), letter])).unwrap();
    let id = ConnectionId::parse("k").unwrap();
    let connection = Connection { id, time_unix_us: 1, state: State::Online, os: None };
    let user = UserId::from_long(1).unwrap();
    wait(store.note_sightings(vec![Sighting { app: APP, user, connection }])).unwrap();
    // Until nobody moves any more.
    while ["tray_even", "tray_odd"].iter().any(|tray| all_rows(store).contains_key(tray)) {
        std::thread::yield_now();
    }
}

fn checked(store: &Embedded, txn: &RwTxn<'_>) -> Report {
    check::run(Read { tables: &store.tables, txn }, &mut |_| ())
}

/// The rows of every table, by the table's name.
fn all_rows(store: &Embedded) -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let mut rows: BTreeMap<&'static str, Vec<Vec<u8>>> = BTreeMap::new();
    let txn = store.env.read_txn().unwrap();
    let mut show = |table, key: &[u8], _| rows.entry(table).or_default().push(key.to_vec());
    store.tables.each_row(&txn, &mut show).unwrap();
    rows
}

/// Does something to a row, looks what is found, and undoes it.
fn found(store: &Embedded, damage: impl FnOnce(&mut RwTxn<'_>)) -> Report {
    let mut txn = store.env.write_txn().unwrap();
    damage(&mut txn);
    let report = checked(store, &txn);
    txn.abort();
    report
}

fn names(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.table).collect()
}

/// What nothing else tells of, so that a row that is gone as a whole leaves no trace.
const UNTRACED: [&str; 4] = ["users", "presences", "counters", "trays"];

#[test]
fn every_row_that_is_changed_or_gone_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    fill(&store);
    let all = all_rows(&store);
    let filled = |table: &str| all.contains_key(table);
    for table in ["by_room", "crowds", "minted", "uncalled", "watched_rooms", "restarts", "calls"] {
        assert!(filled(table), "nothing is in {table}");
    }
    for (&table, keys) in &all {
        let rows = store.tables.raw(table);
        for key in keys {
            let gone = found(&store, |txn| assert!(rows.delete(txn, key).unwrap()));
            assert!(UNTRACED.contains(&table) || !gone.is_clean(), "{table} {key:?}");
            let changed = found(&store, |txn| {
                let mut value = rows.get(txn, key).unwrap().unwrap().to_vec();
                match value.last_mut() {
                    Some(last) => *last ^= 1,
                    None => value.push(1),
                }
                rows.put(txn, key, &value).unwrap();
            });
            assert!(names(&changed).contains(&table), "{table} {key:?}: {changed:#?}");
        }
    }
}

#[test]
fn a_row_that_follows_from_nothing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    fill(&store);
    for (table, keys) in all_rows(&store) {
        let rows = store.tables.raw(table);
        let key = [keys.last().unwrap(), &b"\x01"[..]].concat();
        let report = found(&store, |txn| {
            let value = rows.get(txn, keys.last().unwrap()).unwrap().unwrap().to_vec();
            rows.put(txn, &key, &value).unwrap();
        });
        let named = report.findings.iter().find(|finding| finding.table == table);
        let named = named.unwrap_or_else(|| panic!("{table}: {report:#?}"));
        // Of a crowd the second is named.
        let is_named = key.escape_ascii().to_string().starts_with(&named.key);
        assert!(is_named && !named.key.is_empty(), "{table}: {named:?}");
    }
}

#[test]
fn a_damaged_record_is_told_in_words_and_nothing_is_compared_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    fill(&store);
    let rows = store.tables.raw("users");
    let report = found(&store, |txn| {
        let (key, value) = rows.first(txn).unwrap().unwrap();
        let (key, mut value) = (key.to_vec(), value.to_vec());
        value[6] ^= 1;
        rows.put(txn, &key, &value).unwrap();
    });
    let told = "a record of the table `users` is damaged: its checksum does not match";
    let problems: Vec<_> = report.findings.iter().map(|it| it.problem.clone()).collect();
    assert_eq!(problems, [Problem::Damaged(told.to_owned())]);
    assert!(report.has_lost_records());
}

#[test]
fn stays_that_no_events_show_are_found_though_every_row_fits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    fill(&store);
    // An event goes with all rows that are made of it alone; the stay that it showed is left.
    let report = found(&store, |txn| {
        let key = |table: &str, part: &dyn Fn(&[u8]) -> bool| {
            let rows = store.tables.raw(table);
            let found = rows.iter(&*txn).unwrap().map(|row| row.unwrap().0);
            found.filter(|key| part(key)).last().unwrap().to_vec()
        };
        let event = key("events", &|_| true);
        let places: Vec<Vec<u8>> = {
            let rows = store.tables.raw("room_events");
            let keys = rows.iter(&*txn).unwrap().map(|row| row.unwrap().0.to_vec());
            keys.filter(|key| key.ends_with(&event)).collect()
        };
        assert!(store.tables.raw("events").delete(txn, &event).unwrap());
        for place in places {
            assert!(store.tables.raw("room_events").delete(txn, &place).unwrap());
        }
    });
    let not_of_events = report.findings.iter().filter(|it| it.problem == Problem::NotOfItsEvents);
    assert_eq!(not_of_events.count(), 1, "{report:#?}");
}

#[test]
fn a_store_beside_its_writer_is_looked_at_as_of_one_instant() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    fill(&store);
    drop(store);
    let report = crate::embedded::check(&Options::new(folder.path()), &mut |_| ()).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.rows["events"], report.rows["dead_letters"]), (53, 2));

    let mut child = spawn("durability::writes_until_it_is_killed", folder.path(), "");
    let lines = said(&mut child);
    let mut acknowledged = lines.filter_map(|line| behind("acknowledged", &line));
    for _ in 0..3 {
        assert!(acknowledged.nth(10).is_some());
        let report = crate::embedded::check(&Options::new(folder.path()), &mut |_| ()).unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
