//! What bodies give, in tables.

use domain::AppId;
use expect_test::{Expect, expect};

use crate::shown;

use super::{BATCH, BODY_BYTES_MAX, EVENTS_MAX, ONE, Refused, parse};

/// What a body gives: one line per event, or the refusal.
fn read(content_type: Option<&str>, body: &[u8]) -> String {
    let events = match parse(AppId(7), content_type, body) {
        Ok(events) => events,
        Err(refused) => return narrow(&format!("{}: {refused}", refused.status().as_u16())),
    };
    let mut lines = String::new();
    for event in events {
        match event {
            Ok(event) => {
                assert_eq!((event.app, event.door.as_str()), (AppId(7), "native"));
                lines.push_str(&shown::event(&event));
            }
            Err(reason) => {
                lines.push_str(&narrow(&reason));
                lines.push('\n');
            }
        }
    }
    lines
}

/// Puts each of our long names on a line of its own.
fn narrow(sentence: &str) -> String {
    sentence.replace(" application/", "\n  application/").replace(" rtc.", "\n  rtc.")
}

fn check_body(content_type: &str, body: &str, expected: Expect) {
    expected.assert_eq(&read(Some(content_type), body.as_bytes()));
}

/// Checks a batch of these events.
fn check(events: &[&str], expected: Expect) {
    check_body(BATCH, &format!("[{}]", events.join(",")), expected);
}

/// An event of that type and data.
fn event(kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"e1","source":"sfu-1","type":"{kind}",
           "time":"2026-11-20T12:00:00.250Z","data":{data}}}"#
    )
}

fn check_data(kind: &str, data: &str, expected: Expect) {
    check_body(ONE, &event(kind, data), expected);
}

