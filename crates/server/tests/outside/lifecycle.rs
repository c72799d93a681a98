//! Starting, being ready, stopping.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use crate::client::{get, post};
use crate::server::{Server, whowas};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn it_is_ready_when_it_says_so_and_stops_cleanly() {
    let data = folder();
    let server = Server::unlimited(data.path());
    let ready = get(server.address, "/health/ready");
    assert_eq!((ready.status, ready.text().as_str()), (200, "ready\n"));
    assert_eq!(get(server.address, "/health/live").status, 200);
    assert_eq!(get(server.address, "/nowhere").status, 404);
    let (status, _) = server.end("TERM");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_demo_runs_although_nobody_reads_its_introduction() {
    let data = folder();
    let server = Server::unread(data.path());
    assert_eq!(get(server.address, "/health/live").status, 200);
    let (status, _) = server.end("TERM");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn who_never_finishes_a_head_does_not_hold_up_the_stop() {
    let data = folder();
    let server = Server::unlimited(data.path());
    let mut unfinished = TcpStream::connect(server.address).expect("it listens");
    unfinished.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").expect("the head begins");
    let mut silent = TcpStream::connect(server.address).expect("it listens");
    assert_eq!(get(server.address, "/health/live").status, 200, "both are taken in by now");
    let (status, said) = server.end("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(!said.contains("cut off"), "{said}");
    assert_eq!(silent.read(&mut [0]).expect("it was closed"), 0);
}

#[test]
fn each_request_is_counted_and_logged_without_secrets() {
    let data = folder();
    let server =
        Server::demo(data.path(), &[("WHOWAS_LOG_FORMAT", "json"), ("WHOWAS_LIMITS", "off")]);
    let body = serde_json::json!({ "AppId": 4111, "UserIds": [424_242] });
    let answer = post(server.address, "BatchGetUser", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()["ResponseMetadata"]["RequestId"].as_str().expect("an id").to_owned();
    assert!(
        answer.head.contains(&format!("x-tt-logid: {}", id.to_ascii_lowercase())),
        "{}",
        answer.head
    );
    let metrics = get(server.address, "/metrics").text();
    let count =
        "whowas_requests_total{dialect=\"volcengine\",action=\"BatchGetUser\",outcome=\"ok\"} 1";
    assert!(metrics.contains(count), "{metrics}");
    let (_, said) = server.end("TERM");
    let line = said.lines().find(|line| line.contains(&id)).expect("a line");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(
        (&line["dialect"], &line["action"], &line["app"], &line["outcome"]),
        (&"volcengine".into(), &"BatchGetUser".into(), &4111.into(), &"ok".into())
    );
    assert!(line["took_us"].is_number(), "{line}");
    for secret in [crate::client::SECRET, "424242", "Signature="] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn a_wrong_config_is_one_sentence_and_status_2() {
    let folder = folder();
    let path = folder.path().join("whowas.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:0\"\nlimits = \"some\"\n").expect("a file");
    let path = path.to_str().expect("text");
    let output = whowas(&["serve", "--config", path]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains(&format!("{path}, line 2, key `limits`")), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// A config whose store is a ring.
fn on_a_ring(folder: &Path, store: &str) -> PathBuf {
    let path = folder.join("whowas.toml");
    std::fs::write(&path, format!("[store]\nkind = \"cassandra\"\n{store}")).expect("a file");
    path
}

#[test]
fn a_ring_that_can_never_be_opened_is_one_sentence_and_status_2() {
    let folder = folder();
    let store = "contact_points = [\"127.0.0.1:1\"]\ntls = true\nca_file = \"/nowhere/ca.pem\"\n";
    let path = on_a_ring(folder.path(), store);
    let path = path.to_str().expect("text");
    let data = folder.path().to_str().expect("text");
    for words in [
        &["serve", "--config", path, "--data", data, "--listen", "127.0.0.1:0"][..],
        &["store", "migrate", "--config", path][..],
    ] {
        let output = whowas(words).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let said = String::from_utf8(output.stderr).expect("text");
        let told: Vec<&str> = said.lines().filter(|line| line.starts_with("whowas: ")).collect();
        assert_eq!(told.len(), 1, "{said}");
        assert!(told[0].contains("\"/nowhere/ca.pem\" cannot be used for TLS"), "{said}");
    }
}

#[test]
fn a_ring_where_nobody_is_is_waited_for_and_said_to_be_missing() {
    let folder = folder();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let config = on_a_ring(folder.path(), &format!("contact_points = [\"{nobody}\"]\n"));
    let server = Server::configured(folder.path(), &config);
    let ready = get(server.address, "/health/ready");
    assert_eq!(ready.status, 503);
    assert_eq!(
        ready.text(),
        format!(
            "not ready: the store cannot be reached, or too few of its machines: none of the \
             contact points [\"{nobody}\"] answers as a node of Cassandra: the connection is \
             refused\n"
        )
    );
    assert_eq!(get(server.address, "/health/live").status, 200);
    let (status, said) = server.end("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(!said.contains("scylla"), "the driver's own words: {said}");
}

#[test]
fn the_demo_refuses_any_address_but_loopback() {
    let output = whowas(&["serve", "--demo", "--listen", "0.0.0.0:0"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("loopback"));
}

#[test]
fn a_second_process_on_the_folder_is_refused_with_a_sentence() {
    let data = folder();
    let _first = Server::unlimited(data.path());
    let data = data.path().to_str().expect("text");
    let second = whowas(&["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data]);
    let output = { second }.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains(data), "{said}");
}
