//! What goes out: `ResponseMetadata`, and `Result` or `Error`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::AppId;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;

use super::fault::Fault;
use crate::Answered;

const SERVICE: &str = "rtc";
/// Echoed when the request does not say a region.
const DEFAULT_REGION: &str = "cn-north-1";
/// Where SDKs look for the request's id.
const LOG_ID: HeaderName = HeaderName::from_static("x-tt-logid");
/// How many bytes of a name that nobody knows are echoed.
const ECHOED_BYTES_MAX: usize = 64;

/// What is known of a request while it is being answered.
#[derive(Debug)]
pub(super) struct Stamp {
    request_id: String,
    /// As sent.
    action: Option<String>,
    version: Option<String>,
    pub(super) region: Option<String>,
    /// For the log.
    pub(super) known_action: &'static str,
    pub(super) app: Option<AppId>,
}

impl Stamp {
    pub(super) fn new(now_unix_us: i64) -> Self {
        Self {
            request_id: mint_request_id(now_unix_us),
            action: None,
            version: None,
            region: None,
            known_action: "unknown",
            app: None,
        }
    }

    pub(super) fn echo_action(&mut self, action: &str) {
        self.action = Some(cut(action).to_owned());
    }

    pub(super) fn echo_version(&mut self, version: &str) {
        self.version = Some(cut(version).to_owned());
    }
}

/// A name as it may be echoed.
pub(super) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(ECHOED_BYTES_MAX)]
}

/// A JSON document, written down.
#[derive(Debug)]
pub(super) struct Json(pub(super) Vec<u8>);

impl Json {
    pub(super) fn of(document: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(document);
        Self(bytes.expect("texts, numbers, lists and maps of text"))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Told<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a> {
    code_n: u32,
    code: &'a str,
    message: &'a str,
}

/// Renders what a request came to.
pub(super) fn render(stamp: Stamp, outcome: Result<Json, Fault>) -> Answered {
    let (result, fault) = match outcome {
        Ok(result) => (Some(result), None),
        Err(fault) => (None, Some(fault)),
    };
    let told = fault.as_ref().map(|fault| (fault.code.told_as(), fault));
    let error =
        told.map(|((code, code_n, _), fault)| Told { code_n, code, message: &fault.message });
    // QUIRK(volcengine): without an Action the vendor tells the RequestId and nothing else.
    let has_action = stamp.action.is_some();
    let metadata = Json::of(&Metadata {
        request_id: &stamp.request_id,
        action: stamp.action.as_deref(),
        version: stamp.version.as_deref(),
        service: has_action.then_some(SERVICE),
        region: has_action.then(|| stamp.region.as_deref().unwrap_or(DEFAULT_REGION)),
        error,
    });
    let body = match result {
        None => [b"{\"ResponseMetadata\":", &*metadata.0, b"}"].concat(),
        Some(Json(result)) => {
            [b"{\"ResponseMetadata\":", &*metadata.0, b",\"Result\":", &*result, b"}"].concat()
        }
    };
    let (status, outcome) = match told {
        Some(((code, _, status), _)) => (status, code),
        None => (StatusCode::OK, "ok"),
    };
    Answered {
        response: response(status, body, &stamp.request_id),
        action: stamp.known_action,
        app: stamp.app,
        outcome: outcome.to_owned(),
        cause: fault.and_then(|fault| fault.cause),
        request_id: stamp.request_id,
    }
}

fn response(status: StatusCode, body: Vec<u8>, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    let log_id = HeaderValue::from_str(request_id).expect("digits and letters");
    response.headers_mut().insert(LOG_ID, log_id);
    response
}

/// 14 digits of the vendor's local time, and 20 hexadecimal digits that nobody can guess the next
/// of and that do not come twice.
fn mint_request_id(now_unix_us: i64) -> String {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static MINTED: AtomicU64 = AtomicU64::new(0);
    let count = MINTED.fetch_add(1, Ordering::Relaxed);
    let (high, low) = (KEY.hash_one((count, now_unix_us)), KEY.hash_one(count) & 0xffff);
    let now = Timestamp::from_microsecond(now_unix_us).unwrap_or_default();
    let local = Offset::constant(8).to_datetime(now).strftime("%Y%m%d%H%M%S");
    format!("{local}{high:016X}{low:04X}")
}
