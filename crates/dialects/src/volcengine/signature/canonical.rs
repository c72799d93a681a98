//! The canonical form of a request, the string to sign, and the signature.
//!
//! The bytes on the wire are rarely the canonical bytes: the SDKs escape a query in five different
//! ways, and each computes its signature over the same canonical form.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::uri::Authority;
use http::{HeaderMap, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use super::claims::{Claims, Scope, TERMINATOR};
use crate::volcengine::query::{Parameter, Query};

/// All but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What of a request can be signed.
#[derive(Clone, Debug)]
pub(in crate::volcengine) struct Signable<'a> {
    method: &'a str,
    path: &'a str,
    pub(super) query: &'a Query,
    pub(super) headers: &'a HeaderMap,
    /// Stands for the Host header where the protocol has none.
    authority: Option<&'a str>,
    pub(super) body_is_empty: bool,
    pub(super) body_sha256: String,
}

impl<'a> Signable<'a> {
    /// `query` is the request's, decoded.
    pub(in crate::volcengine) fn new(request: &'a Request<Bytes>, query: &'a Query) -> Self {
        Self {
            method: request.method().as_str(),
            path: request.uri().path(),
            query,
            headers: request.headers(),
            authority: request.uri().authority().map(Authority::as_str),
            body_is_empty: request.body().is_empty(),
            body_sha256: sha256_hex(request.body()),
        }
    }
}

/// Which form of Host was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// None: Host is not among the signed headers.
    Unsigned,
    /// The only one: it ends in no default port.
    NoDefaultPort,
    /// Without its default port.
    Stripped,
    /// With its default port.
    AsSent,
}

/// Which parameters were signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// All.
    All,
    /// Those that the presigned URL lists.
    Listed,
    /// Those, and the session token.
    ListedAndToken,
}

/// Which body was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// The one that arrived.
    Body,
    /// The empty one, whatever arrived.
    Nothing,
}

/// One of the ways in which SDKs build the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) covered: Covered,
    pub(super) host: Host,
    pub(super) payload: Payload,
}

pub(super) const SECURITY_TOKEN: &str = "X-Security-Token";

/// The canonical request, in one way of building it.
pub(super) fn request(signable: &Signable<'_>, claims: &Claims, variant: Variant) -> Vec<u8> {
    let covered = signable.query.iter().filter(|parameter| match variant.covered {
        Covered::All => true,
        Covered::Listed => claims.lists(&parameter.name),
        Covered::ListedAndToken => {
            claims.lists(&parameter.name) || parameter.name == SECURITY_TOKEN.as_bytes()
        }
    });
    let mut canonical = Vec::with_capacity(1024);
    let mut line = |text: &[u8]| {
        canonical.extend_from_slice(text);
        canonical.push(b'\n');
    };
    line(signable.method.as_bytes());
    line(path(signable.path).as_bytes());
    line(query_of(covered).as_bytes());
    for name in &claims.signed_headers {
        line(&[name.as_bytes(), b":", &header(signable, name, variant.host)].concat());
    }
    if claims.signed_headers.is_empty() {
        // QUIRK(volcengine): no headers are one empty line. Capture: *-presigned.
        line(b"");
    }
    line(b"");
    line(claims.signed_headers.join(";").as_bytes());
    match variant.payload {
        Payload::Body => canonical.extend_from_slice(signable.body_sha256.as_bytes()),
        Payload::Nothing => canonical.extend_from_slice(sha256_hex(b"").as_bytes()),
    }
    canonical
}

/// What the signature is computed of.
pub(super) fn string_to_sign(claims: &Claims, canonical_request: &[u8]) -> String {
    let hash = sha256_hex(canonical_request);
    format!("HMAC-SHA256\n{}\n{}\n{hash}", claims.date, claims.scope)
}

/// What strings are signed with.
pub(super) type SigningKey = [u8; 32];

/// The key of a secret for a scope.
pub(super) fn signing_key(scope: &Scope, secret: &str) -> SigningKey {
    // QUIRK(volcengine): the secret ends in `==` and is no base64: its characters are the key.
    // Captures: all of them.
    let mut key = hmac(secret.as_bytes(), &scope.day);
    for part in [scope.region.as_str(), scope.service, TERMINATOR] {
        key = hmac(&key, part);
    }
    key
}

/// The signature of a string.
pub(super) fn signature(key: &SigningKey, string_to_sign: &str) -> String {
    hex(&hmac(key, string_to_sign))
}

fn hmac(key: &[u8], text: &str) -> SigningKey {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let digits = [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        hex.extend(digits.map(char::from));
    }
    hex
}

fn path(raw: &str) -> String {
    if raw.is_empty() {
        return "/".to_owned();
    }
    let mut encoded = String::with_capacity(raw.len());
    for (index, segment) in raw.split('/').enumerate() {
        if index > 0 {
            encoded.push('/');
        }
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        encoded.extend(percent_encode(&decoded, ESCAPED));
    }
    encoded
}

/// Sorted by name; parameters of one name stay in the order sent.
fn query_of<'a>(covered: impl Iterator<Item = &'a Parameter>) -> String {
    let mut sorted: Vec<&Parameter> = covered.collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    let mut canonical = String::with_capacity(512);
    for parameter in sorted {
        if !canonical.is_empty() {
            canonical.push('&');
        }
        canonical.extend(percent_encode(&parameter.name, ESCAPED));
        canonical.push('=');
        canonical.extend(percent_encode(&parameter.value, ESCAPED));
    }
    canonical
}

/// The value of a signed header, trimmed, its inner runs of blanks collapsed; a header that is not
/// there has an empty one.
fn header(signable: &Signable<'_>, name: &str, host: Host) -> Vec<u8> {
    if name == "host" {
        let sent = signable.host();
        return match host {
            Host::Stripped => without_default_port(&sent).unwrap_or(&sent).to_vec(),
            Host::Unsigned | Host::NoDefaultPort | Host::AsSent => sent,
        };
    }
    let values: Vec<Vec<u8>> =
        signable.headers.get_all(name).iter().map(|value| collapse(value.as_bytes())).collect();
    values.join(&b","[..])
}

impl Signable<'_> {
    fn host(&self) -> Vec<u8> {
        match self.headers.get(http::header::HOST) {
            Some(host) => collapse(host.as_bytes()),
            None => self.authority.unwrap_or_default().as_bytes().to_vec(),
        }
    }

    /// The forms of Host to try, the likeliest first.
    ///
    /// QUIRK(volcengine): Go, Python and Java sign Host without `:80` and `:443` and send it with;
    /// Node signs what it sends. Captures: `*-host-with-port-80`.
    pub(super) fn host_forms(&self, claims: &Claims) -> &'static [Host] {
        if !claims.signed_headers.iter().any(|name| name == "host") {
            &[Host::Unsigned]
        } else if without_default_port(&self.host()).is_none() {
            &[Host::NoDefaultPort]
        } else {
            &[Host::Stripped, Host::AsSent]
        }
    }
}

fn without_default_port(host: &[u8]) -> Option<&[u8]> {
    host.strip_suffix(b":80").or_else(|| host.strip_suffix(b":443"))
}

fn collapse(value: &[u8]) -> Vec<u8> {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b" "[..])
}
