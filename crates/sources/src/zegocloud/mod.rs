//! The callbacks of ZEGOCLOUD: the rooms of its RTC service, and who is online in ZIM.
//!
//! `fields` takes a body apart, in whichever of three forms it came. `signature` proves that the
//! sender knows the callback secret, which here says nothing of the rest of the body. `callback`
//! reads the few fields that the log needs, `presence` those of who is online.

use domain::AppId;

use crate::{Delivery, Received, Unauthentic, safe};

mod callback;
mod fields;
mod presence;
mod signature;

use callback::Reading;
use fields::Fields;

/// The hook's name, and so the door and the source of its events.
pub(crate) const NAME: &str = "zegocloud";

/// What a tenant's config tells of ZEGOCLOUD.
pub(crate) const CREDENTIAL_NAMES: &[&str] = &["callback_secret"];

/// Verifies a delivery, and reads it.
pub fn receive(delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
    let secret = signature::find_secret(delivery.credentials).ok_or(Unauthentic::Mismatch)?;
    let fields = Fields::parse(delivery.body).ok_or(Unauthentic::Missing)?;
    signature::verify(&fields, secret)?;
    Ok(understand(delivery.app, &fields))
}

/// Reads a body that is surely its sender's.
pub fn read(app: AppId, body: &[u8]) -> Received {
    match Fields::parse(body) {
        Some(fields) => understand(app, &fields),
        None => Received {
            dead: vec!["the body has none of the forms of a callback".to_owned()],
            ..Received::default()
        },
    }
}

fn understand(app: AppId, fields: &Fields) -> Received {
    let mut received = Received::default();
    match callback::read(app, fields) {
        Ok(Reading::Event(event)) => received.events.push(*event),
        Ok(Reading::Sighting(sighting)) => received.sightings.push(sighting),
        Ok(Reading::OfNoInterest) => received.ignored += 1,
        Err(reason) => received.dead.push(reason),
    }
    received
}

/// What may be kept of a body, as JSON, whatever its form was. Its signature does not cover what it
/// tells: whoever has that could tell anything.
pub fn keepable(body: &[u8]) -> Option<Vec<u8>> {
    safe::json(&fields::to_json(body)?, &[])
}

#[cfg(test)]
mod tests;
