//! `broadcast_url` and `broadcast_secret`: where an app's broadcasts are delivered, and what signs
//! the deliveries.

use std::fmt;

use domain::AppId;
use http::Uri;

use super::file::AppTable;
use crate::broadcast::parse_secret;

/// How many bytes a key has, as the convention wants it. Others work too.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Who takes an app's broadcasts.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// Whose broadcasts.
    pub(crate) app: AppId,
    /// Where they are delivered. It may hold what only the receiver should know, so it is not
    /// logged.
    pub(crate) url: Uri,
    /// What signs them.
    pub(crate) key: Vec<u8>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("app", &self.app).finish_non_exhaustive()
    }
}

/// Reads both keys; a fault tells the byte of the file where it is.
pub(super) fn read(
    table: &AppTable,
    remarks: &mut Vec<String>,
) -> Result<Option<Receiver>, (usize, &'static str)> {
    let secret = table.broadcast_secret.as_ref();
    let key = secret.map(|secret| {
        parse_secret(secret.get_ref()).ok_or((
            secret.span().start,
            "a broadcast_secret is \"whsec_\" and behind it the base64 of 24 to 64 random bytes",
        ))
    });
    let key = key.transpose()?;
    let Some(url) = &table.broadcast_url else { return Ok(None) };
    let at = url.span().start;
    let Some(key) = key else {
        return Err((at, "a broadcast_url needs a broadcast_secret to sign with"));
    };
    let url = parse_url(url.get_ref()).ok_or((
        at,
        "a broadcast_url is an address such as \"https://example.com/broadcasts\", without a user, \
         a password and a fragment",
    ))?;
    let app = AppId(*table.id.get_ref());
    if !KEY_BYTES.contains(&key.len()) {
        remarks.push(format!("app {app}: the broadcast_secret should have 24 to 64 bytes"));
    }
    if url.scheme_str() == Some("http") {
        remarks.push(format!("app {app}: the broadcast_url is not HTTPS, so anybody may read on"));
    }
    Ok(Some(Receiver { app, url, key }))
}

fn parse_url(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    let authority = url.authority()?;
    let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    (is_http && is_plain && !text.contains('#')).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_neither_user_nor_fragment() {
        for good in ["http://127.0.0.1:7880", "https://a.example/b?c=d", "https://[::1]/"] {
            assert!(parse_url(good).is_some(), "{good}");
        }
        for bad in
            ["", "a.example", "ftp://a", "https://", "https://u:p@a/", "https://a/#b", "/path"]
        {
            assert!(parse_url(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_receiver_shows_neither_address_nor_key() {
        let url = "https://a.example/token".parse().expect("an address");
        let receiver = Receiver { app: AppId(1), url, key: vec![97, 98] };
        assert_eq!(format!("{receiver:?}"), "Receiver { app: AppId(1), .. }");
    }
}
