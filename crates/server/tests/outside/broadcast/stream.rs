//! `GET /v1/apps/{app}/stream`, read line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{APP, AT_HOME, broadcast, start, token, wish};
use crate::client::{ask, in_seconds};
use crate::server::Server;

/// Somebody who listens.
struct Listener {
    lines: BufReader<TcpStream>,
    head: String,
}

/// An event of a stream.
#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    told: Value,
}

impl Listener {
    /// Returns when the server has begun to tell.
    fn start(server: &Server, app: u32, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        // Longer than anything takes, and than the server is quiet.
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let token = token(app);
        let head = format!(
            "GET /v1/apps/{app}/stream HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\
             Authorization: Bearer {token}\r\n{last}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the head is taken");
        let mut listener = Self { lines: BufReader::new(stream), head: String::new() };
        loop {
            let line = listener.line();
            if line.is_empty() {
                return listener;
            }
            listener.head.push_str(&format!("{}\n", line.to_ascii_lowercase()));
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).expect("a line") > 0, "the stream has ended");
        line.trim_end().to_owned()
    }

    /// The next event; comments, and the lengths of what is sent in chunks, are none.
    fn next(&mut self) -> Event {
        let (mut id, mut name) = (String::new(), String::new());
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some(("id", it)) => id = it.to_owned(),
                Some(("event", it)) => name = it.to_owned(),
                Some(("data", it)) => {
                    let told = serde_json::from_str(it).expect("JSON");
                    return Event { id, name, told };
                }
                _ => {}
            }
        }
    }

    /// The names of the next events, and what tells them apart.
    fn told(&mut self, count: usize) -> Vec<String> {
        let tell = |Event { name, told, .. }: Event| match &*name {
            "broadcast" => format!("{name} {}", told["broadcastId"]),
            _ => format!("{name} {}", told["userId"].as_str().unwrap_or_default()),
        };
        (0..count).map(|_| tell(self.next())).collect()
    }
}

/// Somebody joins or leaves.
fn happen(server: &Server, app: u32, kind: &str, who: &str) {
    let event = json!({
        "specversion": "1.0", "id": format!("{kind}-{who}"), "source": "sfu",
        "type": format!("rtc.participant.{kind}"), "time": in_seconds(-5),
        "data": { "roomId": "room", "callId": "c", "userId": who, "connectionId": "k" },
    });
    let token = format!("Bearer events-{app}");
    let headers =
        [("Authorization", token.as_str()), ("Content-Type", "application/cloudevents+json")];
    let answer = ask(server.address, "POST", "/v1/events", &headers, event.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn start_two(data: &std::path::Path) -> Server {
    let receiver = Receiver::start([]);
    start(data, AT_HOME, &[receiver.url(), receiver.url()])
}

#[test]
fn what_happens_in_an_app_is_told_to_who_listens_to_it() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start_two(data.path());
    let mut one = Listener::start(&server, APP, None);
    assert!(one.head.starts_with("http/1.1 200 "), "{}", one.head);
    assert!(one.head.contains("content-type: text/event-stream\n"), "{}", one.head);
    let mut two = Listener::start(&server, APP + 1, None);
    broadcast(&server, &wish(APP, "a\nb: 语"));
    happen(&server, APP, "joined", "ada");
    happen(&server, APP + 1, "joined", "eve");
    happen(&server, APP, "left", "ada");

    let told = one.next();
    assert_eq!(told.name, "broadcast");
    let said = &told.told;
    assert_eq!((&said["broadcastId"], &said["action"]), (&1.into(), &"UserBroadcast".into()));
    assert_eq!(said["message"]["Content"], "a\nb: 语", "{said}");
    let told = one.next();
    assert_eq!(told.name, "joined");
    let said = &told.told;
    assert_eq!((&said["roomId"], &said["userId"]), (&"room".into(), &"ada".into()), "{said}");
    assert_eq!((&said["callId"], &said["connectionId"]), (&"c".into(), &"k".into()), "{said}");
    assert_eq!(one.told(1), ["left ada"]);
    assert_eq!(two.told(1), ["joined eve"], "of no other app");
    // What was there already has not happened again.
    happen(&server, APP, "left", "ada");
    happen(&server, APP, "joined", "bob");
    assert_eq!(one.told(1), ["joined bob"]);
}

#[test]
fn who_comes_back_goes_on_behind_what_they_saw() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start_two(data.path());
    let mut listener = Listener::start(&server, APP, None);
    happen(&server, APP, "joined", "ada");
    let seen = listener.next();
    drop(listener);
    happen(&server, APP, "joined", "bob");
    broadcast(&server, &wish(APP, "hello"));
    happen(&server, APP, "left", "bob");
    let behind = ["joined bob", "broadcast 1", "left bob"];
    let mut again = Listener::start(&server, APP, Some(&seen.id));
    assert_eq!(again.told(3), behind, "each once, and no gap");
    let mut another = Listener::start(&server, APP, Some(&seen.id));
    assert_eq!(another.told(3), behind);
    happen(&server, APP, "joined", "eve");
    assert_eq!(
        (again.told(1), another.told(1)),
        (vec!["joined eve".into()], vec!["joined eve".into()])
    );
}

#[test]
fn after_a_kill_a_gap_is_told_and_every_broadcast_that_was_missed() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start_two(data.path());
    let mut listener = Listener::start(&server, APP, None);
    broadcast(&server, &wish(APP, "one"));
    let seen = listener.next();
    assert_eq!(seen.name, "broadcast");
    broadcast(&server, &wish(APP, "two"));
    happen(&server, APP, "joined", "ada");
    server.end("KILL");

    let server = start_two(data.path());
    broadcast(&server, &wish(APP, "three"));
    let mut again = Listener::start(&server, APP, Some(&seen.id));
    assert_eq!(again.told(3), ["gap ", "broadcast 2", "broadcast 3"]);
    happen(&server, APP, "left", "ada");
    assert_eq!(again.told(1), ["left ada"]);
    for nonsense in ["x", "0-0-0-0", "99"] {
        let mut other = Listener::start(&server, APP, Some(nonsense));
        assert_eq!(other.next().name, "gap", "{nonsense}");
    }
}

#[test]
fn nobody_listens_without_the_token_of_the_app() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start_two(data.path());
    let ask_as = |app: u32, method: &str, authorization: &str| {
        let headers = [("Authorization", authorization)];
        let answer = ask(server.address, method, &format!("/v1/apps/{app}/stream"), &headers, b"");
        (answer.status, answer.text())
    };
    let refused = ask_as(APP, "GET", "Bearer wrong");
    assert_eq!(refused.0, 401, "{refused:?}");
    let own = format!("Bearer {}", token(APP));
    for (app, authorization) in [
        (APP, ""),
        (APP, "Bearer events-4111"),
        (APP, "Basic dG9rZW4="),
        (APP + 1, &own),
        (9, &own),
        (9, "Bearer wrong"),
    ] {
        assert_eq!(ask_as(app, "GET", authorization), refused, "{app} {authorization}");
    }
    assert_eq!(ask_as(APP, "POST", &own).0, 405);
}