/// An event whose attribute `key` is `value`, or is left out.
fn with(key: &str, value: Option<&str>) -> String {
    let attributes = [
        ("specversion", r#""1.0""#),
        ("id", r#""e1""#),
        ("source", r#""sfu-1""#),
        ("type", r#""rtc.participant.left""#),
        ("time", r#""2026-11-20T12:00:00Z""#),
        ("data", r#"{"roomId":"R","userId":"u"}"#),
    ];
    let pairs: Vec<String> = attributes
        .iter()
        .filter_map(|&(name, usual)| Some((name, if name == key { value? } else { usual })))
        .map(|(name, value)| format!(r#""{name}":{value}"#))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

#[test]
fn each_type_becomes_a_fact() {
    let who = r#"{"roomId":"Room1","callId":"c1","userId":"user1","connectionId":"k1",
        "client":{"os.name":"ios","device.model.name":"iPhone 11","rtc.sdk.version":"3.30.101",
        "network.connection.type":"wifi"}}"#;
    check_data(
        "rtc.participant.joined",
        who,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          joined Room1/c1 user1/k1
          Ios Wifi "iPhone 11" "3.30.101"
    "#]],
    );
    check_data(
        "rtc.participant.left",
        who,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          left Room1/c1 user1/k1
          Ios Wifi "iPhone 11" "3.30.101"
    "#]],
    );
    check_data(
        "rtc.participant.client",
        who,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          client Room1/c1 user1/k1
          Ios Wifi "iPhone 11" "3.30.101"
    "#]],
    );
    check_data(
        "rtc.stream.published",
        who,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          published Room1/c1 user1/k1
    "#]],
    );
    check_data(
        "rtc.room.finished",
        who,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          finished Room1/c1
    "#]],
    );
    check_data(
        "rtc.server.restarted",
        who,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          restarted
    "#]],
    );
    let present = r#"{"roomId":"Room1","present":["b","a",10001,"b"]}"#;
    check_data(
        "rtc.room.snapshot",
        present,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          snapshot Room1/- {"10001", "a", "b"}
    "#]],
    );
    let nobody = r#"{"roomId":"Room1","callId":"c","present":[]}"#;
    check_data(
        "rtc.room.snapshot",
        nobody,
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          snapshot Room1/c {}
    "#]],
    );
}

#[test]
fn what_may_be_missing_may_be_null_or_empty_text_too() {
    let without = event("rtc.participant.joined", r#"{"roomId":"R","userId":"u"}"#);
    let without = read(Some(ONE), without.as_bytes());
    for data in [
        r#"{"roomId":"R","userId":"u","callId":null,"connectionId":null,"client":null}"#,
        r#"{"roomId":"R","userId":"u","callId":"","connectionId":"","client":{}}"#,
    ] {
        let with = event("rtc.participant.joined", data);
        assert_eq!(read(Some(ONE), with.as_bytes()), without, "{data}");
    }
    expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00.25Z
          joined R/- u/-
    "#]]
    .assert_eq(&without);
    check(
        &[&with("type", Some(r#""rtc.server.restarted""#)).replace("data", "x")],
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00Z
          restarted
    "#]],
    );
}

#[test]
fn ids_are_text_or_integers() {
    let room = |value: &str| {
        let body = event("rtc.room.finished", &format!(r#"{{"roomId":{value}}}"#));
        let event = parse(AppId(7), Some(ONE), body.as_bytes()).expect("an object").remove(0);
        event.map(|event| event.room().map_or(String::new(), ToString::to_string))
    };
    for (value, id) in [
        (r#""Room1""#, "Room1"),
        (r#""房间 🎥""#, "房间 🎥"),
        (r#"" a ""#, " a "),
        ("10001", "10001"),
        ("0", "0"),
        ("-5", "-5"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ] {
        assert_eq!(room(value), Ok(id.to_owned()));
    }
    let neither = "`data.roomId` is neither text nor an integer";
    for (value, reason) in [
        ("1.0", neither),
        ("1e3", neither),
        (&*"9".repeat(300), neither),
        ("true", neither),
        (r#"["R"]"#, neither),
        ("null", "`data.roomId` is missing"),
        (r#""""#, "`data.roomId` cannot be used: it is empty"),
        (r#""a\u0000b""#, "`data.roomId` cannot be used: it holds the character U+0000"),
        (r#""\ud83d""#, "`data.roomId` is not Unicode text"),
    ] {
        assert_eq!(room(value), Err(reason.to_owned()));
    }
}

#[test]
fn an_id_has_at_most_256_bytes() {
    let reason = |key: &str, bytes: usize| {
        let ids = ["roomId", "callId", "userId", "connectionId"];
        let pair = |id: &str| {
            let len = if id == key { bytes } else { 1 };
            format!(r#""{id}":"{}""#, "r".repeat(len))
        };
        let data = format!("{{{}}}", ids.map(pair).join(","));
        let body = event("rtc.stream.published", &data);
        parse(AppId(7), Some(ONE), body.as_bytes()).expect("an object").remove(0).err()
    };
    for key in ["roomId", "callId", "userId", "connectionId"] {
        assert_eq!(reason(key, 256), None);
        let too_long = format!("`data.{key}` cannot be used: it has more than 256 bytes");
        assert_eq!(reason(key, 257), Some(too_long));
    }
}

#[test]
fn a_bad_event_is_told_by_the_field_and_refuses_no_other() {
    check(
        &[
            &with("id", None),
            &with("id", Some(r#""""#)),
            &with("id", Some("5")),
            &with("id", Some("null")),
            &with("source", None),
            &with("source", Some(r#""""#)),
            &with("specversion", None),
            &with("specversion", Some(r#""0.3""#)),
            &with("specversion", Some("1.0")),
            &with("type", None),
            &with("type", Some(r#""rtc.participant.sneezed""#)),
            &with("time", None),
            &with("data", None),
            &with("data", Some("null")),
            &with("data", Some(r#""text""#)),
            &with("data", Some(r#"["R","c","u"]"#)),
            &with("data", Some("{}")),
            &with("data", Some(r#"{"roomId":"R"}"#)),
            &with("data", Some(r#"{"userId":"u"}"#)),
            &with("data", Some(r#"{"roomId":"R","roomId":"S","userId":"u"}"#)),
            &with("data", Some(r#"{"roomId":"R","userId":"u","client":"ios"}"#)),
            &with("x", None).replace(r#""id""#, r#""id":"e0","id""#),
            "5",
            "null",
            r#"["1.0","e1","sfu-1","rtc.server.restarted","2026-11-20T12:00:00Z"]"#,
            &with("x", None),
        ],
        expect![[r#"
            `id` is missing
            `id` cannot be used: it is empty
            `id` is not text
            `id` is missing
            `source` is missing
            `source` cannot be used: it is empty
            `specversion` is missing
            `specversion` is not "1.0"
            `specversion` is not text
            `type` is missing
            `type` is none of
              rtc.participant.joined,
              rtc.participant.left,
              rtc.participant.client,
              rtc.stream.published,
              rtc.room.finished,
              rtc.room.snapshot,
              rtc.server.restarted
            `time` is missing
            `data` is missing
            `data` is missing
            `data` is not an object
            `data` is not an object
            `data.roomId` is missing
            `data.userId` is missing
            `data.roomId` is missing
            `data` cannot be read: duplicate field `roomId` at line 1 column 22
            `data.client` is not an object
            the event cannot be read: duplicate field `id` at line 1 column 35
            the event is not an object
            the event is not an object
            the event is not an object
            sfu-1 e1 2026-11-20T12:00:00Z
              left R/- u/-
        "#]],
    );
}

#[test]
fn a_time_is_what_rfc_3339_writes() {
    let time = |text: &str| {
        let event = with("time", Some(&format!("{text:?}")));
        let event = parse(AppId(7), Some(ONE), event.as_bytes()).expect("an object").remove(0);
        event.ok().map(|event| event.time_unix_us)
    };
    const NOON: i64 = 1_795_176_000_000_000;
    for (text, unix_us) in [
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T20:00:00+08:00", NOON),
        ("2026-11-20T08:30:00-03:30", NOON),
        ("2026-11-20t12:00:00z", NOON),
        ("2026-11-20 12:00:00Z", NOON),
        ("2026-11-20T12:00:00.25Z", NOON + 250_000),
        ("2026-11-20T12:00:00.123456789Z", NOON + 123_456),
        ("2026-11-20T12:00:00.1234567891234Z", NOON + 123_456),
        ("2026-11-20T12:00:00.5-00:00", NOON + 500_000),
        ("2026-11-20T11:59:60Z", NOON - 1_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("9999-12-30T00:00:00Z", 253_402_128_000_000_000),
    ] {
        assert_eq!(time(text), Some(unix_us), "{text}");
    }
    for text in [
        "",
        "now",
        "1795176000",
        "2026-11-20",
        "2026-11-20T12:00:00",
        "2026-11-20T12:00Z",
        "20261120T120000Z",
        "2026-11-20T12:00:00 08:00",
        "2026-11-20T12:00:00+08:00[Asia/Shanghai]",
        "2026-02-30T12:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T12:00:61Z",
        "+002026-11-20T12:00:00Z",
        "2026-11-20T12:00:00Z ",
        "2026-11-20T12:00:00+0800",
        "2026-11-20T12:00:00+08",
        "2026-11-20T12:00:00+08:00:30",
        "2026-11-20T12:00:00+25:00",
        "2026-11-20T12:00:00+08:60",
        "2026-11-20T12:00:00,250Z",
        "2026-11-20T12:00:00.Z",
        "2026-11-20T12:00:0é",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
    check(
        &[&with("time", Some("1795176000")), &with("time", Some(r#""noon""#))],
        expect![[r#"
        `time` is not text
        `time` is not a time like 2026-11-20T12:00:00.250Z or 2026-11-20T20:00:00+08:00
    "#]],
    );
}

#[test]
fn client_attributes_that_are_not_text_tell_nothing() {
    check_data(
        "rtc.participant.client",
        r#"{"roomId":"R","userId":"u","client":{"os.name":5,"device.model.name":"","os":{"a":[1]},
            "rtc.sdk.version":null,"network.connection.subtype":"lte","x":"\ud83d"}}"#,
        expect![[r#"
            sfu-1 e1 2026-11-20T12:00:00.25Z
              client R/- u/-
              - G4 - -
        "#]],
    );
}

#[test]
fn a_body_is_what_its_content_type_says() {
    let restarted = with("type", Some(r#""rtc.server.restarted""#));
    for content_type in [
        ONE,
        "application/cloudevents+json; charset=utf-8",
        "Application/CloudEvents+JSON;charset=gbk",
    ] {
        let read = read(Some(content_type), restarted.as_bytes());
        assert_eq!(read, "sfu-1 e1 2026-11-20T12:00:00Z\n  restarted\n", "{content_type}");
    }
    check_body(
        BATCH,
        &format!(" [ {restarted} ] \n"),
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00Z
          restarted
    "#]],
    );
    check_body(BATCH, "[]", expect![""]);
    check_body(
        BATCH,
        &restarted,
        expect![[r#"
        400: the body is not an array; the content type of one event is
          application/cloudevents+json"#]],
    );
    check_body(
        ONE,
        "[]",
        expect![[r#"
        400: the body is not an object; the content type of an array is
          application/cloudevents-batch+json"#]],
    );
    for content_type in [None, Some(""), Some("application/json"), Some("text/plain")] {
        let refused = parse(AppId(7), content_type, restarted.as_bytes());
        assert_eq!(refused, Err(Refused::ContentType), "{content_type:?}");
    }
    check_body(
        "application/json",
        &restarted,
        expect![[r#"
        415: the content type is neither that of one CloudEvent nor that of a batch:
          application/cloudevents+json,
          application/cloudevents-batch+json"#]],
    );
}

#[test]
fn what_is_not_json_is_told_by_its_place() {
    check_body(BATCH, "", expect!["400: the body is not JSON: see line 1, column 0"]);
    check_body(BATCH, "[{},\n {]", expect!["400: the body is not JSON: see line 2, column 3"]);
    check_body(BATCH, "[1] x", expect!["400: the body is not JSON: see line 1, column 5"]);
    check_body(ONE, "\u{feff}{}", expect!["400: the body is not JSON: see line 1, column 1"]);
    expect!["400: the body is not JSON: see line 1, column 8"]
        .assert_eq(&read(Some(ONE), b"{\"id\":\"\xff\"}"));
}

#[test]
fn a_batch_has_at_most_1000_events_and_4_mib() {
    let batch = |len: usize| format!("[{}]", vec!["{}"; len].join(","));
    let reasons = read(Some(BATCH), batch(EVENTS_MAX).as_bytes());
    assert_eq!(reasons.lines().count(), EVENTS_MAX);
    check_body(
        BATCH,
        &batch(EVENTS_MAX + 1),
        expect!["413: the batch has more than 1000 events; send fewer at once"],
    );
    // What is over the limit is still read, so that a torn body is told as such.
    check_body(
        BATCH,
        &batch(EVENTS_MAX + 1).replace("{}]", "{]"),
        expect!["400: the body is not JSON: see line 1, column 3003"],
    );

    let mut padded = "[]".to_owned();
    padded.push_str(&" ".repeat(BODY_BYTES_MAX - 2));
    check_body(BATCH, &padded, expect![""]);
    padded.push(' ');
    check_body(
        BATCH,
        &padded,
        expect!["413: the body has more than 4194304 bytes; send fewer events at once"],
    );
}

#[test]
fn a_snapshot_names_at_most_20000() {
    let snapshot = |len: usize| {
        let ids: Vec<String> = (0..len).map(|id| id.to_string()).collect();
        let data = format!(r#"{{"roomId":"R","present":[{}]}}"#, ids.join(","));
        read(Some(ONE), event("rtc.room.snapshot", &data).as_bytes())
    };
    assert!(snapshot(20_000).contains("\"19999\""));
    expect![[r#"
        `data.present` has more than 20000 ids
    "#]]
    .assert_eq(&snapshot(20_001));
    check_data(
        "rtc.room.snapshot",
        r#"{"roomId":"R"}"#,
        expect![[r#"
        `data.present` is missing
    "#]],
    );
    check_data(
        "rtc.room.snapshot",
        r#"{"roomId":"R","present":"a"}"#,
        expect![[r#"
        `data.present` is not an array
    "#]],
    );
    check_data(
        "rtc.room.snapshot",
        r#"{"roomId":"R","present":["a",""]}"#,
        expect![[r#"
        `data.present[1]` cannot be used: it is empty
    "#]],
    );
}

#[test]
fn nesting_costs_nothing() {
    let deep = 500_000;
    let bomb = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    check_body(
        ONE,
        &bomb,
        expect![[r#"
        400: the body is not an object; the content type of an array is
          application/cloudevents-batch+json"#]],
    );
    check_body(
        BATCH,
        &bomb,
        expect![[r#"
        the event is not an object
    "#]],
    );
    check_body(
        BATCH,
        &"[".repeat(deep),
        expect!["400: the body is not JSON: see line 1, column 500000"],
    );
    check(
        &[&with("data", Some(&bomb))],
        expect![[r#"
        `data` is not an object
    "#]],
    );
    let extra = format!(r#"{{"roomId":"R","userId":"u","more":{bomb},"client":{{"x":{bomb}}}}}"#);
    check(
        &[&with("data", Some(&extra))],
        expect![[r#"
        sfu-1 e1 2026-11-20T12:00:00Z
          left R/- u/-
    "#]],
    );
    let user = format!(r#"{{"roomId":"R","userId":{bomb}}}"#);
    check(
        &[&with("data", Some(&user))],
        expect![[r#"
        `data.userId` is neither text nor an integer
    "#]],
    );
}
