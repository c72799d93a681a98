//! Media servers and clouds as the hooks see them: what each sends, signed as its maker documents.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::clock::{Clock, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// An app, and what it shares with its senders: every secret of it begins with `secret`.
#[derive(Clone, Copy)]
pub(crate) struct Tenant {
    pub(crate) id: u32,
    pub(crate) rtc_id: &'static str,
    pub(crate) token: &'static str,
    secret: &'static str,
}

pub(crate) const ONE: Tenant = Tenant {
    id: crate::client::APP_ID,
    rtc_id: crate::client::RTC_ID,
    token: crate::client::TOKEN,
    secret: "one",
};
pub(crate) const TWO: Tenant =
    Tenant { id: 4_112, rtc_id: "661e00000000000000000002", token: "two's", secret: "two" };
/// An app that has no sources.
pub(crate) const BARE: Tenant =
    Tenant { id: 4_113, rtc_id: "661e00000000000000000003", token: "three's", secret: "" };

/// A config with all three.
pub(crate) fn config() -> String {
    use crate::client::{KEY_ID, SECRET};
    let app = |tenant: Tenant| {
        let Tenant { id, rtc_id, token, secret: s } = tenant;
        let head = format!(
            "[[apps]]\nid = {id}\nrtc_id = \"{rtc_id}\"\nevent_token = \"{token}\"\n\
             access_keys = [{{ id = \"{KEY_ID}\", secret = \"{SECRET}\" }}]\n"
        );
        if s.is_empty() {
            return head;
        }
        format!(
            "{head}[apps.sources]\n\
             livekit = {{ api_key = \"key-{s}\", api_secret = \"{s}\" }}\n\
             janus = {{ user = \"user-{s}\", password = \"{s}\" }}\n\
             zegocloud = {{ callback_secret = \"{s}\" }}\n\
             volcengine = {{ secret_key = \"{s}\" }}\n\
             trtc = {{ key = \"{s}\" }}\n\
             agora = {{ secret = \"{s}\" }}\n"
        )
    };
    format!("limits = \"off\"\n{}", [ONE, TWO, BARE].map(app).concat())
}

/// A sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Livekit,
    Janus,
    Zegocloud,
    Volcengine,
    Trtc,
    Agora,
}

/// A delivery.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn now_unix_ms() -> i64 {
    SystemClock.now_unix_us() / 1_000
}

