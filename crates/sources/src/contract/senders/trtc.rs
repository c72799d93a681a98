//! TRTC: `Sign` is an HMAC over the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::sender::Headers;
use super::{
    Hook, Keys, MILLISECOND, Name, Of, SECOND, Sample, Sender, Signing, Unit, hmac_sha256, needed,
    or_number,
};

const ROOM: Name = or_number(needed(Of::Room, "/EventInfo/RoomId"));
const PARTICIPANT: Name = or_number(needed(Of::Participant, "/EventInfo/UserId"));
const TIMES: &[(&str, Unit)] =
    &[("/EventInfo/EventMsTs", MILLISECOND), ("/EventInfo/EventTs", SECOND)];

pub(in crate::contract) const SENDER: Sender = Sender {
    hook: Some(Hook::Trtc),
    keys: &["akeyofthirtytwolettersanddigits0"],
    other_keys: &["anotherkeyoflettersanddigits0000"],
    signing: Signing::Bytes(sign),
    signatures_age: false,
    takes_arrays: false,
    kind: "/EventType",
    unknown: r#"{"EventGroupId":9,"EventType":999,"EventInfo":{"RoomId":"PRIVATE room"}}"#,
    samples: &[
        Sample {
            fact: "joined",
            json: r#"{"EventGroupId":1,"EventType":103,"CallbackTs":1795225509900,"EventInfo":
                {"RoomId":"PRIVATE room","EventTs":1795225509,"EventMsTs":1795225509871,
                "UserId":"PRIVATE user","Role":20,"TerminalType":2,"UserType":3,"Reason":1}}"#,
            names: &[ROOM, PARTICIPANT],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventInfo"],
        },
        Sample {
            fact: "left",
            json: r#"{"EventGroupId":1,"EventType":104,"CallbackTs":1795225519900,"EventInfo":
                {"RoomId":12345,"EventTs":1795225519,"EventMsTs":1795225519871,
                "UserId":"PRIVATE user","Role":20,"Reason":1}}"#,
            names: &[ROOM, PARTICIPANT],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventInfo"],
        },
        Sample {
            fact: "published",
            json: r#"{"EventGroupId":2,"EventType":203,"CallbackTs":1795225511900,"EventInfo":
                {"RoomId":"PRIVATE room","EventTs":1795225511,"EventMsTs":1795225511871,
                "UserId":"PRIVATE user"}}"#,
            names: &[ROOM, PARTICIPANT],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventInfo"],
        },
        Sample {
            fact: "finished",
            json: r#"{"EventGroupId":1,"EventType":102,"CallbackTs":1795225529900,"EventInfo":
                {"RoomId":"PRIVATE room","EventTs":1795225529,"EventMsTs":1795225529871}}"#,
            names: &[ROOM],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/EventInfo"],
        },
    ],
};

fn sign(body: &[u8], keys: Keys<'_>) -> Headers {
    vec![("sign", STANDARD.encode(hmac_sha256(keys[0], body)))]
}
