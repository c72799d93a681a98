//! What a callback says. A field that is not as expected is as if it were absent, and only what the
//! log cannot do without makes a callback unintelligible.
//!
//! Reasons quote nothing but the event's name and id.

use domain::AppId;
use domain::ids::{Door, EventId, IdFault, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Os, Presence};
use serde::Deserialize;

use super::NAME;
use super::envelope::{Envelope, text};
use crate::lenient;

/// What there is to a callback.
pub(super) enum Reading {
    /// A fact for the log.
    Event(Box<Event>),
    /// Nothing that the log keeps.
    OfNoInterest,
}

/// Of `EventData`, what the log needs.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Told {
    #[serde(deserialize_with = "text")]
    room_id: String,
    #[serde(deserialize_with = "text")]
    user_id: String,
    #[serde(deserialize_with = "text")]
    device_type: String,
    #[serde(deserialize_with = "text")]
    timestamp: String,
}

/// Reads an authentic callback, or tells why it cannot be understood.
pub(super) fn read(
    app: AppId,
    rtc_id: Option<&str>,
    envelope: &Envelope,
) -> Result<Reading, String> {
    if rtc_id.is_some_and(|rtc_id| rtc_id != envelope.app_id) {
        return Err("the callback is for another `AppId`".to_owned());
    }
    let fact: fn(&Told) -> Result<Fact, String> = match envelope.event_type.as_str() {
        "" => return Err("the callback has no `EventType`".to_owned()),
        "UserJoinRoom" | "InvisibleUserJoinRoom" => joined,
        "UserLeaveRoom" | "InvisibleUserLeaveRoom" => left,
        "UserVideoStreamStart" | "UserAudioStreamStart" => published,
        "RoomDestroy" => finished,
        _ => return Ok(Reading::OfNoInterest),
    };
    let read = || {
        let told = Told::parse(&envelope.event_data)?;
        let fact = fact(&told)?;
        let time_unix_us = told.unix_us().or_else(|| event_unix_us(envelope));
        let time_unix_us = time_unix_us.ok_or("`Timestamp` is missing")?;
        let id = name("EventId", &envelope.event_id, EventId::parse)?;
        let door = Door::parse(NAME).expect("a short word is a door");
        let source = SourceName::parse(NAME).expect("a short word is a source");
        Ok(Event { app, door, source, id, time_unix_us, fact })
    };
    let event: Result<Event, String> = read();
    match event {
        Ok(event) => Ok(Reading::Event(Box::new(event))),
        Err(why) => Err(format!("{} {}: {why}", envelope.event_type, shown_id(&envelope.event_id))),
    }
}

/// The service lets nobody in twice: who comes a second time puts the first connection out.
fn joined(told: &Told) -> Result<Fact, String> {
    Ok(Fact::Joined { who: told.who()?, sole: true, client: told.client() })
}

fn left(told: &Told) -> Result<Fact, String> {
    // QUIRK(volcengine): some receivers know a `Duration`, in a unit that nobody tells. A join that
    // was rebuilt from it could be wrong by a factor of a thousand.
    // Nor is the device told, since it can be an older one than that of the last join.
    Ok(Fact::Left { who: told.who()?, joined_unix_us: None, client: ClientFacts::default() })
}

fn published(told: &Told) -> Result<Fact, String> {
    Ok(Fact::Published { who: told.who()? })
}

fn finished(told: &Told) -> Result<Fact, String> {
    Ok(Fact::RoomFinished { room: told.room()?, call: None })
}

impl Told {
    fn parse(data: &str) -> Result<Self, &'static str> {
        lenient::object(data.trim_start()).ok_or("`EventData` is not a JSON object in a text")
    }

    fn room(&self) -> Result<RoomId, String> {
        name("RoomId", &self.room_id, RoomId::parse)
    }

    fn who(&self) -> Result<Presence, String> {
        let participant = name("UserId", &self.user_id, ParticipantId::parse)?;
        Ok(Presence { room: self.room()?, call: None, participant, connection: None })
    }

    /// The device's type is an operating system if it has the name of one; no list is documented.
    fn client(&self) -> ClientFacts {
        let mut client = ClientFacts::from_attributes([("os.name", self.device_type.as_str())]);
        client.os = client.os.filter(|os| *os != Os::Unknown);
        client
    }

    /// Milliseconds.
    fn unix_us(&self) -> Option<i64> {
        let unix_ms: i64 = self.timestamp.parse().ok()?;
        lenient::unix_us(unix_ms, 1_000)
    }
}

/// When it happened, as the envelope tells it.
fn event_unix_us(envelope: &Envelope) -> Option<i64> {
    let time: jiff::Timestamp = envelope.event_time.parse().ok()?;
    Some(time.as_microsecond()).filter(|unix_us| *unix_us > 0)
}

fn name<T>(at: &str, text: &str, parse: fn(&str) -> Result<T, IdFault>) -> Result<T, String> {
    parse(text).map_err(|fault| match fault {
        IdFault::Empty => format!("`{at}` is missing"),
        fault => format!("`{at}` cannot be used: {fault}"),
    })
}

/// How the sender names it, if it looks like such a name.
fn shown_id(id: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let may_be_shown = (1..=64).contains(&id.len()) && id.bytes().all(is_plain);
    if may_be_shown { id } else { "without an id to show" }
}
