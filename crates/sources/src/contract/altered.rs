//! Who is believed: nobody who does not know the app's secret, and nothing that was changed.

use super::sender::NOW_US;
use super::{Doc, Keys, Sender, Sent, Signing};
use crate::{Received, Unauthentic};

const YEAR_US: i64 = 366 * 86_400 * 1_000_000;

pub(super) fn what_is_not_signed_is_not_authentic(sender: &Sender) {
    if matches!(sender.signing, Signing::Nowhere) {
        return;
    }
    for sample in sender.samples {
        let mut unsigned = vec![Sent::of(vec![], sample.doc().to_string())];
        let signed = sender.sign(&sample.doc());
        for (at, _) in signed.headers.iter().enumerate() {
            for nothing in [b"".as_slice(), b" "] {
                let mut sent = signed.clone();
                sent.headers.iter_mut().for_each(|(_, value)| *value = nothing.to_vec());
                sent.headers[at].1 = nothing.to_vec();
                unsigned.push(sent);
            }
        }
        for sent in unsigned {
            assert_eq!(sender.deliver(&sent), Err(Unauthentic::Missing), "{:?}", sent.headers);
        }
    }
}

pub(super) fn another_secret_proves_nothing(sender: &Sender) {
    let own = sender.credentials(sender.keys);
    let doc = sender.samples[0].doc();
    // Each credential alone, and all of them together.
    let mut others: Vec<Vec<&str>> =
        (0..sender.keys.len()).map(|at| with_key(sender.keys, at, sender.other_keys[at])).collect();
    if !sender.keys.is_empty() {
        others.push(sender.other_keys.to_vec());
    }
    for keys in others {
        let by_another = sender.deliver_as(&own, &sender.sign_as(&doc, &keys), NOW_US);
        assert_eq!(by_another, Err(Unauthentic::Mismatch), "signed with {keys:?}");
        let to_another = sender.deliver_as(&sender.credentials(&keys), &sender.sign(&doc), NOW_US);
        assert_eq!(to_another, Err(Unauthentic::Mismatch), "verified with {keys:?}");
    }
}

fn with_key<'a>(keys: Keys<'a>, at: usize, key: &'a str) -> Vec<&'a str> {
    let mut keys = keys.to_vec();
    keys[at] = key;
    keys
}

/// A config that lacks a secret must not make everybody a sender.
pub(super) fn a_secret_that_is_missing_or_empty_proves_nothing(sender: &Sender) {
    let doc = sender.samples[0].doc();
    for at in 0..sender.keys.len() {
        let keys = with_key(sender.keys, at, "");
        let mut lacking = sender.credentials(sender.keys);
        let name = sender.hook.expect("only hooks have keys").credential_names()[at];
        for credentials in [
            sender.credentials(&keys),
            lacking.remove(name).map(|_| lacking).expect("it was there"),
        ] {
            let sent = sender.sign_as(&doc, &keys);
            let received = sender.deliver_as(&credentials, &sent, NOW_US);
            assert_eq!(received, Err(Unauthentic::Mismatch), "without {name}");
        }
    }
}

/// Every byte of every sample, changed in three ways. Where the signature covers less than the
/// body, what it covers is refused, and the rest is read for what it now says.
pub(super) fn one_altered_byte_of_the_body_is_refused(sender: &Sender) {
    for sample in sender.samples {
        let signed = sender.sign(&sample.doc());
        let usual = sender.deliver(&signed).expect("authentic");
        for at in 0..signed.body.len() {
            for bits in [0x01, 0x20, 0x80] {
                let mut altered = signed.clone();
                altered.body[at] ^= bits;
                let received = sender.deliver(&altered);
                let shown = String::from_utf8_lossy(&altered.body);
                judge_altered(sender, &usual, received, &format!("byte {at}: {shown}"));
            }
        }
        for longer in [b" ".as_slice(), b"}", b"\0", b"{}"] {
            let mut altered = signed.clone();
            altered.body.extend_from_slice(longer);
            let received = sender.deliver(&altered);
            judge_altered(sender, &usual, received, &format!("{longer:?} behind it"));
        }
    }
    if let Signing::Fields(_, covered) = sender.signing {
        refuses_altered_fields(sender, covered);
    }
}

fn judge_altered(
    sender: &Sender,
    usual: &Received,
    received: Result<Received, Unauthentic>,
    what: &str,
) {
    match (&sender.signing, received) {
        (Signing::Bytes(_), received) => {
            assert_eq!(received, Err(Unauthentic::Mismatch), "{what}");
        }
        // Blanks, a field that is not read, the case of a hexadecimal digit.
        (Signing::Document(_), Ok(received)) => assert_eq!(received, *usual, "{what}"),
        (_, Ok(received)) => sender.check_bytes(&received),
        (Signing::Document(_) | Signing::Fields(..), Err(_)) => {}
        (Signing::Password(_) | Signing::Nowhere, Err(why)) => panic!("{why}: {what}"),
    }
}

fn refuses_altered_fields(sender: &Sender, covered: &[&str]) {
    for sample in sender.samples {
        let Sent { body, .. } = sender.sign(&sample.doc());
        let signed = Doc::parse(&String::from_utf8(body).expect("text"));
        for path in covered {
            let text = signed.all(path)[0].name().expect("text");
            for at in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1;
                let mut altered = signed.clone();
                altered.set(path, Doc::of_text(&String::from_utf8(bytes).expect("ASCII")));
                let received = sender.deliver(&Sent::of(vec![], altered.to_string()));
                assert_eq!(received, Err(Unauthentic::Mismatch), "{path}: {altered}");
            }
        }
    }
}

pub(super) fn one_altered_byte_of_a_header_is_refused(sender: &Sender) {
    let signed = sender.sign(&sender.samples[0].doc());
    for (header, (name, value)) in signed.headers.iter().enumerate() {
        let flipped = (0..value.len()).flat_map(|at| {
            [0x01, 0x80].map(|bits| {
                let mut value = value.clone();
                value[at] ^= bits;
                value
            })
        });
        let lengths = [&value[1..], &value[..value.len() - 1], &value[..value.len() / 2]];
        let doubled = [[value.as_slice(), value].concat(), [value, b"A".as_slice()].concat()];
        for altered in flipped.chain(lengths.map(<[u8]>::to_vec)).chain(doubled) {
            let mut sent = signed.clone();
            sent.headers[header].1.clone_from(&altered);
            let received = sender.deliver(&sent);
            let shown = String::from_utf8_lossy(&altered);
            assert!(received.is_err(), "{name}: {shown}: {received:?}");
        }
    }
}

/// A signature that does not age makes whoever has seen a delivery able to send it again. What it
/// tells then is the event that is known already, or that is older than all that is kept.
pub(super) fn a_replay_a_year_later_tells_nothing_new(sender: &Sender) {
    let own = sender.credentials(sender.keys);
    for sample in sender.samples {
        let sent = sender.sign(&sample.doc());
        let first = sender.deliver(&sent).expect("authentic");
        let later = sender.deliver_as(&own, &sent, NOW_US + YEAR_US);
        match sender.signatures_age {
            true => assert_eq!(later, Err(Unauthentic::Expired), "{}", sample.json),
            false => assert_eq!(later, Ok(first), "{}", sample.json),
        }
    }
}
