//! What is told when a request is refused: the only place that knows this dialect's codes.
//!
//! A message is a sentence for the developer at the other end; programs read the code.

use http::StatusCode;

/// The codes of this dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Unauthorized,
    NoSuchPath,
    MethodNotAllowed,
    InvalidParameter,
    NoSuchUser,
    NoSuchBroadcast,
    NotNow,
    Busy,
    Unavailable,
    Full,
    Stopped,
    Internal,
}

impl Code {
    /// Every code.
    #[cfg(test)]
    pub(super) const ALL: [Self; 12] = [
        Self::Unauthorized,
        Self::NoSuchPath,
        Self::MethodNotAllowed,
        Self::InvalidParameter,
        Self::NoSuchUser,
        Self::NoSuchBroadcast,
        Self::NotNow,
        Self::Busy,
        Self::Unavailable,
        Self::Full,
        Self::Stopped,
        Self::Internal,
    ];

    /// The code as programs read it, and the status that goes with it.
    pub(super) fn told_as(self) -> (&'static str, StatusCode) {
        match self {
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::NoSuchPath => ("no_such_path", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::InvalidParameter => ("invalid_parameter", StatusCode::BAD_REQUEST),
            Self::NoSuchUser => ("no_such_user", StatusCode::NOT_FOUND),
            Self::NoSuchBroadcast => ("no_such_broadcast", StatusCode::NOT_FOUND),
            Self::NotNow => ("not_now", StatusCode::CONFLICT),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::Full => ("full", StatusCode::INSUFFICIENT_STORAGE),
            Self::Stopped => ("stopped", StatusCode::INSUFFICIENT_STORAGE),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: String,
    /// The methods that the path has, where the request's is none of them.
    pub(super) allowed: Option<String>,
    /// For the log only.
    pub(super) cause: Option<domain::Error>,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), allowed: None, cause: None }
    }

    /// The same for an app that is not there and for a token that is wrong.
    pub(super) fn unauthorized() -> Self {
        let message = "there is no such app, or the header `Authorization: Bearer <token>` is \
                       missing or wrong; the token is the app's api_token in the config, or its \
                       event_token if it has no api_token";
        Self::new(Code::Unauthorized, message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameter, message)
    }

    pub(super) fn no_such_broadcast() -> Self {
        Self::new(Code::NoSuchBroadcast, "there is no broadcast with this id")
    }

    pub(super) fn no_such_user() -> Self {
        Self::new(Code::NoSuchUser, "nobody is registered with this id")
    }
}

impl From<domain::Error> for Fault {
    fn from(error: domain::Error) -> Self {
        let (code, message) = match &error {
            domain::Error::Busy => {
                (Code::Busy, "too many changes are waiting; nothing was done, send it again later")
            }
            domain::Error::Unavailable(_) => (
                Code::Unavailable,
                "the store cannot be reached; a part may have been done, and a repeat does the \
                 rest",
            ),
            domain::Error::Full => (Code::Full, "the store has no room left; nothing was done"),
            domain::Error::Stopped => (
                Code::Stopped,
                "the store takes no changes until the server is restarted; nothing was done",
            ),
            domain::Error::Engine(_) => (Code::Internal, "the store failed; nothing was done"),
        };
        Self { cause: Some(error), ..Self::new(code, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_row() {
        let readme = include_str!("README.md");
        for (code, status) in Code::ALL.map(Code::told_as) {
            let row = format!("| `{code}` | {} |", status.as_u16());
            assert!(readme.lines().any(|line| line.starts_with(&row)), "{row}");
        }
    }
}
