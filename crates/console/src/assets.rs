//! The style, the script and the icon, all our own, under names that change with what is in them.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../assets/console.css");
const ICON: &str = include_str!("../assets/icon.svg");
const SCRIPT: &str = include_str!("../assets/console.js");

/// The name of the style.
pub(crate) static STYLE_NAME: LazyLock<String> = LazyLock::new(|| named(STYLE, "css"));
/// The name of the icon.
pub(crate) static ICON_NAME: LazyLock<String> = LazyLock::new(|| named(ICON, "svg"));
/// The name of the script.
pub(crate) static SCRIPT_NAME: LazyLock<String> = LazyLock::new(|| named(SCRIPT, "js"));

fn named(text: &str, kind: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("console-{hash}.{kind}")
}

/// Answers with the file of this name.
pub(crate) fn answer(name: &str) -> Response<Bytes> {
    let (text, kind) = match name {
        _ if name == *STYLE_NAME => (STYLE, "text/css; charset=utf-8"),
        _ if name == *ICON_NAME => (ICON, "image/svg+xml"),
        _ if name == *SCRIPT_NAME => (SCRIPT, "text/javascript; charset=utf-8"),
        _ => {
            let mut response = Response::new(Bytes::from_static(b"there is nothing here\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
    };
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, forever);
    response
}
