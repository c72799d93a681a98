//! Bodies as a whole: what is no document, what is large or deep, what stands twice.

use domain::log::{ClientFacts, Fact};

use super::sender::reasons;
use super::{Doc, Sender, Sent, Signing};
use crate::{Received, Unauthentic};

const LARGE_BYTES: usize = 5 << 20;
const DEPTH: usize = 100_000;

/// A body that nobody can read is kept as a dead letter, if it is known whose it is. Where the
/// proof would stand in the body, there is none.
fn is_not_read(sender: &Sender, body: &[u8]) {
    let received = sender.deliver(&sender.sign_bytes(body));
    let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
    if sender.signs_inside() {
        assert_eq!(received, Err(Unauthentic::Missing), "{shown}");
        return;
    }
    let received = received.expect("authentic");
    sender.check_bytes(&received);
    let Received { events, ignored, .. } = &received;
    assert_eq!((events.len(), *ignored, reasons(&received).len()), (0, 0, 1), "{shown}");
}

pub(super) fn what_is_no_document_is_not_read(sender: &Sender) {
    let sample = sender.samples[0].doc().to_string();
    let utf_16: Vec<u8> = sample.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = format!("\u{feff}{sample}");
    let bodies: [&[u8]; 20] = [
        b"",
        b" ",
        b"\0",
        b"{",
        b"}",
        b"null",
        b"true",
        b"5",
        b"-",
        b"\"PRIVATE\"",
        b"PRIVATE",
        b"{PRIVATE}",
        b"{\"PRIVATE\"}",
        b"{\"PRIVATE\":}",
        b"\xff\xfe\xfd",
        b"\x1f\x8b\x08\x00",
        b"<PRIVATE/>",
        b"--b\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\nPRIVATE\r\n",
        &utf_16,
        marked.as_bytes(),
    ];
    bodies.iter().for_each(|body| is_not_read(sender, body));
    let large = "x".repeat(LARGE_BYTES);
    let nested = ["[", "{\"a\":", "[[],"].map(|open| open.repeat(DEPTH));
    nested.iter().chain([&large]).for_each(|body| is_not_read(sender, body.as_bytes()));
}

/// Nothing of a document is believed before its end was seen, nor with anything behind its end.
pub(super) fn a_document_is_read_to_its_last_byte(sender: &Sender) {
    for sample in sender.samples {
        let Sent { body, .. } = sender.sign(&sample.doc());
        (0..body.len()).for_each(|len| is_not_read(sender, &body[..len]));
        for garbage in [b"x".as_slice(), b"{}", b"]", b"\0", b",", b"\xff"] {
            is_not_read(sender, &[&body, garbage].concat());
        }
        // Halfway through a character, and in the middle of a text.
        let text = sample.with(sample.names[0].at, "\"PRIVATE \u{1f393}\"").to_string();
        let at = text.find('\u{1f393}').expect("it is there");
        let broken = [&text.as_bytes()[..at + 2], &text.as_bytes()[at + 4..]].concat();
        is_not_read(sender, &broken);
    }
}

pub(super) fn one_document_is_no_array_of_them(sender: &Sender) {
    let usual = sender.receive(&sender.samples[0].doc());
    let sent = sender.sign(&sender.samples[0].doc());
    let array = [b"[".as_slice(), &sent.body, b"]"].concat();
    if sender.takes_arrays {
        assert_eq!(sender.deliver(&sender.sign_bytes(&array)), Ok(usual));
        return;
    }
    is_not_read(sender, &array);
    is_not_read(sender, b"[]");
    // A derived reader would take the values for the fields in order.
    let Doc::Object(fields) = sender.samples[0].doc() else { panic!("no object") };
    let values = Doc::Array(fields.into_iter().map(|(_, value)| value).collect());
    is_not_read(sender, values.to_string().as_bytes());
}

/// How many of an object's values are tried in each place of an array.
const VALUES_TRIED: usize = 7;

/// Nor is an array an object anywhere inside, whichever of the object's values it holds: a derived
/// reader would take them for the fields in an order of its own.
pub(super) fn an_array_of_its_values_is_no_object(sender: &Sender) {
    for sample in sender.samples {
        for path in sample.needs {
            let doc = sample.doc();
            let Some(Doc::Object(fields)) = doc.all(path).first() else { continue };
            let values = fields.iter().take(VALUES_TRIED).map(|(_, value)| value.to_string());
            let values: Vec<String> = values.chain(["null".to_owned()]).collect();
            let mut arrays = vec![String::new()];
            for _ in 0..3 {
                let with = |array: &String| {
                    let comma = if array.is_empty() { "" } else { "," };
                    values.iter().map(|value| format!("{array}{comma}{value}")).collect::<Vec<_>>()
                };
                arrays = arrays.iter().flat_map(with).collect();
                for array in &arrays {
                    let doc = sample.with(path, &format!("[{array}]"));
                    let received = sender.deliver(&sender.sign(&doc)).expect("authentic");
                    assert_eq!(received.events, [], "{doc}");
                }
            }
        }
    }
}

