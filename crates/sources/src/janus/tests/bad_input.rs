//! Deliveries that are not authentic, and authentic ones that are of no use.

use std::collections::BTreeMap;

use expect_test::expect;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use super::{PASSWORD, USER, basic, check, core, credentials, gzip, join_with, receive};
use super::{receive_gzip, receive_with, show, told};
use crate::janus::body::{EVENTS_MAX, INFLATED_BYTES_MAX};
use crate::janus::id::DEPTH_MAX;
use crate::{Delivery, Unauthentic};

#[test]
fn whoever_does_not_know_the_password_is_not_authentic() {
    let try_login = |login: &str| receive_with(Some(login), None, b"[]").err();
    let good = basic(USER, PASSWORD);
    assert_eq!(try_login(&good), None);
    assert_eq!(try_login(&good.replace("Basic ", "basic  ")), None);
    assert_eq!(try_login(&format!(" {good} ")), None);

    assert_eq!(receive_with(None, None, b"[]").err(), Some(Unauthentic::Missing));
    for empty in ["", " "] {
        assert_eq!(try_login(empty), Some(Unauthentic::Missing), "{empty:?}");
    }
    let encoded = good.strip_prefix("Basic ").expect("a login");
    let others = [
        basic(USER, "another password"),
        basic(USER, ""),
        basic("", PASSWORD),
        basic("somebody", PASSWORD),
        basic(USER, &PASSWORD[1..]),
        basic(USER, &format!("{PASSWORD} ")),
        basic(USER, &PASSWORD.to_uppercase()),
        format!("Bearer {encoded}"),
        format!("Basic {PASSWORD}"),
        format!("Basic {encoded}{encoded}"),
        encoded.to_owned(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic %%%".to_owned(),
        PASSWORD.to_owned(),
    ];
    for other in others {
        assert_eq!(try_login(&other), Some(Unauthentic::Mismatch), "{other}");
    }
}

#[test]
fn one_changed_character_of_the_login_is_refused() {
    let good = basic(USER, PASSWORD);
    // The scheme has no case, and the last ones are padding.
    for at in "Basic ".len()..good.trim_end_matches('=').len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let login = String::from_utf8(bytes).expect("ASCII");
        let judged = receive_with(Some(&login), None, b"[]").err();
        assert_eq!(judged, Some(Unauthentic::Mismatch), "character {at}");
    }
}

#[test]
fn without_a_password_nothing_is_authentic() {
    let judge = |credentials: &BTreeMap<_, _>, login: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(login).expect("a header"));
        let delivery = Delivery {
            rtc_id: None,
            app: domain::AppId(7),
            credentials,
            headers: &headers,
            body: b"[]",
            now_unix_us: 1,
        };
        crate::janus::receive(&delivery).err()
    };
    let mismatch = Some(Unauthentic::Mismatch);
    assert_eq!(judge(&credentials("u", "p"), &basic("u", "p")), None);
    assert_eq!(judge(&credentials("u", "パスワード"), &basic("u", "パスワード")), None);
    assert_eq!(judge(&credentials("u", ""), &basic("u", "")), mismatch);
    assert_eq!(judge(&credentials("", "p"), &basic("", "p")), mismatch);
    assert_eq!(judge(&BTreeMap::new(), &basic("", "")), mismatch);
}

/// There is no signature: the password vouches for whatever comes with it, whenever.
#[test]
fn an_altered_body_is_another_event() {
    let ids = |at: i64| {
        let join = join_with(&[("/timestamp", json!(at))]).to_string();
        receive(&join).events[0].identity()
    };
    assert_ne!(ids(1_795_225_508_928_687), ids(1_795_225_508_928_686));
    assert_eq!(ids(1_795_225_508_928_687), ids(1_795_225_508_928_687));
}

