//! Agora signs a delivery twice, each time in hexadecimal and over the whole body:
//! `Agora-Signature` with HMAC-SHA-1, `Agora-Signature-V2` with HMAC-SHA-256. Nothing else is
//! covered, and neither signature ages.

use std::collections::BTreeMap;

use domain::app::Secret;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::Unauthentic;

/// The secret in a tenant's credentials. An empty one is none: anybody knows it.
pub(super) fn find_secret(credentials: &BTreeMap<String, Secret>) -> Option<&Secret> {
    credentials.get("secret").filter(|secret| !secret.reveal().is_empty())
}

/// Whether the holder of `secret` sent this body. One signature is enough, but one that is there
/// and wrong is not made good by the other.
pub(super) fn verify(headers: &HeaderMap, secret: &Secret, body: &[u8]) -> Result<(), Unauthentic> {
    let v2 =
        find(headers, "agora-signature-v2").map(|told| is_of::<Hmac<Sha256>>(told, secret, body));
    let v1 = find(headers, "agora-signature").map(|told| is_of::<Hmac<Sha1>>(told, secret, body));
    match (v2, v1) {
        (None, None) => Err(Unauthentic::Missing),
        (Some(false), _) | (_, Some(false)) => Err(Unauthentic::Mismatch),
        (Some(true) | None, Some(true)) | (Some(true), None) => Ok(()),
    }
}

/// A header that is no text is there, and wrong.
fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let told = headers.get(name)?.as_bytes().trim_ascii();
    (!told.is_empty()).then_some(told)
}

fn is_of<M: Mac + KeyInit>(told: &[u8], secret: &Secret, body: &[u8]) -> bool {
    let mut mac = <M as KeyInit>::new_from_slice(secret.reveal().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(body);
    let right: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    told.to_ascii_lowercase().ct_eq(right.as_bytes()).into()
}
