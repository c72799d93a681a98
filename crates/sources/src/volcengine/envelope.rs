//! What stands around every event, and its signature: the SHA-256, in hexadecimal, of seven of its
//! values and the secret key, sorted as bytes and put together.

use std::collections::BTreeMap;

use domain::app::Secret;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::Unauthentic;

/// What the service says of an event. What is absent is empty, and signed as if it were.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Envelope {
    #[serde(deserialize_with = "text")]
    pub(super) event_type: String,
    /// An object, as JSON in a text.
    #[serde(deserialize_with = "text")]
    pub(super) event_data: String,
    #[serde(deserialize_with = "text")]
    pub(super) event_time: String,
    #[serde(deserialize_with = "text")]
    pub(super) event_id: String,
    #[serde(deserialize_with = "text")]
    pub(super) app_id: String,
    #[serde(deserialize_with = "text")]
    version: String,
    #[serde(deserialize_with = "text")]
    nonce: String,
    // QUIRK(volcengine): the table of the documents spells it so; every program reads `Nonce`.
    // https://docs.byteplus.com/byteplus-rtc/docs/75124
    #[serde(deserialize_with = "text")]
    noce: String,
    #[serde(deserialize_with = "text")]
    signature: String,
}

/// A text's characters or an integer's digits; anything else is as if it were absent.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    if raw.starts_with('"') {
        return Ok(serde_json::from_str(raw).unwrap_or_default());
    }
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    Ok(if is_integer { raw.to_owned() } else { String::new() })
}

/// The secret in a tenant's credentials. An empty one is none: anybody knows it.
pub(super) fn find_secret(credentials: &BTreeMap<String, Secret>) -> Option<&Secret> {
    credentials.get("secret_key").filter(|secret| !secret.reveal().is_empty())
}

impl Envelope {
    /// Reads a body, whatever its content type says; `None` if it is not a JSON object, or says one
    /// thing twice.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let object = body.trim_ascii_start();
        // What is derived would take an array for an object.
        object.starts_with(b"{").then(|| serde_json::from_slice(object).ok()).flatten()
    }

    /// Whether the holder of `secret` sent these values.
    pub(super) fn verify(&self, secret: &Secret) -> Result<(), Unauthentic> {
        if self.signature.is_empty() {
            return Err(Unauthentic::Missing);
        }
        // QUIRK(volcengine): that the digest is compared as lower-case hexadecimal is not said
        // anywhere. Upper case proves as much.
        let given = self.signature.to_ascii_lowercase();
        match bool::from(self.sign(secret).as_bytes().ct_eq(given.as_bytes())) {
            true => Ok(()),
            false => Err(Unauthentic::Mismatch),
        }
    }

    /// The signature as it is documented. What goes into it is never shown to anybody.
    pub(super) fn sign(&self, secret: &Secret) -> String {
        let nonce = if self.nonce.is_empty() { &self.noce } else { &self.nonce };
        let mut parts = [
            &self.event_type,
            &self.event_data,
            &self.event_time,
            &self.event_id,
            &self.app_id,
            &self.version,
            nonce,
            secret.reveal(),
        ];
        parts.sort_unstable();
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
