//! Times are taken in the unit that the sender documents. None is guessed at or corrected: what is
//! too late or too early is for the log to judge, which sees it as it is.

use super::sender::NOW_US;
use super::{Doc, Sample, Sender, Unit};

const SECOND_US: i64 = 1_000_000;
/// The last second of the year 9999.
const YEAR_9999_S: i64 = 253_402_300_799;

/// The sample with this time, and no other.
fn dated(sample: &Sample, time: &str) -> Doc {
    let mut doc = sample.doc();
    sample.times[1..].iter().for_each(|(path, _)| doc.remove(path));
    doc.set(sample.times[0].0, Doc::Leaf(time.to_owned()));
    doc
}

/// Instants by the clocks of senders that are wrong, or that count in another unit.
fn instants_us() -> [i64; 10] {
    let now_s = NOW_US / SECOND_US;
    [
        NOW_US - 366 * 86_400 * SECOND_US,
        NOW_US + 660 * SECOND_US,
        SECOND_US,
        // Seconds where milliseconds or microseconds belong,
        now_s * 1_000,
        now_s,
        // and the other way round.
        now_s * 1_000 * SECOND_US,
        now_s * SECOND_US * 1_000,
        YEAR_9999_S * SECOND_US,
        YEAR_9999_S * SECOND_US - 1_000_000_000,
        i64::MAX,
    ]
}

pub(super) fn a_time_is_taken_as_it_is_or_not_at_all(sender: &Sender) {
    for sample in sender.samples {
        let Unit::Us(unit_us) = sample.times[0].1 else {
            rfc_3339_is_taken_to_the_letter(sender, sample);
            continue;
        };
        for told in instants_us().map(|instant_us| instant_us / unit_us) {
            if told == 0 {
                continue;
            }
            for doc in [dated(sample, &told.to_string()), dated(sample, &format!("\"{told}\""))] {
                let placed = |event: &domain::log::Event| {
                    let later_us = event.time_unix_us - told * unit_us;
                    (0..=sample.placed_us_max).contains(&later_us)
                };
                assert!(sender.receive(&doc).events.iter().all(placed), "{doc}");
            }
            // As this sender writes it, it is taken.
            let written = sample.doc().all(sample.times[0].0)[0].to_string();
            let told =
                if written.starts_with('"') { format!("\"{told}\"") } else { told.to_string() };
            // The last second of all may lack the room to be placed in.
            if told.trim_matches('"') != (i64::MAX / unit_us).to_string() {
                assert!(!sender.events(&dated(sample, &told)).is_empty(), "{told}");
            }
        }
    }
}

fn rfc_3339_is_taken_to_the_letter(sender: &Sender, sample: &Sample) {
    let times = [
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("1970-01-01T00:00:00Z", 0),
        ("2025-11-20T12:00:00+08:00", 1_763_611_200_000_000),
        ("9999-12-30T00:00:00Z", 253_402_128_000_000_000),
    ];
    for (time, unix_us) in times {
        for event in sender.events(&dated(sample, &format!("\"{time}\""))) {
            assert_eq!(event.time_unix_us, unix_us, "{time}");
        }
    }
}

pub(super) fn what_is_no_time_dates_nothing(sender: &Sender) {
    let too_large = i64::MAX as i128 + 1;
    let of_all = [
        "null".to_owned(),
        "true".to_owned(),
        "1.5".to_owned(),
        "1.5e12".to_owned(),
        "1e400".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "\"\"".to_owned(),
        "\"soon\"".to_owned(),
        "\"1795225509.5\"".to_owned(),
        "\" 1795225509\"".to_owned(),
        "\"\u{661}\u{662}\"".to_owned(),
        too_large.to_string(),
        format!("\"{too_large}\""),
        "1000000000000000000000000000000".to_owned(),
    ];
    let of_numbers = ["0", "-1", "-1795225509871", "\"0\"", "\"-5\"", "-9223372036854775808"];
    let of_texts = ["0", "1795225509", "\"1795225509\"", "\"2026-11-21\"", "\"2026-11-21T01:45\""];
    for sample in sender.samples {
        let own: &[&str] = match sample.times[0].1 {
            Unit::Us(_) => &of_numbers,
            Unit::Rfc3339 => &of_texts,
        };
        for time in of_all.iter().map(String::as_str).chain(own.iter().copied()) {
            let doc = dated(sample, time);
            assert_eq!(sender.receive(&doc).events, [], "{doc}");
        }
        if let Unit::Us(unit_us @ 2..) = sample.times[0].1 {
            let doc = dated(sample, &(i64::MAX / unit_us + 1).to_string());
            assert_eq!(sender.receive(&doc).events, [], "{doc}");
        }
    }
}
