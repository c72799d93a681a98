//! What nobody should send.

use expect_test::expect;
use serde_json::{Value, json};

use super::{check, data_with, read, sample_with, samples, try_receive};
use crate::Unauthentic;

#[test]
fn what_is_not_signed_is_not_authentic() {
    let missing = Err(Unauthentic::Missing);
    for nothing in [Value::Null, json!(""), json!({}), json!([1]), json!(true)] {
        let mut callback = samples()[0].clone();
        callback["Signature"] = nothing;
        assert_eq!(try_receive(callback.to_string().as_bytes()), missing, "{callback}");
    }
    let array = format!("[{}]", samples()[0]);
    let twice = samples()[0].to_string().replacen('{', "{\"EventId\":\"x\",", 1);
    let values: Vec<Value> =
        samples()[0].as_object().expect("an object").values().cloned().collect();
    let values = json!(values).to_string();
    for body in ["", " ", "{", "{}", "[]", "null", "5", &array, &twice, &values, "EventType=x"] {
        assert_eq!(try_receive(body.as_bytes()), missing, "{body:?}");
    }
    assert_eq!(try_receive(b"{\"Signature\":\"\xff\"}"), missing);
}

#[test]
fn a_signature_in_upper_case_proves_as_much() {
    let good = samples()[0].clone();
    let mut upper = good.clone();
    upper["Signature"] = json!(good["Signature"].as_str().expect("a text").to_uppercase());
    assert_eq!(read(&upper), read(&good));
}

/// The values are signed without their names, so those of two fields can be exchanged. Nothing that
/// happened can be made up that way, but one event can be made to look like two.
#[test]
fn values_that_change_places_are_not_noticed() {
    let mut callback = samples()[0].clone();
    let (id, nonce) = (callback["EventId"].take(), callback["Nonce"].take());
    (callback["EventId"], callback["Nonce"]) = (nonce, id);
    let told = |text: String| text.split_once('\n').map(|(_, fact)| fact.to_owned());
    assert_eq!(told(read(&callback)), told(read(&samples()[0])));
}

#[test]
fn what_is_not_signed_is_not_read() {
    let mut callback = samples()[0].clone();
    callback["BusinessId"] = json!({"a": ["business"]});
    callback["Future"] = json!([{}]);
    assert_eq!(read(&callback), read(&samples()[0]));
}

#[test]
fn what_cannot_be_understood_is_told_without_what_is_private() {
    let envelope = |name: &'static str, value: Value| sample_with("UserJoinRoom", &[(name, value)]);
    let data = |name: &'static str, value: Value| data_with("UserJoinRoom", &[(name, value)]);
    let long = json!("PRIVATE".repeat(37));
    check(
        &[
            envelope("EventType", Value::Null),
            envelope("EventType", json!({"PRIVATE": 1})),
            envelope("EventData", Value::Null),
            envelope("EventData", json!({"RoomId": "PRIVATE"})),
            envelope("EventData", json!("PRIVATE")),
            envelope("EventData", json!("[\"PRIVATE\"]")),
            envelope("EventData", json!("{\"RoomId\":\"PRIVATE\"")),
            envelope("EventId", Value::Null),
            envelope("EventId", json!("PRIVATE".repeat(40))),
            data("RoomId", Value::Null),
            data("RoomId", json!(["PRIVATE"])),
            data("RoomId", json!("")),
            data("RoomId", json!("PRIVATE".repeat(10_000))),
            data("RoomId", json!("PRIVATE\0")),
            data("UserId", Value::Null),
            data("UserId", long.clone()),
            data_with("UserLeaveRoom", &[("UserId", json!(true))]),
            data_with("UserVideoStreamStart", &[("UserId", long)]),
            data_with("RoomDestroy", &[("RoomId", json!(1.5))]),
        ],
        expect![[r#"
            dead: the callback has no `EventType`
            dead: the callback has no `EventType`
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `EventData` is not a JSON object in a text
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `EventData` is not a JSON object in a text
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `EventData` is not a JSON object in a text
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `EventData` is not a JSON object in a text
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `EventData` is not a JSON object in a text
            dead: UserJoinRoom without an id to show:
              `EventId` is missing
            dead: UserJoinRoom without an id to show:
              `EventId` cannot be used: it has more than 256 bytes
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `RoomId` is missing
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `RoomId` is missing
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `RoomId` is missing
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `RoomId` cannot be used: it has more than 256 bytes
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `RoomId` cannot be used: it holds the character U+0000
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `UserId` is missing
            dead: UserJoinRoom a0000000-0000-4000-8000-000000000001:
              `UserId` cannot be used: it has more than 256 bytes
            dead: UserLeaveRoom a0000000-0000-4000-8000-000000000007:
              `UserId` is missing
            dead: UserVideoStreamStart a0000000-0000-4000-8000-000000000002:
              `UserId` cannot be used: it has more than 256 bytes
            dead: RoomDestroy a0000000-0000-4000-8000-000000000009:
              `RoomId` is missing
        "#]],
    );
}

#[test]
fn what_only_helps_may_be_odd() {
    let usual = read(&sample_with("UserLeaveRoom", &[]));
    for (name, value) in [
        ("Reason", json!(4)),
        ("Duration", json!("PT5S")),
        ("Duration", json!(-1)),
        ("MediaProcessingType", json!([])),
        ("ExtraInfo", json!({"deep": [[[]]]})),
        ("Future", Value::Bool(true)),
    ] {
        assert_eq!(read(&data_with("UserLeaveRoom", &[(name, value)])), usual, "{name}");
    }
}
