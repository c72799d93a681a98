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

pub mod agora;
pub mod janus;
mod lenient;
pub mod livekit;
pub mod native;
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
    /// What is authentic and unintelligible: the reason for each. Sending it again would not help,
    /// so for its sender it is a success. Reasons never quote personal fields or secrets.
    pub dead: Vec<String>,
    /// How many facts were understood and are of no interest to the log.
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

    /// What a tenant's config must tell to take events from it: these keys, and no others.
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

    /// How it is told to send again what could not be stored.
    pub fn again(self) -> Again {
        match self {
            Self::Janus => Again::Silence,
            Self::Livekit | Self::Zegocloud | Self::Volcengine | Self::Trtc | Self::Agora => {
                Again::Status
            }
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
}
