//! Times in parameters and answers: RFC 3339, in whole seconds.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

const UNIX_EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The second that a parameter names.
///
/// Fractions are dropped (V27). A leap second is the second after it.
///
/// QUIRK(volcengine): the documented examples have a space where the `+` of the offset belongs,
/// which is what a raw `+` becomes in a query; so a space is a plus. It is repaired here and not in
/// the query, since the signature is over the space. Capture: *--ListUserInfo-odd-chars.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let offset = rest.strip_prefix('.').map_or(Some(rest), after_fraction)?;
    let offset_s = parse_offset(offset)?;

    let [year, month, day] = digits(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = digits(time, ':', [2, 2, 2])?;
    let is_leap = second == 60;
    let second = if is_leap { 59 } else { second };
    let small = |number: i16| i8::try_from(number).ok();
    let date = Date::new(year, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let local = date.to_datetime(time).duration_since(UNIX_EPOCH).as_secs();
    let unix_s = local - offset_s + i64::from(is_leap);
    // Leap seconds are the last of a day of UTC.
    (!is_leap || unix_s.rem_euclid(86_400) == 0).then_some(unix_s)
}

fn after_fraction(fraction: &str) -> Option<&str> {
    let rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (rest.len() < fraction.len()).then_some(rest)
}

fn parse_offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, clock) = text.split_at_checked(1)?;
    let sign = match sign {
        "+" | " " => 1,
        "-" => -1,
        _ => return None,
    };
    let [hours, minutes] = digits(clock, ':', [2, 2])?;
    let inside = hours < 24 && minutes < 60;
    inside.then(|| sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
}

/// Numbers of these many digits.
fn digits<const N: usize>(text: &str, between: char, lens: [usize; N]) -> Option<[i16; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, len) in numbers.iter_mut().zip(lens) {
        let part = parts.next()?;
        if part.len() != len || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// A second as answers show it, this far east of Greenwich.
pub(super) fn render(unix_s: i64, offset_s: i32) -> String {
    let first_and_last = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let inside = unix_s.clamp(first_and_last.0, first_and_last.1);
    let timestamp = Timestamp::from_second(inside).unwrap_or_default();
    let offset = Offset::from_seconds(offset_s).unwrap_or(Offset::UTC);
    let (sign, east_s) = if offset_s < 0 { ('-', -offset_s) } else { ('+', offset_s) };
    let local = offset.to_datetime(timestamp).strftime("%Y-%m-%dT%H:%M:%S");
    format!("{local}{sign}{:02}:{:02}", east_s / 3_600, east_s / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_form_that_clients_send() {
        for text in [
            "2022-05-22T12:00:00+08:00",
            "2022-05-22T12:00:00 08:00",
            "2022-05-22T12:00:00.999999999+08:00",
            "2022-05-22t04:00:00z",
            "2022-05-22T04:00:00.5Z",
            "2022-05-21T23:30:00-04:30",
            "2022-05-22T04:00:00-00:00",
        ] {
            assert_eq!(parse(text), Some(1_653_192_000), "{text}");
        }
        // The leap second before 2017-01-01T00:00:00Z.
        assert_eq!(parse("2016-12-31T23:59:60Z"), Some(1_483_228_800));
        assert_eq!(parse("2017-01-01T07:59:60+08:00"), Some(1_483_228_800));
    }

    #[test]
    fn the_first_and_the_last_year_have_times() {
        assert_eq!(parse("0000-01-01T00:00:00+23:59"), Some(-62_167_305_540));
        assert_eq!(parse("9999-12-31T23:59:59.9-23:59"), Some(253_402_387_139));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "T",
            "now",
            "1653192000",
            "2022-05-22",
            "2022-05-22 12:00:00+08:00",
            "2022-05-22T12:00:00",
            "2022-05-22T12:00+08:00",
            "2022-05-22T12:00:00.+08:00",
            "2022-05-22T12:00:00+0800",
            "2022-05-22T12:00:00+24:00",
            "2022-05-22T12:00:00+08:60",
            "2022-05-22T12:00:00++8:00",
            "2022-05-22T24:00:00Z",
            "2022-05-22T12:00:60Z",
            "2022-05-22T12:00:61Z",
            "2022-02-29T12:00:00Z",
            "2022-13-01T12:00:00Z",
            "+022-05-22T12:00:00Z",
            "22-05-22T12:00:00Z",
            "2022-05-22T12:00:00Zx",
            "2022-05-22T12:00:0房Z",
            "٢٠٢٢-05-22T12:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_shown_in_the_zone_of_the_answers() {
        assert_eq!(render(1_653_192_000, 28_800), "2022-05-22T12:00:00+08:00");
        assert_eq!(render(1_653_192_000, 0), "2022-05-22T04:00:00+00:00");
        assert_eq!(render(1_653_192_000, -16_200), "2022-05-21T23:30:00-04:30");
        assert_eq!(parse(&render(1_653_192_000, -1_800)), Some(1_653_192_000));
        for unix_s in [i64::MIN, i64::MAX] {
            assert!(render(unix_s, 28_800).ends_with("+08:00"));
        }
    }
}
