//! Deliveries signed here: what of them is believed, and what is read.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::AppId;
use domain::app::Secret;
use domain::log::Event;
use expect_test::{Expect, expect};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{Delivery, Received, Unauthentic, shown};

mod replay;

const NOW_US: i64 = 1_795_225_600_000_000;
const KEY: &str = "akeyofthirtytwolettersanddigits0";

fn sign(key: &str, body: &[u8]) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length does");
    hmac.update(body);
    STANDARD.encode(hmac.finalize().into_bytes())
}

fn deliver(
    key: &str,
    sign: Option<&str>,
    body: &[u8],
    now_unix_us: i64,
) -> Result<Received, Unauthentic> {
    let mut headers = HeaderMap::new();
    headers.insert("sdkappid", HeaderValue::from_static("1400000000"));
    if let Some(sign) = sign {
        headers.insert("sign", HeaderValue::from_str(sign).expect("a header"));
    }
    let credentials = &BTreeMap::from([("key".to_owned(), Secret::new(key))]);
    super::receive(&Delivery {
        rtc_id: None,
        app: AppId(7),
        credentials,
        headers: &headers,
        body,
        now_unix_us,
    })
}

/// What an authentic delivery of that body gives.
fn receive(body: &[u8]) -> Received {
    deliver(KEY, Some(&sign(KEY, body)), body, NOW_US).expect("an authentic delivery")
}

/// The same, to compare.
fn read(body: &str) -> String {
    let received = receive(body.as_bytes());
    let is_ours = |event: &Event| (event.app, event.door.as_str()) == (AppId(7), "trtc");
    assert!(received.events.iter().all(is_ours));
    shown::received(&received)
}

fn check(bodies: &[Value], expected: Expect) {
    let lines: Vec<String> = bodies.iter().map(|body| read(&body.to_string())).collect();
    expected.assert_eq(&lines.concat());
}

fn event(body: &Value) -> Event {
    let received = receive(body.to_string().as_bytes());
    received.events.into_iter().next().unwrap_or_else(|| panic!("no event: {body}"))
}

/// An entry, with `changes` made to its `EventInfo`. `null` takes a field away.
fn entry_with(changes: &[(&str, Value)]) -> Value {
    callback(103, changes)
}

fn callback(event_type: i64, changes: &[(&str, Value)]) -> Value {
    let mut info = json!({
        "RoomId": "room1", "EventTs": 1_795_225_509, "EventMsTs": 1_795_225_509_871_i64,
        "UserId": "user1", "Role": 20, "TerminalType": 2, "UserType": 3, "Reason": 1,
    });
    let fields = info.as_object_mut().expect("an object");
    for (key, value) in changes {
        match value {
            Value::Null => drop(fields.remove(*key)),
            value => drop(fields.insert((*key).to_owned(), value.clone())),
        }
    }
    json!({
        "EventGroupId": event_type / 100, "EventType": event_type,
        "CallbackTs": 1_795_225_509_900_i64, "EventInfo": info,
    })
}

#[test]
fn the_documented_signature_verifies() {
    let documented: BTreeMap<String, String> =
        serde_json::from_str(include_str!("captures/signed.json")).expect("a map");
    let [key, sign, body] = ["key", "sign", "body"].map(|name| documented[name].as_str());
    let received = deliver(key, Some(sign), body.as_bytes(), NOW_US);
    // It is the end of a stream.
    assert_eq!(received, Ok(Received { ignored: 1, ..Received::default() }));
    let altered = body.replace("8489", "8480");
    let received = deliver(key, Some(sign), altered.as_bytes(), NOW_US);
    assert_eq!(received, Err(Unauthentic::Mismatch));
}

