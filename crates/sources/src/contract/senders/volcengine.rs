//! Volcengine: a field of the document signs all others that are read. What happened is an object,
//! as JSON in a text; here it stands as an object until it is signed.

use sha2::{Digest as _, Sha256};

use super::{
    Doc, Hook, Keys, MILLISECOND, Name, Of, RTC_ID, Sample, Sender, Signing, Unit, hex, needed,
    or_number, text_at,
};

const ROOM: Name = or_number(needed(Of::Room, "/EventData/RoomId"));
const PARTICIPANT: Name = or_number(needed(Of::Participant, "/EventData/UserId"));
const ID: Name = or_number(needed(Of::Event, "/EventId"));
const TIMES: &[(&str, Unit)] =
    &[("/EventData/Timestamp", MILLISECOND), ("/EventTime", Unit::Rfc3339)];

pub(in crate::contract) const SENDER: Sender = Sender {
    hook: Some(Hook::Volcengine),
    keys: &["a secret key of this app"],
    other_keys: &["a secret key of another app"],
    signing: Signing::Document(sign),
    signatures_age: false,
    takes_arrays: false,
    kind: "/EventType",
    unknown: r#"{"EventType":"AnEventOfTheFuture","EventData":{"RoomId":"PRIVATE room"},
        "EventTime":"2026-11-21T01:45:10Z","EventId":"e-9","AppId":"661e0000000000000000543c",
        "Version":"2020-12-01","Nonce":"1009"}"#,
    samples: &[
        Sample {
            fact: "joined",
            json: r#"{"EventType":"UserJoinRoom","EventData":{"RoomId":"PRIVATE room",
                "UserId":"PRIVATE user","DeviceType":"android","Timestamp":1795225509871},
                "EventTime":"2026-11-21T01:45:10.250000000Z","EventId":"e-1","BusinessId":"",
                "AppId":"661e0000000000000000543c","Version":"2020-12-01","Nonce":"1001"}"#,
            names: &[ROOM, PARTICIPANT, ID],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventData", "/AppId"],
        },
        Sample {
            fact: "left",
            json: r#"{"EventType":"UserLeaveRoom","EventData":{"RoomId":"PRIVATE room",
                "UserId":"PRIVATE user","Reason":"userLeave","Duration":60000,
                "Timestamp":1795225569871},"EventTime":"2026-11-21T01:46:10Z","EventId":"e-2",
                "AppId":"661e0000000000000000543c","Version":"2020-12-01","Nonce":"1002"}"#,
            names: &[ROOM, PARTICIPANT, ID],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventData", "/AppId"],
        },
        Sample {
            fact: "published",
            json: r#"{"EventType":"UserVideoStreamStart","EventData":{"RoomId":"PRIVATE room",
                "UserId":"PRIVATE user","Timestamp":1795225511871},
                "EventTime":"2026-11-21T01:45:12Z","EventId":"e-3",
                "AppId":"661e0000000000000000543c","Version":"2020-12-01","Nonce":"1003"}"#,
            names: &[ROOM, PARTICIPANT, ID],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventData", "/AppId"],
        },
        Sample {
            fact: "finished",
            json: r#"{"EventType":"RoomDestroy","EventData":{"RoomId":"PRIVATE room",
                "Timestamp":1795225579871},"EventTime":"2026-11-21T01:46:20Z","EventId":"e-4",
                "AppId":"661e0000000000000000543c","Version":"2020-12-01","Nonce":"1004"}"#,
            names: &[ROOM, ID],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventData", "/AppId"],
        },
    ],
};

const SIGNED: &[&str] =
    &["/EventType", "/EventData", "/EventTime", "/EventId", "/AppId", "/Version", "/Nonce"];

fn sign(doc: &mut Doc, keys: Keys<'_>) {
    if let Doc::Object(fields) = doc {
        for (name, value) in fields {
            if name == "EventData" && matches!(value, Doc::Object(_)) {
                *value = Doc::of_text(&value.to_string());
            }
        }
    }
    let mut parts: Vec<String> = SIGNED.iter().map(|path| text_at(doc, path)).collect();
    parts.push(keys[0].to_owned());
    parts.sort_unstable();
    doc.set("/Signature", Doc::of_text(&hex(&Sha256::digest(parts.concat()))));
}

#[test]
fn the_samples_are_of_this_app() {
    for sample in SENDER.samples {
        assert_eq!(text_at(&sample.doc(), "/AppId"), RTC_ID);
    }
}