/// The objects that a document is made of, the document itself first.
fn objects_of(doc: &Doc) -> Vec<String> {
    let is_object = |path: &String| matches!(doc.all(path)[0], Doc::Object(_));
    std::iter::once(String::new()).chain(doc.paths().into_iter().filter(is_object)).collect()
}

/// As far as such a body is taken at all: of native events none is that large.
pub(super) fn five_mebibytes_are_read_like_one(sender: &Sender) {
    let sample = &sender.samples[0];
    let usual = kept(sender.receive(&sample.doc()));
    let check = |doc: &Doc| {
        let received = sender.receive(doc);
        match sender.hook {
            Some(_) => assert_eq!(kept(received), usual),
            None => assert_eq!(reasons(&received).len(), 1),
        }
    };
    let large = Doc::of_text(&"x".repeat(LARGE_BYTES));
    for object in objects_of(&sample.doc()) {
        let mut doc = sample.doc();
        doc.set(&format!("{object}/future"), large.clone());
        check(&doc);
    }
    let mut doc = sample.doc();
    let many: String = (0..450_000).map(|n| format!(",\"{n}\":1")).collect();
    doc.set("/future", Doc::Leaf(format!("1{many}")));
    check(&doc);
}

/// What a delivery tells, but for ids, which may be made from the whole document, and for what is
/// told of the client, which may be taken whole or not at all.
fn kept(received: Received) -> Vec<(i64, Fact)> {
    let events = received.events.into_iter();
    let mut facts: Vec<_> = events.map(|event| (event.time_unix_us, event.fact)).collect();
    for (_, fact) in &mut facts {
        if let Fact::Joined { client, .. } | Fact::Left { client, .. } = fact {
            *client = ClientFacts::default();
        }
    }
    facts.retain(|(_, fact)| !matches!(fact, Fact::Client { .. }));
    facts
}

/// Depth neither overflows a stack nor hides what stands beside it, unless it is refused.
pub(super) fn depth_costs_nothing(sender: &Sender) {
    let sample = &sender.samples[0];
    let usual = kept(sender.receive(&sample.doc()));
    let arrays = Doc::Leaf(format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)));
    let objects = Doc::Leaf(format!("{}1{}", "{\"a\":".repeat(DEPTH), "}".repeat(DEPTH)));
    for object in objects_of(&sample.doc()) {
        for deep in [&arrays, &objects] {
            let mut doc = sample.doc();
            doc.set(&format!("{object}/future"), deep.clone());
            let received = read_deep(sender, &doc);
            let is_refused = reasons(&received).len() == 1;
            assert!(is_refused || kept(received) == usual, "beside {object:?}");
        }
    }
    for path in sample.doc().paths() {
        let mut doc = sample.doc();
        doc.set(&path, arrays.clone());
        let received = read_deep(sender, &doc);
        assert!(kept(received).len() <= usual.len(), "{path}");
    }
}

/// Deep documents are not taken apart again to be compared.
fn read_deep(sender: &Sender, doc: &Doc) -> Received {
    let received = sender.deliver(&sender.sign(doc)).unwrap_or_default();
    sender.check_bytes(&received);
    received
}

/// Of two fields of one name either one counts or neither does; which one, the source's own tests
/// tell. What is never told is a fact of one field's room and another's.
pub(super) fn a_field_that_stands_twice_is_never_mixed(sender: &Sender) {
    for sample in sender.samples {
        for path in sample.doc().paths() {
            for second in ["\"PRIVATE second\"", "2", "null", "{}", "[]"] {
                let mut doc = sample.doc();
                doc.double(&path, &Doc::Leaf(second.to_owned()));
                match sender.deliver(&sender.sign(&doc)) {
                    Ok(received) => sender.check(&doc, &received),
                    Err(why) => assert!(sender.signs_inside(), "{why}: {doc}"),
                }
            }
        }
    }
}

pub(super) fn an_event_that_nobody_knows_tells_nothing(sender: &Sender) {
    let Received { events, ignored, .. } = sender.receive(&Doc::parse(sender.unknown));
    // Who sends native events is told which of them are none; a media server is not.
    assert_eq!((events.len(), ignored), (0, usize::from(sender.hook.is_some())));
}

/// Only Janus compresses. What another sender says of its encoding changes nothing.
pub(super) fn a_body_is_what_its_content_encoding_says(sender: &Sender) {
    let signed = sender.sign(&sender.samples[0].doc());
    let usual = sender.deliver(&signed);
    for encoding in ["gzip", "br", "deflate", "nonsense", "\u{ff}"] {
        let mut sent = signed.clone();
        sent.headers.push(("content-encoding", encoding.as_bytes().to_vec()));
        let received = sender.deliver(&sent);
        if matches!(sender.signing, Signing::Password(_)) {
            let received = received.expect("authentic");
            assert_eq!((received.events.len(), reasons(&received).len()), (0, 1), "{encoding}");
        } else {
            assert_eq!(received, usual, "{encoding}");
        }
    }
}