#[test]
fn what_cannot_be_understood_is_told_without_what_is_private() {
    let long = json!("PRIVATE".repeat(37));
    let deep = (0..DEPTH_MAX).fold(json!("PRIVATE"), |deep, _| json!([deep]));
    let core_with = |event: Value| {
        let mut core = core("started");
        core["event"] = event;
        core
    };
    let mut leave = told("leaving", 5);
    leave["event"]["data"]["id"] = Value::Null;
    let mut destroyed = told("destroyed", 5);
    destroyed["event"]["data"]["room"] = json!({"name": "PRIVATE"});
    check(
        &[
            json!({}),
            json!("PRIVATE"),
            json!(["PRIVATE", 5, null, [["PRIVATE"]]]),
            join_with(&[("/type", Value::Null)]),
            join_with(&[("/type", json!("PRIVATE"))]),
            join_with(&[("/type", json!(64.5))]),
            join_with(&[("/event", Value::Null)]),
            join_with(&[("/event", json!(["PRIVATE"]))]),
            join_with(&[("/event/plugin", json!(5))]),
            join_with(&[("/event/data", json!("PRIVATE"))]),
            join_with(&[("/event/data/event", json!(["PRIVATE"]))]),
            core_with(json!("PRIVATE")),
            core_with(json!({"status": 5})),
            join_with(&[("/emitter", Value::Null)]),
            join_with(&[("/emitter", json!(["PRIVATE"]))]),
            join_with(&[("/emitter", json!(""))]),
            join_with(&[("/emitter", long.clone())]),
            join_with(&[("/timestamp", Value::Null)]),
            join_with(&[("/timestamp", json!("PRIVATE"))]),
            join_with(&[("/timestamp", json!(0))]),
            join_with(&[("/timestamp", json!(-1))]),
            join_with(&[("/timestamp", json!(1.5))]),
            join_with(&[("/timestamp", json!(u64::MAX))]),
            join_with(&[("/handle_id", json!(["PRIVATE"]))]),
            join_with(&[("/handle_id", long.clone())]),
            join_with(&[("/event/data/room", Value::Null)]),
            join_with(&[("/event/data/room", json!(""))]),
            join_with(&[("/event/data/room", json!(["PRIVATE"]))]),
            join_with(&[("/event/data/room", long.clone())]),
            join_with(&[("/event/data/room", json!("PRIVATE".repeat(9_363)))]),
            join_with(&[("/event/data/id", Value::Null)]),
            join_with(&[("/event/data/id", json!(1.5))]),
            join_with(&[("/event/data/id", long)]),
            join_with(&[("/event/data/id", json!("PRIVATE\0"))]),
            join_with(&[("/event/data/display", deep)]),
            leave,
            destroyed,
        ],
        expect![[r#"
            dead: the event has no `type`
            dead: the event is not an object that can be read
            dead: the event is not an object that can be read
            dead: the event is not an object that can be read
            dead: the event is not an object that can be read
            dead: the event is not an object that can be read
            dead: the event has no `type`
            dead: the event has no `type`
            dead: the event has no `type`
            dead: an event of a plugin has no `event` that can be read
            dead: an event of a plugin has no `event` that can be read
            dead: an event of a plugin has no `event.plugin`
            dead: an event of the VideoRoom has no `event.data` that can be read
            dead: an event of the VideoRoom has no name
            dead: an event of the core has no `event` that can be read
            dead: an event of the core has no `event.status`
            dead: joined at 1795225508928687:
              `emitter` is missing, or not text
            dead: joined at 1795225508928687:
              `emitter` is missing, or not text
            dead: joined at 1795225508928687:
              `emitter` cannot be used: it is empty
            dead: joined at 1795225508928687:
              `emitter` cannot be used: it has more than 256 bytes
            dead: joined at an unknown time:
              `timestamp` is no time in microseconds
            dead: joined at an unknown time:
              `timestamp` is no time in microseconds
            dead: joined at an unknown time:
              `timestamp` is no time in microseconds
            dead: joined at an unknown time:
              `timestamp` is no time in microseconds
            dead: joined at an unknown time:
              `timestamp` is no time in microseconds
            dead: joined at an unknown time:
              `timestamp` is no time in microseconds
            dead: joined at 1795225508928687:
              `handle_id` is neither text nor an integer
            dead: joined at 1795225508928687:
              `handle_id` cannot be used: it has more than 256 bytes
            dead: joined at 1795225508928687:
              `event.data.room` is missing
            dead: joined at 1795225508928687:
              `event.data.room` cannot be used: it is empty
            dead: joined at 1795225508928687:
              `event.data.room` is neither text nor an integer
            dead: joined at 1795225508928687:
              `event.data.room` cannot be used: it has more than 256 bytes
            dead: joined at 1795225508928687:
              `event.data.room` cannot be used: it has more than 256 bytes
            dead: joined at 1795225508928687:
              `event.data.id` is missing
            dead: joined at 1795225508928687:
              `event.data.id` is neither text nor an integer
            dead: joined at 1795225508928687:
              `event.data.id` cannot be used: it has more than 256 bytes
            dead: joined at 1795225508928687:
              `event.data.id` cannot be used: it holds the character U+0000
            dead: joined at 1795225508928687:
              `event` is nested more than 32 levels deep
            dead: leaving at 5:
              `event.data.id` is missing
            dead: destroyed at 5:
              `event.data.room` is neither text nor an integer
        "#]],
    );
    for body in ["", "PRIVATE", "{\"event\":\"PRIVATE", "[{}", "{} {}", "\u{feff}{}", "\"PRIVATE"] {
        assert_eq!(show(receive(body)), "dead: the body is not JSON\n", "{body}");
    }
    let login = basic(USER, PASSWORD);
    let received = receive_with(Some(&login), None, b"{\"type\":\"\xff\"}").expect("authentic");
    assert_eq!(show(received), "dead: the body is not JSON\n");
}

#[test]
fn a_field_that_stands_twice_is_not_chosen_from() {
    let twice = join_with(&[]).to_string().replace("\"room\":1234", "\"room\":1234,\"room\":1");
    assert_eq!(
        show(receive(&twice)),
        "dead: an event of the VideoRoom has no `event.data` that can be read\n",
    );
}

#[test]
fn one_event_that_makes_no_sense_takes_no_other_with_it() {
    let group = json!([join_with(&[("/event/data/room", Value::Null)]), told("leaving", 5), {}]);
    let received = receive(&group.to_string());
    assert_eq!((received.events.len(), received.dead.len()), (1, 2));
}

#[test]
fn depth_costs_nothing() {
    let depth = 200_000;
    let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(show(receive(&deep)), "dead: the event is not an object that can be read\n");
    let join = join_with(&[]).to_string();
    for at in ["\"PRIVATE\"", "1234", "5678", "2734037333129094", "\"joined\""] {
        let Ok(received) = std::panic::catch_unwind(|| receive(&join.replace(at, &deep))) else {
            panic!("{at} overflows");
        };
        assert_eq!(received.events.len() + received.dead.len(), 1, "{at}");
    }
}

#[test]
fn a_body_of_5_mib_is_read_like_any_other() {
    let large = "x".repeat(5 * 1024 * 1024);
    let join = join_with(&[("/event/data/display", json!(large))]).to_string();
    assert_eq!(receive(&join).events.len(), 1);
    let not_json = &join[..join.len() - 1];
    assert_eq!(show(receive(not_json)), "dead: the body is not JSON\n");
}

#[test]
fn a_group_has_its_maximum() {
    let group = |count: usize| {
        let events: Vec<Value> = (0..count).map(|at| told("leaving", at as i64 + 1)).collect();
        receive(&json!(events).to_string())
    };
    assert_eq!(group(EVENTS_MAX).events.len(), EVENTS_MAX);
    assert_eq!(show(group(EVENTS_MAX + 1)), "dead: the body holds more than 1000 events\n");
}

#[test]
fn what_inflates_has_its_maximum() {
    let join = join_with(&[]).to_string();
    let padded = |len: usize| gzip(&[join.as_bytes(), &vec![b' '; len - join.len()]].concat());
    let just = padded(INFLATED_BYTES_MAX);
    assert!(just.len() < INFLATED_BYTES_MAX / 100);
    assert_eq!(receive_gzip(&just), receive(&join));
    let over = "dead: the body inflates to more than 8388608 bytes\n";
    assert_eq!(show(receive_gzip(&padded(INFLATED_BYTES_MAX + 1))), over);
    // A bomb of a thousand members, each of which is small.
    let bomb = gzip(&vec![b' '; 1024 * 1024]).repeat(1_000);
    assert_eq!(show(receive_gzip(&bomb)), over);
}

#[test]
fn what_is_not_compressed_as_it_says_is_not_read() {
    let join = join_with(&[]).to_string();
    let whole = gzip(join.as_bytes());
    let login = basic(USER, PASSWORD);
    let encoded = |encoding: &str, body: &[u8]| {
        show(receive_with(Some(&login), Some(encoding), body).expect("authentic"))
    };
    let usual = show(receive(&join));
    for same in ["gzip", "x-gzip", "GZIP", " gzip "] {
        assert_eq!(encoded(same, &whole), usual, "{same}");
    }
    for none in ["", "identity"] {
        assert_eq!(encoded(none, join.as_bytes()), usual, "{none}");
    }
    let mut altered = whole.clone();
    *altered.last_mut().expect("a byte") ^= 1;
    let broken =
        [join.as_bytes(), &whole[..whole.len() - 1], &whole[1..], &altered, b"\x1f\x8b", b""];
    for body in broken {
        assert_eq!(encoded("gzip", body), "dead: the body is not gzip, but says so\n");
    }
    for other in ["br", "deflate", "gzip, gzip", "zstd"] {
        assert_eq!(encoded(other, &whole), "dead: the body's `Content-Encoding` is not gzip\n");
    }
}
