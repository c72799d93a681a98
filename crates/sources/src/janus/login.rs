//! Janus proves who it is with a user and a password (RFC 7617), which cover nothing of the body.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::app::Secret;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::Unauthentic;

/// What a tenant's Janus servers log in with.
pub(super) struct Login<'a> {
    user: &'a str,
    password: &'a Secret,
}

impl<'a> Login<'a> {
    /// The login in a tenant's credentials. One with an empty password is none: anybody knows it.
    pub(super) fn find(credentials: &'a BTreeMap<String, Secret>) -> Option<Self> {
        let user = credentials.get("user")?.reveal();
        let password = credentials.get("password")?;
        (!user.is_empty() && !password.reveal().is_empty()).then_some(Self { user, password })
    }

    /// Whether `told` is this login.
    pub(super) fn verify(&self, told: &HeaderValue) -> Result<(), Unauthentic> {
        let told = find_user_and_password(told).ok_or(Unauthentic::Mismatch)?;
        let own = format!("{}:{}", self.user, self.password.reveal());
        // Hashes have one length, so that not even the password's length shows in the time.
        let same = Sha256::digest(told).ct_eq(&Sha256::digest(own));
        if bool::from(same) { Ok(()) } else { Err(Unauthentic::Mismatch) }
    }
}

/// What a delivery tells of its sender.
pub(super) fn find_told(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(header::AUTHORIZATION).filter(|told| !told.as_bytes().trim_ascii().is_empty())
}

fn find_user_and_password(told: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, encoded) = told.to_str().ok()?.trim().split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    is_basic.then(|| STANDARD.decode(encoded.trim_start()).ok()).flatten()
}
