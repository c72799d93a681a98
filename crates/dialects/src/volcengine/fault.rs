//! What is told when a request is refused: the only place that knows the vendor's codes.
//!
//! QUIRK(volcengine): V21. SDKs tell failure by three different marks, so it is always told by all
//! three: the status, `Error`, and a `CodeN` that is not zero. The vendor documents no `CodeN` for
//! service codes; ours are those from 990001 on, they never change, and the README lists them.

use http::StatusCode;

use super::query::{self, QueryFault};
use super::signature;

/// The vendor's codes that this dialect answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    MissingParameter,
    MissingRequestInfo,
    MissingSignature,
    InvalidTimestamp,
    ServiceNotFound,
    InvalidActionOrVersion,
    InvalidAccessKey,
    SignatureDoesNotMatch,
    AccessDenied,
    InternalError,
    NoRepeat,
    FlowLimitExceeded,
    InvalidAuthorization,
    InvalidCredential,
    InvalidParameter,
    StartTimeAfterEndTime,
    OutofTimeRange,
    IllegalRoomID,
    BodyIsEmpty,
    Unmarshal,
    IllegalAppId,
    SizeOverLimit,
    UserCountOverLimit,
    NoPermissionForApp,
    MethodNotAllowed,
    ServiceUnavailableTemp,
}

impl Code {
    /// Every code.
    #[cfg(test)]
    pub(super) const ALL: [Self; 26] = [
        Self::MissingParameter,
        Self::MissingRequestInfo,
        Self::MissingSignature,
        Self::InvalidTimestamp,
        Self::ServiceNotFound,
        Self::InvalidActionOrVersion,
        Self::InvalidAccessKey,
        Self::SignatureDoesNotMatch,
        Self::AccessDenied,
        Self::InternalError,
        Self::NoRepeat,
        Self::FlowLimitExceeded,
        Self::InvalidAuthorization,
        Self::InvalidCredential,
        Self::InvalidParameter,
        Self::StartTimeAfterEndTime,
        Self::OutofTimeRange,
        Self::IllegalRoomID,
        Self::BodyIsEmpty,
        Self::Unmarshal,
        Self::IllegalAppId,
        Self::SizeOverLimit,
        Self::UserCountOverLimit,
        Self::NoPermissionForApp,
        Self::MethodNotAllowed,
        Self::ServiceUnavailableTemp,
    ];

    /// `Code`, `CodeN` and the HTTP status.
    pub(super) fn told_as(self) -> (&'static str, u32, StatusCode) {
        use StatusCode as S;
        match self {
            Self::MissingParameter => ("MissingParameter", 100002, S::BAD_REQUEST),
            Self::MissingRequestInfo => ("MissingRequestInfo", 100004, S::BAD_REQUEST),
            Self::MissingSignature => ("MissingSignature", 100005, S::UNAUTHORIZED),
            Self::InvalidTimestamp => ("InvalidTimestamp", 100006, S::BAD_REQUEST),
            Self::ServiceNotFound => ("ServiceNotFound", 100007, S::NOT_FOUND),
            Self::InvalidActionOrVersion => ("InvalidActionOrVersion", 100008, S::NOT_FOUND),
            Self::InvalidAccessKey => ("InvalidAccessKey", 100009, S::UNAUTHORIZED),
            Self::SignatureDoesNotMatch => ("SignatureDoesNotMatch", 100010, S::UNAUTHORIZED),
            Self::AccessDenied => ("AccessDenied", 100013, S::FORBIDDEN),
            Self::InternalError => ("InternalError", 100014, S::INTERNAL_SERVER_ERROR),
            // A repeat does not help here, and 507 is a status that no SDK repeats.
            Self::NoRepeat => ("InternalError", 100014, S::INSUFFICIENT_STORAGE),
            Self::FlowLimitExceeded => ("FlowLimitExceeded", 100018, S::TOO_MANY_REQUESTS),
            Self::InvalidAuthorization => ("InvalidAuthorization", 100024, S::BAD_REQUEST),
            Self::InvalidCredential => ("InvalidCredential", 100025, S::BAD_REQUEST),
            Self::InvalidParameter => ("InvalidParameter", 990001, S::BAD_REQUEST),
            Self::StartTimeAfterEndTime => {
                ("InvalidParameter.StartTimeAfterEndTime", 990002, S::BAD_REQUEST)
            }
            Self::OutofTimeRange => ("InvalidParameter.OutofTimeRange", 990003, S::BAD_REQUEST),
            Self::IllegalRoomID => ("InvalidParameter.IllegalRoomID", 990004, S::BAD_REQUEST),
            Self::BodyIsEmpty => ("InvalidParameter.BodyIsEmpty", 990005, S::BAD_REQUEST),
            Self::Unmarshal => ("InvalidParameter.Unmarshal", 990006, S::BAD_REQUEST),
            Self::IllegalAppId => ("InvalidParameter.IllegalAppId", 990007, S::BAD_REQUEST),
            Self::SizeOverLimit => ("InvalidParameter.SizeOverLimit", 990008, S::PAYLOAD_TOO_LARGE),
            Self::UserCountOverLimit => {
                ("InvalidParameter.UserCountOverLimit", 990009, S::BAD_REQUEST)
            }
            Self::NoPermissionForApp => ("AccessDenied.NoPermissionForApp", 990010, S::FORBIDDEN),
            Self::MethodNotAllowed => ("MethodNotAllowed", 990011, S::METHOD_NOT_ALLOWED),
            Self::ServiceUnavailableTemp => {
                ("ServiceUnavailableTemp", 990012, S::SERVICE_UNAVAILABLE)
            }
        }
    }
}

