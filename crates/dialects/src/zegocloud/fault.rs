//! The vendor's return codes, and which of them each failure gets.
//!
//! A message is a sentence for the developer at the other end. It never holds a secret, a computed
//! signature or what was signed (that holds the secret), nor a cause of ours, and what it repeats
//! of the request is cut.

use std::fmt;

use domain::Error;

use super::action::Action;
use super::{BODY_BYTES_MAX, Unserved};

/// How many characters of a request's text a message repeats.
const SHOWN_CHARS_MAX: usize = 48;

/// The return codes that are given, with the vendor's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Success = 0,
    ServerBusy = 1,
    InputParameter = 2,
    ParameterTooLong = 3,
    ListFailed = 154,
    RtcAppTooFrequent = 206,
    RtcRoomTooFrequent = 207,
    RoomUnknown = 50001,
    UserListTooLong = 50011,
    AppIdFormat = 100000001,
    TimestampEmpty = 100000002,
    TimestampFormat = 100000003,
    SignatureExpired = 100000004,
    SignatureWrong = 100000005,
    ActionEmpty = 100000006,
    ActionUnsupported = 100000007,
    NonceEmpty = 100000008,
    SignatureEmpty = 100000009,
    ServerSecretUnknown = 100000010,
    BodyUnread = 100000012,
    SignatureVersionEmpty = 100000013,
    SignatureVersionUnsupported = 100000014,
    GatewayInternal = 100000015,
    Business = 660000001,
    BusinessParameter = 660000002,
    TooManyUsers = 660000011,
    UserIdTooLong = 660000012,
    NotLoggedIn = 660200001,
    AppTooFrequent = 660300005,
    MessageTooLarge = 660400001,
    SenderNotRegistered = 660500002,
    ToAllTooFrequent = 660500003,
    RegisterTooFrequent = 660700001,
    UserExists = 660700002,
    NameTooLong = 660700006,
    AvatarTooLong = 660700007,
    NotRegistered = 660700012,
    UpdateFailed = 660700017,
}

impl Code {
    pub(super) fn number(self) -> u32 {
        self as u32
    }

    #[cfg(test)]
    pub(super) const ALL: [Self; 38] = [
        Self::Success,
        Self::ServerBusy,
        Self::InputParameter,
        Self::ParameterTooLong,
        Self::ListFailed,
        Self::RtcAppTooFrequent,
        Self::RtcRoomTooFrequent,
        Self::RoomUnknown,
        Self::UserListTooLong,
        Self::AppIdFormat,
        Self::TimestampEmpty,
        Self::TimestampFormat,
        Self::SignatureExpired,
        Self::SignatureWrong,
        Self::ActionEmpty,
        Self::ActionUnsupported,
        Self::NonceEmpty,
        Self::SignatureEmpty,
        Self::ServerSecretUnknown,
        Self::BodyUnread,
        Self::SignatureVersionEmpty,
        Self::SignatureVersionUnsupported,
        Self::GatewayInternal,
        Self::Business,
        Self::BusinessParameter,
        Self::TooManyUsers,
        Self::UserIdTooLong,
        Self::NotLoggedIn,
        Self::AppTooFrequent,
        Self::MessageTooLarge,
        Self::SenderNotRegistered,
        Self::ToAllTooFrequent,
        Self::RegisterTooFrequent,
        Self::UserExists,
        Self::NameTooLong,
        Self::AvatarTooLong,
        Self::NotRegistered,
        Self::UpdateFailed,
    ];
}

/// Why a whole request is refused.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: String,
    /// For the log.
    pub(super) cause: Option<Error>,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), cause: None }
    }

    pub(super) fn too_frequent(action: Action) -> Self {
        let why = format!(
            "{} is called more than {} times a second by this AppId",
            action.name(),
            action.per_second()
        );
        Self::new(action.too_frequent(), why)
    }

    pub(super) fn too_frequent_of_room(action: Action) -> Self {
        let why = format!("{} is called more than once a second for this room", action.name());
        Self::new(Code::RtcRoomTooFrequent, why)
    }

    /// The same in the code that an action has for it.
    pub(super) fn of(self, action: Action) -> Self {
        match self.code {
            Code::Business => Self { code: action.failed(), ..self },
            _ => self,
        }
    }

    pub(super) fn server_busy() -> Self {
        Self::new(Code::ServerBusy, "the server is busy; send the request again a little later")
    }
}

impl From<Error> for Fault {
    fn from(cause: Error) -> Self {
        let told = match &cause {
            Error::Busy | Error::Unavailable(_) => Self::server_busy(),
            // A repeat does not help against these two until somebody looks after the server.
            Error::Full | Error::Stopped => {
                Self::new(Code::GatewayInternal, "the server cannot do this at present")
            }
            Error::Engine(_) => {
                Self::new(Code::Business, "the server failed at this; send the request again")
            }
        };
        Self { cause: Some(cause), ..told }
    }
}

impl From<Unserved> for Fault {
    fn from(why: Unserved) -> Self {
        match why {
            Unserved::BodyTooLarge => {
                let why = format!("the body has more than {BODY_BYTES_MAX} bytes");
                Self::new(Code::BodyUnread, why)
            }
            Unserved::BodyUnread => Self::new(Code::BodyUnread, "the body did not arrive whole"),
            Unserved::Busy => Self::server_busy(),
        }
    }
}

/// A request's text as a message may repeat it: in quotes, escaped, and cut.
pub(super) fn shown(text: &str) -> impl fmt::Display {
    let kept = text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text, |(end, _)| &text[..end]);
    let more = if kept.len() < text.len() { "..." } else { "" };
    format!("{kept:?}{more}")
}

#[cfg(test)]
mod tests {
    use domain::EngineError;
    use expect_test::{Expect, expect};

    use super::*;

    fn check(error: Error, expected: Expect) {
        let Fault { code, message, cause } = error.into();
        assert!(cause.is_some(), "the log is told why");
        expected.assert_eq(&format!("{} {message}", code.number()));
    }

    #[test]
    fn every_failure_inside_has_a_code_and_keeps_its_cause_to_itself() {
        check(Error::Busy, expect!["1 the server is busy; send the request again a little later"]);
        check(
            Error::Unavailable(EngineError::new(std::io::Error::other("127.0.0.1:9042"))),
            expect!["1 the server is busy; send the request again a little later"],
        );
        check(Error::Full, expect!["100000015 the server cannot do this at present"]);
        check(Error::Stopped, expect!["100000015 the server cannot do this at present"]);
        check(
            Error::Engine(EngineError::new(std::io::Error::other("MDB_CORRUPTED at /var/lib"))),
            expect!["660000001 the server failed at this; send the request again"],
        );
    }

    #[test]
    fn what_is_repeated_is_cut_and_escaped() {
        let show = |text: &str| shown(text).to_string();
        assert_eq!(show("a\"\n\u{0}"), r#""a\"\n\0""#);
        assert_eq!(show(&"语".repeat(48)), format!("{:?}", "语".repeat(48)));
        assert_eq!(show(&"语".repeat(2_000)), format!("{:?}...", "语".repeat(48)));
    }
}
