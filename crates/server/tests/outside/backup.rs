//! `whowas store backup` and `restore`, run as people run them, beside a server that is at work.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::client::{in_seconds, list_user_info, post, send_events};
use crate::server::{Server, whowas};

fn run(words: &[&str], data: &Path, more: &[&str]) -> Output {
    let data = data.to_str().expect("text");
    let words = [&["store"], words, &["--data", data], more].concat();
    whowas(&words).output().expect("it runs")
}

fn said(output: &Output) -> String {
    let both = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8(both).expect("text")
}

/// Registers a user and lets somebody come to a room, again and again.
fn write(to: SocketAddr, number: u64) {
    let users = [json!({ "UserId": number, "NickName": format!("user {number}") })];
    let answer = post(to, "RegisterUsers", &json!({ "AppId": 4111, "Users": users }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let event = json!({
        "specversion": "1.0", "id": format!("e{number}"), "source": "sfu",
        "type": "rtc.participant.joined", "time": in_seconds(0),
        "data": { "roomId": "lesson", "callId": "c", "userId": format!("user{number}") },
    });
    let answer = send_events(to, "application/cloudevents+json", event.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn missing(from: SocketAddr, ids: &[u64]) -> Value {
    let answer = post(from, "BatchGetUser", &json!({ "AppId": 4111, "UserIds": ids }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["Result"]["NotFoundUsers"].clone()
}

#[test]
fn a_backup_under_load_is_restored_with_all_that_was_acknowledged_before() {
    let data = tempfile::tempdir().expect("a folder");
    let backups = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let (done, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let files = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                write(server.address, number);
                acknowledged.store(number, Ordering::Release);
            }
        });
        let mut files = vec![];
        for round in 1..=3 {
            while acknowledged.load(Ordering::Acquire) < round * 40 {
                thread::yield_now();
            }
            let before = acknowledged.load(Ordering::Acquire);
            let file = backups.path().join(format!("{round}.backup"));
            let output = run(&["backup", file.to_str().unwrap()], data.path(), &["--json"]);
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(told["bytes"], file.metadata().unwrap().len());
            files.push((before, file));
        }
        done.store(true, Ordering::Relaxed);
        files
    });
    let (status, _) = server.end("TERM");
    assert_eq!(status.code(), Some(0));
    for (before, file) in files {
        let copy = tempfile::tempdir().expect("a folder");
        let output = run(&["restore", file.to_str().unwrap()], copy.path(), &[]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let server = Server::unlimited(copy.path());
        let ids: Vec<u64> = (1..=before).collect();
        for some in ids.chunks(50) {
            assert_eq!(missing(server.address, some), json!([]), "of {before}");
        }
        let stays = list_user_info(server.address, "lesson")["Total"].clone();
        assert!(stays.as_u64() >= Some(before), "{stays} of {before}");
    }
}

#[test]
fn a_check_beside_the_server_finds_it_whole_and_afterwards_what_was_damaged() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    (1..=20).for_each(|number| write(server.address, number));
    let output = run(&["check"], data.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains(" is whole: "), "{}", said(&output));
    server.end("TERM");

    let file = data.path().join("data.mdb");
    let mut bytes = std::fs::read(&file).expect("the data");
    let needle = b"user 17";
    let places = bytes.windows(needle.len()).enumerate().filter(|(_, it)| it == needle);
    for at in places.map(|(at, _)| at).collect::<Vec<_>>() {
        bytes[at] ^= 0x20;
    }
    std::fs::write(&file, bytes).expect("written");
    let output = run(&["check"], data.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told["found"], &told["compared"]), (&json!(1), &json!(false)), "{told}");
    let finding = &told["findings"][0];
    let damaged = "a record of the table `users` is damaged: its checksum does not match";
    assert_eq!((&finding["table"], &finding["problem"]), (&json!("users"), &json!(damaged)));
    let output = run(&["check"], data.path(), &[]);
    assert!(said(&output).contains("restore the last backup"), "{}", said(&output));
}

#[test]
fn what_goes_wrong_is_told_with_what_to_do() {
    let data = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    let file = other.path().join("monday.backup");
    let file = file.to_str().unwrap();
    let output = run(&["backup", file], data.path(), &[]);
    let there_is_none = format!("whowas: there is no store in {}\n", data.path().display());
    assert_eq!((output.status.code(), said(&output)), (Some(1), there_is_none));
    assert_eq!(other.path().read_dir().unwrap().count(), 0);

    let server = Server::demo(data.path(), &[]);
    write(server.address, 1);
    let folder = other.path().to_str().unwrap();
    let output = run(&["backup", folder], data.path(), &[]);
    assert!(said(&output).starts_with("Backed up to "), "{}", said(&output));
    let dated = other.path().read_dir().unwrap().next().unwrap().unwrap().path();
    let dated = dated.to_str().unwrap();
    assert!(dated.ends_with("Z.backup"), "{dated}");
    let output = run(&["restore", dated], data.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("into an empty one only"), "{}", said(&output));
    let output = run(&["backup", "-"], data.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["backup", "-"], data.path(), &[]);
    assert!(output.stdout.starts_with(b"whowas backup, store format 2"));
    // Only the server writes, as ever.
    let second = whowas(&["serve", "--demo", "--listen", "127.0.0.1:0", "--data"]);
    let second = { second }.arg(data.path()).output().expect("it ends");
    assert!(said(&second).contains("is in use by another process"), "{}", said(&second));
}
