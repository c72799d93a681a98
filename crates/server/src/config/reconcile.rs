//! The settings of a source that say where it is asked who is there, and how often.

use std::time::Duration;

use domain::AppId;
use http::Uri;
use sources::livekit::{SETTING_RECONCILE_SECONDS, SETTING_URL};

use super::values::parse_url;

/// How often, unless it is told.
const SECONDS_DEFAULT: i64 = 60;
/// How often at most, in seconds between two rounds.
const SECONDS_MIN: i64 = 1;
/// How seldom at most.
const SECONDS_MAX: i64 = 3_600;

/// A LiveKit that an app wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reconcile {
    /// Whose log is put right.
    pub(crate) app: AppId,
    /// Where LiveKit's own API is; the path, if there is one, goes before LiveKit's.
    pub(crate) url: Uri,
    /// The time from the end of a round to the next.
    pub(crate) every: Duration,
}

/// Reads the settings. Without an address nobody is asked.
pub(super) fn read(
    app: AppId,
    url: Option<&toml::Value>,
    seconds: Option<&toml::Value>,
) -> Result<Option<Reconcile>, String> {
    let url = match (url, seconds) {
        (Some(url), _) => url.as_str().and_then(parse_url).ok_or_else(|| {
            format!("`{SETTING_URL}` is LiveKit's address, such as \"http://127.0.0.1:7880\"")
        })?,
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            return Err(format!("`{SETTING_RECONCILE_SECONDS}` needs a `{SETTING_URL}` to ask"));
        }
    };
    let seconds = match seconds {
        None => Some(SECONDS_DEFAULT),
        Some(seconds) => seconds.as_integer(),
    };
    let seconds = seconds
        .filter(|seconds| (SECONDS_MIN..=SECONDS_MAX).contains(seconds))
        .and_then(|seconds| u64::try_from(seconds).ok())
        .ok_or_else(|| {
            format!(
                "`{SETTING_RECONCILE_SECONDS}` is a number of seconds from {SECONDS_MIN} to \
                 {SECONDS_MAX}"
            )
        })?;
    Ok(Some(Reconcile { app, url, every: Duration::from_secs(seconds) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: Option<&str>, seconds: Option<i64>) -> Result<Option<(String, u64)>, String> {
        let url = url.map(toml::Value::from);
        let seconds = seconds.map(toml::Value::from);
        let read = read(AppId(7), url.as_ref(), seconds.as_ref())?;
        Ok(read.map(|it| (it.url.to_string(), it.every.as_secs())))
    }

    #[test]
    fn an_address_is_asked_every_minute_unless_it_is_told() {
        let url = "http://127.0.0.1:7880";
        let read = |seconds: u64| Ok(Some((format!("{url}/"), seconds)));
        assert_eq!(check(None, None), Ok(None));
        assert_eq!(check(Some(url), None), read(60));
        assert_eq!(check(Some(url), Some(1)), read(1));
        assert_eq!(check(Some(url), Some(3_600)), read(3_600));
        let below = "https://[::1]/some/path/";
        assert_eq!(check(Some(below), None), Ok(Some((below.to_owned(), 60))));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for url in [
            "",
            "127.0.0.1:7880",
            "ws://127.0.0.1:7880",
            "http://",
            "/path",
            "http://user:password@127.0.0.1",
            "http://127.0.0.1/?a=b",
            "http://127.0.0.1/#a",
        ] {
            let said = check(Some(url), None).expect_err(url);
            assert!(said.starts_with("`url` is LiveKit's address, such as \"http"), "{said}");
        }
        for seconds in [i64::MIN, -1, 0, 3_601, i64::MAX] {
            let said = check(Some("http://127.0.0.1"), Some(seconds)).expect_err("out of bounds");
            assert_eq!(said, "`reconcile_seconds` is a number of seconds from 1 to 3600");
        }
        let said = check(None, Some(60)).expect_err("nobody to ask");
        assert_eq!(said, "`reconcile_seconds` needs a `url` to ask");
    }
}
