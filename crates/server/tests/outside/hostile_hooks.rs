//! What nobody should send to a hook, for each of them: what proves nothing leaves no trace, and
//! what is authentic and useless is a success for its sender and a dead letter.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, ask, get, list_user_info_of};
use crate::senders::{BARE, ONE, Sender, Sent, TWO, Tenant, config, now_unix_ms};
use crate::server::Server;

const MIB: usize = 1 << 20;
/// How much more memory than at its start the server may ever hold.
const MEMORY_GROWTH_MIB_MAX: u64 = 200;

fn start() -> (Server, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("whowas.toml");
    std::fs::write(&path, config()).expect("a file");
    let data: &Path = &folder.path().join("data");
    (Server::configured(data, &path), folder)
}

fn post(server: &Server, path: &str, sent: &Sent) -> Answer {
    let headers: Vec<(&str, &str)> =
        sent.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ask(server.address, "POST", path, &headers, &sent.body)
}

/// Somebody who came a minute ago, before `later` others.
fn join(sender: Sender, tenant: Tenant, room: &str, later_ms: i64) -> Value {
    let user = json!(format!("user of {}", sender.name()));
    sender.join(tenant, &json!(room), &user, now_unix_ms() - 60_000 + later_ms)
}

/// Everything that is stored of an app: the stays in a room, and the dead letters.
fn stored(server: &Server, tenant: Tenant, room: &str) -> (Value, Value) {
    let mut log = list_user_info_of(server.address, tenant.rtc_id, room);
    // Whoever is still there has been there for longer by now.
    for stay in log["UserList"].as_array_mut().into_iter().flatten() {
        stay.as_object_mut().expect("a stay").remove("Duration");
    }
    (log, letters(server, tenant))
}

