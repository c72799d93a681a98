//! What nobody would think of: documents that were valid before they were changed at random, and
//! signed only then; and bytes that never were a document.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Doc, Sender};

/// One change, in the place that `at` chooses.
#[derive(Clone, Debug)]
enum Change {
    Set(usize, String),
    Remove(usize),
    Double(usize, String),
    /// Puts what stands in one place into another too.
    Copy(usize, usize),
    /// Exchanges an object or a text for an array of it.
    Wrap(usize),
}

fn changes() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        5 => (at(), values()).prop_map(|(at, value)| Change::Set(at, value)),
        2 => at().prop_map(Change::Remove),
        1 => (at(), values()).prop_map(|(at, value)| Change::Double(at, value)),
        3 => (at(), at()).prop_map(|(from, to)| Change::Copy(from, to)),
        1 => at().prop_map(Change::Wrap),
    ]
}

/// JSON of any kind, as it would stand in a document.
fn values() -> impl Strategy<Value = String> {
    let text = prop_oneof![any::<String>(), "PRIVATE [a-z]{0,300}", "[0-9]{1,25}", "\\PC{1,3}"];
    let texts = text.prop_map(|text| Doc::of_text(&text).to_string());
    let leaf = prop_oneof![
        4 => texts,
        3 => any::<i64>().prop_map(|number| number.to_string()),
        2 => (0_i64..1_000).prop_map(|number| number.to_string()),
        1 => "-?[1-9][0-9]{18,40}",
        1 => "-?(0|[1-9][0-9]{0,5})\\.[0-9]{1,5}([eE][+-]?[0-9]{1,3})?",
        1 => prop::sample::select(vec!["null", "true", "false", "\"\\ud800\"", "\"\\u0000\""])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(("[a-zA-Z._]{0,12}", inner), 0..4).prop_map(|fields| {
                let field = |(name, value): (String, String)| format!("\"{name}\":{value}");
                let fields: Vec<String> = fields.into_iter().map(field).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn change(doc: &mut Doc, change: &Change) {
    let paths = doc.paths();
    let Some(last) = paths.len().checked_sub(1) else { return };
    let path = |at: &usize| paths[at % (last + 1)].as_str();
    match change {
        Change::Set(at, value) => doc.set(path(at), Doc::parse(value)),
        Change::Remove(at) => doc.remove(path(at)),
        Change::Double(at, value) => doc.double(path(at), &Doc::parse(value)),
        Change::Copy(from, to) => {
            let value = doc.all(path(from))[0].clone();
            doc.set(path(to), value);
        }
        Change::Wrap(at) => {
            let value = doc.all(path(at))[0].clone();
            doc.set(path(at), Doc::Array(vec![value]));
        }
    }
}

fn run<S: Strategy>(strategy: &S, claim: impl Fn(S::Value)) {
    // A failure is told with its seed and in its smallest form; nothing is written beside the code.
    let config = Config { failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(strategy, |value| {
        claim(value);
        Ok(())
    });
    tried.unwrap_or_else(|failed| panic!("{failed}"));
}

pub(super) fn whatever_is_sent_no_fact_is_made_up(sender: &Sender) {
    let strategy = (any::<prop::sample::Index>(), prop::collection::vec(changes(), 1..6));
    run(&strategy, |(sample, all)| {
        let mut doc = sample.get(sender.samples).doc();
        all.iter().for_each(|it| change(&mut doc, it));
        match sender.deliver(&sender.sign(&doc)) {
            Ok(received) => sender.check(&doc, &received),
            Err(why) => assert!(sender.signs_inside(), "{why}: {doc}"),
        }
    });
}

/// Documents with bytes cut out, exchanged and put in; and no documents at all.
pub(super) fn whatever_bytes_come_nothing_breaks(sender: &Sender) {
    let bytes = || prop::collection::vec(any::<u8>(), 0..24);
    let index = any::<prop::sample::Index>;
    let strategy = (index(), index(), 0..40_usize, bytes());
    run(&strategy, |(sample, from, len, put)| {
        let mut body = sender.sign(&sample.get(sender.samples).doc()).body;
        let from = from.index(body.len());
        body.splice(from..(from + len).min(body.len()), put.clone());
        for body in [body, put] {
            if let Ok(received) = sender.deliver(&sender.sign_bytes(&body)) {
                sender.check_bytes(&received);
            }
        }
    });
}
