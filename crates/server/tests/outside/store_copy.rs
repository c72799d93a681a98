//! `whowas store copy`, run as people run it: everything arrives, also after a kill.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::client::{TOKEN, ask, in_seconds, list_user_info, post, query_user_infos, send_events};
use crate::dead_letters::seed;
use crate::server::{Server, whowas};

#[derive(Debug)]
struct Said {
    status: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// What a store in a folder is called.
fn at(folder: &Path) -> String {
    format!("embedded:{}", folder.display())
}

/// The command, and a file for its state.
fn copying(from: &str, to: &str, state: &Path) -> Command {
    let mut command = whowas(&["store", "copy", "--json", "--from", from, "--to", to]);
    // For a ring of one node.
    command.arg("--state").arg(state).env("WHOWAS_STORE_REPLICATION_FACTOR", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn copy(from: &str, to: &str, state: &Path, more: &[&str]) -> Said {
    copying(from, to, state).args(more).output().expect("it runs").into()
}

fn told(said: &Said) -> Value {
    assert_eq!(said.status, Some(0), "{said:?}");
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no JSON: {said:?}"))
}

const USERS: u64 = 1_200;

/// Some broadcasts: without a receiver, each fails at once.
fn broadcast(to: SocketAddr) {
    for number in 1..=20 {
        let body = json!({
            "AppId": 4111, "Sender": 7, "MsgType": 10_001, "Content": format!("{number}"),
            "MsgTTL": 3_600,
        });
        let answer = post(to, "UserBroadcast", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// All broadcasts, once everything is over.
fn broadcasts(to: SocketAddr) -> Value {
    loop {
        let token = format!("Bearer {TOKEN}");
        let path = "/v1/apps/4111/broadcasts?limit=100";
        let listed = ask(to, "GET", path, &[("Authorization", &token)], b"");
        assert_eq!(listed.status, 200, "{}", listed.text());
        if !listed.text().contains("\"waiting\"") {
            return listed.json();
        }
        std::thread::yield_now();
    }
}

/// Users of numbers and of texts, some changed later.
fn register(to: SocketAddr) {
    for first in (1..=USERS).step_by(20) {
        let user = |id| json!({ "UserId": id * 7, "NickName": format!("user {id}") });
        let users: Vec<Value> = (first..first + 20).map(user).collect();
        let answer = post(to, "RegisterUsers", &json!({ "AppId": 4111, "Users": users }));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let changed = json!({ "UserId": 14, "NickName": "another", "Tags": ["a", "b"] });
    let answer = post(to, "BatchUpdateUser", &json!({ "AppId": 4111, "Users": [changed] }));
    assert_eq!(answer.json()["Result"]["FailedInfos"], json!([]), "{}", answer.text());
}

fn send(to: SocketAddr, stays: std::ops::Range<usize>) {
    let event = |kind: &str, number: usize, from_now_s| {
        json!({
            "specversion": "1.0", "id": format!("{kind}{number}"), "source": "history",
            "type": format!("rtc.participant.{kind}"), "time": in_seconds(from_now_s),
            "data": { "roomId": format!("room{}", number % 10), "callId": "c",
                      "userId": format!("user{number}"), "connectionId": "k" },
        })
    };
    let stays: Vec<usize> = stays.collect();
    for some in stays.chunks(500) {
        let both =
            |number: &usize| [event("joined", *number, -1_000), event("left", *number, -900)];
        let events: Vec<Value> = some.iter().flat_map(both).collect();
        let body = Value::from(events).to_string();
        let answer = send_events(to, "application/cloudevents-batch+json", body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// So many that they are copied in several steps.
fn letters() -> Vec<(&'static str, Option<String>)> {
    let body = |number: usize| (!number.is_multiple_of(3)).then(|| format!("{{\"n\":{number}}}"));
    (0..250).map(|number| (["janus", "livekit"][number % 2], body(number))).collect()
}

/// What a server shows of all this.
fn shown(server: &Server) -> Vec<Value> {
    let to = server.address;
    let mut shown: Vec<Value> =
        (0..10).map(|room| list_user_info(to, &format!("room{room}"))).collect();
    for first in (1..=USERS).step_by(50) {
        let ids: Vec<u64> = (first..first + 50).map(|id| id * 7).collect();
        let found = post(to, "BatchGetUser", &json!({ "AppId": 4111, "UserIds": ids }));
        shown.push(found.json()["Result"].clone());
    }
    shown.push(query_user_infos(to, &["14", "nobody"])["Result"].clone());
    let mut dead = whowas(&[
        "events",
        "dead",
        "--json",
        "--limit",
        "1000",
        "--server",
        &format!("http://{to}"),
    ]);
    let dead: Said = dead.env("WHOWAS_EVENT_TOKEN", TOKEN).output().expect("it runs").into();
    let mut dead: Value = serde_json::from_str(&dead.out).expect("JSON");
    // Ids are the store's own.
    if let Some(letters) = dead["letters"].as_array_mut() {
        letters.iter_mut().for_each(|letter| letter["id"] = Value::Null);
    }
    shown.push(dead);
    shown.push(broadcasts(to));
    shown
}

#[test]
fn a_copy_shows_what_its_source_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let [from, to, back, state] = ["from", "to", "back", "state"].map(|it| folder.path().join(it));
    std::fs::create_dir(&from).expect("a folder");
    seed(&from, letters());
    let server = Server::unlimited(&from);
    register(server.address);
    send(server.address, 0..2_000);
    broadcast(server.address);
    let expected = shown(&server);
    server.end("TERM");

    let copied = told(&copy(&at(&from), &at(&to), &state, &[]));
    assert_eq!((&copied["users"], &copied["events"]), (&USERS.into(), &4_000.into()), "{copied}");
    assert_eq!(copied["compared"]["stays"].as_u64(), Some(2_000), "{copied}");
    assert_eq!(copied["dead_letters"], letters().len(), "{copied}");
    assert_eq!(
        (&copied["broadcasts"], &copied["compared"]["broadcasts"]),
        (&20.into(), &20.into())
    );
    assert!(!state.exists(), "nothing is left to go on with");
    told(&copy(&at(&to), &at(&back), &state, &[]));

    for folder in [&to, &back] {
        let server = Server::unlimited(folder);
        let found = shown(&server);
        for (expected, found) in expected.iter().zip(&found) {
            assert_eq!(found, expected);
        }
        // And it goes on from there: what is known is known.
        send(server.address, 0..10);
        assert_eq!(list_user_info(server.address, "room1")["Total"], 200);
    }
}

/// Copies into a store, is killed among the users, among the events, and further on in them, and
/// goes on.
fn is_killed_and_goes_on(from: &Path, to: &str, state: &Path, stays: usize) {
    let from = at(from);
    for until in ["\"users\":500", "\"events\":3000", "\"events\":7000"] {
        let mut copying = copying(&from, to, state);
        if until != "\"users\":500" {
            copying.arg("--resume");
        }
        let mut child = copying.spawn().expect("it runs");
        while !std::fs::read_to_string(state).is_ok_and(|state| state.contains(until)) {
            let ended = child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "it ended before {until}");
            std::thread::yield_now();
        }
        child.kill().expect("it dies");
        child.wait().expect("it is dead");
    }
    let again = copy(&from, to, state, &[]);
    assert_eq!(again.status, Some(1), "{again:?}");
    assert!(again.err.contains("is not empty"), "{again:?}");

    let said = copy(&from, to, state, &["--resume"]);
    assert!(said.err.contains("Going on with the events."), "{said:?}");
    let copied = told(&said);
    let compared = &copied["compared"];
    assert_eq!(
        (&compared["users"], &compared["stays"]),
        (&USERS.into(), &stays.into()),
        "{said:?}"
    );
    assert_eq!(copied["events"].as_u64(), Some(2 * stays as u64), "{said:?}");
}

#[test]
fn a_copy_that_is_killed_goes_on() {
    const STAYS: usize = 15_000;
    let folder = tempfile::tempdir().expect("a folder");
    let [from, to, state] = ["from", "to", "state"].map(|it| folder.path().join(it));
    std::fs::create_dir(&from).expect("a folder");
    seed(&from, letters());
    let server = Server::unlimited(&from);
    register(server.address);
    send(server.address, 0..STAYS);
    broadcast(server.address);
    let expected = shown(&server);
    server.end("TERM");
    is_killed_and_goes_on(&from, &at(&to), &state, STAYS);
    let server = Server::unlimited(&to);
    assert_eq!(shown(&server), expected);
}

/// To a ring, with kills in between, and back.
#[cfg(feature = "cassandra-tests")]
#[test]
fn a_copy_on_a_ring_shows_what_its_source_shows() {
    const STAYS: usize = 6_000;
    let folder = tempfile::tempdir().expect("a folder");
    let [from, back, state] = ["from", "back", "state"].map(|it| folder.path().join(it));
    std::fs::create_dir(&from).expect("a folder");
    seed(&from, letters());
    let server = Server::unlimited(&from);
    register(server.address);
    send(server.address, 0..STAYS);
    broadcast(server.address);
    let expected = shown(&server);
    server.end("TERM");

    #[expect(clippy::disallowed_methods, reason = "a test is told where its node is")]
    let node = std::env::var("WHOWAS_TEST_CASSANDRA").unwrap_or_else(|_| "127.0.0.1:9042".into());
    let keyspace = format!("copy_{}_{}", std::process::id(), crate::dead_letters::now_unix_s());
    let ring = format!("cassandra:{node}/{keyspace}");
    is_killed_and_goes_on(&from, &ring, &state, STAYS);
    let on_the_ring = [
        ("WHOWAS_STORE_KIND", "cassandra"),
        ("WHOWAS_STORE_CONTACT_POINTS", &node),
        ("WHOWAS_STORE_KEYSPACE", &keyspace),
        ("WHOWAS_LIMITS", "off"),
    ];
    let server = Server::demo(folder.path(), &on_the_ring);
    assert_eq!(shown(&server), expected);
    server.end("TERM");
    told(&copy(&ring, &at(&back), &state, &[]));
    assert_eq!(shown(&Server::unlimited(&back)), expected);
}

#[test]
fn what_cannot_be_copied_is_told_before_anything_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let [from, to, state] = ["from", "to", "state"].map(|it| folder.path().join(it));
    let server = Server::unlimited(&from);
    send(server.address, 0..2);

    let used = copy(&at(&from), &at(&to), &state, &[]);
    assert_eq!(used.status, Some(1), "{used:?}");
    assert!(used.err.contains("is in use by another process"), "{used:?}");
    server.end("TERM");

    let same = at(&to);
    let refusals = [
        (vec!["--from", "embedded:/nowhere/at-all"], 1, "no store at embedded:/nowhere/at-all"),
        (vec!["--from", &*same], 2, "--from and --to are the same store"),
        (vec!["--from", "memory"], 2, "--from: \"memory\" is no store; a store is embedded:DIR or"),
        (vec!["--from", "cassandra:127.0.0.1"], 2, "\"cassandra:127.0.0.1\" names no keyspace"),
        (vec!["--from", "cassandra:a b/k"], 2, "\"a b\" is not a node of a ring"),
        (vec!["--from", "cassandra:a/k-k"], 2, "\"k-k\" is not a keyspace"),
    ];
    for (from, status, expected) in refusals {
        let mut command = whowas(&["store", "copy", "--to", &at(&to)]);
        let said: Said =
            command.args(&from).arg("--state").arg(&state).output().expect("it").into();
        assert_eq!(said.status, Some(status), "{said:?}");
        assert!(said.err.contains(expected), "{said:?}");
        assert!(!to.exists() && !state.exists(), "{from:?} left something");
    }

    told(&copy(&at(&from), &at(&to), &state, &[]));
    let full = copy(&at(&from), &at(&to), &state, &[]);
    assert_eq!(full.status, Some(1), "{full:?}");
    assert!(full.err.contains("is not empty: copy into a new one"), "{full:?}");
    assert!(!state.exists());
    let other = "{\"version\":3,\"from\":\"a\",\"to\":\"b\",\"stage\":\"users\",\"next\":null,\
                 \"users\":0,\"events\":0,\"sightings\":0,\"apps\":[]}";
    std::fs::write(&state, other).expect("a file");
    let other = copy(&at(&from), &at(&to), &state, &["--resume"]);
    assert_eq!(other.status, Some(1), "{other:?}");
    assert!(other.err.contains("is of a copy from a to b"), "{other:?}");
}
