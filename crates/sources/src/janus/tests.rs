//! Deliveries made here: what of them is believed, and what is read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::AppId;
use domain::app::Secret;
use domain::ids::{Door, RoomId};
use domain::log::stay::RoomKey;
use domain::log::{Certainty, End, Event, Stay, fold_room};
use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use crate::{Delivery, Received, Unauthentic, shown};

mod bad_input;
mod replay;

const USER: &str = "janus";
const PASSWORD: &str = "a password, more or less";

fn credentials(user: &str, password: &str) -> BTreeMap<String, Secret> {
    [("user", user), ("password", password)]
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .into()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn receive_with(
    authorization: Option<&str>,
    encoding: Option<&str>,
    body: &[u8],
) -> Result<Received, Unauthentic> {
    let mut headers = HeaderMap::new();
    let told = [(header::AUTHORIZATION, authorization), (header::CONTENT_ENCODING, encoding)];
    for (name, value) in told {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        }
    }
    super::receive(&Delivery {
        rtc_id: None,
        app: AppId(7),
        credentials: &credentials(USER, PASSWORD),
        headers: &headers,
        body,
        now_unix_us: 1_795_225_600_000_000,
    })
}

/// What an authentic delivery of that body gives.
fn receive(body: &str) -> Received {
    let login = basic(USER, PASSWORD);
    receive_with(Some(&login), None, body.as_bytes()).expect("an authentic delivery")
}

fn receive_gzip(body: &[u8]) -> Received {
    let login = basic(USER, PASSWORD);
    receive_with(Some(&login), Some("gzip"), body).expect("an authentic delivery")
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(vec![], Compression::fast());
    gzip.write_all(body).expect("a vector takes everything");
    gzip.finish().expect("a vector takes everything")
}

/// What was received, to compare. Ids are hashes: their beginning tells them apart.
fn show(received: Received) -> String {
    let Received { events, dead, ignored, .. } = received;
    let mut lines = String::new();
    for event in &events {
        assert_eq!((event.app, event.door.as_str()), (AppId(7), "janus"));
        let id = event.id.as_str();
        let short = format!("{}{}", &id[..4], &id[32..]);
        lines.push_str(&shown::event(event).replace(id, &short));
    }
    let narrow = |reason: &String| reason.replace(": `", ":\n  `");
    dead.iter().for_each(|reason| lines.push_str(&format!("dead: {}\n", narrow(reason))));
    (0..ignored).for_each(|_| lines.push_str("ignored\n"));
    lines
}

fn check(bodies: &[Value], expected: Expect) {
    let lines: Vec<String> = bodies.iter().map(|body| show(receive(&body.to_string()))).collect();
    expected.assert_eq(&lines.concat());
}

/// A join, with `changes` (by JSON pointers) made to it. `null` takes a field away.
fn join_with(changes: &[(&str, Value)]) -> Value {
    let mut join = json!({
        "emitter": "janus-1", "type": 64, "timestamp": 1_795_225_508_928_687_i64,
        "session_id": 1_974_310_124_842_835_i64, "handle_id": 2_734_037_333_129_094_i64,
        "opaque_id": "PRIVATE",
        "event": {
            "plugin": "janus.plugin.videoroom",
            "data": {
                "event": "joined", "room": 1234, "id": 5678, "private_id": 9,
                "display": "PRIVATE", "token": "PRIVATE",
            },
        },
    });
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = join.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        match value {
            Value::Null => drop(parent.remove(key)),
            value => drop(parent.insert(key.to_owned(), value.clone())),
        }
    }
    join
}

/// An event of the VideoRoom as Janus tells it of no handle.
fn told(event: &str, timestamp_unix_us: i64) -> Value {
    join_with(&[
        ("/event/data/event", json!(event)),
        ("/timestamp", json!(timestamp_unix_us)),
        ("/session_id", Value::Null),
        ("/handle_id", Value::Null),
        ("/opaque_id", Value::Null),
    ])
}

/// So many steps of 1.1 s after the session began: no two in one second, and none of them whole.
fn at(steps: i64) -> i64 {
    1_795_225_508_000_000 + steps * 1_100_000
}

