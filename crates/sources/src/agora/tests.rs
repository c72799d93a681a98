//! Deliveries signed here: what of them is believed, and what is read.

use std::collections::BTreeMap;

use domain::AppId;
use domain::app::Secret;
use domain::log::{Event, Fact};
use expect_test::{Expect, expect};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use crate::{Delivery, Received, Unauthentic, shown};

mod replay;

const NOW_US: i64 = 1_795_225_600_000_000;
const SECRET: &str = "a secret";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn v1(secret: &str, body: &[u8]) -> String {
    let mut hmac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("any length does");
    hmac.update(body);
    hex(&hmac.finalize().into_bytes())
}

fn v2(secret: &str, body: &[u8]) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length does");
    hmac.update(body);
    hex(&hmac.finalize().into_bytes())
}

fn deliver(
    secret: &str,
    [v1, v2]: [Option<&str>; 2],
    body: &[u8],
    now_unix_us: i64,
) -> Result<Received, Unauthentic> {
    let mut headers = HeaderMap::new();
    for (name, signature) in [("agora-signature", v1), ("agora-signature-v2", v2)] {
        if let Some(signature) = signature {
            headers.insert(name, HeaderValue::from_str(signature).expect("a header"));
        }
    }
    let credentials = &BTreeMap::from([("secret".to_owned(), Secret::new(secret))]);
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
    let (v1, v2) = (v1(SECRET, body), v2(SECRET, body));
    deliver(SECRET, [Some(&v1), Some(&v2)], body, NOW_US).expect("an authentic delivery")
}

