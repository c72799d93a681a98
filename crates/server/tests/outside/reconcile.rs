//! A LiveKit that is asked who is there: played by the test, which answers each question when and
//! how it likes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::clock::{Clock as _, SystemClock};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::client::{self, APP_ID, RTC_ID, ask, get, list_user_info};
use crate::server::Server;

const SECRET: &str = "a secret of LiveKit's, of more than 32 characters";

/// The LiveKit.
struct Livekit {
    address: SocketAddr,
    connections: Receiver<TcpStream>,
}

/// A question, waiting for its answer.
struct Question {
    stream: TcpStream,
    /// The last part of its path.
    method: String,
    body: Value,
}

impl Livekit {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, connections) = channel();
        std::thread::spawn(move || {
            listener.incoming().flatten().try_for_each(|stream| tell.send(stream))
        });
        Self { address, connections }
    }

    /// The next question, whose token has to be right.
    fn asked(&self) -> Question {
        let stream = self.connections.recv_timeout(Duration::from_secs(60)).expect("a question");
        let mut reader = BufReader::new(stream.try_clone().expect("the same connection"));
        let mut lines = vec![];
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line of the head");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let header = |wanted: &str| {
            let named = |line: &String| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
            };
            lines.iter().find_map(named).unwrap_or_else(|| panic!("no {wanted} in {lines:?}"))
        };
        let mut body = vec![0; header("content-length").parse().expect("a length")];
        reader.read_exact(&mut body).expect("the body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let path = lines[0].strip_prefix("POST /below/twirp/livekit.RoomService/").expect("a path");
        let method = path.split(' ').next().expect("a method").to_owned();
        let claims = claims(&header("authorization"));
        let grant = match method.as_str() {
            "ListRooms" => json!({"roomList": true}),
            _ => json!({"roomAdmin": true, "room": body["room"]}),
        };
        assert_eq!((&claims["iss"], &claims["video"]), (&"devkey".into(), &grant), "{claims}");
        Question { stream, method, body }
    }

    fn asked_for_rooms(&self) -> Question {
        let question = self.asked();
        assert_eq!(question.method, "ListRooms");
        question
    }

    /// Answers a whole round truly: these rooms with these ids, and in each these people.
    fn tell(&self, rooms: &Value, people: &Value) {
        self.asked_for_rooms().answer(&rooms_answer(rooms));
        for _ in 0..rooms_of_log(people) {
            let question = self.asked();
            let there = &people[question.body["room"].as_str().expect("a room")];
            question.answer(&json!({ "participants": there }));
        }
    }
}

fn rooms_answer(rooms: &Value) -> Value {
    let rooms = rooms.as_object().expect("names and ids").iter();
    let listed: Vec<Value> =
        rooms.map(|(name, sid)| json!({"name": name, "sid": sid, "num_participants": 1})).collect();
    json!({ "rooms": listed })
}

fn rooms_of_log(people: &Value) -> usize {
    people.as_object().expect("people of rooms").len()
}

/// The claims of a bearer token that the secret signed and that is good now.
fn claims(authorization: &str) -> Value {
    let token = authorization.strip_prefix("Bearer ").expect("a bearer token");
    let (signed, mac) = token.rsplit_once('.').expect("three parts");
    assert_eq!(URL_SAFE_NO_PAD.encode(mac_of(signed)), mac);
    let claims = signed.split('.').nth(1).expect("three parts");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert!(claims["exp"].as_i64().is_some_and(|exp| exp > SystemClock.now_unix_s()));
    claims
}

