//! Native events in, stays out; and what is wrong with events.

use serde_json::{Value, json};

use crate::client::{ask, get, in_seconds, list_user_info, send_events};
use crate::server::Server;

const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

fn event(id: &str, kind: &str, from_now_s: i64, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "sfu-1", "type": kind,
        "time": in_seconds(from_now_s), "data": data,
    })
}

fn send(server: &Server, events: &[Value]) -> Value {
    let body = Value::from(events.to_vec()).to_string();
    let answer = send_events(server.address, BATCH, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn stay(server: &Server, room: &str) -> Value {
    let found = list_user_info(server.address, room);
    assert_eq!(found["Total"], 1, "{found}");
    found["UserList"][0].clone()
}

#[test]
fn a_stay_is_seen_at_once_survives_a_kill_and_is_corrected_by_what_comes_late() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let who = |connection: &str| {
        json!({ "roomId": "Room1", "callId": "c1", "userId": "user1", "connectionId": connection,
                "client": { "os.name": "ios", "device.model.name": "iPhone 11",
                            "network.connection.type": "wifi" } })
    };
    let joined = event("e1", "rtc.participant.joined", -300, who("k1"));
    assert_eq!(
        send(&server, std::slice::from_ref(&joined)),
        json!({ "accepted": 1, "duplicates": 0, "errors": [] })
    );
    let seen = stay(&server, "Room1");
    assert_eq!(
        (&seen["CallId"], &seen["UserId"], &seen["OS"], &seen["DeviceType"], &seen["Access"]),
        (&"c1".into(), &"user1".into(), &"ios".into(), &"iPhone 11".into(), &"wifi".into())
    );
    assert_eq!((&seen["Finished"], &seen["LeaveAt"]), (&false.into(), &"".into()));

    assert_eq!(send(&server, &[joined]), json!({ "accepted": 0, "duplicates": 1, "errors": [] }));
    let events = [
        event("e4", "rtc.participant.left", -100, who("k2")),
        event("e2", "rtc.participant.left", -290, who("k1")),
        event("e3", "rtc.participant.joined", -110, who("k2")),
        event("e5", "rtc.stream.published", -105, who("k2")),
    ];
    assert_eq!(send(&server, &events)["accepted"], 4);
    let before = stay(&server, "Room1");
    assert_eq!((&before["Duration"], &before["Finished"]), (&20.into(), &true.into()));
    assert_eq!(
        (&before["Pub"], before["Record"].as_array().map(Vec::len)),
        (&true.into(), Some(4))
    );

    server.end("KILL");
    let server = Server::unlimited(data.path());
    assert_eq!(stay(&server, "Room1"), before);
}

#[test]
fn a_call_without_any_event_is_closed_where_the_config_says_so() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let who = |room: &str, user: &str| json!({ "roomId": room, "callId": "c", "userId": user });
    let events = [
        event("e1", "rtc.participant.joined", -1_200, who("Silent", "u")),
        event("e2", "rtc.stream.published", -301, who("Silent", "u")),
        event("e3", "rtc.participant.joined", -1_200, who("Heard", "v")),
        event("e4", "rtc.stream.published", -200, who("Heard", "v")),
    ];
    assert_eq!(send(&server, &events)["accepted"], 4);
    assert_eq!(stay(&server, "Silent")["Finished"], false);
    server.end("TERM");

    let limit = ("WHOWAS_IDLE_CLOSE_MINUTES", "5");
    let server = Server::demo(data.path(), &[("WHOWAS_LIMITS", "off"), limit]);
    // It is looked for at the start, and counted when it is done; so is the log.
    let metrics = || get(server.address, "/metrics").text();
    assert!((0..100_000).any(|_| metrics().contains("whowas_idle_closed_total 1\n")));
    assert!((0..100_000).any(|_| metrics().contains("whowas_log_stays 2\n")));
    let closed = stay(&server, "Silent");
    assert_eq!(closed["Finished"], true);
    assert_eq!(closed["Duration"], 1_200 - 301);
    assert_eq!(stay(&server, "Heard")["Finished"], false);
}

