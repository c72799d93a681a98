//! `whowas users erase`, run as people run it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::client::{TOKEN, in_seconds, list_user_info, post, send_events};
use crate::dead_letters::native;
use crate::load::{Said, run};
use crate::server::{Server, whowas};

/// `whowas users erase`, told where the server is, and with which token.
fn erase_with(to: SocketAddr, token: &str, args: &[&str]) -> Command {
    let mut command = whowas(&["users", "erase", "--app", "4111"]);
    command.args(["--server", &format!("http://{to}")]).args(args);
    command.env("WHOWAS_API_TOKEN", token);
    command
}

fn erase(server: &Server, args: &[&str]) -> Said {
    run(erase_with(server.address, TOKEN, args))
}

/// Somebody who is registered, and was in a room.
fn arrive(server: &Server, id: u64) {
    let user =
        json!({ "AppId": 4111, "Users": [{ "UserId": id, "NickName": "n", "Tags": ["vip"] }] });
    assert_eq!(post(server.address, "RegisterUsers", &user).status, 200);
    let event = |kind: &str, from_now_s: i64| {
        json!({
            "specversion": "1.0", "id": format!("{kind}{id}"), "source": "sfu",
            "type": format!("rtc.participant.{kind}"), "time": in_seconds(from_now_s),
            "data": { "roomId": "room", "callId": "c", "userId": id.to_string(),
                      "connectionId": "k" },
        })
    };
    let batch = json!([event("joined", -60), event("left", -30)]).to_string();
    let content_type = "application/cloudevents-batch+json";
    assert_eq!(send_events(server.address, content_type, batch.as_bytes()).status, 200);
}

fn is_registered(server: &Server, id: &str) -> bool {
    native(server, "GET", &format!("/v1/apps/4111/users/{id}")).status == 200
}

fn in_room(server: &Server) -> Vec<String> {
    let found = list_user_info(server.address, "room");
    let rows = found["UserList"].as_array().expect("a list").iter();
    rows.map(|row| row["UserId"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn whoever_is_erased_is_gone_and_the_receipts_say_of_what() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    (1..=3).for_each(|id| arrive(&server, id));
    let said = erase(&server, &["--yes", "1", "nobody knows/them%语"]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""), "{said:?}");
    let lines: Vec<Vec<&str>> =
        said.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{said:?}");
    assert_eq!(
        lines[0].join(" "),
        "ERASED AT PROFILES CONNECTIONS DEAD LETTERS EVENTS SNAPSHOTS STAYS USER"
    );
    assert_eq!(lines[1][1..].join(" "), "1 0 0 2 0 1 1", "{said:?}");
    assert_eq!(lines[2][1..].join(" "), "0 0 0 0 0 0 nobody knows/them%语", "{said:?}");
    assert!(!is_registered(&server, "1") && is_registered(&server, "2"));
    assert_eq!(in_room(&server), ["2", "3"]);

    let said = erase(&server, &["--yes", "--json", "2"]);
    let receipt = said.json();
    let erased = json!({ "profiles": 1, "connections": 0, "deadLetters": 0, "events": 2,
                         "snapshots": 0, "stays": 1 });
    assert_eq!((&receipt["erased"], &receipt["app"]), (&erased, &4111.into()), "{said:?}");
    assert_eq!((&receipt["id"], receipt["at"].as_str().map(str::len)), (&"2".into(), Some(24)));
    let (_, _) = server.end("KILL");
    let server = Server::unlimited(data.path());
    assert_eq!(in_room(&server), ["3"], "it is as durable as what it undid");
}

#[test]
fn an_erased_users_late_events_do_not_bring_the_profile_back() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    arrive(&server, 1);
    assert_eq!(erase(&server, &["--yes", "1"]).status, Some(0));
    let joined = json!([{
        "specversion": "1.0", "id": "late", "source": "sfu", "type": "rtc.participant.joined",
        "time": in_seconds(-20),
        "data": { "roomId": "room", "callId": "c", "userId": "1", "connectionId": "late" },
    }]);
    let content_type = "application/cloudevents-batch+json";
    let sent = send_events(server.address, content_type, joined.to_string().as_bytes());
    assert_eq!(sent.status, 200, "{}", sent.text());
    let is_nobody = |server: &Server| {
        assert_eq!(in_room(server), ["1"], "the event is taken");
        assert!(!is_registered(server, "1"));
        for path in ["users/count", "users/count?tags=vip"] {
            let counted = native(server, "GET", &format!("/v1/apps/4111/{path}"));
            assert_eq!(counted.json()["count"], 0, "{path}");
        }
        let asked = json!({ "AppId": 4111, "UserIds": [1] });
        let found = post(server.address, "BatchGetUser", &asked).json();
        assert_eq!(found["Result"]["NotFoundUsers"], json!([1]), "{found}");
    };
    is_nobody(&server);
    server.end("KILL");
    is_nobody(&Server::unlimited(data.path()));
}

