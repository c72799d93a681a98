//! The event callbacks of Tencent's TRTC: the room and the media group.
//!
//! `signature` proves that a delivery is from somebody who knows the callback key. `callback` reads
//! the few fields that the log needs, leniently (`lenient`). TRTC names neither calls nor
//! connections: the log mints the calls, and pairs a user's entries and exits by time.

use domain::AppId;

use crate::{Delivery, Received, Unauthentic, safe};

mod callback;
mod signature;

use callback::Reading;

/// The hook's name, and so the door and the source of its events.
pub(crate) const NAME: &str = "trtc";

/// What a tenant's config tells of TRTC.
pub(crate) const CREDENTIAL_NAMES: &[&str] = &["key"];

/// Verifies a delivery, and reads it.
pub fn receive(delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
    let key = signature::find_key(delivery.credentials).ok_or(Unauthentic::Mismatch)?;
    let sign = signature::find_sign(delivery.headers).ok_or(Unauthentic::Missing)?;
    signature::verify(sign, key, delivery.body)?;
    Ok(read(delivery.app, delivery.body))
}

/// Reads a body that is surely its sender's.
pub fn read(app: AppId, body: &[u8]) -> Received {
    let mut received = Received::default();
    match callback::read(app, body) {
        Ok(Reading::Event(event)) => received.events.push(*event),
        Ok(Reading::OfNoInterest) => received.ignored += 1,
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
