//! `whowas broadcast ...`, run as people run it.

use std::net::{SocketAddr, TcpListener};

use serde_json::Value;

use super::receiver::{Receiver, Say};
use super::{
    APP, AT_HOME, api, broadcast, register, start, token, wait_for, wait_until_done, wish,
};
use crate::load::{Said, run};
use crate::server::{Server, whowas};

fn tend_with(to: SocketAddr, token: &str, app: &str, args: &[&str]) -> Said {
    let mut command = whowas(&["broadcast"]);
    command.args(args).args(["--server", &format!("http://{to}"), "--app", app]);
    command.env("WHOWAS_API_TOKEN", token);
    run(command)
}

/// `whowas broadcast COMMAND`, told where the server is.
fn tend(server: &Server, args: &[&str]) -> Said {
    tend_with(server.address, &token(APP), &APP.to_string(), args)
}

/// What a command said that went well.
fn told(server: &Server, args: &[&str]) -> String {
    let said = tend(server, args);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""), "{args:?}: {said:?}");
    said.out
}

#[test]
fn a_broadcast_that_fails_is_looked_at_retried_and_cancelled() {
    let receiver = Receiver::start([503; 20].map(Say::Status));
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 1);
    assert_eq!(told(&server, &["list"]), "There are no broadcasts.\n");
    broadcast(&server, &wish(APP, "one"));
    wait_for(&server, APP, 1, |job| job["lastFailure"].is_object());
    let table = told(&server, &["list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("    ID  STATE      CREATED"), "{table}");
    // The next attempt may have begun by now.
    let begins = ["     1  waiting    20", "     1  running    20"];
    assert!(begins.iter().any(|it| lines[1].starts_with(it)), "{table}");
    assert!(lines[1].ends_with("the receiver answered 503"), "{table}");
    assert!(told(&server, &["show", "1"]).contains("\nsender       1\n"));

    assert!(told(&server, &["cancel", "1"]).contains("state        cancelled\n"));
    let again = tend(&server, &["cancel", "1"]);
    assert_eq!((again.status, again.out.as_str()), (Some(1), ""), "{again:?}");
    assert!(again.err.contains("a broadcast that is cancelled cannot be"), "{again:?}");
    receiver.recover();
    assert!(told(&server, &["retry", "1"]).contains("state        waiting\n"));
    let done = wait_until_done(&server, APP, 1);
    let shown: Value =
        serde_json::from_str(&told(&server, &["show", "1", "--json"])).expect("JSON");
    assert_eq!((&shown, &shown["message"]["Content"]), (&done, &"one".into()));
    for wish in ["retry", "cancel"] {
        let late = tend(&server, &[wish, "1"]);
        assert_eq!((late.status, late.out.as_str()), (Some(1), ""), "{late:?}");
        assert!(late.err.contains("a broadcast that is done cannot be"), "{late:?}");
    }
}

#[test]
fn a_list_is_of_one_app_and_goes_on_where_it_ended() {
    let receiver = Receiver::start([]);
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url(), receiver.url()]);
    for number in 1..=120 {
        broadcast(&server, &wish(APP, &number.to_string()));
    }
    broadcast(&server, &wish(APP + 1, "another app's"));
    let json =
        |args: &[&str]| -> Value { serde_json::from_str(&told(&server, args)).expect("JSON") };
    let ids = |listed: &Value| -> Vec<u64> {
        let all = listed["broadcasts"].as_array().expect("a list").iter();
        all.map(|job| job["id"].as_u64().expect("an id")).collect()
    };
    let all = json(&["list", "--json"]);
    assert_eq!((ids(&all), &all["next"]), ((1..=120).collect(), &Value::Null));
    let some = json(&["list", "--json", "--after", "5", "--limit", "110"]);
    assert_eq!((ids(&some), &some["next"]), ((6..=115).collect(), &115.into()));
    let table = told(&server, &["list", "--limit", "2", "--after", "3"]);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.ends_with("There are more: --after 5\n"), "{table}");

    let theirs = api(&server, "GET", APP + 1, "broadcasts").json();
    assert_eq!(theirs["broadcasts"].as_array().map(Vec::len), Some(1));
    let config = data.path().join("whowas.toml");
    let config = ["--config", config.to_str().expect("text")];
    let which = run_bare(&[&["list"], &config[..]].concat());
    assert_eq!(which.status, Some(2), "{which:?}");
    assert!(which.err.contains("which app? Name it with --app: 4111, 4112"), "{which:?}");
    let here = format!("http://{}", server.address);
    let named = [&["list", "--app", "4112", "--server", &here], &config[..]].concat();
    let named = run_bare(&named);
    assert_eq!((named.status, named.out.lines().count()), (Some(0), 2), "{named:?}");
}

fn run_bare(args: &[&str]) -> Said {
    let mut command = whowas(&["broadcast"]);
    command.args(args);
    run(command)
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let receiver = Receiver::start([]);
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    for command in ["show", "retry", "cancel"] {
        for id in ["0", "1", "99", "18446744073709551615"] {
            let said = tend(&server, &[command, id]);
            assert_eq!((said.status, said.out.as_str()), (Some(1), ""), "{command} {id}: {said:?}");
            assert!(said.err.contains("there is no broadcast with this id"), "{said:?}");
        }
        for id in ["-1", "x", "", "1.5", "18446744073709551616", "1/retry", "１"] {
            let said = tend(&server, &[command, id]);
            assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{command} {id}: {said:?}");
        }
        assert_eq!(tend(&server, &[command]).status, Some(2), "{command}");
    }
    for limit in ["0", "1001", "x"] {
        assert_eq!(tend(&server, &["list", "--limit", limit]).status, Some(2), "{limit}");
    }
    let wrong = tend_with(server.address, "wrong", "4111", &["list"]);
    let unknown = tend_with(server.address, &token(APP), "4112", &["list"]);
    assert_eq!((wrong.status, &wrong.err), (Some(1), &unknown.err), "{wrong:?} {unknown:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let said = tend_with(nobody, "t", "4111", &["list"]);
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.err.contains("Is the server running?"), "{said:?}");
    let which = run_bare(&["list"]);
    assert!(which.status == Some(2) && which.err.contains("which app?"), "{which:?}");
}