#[test]
fn nobody_is_erased_by_mistake() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    arrive(&server, 1);
    let said = erase(&server, &["1"]);
    assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.err.contains("--yes") && is_registered(&server, "1"), "{said:?}");

    for (answer, status, is_left) in [("n\n", 1, true), ("\n", 1, true), ("y\n", 0, false)] {
        let said = at_a_terminal(&server, answer);
        assert_eq!(said.status, Some(status), "{answer:?}: {said:?}");
        assert!(said.out.contains("Erase 1 from app 4111, for good? [y/N]"), "{said:?}");
        assert_eq!(said.out.contains("nothing was erased"), is_left, "{said:?}");
        assert_eq!(is_registered(&server, "1"), is_left, "{answer:?}");
    }
}

/// The same with a terminal of its own, at which somebody types this.
fn at_a_terminal(server: &Server, answer: &str) -> Said {
    let command = format!("{} users erase --app 4111 1", env!("CARGO_BIN_EXE_whowas"));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env_clear()
        .env("WHOWAS_API_TOKEN", TOKEN)
        .env("WHOWAS_SERVER", format!("http://{}", server.address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("`script` of util-linux makes the terminal, and cannot be run: {error}")
        });
    let mut typed = child.stdin.take().expect("it is piped");
    typed.write_all(answer.as_bytes()).expect("it is typed");
    // Whoever types does not hang up before the end.
    let output = child.wait_with_output().expect("it ends");
    drop(typed);
    output.into()
}

#[test]
fn what_cannot_be_done_is_told_with_what_to_do_and_nothing_behind_it_is_erased() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    arrive(&server, 1);
    arrive(&server, 2);
    let too_long = "x".repeat(257);
    let said = erase(&server, &["--yes", "1", &too_long, "2"]);
    assert_eq!((said.status, said.out.lines().count()), (Some(1), 2), "{said:?}");
    assert!(!is_registered(&server, "1") && is_registered(&server, "2"), "{said:?}");

    let wrong = run(erase_with(server.address, "wrong", &["--yes", "2"]));
    assert_eq!((wrong.status, wrong.out.as_str()), (Some(1), ""), "{wrong:?}");
    assert!(wrong.err.contains("refuses this"), "{wrong:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let said = run(erase_with(nobody, TOKEN, &["--yes", "2"]));
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.err.contains("Is the server running?"), "{said:?}");
    for args in [&["--yes"][..], &["--yes", "2", "--app", "x"], &["2", "--token", ""]] {
        let said = erase(&server, args);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{args:?}: {said:?}");
    }
    assert!(is_registered(&server, "2"));
}

/// A server that answers these, one to each call; tells what it was asked.
fn answering(answers: Vec<(u16, Value)>) -> (SocketAddr, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = std::thread::spawn(move || {
        let answer = |(status, body): (u16, Value)| {
            let (mut stream, _) = listener.accept().expect("it is asked");
            let mut head = vec![];
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a head");
                head.push(byte[0]);
            }
            let body = body.to_string();
            let length = body.len();
            let head_told = format!(
                "HTTP/1.1 {status} S\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(format!("{head_told}{body}").as_bytes()).expect("it is taken");
            String::from_utf8(head).expect("text").lines().next().unwrap_or_default().to_owned()
        };
        answers.into_iter().map(answer).collect()
    });
    (address, asked)
}

#[test]
fn a_large_log_takes_several_calls_and_has_one_receipt() {
    let part = |events: u64, next: Value| {
        json!({ "app": 4111, "id": "a b", "at": "2026-11-21T10:00:00.000Z", "next": next,
                "erased": { "profiles": 0, "connections": 0, "deadLetters": 0, "events": events,
                            "snapshots": 0, "stays": 1 } })
    };
    let answers = vec![(200, part(65_536, json!("0aff"))), (200, part(4, Value::Null))];
    let (to, asked) = answering(answers);
    let said = run(erase_with(to, TOKEN, &["--yes", "--json", "a b"]));
    let asked = asked.join().expect("all were asked");
    assert_eq!(asked[0], "POST /v1/apps/4111/users/a%20b/erase HTTP/1.1");
    assert_eq!(asked[1], "POST /v1/apps/4111/users/a%20b/erase?cursor=0aff HTTP/1.1");
    assert_eq!((&said.json()["erased"]["events"], said.status), (&65_540.into(), Some(0)));

    let busy = json!({ "error": "busy", "code": "busy" });
    let (to, _) = answering(vec![(200, part(65_536, json!("0aff"))), (503, busy)]);
    let said = run(erase_with(to, TOKEN, &["--yes", "a b"]));
    assert_eq!((said.status, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.err.contains("the same command erases the rest"), "{said:?}");
}