fn letters(server: &Server, tenant: Tenant) -> Value {
    let token = format!("Bearer {}", tenant.token);
    let headers = [("Authorization", token.as_str())];
    let answer = ask(server.address, "GET", "/v1/dead-letters?limit=100", &headers, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn total(log: &Value) -> u64 {
    log["Total"].as_u64().expect("a total")
}

/// What cannot be this app's, whoever sent it, and where it goes.
fn forgeries(sender: Sender, room: &str) -> Vec<(&'static str, String, Sent)> {
    let body = join(sender, ONE, room, 7);
    let good = sender.sign(ONE, &body);
    let by_two = sender.sign(TWO, &body);
    let to = |tenant: Tenant| sender.path(tenant);
    let unsigned = Sent { headers: vec![], body: body.to_string().into_bytes() };
    let mut all = vec![
        ("unsigned", to(ONE), unsigned.clone()),
        ("signed by another app", to(ONE), by_two.clone()),
        ("another app's delivery", to(TWO), good.clone()),
        ("an app without this source", to(BARE), good.clone()),
        ("no such app", format!("/hooks/{}/9", sender.name()), good.clone()),
        ("nothing", to(ONE), Sent { headers: vec![], body: vec![] }),
        ("no JSON", to(ONE), Sent { headers: vec![], body: b"\xff{".to_vec() }),
        ("5 MiB", to(ONE), Sent { headers: vec![], body: vec![b'x'; 5 * MIB] }),
    ];
    // A password vouches for whatever comes with it, and one cloud signs a number and a time.
    match sender {
        Sender::Janus => {}
        Sender::Zegocloud => {
            let mut altered: Value = serde_json::from_slice(&good.body).expect("JSON");
            altered["nonce"] = "350177".into();
            let body = altered.to_string().into_bytes();
            all.push(("another nonce", to(ONE), Sent { headers: vec![], body }));
        }
        _ => {
            let text = String::from_utf8(good.body.clone()).expect("text");
            let body = text.replace("user of", "user if").into_bytes();
            assert_ne!(body, good.body);
            all.push(("altered", to(ONE), Sent { body, ..good.clone() }));
        }
    }
    if !good.headers.is_empty() {
        let headers = by_two.headers;
        all.push(("another app's header", to(ONE), Sent { headers, body: good.body }));
    }
    all
}

#[test]
fn what_is_not_authentic_leaves_no_trace() {
    let (server, _folder) = start();
    for sender in Sender::ALL {
        let room = format!("Room-{}", sender.name());
        for tenant in [ONE, TWO] {
            let good = sender.sign(tenant, &join(sender, tenant, "proof", 0));
            assert_eq!(post(&server, &sender.path(tenant), &good).status, 200, "{sender:?}");
        }
        let all = || [ONE, TWO, BARE].map(|tenant| stored(&server, tenant, &room));
        let before = all();
        for (what, path, sent) in forgeries(sender, &room) {
            let answer = post(&server, &path, &sent);
            assert_eq!(answer.status, 401, "{sender:?}, {what}: {}", answer.text());
            assert_eq!(all(), before, "{sender:?}, {what}");
        }
        assert_eq!(total(&before[0].0), 0);
        // It was not the room that was wrong.
        let good = sender.sign(ONE, &join(sender, ONE, &room, 7));
        assert_eq!(post(&server, &sender.path(ONE), &good).status, 200);
        assert_eq!(total(&stored(&server, ONE, &room).0), 1, "{sender:?}");
    }
}

/// Documents of a known kind that tell nothing.
fn useless(sender: Sender, room: &str) -> Vec<(&'static str, Value)> {
    let (room, user, now_ms) = (json!(room), json!("user"), now_unix_ms());
    let with = |room: &Value, user: &Value, ms: i64| sender.join(ONE, room, user, now_ms + ms);
    vec![
        ("a room of another type", with(&json!(["room"]), &user, -1_000)),
        ("a user of another type", with(&room, &json!({ "id": "user" }), -2_000)),
        ("nobody", with(&room, &json!(""), -3_000)),
        ("a user whose name is too long", with(&room, &json!("u".repeat(257)), -4_000)),
        ("a room whose name has 64 kB", with(&json!("r".repeat(64 << 10)), &user, -5_000)),
        ("a name with U+0000", with(&room, &json!("us\0er"), -6_000)),
        ("eleven minutes ahead", with(&room, &user, 660_000)),
        ("the year 9999", with(&room, &user, 253_402_300_799_000 - now_ms)),
    ]
}

#[test]
fn what_is_authentic_and_useless_is_a_success_and_a_dead_letter() {
    let (server, _folder) = start();
    let mut expected = 0;
    for sender in Sender::ALL {
        let room = format!("Room-{}", sender.name());
        for (what, body) in useless(sender, &room) {
            let sent = sender.sign(ONE, &body);
            let answer = post(&server, &sender.path(ONE), &sent);
            let said = answer.text();
            assert_eq!((answer.status, said.as_str()), (200, "{\"code\":0}"), "{sender:?}, {what}");
            expected += 1;
            let listed = letters(&server, ONE);
            assert_eq!(listed["total"], expected, "{sender:?}, {what}");
            let last = listed["letters"].as_array().and_then(|all| all.last()).expect("a letter");
            assert_eq!(last["door"], sender.name(), "{what}: {last}");
            let reason = last["reason"].as_str().expect("a reason");
            assert!(!reason.contains("user of") && reason.len() < 200, "{reason}");
        }
        let (log, _) = stored(&server, ONE, &room);
        assert_eq!(total(&log), 0, "{sender:?}: {log}");
    }
    assert_eq!(letters(&server, TWO)["total"], 0);
    // What is older than the log goes back is no dead letter: it was understood.
    for sender in Sender::ALL {
        let year_ms = 366 * 86_400_000;
        let old = sender.join(ONE, &json!("old"), &json!("user"), now_unix_ms() - year_ms);
        let sent = sender.sign(ONE, &old);
        assert_eq!(post(&server, &sender.path(ONE), &sent).status, 200, "{sender:?}");
        let metrics = get(server.address, "/metrics").text();
        let name = sender.name();
        let line = format!("whowas_events_total{{source=\"{name}\",outcome=\"expired\"}} ");
        assert!(metrics.contains(&line), "{sender:?}: {metrics}");
    }
    assert_eq!(letters(&server, ONE)["total"], expected);
    assert_eq!(total(&stored(&server, ONE, "old").0), 0);
}

#[test]
fn apps_with_the_same_sources_do_not_see_each_others_events() {
    let (server, _folder) = start();
    for sender in Sender::ALL {
        let room = format!("Room-{}", sender.name());
        let totals = || [ONE, TWO, BARE].map(|it| total(&stored(&server, it, &room).0));
        for (tenant, expected) in [(ONE, [1, 0, 0]), (TWO, [1, 1, 0])] {
            let sent = sender.sign(tenant, &join(sender, tenant, &room, 0));
            assert_eq!(post(&server, &sender.path(tenant), &sent).status, 200, "{sender:?}");
            assert_eq!(totals(), expected, "{sender:?}");
        }
    }
}

#[test]
fn five_mebibytes_are_taken_and_nine_are_not() {
    let (server, _folder) = start();
    let before_mib = server.memory_peak_mib();
    for sender in Sender::ALL {
        let room = format!("Room-{}", sender.name());
        let padded = |len: usize| {
            let mut body = join(sender, ONE, &room, 0);
            body["future"] = "x".repeat(len).into();
            post(&server, &sender.path(ONE), &sender.sign(ONE, &body)).status
        };
        assert_eq!(padded(9 * MIB), 413, "{sender:?}");
        assert_eq!(total(&stored(&server, ONE, &room).0), 0, "{sender:?}");
        assert_eq!(padded(5 * MIB), 200, "{sender:?}");
        assert_eq!(total(&stored(&server, ONE, &room).0), 1, "{sender:?}");
    }
    assert_eq!(letters(&server, ONE)["total"], 0);
    assert_bounded(&server, before_mib);
}

fn assert_bounded(server: &Server, before_mib: u64) {
    let grown = server.memory_peak_mib() - before_mib;
    assert!(grown < MEMORY_GROWTH_MIB_MAX, "{grown} MiB more than at the start");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(vec![], Compression::best());
    writer.write_all(bytes).expect("a vector takes everything");
    writer.finish().expect("a vector takes everything")
}

#[test]
fn a_gzip_bomb_is_a_dead_letter() {
    let (server, _folder) = start();
    let before_mib = server.memory_peak_mib();
    // Four GiB once it is whole: a member of one MiB of blanks, over and over.
    let bomb = gzip(&vec![b' '; MIB]).repeat(4_096);
    assert!(bomb.len() < 8 * MIB);
    for sender in Sender::ALL {
        let mut sent = sender.sign_bytes(ONE, bomb.clone());
        sent.headers.push(("Content-Encoding", "gzip".to_owned()));
        // Where the proof stands inside, there is none to be seen; only Janus compresses.
        let inside = matches!(sender, Sender::Zegocloud | Sender::Volcengine);
        let status = if inside { 401 } else { 200 };
        assert_eq!(post(&server, &sender.path(ONE), &sent).status, status, "{sender:?}");
    }
    let listed = letters(&server, ONE);
    assert_eq!(listed["total"], 4, "{listed}");
    let of_janus = listed["letters"].as_array().expect("a list").iter();
    let reasons: Vec<&str> = of_janus
        .filter(|it| it["door"] == "janus")
        .filter_map(|it| it["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["the body inflates to more than 8388608 bytes"]);
    assert_bounded(&server, before_mib);
}

/// A head that announces a body of which `begun` is all that ever comes.
fn stall(server: &Server, path: &str, sent: &Sent, begun: &[u8]) -> TcpStream {
    let mut head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n", server.address);
    sent.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("Content-Length: 1000000\r\n\r\n");
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.write_all(head.as_bytes()).expect("the head is taken");
    stream.write_all(begun).expect("the beginning is taken");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    stream
}

/// Its sender sends it again, so it must not be told that it was delivered.
#[test]
fn a_body_that_never_ends_is_asked_for_again_and_holds_nobody_up() {
    let (server, _folder) = start();
    let stalled: Vec<(Sender, TcpStream)> = Sender::ALL
        .into_iter()
        .map(|sender| {
            let sent = sender.sign(ONE, &join(sender, ONE, "never", 0));
            (sender, stall(&server, &sender.path(ONE), &sent, &sent.body))
        })
        .collect();
    for sender in Sender::ALL {
        let sent = sender.sign(ONE, &join(sender, ONE, "meanwhile", 0));
        assert_eq!(post(&server, &sender.path(ONE), &sent).status, 200, "{sender:?}");
    }
    assert_eq!(total(&stored(&server, ONE, "meanwhile").0), 6);
    for (sender, mut stream) in stalled {
        let mut answer = vec![];
        stream.read_to_end(&mut answer).expect("it is answered, or the connection closed");
        let answer = String::from_utf8(answer).expect("text");
        let expected = if sender == Sender::Janus { "" } else { "HTTP/1.1 503 " };
        assert!(answer.starts_with(expected), "{sender:?}: {answer}");
        assert_eq!(answer.is_empty(), sender == Sender::Janus, "{answer}");
    }
    assert_eq!(total(&stored(&server, ONE, "never").0), 0);
    assert_eq!(letters(&server, ONE)["total"], 0);
}

/// A body in pieces, and no end to them: it is read for as long as it can be, and not kept.
#[test]
fn a_body_without_an_end_is_cut_off() {
    let (server, _folder) = start();
    let before_mib = server.memory_peak_mib();
    let sent = Sender::Janus.sign_bytes(ONE, vec![]);
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    let mut head = format!("POST {} HTTP/1.1\r\nHost: x\r\n", Sender::Janus.path(ONE));
    sent.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("Transfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the head is taken");
    let mut reader = stream.try_clone().expect("a second handle");
    let piece = format!("100000\r\n{}\r\n", " ".repeat(MIB));
    // A thread of its own, so that an answer is seen while pieces are still being sent.
    let sending = thread::spawn(move || {
        (0..1_000).take_while(|_| stream.write_all(piece.as_bytes()).is_ok()).count()
    });
    let mut answer = vec![];
    // The connection may be reset under an answer that nobody has read yet.
    let _ = reader.read_to_end(&mut answer);
    let pieces = sending.join().expect("the sender ends");
    assert!(pieces < 1_000, "all of it was read");
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_bounded(&server, before_mib);
    assert_eq!(get(server.address, "/health/ready").status, 200);
}
