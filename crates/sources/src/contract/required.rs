//! Fields that are missing, and fields of another type.

use super::sender::kind_of;
use super::{Doc, Sample, Sender, Signing};

/// Values that are no name, no time and no kind of event.
const OF_A_WRONG_TYPE: &[&str] =
    &["null", "true", "false", "1.5", "-1.5e3", "1e400", "[]", "{}", "[[]]", "\"\"", "\"\\ud800\""];

/// Those, and values that may be anything.
const ODD: &[&str] = &[
    "0",
    "-1",
    "1",
    "64",
    "9007199254740993",
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775808",
    "1000000000000000000000000000000",
    "\"PRIVATE person\"",
    "\"0\"",
    "\" \"",
    "\"\\u0000\"",
    "[\"PRIVATE it\"]",
    "{\"PRIVATE\":\"PRIVATE it\"}",
];

pub(super) fn each_sample_tells_its_fact(sender: &Sender) {
    for sample in sender.samples {
        let events = sender.events(&sample.doc());
        let kinds: Vec<&str> = events.iter().map(|event| kind_of(&event.fact)).collect();
        assert!(kinds.contains(&sample.fact), "{kinds:?}: {}", sample.json);
        for other in sender.samples.iter().filter(|other| other.fact != sample.fact) {
            let identity = |sample: &Sample| sender.events(&sample.doc())[0].identity();
            let is_of_one_event = sample.fact == "client" || other.fact == "client";
            assert!(is_of_one_event || identity(sample) != identity(other), "{}", sample.json);
        }
    }
}

/// Where a sample holds what nothing can be told without.
fn needed(sender: &Sender, sample: &Sample) -> Vec<&'static str> {
    let names = sample.names.iter().filter(|name| name.is_needed).map(|name| name.at);
    let is_there = |path: &&str| !sample.doc().all(path).is_empty();
    names.chain(sample.needs.iter().copied()).chain([sender.kind]).filter(is_there).collect()
}

pub(super) fn nothing_is_told_without_what_is_needed(sender: &Sender) {
    for sample in sender.samples {
        let needed = needed(sender, sample);
        assert!(needed.len() > 1, "{}", sample.json);
        for path in needed {
            let mut doc = sample.doc();
            doc.remove(path);
            assert_eq!(sender.receive(&doc).events, [], "without {path}");
        }
        let mut undated = sample.doc();
        sample.times.iter().for_each(|(path, _)| undated.remove(path));
        assert_eq!(sender.receive(&undated).events, [], "without a time: {undated}");
        // What only helps may be missing.
        let mut bare = sample.doc();
        let is_optional = |path: &str| {
            let leads_on = |other: &str| other.starts_with(&format!("{path}/"));
            let kept = [needed_and_signed(sender, sample), vec![sample.times[0].0]].concat();
            !kept.iter().any(|other| *other == path || leads_on(other))
        };
        bare.paths().iter().filter(|path| is_optional(path)).for_each(|path| bare.remove(path));
        let events = sender.events(&bare);
        assert!(!events.is_empty(), "{bare}");
    }
}

fn needed_and_signed(sender: &Sender, sample: &Sample) -> Vec<&'static str> {
    let mut paths = needed(sender, sample);
    if let Signing::Fields(_, signed) = sender.signing {
        paths.extend(signed);
    }
    paths
}

pub(super) fn a_wrong_type_is_never_taken_for_another(sender: &Sender) {
    for sample in sender.samples {
        for path in needed(sender, sample) {
            let holds_list = sample.doc().all(path).iter().any(|it| matches!(it, Doc::Array(_)));
            for value in OF_A_WRONG_TYPE {
                let doc = sample.with(path, value);
                let is_list = holds_list && *value == "[]";
                assert_eq!(sender.receive(&doc).events.is_empty(), !is_list, "{doc}");
            }
        }
    }
}

/// Every field of every sample, needed or not, with every odd value.
pub(super) fn whatever_a_field_holds_no_fact_is_made_up(sender: &Sender) {
    for sample in sender.samples {
        for path in sample.doc().paths() {
            for value in OF_A_WRONG_TYPE.iter().chain(ODD) {
                let doc = sample.with(&path, value);
                match sender.deliver(&sender.sign(&doc)) {
                    Ok(received) => sender.check(&doc, &received),
                    // What is signed with nothing in it is not signed.
                    Err(why) => assert!(is_signed(sender, &path), "{why}: {doc}"),
                }
            }
            let mut doc = sample.doc();
            doc.remove(&path);
            if let Ok(received) = sender.deliver(&sender.sign(&doc)) {
                sender.check(&doc, &received);
            }
        }
    }
}

fn is_signed(sender: &Sender, path: &str) -> bool {
    matches!(sender.signing, Signing::Fields(_, signed) if signed.contains(&path))
}
