//! Who tells us what happened: one folder per sender, each turning what it sends into events of the
//! domain.
//!
//! A source is a pure function of headers, raw body, credentials and clock. It answers nothing and
//! stores nothing: the server makes its events durable first and answers then. No folder knows its
//! sibling.

use std::collections::BTreeMap;

use domain::AppId;
use domain::app::Secret;
use domain::log::Event;
use domain::presence::Sighting;

pub mod agora;
#[cfg(test)]
mod contract;
pub mod janus;
mod lenient;
pub mod livekit;
pub mod native;
mod safe;
#[cfg(test)]
mod shown;
pub mod trtc;
pub mod volcengine;
pub mod zegocloud;

/// What came in at a hook.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The tenant that the address named.
    pub app: AppId,
    /// The tenant's RTC id, if it has one.
    pub rtc_id: Option<&'a str>,
    /// The tenant's credentials for this sender, by their config names.
    pub credentials: &'a BTreeMap<String, Secret>,
    /// The headers as received.
    pub headers: &'a http::HeaderMap,
    /// The body as received: signatures cover these very bytes.
    pub body: &'a [u8],
    /// What time it is.
    pub now_unix_us: i64,
}

/// What an authentic delivery holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Facts for the log.
    pub events: Vec<Event>,
    /// Who was seen online, or going, in no room.
    pub sightings: Vec<Sighting>,
    /// What is authentic and unintelligible: the reason for each. Sending it again would not help,
    /// so for its sender it is a success. Reasons never quote personal fields or secrets.
    pub dead: Vec<String>,
    /// How many facts were understood and are of no interest.
    pub ignored: usize,
}

/// Why a delivery proves nothing about its sender. Nothing of it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// There is no signature where one belongs.
    #[error("the delivery is not signed")]
    Missing,
    /// The signature is not one that this tenant's credentials make over these bytes.
    #[error("the delivery's signature does not match")]
    Mismatch,
    /// The signature was good once, or will be.
    #[error("the delivery's signature is not valid at this time")]
    Expired,
}

/// A sender of webhooks that has a folder here. A new variant does not compile until everything
/// that there is to say of it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A Janus server.
    Janus,
    /// A LiveKit server.
    Livekit,
    /// ZEGOCLOUD's RTC service.
    Zegocloud,
    /// Volcengine's RTC service, and BytePlus'.
    Volcengine,
    /// Tencent's TRTC.
    Trtc,
    /// Agora's RTC channels.
    Agora,
}

/// How a sender is told to send a delivery again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// By a status of 503.
    Status,
    /// By closing the connection without an answer: the sender takes any status for a success.
    Silence,
}

impl Hook {
    /// Every one.
    pub const ALL: &[Self] =
        &[Self::Janus, Self::Livekit, Self::Zegocloud, Self::Volcengine, Self::Trtc, Self::Agora];

