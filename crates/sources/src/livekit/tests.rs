//! Deliveries signed here: what of them is believed, and what is read.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::AppId;
use domain::app::Secret;
use domain::log::stay::RoomKey;
use domain::log::{Certainty, End, Event, Span, Stay, fold_room};
use expect_test::{Expect, expect};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Delivery, Received, Unauthentic, shown};

mod cases;
mod reconcile;
mod replay;

const NOW_S: i64 = 1_795_225_600;
const SECRET: &str = "a secret of forty characters, more or less";

fn credentials(secret: &str) -> BTreeMap<String, Secret> {
    [("api_key", "devkey"), ("api_secret", secret)]
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .into()
}

/// A token with these parts, signed with `secret`.
fn token_of(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length does");
    hmac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes()))
}

fn header() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

/// What LiveKit claims of a body.
fn claims(body: &str) -> Value {
    let sha256 = STANDARD.encode(Sha256::digest(body));
    json!({"iss": "devkey", "nbf": NOW_S, "exp": NOW_S + 300, "sha256": sha256})
}

fn receive_at(now_unix_us: i64, token: Option<&str>, body: &str) -> Result<Received, Unauthentic> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(token).expect("a header"));
    }
    let credentials = &credentials(SECRET);
    let body = body.as_bytes();
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
fn receive(body: &str) -> Received {
    let token = token_of(&header(), &claims(body), SECRET);
    receive_at(NOW_S * 1_000_000, Some(&token), body).expect("an authentic delivery")
}

/// The same, to compare.
fn read(body: &str) -> String {
    let Received { events, dead, ignored, .. } = receive(body);
    let mut lines = String::new();
    for event in &events {
        assert_eq!((event.app, event.door.as_str()), (AppId(7), "livekit"));
        lines.push_str(&shown::event(event));
    }
    let narrow = |reason: &String| reason.replace(": `", ":\n  `");
    dead.iter().for_each(|reason| lines.push_str(&format!("dead: {}\n", narrow(reason))));
    (0..ignored).for_each(|_| lines.push_str("ignored\n"));
    lines
}

fn check(bodies: &[Value], expected: Expect) {
    let lines: Vec<String> = bodies.iter().map(|body| read(&body.to_string())).collect();
    expected.assert_eq(&lines.concat());
}

