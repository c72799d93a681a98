//! LiveKit signs a delivery with a JSON web token in `Authorization`: an HMAC with SHA-256, keyed
//! with the API secret, over claims of which one is the SHA-256 of the body.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::app::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, header};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::Unauthentic;

/// How far the sender's clock may be from ours, in seconds; the same as LiveKit's own receivers.
const LEEWAY_S: f64 = 60.0;

/// A tenant's key pair at LiveKit.
#[derive(Clone, Copy)]
pub(super) struct ApiKey<'a> {
    pub(super) id: &'a str,
    pub(super) secret: &'a Secret,
}

impl<'a> ApiKey<'a> {
    /// The key in a tenant's credentials. One with an empty secret is none: anybody knows it.
    pub(super) fn find(credentials: &'a BTreeMap<String, Secret>) -> Option<Self> {
        let id = credentials.get("api_key")?.reveal();
        let secret = credentials.get("api_secret")?;
        (!id.is_empty() && !secret.reveal().is_empty()).then_some(Self { id, secret })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    nbf: Option<f64>,
    exp: Option<f64>,
    sha256: String,
}

/// The token of a delivery. LiveKit sends it bare; `Bearer` is what a proxy may put before it.
pub(super) fn find_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => value,
    };
    (!token.is_empty()).then_some(token)
}

/// Whether the holder of `key` sent this body at about this time.
pub(super) fn verify(
    token: &str,
    key: ApiKey<'_>,
    body: &[u8],
    now_unix_us: i64,
) -> Result<(), Unauthentic> {
    let claims = find_claims(token, key.secret).ok_or(Unauthentic::Mismatch)?;
    let told = STANDARD.decode(&claims.sha256).map_err(|_| Unauthentic::Mismatch)?;
    let is_of_body = bool::from(told.ct_eq(Sha256::digest(body).as_slice()));
    if claims.iss != key.id || !is_of_body {
        return Err(Unauthentic::Mismatch);
    }
    let now_s = now_unix_us as f64 / 1e6;
    let has_begun = claims.nbf.is_none_or(|nbf| now_s >= nbf - LEEWAY_S);
    // A token that never ends could be sent again for ever.
    let has_not_ended = claims.exp.is_some_and(|exp| now_s <= exp + LEEWAY_S);
    if has_begun && has_not_ended { Ok(()) } else { Err(Unauthentic::Expired) }
}

/// The claims of a token that this secret signed. The algorithm is ours to say, not the token's.
fn find_claims(token: &str, secret: &Secret) -> Option<Claims> {
    let (signed, mac) = token.rsplit_once('.')?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    mac_of(secret, signed).verify_slice(&mac).ok()?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.alg != "HS256" {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// The last part of a token whose others are `signed`.
pub(super) fn sign(secret: &Secret, signed: &str) -> String {
    URL_SAFE_NO_PAD.encode(mac_of(secret, signed).finalize().into_bytes())
}

fn mac_of(secret: &Secret, signed: &str) -> Hmac<Sha256> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes())
        .expect("HMAC takes keys of any length");
    hmac.update(signed.as_bytes());
    hmac
}