fn core(status: &str) -> Value {
    json!({
        "emitter": "janus-1", "type": 256, "timestamp": 1_795_225_547_259_213_i64,
        "event": {"status": status, "signum": 15},
    })
}

/// Rooms, their calls in order, and who was there; what is inferred has a question mark.
fn log_of(events: &[Event]) -> String {
    // A store keeps each event once.
    let events: BTreeMap<_, &Event> =
        events.iter().map(|event| (event.identity(), event)).collect();
    let rooms: BTreeSet<&RoomId> = events.values().filter_map(|event| event.room()).collect();
    let mut lines = String::new();
    for room in rooms {
        let is_here = |event: &&&Event| event.room().is_none_or(|theirs| theirs == room);
        let here: Vec<Event> =
            events.values().filter(is_here).map(|&event| event.clone()).collect();
        let door = Door::parse("janus").expect("a door");
        let stays = fold_room(&RoomKey { app: AppId(7), door, room: room.clone() }, &here);
        let mut calls = vec![];
        for stay in &stays {
            if !calls.contains(&stay.call) {
                calls.push(stay.call.clone());
            }
            lines.push_str(&format!("{room}, call {}: {}", calls.len(), show_stay(stay)));
        }
    }
    lines
}

fn show_stay(stay: &Stay) -> String {
    let published = if stay.published { ", published" } else { "" };
    let mut lines = format!("{}{published}\n", stay.participant);
    let client = shown::facts(&stay.client);
    if client != "- - - -" {
        lines.push_str(&format!("  {client}\n"));
    }
    let time = |unix_us| shown::time(unix_us).replace("2026-11-21T", "").replace('Z', "");
    let mark = |certainty| if certainty == Certainty::Inferred { "?" } else { "" };
    for span in &stay.spans {
        let end = match span.end {
            End::Open => "now".to_owned(),
            End::At(left, certainty) => format!("{}{}", time(left), mark(certainty)),
        };
        let joined = time(span.joined_unix_us);
        lines.push_str(&format!("  {joined}{} to {end}\n", mark(span.join)));
    }
    lines
}

fn check_log(bodies: &[Value], expected: Expect) {
    let receive = |body: &Value| receive(&body.to_string()).events;
    let mut events: Vec<Event> = bodies.iter().flat_map(receive).collect();
    let log = log_of(&events);
    events.reverse();
    assert_eq!(log_of(&events), log, "arrival matters");
    expected.assert_eq(&log);
}

