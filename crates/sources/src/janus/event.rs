//! What one event says. Of the eight types that Janus has, two tell of who is where: those of
//! plugins, if the plugin is the VideoRoom, and those of the core.
//!
//! Reasons quote nothing but the name of the event and its time.

use std::collections::BTreeMap;

use domain::AppId;
use domain::ids::{ConnectionId, Door, IdFault, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Presence};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::id::{self, Identity};
use super::json::{Field, integer, text};
use super::{NAME, id::DEPTH_MAX};
use crate::lenient::object;

/// The `type` of what plugins tell.
const OF_PLUGINS: i128 = 64;
/// The `type` of what the server tells of itself.
const OF_THE_CORE: i128 = 256;

const VIDEOROOM: &str = "janus.plugin.videoroom";

/// What all events have in common, as it stands.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    emitter: Field<'a>,
    r#type: Field<'a>,
    timestamp: Field<'a>,
    session_id: Field<'a>,
    handle_id: Field<'a>,
    opaque_id: Field<'a>,
    event: Field<'a>,
}

/// `event` of a plugin.
#[derive(Deserialize)]
struct OfPlugin<'a> {
    #[serde(borrow)]
    plugin: Field<'a>,
    data: Field<'a>,
}

/// `event` of the core.
#[derive(Deserialize)]
struct OfTheCore<'a> {
    #[serde(borrow)]
    status: Field<'a>,
}

/// `event.data` of the VideoRoom.
#[derive(Deserialize)]
struct VideoRoom<'a> {
    #[serde(borrow)]
    event: Field<'a>,
    room: Field<'a>,
    id: Field<'a>,
    metadata: Field<'a>,
}

/// Reads one event into what it tells the log, which for most of them is nothing; or tells why it
/// cannot be understood.
pub(super) fn read(app: AppId, event: &RawValue) -> Result<Vec<Event>, String> {
    let envelope: Envelope<'_> =
        object(event.get()).ok_or("the event is not an object that can be read")?;
    let kind = integer(envelope.r#type).ok_or("the event has no `type`")?;
    let told = match kind {
        OF_PLUGINS => envelope.plugin_told()?,
        OF_THE_CORE => envelope.core_told()?,
        _ => None,
    };
    let Some(Told { name, facts }) = told else { return Ok(vec![]) };
    let dated = facts.and_then(|facts| envelope.date(app, kind, facts));
    dated.map_err(|why| format!("{name} at {}: {why}", envelope.shown_time()))
}

/// An event that the log wants to know of.
struct Told {
    /// Its name, one of ours: it may be quoted.
    name: &'static str,
    facts: Result<Facts, String>,
}

/// What an event tells, in this order.
struct Facts {
    first: Fact,
    client: Option<Fact>,
}

impl From<Fact> for Facts {
    fn from(first: Fact) -> Self {
        Self { first, client: None }
    }
}

impl Envelope<'_> {
    fn core_told(&self) -> Result<Option<Told>, String> {
        let event: Option<OfTheCore<'_>> = self.event.and_then(|event| object(event.get()));
        let event = event.ok_or("an event of the core has no `event` that can be read")?;
        let status = text(event.status).ok_or("an event of the core has no `event.status`")?;
        let (name, fact) = match status.as_str() {
            "started" => ("started", Fact::ServerRestarted),
            // QUIRK(janus): a server that shuts down says so, and reports no leaves
            // (captures/janus-1.1.2-sampleevh.jsonl, post 77), but mostly those of clients whose
            // WebSockets it closes, some milliseconds later.
            "shutdown" => ("shutdown", Fact::ServerStopped),
            _ => return Ok(None),
        };
        Ok(Some(Told { name, facts: Ok(fact.into()) }))
    }

    fn plugin_told(&self) -> Result<Option<Told>, String> {
        let event: Option<OfPlugin<'_>> = self.event.and_then(|event| object(event.get()));
        let event = event.ok_or("an event of a plugin has no `event` that can be read")?;
        let plugin = text(event.plugin).ok_or("an event of a plugin has no `event.plugin`")?;
        if plugin != VIDEOROOM {
            return Ok(None);
        }
        let data: Option<VideoRoom<'_>> = event.data.and_then(|data| object(data.get()));
        let data = data.ok_or("an event of the VideoRoom has no `event.data` that can be read")?;
        let event = text(data.event).ok_or("an event of the VideoRoom has no name")?;
        let (name, facts) = match event.as_str() {
            "joined" => ("joined", self.joined(&data)),
            "leaving" => ("leaving", data.left()),
            // QUIRK(janus): who is kicked does not leave besides (post 58 of the capture).
            "kicked" => ("kicked", data.left()),
            // QUIRK(janus): a `published` of no handle is of somebody who is on another Janus,
            // which relays them to this one.
            "published" if self.handle_id.is_none() => return Ok(None),
            "published" => ("published", self.published(&data)),
            "destroyed" => ("destroyed", data.finished()),
            _ => return Ok(None),
        };
        Ok(Some(Told { name, facts }))
    }

    /// Janus refuses a second join of an id that is in the room, so whoever comes is alone: if the
    /// log knows another connection of theirs, its leave was lost.
    fn joined(&self, data: &VideoRoom<'_>) -> Result<Facts, String> {
        let who = data.who(self.connection()?)?;
        Ok(Fact::Joined { who, sole: true, client: self.client(data) }.into())
    }

    /// It tells of the client what the join told, unless the join was lost, or `metadata` changed.
    fn published(&self, data: &VideoRoom<'_>) -> Result<Facts, String> {
        let who = data.who(self.connection()?)?;
        let client = self.client(data);
        let told =
            (client != ClientFacts::default()).then(|| Fact::Client { who: who.clone(), client });
        Ok(Facts { first: Fact::Published { who }, client: told })
    }

    /// A handle joins a room once: to join again, a client attaches another.
    fn connection(&self) -> Result<Option<ConnectionId>, String> {
        let handle = self.handle_id.map(|_| name("handle_id", self.handle_id, ConnectionId::parse));
        handle.transpose()
    }

    /// What the client said when it attached its handle, and then what it or its app said to the
    /// room.
    fn client(&self, data: &VideoRoom<'_>) -> ClientFacts {
        let opaque_id = text(self.opaque_id).unwrap_or_default();
        let mut client = attributes(opaque_id.trim_ascii());
        client.learn(&attributes(data.metadata.map_or("", RawValue::get)));
        client
    }

    fn date(&self, app: AppId, kind: i128, facts: Facts) -> Result<Vec<Event>, String> {
        let source = text(self.emitter).ok_or("`emitter` is missing, or not text")?;
        let time_unix_us = self.time_unix_us().ok_or("`timestamp` is no time in microseconds")?;
        let identity = Identity {
            emitter: &source,
            timestamp_unix_us: time_unix_us,
            kind,
            session_id: self.session_id,
            handle_id: self.handle_id,
            event: self.event.ok_or("`event` is missing")?,
        };
        let hash = identity
            .hash()
            .ok_or_else(|| format!("`event` is nested more than {DEPTH_MAX} levels deep"))?;
        let source = SourceName::parse(&source)
            .map_err(|fault| format!("`emitter` cannot be used: {fault}"))?;
        let door = Door::parse(NAME).expect("a short word is a door");
        let ids = [id::first(&hash), id::of_client(&hash)];
        let facts = [Some(facts.first), facts.client].into_iter();
        let dated = facts.zip(ids).filter_map(|(fact, id)| {
            let (door, source) = (door.clone(), source.clone());
            Some(Event { app, door, source, id, time_unix_us, fact: fact? })
        });
        Ok(dated.collect())
    }

    fn time_unix_us(&self) -> Option<i64> {
        let time = integer(self.timestamp).and_then(|time| i64::try_from(time).ok());
        time.filter(|time| *time > 0)
    }

    fn shown_time(&self) -> String {
        self.time_unix_us().map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
    }
}

