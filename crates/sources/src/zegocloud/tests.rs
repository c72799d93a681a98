//! Callbacks signed here: what of them is believed, and what is read.

use std::collections::BTreeMap;

use domain::AppId;
use domain::app::Secret;
use domain::log::Fact;
use domain::presence::{Connection, Sighting};
use expect_test::{Expect, expect};
use http::HeaderMap;
use serde_json::{Value, json};

use super::signature::sign;
use crate::{Delivery, Received, Unauthentic, shown};

mod bad;
mod replay;

const NOW_US: i64 = 1_795_225_600_000_000;
const SECRET: &str = "a callback secret";

fn receive_as(
    app: AppId,
    secret: Option<&str>,
    body: &[u8],
    now_unix_us: i64,
) -> Result<Received, Unauthentic> {
    let secret = secret.map(|secret| ("callback_secret".to_owned(), Secret::new(secret)));
    let credentials: BTreeMap<String, Secret> = secret.into_iter().collect();
    let headers = &HeaderMap::new();
    super::receive(&Delivery {
        rtc_id: None,
        app,
        credentials: &credentials,
        headers,
        body,
        now_unix_us,
    })
}

fn try_receive(body: &[u8]) -> Result<Received, Unauthentic> {
    receive_as(AppId(1), Some(SECRET), body, NOW_US)
}

/// The text form of a field, as it goes into the signature.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts in the signature that the sender would have.
fn signed(mut callback: Value) -> Value {
    let (timestamp, nonce) = (text_of(&callback["timestamp"]), text_of(&callback["nonce"]));
    callback["signature"] = sign(&Secret::new(SECRET), &timestamp, &nonce).into();
    callback
}

/// What an authentic body gives, to compare.
fn read(body: &[u8]) -> String {
    let Received { events, sightings, dead, ignored } =
        try_receive(body).expect("an authentic callback");
    let mut lines = String::new();
    for event in &events {
        assert_eq!((event.app, event.door.as_str()), (AppId(1), "zegocloud"));
        lines.push_str(&shown::event(event));
    }
    for Sighting { app, user, connection } in &sightings {
        let Connection { id, time_unix_us, state, os } = connection;
        assert_eq!(*app, AppId(1));
        let at = shown::time(*time_unix_us);
        lines.push_str(&format!("seen {user}/{id} {state:?} {at} {os:?}\n"));
    }
    dead.iter().for_each(|reason| lines.push_str(&format!("dead: {reason}\n")));
    (0..ignored).for_each(|_| lines.push_str("ignored\n"));
    lines
}

fn check(callbacks: &[Value], expected: Expect) {
    let lines = callbacks.iter().map(|body| read(signed(body.clone()).to_string().as_bytes()));
    expected.assert_eq(&lines.collect::<String>());
}

fn samples() -> Vec<Value> {
    let lines = include_str!("captures/documented.jsonl").lines();
    lines.map(|line| signed(serde_json::from_str(line).expect("a sample"))).collect()
}

/// The documented callback of that name, with `changes` made to it. `null` takes a field away.
fn sample_with(event: &str, changes: &[(&str, Value)]) -> Value {
    let mut sample = samples().into_iter().find(|sample| sample["event"] == event);
    let fields = sample.as_mut().and_then(Value::as_object_mut).expect("a sample");
    for (name, value) in changes {
        match value {
            Value::Null => drop(fields.remove(*name)),
            value => drop(fields.insert((*name).to_owned(), value.clone())),
        }
    }
    sample.expect("a sample")
}

/// As a form's writer encodes it.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn form_of(callback: &Value) -> String {
    let fields = callback.as_object().expect("an object").iter();
    let pairs =
        fields.map(|(name, value)| format!("{}={}", encoded(name), encoded(&text_of(value))));
    pairs.collect::<Vec<_>>().join("&")
}