/// A join, with `changes` (by JSON pointers) made to it. `null` takes a field away.
fn join_with(changes: &[(&str, Value)]) -> Value {
    let mut join = json!({
        "event": "participant_joined",
        "id": "EV_1",
        "createdAt": "1795225510",
        "room": {"sid": "RM_1", "name": "room1", "turnPassword": "PRIVATE"},
        "participant": {
            "sid": "PA_1", "identity": "user1", "name": "PRIVATE", "metadata": "PRIVATE",
            "joinedAt": "1795225509", "joinedAtMs": "1795225509871",
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

#[test]
fn each_event_becomes_what_it_tells_the_log() {
    let samples = include_str!("samples.jsonl");
    let lines: Vec<String> = samples.lines().map(read).collect();
    expect![[r#"
        ignored
        livekit EV_a2 2026-11-21T01:45:09.871Z
          joined alone room1/RM_hDqVL4Q9ubTd user1/PA_4mFqvVvZ3dZk
          - - "iPhone 11" -
        livekit EV_a3 2026-11-21T01:45:11Z
          published room1/RM_hDqVL4Q9ubTd user1/PA_4mFqvVvZ3dZk
        ignored
        livekit EV_a5 2026-11-21T01:46:09Z
          left room1/RM_hDqVL4Q9ubTd user1/PA_4mFqvVvZ3dZk, there since 2026-11-21T01:45:09.871Z
          - - "iPhone 11" -
        livekit EV_a6 2026-11-21T01:46:09Z
          left room1/RM_hDqVL4Q9ubTd user2/PA_9
        livekit EV_a7 2026-11-21T01:46:30Z
          finished room1/RM_hDqVL4Q9ubTd
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn what_is_not_signed_for_these_bytes_is_not_authentic() {
    let body = &join_with(&[]).to_string();
    let try_token = |token: &str| receive_at(NOW_S * 1_000_000, Some(token), body).err();
    let try_claim = |name: &str, value: Value| {
        let mut claims = claims(body);
        claims[name] = value;
        try_token(&token_of(&header(), &claims, SECRET))
    };
    let good = token_of(&header(), &claims(body), SECRET);
    assert_eq!(try_token(&good), None);
    assert_eq!(try_token(&format!("Bearer {good}")), None);
    assert_eq!(try_token(&format!("bearer  {good} ")), None);

    assert_eq!(receive_at(NOW_S * 1_000_000, None, body), Err(Unauthentic::Missing));
    for empty in ["", " "] {
        assert_eq!(try_token(empty), Some(Unauthentic::Missing), "{empty:?}");
    }
    let hash_of_other = claims("{}")["sha256"].clone();
    let (signed, mac) = good.rsplit_once('.').expect("three parts");
    let mismatch = Some(Unauthentic::Mismatch);
    assert_eq!(try_token("Basic ZGV2a2V5OnNlY3JldA=="), mismatch);
    assert_eq!(try_token("Bearer "), mismatch);
    assert_eq!(try_token("a.b.c"), mismatch);
    assert_eq!(try_token(signed), mismatch);
    assert_eq!(try_token(&format!("{signed}.")), mismatch);
    assert_eq!(try_token(&format!("{signed}.{}", &mac[..20])), mismatch);
    assert_eq!(try_token(&format!("{good}.{mac}")), mismatch);
    assert_eq!(try_token(&token_of(&header(), &claims(body), "another secret")), mismatch);
    assert_eq!(try_token(&token_of(&header(), &claims(body), "")), mismatch);
    assert_eq!(try_claim("iss", json!("otherkey")), mismatch);
    assert_eq!(try_claim("iss", Value::Null), mismatch);
    assert_eq!(try_claim("sha256", hash_of_other), mismatch);
    assert_eq!(try_claim("sha256", json!("")), mismatch);
    assert_eq!(try_claim("sha256", Value::Null), mismatch);
}

#[test]
fn the_algorithm_is_not_the_tokens_to_choose() {
    let body = &join_with(&[]).to_string();
    let mismatch = Err(Unauthentic::Mismatch);
    for alg in ["none", "None", "HS384", "HS512", "RS256", "hs256", ""] {
        let token = token_of(&json!({ "alg": alg }), &claims(body), SECRET);
        assert_eq!(receive_at(NOW_S * 1_000_000, Some(&token), body), mismatch, "{alg}");
        let (signed, _) = token.rsplit_once('.').expect("three parts");
        let unsigned = format!("{signed}.");
        assert_eq!(receive_at(NOW_S * 1_000_000, Some(&unsigned), body), mismatch, "{alg}");
    }
}

#[test]
fn one_changed_byte_is_refused() {
    let body = join_with(&[]).to_string();
    let token = token_of(&header(), &claims(&body), SECRET);
    let judge = |token: &str, body: &str| receive_at(NOW_S * 1_000_000, Some(token), body);
    for at in 0..body.len() {
        let mut bytes = body.clone().into_bytes();
        bytes[at] ^= 1;
        let body = String::from_utf8(bytes).expect("ASCII");
        assert_eq!(judge(&token, &body), Err(Unauthentic::Mismatch), "byte {at} of the body");
    }
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let token = String::from_utf8(bytes).expect("ASCII");
        assert_eq!(judge(&token, &body), Err(Unauthentic::Mismatch), "byte {at} of the token");
    }
    assert_eq!(judge(&token, &format!("{body} ")), Err(Unauthentic::Mismatch));
}

#[test]
fn a_token_counts_from_nbf_to_exp_and_a_minute_around() {
    let body = &join_with(&[]).to_string();
    let judge = |claims: &Value, now_unix_us: i64| {
        let token = token_of(&header(), claims, SECRET);
        receive_at(now_unix_us, Some(&token), body).map(drop)
    };
    let usual = &claims(body);
    let at_s = |seconds: i64| (NOW_S + seconds) * 1_000_000;
    assert_eq!(judge(usual, at_s(-60)), Ok(()));
    assert_eq!(judge(usual, at_s(-60) - 1), Err(Unauthentic::Expired));
    assert_eq!(judge(usual, at_s(360)), Ok(()));
    assert_eq!(judge(usual, at_s(360) + 1), Err(Unauthentic::Expired));
    let mut without_nbf = usual.clone();
    without_nbf["nbf"] = Value::Null;
    assert_eq!(judge(&without_nbf, at_s(-3600)), Ok(()));
    let mut without_exp = usual.clone();
    without_exp["exp"] = Value::Null;
    assert_eq!(judge(&without_exp, at_s(0)), Err(Unauthentic::Expired));
}

#[test]
fn without_a_secret_nothing_is_authentic() {
    let body = "{}";
    let token = token_of(&header(), &claims(body), "");
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&token).expect("a header"));
    for credentials in [credentials(""), BTreeMap::new()] {
        let received = super::receive(&Delivery {
            rtc_id: None,
            app: AppId(7),
            credentials: &credentials,
            headers: &headers,
            body: body.as_bytes(),
            now_unix_us: NOW_S * 1_000_000,
        });
        assert_eq!(received, Err(Unauthentic::Mismatch));
    }
}

#[test]
fn a_join_is_dated_by_its_connection_as_finely_as_it_is_told() {
    let time = |changes: &[(&str, Value)]| {
        let received = receive(&join_with(changes).to_string());
        received.events.first().map(|event| shown::time(event.time_unix_us))
    };
    let ms = "/participant/joinedAtMs";
    let s = "/participant/joinedAt";
    let fine = Some("2026-11-21T01:45:09.871Z".to_owned());
    let coarse = Some("2026-11-21T01:45:09Z".to_owned());
    let created = Some("2026-11-21T01:45:10Z".to_owned());
    assert_eq!(time(&[]), fine);
    assert_eq!(time(&[(ms, json!(1_795_225_509_871_i64))]), fine);
    assert_eq!(time(&[("/createdAt", Value::Null)]), fine);
    for unusable in [Value::Null, json!("0"), json!("-5"), json!("soon"), json!(1.5), json!({})] {
        assert_eq!(time(&[(ms, unusable.clone())]), coarse, "{unusable}");
        assert_eq!(time(&[(ms, Value::Null), (s, unusable.clone())]), created, "{unusable}");
    }
    assert_eq!(time(&[(ms, json!("9223372036854775807"))]), coarse);
}

#[test]
fn a_machine_is_a_linux_unless_it_tells() {
    let os = |changes: &[(&str, Value)]| {
        let received = receive(&join_with(changes).to_string());
        match &received.events[0].fact {
            domain::log::Fact::Joined { client, .. } => shown::facts(client),
            other => panic!("{other:?} is no join"),
        }
    };
    let kind = |kind: &str| os(&[("/participant/kind", json!(kind))]);
    for people in ["STANDARD", "SIP", "CONNECTOR"] {
        assert_eq!(kind(people), "- - - -", "{people}");
    }
    for machine in ["INGRESS", "EGRESS", "AGENT", "BRIDGE", "A_KIND_OF_THE_FUTURE"] {
        assert_eq!(kind(machine), "Linux - - -", "{machine}");
    }
    let permission = |permission: Value| os(&[("/participant/permission", permission)]);
    assert_eq!(permission(json!({"recorder": true})), "Linux - - -");
    assert_eq!(permission(json!({"agent": true})), "Linux - - -");
    assert_eq!(permission(json!({"hidden": true, "recorder": false})), "- - - -");
    let attributes = json!({"os.name": "windows", "rtc.sdk.version": "", "lk.agent.state": "x"});
    let agent = [("/participant/kind", json!("AGENT")), ("/participant/attributes", attributes)];
    assert_eq!(os(&agent), "Windows - - -");
}

#[test]
fn what_is_not_as_expected_is_as_if_it_were_absent() {
    let odd = [
        join_with(&[("/participant/state", json!("A_STATE_OF_THE_FUTURE"))]),
        join_with(&[("/participant/disconnectReason", json!(99))]),
        join_with(&[("/participant/kind", json!({}))]),
        join_with(&[("/participant/attributes", json!({"os.name": 5}))]),
        join_with(&[("/participant/attributes", json!([]))]),
        join_with(&[("/participant/permission", json!("all"))]),
        join_with(&[("/room/version", json!([[[]]])), ("/future", json!({"a": [1]}))]),
        join_with(&[("/numDropped", json!(3)), ("/track", json!(0))]),
    ];
    let usual = read(&join_with(&[]).to_string());
    for body in odd {
        assert_eq!(read(&body.to_string()), usual, "{body}");
    }
    // The server puts no sid into what it does not know it of.
    check(
        &[join_with(&[("/room/sid", Value::Null), ("/participant/sid", json!(""))])],
        expect![[r#"
            livekit EV_1 2026-11-21T01:45:09.871Z
              joined alone room1/- user1/-
        "#]],
    );
}

#[test]
fn what_the_log_has_no_use_for_is_counted_only() {
    for event in ["room_started", "track_unpublished", "egress_ended", "an_event_of_the_future"] {
        assert_eq!(read(&json!({ "event": event, "room": 5 }).to_string()), "ignored\n");
    }
}

#[test]
fn what_cannot_be_understood_is_told_without_what_is_private() {
    let long = json!("PRIVATE".repeat(37));
    check(
        &[
            json!({}),
            json!({"event": 5, "room": {"turnPassword": "PRIVATE"}}),
            join_with(&[("/id", Value::Null)]),
            join_with(&[("/id", json!(""))]),
            join_with(&[("/id", json!("PRIVATE\n"))]),
            join_with(&[("/room", Value::Null)]),
            join_with(&[("/room", json!("PRIVATE"))]),
            join_with(&[("/room/name", Value::Null)]),
            join_with(&[("/room/name", json!(["PRIVATE"]))]),
            join_with(&[("/room/name", json!(""))]),
            join_with(&[("/room/name", long.clone())]),
            join_with(&[("/room/sid", long.clone())]),
            join_with(&[("/participant", Value::Null)]),
            join_with(&[("/participant/identity", Value::Null)]),
            join_with(&[("/participant/identity", json!(""))]),
            join_with(&[("/participant/identity", long.clone())]),
            join_with(&[("/participant/identity", json!("PRIVATE\0"))]),
            join_with(&[("/participant/sid", long)]),
            join_with(&[("/event", json!("participant_left")), ("/createdAt", json!("PRIVATE"))]),
            join_with(&[("/event", json!("track_published")), ("/createdAt", Value::Null)]),
            join_with(&[("/event", json!("room_finished")), ("/createdAt", json!("0"))]),
        ],
        expect![[r#"
            dead: the webhook has no `event`
            dead: the webhook has no `event`
            dead: participant_joined without an id to show:
              `id` is missing
            dead: participant_joined without an id to show:
              `id` cannot be used: it is empty
            livekit PRIVATE
             2026-11-21T01:45:09.871Z
              joined alone room1/RM_1 user1/PA_1
            dead: participant_joined EV_1:
              `room` is missing
            dead: participant_joined EV_1:
              `room` is missing
            dead: participant_joined EV_1:
              `room.name` is missing
            dead: participant_joined EV_1:
              `room.name` is missing
            dead: participant_joined EV_1:
              `room.name` cannot be used: it is empty
            dead: participant_joined EV_1:
              `room.name` cannot be used: it has more than 256 bytes
            dead: participant_joined EV_1:
              `room.sid` cannot be used: it has more than 256 bytes
            dead: participant_joined EV_1:
              `participant` is missing
            dead: participant_joined EV_1:
              `participant.identity` is missing
            dead: participant_joined EV_1:
              `participant.identity` cannot be used: it is empty
            dead: participant_joined EV_1:
              `participant.identity` cannot be used: it has more than 256 bytes
            dead: participant_joined EV_1:
              `participant.identity` cannot be used: it holds the character U+0000
            dead: participant_joined EV_1:
              `participant.sid` cannot be used: it has more than 256 bytes
            dead: participant_left EV_1:
              `createdAt` is missing
            dead: track_published EV_1:
              `createdAt` is missing
            dead: room_finished EV_1:
              `createdAt` is missing
        "#]],
    );
    for body in ["", "PRIVATE", "\"PRIVATE\"", "[\"PRIVATE\"]", "{\"event\":\"PRIVATE", "5"] {
        assert_eq!(read(body), "dead: the body is not a JSON object\n", "{body}");
    }
}

/// How long those of these webhooks were in the only room.
fn spans(bodies: &[Value]) -> String {
    let receive = |body: &Value| receive(&body.to_string()).events;
    spans_of(&bodies.iter().flat_map(receive).collect::<Vec<_>>())
}

/// How long those of these events were in the only room. A `?` is behind what is inferred.
fn spans_of(events: &[Event]) -> String {
    let room = events.iter().find_map(Event::room).expect("a room").clone();
    let at = RoomKey { app: AppId(7), door: events[0].door.clone(), room };
    let sure = |certainty| match certainty {
        Certainty::Reported => "",
        Certainty::Inferred => "?",
    };
    let line = |stay: &Stay, span: &Span| {
        let join = format!("{}{}", shown::time(span.joined_unix_us), sure(span.join));
        let end = match span.end {
            End::Open => "now".to_owned(),
            End::At(left, certainty) => format!("{}{}", shown::time(left), sure(certainty)),
        };
        format!("{}: {join} to {end}\n", stay.participant)
    };
    let of_stay =
        |stay: &Stay| -> String { stay.spans.iter().map(|span| line(stay, span)).collect() };
    fold_room(&at, events).iter().map(of_stay).collect()
}

#[test]
fn an_aborted_connection_was_there_only_if_its_join_was_told() {
    let aborted = join_with(&[
        ("/event", json!("participant_connection_aborted")),
        ("/id", json!("EV_2")),
        ("/createdAt", json!("1795225509")),
    ]);
    expect![""].assert_eq(&spans(std::slice::from_ref(&aborted)));
    expect![[r#"
        user1: 2026-11-21T01:45:09.871Z to 2026-11-21T01:45:09.999999Z
    "#]]
    .assert_eq(&spans(&[aborted, join_with(&[])]));
}

#[test]
fn a_lost_join_is_rebuilt_from_the_leave() {
    let left =
        join_with(&[("/event", json!("participant_left")), ("/createdAt", json!("1795225569"))]);
    expect![[r#"
        user1: 2026-11-21T01:45:09.871Z to 2026-11-21T01:46:09.999999Z
    "#]]
    .assert_eq(&spans(&[left]));
}