impl Sender {
    pub(crate) const ALL: [Self; 6] =
        [Self::Livekit, Self::Janus, Self::Zegocloud, Self::Volcengine, Self::Trtc, Self::Agora];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Livekit => "livekit",
            Self::Janus => "janus",
            Self::Zegocloud => "zegocloud",
            Self::Volcengine => "volcengine",
            Self::Trtc => "trtc",
            Self::Agora => "agora",
        }
    }

    pub(crate) fn path(self, tenant: Tenant) -> String {
        format!("/hooks/{}/{}", self.name(), tenant.id)
    }

    /// Somebody who comes.
    pub(crate) fn join(self, tenant: Tenant, room: &Value, user: &Value, unix_ms: i64) -> Value {
        let unix_s = unix_ms / 1_000;
        match self {
            Self::Livekit => json!({
                "event": "participant_joined", "id": format!("EV_{unix_ms}"),
                "createdAt": unix_s.to_string(), "room": { "sid": "RM_1", "name": room },
                "participant": { "sid": "PA_1", "identity": user,
                                 "joinedAtMs": unix_ms.to_string() },
            }),
            Self::Janus => json!({
                "emitter": "janus-1", "type": 64, "timestamp": unix_ms * 1_000, "handle_id": 5,
                "event": { "plugin": "janus.plugin.videoroom",
                           "data": { "event": "joined", "room": room, "id": user } },
            }),
            Self::Zegocloud => json!({
                "event": "room_login", "appid": tenant.id.to_string(),
                "timestamp": unix_s.to_string(), "nonce": "350176", "room_id": room,
                "room_seq": "6085791336856668982", "user_account": user, "session_id": "7",
                "login_time": unix_ms.to_string(),
            }),
            Self::Volcengine => json!({
                "EventType": "UserJoinRoom", "EventTime": "2026-11-21T10:00:00Z",
                "EventId": format!("e-{unix_ms}"), "AppId": tenant.rtc_id,
                "Version": "2020-12-01", "Nonce": "1001",
                "EventData": json!({ "RoomId": room, "UserId": user, "Timestamp": unix_ms })
                    .to_string(),
            }),
            Self::Trtc => json!({
                "EventGroupId": 1, "EventType": 103, "CallbackTs": unix_ms,
                "EventInfo": { "RoomId": room, "UserId": user, "EventTs": unix_s,
                               "EventMsTs": unix_ms, "Role": 20 },
            }),
            Self::Agora => json!({
                "noticeId": "n:1", "productId": 1, "eventType": 103, "notifyMs": unix_ms,
                "payload": { "channelName": room, "uid": user, "platform": 1,
                             "clientSeq": unix_ms, "ts": unix_s },
            }),
        }
    }

    /// The same, signed with what the app shares with this sender.
    pub(crate) fn sign(self, tenant: Tenant, body: &Value) -> Sent {
        let mut body = body.clone();
        let secret = tenant.secret;
        match self {
            Self::Zegocloud => {
                let signature = Sha1::digest(sorted(&body, &["timestamp", "nonce"], secret));
                body["signature"] = hex(&signature).into();
            }
            Self::Volcengine => {
                let signed =
                    ["EventType", "EventData", "EventTime", "EventId", "AppId", "Version", "Nonce"];
                body["Signature"] = hex(&Sha256::digest(sorted(&body, &signed, secret))).into();
            }
            Self::Livekit | Self::Janus | Self::Trtc | Self::Agora => {}
        }
        self.sign_bytes(tenant, body.to_string().into_bytes())
    }

    /// Bytes, with whatever this sender proves outside the body.
    pub(crate) fn sign_bytes(self, tenant: Tenant, body: Vec<u8>) -> Sent {
        let secret = tenant.secret;
        let headers = match self {
            Self::Livekit => vec![("Authorization", token(secret, &body))],
            Self::Janus => {
                let login = STANDARD.encode(format!("user-{secret}:{secret}"));
                vec![("Authorization", format!("Basic {login}"))]
            }
            Self::Zegocloud | Self::Volcengine => vec![],
            Self::Trtc => vec![("Sign", STANDARD.encode(mac::<Hmac<Sha256>>(secret, &body)))],
            Self::Agora => vec![
                ("Agora-Signature", hex(&mac::<Hmac<Sha1>>(secret, &body))),
                ("Agora-Signature-V2", hex(&mac::<Hmac<Sha256>>(secret, &body))),
            ],
        };
        Sent { headers, body }
    }
}

/// What LiveKit sends in `Authorization`.
fn token(secret: &str, body: &[u8]) -> String {
    let now_s = now_unix_ms() / 1_000;
    let hash = STANDARD.encode(Sha256::digest(body));
    let claims = json!({ "iss": format!("key-{secret}"), "nbf": now_s, "exp": now_s + 300,
                         "sha256": hash });
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", encode(json!({ "alg": "HS256" })), encode(claims));
    let mac = mac::<Hmac<Sha256>>(secret, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// These values and the secret, as two of the clouds put them together.
fn sorted(body: &Value, names: &[&str], secret: &str) -> String {
    let mut parts: Vec<&str> = names.iter().filter_map(|name| body[name].as_str()).collect();
    parts.push(secret);
    parts.sort_unstable();
    parts.concat()
}

fn mac<M: Mac + KeyInit>(key: &str, bytes: &[u8]) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("any length will do");
    mac.chain_update(bytes).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