#[test]
fn each_event_becomes_what_it_tells_the_log() {
    check(
        &samples(),
        expect![[r#"
            ignored
            zegocloud 279ef163bb2cb5f3cc703f49029aa6d5 2017-07-10T08:56:18.027Z
              joined alone rid_1242649/6085791336856668982 888120154/792148503087288320
            zegocloud 09ba71a0b9661dfdd4f56731697a243c 2023-06-28T19:41:12.742Z
              published room1/1234567 user1/-
            zegocloud 183049b54f8d2585951f8f6574b05592 2022-09-21T06:10:27.986Z
              left rid_1242649/6085791336856668982 888120154/792462300429684736, there since 2022-09-21T06:10:23.66Z
            zegocloud a713992ccf5f551b80dc3f6a20b47532 2017-07-10T08:56:29.909Z
              finished rid_1242649/858012925204410400
        "#]],
    );
}

#[test]
fn the_three_forms_of_a_body_say_the_same() {
    let odd = sample_with("room_login", &[("room_id", json!("课堂 (2) a+b&c=d%20"))]);
    for callback in samples().into_iter().chain([odd]) {
        let json = callback.to_string();
        let expected = read(json.as_bytes());
        assert_eq!(read(format!("\r\n {json}").as_bytes()), expected);
        assert_eq!(read(encoded(&json).as_bytes()), expected);
        assert_eq!(read(encoded(&json).to_lowercase_escapes().as_bytes()), expected);
        assert_eq!(read(form_of(&callback).as_bytes()), expected);
    }
}

trait LowercaseEscapes {
    fn to_lowercase_escapes(&self) -> String;
}

impl LowercaseEscapes for String {
    /// The other usual way to write hexadecimal digits.
    fn to_lowercase_escapes(&self) -> String {
        let mut parts = self.split('%');
        let first = parts.next().unwrap_or_default().to_owned();
        let escape = |part: &str| format!("%{}{}", part[..2].to_lowercase(), &part[2..]);
        parts.fold(first, |text, part| text + &escape(part))
    }
}

#[test]
fn ids_beyond_2_to_the_53_keep_their_digits() {
    let ids = |callback: Value| {
        let received = try_receive(callback.to_string().as_bytes()).expect("authentic");
        let event = &received.events[0];
        let who = event.presence().cloned();
        let connection = who.and_then(|who| who.connection).map(|id| id.to_string());
        (event.call().map(ToString::to_string), connection)
    };
    let (small, large) = (9_007_199_254_740_993_u64, u64::MAX);
    let texts = |call: u64, connection: u64| (Some(call.to_string()), Some(connection.to_string()));
    for (call, connection) in [(small, large), (large, small)] {
        for (call_as, connection_as) in [
            (json!(call), json!(connection)),
            (json!(call.to_string()), json!(connection.to_string())),
        ] {
            let changes = [("room_seq", call_as.clone()), ("session_id", connection_as)];
            assert_eq!(ids(sample_with("room_login", &changes)), texts(call, connection));
            let changes = [("room_session_id", call_as)];
            assert_eq!(ids(sample_with("room_close", &changes)).0, texts(call, connection).0);
        }
    }
    // What is no integer is no id: its digits may be rounded already.
    for rounded in [json!(6.085e18), json!(1.0), json!(true), json!(["1"])] {
        assert_eq!(ids(sample_with("room_login", &[("room_seq", rounded)])).0, None);
    }
}

#[test]
fn a_callback_is_the_same_however_often_and_in_whatever_form_it_is_sent() {
    let ids = |body: &[u8]| {
        let events = try_receive(body).expect("authentic").events;
        (events[0].identity(), events[0].content_hash())
    };
    for event in ["room_login", "room_logout", "stream_create", "room_close"] {
        let first = sample_with(event, &[]);
        let first = ids(first.to_string().as_bytes());
        // Sent again, with a time and a nonce of its own.
        let again = [("timestamp", json!("1499677000")), ("nonce", json!("7"))];
        let again = signed(sample_with(event, &again));
        assert_eq!(ids(again.to_string().as_bytes()), first, "{event}");
        assert_eq!(ids(form_of(&again).as_bytes()), first, "{event}");
        // Something else happened.
        for changed in ["room_id", "room_seq", "room_session_id", "user_account", "user_id"] {
            let other = sample_with(event, &[]);
            if other.get(changed).is_some() {
                let other = sample_with(event, &[(changed, json!("9"))]);
                assert_ne!(ids(other.to_string().as_bytes()).0, first.0, "{event} {changed}");
            }
        }
    }
}

#[test]
fn a_terminal_is_an_operating_system_where_it_is_one() {
    let os = |term_type: Value| {
        let callback = sample_with("room_login", &[("term_type", term_type)]);
        let received = try_receive(callback.to_string().as_bytes()).expect("authentic");
        match &received.events[0].fact {
            Fact::Joined { client, .. } => shown::facts(client),
            other => panic!("{other:?} is no join"),
        }
    };
    let table = [
        (json!("0"), "- - - -"),
        (json!(""), "- - - -"),
        (Value::Null, "- - - -"),
        (json!("1"), "Windows - - -"),
        (json!("2"), "Ios - - -"),
        (json!(3), "Android - - -"),
        (json!("4"), "Mac - - -"),
        (json!("5"), "Linux - - -"),
        (json!("6"), "Web - - -"),
        (json!("7"), "Unknown - - -"),
        (json!("32"), "Unknown - - -"),
        (json!("a type of the future"), "Unknown - - -"),
    ];
    for (term_type, expected) in table {
        assert_eq!(os(term_type.clone()), expected, "{term_type}");
    }
}

#[test]
fn what_the_log_has_no_use_for_is_counted_only() {
    let named = |event: &str| json!({"event": event, "appid": "1", "timestamp": 1499676978, "nonce": "3", "room_id": 5});
    let names = ["room_create", "room_enter", "stream_close", "send_msg", "an event of the future"];
    for callback in names.map(named).into_iter() {
        assert_eq!(
            read(signed(callback.clone()).to_string().as_bytes()),
            "ignored\n",
            "{callback}"
        );
    }
}

/// As ZIM sends it.
fn user_action(changes: Value) -> Value {
    let mut callback = json!({
        "appid": "1", "event": "user_action", "timestamp": 1499676979, "nonce": "350176",
        "user_id": "u", "user_name": "PRIVATE", "os": "PC ", "action": 0, "session_id": "5",
        "login_time": 1499676978, "relogin": "0",
    });
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(callback.as_object_mut().expect("an object").remove(name)),
            value => callback[name] = value.clone(),
        }
    }
    callback
}