/// The same, to compare.
fn read(body: &str) -> String {
    let received = receive(body.as_bytes());
    let is_ours = |event: &Event| (event.app, event.door.as_str()) == (AppId(7), "agora");
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

/// A notice, with `changes` made to its payload. `null` takes a field away.
fn notice(event_type: i64, changes: &[(&str, Value)]) -> Value {
    let mut payload = json!({
        "channelName": "room1", "uid": 12_121_212, "platform": 1,
        "clientSeq": 1_795_225_509_871_i64, "ts": 1_795_225_510, "account": "PRIVATE",
    });
    let fields = payload.as_object_mut().expect("an object");
    for (key, value) in changes {
        match value {
            Value::Null => drop(fields.remove(*key)),
            value => drop(fields.insert((*key).to_owned(), value.clone())),
        }
    }
    json!({
        "sid": "C866467GVJJ54687", "noticeId": "2000001428:4330:107", "productId": 1,
        "eventType": event_type, "notifyMs": 1_795_225_512_672_i64, "payload": payload,
    })
}

#[test]
fn the_documented_signatures_verify() {
    let documented: BTreeMap<String, String> =
        serde_json::from_str(include_str!("captures/signed.json")).expect("a map");
    let [secret, v1, v2, body] =
        ["secret", "signature", "signature_v2", "body"].map(|name| documented[name].as_str());
    let judge = |signatures, body: &str| deliver(secret, signatures, body.as_bytes(), NOW_US);
    for signatures in [[Some(v1), None], [None, Some(v2)], [Some(v1), Some(v2)]] {
        // An event of a type that nobody documents.
        assert_eq!(judge(signatures, body), Ok(Received { ignored: 1, ..Received::default() }));
        let altered = body.replace(":10,", ":11,");
        assert_eq!(judge(signatures, &altered), Err(Unauthentic::Mismatch));
    }
}

#[test]
fn each_documented_event_becomes_what_it_tells_the_log() {
    let samples = include_str!("captures/documented.jsonl");
    let lines: Vec<String> = samples.lines().map(read).collect();
    expect![[r#"
        ignored
        agora 102 2019-06-13T04:26:39Z
          finished test_webhook/-
        agora 103 2019-06-13T03:34:03.655799Z
          joined alone test_webhook/- 12121212/-
          Android - - -
        agora 103-host 2019-06-13T03:34:03.655799Z
          published test_webhook/- 12121212/-
        agora 104 2019-06-13T03:35:43.655842Z
          left test_webhook/- 12121212/-, there since 2019-06-13T03:25:43.999999Z
          Android - - -
        agora 105 2019-06-13T03:34:03.660399Z
          joined alone test_webhook/- 12121212/-
          Android - - -
        agora 106 2019-06-13T03:35:43.660443Z
          left test_webhook/- 12121212/-, there since 2019-06-13T03:25:43.999999Z
          Android - - -
        agora 107 2019-06-13T03:33:54.660422Z
          joined alone test_webhook/- 12121212/-
          Android - - -
        agora 108 2019-06-14T07:20:34.662422Z
          left test_webhook/- 12121212/-, there since 2019-06-14T07:10:34.999999Z
          Android - - -
        agora 111-host 2019-06-13T03:33:54.660522Z
          published test_webhook/- 12121212/-
        ignored
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn each_signature_that_is_there_must_be_right() {
    let body = notice(103, &[]).to_string();
    let body = body.as_bytes();
    let judge = |signatures: [Option<&str>; 2]| deliver(SECRET, signatures, body, NOW_US).err();
    let (missing, mismatch) = (Some(Unauthentic::Missing), Some(Unauthentic::Mismatch));
    let (good_1, good_2) = (&v1(SECRET, body), &v2(SECRET, body));
    let (loud_1, loud_2) = (&good_1.to_uppercase(), &good_2.to_uppercase());
    for right in [
        [Some(good_1.as_str()), None],
        [None, Some(good_2)],
        [Some(good_1), Some(good_2)],
        [Some(loud_1), Some(loud_2)],
        [Some(""), Some(good_2)],
    ] {
        assert_eq!(judge(right), None, "{right:?}");
    }
    for none in [[None, None], [Some(""), None], [Some(" "), Some("")]] {
        assert_eq!(judge(none), missing, "{none:?}");
    }
    let (other_1, other_2) = (&v1("another app's", body), &v2("another app's", body));
    let (empty_1, empty_2) = (&v1("", body), &v2("", body));
    let (else_1, else_2) = (&v1(SECRET, b"{}"), &v2(SECRET, b"{}"));
    for (bad_1, bad_2) in [
        (other_1.as_str(), other_2.as_str()),
        (empty_1, empty_2),
        (else_1, else_2),
        (good_2, good_1),
        (&good_1[..38], &good_2[..62]),
        ("0", "z"),
    ] {
        for wrong in [
            [Some(bad_1), None],
            [None, Some(bad_2)],
            [Some(bad_1), Some(bad_2)],
            [Some(bad_1), Some(good_2.as_str())],
            [Some(good_1.as_str()), Some(bad_2)],
        ] {
            assert_eq!(judge(wrong), mismatch, "{wrong:?}");
        }
    }
}

#[test]
fn one_changed_byte_is_refused() {
    let body = notice(103, &[]).to_string().into_bytes();
    let (good_1, good_2) = (v1(SECRET, &body), v2(SECRET, &body));
    let judge = |v1: &str, v2: &str, body: &[u8]| {
        let one = deliver(SECRET, [Some(v1), None], body, NOW_US).err();
        (one, deliver(SECRET, [None, Some(v2)], body, NOW_US).err())
    };
    let refused = (Some(Unauthentic::Mismatch), Some(Unauthentic::Mismatch));
    for at in 0..body.len() {
        let mut body = body.clone();
        body[at] ^= 1;
        assert_eq!(judge(&good_1, &good_2, &body), refused, "byte {at} of the body");
    }
    let flip = |text: &str, at: usize| {
        let mut bytes = text.to_owned().into_bytes();
        bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
        String::from_utf8(bytes).expect("ASCII")
    };
    for at in 0..good_1.len() {
        let wrong = judge(&flip(&good_1, at), &flip(&good_2, at), &body);
        assert_eq!(wrong, refused, "byte {at} of the signatures");
    }
    let longer = [body.as_slice(), b" "].concat();
    assert_eq!(judge(&good_1, &good_2, &longer), refused);
}

#[test]
fn a_copy_is_the_same_event_to_the_last_byte() {
    for event_type in 101..=112 {
        let usual = notice(event_type, &[]);
        let mut copy = usual.clone();
        copy["notifyMs"] = json!(1_795_225_600_000_i64);
        copy["noticeId"] = json!("2000001428:4331:107");
        copy["sid"] = json!("another");
        copy["payload"]["lastUid"] = json!(5);
        copy["payload"]["account"] = json!("another");
        let received = |notice: &Value| receive(notice.to_string().as_bytes());
        assert_eq!(received(&copy), received(&usual), "{event_type}");
    }
}

#[test]
fn an_event_is_known_again_by_its_type_channel_user_and_count() {
    let usual = event(&notice(103, &[]));
    let same = |body: &Value| event(body).identity() == usual.identity();
    assert!(same(&notice(103, &[("platform", json!(2))])));
    let others = [
        notice(105, &[]),
        notice(104, &[]),
        notice(103, &[("channelName", json!("room2"))]),
        notice(103, &[("uid", json!(12_121_213))]),
        notice(103, &[("channelName", json!("room11")), ("uid", json!(2_121_212))]),
        notice(103, &[("clientSeq", json!(1_795_225_509_872_i64))]),
        // The same place within the second.
        notice(103, &[("clientSeq", json!(1_795_225_509_871_i64 + 999_999))]),
        notice(103, &[("ts", json!(1_795_225_511))]),
    ];
    for other in others {
        assert!(!same(&other), "{other}");
    }
    // A host's two facts are two events.
    let both = receive(notice(103, &[]).to_string().as_bytes()).events;
    assert_eq!(both.len(), 2);
    assert_ne!(both[0].identity(), both[1].identity());
}

#[test]
fn the_facts_of_one_participant_keep_their_order_within_a_second() {
    let time = |seq: Value| event(&notice(103, &[("clientSeq", seq)])).time_unix_us;
    let second = 1_795_225_510_000_000;
    assert_eq!(time(json!(0)), second + 1);
    assert_eq!(time(json!(999_998)), second + 999_999);
    assert_eq!(time(json!(u64::MAX)), second + 1 + 72_087);
    let mut before = time(json!(1_795_225_509_871_i64));
    for seq in [1_795_225_509_872_i64, 1_795_225_509_900, 1_795_225_510_500] {
        let after = time(json!(seq));
        assert!(before < after && after < second + 1_000_000, "{seq}");
        before = after;
    }
}

#[test]
fn a_leave_tells_when_they_had_come_as_well_as_seconds_can() {
    let joined = |changes: &[(&str, Value)]| match event(&notice(104, changes)).fact {
        Fact::Left { joined_unix_us, .. } => joined_unix_us.map_or("-".to_owned(), shown::time),
        other => panic!("{other:?} is no leave"),
    };
    let stayed = |duration: Value| joined(&[("duration", duration)]);
    assert_eq!(stayed(json!(10)), "2026-11-21T01:45:00.999999Z");
    assert_eq!(stayed(json!("10")), "2026-11-21T01:45:00.999999Z");
    assert_eq!(stayed(json!(1)), "2026-11-21T01:45:09.999999Z");
    // Just before the leave, which is in the same second.
    let leave = shown::time(event(&notice(104, &[])).time_unix_us);
    assert_eq!(leave, "2026-11-21T01:45:10.305099Z");
    assert_eq!(stayed(json!(0)), "2026-11-21T01:45:10.305098Z");
    let first = [("duration", json!(0)), ("clientSeq", json!(0))];
    assert_eq!(joined(&first), "2026-11-21T01:45:10Z");
    let unusable =
        [Value::Null, json!(-1), json!(1.5), json!("long"), json!({}), json!(1_795_225_510)];
    for unusable in unusable {
        assert_eq!(stayed(unusable.clone()), "-", "{unusable}");
    }
    for too_long in [json!(i64::MAX), json!(u64::MAX), json!(1_800_000_000)] {
        assert_eq!(stayed(too_long.clone()), "-", "{too_long}");
    }
}

#[test]
fn a_platform_is_an_os_and_a_mini_program_is_no_server() {
    let os = |platform: Value, client_type: Value| {
        let body = notice(105, &[("platform", platform), ("clientType", client_type)]);
        match event(&body).fact {
            Fact::Joined { client, .. } => shown::facts(&client),
            other => panic!("{other:?} is no join"),
        }
    };
    let known = [(1, "Android"), (2, "Ios"), (5, "Windows"), (6, "Linux"), (7, "Web"), (8, "Mac")];
    for (platform, name) in known {
        assert_eq!(os(json!(platform), Value::Null), format!("{name} - - -"));
    }
    for platform in [0, 3, 4, 9, -1] {
        assert_eq!(os(json!(platform), Value::Null), "Unknown - - -", "{platform}");
    }
    for client_type in [3, 10, 99] {
        assert_eq!(os(json!(6), json!(client_type)), "Linux - - -", "{client_type}");
    }
    assert_eq!(os(json!(6), json!(8)), "Unknown - - -");
    assert_eq!(os(json!(1), json!(8)), "Android - - -");
    for odd in [Value::Null, json!("x"), json!({}), json!(1.5)] {
        assert_eq!(os(odd, Value::Null), "- - - -");
    }
}

#[test]
fn a_leave_that_a_new_device_forced_is_left_to_the_new_devices_join() {
    for event_type in [104, 106, 108] {
        let left = |reason: Value| read(&notice(event_type, &[("reason", reason)]).to_string());
        assert_eq!(left(json!(5)), "ignored\n");
        for reason in [0, 1, 2, 3, 4, 9, 10, 12, 99, 999, 12_345] {
            assert_eq!(left(json!(reason)), left(Value::Null), "{reason}");
        }
    }
}

#[test]
fn what_is_not_known_is_of_no_interest() {
    let mut ignored = vec![
        notice(101, &[]),
        notice(112, &[]),
        notice(109, &[]),
        notice(10, &[]),
        json!({"eventType": -1}),
        json!({"eventType": 112, "productId": {}, "payload": "PRIVATE"}),
    ];
    // Other products have events of the same types: their agents join and leave.
    for product in [3, 4, 5, 7, 17] {
        for event_type in [102, 103, 104, 111] {
            let mut body = notice(event_type, &[]);
            body["productId"] = json!(product);
            ignored.push(body);
        }
    }
    for body in ignored {
        assert_eq!(read(&body.to_string()), "ignored\n", "{body}");
    }
}

#[test]
fn what_the_log_cannot_do_without_makes_it_unintelligible() {
    let without = |field: &str, value: Value| {
        let mut body = notice(103, &[]);
        body[field] = value;
        body
    };
    check(
        &[
            json!({}),
            without("eventType", json!({})),
            without("eventType", json!(103.5)),
            without("productId", Value::Null),
            without("productId", json!("PRIVATE")),
            without("payload", Value::Null),
            without("payload", json!("PRIVATE")),
            without("payload", json!(["PRIVATE", "PRIVATE"])),
            notice(103, &[("channelName", Value::Null)]),
            notice(103, &[("channelName", json!(["PRIVATE"]))]),
            notice(103, &[("channelName", json!(12))]),
            notice(105, &[("channelName", json!(""))]),
            notice(105, &[("channelName", json!("r".repeat(65_536)))]),
            notice(107, &[("channelName", json!("PRIVATE\0"))]),
            notice(107, &[("uid", Value::Null)]),
            notice(104, &[("uid", json!(1.5))]),
            notice(106, &[("uid", json!("9".repeat(257)))]),
            notice(108, &[("clientSeq", Value::Null)]),
            notice(108, &[("clientSeq", json!({"PRIVATE": 1}))]),
            notice(111, &[("clientSeq", json!("PRIVATE"))]),
            notice(111, &[("clientSeq", json!(-1))]),
            notice(103, &[("ts", Value::Null)]),
            notice(103, &[("ts", json!("PRIVATE"))]),
            notice(104, &[("ts", json!(0)), ("duration", json!(5))]),
            notice(102, &[("ts", json!(i64::MAX))]),
            notice(102, &[("ts", json!(i64::MAX / 1_000_000))]),
            notice(102, &[("channelName", Value::Null)]),
        ],
        expect![[r#"
            dead: `eventType` is missing
            dead: `eventType` is missing
            dead: `eventType` is missing
            dead: 103: `productId` is missing
            dead: 103: `productId` is missing
            dead: 103: `payload` is missing
            dead: 103: `payload` is missing
            dead: 103: `payload` is missing
            dead: 103: `channelName` is missing
            dead: 103: `channelName` is missing
            dead: 103: `channelName` is missing
            dead: 105: `channelName` cannot be used: it is empty
            dead: 105: `channelName` cannot be used: it has more than 256 bytes
            dead: 107: `channelName` cannot be used: it holds the character U+0000
            dead: 107: `uid` is missing
            dead: 104: `uid` is missing
            dead: 106: `uid` cannot be used: it has more than 256 bytes
            dead: 108: `clientSeq` is missing
            dead: 108: `clientSeq` is missing
            dead: 111: `clientSeq` is not a number
            dead: 111: `clientSeq` is not a number
            dead: 103: `ts` is missing
            dead: 103: `ts` is missing
            dead: 104: `ts` is missing
            dead: 102: `ts` is missing
            dead: 102: `ts` is missing
            dead: 102: `channelName` is missing
        "#]],
    );
}