fn mac_of(signed: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(signed.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

impl Question {
    /// As LiveKit does.
    fn answer(self, body: &Value) {
        let date = format!("Date: {}\r\n", client::http_date());
        self.say("200 OK", &date, &body.to_string());
    }

    fn say(mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(text.as_bytes()).expect("the answer is taken");
    }

    /// A body that goes on until nobody reads it.
    fn say_without_end(mut self) {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
        self.stream.write_all(head.as_bytes()).expect("the head is taken");
        while self.stream.write_all(&[b' '; 65_536]).is_ok() {}
    }
}

/// Starts the server with an app whose LiveKit is asked every second.
fn start(folder: &Path, livekit: &Livekit) -> Server {
    let config = folder.join("whowas.toml");
    let text = format!(
        "limits = \"off\"\n\
         [[apps]]\nid = {APP_ID}\nrtc_id = \"{RTC_ID}\"\n\
         access_keys = [{{ id = \"{}\", secret = \"{}\" }}]\n\
         [apps.sources]\n\
         livekit = {{ api_key = \"devkey\", api_secret = \"{SECRET}\", \
         url = \"http://{}/below/\", reconcile_seconds = 1 }}\n",
        client::KEY_ID,
        client::SECRET,
        livekit.address,
    );
    std::fs::write(&config, text).expect("a file");
    Server::configured(&folder.join("data"), &config)
}

/// Somebody joins, some seconds from now: LiveKit says so.
fn join(server: &Server, who: &str, (room, sid): (&str, &str), from_now_s: i64) {
    let now_unix_s = SystemClock.now_unix_s();
    let body = json!({
        "event": "participant_joined", "id": format!("EV_{who}"), "createdAt": now_unix_s,
        "room": {"name": room, "sid": sid},
        "participant": {
            "identity": who, "sid": format!("PA_{who}"), "joinedAt": now_unix_s + from_now_s,
        },
    })
    .to_string();
    let claims = json!({
        "iss": "devkey", "exp": now_unix_s + 60, "sha256": STANDARD.encode(Sha256::digest(&body)),
    });
    let part = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", part(json!({"alg": "HS256"})), part(claims));
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac_of(&signed)));
    let path = format!("/hooks/livekit/{APP_ID}");
    let answer = ask(server.address, "POST", &path, &[("Authorization", &token)], body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Who is still there, and how many have gone.
fn there(server: &Server) -> (Vec<String>, usize) {
    let mut there = vec![];
    let mut gone = 0;
    for room in ["Room1", "Room2", "Room3"] {
        for row in list_user_info(server.address, room)["UserList"].as_array().expect("rows") {
            match row["Finished"] == true {
                true => gone += 1,
                false => there.push(row["UserId"].as_str().expect("an id").to_owned()),
            }
        }
    }
    there.sort();
    (there, gone)
}

fn counted(server: &Server, what: &str) -> u64 {
    let metrics = get(server.address, "/metrics").text();
    let line = metrics.lines().find(|line| line.starts_with(what));
    line.map_or(0, |line| line.rsplit_once(' ').expect("a value").1.parse().expect("a count"))
}

fn failed(server: &Server, reason: &str) -> u64 {
    let labels = format!("source=\"livekit\",reason=\"{reason}\"");
    counted(server, &format!("whowas_reconcile_failures_total{{{labels}}}"))
}

fn everybody_joins(server: &Server) {
    for (who, place, from_now_s) in [
        ("alice", ("Room1", "RM_1"), -300),
        ("bob", ("Room1", "RM_1"), -300),
        ("carol", ("Room1", "RM_1"), -300),
        ("dora", ("Room2", "RM_2"), -300),
        ("erin", ("Room3", "RM_3"), -300),
        // By LiveKit's clock, which is the one that counts for joins.
        ("frank", ("Room1", "RM_1"), 40),
    ] {
        join(server, who, place, from_now_s);
    }
}

#[test]
fn who_has_gone_without_a_word_is_found_by_asking() {
    let folder = tempfile::tempdir().expect("a folder");
    let livekit = Livekit::start();
    let server = start(folder.path(), &livekit);
    join(&server, "zoe", ("Room1", "RM_1"), -300);
    // Whoever is asked about before everybody is there is asked about again.
    livekit.asked_for_rooms().say("503 Service Unavailable", "", "");
    everybody_joins(&server);
    // Bob, zoe and erin have gone. Carol is on her way back in. Dora is in the room's next call.
    let people = json!({
        "Room1": [
            {"identity": "alice", "state": "ACTIVE"},
            {"identity": "bob", "state": "DISCONNECTED"},
            {"identity": "carol", "state": "JOINING"},
        ],
        "Room2": [{"identity": "dora", "state": "ACTIVE"}],
        "Room3": [],
    });
    livekit.tell(&json!({"Room1": "RM_1", "Room2": "RM_9"}), &people);
    // The next round begins when this one is over.
    let next = livekit.asked_for_rooms();
    assert_eq!(next.body, json!({"names": ["Room1"]}));
    let alice_carol_frank = ["alice", "carol", "frank"].map(str::to_owned).to_vec();
    assert_eq!(there(&server), (alice_carol_frank.clone(), 4));
    let ended = || counted(&server, "whowas_reconcile_ended_total{source=\"livekit\"}");
    let stored = || counted(&server, "whowas_events_total{source=\"livekit\",outcome=\"stored\"}");
    assert_eq!((ended(), stored()), (4, 7 + 3), "one snapshot for each call");

    // What is right already is left as it is.
    next.answer(&rooms_answer(&json!({"Room1": "RM_1"})));
    let in_room1 = json!({ "participants": people["Room1"] });
    livekit.asked().answer(&in_room1);
    livekit.asked_for_rooms().say("503 Service Unavailable", "", "");
    assert_eq!((there(&server), ended(), stored()), ((alice_carol_frank, 4), 4, 10));
}

#[test]
fn what_teaches_nothing_ends_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let livekit = Livekit::start();
    let server = start(folder.path(), &livekit);
    join(&server, "alice", ("Room1", "RM_1"), -300);
    let date = format!("Date: {}\r\n", client::http_date());
    let none = r#"{"rooms":[]}"#;
    livekit.asked_for_rooms().say("500 Internal Server Error", &date, none);
    livekit.asked_for_rooms().say("401 Unauthorized", &date, none);
    let elsewhere = format!("{date}Location: http://{}/\r\n", livekit.address);
    livekit.asked_for_rooms().say("307 Temporary Redirect", &elsewhere, none);
    livekit.asked_for_rooms().say("200 OK", "", none);
    livekit.asked_for_rooms().say("200 OK", &date, "<html></html>");
    livekit.asked_for_rooms().say("200 OK", &date, "{}");
    drop(livekit.asked_for_rooms());
    livekit.asked_for_rooms().say_without_end();
    // It neither answers nor hangs up.
    let hanging = livekit.asked_for_rooms();
    let rooms = rooms_answer(&json!({}));
    livekit.asked_for_rooms().answer(&rooms);
    livekit.asked().say("404 Not Found", &date, r#"{"participants":[]}"#);
    livekit.asked_for_rooms().answer(&rooms);
    livekit.asked().answer(&json!({"participants": [{"identity": 5}]}));
    let next = livekit.asked_for_rooms();

    assert_eq!(there(&server), (vec!["alice".to_owned()], 0));
    let failures = ["refused", "absurd", "unanswered"].map(|reason| failed(&server, reason));
    assert_eq!(failures, [4, 4, 3]);
    let rounds = |outcome: &str| {
        let labels = format!("source=\"livekit\",outcome=\"{outcome}\"");
        counted(&server, &format!("whowas_reconcile_rounds_total{{{labels}}}"))
    };
    assert_eq!((rounds("failed"), rounds("done")), (11, 0));

    // After all that it is believed again; and a question under way does not hold up the stop.
    next.answer(&rooms);
    livekit.asked().answer(&json!({"participants": []}));
    join(&server, "bob", ("Room1", "RM_1"), 0);
    let unanswered = livekit.asked_for_rooms();
    assert_eq!(there(&server), (vec!["bob".to_owned()], 1));
    let (status, said) = server.end("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(
        !said.contains("cut off") && !said.contains(SECRET) && !said.contains("alice"),
        "{said}"
    );
    drop((hanging, unanswered));
}
