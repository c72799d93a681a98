//! Answers of the parts that speak for no vendor.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::Context;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

/// A text.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    with_type(status, "text/plain; charset=utf-8", text)
}

/// `{"error": reason}`: a sentence that helps.
pub(super) fn error(status: StatusCode, reason: &str) -> Response<Bytes> {
    json(status, &serde_json::json!({ "error": reason }))
}

/// A JSON document.
pub(super) fn json(status: StatusCode, document: &impl serde::Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(document).expect("our own documents are JSON");
    with_type(status, "application/json", body)
}

/// The path has other methods: these.
pub(super) fn other_methods(allowed: &'static str, reason: &str) -> Response<Bytes> {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, reason);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// A JSON document that is written down already.
pub(super) fn json_text(document: &'static str) -> Response<Bytes> {
    with_type(StatusCode::OK, "application/json", document)
}

fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What is said when nothing could be stored now: the sender sends again.
pub(super) fn not_now() -> Response<Bytes> {
    let mut response =
        error(StatusCode::SERVICE_UNAVAILABLE, "nothing can be stored now; send it again later");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Marks an answer that must not be given: its connection is closed instead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence;

/// What became of a request, in logs and metrics.
pub(super) fn outcome_of(response: &Response<Bytes>) -> &'static str {
    match response.status().as_u16() {
        200..300 => "ok",
        401 => "unauthentic",
        404 => "not_found",
        405 => "method",
        413 => "too_large",
        415 => "content_type",
        503 => "unavailable",
        _ => "bad_request",
    }
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// An id that no other request of this process has.
pub(super) fn request_id(ctx: &Context) -> String {
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{number:x}", ctx.clock.now_unix_us())
}
