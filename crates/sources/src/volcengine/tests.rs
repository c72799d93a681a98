//! Callbacks signed here: what of them is believed, and what is read.

use std::collections::BTreeMap;

use domain::AppId;
use domain::app::Secret;
use domain::log::Fact;
use expect_test::{Expect, expect};
use http::HeaderMap;
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{Delivery, Received, Unauthentic, shown};

mod bad;
mod replay;

const NOW_US: i64 = 1_795_255_300_000_000;
const SECRET: &str = "secret key";

const RTC_ID: &str = "661e0000000000000000543c";

#[test]
fn a_callback_for_another_app_is_a_dead_letter() {
    let receive = |rtc_id: Option<&str>, app_id: &str| {
        let body = sample_with("RoomDestroy", &[("AppId", json!(app_id))]).to_string();
        let credentials = BTreeMap::from([("secret_key".to_owned(), Secret::new(SECRET))]);
        let received = super::receive(&Delivery {
            rtc_id,
            app: AppId(7),
            credentials: &credentials,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
            now_unix_us: NOW_US,
        });
        let received = received.expect("an authentic callback");
        (received.events.len(), received.dead)
    };
    assert_eq!(receive(Some(RTC_ID), RTC_ID), (1, vec![]));
    assert_eq!(receive(None, "another"), (1, vec![]));
    let reason = "the callback is for another `AppId`".to_owned();
    assert_eq!(receive(Some(RTC_ID), "another"), (0, vec![reason]));
}

fn receive_as(secret: Option<&str>, body: &[u8], now_us: i64) -> Result<Received, Unauthentic> {
    let secret = secret.map(|secret| ("secret_key".to_owned(), Secret::new(secret)));
    let credentials: BTreeMap<String, Secret> = secret.into_iter().collect();
    super::receive(&Delivery {
        rtc_id: None,
        app: AppId(7),
        credentials: &credentials,
        headers: &HeaderMap::new(),
        body,
        now_unix_us: now_us,
    })
}

fn try_receive(body: &[u8]) -> Result<Received, Unauthentic> {
    receive_as(Some(SECRET), body, NOW_US)
}

/// Puts in the signature that the sender would have.
fn signed(mut callback: Value) -> Value {
    let envelope = Envelope::parse(callback.to_string().as_bytes()).expect("an object");
    callback["Signature"] = envelope.sign(&Secret::new(SECRET)).into();
    callback
}

/// What an authentic body gives, to compare.
fn read(callback: &Value) -> String {
    let received = try_receive(callback.to_string().as_bytes());
    let Received { events, dead, ignored, .. } = received.expect("an authentic callback");
    let mut lines = String::new();
    for event in &events {
        assert_eq!((event.app, event.door.as_str()), (AppId(7), "volcengine"));
        lines.push_str(&shown::event(event));
    }
    let narrow = |reason: &String| reason.replace(": `", ":\n  `");
    dead.iter().for_each(|reason| lines.push_str(&format!("dead: {}\n", narrow(reason))));
    (0..ignored).for_each(|_| lines.push_str("ignored\n"));
    lines
}

fn check(callbacks: &[Value], expected: Expect) {
    expected.assert_eq(&callbacks.iter().map(read).collect::<String>());
}

fn samples() -> Vec<Value> {
    let lines = include_str!("captures/documented.jsonl").lines();
    lines.map(|line| signed(serde_json::from_str(line).expect("a sample"))).collect()
}

fn change(object: &mut Value, changes: &[(&str, Value)]) {
    let fields = object.as_object_mut().expect("an object");
    for (name, value) in changes {
        match value {
            Value::Null => drop(fields.remove(*name)),
            value => drop(fields.insert((*name).to_owned(), value.clone())),
        }
    }
}

/// The sample of that event with `changes` made to its envelope, signed anew. `null` takes a field
/// away.
fn sample_with(event: &str, changes: &[(&str, Value)]) -> Value {
    let sample = samples().into_iter().find(|sample| sample["EventType"] == event);
    let mut sample = sample.expect("a sample");
    change(&mut sample, changes);
    signed(sample)
}

/// The same with changes made to what the envelope holds.
fn data_with(event: &str, changes: &[(&str, Value)]) -> Value {
    let sample = sample_with(event, &[]);
    let data = sample["EventData"].as_str().expect("a text");
    let mut data = serde_json::from_str(data).expect("an object");
    change(&mut data, changes);
    sample_with(event, &[("EventData", json!(data.to_string()))])
}

