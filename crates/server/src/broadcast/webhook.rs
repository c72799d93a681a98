//! What a delivery says, and how it is signed: by the Standard Webhooks convention.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::UserId;
use domain::broadcast::Broadcast;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// A delivery as it is sent, however often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// The same whenever the same users are delivered to from the same place of the same broadcast;
    /// so whoever knows it has seen all of them.
    pub(crate) id: String,
    /// JSON.
    pub(crate) body: Bytes,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Said<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    app_id: u32,
    broadcast_id: u64,
    dialect: &'a str,
    action: &'a str,
    user_ids: Vec<&'a str>,
    message: &'a RawValue,
}

impl Webhook {
    /// The delivery of a broadcast to these users, who come behind its place.
    pub(crate) fn new(job: &Broadcast, users: &[UserId]) -> Self {
        let message = &job.message;
        let created = jiff::Timestamp::from_microsecond(message.created_unix_us);
        let raw: &RawValue =
            serde_json::from_str(&message.body).expect("dialects make bodies of JSON");
        let body = Body {
            r#type: "broadcast",
            timestamp: created.map_or_else(|_| String::new(), |it| format!("{it:.3}")),
            data: Said {
                app_id: job.app.0,
                broadcast_id: job.id,
                dialect: &message.dialect,
                action: &message.action,
                user_ids: users.iter().map(UserId::as_str).collect(),
                message: raw,
            },
        };
        let body = serde_json::to_vec(&body).expect("texts and numbers are JSON");
        Self { id: id_of(job, users), body: body.into() }
    }

    /// The value of `webhook-signature` for a delivery that is sent at this second.
    pub(crate) fn sign(&self, key: &[u8], unix_s: i64) -> String {
        sign(key, &self.id, unix_s, &self.body)
    }
}

fn id_of(job: &Broadcast, users: &[UserId]) -> String {
    let mut hash = Sha256::new();
    hash.update(job.app.0.to_be_bytes());
    hash.update(job.id.to_be_bytes());
    // Apart from others of the same number in a store that began anew.
    hash.update(job.message.created_unix_us.to_be_bytes());
    let place = job.progress.place.as_deref();
    hash.update([u8::from(place.is_some())]);
    let place = place.unwrap_or_default();
    hash.update((place.len() as u64).to_be_bytes());
    hash.update(place);
    for user in users {
        // No id holds a NUL, so that no two lists look alike.
        hash.update(user.as_str());
        hash.update([0]);
    }
    let half = &hash.finalize()[..16];
    let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

fn sign(key: &[u8], id: &str, unix_s: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{unix_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The key that a secret stands for: `whsec_` and the base64 of it.
pub(crate) fn parse_secret(text: &str) -> Option<Vec<u8>> {
    let encoded = text.strip_prefix("whsec_")?;
    STANDARD.decode(encoded).ok().filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use domain::AppId;
    use domain::broadcast::{Audience, Message, Progress};
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_published_example_is_signed_as_published() {
        let key = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let body = br#"{"test": 2432232314}"#;
        let signed = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_a_prefix_and_base64() {
        assert_eq!(parse_secret("whsec_AQID"), Some(vec![1, 2, 3]));
        for wrong in ["", "AQID", "whsec_", "whsec_x", "whsec_AQ", "whsec_AQ=D", "WHSEC_AQID"] {
            assert_eq!(parse_secret(wrong), None, "{wrong}");
        }
    }

    fn job() -> Broadcast {
        let message = Message {
            dialect: "volcengine".into(),
            action: "UserBroadcast".into(),
            sender: UserId::parse("10001").expect("an id"),
            body: r#"{"Content":"语","MsgType":10001}"#.into(),
            audience: Audience::EVERYBODY,
            expires_unix_us: None,
            created_unix_us: 1_795_226_563_250_000,
        };
        Broadcast { app: AppId(4111), id: 7, message, progress: Progress::new(0) }
    }

    fn users(ids: &[&str]) -> Vec<UserId> {
        ids.iter().map(|id| UserId::parse(id).expect("an id")).collect()
    }

    #[test]
    fn a_delivery_names_its_users_and_carries_the_message_as_it_was() {
        let webhook = Webhook::new(&job(), &users(&["1", "ada"]));
        let body = std::str::from_utf8(&webhook.body).expect("text");
        expect![[r#"{"type":"broadcast","timestamp":"2026-11-21T02:02:43.250Z","data":{"appId":4111,"broadcastId":7,"dialect":"volcengine","action":"UserBroadcast","userIds":["1","ada"],"message":{"Content":"语","MsgType":10001}}}"#]].assert_eq(body);
    }

    #[test]
    fn an_id_is_that_of_a_place_and_its_users() {
        let id = |job: &Broadcast, ids: &[&str]| Webhook::new(job, &users(ids)).id;
        let same = id(&job(), &["1", "2"]);
        assert_eq!(id(&job(), &["1", "2"]), same);
        assert_eq!((same.len(), &same[..4]), (36, "msg_"));
        let mut later = job();
        later.progress.version = 9;
        later.progress.failures = 3;
        assert_eq!(id(&later, &["1", "2"]), same, "a repeat is recognised");
        let mut elsewhere = job();
        elsewhere.progress.place = Some(vec![]);
        let mut other = job();
        other.id = 8;
        let all = [
            same,
            id(&job(), &["1"]),
            id(&job(), &["12"]),
            id(&job(), &["2", "1"]),
            id(&elsewhere, &["1", "2"]),
            id(&other, &["1", "2"]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "a changed batch is another one");
    }
}
