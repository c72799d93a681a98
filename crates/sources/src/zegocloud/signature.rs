//! Whether a callback's sender knows the callback secret.
//!
//! `signature` is the SHA-1, in hexadecimal, of secret, timestamp and nonce, sorted as bytes and
//! put together. Nothing else is signed: neither the event nor the room nor the user.

use std::collections::BTreeMap;

use domain::app::Secret;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

use super::fields::Fields;
use crate::Unauthentic;

/// The secret in a tenant's credentials. An empty one is none: anybody knows it.
pub(super) fn find_secret(credentials: &BTreeMap<String, Secret>) -> Option<&Secret> {
    credentials.get("callback_secret").filter(|secret| !secret.reveal().is_empty())
}

/// Whether the holder of `secret` made this callback, or another one of the same time and nonce.
pub(super) fn verify(fields: &Fields, secret: &Secret) -> Result<(), Unauthentic> {
    let part = |name| fields.text(name).ok_or(Unauthentic::Missing);
    let (timestamp, nonce, given) = (part("timestamp")?, part("nonce")?, part("signature")?);
    let computed = sign(secret, timestamp, nonce);
    // Documented as lower case; upper case proves as much.
    let given = given.to_ascii_lowercase();
    match bool::from(computed.as_bytes().ct_eq(given.as_bytes())) {
        true => Ok(()),
        false => Err(Unauthentic::Mismatch),
    }
}

/// The signature as it is documented. What goes into it is never shown to anybody.
pub(super) fn sign(secret: &Secret, timestamp: &str, nonce: &str) -> String {
    let mut parts = [secret.reveal(), timestamp, nonce];
    parts.sort_unstable();
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_documents_example_does() {
        let signature = sign(&Secret::new("secret"), "1470820198", "123412");
        assert_eq!(signature, "5bd59fd62953a8059fb7eaba95720f66d19e4517");
    }
}