#[test]
fn each_documented_event_becomes_what_it_tells_the_log() {
    let samples = include_str!("captures/documented.jsonl");
    let lines: Vec<String> = samples.lines().map(read).collect();
    expect![[r#"
        ignored
        trtc 102 2023-06-26T09:26:58.457Z
          finished 12345/-
        trtc 103 2023-06-26T09:12:11.831Z
          joined 12345/- test/-
          Android - - -
        trtc 104 2023-06-26T09:12:11.898Z
          left 12345/- test/-
        ignored
        trtc 201 2023-06-26T09:30:03.192Z
          published 12345/- test/-
        ignored
        trtc 203 2023-06-26T09:31:09.365Z
          published 12345/- test/-
        ignored
        trtc 205 2023-06-26T09:33:33.753Z
          published 12345/- test/-
        ignored
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn what_is_not_signed_for_these_bytes_is_not_authentic() {
    let body = entry_with(&[]).to_string();
    let body = body.as_bytes();
    let judge = |sign: Option<&str>| deliver(KEY, sign, body, NOW_US).err();
    let (missing, mismatch) = (Some(Unauthentic::Missing), Some(Unauthentic::Mismatch));
    let good = sign(KEY, body);
    assert_eq!(judge(Some(&good)), None);
    assert_eq!(judge(None), missing);
    for empty in ["", " "] {
        assert_eq!(judge(Some(empty)), missing, "{empty:?}");
    }
    let another_apps = sign("the key of another app", body);
    let hex: String =
        STANDARD.decode(&good).expect("base64").iter().map(|b| format!("{b:02x}")).collect();
    let unpadded = good.trim_end_matches('=');
    for wrong in
        [&another_apps, &sign("", body), &sign(KEY, b"{}"), &good[..20], unpadded, &hex, "a", "!"]
    {
        assert_eq!(judge(Some(wrong)), mismatch, "{wrong}");
    }
    assert_eq!(judge(Some(&format!("{good}{good}"))), mismatch);
}

#[test]
fn an_event_is_known_again_by_its_type_room_user_and_time() {
    let usual = event(&entry_with(&[]));
    let same = |body: &Value| event(body).identity() == usual.identity();
    let mut sent_again = entry_with(&[]);
    sent_again["CallbackTs"] = json!(1_795_225_519_900_i64);
    assert_eq!(event(&sent_again), usual);
    assert!(same(&entry_with(&[("Role", json!(21)), ("TerminalType", json!(3))])));
    let others = [
        callback(104, &[]),
        callback(201, &[]),
        entry_with(&[("RoomId", json!("room2"))]),
        entry_with(&[("UserId", json!("user2"))]),
        entry_with(&[("EventMsTs", json!(1_795_225_509_872_i64))]),
        entry_with(&[("RoomId", json!("room1u")), ("UserId", json!("ser1"))]),
    ];
    for other in others {
        assert!(!same(&other), "{other}");
    }
}

#[test]
fn an_event_has_the_finest_time_that_is_told() {
    let time = |changes: &[(&str, Value)]| shown::time(event(&entry_with(changes)).time_unix_us);
    assert_eq!(time(&[]), "2026-11-21T01:45:09.871Z");
    assert_eq!(time(&[("EventMsTs", json!("1795225509871"))]), "2026-11-21T01:45:09.871Z");
    assert_eq!(time(&[("EventTs", Value::Null)]), "2026-11-21T01:45:09.871Z");
    let unusable =
        [Value::Null, json!(0), json!(-5), json!("soon"), json!(1.5), json!({}), json!(i64::MAX)];
    for unusable in unusable {
        let coarse = time(&[("EventMsTs", unusable.clone())]);
        assert_eq!(coarse, "2026-11-21T01:45:09Z", "{unusable}");
    }
}

#[test]
fn a_browser_is_one_whatever_it_runs_on() {
    let os = |user_type: Value, terminal_type: Value| {
        let body = entry_with(&[("UserType", user_type), ("TerminalType", terminal_type)]);
        match event(&body).fact {
            domain::log::Fact::Joined { client, .. } => shown::facts(&client),
            other => panic!("{other:?} is no join"),
        }
    };
    for terminal_type in [json!(1), json!(2), json!(100), Value::Null] {
        assert_eq!(os(json!(1), terminal_type), "Web - - -");
    }
    for user_type in [json!(2), json!(3), json!(9), Value::Null, json!("x")] {
        assert_eq!(os(user_type.clone(), json!(1)), "Windows - - -");
        assert_eq!(os(user_type.clone(), json!(2)), "Android - - -");
        assert_eq!(os(user_type.clone(), json!(3)), "Ios - - -");
        assert_eq!(os(user_type.clone(), json!(4)), "Linux - - -");
        assert_eq!(os(user_type.clone(), json!(100)), "Unknown - - -");
        assert_eq!(os(user_type.clone(), json!(5)), "Unknown - - -");
        assert_eq!(os(user_type, Value::Null), "- - - -");
    }
}

#[test]
fn what_is_not_known_is_of_no_interest() {
    let ignored = [
        callback(101, &[]),
        callback(105, &[]),
        callback(202, &[]),
        callback(204, &[]),
        callback(206, &[]),
        callback(301, &[]),
        callback(999_999, &[]),
        json!({"EventType": -1}),
        json!({"EventType": 101, "EventInfo": "PRIVATE"}),
    ];
    for body in ignored {
        assert_eq!(read(&body.to_string()), "ignored\n", "{body}");
    }
}

#[test]
fn what_the_log_does_not_need_may_be_missing_or_odd() {
    let usual = read(&entry_with(&[]).to_string());
    let mut odd = vec![
        entry_with(&[("Role", json!({})), ("Reason", json!("PRIVATE"))]),
        entry_with(&[("EventTs", json!([[[]]])), ("Future", json!({"a": [1]}))]),
    ];
    for field in ["EventGroupId", "CallbackTs"] {
        let mut body = entry_with(&[]);
        body[field] = json!({"odd": true});
        odd.push(body);
    }
    for body in odd {
        assert_eq!(read(&body.to_string()), usual, "{body}");
    }
    let of_nobody = callback(102, &[("UserId", Value::Null)]);
    assert_eq!(read(&of_nobody.to_string()), read(&callback(102, &[]).to_string()));
}

#[test]
fn what_the_log_cannot_do_without_makes_it_unintelligible() {
    let mut array = entry_with(&[]);
    array["EventInfo"] = json!(["PRIVATE", "PRIVATE"]);
    check(
        &[
            json!({}),
            json!({"EventType": {}}),
            json!({"EventType": 103.5}),
            json!({"EventType": 103}),
            json!({"EventType": 103, "EventInfo": "PRIVATE"}),
            array,
            entry_with(&[("RoomId", Value::Null)]),
            entry_with(&[("RoomId", json!(["PRIVATE"]))]),
            entry_with(&[("RoomId", json!(1.5))]),
            entry_with(&[("RoomId", json!(true))]),
            entry_with(&[("RoomId", json!(""))]),
            entry_with(&[("RoomId", json!("r".repeat(65_536)))]),
            entry_with(&[("UserId", Value::Null)]),
            entry_with(&[("UserId", json!({"PRIVATE": 1}))]),
            entry_with(&[("UserId", json!("u\0PRIVATE"))]),
            callback(104, &[("UserId", Value::Null)]),
            callback(104, &[("EventMsTs", Value::Null), ("EventTs", json!("PRIVATE"))]),
            callback(203, &[("UserId", json!("u".repeat(257)))]),
            callback(102, &[("RoomId", Value::Null)]),
            callback(102, &[("EventMsTs", json!(0)), ("EventTs", json!(0))]),
        ],
        expect![[r#"
            dead: `EventType` is missing
            dead: `EventType` is missing
            dead: `EventType` is missing
            dead: 103: `EventInfo` is missing
            dead: 103: `EventInfo` is missing
            dead: 103: `EventInfo` is missing
            dead: 103: `RoomId` is missing
            dead: 103: `RoomId` is missing
            dead: 103: `RoomId` is missing
            dead: 103: `RoomId` is missing
            dead: 103: `RoomId` cannot be used: it is empty
            dead: 103: `RoomId` cannot be used: it has more than 256 bytes
            dead: 103: `UserId` is missing
            dead: 103: `UserId` is missing
            dead: 103: `UserId` cannot be used: it holds the character U+0000
            dead: 104: `UserId` is missing
            dead: 104: `EventMsTs` is missing
            dead: 203: `UserId` cannot be used: it has more than 256 bytes
            dead: 102: `RoomId` is missing
            dead: 102: `EventMsTs` is missing
        "#]],
    );
}
