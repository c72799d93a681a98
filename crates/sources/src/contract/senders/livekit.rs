//! LiveKit: a token in `Authorization` holds the hash of the body, and grows old.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::super::sender::{Headers, NOW_US};
use super::{
    Hook, Keys, MILLISECOND, Name, Of, SECOND, Sample, Sender, Signing, hmac_sha256, needed,
    optional,
};

const ROOM: Name = needed(Of::Room, "/room/name");
const CALL: Name = optional(Of::Call, "/room/sid");
const PARTICIPANT: Name = needed(Of::Participant, "/participant/identity");
const CONNECTION: Name = optional(Of::Connection, "/participant/sid");
const ID: Name = needed(Of::Event, "/id");

pub(in crate::contract) const SENDER: Sender = Sender {
    hook: Some(Hook::Livekit),
    keys: &["devkey", "a secret of this app"],
    other_keys: &["APIother", "a secret of another app"],
    signing: Signing::Bytes(token),
    signatures_age: true,
    takes_arrays: false,
    kind: "/event",
    unknown: r#"{"event":"an event of the future","id":"EV_9","createdAt":"1795225510"}"#,
    samples: &[
        Sample {
            fact: "joined",
            json: r#"{"event":"participant_joined","room":{"sid":"RM_1","name":"PRIVATE room",
                "turnPassword":"PRIVATE it","numParticipants":1},"participant":{"sid":"PA_1",
                "identity":"PRIVATE user","name":"PRIVATE it","joinedAt":"1795225509",
                "joinedAtMs":"1795225509871","attributes":{"os.name":"ios",
                "device.model.name":"iPhone 11"},"permission":{"agent":false}},
                "id":"EV_1","createdAt":"1795225510"}"#,
            names: &[ROOM, CALL, PARTICIPANT, CONNECTION, ID],
            times: &[
                ("/participant/joinedAtMs", MILLISECOND),
                ("/participant/joinedAt", SECOND),
                ("/createdAt", SECOND),
            ],
            placed_us_max: 0,
            needs: &["/room", "/participant"],
        },
        Sample {
            fact: "left",
            json: r#"{"event":"participant_left","room":{"sid":"RM_1","name":"PRIVATE room"},
                "participant":{"sid":"PA_1","identity":"PRIVATE user","joinedAt":"1795225509",
                "joinedAtMs":"1795225509871","disconnectReason":"CLIENT_INITIATED"},
                "id":"EV_2","createdAt":"1795225569"}"#,
            names: &[ROOM, CALL, PARTICIPANT, CONNECTION, ID],
            times: &[("/createdAt", SECOND)],
            placed_us_max: 0,
            needs: &["/room", "/participant"],
        },
        Sample {
            fact: "published",
            json: r#"{"event":"track_published","room":{"sid":"RM_1","name":"PRIVATE room"},
                "participant":{"sid":"PA_1","identity":"PRIVATE user"},"id":"EV_3",
                "createdAt":"1795225511","track":{"sid":"TR_1","type":"VIDEO"}}"#,
            names: &[ROOM, CALL, PARTICIPANT, CONNECTION, ID],
            times: &[("/createdAt", SECOND)],
            placed_us_max: 0,
            needs: &["/room", "/participant"],
        },
        Sample {
            fact: "finished",
            json: r#"{"event":"room_finished","room":{"sid":"RM_1","name":"PRIVATE room"},
                "id":"EV_4","createdAt":"1795225590"}"#,
            names: &[ROOM, CALL, ID],
            times: &[("/createdAt", SECOND)],
            placed_us_max: 0,
            needs: &["/room"],
        },
    ],
};

/// What `livekit-server` sends with a delivery that it makes now.
fn token(body: &[u8], keys: Keys<'_>) -> Headers {
    vec![("authorization", token_of(&STANDARD.encode(Sha256::digest(body)), keys))]
}

/// A token over a body of this hash.
pub(in crate::contract) fn token_of(hash: &str, keys: Keys<'_>) -> String {
    let (iss, now_s) = (keys[0], NOW_US / 1_000_000);
    let exp = now_s + 300;
    let claims = format!(r#"{{"iss":"{iss}","nbf":{now_s},"exp":{exp},"sha256":"{hash}"}}"#);
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let header = encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", encode(claims.as_bytes()));
    let mac = encode(&hmac_sha256(keys[1], signed.as_bytes()));
    format!("{signed}.{mac}")
}
