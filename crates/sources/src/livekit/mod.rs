//! The webhooks of a LiveKit server.
//!
//! `signature` proves that a delivery is from somebody who knows the API secret. `webhook` reads
//! the few fields that the log needs and nothing else: what is not read cannot get into an
//! event, and what LiveKit invents later cannot fail what is already understood. [`reconcile`]
//! asks LiveKit in turn, for leaves that it failed to tell.

use domain::AppId;

use crate::{Delivery, Received, Unauthentic, safe};

pub mod reconcile;
mod signature;
mod webhook;

use signature::ApiKey;
use webhook::Reading;

/// The hook's name, and so the door and the source of its events.
pub(crate) const NAME: &str = "livekit";

/// What a tenant's config tells of LiveKit.
pub(crate) const CREDENTIAL_NAMES: &[&str] = &["api_key", "api_secret"];

/// What it may tell besides, for [`reconcile`]: where LiveKit is asked, and how often.
pub(crate) const SETTING_NAMES: &[&str] = &[SETTING_URL, SETTING_RECONCILE_SECONDS];

/// The setting that says where LiveKit's own API is.
pub const SETTING_URL: &str = "url";

/// The setting that says how often it is asked.
pub const SETTING_RECONCILE_SECONDS: &str = "reconcile_seconds";

/// Verifies a delivery, and reads it.
pub fn receive(delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
    let key = ApiKey::find(delivery.credentials).ok_or(Unauthentic::Mismatch)?;
    let token = signature::find_token(delivery.headers).ok_or(Unauthentic::Missing)?;
    signature::verify(token, key, delivery.body, delivery.now_unix_us)?;
    Ok(read(delivery.app, delivery.body))
}

/// Reads a body that is surely its sender's.
pub fn read(app: AppId, body: &[u8]) -> Received {
    let mut received = Received::default();
    match webhook::read(app, body) {
        Ok(Reading::Event(event)) => received.events.push(*event),
        Ok(Reading::OfNoInterest) => received.ignored += 1,
        Err(reason) => received.dead.push(reason),
    }
    received
}

/// What may be kept of a body. Every room has the password of LiveKit's relay; exports and imports
/// of streams, which the log never wants, have their own accounts elsewhere.
pub fn keepable(body: &[u8]) -> Option<Vec<u8>> {
    safe::json(body, &["egressinfo", "ingressinfo"])
}

#[cfg(test)]
mod tests;