#[test]
fn each_event_becomes_what_it_tells_the_log() {
    check(
        &[
            join_with(&[]),
            join_with(&[("/event/data/event", json!("published"))]),
            told("leaving", at(5)),
            told("kicked", at(5)),
            told("destroyed", at(5)),
            core("started"),
            core("shutdown"),
        ],
        expect![[r#"
            janus-1 7e95 2026-11-21T01:45:08.928687Z
              joined alone 1234/- 5678/2734037333129094
            janus-1 7a2f 2026-11-21T01:45:08.928687Z
              published 1234/- 5678/2734037333129094
            janus-1 05ce 2026-11-21T01:45:13.5Z
              left 1234/- 5678/-
            janus-1 24ca 2026-11-21T01:45:13.5Z
              left 1234/- 5678/-
            janus-1 f0e1 2026-11-21T01:45:13.5Z
              finished 1234/-
            janus-1 b570 2026-11-21T01:45:47.259213Z
              restarted
            janus-1 c083 2026-11-21T01:45:47.259213Z
              stopped
        "#]],
    );
}

#[test]
fn what_the_log_has_no_use_for_is_counted_only() {
    let events = ["unpublished", "configured", "subscribing", "subscribed", "created", "updated"];
    for event in events.map(|event| told(event, 1)).into_iter().chain([
        // Somebody who is on another Janus, and relayed to this one.
        told("published", 1),
        join_with(&[("/event/plugin", json!("janus.plugin.audiobridge"))]),
        core("a status of the future"),
        json!({"emitter": "janus-1", "type": 1, "timestamp": 1, "session_id": 1,
               "event": {"name": "timeout"}}),
        json!({"emitter": "janus-1", "type": 2, "timestamp": 1, "session_id": 1, "handle_id": 2,
               "event": {"name": "detached", "plugin": "janus.plugin.videoroom"}}),
        json!({"emitter": "janus-1", "type": 4, "timestamp": 1, "event": {"schema": "x"}}),
        json!({"type": 512}),
        json!({"type": 32, "event": [{"mid": "0"}]}),
    ]) {
        assert_eq!(show(receive(&event.to_string())), "ignored\n", "{event}");
    }
    assert_eq!(show(receive("[]")), "");
}

#[test]
fn a_group_tells_what_its_events_tell_one_by_one() {
    let events = [join_with(&[]), told("unpublished", 2), json!({}), told("leaving", 3)];
    let group = receive(&json!(events).to_string());
    let mut single = Received::default();
    for event in &events {
        let Received { events, dead, ignored, .. } = receive(&event.to_string());
        single.events.extend(events);
        single.dead.extend(dead);
        single.ignored += ignored;
    }
    assert_eq!(group, single);
    assert_eq!((group.events.len(), group.dead.len(), group.ignored), (2, 1, 1));
    assert_eq!(receive_gzip(&gzip(json!(events).to_string().as_bytes())), group);
}

#[test]
fn an_event_has_one_id_however_it_is_formatted() {
    let id = |body: &str| receive(body).events[0].id.clone();
    let join = join_with(&[("/event/data/display", json!("Zoë 语 \u{1f600}"))]);
    let usual = id(&join.to_string());
    assert_eq!(id(&format!(" [ {join:#} ] ")), usual);
    assert_eq!(id(&join.to_string().replace("语", "\\u8bed")), usual);
    // The same fields, the last ones first.
    let backwards = |value: &Value| {
        let fields = value.as_object().expect("an object").iter().rev();
        let fields: Vec<String> = fields.map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    let event = format!(
        "{{\"data\":{},\"plugin\":{}}}",
        backwards(&join["event"]["data"]),
        join["event"]["plugin"],
    );
    assert_eq!(id(&backwards(&join).replace(&join["event"].to_string(), &event)), usual);
}

#[test]
fn two_events_have_two_ids() {
    let id =
        |changes: &[(&str, Value)]| receive(&join_with(changes).to_string()).events[0].id.clone();
    let ids = [
        id(&[]),
        id(&[("/emitter", json!("janus-2"))]),
        id(&[("/timestamp", json!(1_795_225_508_928_688_i64))]),
        id(&[("/session_id", json!(5))]),
        id(&[("/session_id", Value::Null)]),
        id(&[("/handle_id", json!(5))]),
        // Numbers that are one as floats.
        id(&[("/event/data/id", json!(9_007_199_254_740_992_u64))]),
        id(&[("/event/data/id", json!(9_007_199_254_740_993_u64))]),
        id(&[("/event/data/id", json!("5678"))]),
        id(&[("/event/data/future", json!([[1], {"a": null}]))]),
        id(&[("/event/data/future", json!([[1, {"a": null}]]))]),
        id(&[("/event/data/event", json!("published"))]),
    ];
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
    let Received { events, .. } = receive(&json!([core("started"), core("shutdown")]).to_string());
    assert_ne!(events[0].id, events[1].id);
}

#[test]
fn the_client_is_told_by_json_in_opaque_id_and_by_metadata() {
    let attributes = json!({
        "os.name": "ios", "device.model.name": "iPhone 11", "rtc.sdk.version": "",
        "network.connection.type": "wifi", "user": "PRIVATE", "os.version": 18,
    });
    let later = json!({"rtc.sdk.version": "1.2.3", "network.connection.type": "cell",
                       "network.connection.subtype": "nr", "device.model.name": {"a": 1}});
    let text = json!(attributes.to_string());
    let published = ("/event/data/event", json!("published"));
    let metadata = ("/event/data/metadata", later.clone());
    check(
        &[
            join_with(&[("/opaque_id", text.clone())]),
            join_with(std::slice::from_ref(&metadata)),
            join_with(&[("/opaque_id", text.clone()), metadata.clone()]),
            join_with(&[published.clone(), ("/opaque_id", text)]),
            join_with(&[published, metadata.clone()]),
            join_with(&[("/event/data/event", json!("leaving")), metadata]),
        ],
        expect![[r#"
            janus-1 7e95 2026-11-21T01:45:08.928687Z
              joined alone 1234/- 5678/2734037333129094
              Ios Wifi "iPhone 11" -
            janus-1 660a 2026-11-21T01:45:08.928687Z
              joined alone 1234/- 5678/2734037333129094
              - G5 - "1.2.3"
            janus-1 660a 2026-11-21T01:45:08.928687Z
              joined alone 1234/- 5678/2734037333129094
              Ios G5 "iPhone 11" "1.2.3"
            janus-1 7a2f 2026-11-21T01:45:08.928687Z
              published 1234/- 5678/2734037333129094
            janus-1 7a2f-client 2026-11-21T01:45:08.928687Z
              client 1234/- 5678/2734037333129094
              Ios Wifi "iPhone 11" -
            janus-1 5497 2026-11-21T01:45:08.928687Z
              published 1234/- 5678/2734037333129094
            janus-1 5497-client 2026-11-21T01:45:08.928687Z
              client 1234/- 5678/2734037333129094
              - G5 - "1.2.3"
            janus-1 09b9 2026-11-21T01:45:08.928687Z
              left 1234/- 5678/-
              - G5 - "1.2.3"
        "#]],
    );
    let usual = show(receive(&join_with(&[]).to_string()));
    let usual = usual.lines().nth(1).expect("a join");
    let unread = [json!("{\"os.name\":"), json!("[\"os.name\"]"), json!("\"os.name\""), json!(5)];
    for opaque_id in unread.into_iter().chain([json!(""), json!("{}"), attributes]) {
        let shown = show(receive(&join_with(&[("/opaque_id", opaque_id)]).to_string()));
        assert_eq!(shown.lines().nth(1), Some(usual));
    }
    for metadata in [json!("os.name"), json!([5]), json!({"os.name": ["ios"]}), later["a"].clone()]
    {
        let shown = show(receive(&join_with(&[("/event/data/metadata", metadata)]).to_string()));
        assert_eq!(shown.lines().nth(1), Some(usual));
    }
}

#[test]
fn ids_are_text_or_numbers_which_stay_exact() {
    let place = |id: &str| {
        let join = join_with(&[]).to_string().replace("1234", id).replace("5678", id);
        let events = receive(&join).events;
        let who = events.first().and_then(Event::presence).cloned();
        who.map(|who| (who.room.to_string(), who.participant.to_string()))
    };
    let same = |id: &str| Some((id.to_owned(), id.to_owned()));
    for number in ["0", "1", "9007199254740993", "9223372036854775807", "18446744073709551615"] {
        assert_eq!(place(number), same(number));
        assert_eq!(place(&format!("\"{number}\"")), same(number));
    }
    assert_eq!(place("-1"), same("-1"));
    for number in ["1.0", "1e3", "true", "{}", "[1]", "null", "\"\"", "\"\\ud83d\""] {
        assert_eq!(place(number), None, "{number}");
    }
    for id in ["课堂 (2)", "غرفة", "חדר", "कक्षा", "комната", "Zoë", "👩‍👩‍👧", " ", "a/b\\c\"d"]
    {
        assert_eq!(place(&json!(id).to_string()), same(id));
    }
    assert_eq!(place("\"\\u8bfe\\u5802 \\ud83d\\udc69\""), same("课堂 👩"));
}

#[test]
fn a_leave_of_no_handle_ends_the_connection_that_is_there() {
    let joined = |step: i64, handle: i64| {
        join_with(&[("/timestamp", json!(at(step))), ("/handle_id", json!(handle))])
    };
    check_log(
        &[joined(1, 1), told("leaving", at(5)), joined(8, 2), told("kicked", at(9)), joined(11, 3)],
        expect![[r#"
            1234, call 1: 5678
              01:45:09.1 to 01:45:13.5
            1234, call 2: 5678
              01:45:16.8 to 01:45:17.9
            1234, call 3: 5678
              01:45:20.1 to now
        "#]],
    );
    // In the microsecond in which the old one left, the new one is not thrown out.
    check_log(
        &[joined(1, 1), told("leaving", at(5)), joined(5, 2)],
        expect![[r#"
            1234, call 1: 5678
              01:45:09.1 to 01:45:13.5
            1234, call 2: 5678
              01:45:13.5 to now
        "#]],
    );
    // The first leave was lost: nobody is let in twice.
    check_log(
        &[joined(1, 1), joined(8, 2), told("leaving", at(9))],
        expect![[r#"
            1234, call 1: 5678
              01:45:09.1 to 01:45:16.8?
              01:45:16.8 to 01:45:17.9
        "#]],
    );
    // The second join was lost, but not what was published by that handle.
    let published = join_with(&[
        ("/timestamp", json!(at(8))),
        ("/handle_id", json!(2)),
        ("/event/data/event", json!("published")),
        ("/event/data/metadata", json!({"os.name": "web"})),
    ]);
    check_log(
        &[joined(1, 1), told("leaving", at(5)), published, told("leaving", at(9))],
        expect![[r#"
            1234, call 1: 5678
              01:45:09.1 to 01:45:13.5
            1234, call 2: 5678, published
              Web - - -
              01:45:16.8? to 01:45:17.9
        "#]],
    );
}

#[test]
fn a_room_that_is_destroyed_and_a_server_that_stops_leave_nobody_behind() {
    let joined = |step: i64, id: &str| {
        join_with(&[("/timestamp", json!(at(step))), ("/event/data/id", json!(id))])
    };
    check_log(
        &[joined(1, "u"), joined(2, "v"), told("destroyed", at(5)), joined(7, "u")],
        expect![[r#"
            1234, call 1: u
              01:45:09.1 to 01:45:13.5?
            1234, call 1: v
              01:45:10.2 to 01:45:13.5?
            1234, call 2: u
              01:45:15.7 to now
        "#]],
    );
    let stopped = |status: &str| {
        let mut end = core(status);
        end["timestamp"] = json!(at(5));
        let published = join_with(&[
            ("/timestamp", json!(at(3))),
            ("/event/data/id", json!("v")),
            ("/event/data/event", json!("published")),
        ]);
        [joined(1, "u"), joined(2, "v"), published, end, joined(7, "u")]
    };
    check_log(
        &stopped("started"),
        expect![[r#"
            1234, call 1: u
              01:45:09.1 to 01:45:11.3?
            1234, call 1: v, published
              01:45:10.2 to 01:45:11.3?
            1234, call 2: u
              01:45:15.7 to now
        "#]],
    );
    check_log(
        &stopped("shutdown"),
        expect![[r#"
            1234, call 1: u
              01:45:09.1 to 01:45:13.5?
            1234, call 1: v, published
              01:45:10.2 to 01:45:13.5?
            1234, call 2: u
              01:45:15.7 to now
        "#]],
    );
    // Another server's restart is of no matter.
    let mut other = core("started");
    other["timestamp"] = json!(at(5));
    other["emitter"] = json!("janus-2");
    check_log(
        &[joined(1, "u"), other],
        expect![[r#"
            1234, call 1: u
              01:45:09.1 to now
        "#]],
    );
}

/// Stopped in order, Janus 1.1.2 closes its WebSockets some milliseconds after it told of its end,
/// and mostly has the time to tell of those leaves too; never of those who use HTTP.
#[test]
fn who_leaves_while_the_server_stops_has_left_then() {
    let joined = |step: i64, id: &str| {
        join_with(&[("/timestamp", json!(at(step))), ("/event/data/id", json!(id))])
    };
    let of = |event: &str, after_us: i64| {
        let mut told = told(event, at(5) + after_us);
        told["event"]["data"]["id"] = json!("by websocket");
        told
    };
    let mut end = core("shutdown");
    end["timestamp"] = json!(at(5));
    check_log(
        &[
            joined(1, "by http"),
            joined(2, "by websocket"),
            end,
            of("unpublished", 1_625),
            of("unpublished", 3_249),
            of("leaving", 3_311),
            joined(7, "by http"),
        ],
        expect![[r#"
            1234, call 1: by http
              01:45:09.1 to 01:45:13.5?
            1234, call 1: by websocket
              01:45:10.2 to 01:45:13.503311
            1234, call 2: by http
              01:45:15.7 to now
        "#]],
    );
}