#[test]
fn each_event_becomes_what_it_tells_the_log() {
    check(
        &samples(),
        expect![[r#"
        volcengine a0000000-0000-4000-8000-000000000001 2026-11-21T10:00:00.25Z
          joined alone Room1/- user1/-
          Android - - -
        volcengine a0000000-0000-4000-8000-000000000002 2026-11-21T10:00:01.25Z
          published Room1/- user1/-
        volcengine a0000000-0000-4000-8000-000000000003 2026-11-21T10:00:01.35Z
          published Room1/- user1/-
        volcengine a0000000-0000-4000-8000-000000000004 2026-11-21T10:00:02.25Z
          joined alone Room1/- user2/-
          Web - - -
        ignored
        ignored
        volcengine a0000000-0000-4000-8000-000000000007 2026-11-21T10:00:05.25Z
          left Room1/- user1/-
        volcengine a0000000-0000-4000-8000-000000000008 2026-11-21T10:00:06.25Z
          left Room1/- user2/-
        volcengine a0000000-0000-4000-8000-000000000009 2026-11-21T10:00:07.25Z
          finished Room1/-
    "#]],
    );
}

/// No document has a vector. This one was computed by another program than ours.
#[test]
fn signs_the_eight_values_in_their_order() {
    let signature = samples()[0]["Signature"].clone();
    assert_eq!(signature, "36347a27b56ba5e92542c1c772b5ed9a7c814dd3d9e74ff6d74cb50870da8659");
}

#[test]
fn both_spellings_of_the_nonce_are_signed() {
    let usual = sample_with("UserJoinRoom", &[]);
    let (nonce, none) = (usual["Nonce"].clone(), Value::Null);
    let misspelt = sample_with("UserJoinRoom", &[("Nonce", none), ("Noce", nonce.clone())]);
    let doubled = sample_with("UserJoinRoom", &[("Noce", json!("9"))]);
    for callback in [&misspelt, &doubled] {
        assert_eq!(callback["Signature"], usual["Signature"]);
        assert_eq!(read(callback), read(&usual));
    }
    let mut altered = misspelt;
    altered["Noce"] = json!("9999");
    assert_eq!(try_receive(altered.to_string().as_bytes()), Err(Unauthentic::Mismatch));
}

#[test]
fn a_device_type_that_names_an_operating_system_tells_it() {
    let os = |device_type: Value| {
        let callback = data_with("UserJoinRoom", &[("DeviceType", device_type)]);
        let received = try_receive(callback.to_string().as_bytes()).expect("authentic");
        match &received.events[0].fact {
            Fact::Joined { client, .. } => shown::facts(client),
            other => panic!("{other:?} is no join"),
        }
    };
    let table = [
        (json!("android"), "Android - - -"),
        (json!("iOS"), "Ios - - -"),
        (json!("Windows"), "Windows - - -"),
        (json!("mac"), "Mac - - -"),
        (json!("linux"), "Linux - - -"),
        (json!("web"), "Web - - -"),
        (json!("iPhone 11"), "- - - -"),
        (json!("unknown"), "- - - -"),
        (json!(3), "- - - -"),
        (json!(""), "- - - -"),
        (Value::Null, "- - - -"),
    ];
    for (device_type, expected) in table {
        assert_eq!(os(device_type.clone()), expected, "{device_type}");
    }
}

#[test]
fn what_the_log_has_no_use_for_is_counted_only() {
    let events = [
        "RecordStarted",
        "RoleChangeVisible2Invisible",
        "UserAudioStreamStop",
        "TranscodeUpdated",
        "userJoinRoom",
        "an event of the future",
    ];
    for event in events {
        let changes = [("EventType", json!(event)), ("EventData", json!("not JSON"))];
        assert_eq!(read(&sample_with("UserJoinRoom", &changes)), "ignored\n", "{event}");
    }
}

#[test]
fn an_event_is_dated_by_its_data_or_else_by_its_envelope() {
    let time = |at_ms: Value, event_time: &str| {
        let mut callback = data_with("UserJoinRoom", &[("Timestamp", at_ms)]);
        callback["EventTime"] = json!(event_time);
        let received = try_receive(signed(callback).to_string().as_bytes()).expect("authentic");
        received.events.first().map(|event| shown::time(event.time_unix_us))
    };
    let by_data = Some("2026-11-21T10:00:00.25Z".to_owned());
    let by_envelope = Some("2026-11-21T11:00:00.123456Z".to_owned());
    let event_time = "2026-11-21T11:00:00.123456789Z";
    assert_eq!(time(json!(1_795_255_200_250_i64), event_time), by_data);
    assert_eq!(time(json!("1795255200250"), ""), by_data);
    let unusable = [
        Value::Null,
        json!(0),
        json!(-1),
        json!(1.5e12),
        json!("soon"),
        json!(u64::MAX),
        json!({}),
    ];
    for unusable in unusable {
        assert_eq!(time(unusable.clone(), event_time), by_envelope, "{unusable}");
        for nothing in ["", "soon", "1970-01-01T00:00:00Z", "2026-11-21"] {
            assert_eq!(time(unusable.clone(), nothing), None, "{unusable} {nothing}");
        }
    }
    assert_eq!(time(Value::Null, "2026-11-21T19:00:00.123456+08:00"), by_envelope);
}

#[test]
fn an_event_sent_again_with_another_nonce_is_the_same() {
    let of = |callback: &Value| {
        let events = try_receive(callback.to_string().as_bytes()).expect("authentic").events;
        (events[0].identity(), events[0].content_hash())
    };
    let first = sample_with("UserLeaveRoom", &[]);
    let again = sample_with("UserLeaveRoom", &[("Nonce", json!("7777"))]);
    assert_ne!(first["Signature"], again["Signature"]);
    assert_eq!(of(&first), of(&again));
    let other = sample_with("UserLeaveRoom", &[("EventId", json!("another"))]);
    assert_ne!(of(&first).0, of(&other).0);
}
