//! What there is to know of each source. Signatures are made here as the vendors document them, and
//! apart from the code that verifies them, so that a mistake would have to be made twice.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::sender::RTC_ID;
use super::{Doc, Keys, Name, Of, Sample, Sender, Signing, Unit};
use crate::Hook;

pub(super) mod agora;
pub(super) mod janus;
pub(super) mod livekit;
pub(super) mod native;
pub(super) mod trtc;
pub(super) mod volcengine;
pub(super) mod zegocloud;

const SECOND: Unit = Unit::Us(1_000_000);
const MILLISECOND: Unit = Unit::Us(1_000);
const MICROSECOND: Unit = Unit::Us(1);

/// A new hook does not compile until the suite knows its sender; then name it in `promises!` too.
fn of(hook: Hook) -> &'static Sender {
    match hook {
        Hook::Janus => &janus::SENDER,
        Hook::Livekit => &livekit::SENDER,
        Hook::Zegocloud => &zegocloud::SENDER,
        Hook::Volcengine => &volcengine::SENDER,
        Hook::Trtc => &trtc::SENDER,
        Hook::Agora => &agora::SENDER,
    }
}

#[test]
fn each_hook_has_its_sender() {
    for &hook in Hook::ALL {
        let sender = of(hook);
        assert_eq!(sender.hook, Some(hook));
        assert_eq!(sender.keys.len(), hook.credential_names().len());
    }
}

/// A name that must be there.
const fn needed(of: Of, at: &'static str) -> Name {
    Name { of, at, is_needed: true, may_be_number: false }
}

/// One that may be missing.
const fn optional(of: Of, at: &'static str) -> Name {
    Name { of, at, is_needed: false, may_be_number: false }
}

/// The same where an integer is a name too.
const fn or_number(name: Name) -> Name {
    Name { may_be_number: true, ..name }
}

fn mac<M: Mac + KeyInit>(key: &str, bytes: &[u8]) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("HMAC takes any key");
    mac.chain_update(bytes).finalize().into_bytes().to_vec()
}

fn hmac_sha256(key: &str, bytes: &[u8]) -> Vec<u8> {
    mac::<Hmac<Sha256>>(key, bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of the first field there; nothing for what is neither text nor an integer.
fn text_at(doc: &Doc, path: &str) -> String {
    doc.all(path).first().and_then(|value| value.name()).unwrap_or_default()
}
