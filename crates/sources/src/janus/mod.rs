//! The events of a Janus server, as its event handler `sampleevh` posts them.
//!
//! `login` proves that a delivery is from somebody who knows the password; there is no signature.
//! `body` takes a delivery apart into events, `event` reads the few of them that the log needs, and
//! `id` names them, since Janus does not. What cannot be concluded from one event alone is not
//! concluded here: a source remembers nothing.

use crate::{Delivery, Received, Unauthentic};

mod body;
mod event;
mod id;
mod json;
mod login;

use login::Login;

/// The hook's name, and so the door of its events.
pub(crate) const NAME: &str = "janus";

/// What a tenant's config tells of Janus.
pub(crate) const CREDENTIAL_NAMES: &[&str] = &["user", "password"];

/// Verifies a delivery, and reads it.
pub fn receive(delivery: &Delivery<'_>) -> Result<Received, Unauthentic> {
    let login = Login::find(delivery.credentials).ok_or(Unauthentic::Mismatch)?;
    let told = login::find_told(delivery.headers).ok_or(Unauthentic::Missing)?;
    login.verify(told)?;
    let mut received = Received::default();
    let whole = body::inflate(delivery.headers, delivery.body);
    let events = whole.as_deref().map_err(ToOwned::to_owned).and_then(body::split);
    let events = events.unwrap_or_else(|reason| {
        received.dead.push(reason);
        vec![]
    });
    for event in events {
        match event::read(delivery.app, event) {
            Ok(facts) if facts.is_empty() => received.ignored += 1,
            Ok(facts) => received.events.extend(facts),
            Err(reason) => received.dead.push(reason),
        }
    }
    Ok(received)
}

#[cfg(test)]
mod tests;
