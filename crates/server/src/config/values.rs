//! The values that keys may have. Each reads itself, so that a wrong one is told with its line.

use std::num::NonZeroU32;

use http::Uri;
use serde::de::{Deserialize, Deserializer, Error};

/// Whether the vendors' limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Limits {
    Documented,
    Off,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// One line of words per record.
    #[default]
    Text,
    /// One JSON object per record.
    Json,
}

/// Which store keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoreKind {
    /// A folder on this machine.
    #[default]
    Embedded,
    /// Nothing outlives the process.
    Memory,
    /// A ring.
    Cassandra,
}

/// An address that can be asked, and holds no name and password: it may be logged.
pub(super) fn parse_url(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    let is_plain = !url.authority()?.as_str().contains('@') && url.query().is_none();
    (is_http && is_plain && !text.contains('#')).then_some(url)
}

/// Seconds east of Greenwich, written `+08:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeZone(pub(super) i32);

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || format!("{text:?} is not an offset from UTC, such as \"+08:00\"");
        parse_offset(&text).map(Self).ok_or_else(|| D::Error::custom(wrong()))
    }
}

fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two_digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<i32>().ok())
            .flatten()
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// How many days the log keeps a call after its last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RetentionDays(pub(super) u32);

impl RetentionDays {
    const MAX: u32 = 3_650;
}

impl<'de> Deserialize<'de> for RetentionDays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let days = u32::deserialize(deserializer)?;
        let wrong = || format!("{days} is not a number of days from 1 to {}", Self::MAX);
        match days {
            1..=Self::MAX => Ok(Self(days)),
            _ => Err(D::Error::custom(wrong())),
        }
    }
}

/// After how many minutes without a word something is taken to be over; 0 is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Minutes(pub(super) Option<NonZeroU32>);

impl Minutes {
    /// A year.
    const MAX: u32 = 525_600;
}

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let minutes = u32::deserialize(deserializer)?;
        let wrong = || format!("{minutes} is not a number of minutes from 0 to {}", Self::MAX);
        match minutes {
            0..=Self::MAX => Ok(Self(NonZeroU32::new(minutes))),
            _ => Err(D::Error::custom(wrong())),
        }
    }
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogLevel(pub(super) tracing::Level);

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || format!("{text:?} is none of error, warn, info, debug, trace");
        text.parse().map(Self).map_err(|_| D::Error::custom(wrong()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_has_a_sign_hours_and_minutes() {
        assert_eq!(parse_offset("+08:00"), Some(28_800));
        assert_eq!(parse_offset("-03:30"), Some(-12_600));
        assert_eq!(parse_offset("Z"), Some(0));
        for text in ["", "+", "08:00", "+8:00", "+08:60", "+19:00", "+08", "+aa:bb", "＋08:00"] {
            assert_eq!(parse_offset(text), None, "{text}");
        }
    }
}
