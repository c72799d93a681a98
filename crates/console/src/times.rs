//! Times as people read and type them, in the time zone of the config.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A time zone.
#[derive(Clone, Copy)]
pub(crate) struct Zone(Offset);

impl Zone {
    /// East of Greenwich, in seconds.
    pub(crate) fn new(offset_s: i32) -> Self {
        Self(Offset::from_seconds(offset_s).unwrap_or(Offset::UTC))
    }

    fn civil(self, unix_us: i64) -> Option<DateTime> {
        Some(self.0.to_datetime(Timestamp::from_microsecond(unix_us).ok()?))
    }

    /// `2026-11-20 20:00:05`; nothing for what no calendar has.
    pub(crate) fn second(self, unix_s: i64) -> String {
        let civil = self.civil(unix_s.saturating_mul(1_000_000));
        civil.map_or_else(String::new, |it| it.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// The same with milliseconds.
    pub(crate) fn millisecond(self, unix_us: i64) -> String {
        let civil = self.civil(unix_us);
        civil.map_or_else(String::new, |it| it.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
    }

    /// `20:00:05`.
    pub(crate) fn clock(self, unix_s: i64) -> String {
        let civil = self.civil(unix_s.saturating_mul(1_000_000));
        civil.map_or_else(String::new, |it| it.strftime("%H:%M:%S").to_string())
    }

    /// `11-20`.
    pub(crate) fn day(self, unix_s: i64) -> String {
        let civil = self.civil(unix_s.saturating_mul(1_000_000));
        civil.map_or_else(String::new, |it| it.strftime("%m-%d").to_string())
    }

    /// As a field for times has it: `2026-11-20T20:00:05`.
    pub(crate) fn field(self, unix_s: i64) -> String {
        let civil = self.civil(unix_s.saturating_mul(1_000_000));
        civil.map_or_else(String::new, |it| it.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    }

    /// What was typed into such a field, with a space instead of the `T`, or without seconds; or a
    /// Unix time in seconds.
    pub(crate) fn parse(self, typed: &str) -> Option<i64> {
        if typed.len() >= 9 && typed.bytes().all(|byte| byte.is_ascii_digit()) {
            return typed.parse().ok();
        }
        let civil: DateTime = typed.parse().ok()?;
        Some(self.0.to_timestamp(civil).ok()?.as_second())
    }

    /// The first second of the day that a second lies in.
    pub(crate) fn midnight(self, unix_s: i64) -> i64 {
        let east = i64::from(self.0.seconds());
        (unix_s + east).div_euclid(86_400) * 86_400 - east
    }

    /// `+08:00`.
    pub(crate) fn name(self) -> String {
        let s = self.0.seconds();
        let sign = if s < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", s.abs() / 3_600, s.abs() / 60 % 60)
    }
}

/// `1:02:03`, `4:05` or `0:07`.
pub(crate) fn length(seconds: i64) -> String {
    let s = seconds.max(0);
    match s / 3_600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_shown() {
        let zone = Zone::new(8 * 3_600);
        let at = 1_795_226_563;
        assert_eq!(zone.second(at), "2026-11-21 10:02:43");
        for typed in [zone.field(at), zone.second(at), at.to_string()] {
            assert_eq!(zone.parse(&typed), Some(at), "{typed}");
        }
        assert_eq!(zone.parse("2026-11-21T10:02"), Some(at - 43));
        for wrong in ["", "yesterday", "2026-13-01T00:00", "12"] {
            assert_eq!(zone.parse(wrong), None, "{wrong}");
        }
        assert_eq!(zone.second(zone.midnight(at)), "2026-11-21 00:00:00");
        assert_eq!((zone.clock(at), zone.day(at)), ("10:02:43".into(), "11-21".into()));
        assert_eq!(zone.millisecond(at * 1_000_000 + 5_000), "2026-11-21 10:02:43.005");
        assert_eq!((zone.name(), Zone::new(-12_600).name()), ("+08:00".into(), "-03:30".into()));
        assert_eq!(zone.second(i64::MAX), "");
    }

    #[test]
    fn a_length_is_short() {
        for (s, shown) in
            [(0, "0:00"), (7, "0:07"), (245, "4:05"), (3_723, "1:02:03"), (-5, "0:00")]
        {
            assert_eq!(length(s), shown);
        }
    }
}
