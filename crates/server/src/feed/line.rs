//! What stands on a stream: server-sent events, each with an id at which a listener can go on.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::fmt;

use bytes::Bytes;
use domain::broadcast::Message;
use domain::ids::ParticipantId;
use domain::log::Inferred;
use domain::log::event::{Event, Fact, Presence};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

/// How long a listener waits before it connects again, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Says nothing, so that both ends see that the other is there.
pub(crate) const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// The event that says that something may be missing.
pub(crate) const GAP: &str = "gap";

/// A place in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which process counted the lines.
    pub(crate) epoch: u64,
    /// How many lines come before it.
    pub(crate) line: u64,
    /// Up to which broadcast all were told before it.
    pub(crate) broadcast: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}-{}", self.epoch, self.line, self.broadcast)
    }
}

impl Place {
    /// The place that an id names, if it is one of ours.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        let epoch = u64::from_str_radix(parts.next()?, 16).ok()?;
        let line = parts.next()?.parse().ok()?;
        let broadcast = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { epoch, line, broadcast })
    }
}

/// What a listener is told first: where it is, and how soon to come back.
pub(crate) fn beginning(place: Place) -> Bytes {
    format!("retry: {RETRY_MS}\nid: {place}\n\n").into()
}

/// What a listener is told who may have missed something.
pub(crate) fn gap(place: Place) -> Bytes {
    render(place, GAP, "{}")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    broadcast_id: u64,
    time: String,
    dialect: &'a str,
    action: &'a str,
    message: &'a RawValue,
}

/// A broadcast; `place` is behind it.
pub(crate) fn broadcast(place: Place, id: u64, message: &Message) -> Bytes {
    let raw: &RawValue = serde_json::from_str(&message.body).expect("dialects make bodies of JSON");
    let told = Told {
        broadcast_id: id,
        time: time(message.created_unix_us),
        dialect: &message.dialect,
        action: &message.action,
        message: raw,
    };
    let told = serde_json::to_string(&told).expect("texts and numbers are JSON");
    render(place, "broadcast", &told)
}

/// A join or a leave, and of whom it tells; `None` if an event is something else.
pub(crate) fn presence(event: &Event) -> Option<(&'static str, String, &ParticipantId)> {
    let (name, who) = match &event.fact {
        Fact::Joined { who, .. } => ("joined", who),
        Fact::Left { who, .. } => ("left", who),
        _ => return None,
    };
    let Presence { room, call, participant, connection } = who;
    let told = json!({
        "id": event.id.as_str(),
        "door": event.door.as_str(),
        "source": event.source.as_str(),
        "time": time(event.time_unix_us),
        "roomId": room.as_str(),
        "callId": call.as_ref().map(|it| it.as_str()),
        "userId": participant.as_str(),
        "connectionId": connection.as_ref().map(|it| it.as_str()),
        "inferred": false,
    });
    Some((name, told.to_string(), participant))
}

/// A join or a leave that nobody reported, in the words of [`presence`].
pub(crate) fn inferred(it: &Inferred) -> (&'static str, String) {
    let told = json!({
        "id": null,
        "door": it.door.as_str(),
        "source": null,
        "time": time(it.time_unix_us),
        "roomId": it.room.as_str(),
        "callId": it.call.as_ref().map(|it| it.as_str()),
        "userId": it.participant.as_str(),
        "connectionId": null,
        "inferred": true,
    });
    (if it.came { "joined" } else { "left" }, told.to_string())
}

/// One event. What is told is JSON without line breaks.
pub(crate) fn render(place: Place, name: &str, told: &str) -> Bytes {
    format!("id: {place}\nevent: {name}\ndata: {told}\n\n").into()
}

fn time(unix_us: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(unix_us);
    time.map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is() {
        let place = Place { epoch: 0xfedc, line: 12, broadcast: 3 };
        assert_eq!(place.to_string(), "fedc-12-3");
        assert_eq!(Place::parse("fedc-12-3"), Some(place));
        for other in ["", "1", "1-2", "1-2-", "x-1-1", "1-2-3-4", "1--2-3", "1-2-3 ", "１-2-3"] {
            assert_eq!(Place::parse(other), None, "{other}");
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let message = Message {
            dialect: "d".into(),
            action: "A".into(),
            sender: domain::UserId::parse("u").expect("an id"),
            body: serde_json::json!({ "Content": "a\nb\r\n\u{2028}: c" }).to_string(),
            audience: domain::broadcast::Audience::EVERYBODY,
            expires_unix_us: None,
            created_unix_us: 0,
        };
        let line = broadcast(Place { epoch: 1, line: 2, broadcast: 3 }, 3, &message);
        let text = std::str::from_utf8(&line).expect("text");
        let told = text.strip_prefix("id: 1-2-3\nevent: broadcast\ndata: ").expect("its head");
        let told = told.strip_suffix("\n\n").expect("its end");
        assert!(!told.contains(['\n', '\r']), "{told}");
        let told: serde_json::Value = serde_json::from_str(told).expect("JSON");
        assert_eq!(told["broadcastId"], 3);
        assert_eq!(told["message"]["Content"], "a\nb\r\n\u{2028}: c");
    }
}