/// Why a request is refused. Nothing of it was done, where the message says nothing else.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    /// A sentence that helps whoever wrote the request.
    pub(super) message: String,
    /// For the log only.
    pub(super) cause: Option<domain::Error>,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), cause: None }
    }

    /// `parameter` is required, and not there.
    pub(super) fn missing(parameter: &str) -> Self {
        let message = format!("The request is missing {parameter} parameter.");
        Self::new(Code::MissingParameter, message)
    }

    /// The app does not exist, or the key does not open it: nobody learns which. V10.
    pub(super) fn no_permission() -> Self {
        let message = "This access key has no permission for this AppId, or there is no such app. \
                       Check AppId and the access_keys of the app.";
        Self::new(Code::NoPermissionForApp, message)
    }

    /// The signature does not prove whose request it is.
    pub(super) fn of_signature(fault: signature::Fault, explain: bool) -> Self {
        use signature::Fault as F;
        const EXPIRED: &str = "The Signature of the request is expired.";
        const MISMATCH: &str = "The request signature we calculated does not match the signature \
                                you provided. Check your Secret Access Key and signing method.";
        let (code, message) = match fault {
            F::Unsigned => (
                Code::InvalidCredential,
                "Invalid credential in 'Authorization', Pls check your authorization header. The \
                 request is not signed: send an Authorization header, or sign the URL."
                    .to_owned(),
            ),
            F::MissingSignature => {
                (Code::MissingSignature, "The request is missing signature.".to_owned())
            }
            F::MissingDate => (
                Code::MissingRequestInfo,
                "The request is missing timestamp information. Send it as X-Date.".to_owned(),
            ),
            F::Malformed(why) => (
                Code::InvalidAuthorization,
                format!("Invalid 'Authorization' header, Pls check authorization header. {why}"),
            ),
            F::InvalidCredential(why) => (
                Code::InvalidCredential,
                format!(
                    "Invalid credential in 'Authorization', Pls check credential in authorization \
                     header. {why}"
                ),
            ),
            F::OtherService(service) => (
                Code::ServiceNotFound,
                format!("This service[{service}] not found. The service to sign for is rtc."),
            ),
            F::InvalidDate(why) => (Code::InvalidTimestamp, format!("{EXPIRED} {why}")),
            F::Expired { age_s, valid_s } => (
                Code::InvalidTimestamp,
                format!("{EXPIRED} It was signed {age_s} s ago and holds for {valid_s} s."),
            ),
            F::FromTheFuture { ahead_s } => (
                Code::InvalidTimestamp,
                format!("{EXPIRED} X-Date is {ahead_s} s ahead of this server's clock."),
            ),
            F::OtherBody => (
                Code::SignatureDoesNotMatch,
                format!("{MISMATCH} X-Content-Sha256 is not the hash of the body that arrived."),
            ),
            F::Mismatch { canonical_request } if explain => (
                Code::SignatureDoesNotMatch,
                format!("{MISMATCH} The canonical request is:\n{canonical_request}"),
            ),
            F::Mismatch { .. } => (
                Code::SignatureDoesNotMatch,
                format!("{MISMATCH} Consult the service documentation for details."),
            ),
        };
        Self::new(code, message)
    }
}

impl From<QueryFault> for Fault {
    fn from(fault: QueryFault) -> Self {
        let message = match fault {
            QueryFault::TooLong => {
                format!("The query has more than {} bytes.", query::BYTES_MAX)
            }
            QueryFault::TooMany => {
                format!("The query has more than {} parameters.", query::PARAMETERS_MAX)
            }
            QueryFault::Repeated(name) => {
                format!("The parameter {name} is given more than once.")
            }
            QueryFault::NotText(name) => {
                format!("The value of the parameter {name} is not UTF-8.")
            }
        };
        Self::new(Code::InvalidParameter, message)
    }
}

impl From<domain::Error> for Fault {
    fn from(error: domain::Error) -> Self {
        let (code, message) = match &error {
            domain::Error::Busy => (
                Code::ServiceUnavailableTemp,
                "Too many changes are waiting. Nothing was done; send the request again later.",
            ),
            domain::Error::Unavailable(_) => (
                Code::ServiceUnavailableTemp,
                "The store cannot be reached at present. A part may have been done, and a repeat \
                 does the rest; send the request again later.",
            ),
            domain::Error::Full => {
                (Code::NoRepeat, "The store has no room left. Nothing was done; queries go on.")
            }
            domain::Error::Stopped => (
                Code::NoRepeat,
                "The store takes no more changes until the server is restarted. Nothing was done; \
                 queries go on.",
            ),
            domain::Error::Engine(_) => (
                Code::InternalError,
                "Service has some internal Error. Pls Contact With Admin. Nothing was done.",
            ),
        };
        Self { cause: Some(error), ..Self::new(code, message) }
    }
}
