//! What every answer has around its results: `Code`, `Message`, `RequestId`.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::AppId;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde::Serialize;

use super::fault::{Code, Fault};
use crate::Answered;

/// Who asks what, as far as it is known.
#[derive(Debug)]
pub(super) struct Stamp {
    pub(super) request_id: String,
    pub(super) action: &'static str,
    pub(super) app: Option<AppId>,
}

/// The answer to a request that was served; its code may tell of a failure all the same.
#[derive(Debug)]
pub(super) struct Reply<T> {
    pub(super) code: Code,
    pub(super) message: &'static str,
    pub(super) results: T,
}

/// The results of an answer that has none.
#[derive(Debug, Default, Serialize)]
pub(super) struct Nothing {}

/// QUIRK(zegocloud): results of ZIM stand beside `Code`; RTC has its own in `Data`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a, T> {
    code: u32,
    message: &'a str,
    request_id: &'a str,
    #[serde(flatten)]
    results: &'a T,
}

/// Writes the answer; a refused request has the results' default, empty lists.
pub(super) fn render<T>(stamp: Stamp, outcome: Result<Reply<T>, Fault>) -> Answered
where
    T: Serialize + Default,
{
    let (code, message, results, cause) = match outcome {
        Ok(Reply { code, message, results }) => (code, message.to_owned(), results, None),
        Err(Fault { code, message, cause }) => (code, message, T::default(), cause),
    };
    let Stamp { request_id, action, app } = stamp;
    let envelope = Envelope {
        code: code.number(),
        message: &message,
        request_id: &request_id,
        results: &results,
    };
    let body = serde_json::to_vec(&envelope).expect("texts, numbers and lists are always JSON");
    // QUIRK(zegocloud): 200 whatever `Code` says; the vendor's samples read no other answer.
    let mut response = Response::new(Bytes::from(body));
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    let outcome = match code {
        Code::Success => "ok".to_owned(),
        _ => code.number().to_string(),
    };
    Answered { response, action, app, outcome, request_id, cause }
}

/// Makes the ids of requests: nanoseconds since 1970, of which the clock gives the microseconds and
/// the order of arrival the rest. No two of one process are the same, even if the clock goes back.
#[derive(Debug, Default)]
pub(super) struct RequestIds {
    last: AtomicU64,
}

impl RequestIds {
    /// A decimal of 17 to 19 digits, as the vendor's are.
    pub(super) fn mint(&self, now_unix_us: i64) -> String {
        const SMALLEST: u64 = 10_u64.pow(16);
        const LARGEST: u64 = 10_u64.pow(19) - 1;
        let now = u64::try_from(now_unix_us).unwrap_or(0).saturating_mul(1_000);
        let now = now.clamp(SMALLEST, LARGEST);
        let after = |last: u64| now.max(last.wrapping_add(1));
        let order = Ordering::Relaxed;
        let last = self.last.fetch_update(order, order, |last| Some(after(last)));
        after(last.expect("the update never declines")).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_17_to_19_digits_and_never_repeat() {
        let ids = RequestIds::default();
        assert_eq!(ids.mint(i64::MIN), "10000000000000000");
        assert_eq!(ids.mint(0), "10000000000000001");
        assert_eq!(ids.mint(1_615_186_943_000_000), "1615186943000000000");
        assert_eq!(ids.mint(1_615_186_943_000_000), "1615186943000000001");
        assert_eq!(ids.mint(1_615_186_942_000_000), "1615186943000000002", "the clock went back");
        assert_eq!(ids.mint(1_615_186_943_000_001), "1615186943000001000");
        assert_eq!(ids.mint(i64::MAX), "9999999999999999999");
    }
}