#[test]
fn a_user_action_is_a_sighting_of_a_connection_at_its_own_time() {
    let callbacks = [
        json!({}),
        json!({"action": 1, "logout_time": 1499677000, "logout_reason": "0"}),
        json!({"action": 2, "offline_time": 1499677001, "os": "IOS_PHONE"}),
        // As text, too.
        json!({"action": "2", "offline_time": "1499677001", "os": "ANDROID_TV"}),
        // The sample of the document lacks it: the time of sending.
        json!({"action": 2, "os": null}),
        json!({"action": 1, "logout_time": 0, "os": "MINIPROGRAM"}),
        json!({"action": 0, "os": "", "session_id": "k".repeat(256)}),
    ];
    check(
        &callbacks.map(user_action),
        expect![[r#"
        seen u/5 Online 2017-07-10T08:56:18Z Some(Windows)
        seen u/5 LoggedOut 2017-07-10T08:56:40Z Some(Windows)
        seen u/5 Offline 2017-07-10T08:56:41Z Some(Ios)
        seen u/5 Offline 2017-07-10T08:56:41Z Some(Android)
        seen u/5 Offline 2017-07-10T08:56:19Z None
        seen u/5 LoggedOut 2017-07-10T08:56:19Z Some(Unknown)
        seen u/kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk Online 2017-07-10T08:56:18Z None
    "#]],
    );
}

#[test]
fn a_user_action_that_says_too_little_is_unintelligible() {
    let callbacks = [
        json!({"appid": "2"}),
        json!({"appid": null}),
        json!({"action": null}),
        json!({"action": 3}),
        json!({"action": -1}),
        json!({"action": "online"}),
        json!({"user_id": null}),
        json!({"user_id": ""}),
        json!({"user_id": "u".repeat(65)}),
        json!({"session_id": null}),
        json!({"session_id": "k".repeat(257)}),
        json!({"login_time": i64::MAX}),
        json!({"login_time": -5, "timestamp": "0"}),
    ];
    check(
        &callbacks.map(user_action),
        expect![[r#"
        dead: user_action: `appid` is another app's
        dead: user_action: `appid` is missing
        dead: user_action: `action` is missing
        dead: user_action: `action` is none of 0, 1 and 2
        dead: user_action: `action` is none of 0, 1 and 2
        dead: user_action: `action` is none of 0, 1 and 2
        dead: user_action: `user_id` is missing
        dead: user_action: `user_id` is missing
        dead: user_action: `user_id` cannot be used: it has more than 64 bytes
        dead: user_action: `session_id` is missing
        dead: user_action: `session_id` cannot be used: it has more than 256 bytes
        dead: user_action: `login_time` is missing
        dead: user_action: `login_time` is missing
    "#]],
    );
}

#[test]
fn a_stream_is_dated_in_milliseconds_or_else_in_seconds() {
    let absent = |name: &'static str| (name, Value::Null);
    check(
        &[
            sample_with("stream_create", &[absent("create_time")]),
            sample_with("stream_create", &[absent("create_time_ms")]),
            sample_with("stream_create", &[absent("create_time"), absent("create_time_ms")]),
        ],
        expect![[r#"
            zegocloud f5be0c2d529975bee8ddfdb7e30d6ed3 2023-06-28T19:41:12.742Z
              published room1/1234567 user1/-
            zegocloud 677546ec8d41b4b20ff685ccec4c2e3e 2023-06-28T19:41:12Z
              published room1/1234567 user1/-
            dead: stream_create: `create_time_ms` is missing
        "#]],
    );
}
