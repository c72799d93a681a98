//! Names of rooms, people, calls, connections and events are kept exactly as they are, or not at
//! all.

use domain::log::Event;

use super::sender::named;
use super::{Doc, Name, Sample, Sender};

/// Every name of every sample.
fn names(sender: &Sender) -> impl Iterator<Item = (&Sample, &Name)> {
    sender.samples.iter().flat_map(|sample| sample.names.iter().map(move |name| (sample, name)))
}

fn check_kept(events: &[Event], name: &Name, expected: &str, doc: &Doc) {
    for event in events {
        let kept = named(event, name.of);
        assert_eq!(kept.as_deref(), Some(expected), "{:?}: {doc}", name.of);
    }
}

pub(super) fn names_are_kept_in_every_alphabet(sender: &Sender) {
    let alphabets = [
        "课堂 (2)",
        "部屋",
        "교실",
        "комната",
        "غرفة",
        "חדר",
        "कमरा",
        "ห้อง",
        "தமிழ்",
        "🎓👩‍🏫🏳️‍🌈",
        "\u{10ffff}\u{e000}",
        "e\u{301}",
        "\u{e9}",
        "a\u{200d}b\u{200b}c",
        "\u{202e}desrever\u{202c}",
        "\u{200f}\u{200e}",
        "\u{feff}",
        "\u{1}\u{1b}[31m\u{7f}\u{85}",
        "line\r\nbreak\ttab",
        " ",
        " a  b ",
        "a\"b\\c/d",
        "a+b%20c&d=e#f?g",
        "<script>'--",
        "null",
        "0012",
        "-0",
        "1e3",
        "x",
    ];
    for (sample, name) in names(sender) {
        for text in alphabets {
            let mut doc = sample.doc();
            doc.set(name.at, Doc::of_text(text));
            check_kept(&sender.events(&doc), name, text, &doc);
            let mut escaped = sample.doc();
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            escaped.set(name.at, Doc::Leaf(format!("\"{}\"", units.collect::<String>())));
            check_kept(&sender.events(&escaped), name, text, &escaped);
        }
    }
}

pub(super) fn a_name_has_at_most_256_bytes(sender: &Sender) {
    let of_three_bytes = "语".repeat(85) + "x";
    for (sample, name) in names(sender) {
        for text in ["x".repeat(256), of_three_bytes.clone()] {
            let mut doc = sample.doc();
            doc.set(name.at, Doc::of_text(&text));
            check_kept(&sender.events(&doc), name, &text, &doc);
        }
        for text in ["x".repeat(257), of_three_bytes.clone() + "x", "PRIVATE ".repeat(8_192)] {
            let mut doc = sample.doc();
            doc.set(name.at, Doc::of_text(&text));
            tells_nothing(sender, &doc);
        }
    }
}

pub(super) fn a_name_holds_no_nul(sender: &Sender) {
    for (sample, name) in names(sender) {
        for text in ["\0", "PRIVATE\0", "\0PRIVATE"] {
            let mut doc = sample.doc();
            doc.set(name.at, Doc::of_text(text));
            tells_nothing(sender, &doc);
        }
    }
}

/// A name that cannot be kept makes the whole event unintelligible: without it, it would be about
/// something else.
fn tells_nothing(sender: &Sender, doc: &Doc) {
    let received = sender.receive(doc);
    assert_eq!((received.events, received.ignored), (vec![], 0), "{doc}");
}

pub(super) fn numbers_keep_all_their_digits(sender: &Sender) {
    let numbers = [
        "0",
        "1",
        "-5",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551617",
        "170141183460469231731687303715884105727",
    ];
    for (sample, name) in names(sender) {
        for number in numbers {
            let doc = sample.with(name.at, number);
            let events = sender.receive(&doc).events;
            if name.may_be_number {
                assert!(!events.is_empty(), "{doc}");
                check_kept(&events, name, number, &doc);
            } else if name.is_needed {
                assert_eq!(events, [], "{doc}");
            }
            let text = sample.with(name.at, &format!("\"{number}\""));
            check_kept(&sender.events(&text), name, number, &text);
        }
        // What has a fraction or an exponent may be rounded already.
        for number in ["1.0", "6.085e18", "1E2", "1e400", "-0.0"] {
            let doc = sample.with(name.at, number);
            for event in sender.receive(&doc).events {
                assert_eq!((named(&event, name.of), name.is_needed), (None, false), "{doc}");
            }
        }
    }
}
