//! The channel events of Agora's notification center.
//!
//! `signature` proves that a delivery is from somebody who knows the secret. `notice` reads the few
//! fields that the log needs, leniently (`lenient`). Agora names neither calls (but for a
//! `sid` that nobody explains) nor connections, dates by the second, and sends copies on purpose:
//! `notice` says what is made of that.

use domain::AppId;

use crate::{Delivery, Received, Unauthentic, safe};

mod notice;
mod signature;

/// The hook's name, and so the door and the source of its events.
pub(crate) const NAME: &str = "agora";

/// What a tenant's config tells of Agora.
pub(crate) const CREDENTIAL_NAMES: &[&str] = &["secret"];

/// Verifies a delivery, and reads it.
pub fn receive(delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
    let secret = signature::find_secret(delivery.credentials).ok_or(Unauthentic::Mismatch)?;
    signature::verify(delivery.headers, secret, delivery.body)?;
    Ok(read(delivery.app, delivery.body))
}

/// Reads a body that is surely its sender's.
pub fn read(app: AppId, body: &[u8]) -> Received {
    let mut received = Received::default();
    match notice::read(app, body) {
        Ok(events) if events.is_empty() => received.ignored += 1,
        Ok(events) => received.events = events,
        Err(reason) => received.dead.push(reason),
    }
    received
}

/// What may be kept of a body. None of the documented fields is a secret.
pub fn keepable(body: &[u8]) -> Option<Vec<u8>> {
    safe::json(body, &[])
}

#[cfg(test)]
mod tests;