    /// Its name in addresses, in the config and in metrics, and the door of its events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Janus => janus::NAME,
            Self::Livekit => livekit::NAME,
            Self::Zegocloud => zegocloud::NAME,
            Self::Volcengine => volcengine::NAME,
            Self::Trtc => trtc::NAME,
            Self::Agora => agora::NAME,
        }
    }

    /// The one of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|hook| hook.name() == name)
    }

    /// What a tenant's config must tell to take events from it: these keys, and of others only
    /// [`Hook::setting_names`].
    pub fn credential_names(self) -> &'static [&'static str] {
        match self {
            Self::Janus => janus::CREDENTIAL_NAMES,
            Self::Livekit => livekit::CREDENTIAL_NAMES,
            Self::Zegocloud => zegocloud::CREDENTIAL_NAMES,
            Self::Volcengine => volcengine::CREDENTIAL_NAMES,
            Self::Trtc => trtc::CREDENTIAL_NAMES,
            Self::Agora => agora::CREDENTIAL_NAMES,
        }
    }

    /// What a tenant's config may tell of it besides. None of it is secret.
    pub fn setting_names(self) -> &'static [&'static str] {
        match self {
            Self::Livekit => livekit::SETTING_NAMES,
            Self::Janus | Self::Zegocloud | Self::Volcengine | Self::Trtc | Self::Agora => &[],
        }
    }

    /// How it is told to send again what could not be stored.
    pub fn again(self) -> Again {
        match self {
            Self::Janus => Again::Silence,
            Self::Livekit | Self::Zegocloud | Self::Volcengine | Self::Trtc | Self::Agora => {
                Again::Status
            }
        }
    }

    /// Reads again what was kept of an authentic delivery, one of its [`keepable`] parts: a later
    /// version may understand more than the one that received it.
    ///
    /// [`keepable`]: Self::keepable
    pub fn reread(self, app: AppId, rtc_id: Option<&str>, part: &[u8]) -> Received {
        match self {
            Self::Janus => janus::read(app, part),
            Self::Livekit => livekit::read(app, part),
            Self::Zegocloud => zegocloud::read(app, part),
            Self::Volcengine => volcengine::read(app, rtc_id, part),
            Self::Trtc => trtc::read(app, part),
            Self::Agora => agora::read(app, part),
        }
    }

    /// What may be kept of an authentic delivery, without signatures and other secrets: each of its
    /// parts alone, which for all senders but one is the whole body. `None` stands for a part that
    /// cannot be made safe, since it cannot be searched. A part that is kept is read again as the
    /// delivery was; it has at most [`domain::log::dead::BODY_BYTES_MAX`] bytes.
    pub fn keepable(self, headers: &http::HeaderMap, body: &[u8]) -> Vec<Option<Vec<u8>>> {
        match self {
            Self::Janus => janus::keepable(headers, body),
            Self::Livekit => vec![livekit::keepable(body)],
            Self::Zegocloud => vec![zegocloud::keepable(body)],
            Self::Volcengine => vec![volcengine::keepable(body)],
            Self::Trtc => vec![trtc::keepable(body)],
            Self::Agora => vec![agora::keepable(body)],
        }
    }

    /// Verifies a delivery, and reads it.
    pub fn receive(self, delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
        match self {
            Self::Janus => janus::receive(delivery),
            Self::Livekit => livekit::receive(delivery),
            Self::Zegocloud => zegocloud::receive(delivery),
            Self::Volcengine => volcengine::receive(delivery),
            Self::Trtc => trtc::receive(delivery),
            Self::Agora => agora::receive(delivery),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_is_found_by_its_name_and_no_other_is() {
        for &hook in Hook::ALL {
            assert_eq!(Hook::find(hook.name()), Some(hook));
        }
        for name in ["", "LiveKit", "livekit ", "native", "nobody"] {
            assert_eq!(Hook::find(name), None, "{name:?}");
        }
    }

    #[test]
    fn each_hook_refuses_what_is_not_signed() {
        for &hook in Hook::ALL {
            let credentials = hook.credential_names().iter();
            let delivery = Delivery {
                rtc_id: None,
                app: AppId(7),
                credentials: &credentials
                    .map(|name| ((*name).to_owned(), Secret::new("a secret")))
                    .collect(),
                headers: &http::HeaderMap::new(),
                body: b"{}",
                now_unix_us: 1_795_225_600_000_000,
            };
            assert_eq!(hook.receive(&delivery), Err(Unauthentic::Missing), "{hook:?}");
        }
    }

    /// What each sender sent, or is documented to send.
    fn bodies(hook: Hook) -> Vec<String> {
        let lines = match hook {
            Hook::Janus => include_str!("janus/captures/janus-1.1.2-sampleevh.jsonl"),
            Hook::Livekit => include_str!("livekit/captures/livekit-server-1.13.5.jsonl"),
            Hook::Zegocloud => include_str!("zegocloud/captures/documented.jsonl"),
            Hook::Volcengine => include_str!("volcengine/captures/documented.jsonl"),
            Hook::Trtc => include_str!("trtc/captures/documented.jsonl"),
            Hook::Agora => include_str!("agora/captures/documented.jsonl"),
        };
        let body = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a capture is JSON");
            match &line["body"] {
                serde_json::Value::Null => line.to_string(),
                serde_json::Value::String(body) => body.clone(),
                body => body.to_string(),
            }
        };
        lines.lines().map(body).collect()
    }

    #[test]
    fn what_is_kept_is_read_as_the_delivery_was_and_holds_no_secret() {
        const SECRETS: [&str; 5] = ["turnPassword", "ice-pwd", "ignature", "\"nonce", "\"Nonce"];
        for &hook in Hook::ALL {
            let (mut events, mut found) = (0, false);
            for body in bodies(hook) {
                found |= SECRETS.iter().any(|secret| body.contains(secret));
                let mut again = Received::default();
                for part in hook.keepable(&http::HeaderMap::new(), body.as_bytes()) {
                    let part = part.expect("a capture can be kept");
                    let kept = String::from_utf8_lossy(&part);
                    assert!(!SECRETS.iter().any(|secret| kept.contains(secret)), "{kept}");
                    let Received { events, sightings, dead, ignored } =
                        hook.reread(AppId(1), None, &part);
                    again.events.extend(events);
                    again.sightings.extend(sightings);
                    again.dead.extend(dead);
                    again.ignored += ignored;
                }
                events += again.events.len();
                assert_eq!(again, hook.reread(AppId(1), None, body.as_bytes()), "{hook:?} {body}");
            }
            assert!(events > 3, "{hook:?}");
            // Two senders sign in headers and put nothing secret into bodies.
            assert_eq!(found, !matches!(hook, Hook::Trtc | Hook::Agora), "{hook:?}");
        }
    }

    #[test]
    fn a_form_is_kept_as_json_and_what_cannot_be_searched_is_not_kept() {
        let form = b"event=room_close&room_id=a%20%22b%22&signature=x&room_close_time=1&appid=1";
        let parts = Hook::Zegocloud.keepable(&http::HeaderMap::new(), form);
        let json =
            r#"{"event":"room_close","room_id":"a \"b\"","room_close_time":"1","appid":"1"}"#;
        assert_eq!(parts, [Some(json.into())]);
        let read = |body: &[u8]| Hook::Zegocloud.reread(AppId(1), None, body);
        assert_eq!((read(form).events.len(), read(form)), (1, read(json.as_bytes())));
        for &hook in Hook::ALL {
            let parts = hook.keepable(&http::HeaderMap::new(), b"\xff{turnPassword");
            assert_eq!(parts, [None], "{hook:?}");
        }
    }

    #[test]
    fn of_a_group_each_event_is_kept_alone() {
        let body = br#"[1,{"sdp":"x","type":64},{"type":"\ud800"}]"#;
        let parts = Hook::Janus.keepable(&http::HeaderMap::new(), body);
        let texts: Vec<_> =
            parts.iter().flatten().map(|part| String::from_utf8_lossy(part)).collect();
        assert_eq!(texts, ["1", r#"{"type":64}"#, r#"{"type":null}"#]);
    }
}
