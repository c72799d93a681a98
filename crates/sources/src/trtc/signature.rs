//! TRTC signs a delivery in `Sign`: base64 of an HMAC with SHA-256 over the body, keyed with the
//! callback key of its console. Nothing else is covered, and the signature does not age.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::app::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;

use crate::Unauthentic;

/// The key in a tenant's credentials. An empty one is none: anybody knows it.
pub(super) fn find_key(credentials: &BTreeMap<String, Secret>) -> Option<&Secret> {
    credentials.get("key").filter(|key| !key.reveal().is_empty())
}

/// The signature of a delivery. Without a key in its console, TRTC sends none.
pub(super) fn find_sign(headers: &HeaderMap) -> Option<&str> {
    let sign = headers.get("sign")?.to_str().ok()?.trim();
    (!sign.is_empty()).then_some(sign)
}

/// Whether the holder of `key` sent this body.
pub(super) fn verify(sign: &str, key: &Secret, body: &[u8]) -> Result<(), Unauthentic> {
    let told = STANDARD.decode(sign).map_err(|_| Unauthentic::Mismatch)?;
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes())
        .expect("HMAC takes keys of any length");
    hmac.update(body);
    hmac.verify_slice(&told).map_err(|_| Unauthentic::Mismatch)
}