#[test]
fn one_bad_event_never_refuses_the_others() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let who = json!({ "roomId": "Room2", "callId": "c", "userId": "u" });
    let mut no_id = event("x", "rtc.participant.joined", -9, who.clone());
    no_id.as_object_mut().expect("an object").remove("id");
    let old = json!({
        "specversion": "1.0", "id": "old", "source": "s", "type": "rtc.participant.joined",
        "time": "1970-01-01T00:00:00Z", "data": who.clone(),
    });
    let events = [
        no_id,
        event("a year", "rtc.participant.joined", 365 * 86_400, who.clone()),
        event("unknown", "rtc.participant.danced", -9, who.clone()),
        old,
        json!("no object"),
        event("good", "rtc.participant.joined", -9, who),
    ];
    let answer = send(&server, &events);
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&2.into(), &0.into()), "{answer}");
    assert_eq!(answer["expired"], 1, "one of the accepted is too old to be applied: {answer}");
    let errors = answer["errors"].as_array().expect("a list");
    let places: Vec<&Value> = errors.iter().map(|error| &error["index"]).collect();
    assert_eq!(places, [0, 1, 2, 4]);
    assert!(errors.iter().all(|error| error["reason"].as_str().is_some_and(|it| it.len() > 10)));
    assert_eq!(list_user_info(server.address, "Room2")["Total"], 1);
    let metrics = get(server.address, "/metrics").text();
    assert!(
        metrics.contains("whowas_events_total{source=\"native\",outcome=\"expired\"} 1"),
        "{metrics}"
    );
}

#[test]
fn a_body_that_is_no_batch_is_refused_whole() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let good =
        event("e", "rtc.participant.joined", -9, json!({ "roomId": "Room3", "userId": "u" }));
    let many = Value::from(vec![good.clone(); 1_001]).to_string();
    let large = vec![b' '; 5 * 1024 * 1024];
    let cases: [(&str, &[u8], u16); 6] = [
        (BATCH, b"{", 400),
        (BATCH, b"{}", 400),
        (ONE, b"[]", 400),
        ("application/json", b"[]", 415),
        (BATCH, many.as_bytes(), 413),
        (BATCH, &large, 413),
    ];
    for (content_type, body, status) in cases {
        let answer = send_events(server.address, content_type, body);
        assert_eq!(answer.status, status, "{content_type}: {}", answer.text());
        assert!(answer.json()["error"].as_str().is_some_and(|it| it.len() > 10));
    }
    let unauthorized = ask(server.address, "POST", "/v1/events", &[("Content-Type", ONE)], b"{}");
    assert_eq!(unauthorized.status, 401);
    assert_eq!(list_user_info(server.address, "Room3")["Total"], 0, "nothing was stored");
    assert_eq!(send_events(server.address, ONE, good.to_string().as_bytes()).status, 200);
    assert_eq!(list_user_info(server.address, "Room3")["Total"], 1);
}

#[test]
fn a_refusal_is_seen_by_who_is_still_sending() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let large = vec![b' '; 8 * 1024 * 1024];
    for path in ["/v1/events", "/hooks/livekit/4112"] {
        assert_eq!(ask(server.address, "POST", path, &[], &large).status, 401, "{path}");
    }
}

#[test]
fn a_hook_takes_nothing_that_is_not_signed() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let body = br#"{"event":"room_started","id":"e","createdAt":"1"}"#;
    let hook = |path: &str| ask(server.address, "POST", path, &[], body).status;
    assert_eq!(hook("/hooks/livekit/4111"), 401);
    assert_eq!(hook("/hooks/livekit/1"), 401, "nobody learns which apps exist");
    assert_eq!(hook("/hooks/nobody/4111"), 404);
    assert_eq!(get(server.address, "/hooks/livekit/4111").status, 405);
}
