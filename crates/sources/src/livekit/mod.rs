//! The webhooks of a LiveKit server.
//!
//! `signature` proves that a delivery is from somebody who knows the API secret. `webhook` reads
//! the few fields that the log needs and nothing else: what is not read can neither be stored nor
//! logged, and what LiveKit invents later cannot fail what is already understood.

use crate::{Delivery, Received, Unauthentic};

mod signature;
mod webhook;

use signature::ApiKey;
use webhook::Reading;

/// The hook's name, and so the door and the source of its events.
pub(crate) const NAME: &str = "livekit";

/// What a tenant's config tells of LiveKit.
pub(crate) const CREDENTIAL_NAMES: &[&str] = &["api_key", "api_secret"];

/// Verifies a delivery, and reads it.
pub fn receive(delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
    let key = ApiKey::find(delivery.credentials).ok_or(Unauthentic::Mismatch)?;
    let token = signature::find_token(delivery.headers).ok_or(Unauthentic::Missing)?;
    signature::verify(token, key, delivery.body, delivery.now_unix_us)?;
    let mut received = Received::default();
    match webhook::read(delivery.app, delivery.body) {
        Ok(Reading::Event(event)) => received.events.push(*event),
        Ok(Reading::OfNoInterest) => received.ignored += 1,
        Err(reason) => received.dead.push(reason),
    }
    Ok(received)
}

#[cfg(test)]
mod tests;
