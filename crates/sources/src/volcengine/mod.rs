//! The event callbacks of Volcengine's RTC service, and of BytePlus, which is the same abroad.
//!
//! `envelope` reads what stands around every event and proves that the sender knows the secret key.
//! `callback` reads the few fields that the log needs, out of the text that the envelope holds.

use crate::{Delivery, Received, Unauthentic};

mod callback;
mod envelope;

use callback::Reading;
use envelope::Envelope;

/// The hook's name, and so the door and the source of its events.
pub(crate) const NAME: &str = "volcengine";

/// What a tenant's config tells of Volcengine.
pub(crate) const CREDENTIAL_NAMES: &[&str] = &["secret_key"];

/// Verifies a delivery, and reads it.
pub fn receive(delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
    let secret = envelope::find_secret(delivery.credentials).ok_or(Unauthentic::Mismatch)?;
    let envelope = Envelope::parse(delivery.body).ok_or(Unauthentic::Missing)?;
    envelope.verify(secret)?;
    let mut received = Received::default();
    match callback::read(delivery, &envelope) {
        Ok(Reading::Event(event)) => received.events.push(*event),
        Ok(Reading::OfNoInterest) => received.ignored += 1,
        Err(reason) => received.dead.push(reason),
    }
    Ok(received)
}

#[cfg(test)]
mod tests;
