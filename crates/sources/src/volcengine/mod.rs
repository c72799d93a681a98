//! The event callbacks of Volcengine's RTC service, and of BytePlus, which is the same abroad.
//!
//! `envelope` reads what stands around every event and proves that the sender knows the secret key.
//! `callback` reads the few fields that the log needs, out of the text that the envelope holds.

use domain::AppId;

use crate::{Delivery, Received, Unauthentic, safe};

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
    Ok(understand(delivery.app, delivery.rtc_id, &envelope))
}

/// Reads a body that is surely its sender's.
pub fn read(app: AppId, rtc_id: Option<&str>, body: &[u8]) -> Received {
    match Envelope::parse(body) {
        Some(envelope) => understand(app, rtc_id, &envelope),
        None => Received {
            dead: vec!["the body is not a JSON object that can be read".to_owned()],
            ..Received::default()
        },
    }
}

fn understand(app: AppId, rtc_id: Option<&str>, envelope: &Envelope) -> Received {
    let mut received = Received::default();
    match callback::read(app, rtc_id, envelope) {
        Ok(Reading::Event(event)) => received.events.push(*event),
        Ok(Reading::OfNoInterest) => received.ignored += 1,
        Err(reason) => received.dead.push(reason),
    }
    received
}

/// What may be kept of a body. Its signature is in it: whoever has that could send it again.
pub fn keepable(body: &[u8]) -> Option<Vec<u8>> {
    safe::json(body, &[])
}

#[cfg(test)]
mod tests;
