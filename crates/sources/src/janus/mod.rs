//! The events of a Janus server, as its event handler `sampleevh` posts them.
//!
//! `login` proves that a delivery is from somebody who knows the password; there is no signature.
//! `body` takes a delivery apart into events, `event` reads the few of them that the log needs, and
//! `id` names them, since Janus does not. What cannot be concluded from one event alone is not
//! concluded here: a source remembers nothing.

use domain::AppId;
use http::HeaderMap;

use crate::{Delivery, Received, Unauthentic, safe};

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
    Ok(match body::inflate(delivery.headers, delivery.body) {
        Ok(whole) => read(delivery.app, &whole),
        Err(reason) => Received { dead: vec![reason], ..Received::default() },
    })
}

/// Reads a body that is surely its sender's, and is not compressed.
pub fn read(app: AppId, body: &[u8]) -> Received {
    let mut received = Received::default();
    let events = body::split(body).unwrap_or_else(|reason| {
        received.dead.push(reason);
        vec![]
    });
    for event in events {
        match event::read(app, event) {
            Ok(facts) if facts.is_empty() => received.ignored += 1,
            Ok(facts) => received.events.extend(facts),
            Err(reason) => received.dead.push(reason),
        }
    }
    received
}

/// What may be kept of a delivery, event by event. Session descriptions hold the passwords of
/// connections, and events of other plugins the `pin` or `secret` of what they administer. An event
/// that loses one of these has another id when it is read again, since ids are hashes of events.
pub fn keepable(headers: &HeaderMap, body: &[u8]) -> Vec<Option<Vec<u8>>> {
    let whole = body::inflate(headers, body);
    match whole.as_deref().map_err(ToOwned::to_owned).and_then(body::split) {
        Ok(events) => {
            events.into_iter().map(|event| safe::json(event.get().as_bytes(), &[])).collect()
        }
        Err(_) => vec![None],
    }
}

#[cfg(test)]
mod tests;