impl VideoRoom<'_> {
    /// QUIRK(janus): leaves tell neither session nor handle (post 34 of the capture). Should a
    /// later Janus add one, it is not read: the handle of `destroyed` (post 70) is that of whoever
    /// asked for it, so a kick's may be too.
    fn left(&self) -> Result<Facts, String> {
        let client = attributes(self.metadata.map_or("", RawValue::get));
        Ok(Fact::Left { who: self.who(None)?, joined_unix_us: None, client }.into())
    }

    fn finished(&self) -> Result<Facts, String> {
        Ok(Fact::RoomFinished { room: self.room()?, call: None }.into())
    }

    fn room(&self) -> Result<RoomId, String> {
        name("event.data.room", self.room, RoomId::parse)
    }

    fn who(&self, connection: Option<ConnectionId>) -> Result<Presence, String> {
        let participant = name("event.data.id", self.id, ParticipantId::parse)?;
        Ok(Presence { room: self.room()?, call: None, participant, connection })
    }
}

/// A name: text where Janus runs with `string_ids`, else an integer, which is kept exactly.
fn name<T>(at: &str, field: Field<'_>, parse: fn(&str) -> Result<T, IdFault>) -> Result<T, String> {
    let told = text(field).or_else(|| integer(field).map(|integer| integer.to_string()));
    let missing = || match field {
        None => format!("`{at}` is missing"),
        Some(_) => format!("`{at}` is neither text nor an integer"),
    };
    parse(&told.ok_or_else(missing)?).map_err(|fault| format!("`{at}` cannot be used: {fault}"))
}

/// The client facts among an object's fields that are text; what is no object tells nothing.
fn attributes(value: &str) -> ClientFacts {
    let fields: BTreeMap<String, &RawValue> = object(value).unwrap_or_default();
    let texts: Vec<(String, String)> =
        fields.into_iter().filter_map(|(key, value)| Some((key, text(Some(value))?))).collect();
    let told = texts.iter().filter(|(_, value)| !value.is_empty());
    ClientFacts::from_attributes(told.map(|(key, value)| (key.as_str(), value.as_str())))
}
