//! Agora: two HMACs over the body. Events of one participant are placed within their second.

use hmac::Hmac;
use sha1::Sha1;

use super::super::sender::Headers;
use super::{
    Hook, Keys, Name, Of, SECOND, Sample, Sender, Signing, Unit, hex, hmac_sha256, mac, needed,
    or_number,
};

const ROOM: Name = needed(Of::Room, "/payload/channelName");
const PARTICIPANT: Name = or_number(needed(Of::Participant, "/payload/uid"));
const TIMES: &[(&str, Unit)] = &[("/payload/ts", SECOND)];
const OF_SOMEBODY: &[&str] = &["/productId", "/payload", "/payload/clientSeq"];

pub(in crate::contract) const SENDER: Sender = Sender {
    hook: Some(Hook::Agora),
    keys: &["a secret of this app"],
    other_keys: &["a secret of another app"],
    signing: Signing::Bytes(sign),
    signatures_age: false,
    takes_arrays: false,
    kind: "/eventType",
    unknown: r#"{"noticeId":"n","productId":1,"eventType":999,"payload":{"uid":1}}"#,
    samples: &[
        Sample {
            fact: "joined",
            json: r#"{"sid":"C8664","noticeId":"2000001428:4330:107","productId":1,
                "eventType":105,"notifyMs":1795225512672,"payload":{"channelName":"PRIVATE room",
                "uid":12121212,"platform":1,"clientSeq":1795225509871,"ts":1795225510,
                "account":"PRIVATE it"}}"#,
            names: &[ROOM, PARTICIPANT],
            times: TIMES,
            placed_us_max: 999_999,
            needs: OF_SOMEBODY,
        },
        Sample {
            fact: "left",
            json: r#"{"sid":"C8664","noticeId":"2000001428:4330:108","productId":1,
                "eventType":104,"notifyMs":1795225572672,"payload":{"channelName":"PRIVATE room",
                "uid":12121212,"platform":1,"clientSeq":1795225569871,"ts":1795225570,
                "reason":1,"duration":60}}"#,
            names: &[ROOM, PARTICIPANT],
            times: TIMES,
            placed_us_max: 999_999,
            needs: OF_SOMEBODY,
        },
        Sample {
            fact: "published",
            json: r#"{"sid":"C8664","noticeId":"2000001428:4330:109","productId":1,
                "eventType":111,"notifyMs":1795225512672,"payload":{"channelName":"PRIVATE room",
                "uid":12121212,"clientSeq":1795225511871,"ts":1795225511}}"#,
            names: &[ROOM, PARTICIPANT],
            times: TIMES,
            placed_us_max: 999_999,
            needs: OF_SOMEBODY,
        },
        Sample {
            fact: "finished",
            json: r#"{"sid":"C8664","noticeId":"2000001428:4330:110","productId":1,
                "eventType":102,"notifyMs":1795225582672,
                "payload":{"channelName":"PRIVATE room","ts":1795225580}}"#,
            names: &[ROOM],
            times: TIMES,
            placed_us_max: 0,
            needs: &["/productId", "/payload"],
        },
    ],
};

fn sign(body: &[u8], keys: Keys<'_>) -> Headers {
    vec![
        ("agora-signature", hex(&mac::<Hmac<Sha1>>(keys[0], body))),
        ("agora-signature-v2", hex(&hmac_sha256(keys[0], body))),
    ]
}
