//! ZEGOCLOUD: a field of the document signs two others, and nothing else.

use sha1::{Digest as _, Sha1};

use super::{
    Doc, Hook, Keys, MILLISECOND, Name, Of, SECOND, Sample, Sender, Signing, hex, needed, optional,
    or_number, text_at,
};

const ROOM: Name = or_number(needed(Of::Room, "/room_id"));
const PARTICIPANT: Name = or_number(needed(Of::Participant, "/user_account"));
const CALL: Name = or_number(optional(Of::Call, "/room_seq"));
const CONNECTION: Name = or_number(optional(Of::Connection, "/session_id"));
const LATER_CALL: Name = or_number(optional(Of::Call, "/room_session_id"));

pub(in crate::contract) const SENDER: Sender = Sender {
    hook: Some(Hook::Zegocloud),
    keys: &["a callback secret"],
    other_keys: &["another callback secret"],
    signing: Signing::Fields(sign, &["/timestamp", "/nonce", "/signature"]),
    signatures_age: false,
    takes_arrays: false,
    kind: "/event",
    unknown: r#"{"event":"an event of the future","appid":"7","timestamp":"1795225510",
        "nonce":"350176","signature":"","room_id":"PRIVATE room"}"#,
    samples: &[
        Sample {
            fact: "joined",
            json: r#"{"event":"room_login","appid":"7","timestamp":"1795225510",
                "nonce":"350176","signature":"","room_id":"PRIVATE room",
                "room_seq":"6085791336856668982","user_account":"PRIVATE user",
                "user_nickname":"PRIVATE it","session_id":"792148503087288320",
                "login_time":"1795225509871","user_role":"2","term_type":"3"}"#,
            names: &[ROOM, CALL, PARTICIPANT, CONNECTION],
            times: &[("/login_time", MILLISECOND)],
            placed_us_max: 0,
            needs: &["/appid"],
        },
        Sample {
            fact: "left",
            json: r#"{"event":"room_logout","appid":7,"timestamp":1795225570,
                "nonce":"350177","signature":"","room_id":"PRIVATE room",
                "room_seq":6085791336856668982,"user_account":"PRIVATE user",
                "session_id":"792148503087288320","login_time":"1795225509871",
                "logout_time":"1795225569871","reason":"0"}"#,
            names: &[ROOM, CALL, PARTICIPANT, CONNECTION],
            times: &[("/logout_time", MILLISECOND)],
            placed_us_max: 0,
            needs: &["/appid"],
        },
        Sample {
            fact: "published",
            json: r#"{"event":"stream_create","appid":"7","timestamp":"1795225512",
                "nonce":"7254119327986670314","signature":"","room_id":"PRIVATE room",
                "room_session_id":"6085791336856668982","user_id":"PRIVATE user",
                "create_time":"1795225511","create_time_ms":"1795225511871",
                "rtmp_url":["rtmp://PRIVATE"]}"#,
            names: &[ROOM, LATER_CALL, or_number(needed(Of::Participant, "/user_id"))],
            times: &[("/create_time_ms", MILLISECOND), ("/create_time", SECOND)],
            placed_us_max: 0,
            needs: &["/appid"],
        },
        Sample {
            fact: "finished",
            json: r#"{"event":"room_close","appid":"7","timestamp":"1795225580",
                "nonce":"350178","signature":"","room_id":"PRIVATE room",
                "room_session_id":6085791336856668982,"room_close_time":"1795225579871"}"#,
            names: &[ROOM, LATER_CALL],
            times: &[("/room_close_time", MILLISECOND)],
            placed_us_max: 0,
            needs: &["/appid"],
        },
    ],
};

fn sign(doc: &mut Doc, keys: Keys<'_>) {
    let (timestamp, nonce) = (text_at(doc, "/timestamp"), text_at(doc, "/nonce"));
    let mut parts = [keys[0], &timestamp, &nonce];
    parts.sort_unstable();
    doc.set("/signature", Doc::of_text(&hex(&Sha1::digest(parts.concat()))));
}
