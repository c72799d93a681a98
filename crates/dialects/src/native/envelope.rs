//! What goes out: the document itself, or `{"error": message, "code": code}`.

use bytes::Bytes;
use domain::AppId;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use super::fault::Fault;
use crate::Answered;

/// What is known of a request while it is being answered.
#[derive(Debug)]
pub(super) struct Stamp {
    pub(super) request_id: String,
    pub(super) action: &'static str,
    pub(super) app: Option<AppId>,
}

/// A JSON document, written down.
#[derive(Debug)]
pub(super) struct Json(Vec<u8>);

impl Json {
    pub(super) fn of(document: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(document);
        Self(bytes.expect("texts, numbers, lists and maps of text"))
    }
}

#[derive(Serialize)]
struct Told<'a> {
    error: &'a str,
    code: &'a str,
}

/// Renders what a request came to.
pub(super) fn render(stamp: Stamp, outcome: Result<Json, Fault>) -> Answered {
    let mut allowed = None;
    let (status, Json(body), outcome, cause) = match outcome {
        Ok(document) => (StatusCode::OK, document, "ok", None),
        Err(fault) => {
            let (code, status) = fault.code.told_as();
            allowed = fault.allowed;
            (status, Json::of(&Told { error: &fault.message, code }), code, fault.cause)
        }
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(allowed) = allowed.and_then(|allowed| HeaderValue::from_str(&allowed).ok()) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let Stamp { request_id, action, app } = stamp;
    Answered { response, action, app, outcome: outcome.to_owned(), request_id, cause }
}

/// An instant as documents tell it: RFC 3339, in UTC, to the millisecond.
pub(super) fn time(unix_ms: i64) -> String {
    let time = Timestamp::from_millisecond(unix_ms);
    time.map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
