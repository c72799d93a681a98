//! Somebody who comes and goes more often than anybody can: one stay of very many connections.

use std::thread;

use serde_json::{Value, json};

use crate::client::{ask, list_user_info, send_events};
use crate::senders::{ONE, Sender, config, now_unix_ms};
use crate::server::Server;

/// How often they come, and go. Each event folds their whole stay again, and the compiler's
/// optimisations are most of what makes that quick.
const CONNECTIONS: i64 = if cfg!(debug_assertions) { 10_000 } else { 50_000 };
const BATCH_LEN: usize = 1_000;
const MEMORY_GROWTH_MIB_MAX: u64 = 200;

fn start() -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("whowas.toml");
    std::fs::write(&path, config()).expect("a file");
    (Server::configured(&folder.path().join("data"), &path), folder)
}

fn native(kind: &str, connection: i64, unix_ms: i64) -> Value {
    let time = jiff::Timestamp::from_millisecond(unix_ms).expect("a time").to_string();
    json!({
        "specversion": "1.0", "id": format!("{kind} {connection}"), "source": "sfu-1",
        "type": format!("rtc.participant.{kind}"), "time": time,
        "data": { "roomId": "Room", "callId": "c", "userId": "user",
                  "connectionId": format!("k{connection}") },
    })
}

fn send(server: &Server, events: &[Value]) -> Value {
    let body = Value::from(events.to_vec()).to_string();
    let content_type = "application/cloudevents-batch+json";
    let answer = send_events(server.address, content_type, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Each connection is there for 20 ms out of 40, in the last hour.
#[test]
fn very_many_connections_are_one_stay_whose_late_events_still_count() {
    let (server, _folder) = start();
    let before_mib = server.memory_peak_mib();
    let began_ms = (now_unix_ms() / 1_000 - 3_000) * 1_000;
    let joined = |n: i64| native("joined", n, began_ms + 40 * n);
    let left = |n: i64| native("left", n, began_ms + 40 * n + 20);
    // The very first connection comes last.
    let events: Vec<Value> = (1..CONNECTIONS).flat_map(|n| [joined(n), left(n)]).collect();
    for batch in events.chunks(BATCH_LEN) {
        assert_eq!(send(&server, batch)["accepted"], batch.len());
    }
    assert_eq!(send(&server, &[joined(0), left(0)])["accepted"], 2);

    let found = list_user_info(server.address, "Room");
    assert_eq!(found["Total"], 1);
    let stay = &found["UserList"][0];
    let ends = stay["Record"].as_array().expect("a list");
    assert_eq!(ends.len() as i64, 2 * CONNECTIONS);
    assert!(ends.is_sorted_by_key(|end| end["Time"].as_str()));
    let kinds = |at: usize| ends.iter().skip(at).step_by(2).map(|end| &end["Type"]);
    assert!(kinds(0).all(|kind| kind == "join_room") && kinds(1).all(|kind| kind == "leave_room"));
    assert_eq!((&stay["Finished"], &stay["CreatedAt"]), (&true.into(), &ends[0]["Time"]));
    let grown = server.memory_peak_mib() - before_mib;
    assert!(grown < MEMORY_GROWTH_MIB_MAX, "{grown} MiB more than at the start");
}

/// How often they come by a hook, which tells one event at a time.
const BY_HOOK: i64 = 1_000;

/// A connection's join or leave, as LiveKit tells it.
fn webhook(server: &Server, kind: &str, connection: i64, began_ms: i64) {
    let unix_ms = began_ms + 1_000 * connection;
    let mut body = Sender::Livekit.join(ONE, &json!("Room"), &json!("user"), unix_ms);
    body["event"] = format!("participant_{kind}").into();
    body["id"] = format!("EV_{kind}_{connection}").into();
    body["participant"]["sid"] = format!("PA_{connection}").into();
    let sent = Sender::Livekit.sign(ONE, &body);
    let headers: Vec<(&str, &str)> =
        sent.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = Sender::Livekit.path(ONE);
    let answer = ask(server.address, "POST", &path, &headers, &sent.body);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// From several sides at once, and so in no order.
#[test]
fn a_hook_may_tell_of_very_many_connections_too() {
    let (server, _folder) = start();
    let before_mib = server.memory_peak_mib();
    let began_ms = (now_unix_ms() / 1_000 - 3_000) * 1_000;
    thread::scope(|scope| {
        for first in 1..=4 {
            let server = &server;
            scope.spawn(move || {
                for connection in (first..BY_HOOK).step_by(4) {
                    webhook(server, "left", connection, began_ms);
                    webhook(server, "joined", connection, began_ms);
                }
            });
        }
    });
    let ends = |found: &Value| found["UserList"][0]["Record"].as_array().map(Vec::len);
    let found = list_user_info(server.address, "Room");
    assert_eq!((&found["Total"], ends(&found)), (&1.into(), Some(2 * BY_HOOK as usize - 2)));
    webhook(&server, "joined", 0, began_ms);
    let found = list_user_info(server.address, "Room");
    let stay = &found["UserList"][0];
    assert_eq!((&found["Total"], ends(&found)), (&1.into(), Some(2 * BY_HOOK as usize)));
    assert_eq!(stay["Record"][0]["Time"], stay["CreatedAt"]);
    let grown = server.memory_peak_mib() - before_mib;
    assert!(grown < MEMORY_GROWTH_MIB_MAX, "{grown} MiB more than at the start");
}
