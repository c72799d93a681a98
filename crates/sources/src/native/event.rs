//! One event: the attributes of CloudEvents that the log needs, and our types of `data`.
//!
//! Attributes and fields that are not named here are passed over, as the specification asks of
//! those who do not know an extension.

use std::collections::BTreeSet;

use domain::AppId;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::event::SNAPSHOT_PRESENT_MAX;
use domain::log::{Event, Fact, Presence};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{AtMost, Field, client, id, name, object, optional_id, required};
use super::fields::{text, time_unix_us};

/// The attributes, as they stand.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Field<'a>,
    id: Field<'a>,
    source: Field<'a>,
    r#type: Field<'a>,
    time: Field<'a>,
    data: Field<'a>,
}

/// `data` of every type together, as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    room_id: Field<'a>,
    call_id: Field<'a>,
    user_id: Field<'a>,
    connection_id: Field<'a>,
    client: Field<'a>,
    present: Field<'a>,
}

/// What an event can say.
#[derive(Clone, Copy)]
enum Kind {
    Joined,
    Left,
    Client,
    Published,
    Finished,
    Snapshot,
    Restarted,
}

const KINDS: [(&str, Kind); 7] = [
    ("rtc.participant.joined", Kind::Joined),
    ("rtc.participant.left", Kind::Left),
    ("rtc.participant.client", Kind::Client),
    ("rtc.stream.published", Kind::Published),
    ("rtc.room.finished", Kind::Finished),
    ("rtc.room.snapshot", Kind::Snapshot),
    ("rtc.server.restarted", Kind::Restarted),
];

/// Reads one event, or tells why it is none for the log.
pub(super) fn parse(app: AppId, event: &RawValue) -> Result<Event, String> {
    let envelope: Envelope<'_> = object("the event", event)?;
    if text("specversion", envelope.specversion)? != "1.0" {
        return Err("`specversion` is not \"1.0\"".to_owned());
    }
    let id = name("id", envelope.id, EventId::parse)?;
    let source = name("source", envelope.source, SourceName::parse)?;
    let kind = kind(&text("type", envelope.r#type)?)?;
    let time_unix_us = time_unix_us("time", envelope.time)?;
    let fact = fact(kind, envelope.data)?;
    let door = Door::parse("native").expect("a short word is a door");
    Ok(Event { app, door, source, id, time_unix_us, fact })
}

fn kind(named: &str) -> Result<Kind, String> {
    let known = KINDS.iter().find(|(name, _)| *name == named);
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        let names = KINDS.map(|(name, _)| name).join(", ");
        format!("`type` is none of {names}")
    })
}

fn fact(kind: Kind, data: Field<'_>) -> Result<Fact, String> {
    let data = || object::<Data<'_>>("`data`", required("data", data)?);
    Ok(match kind {
        Kind::Joined => {
            let data = data()?;
            Fact::Joined { who: data.who()?, sole: false, client: data.client()? }
        }
        Kind::Left => {
            let data = data()?;
            Fact::Left { who: data.who()?, joined_unix_us: None, client: data.client()? }
        }
        Kind::Client => {
            let data = data()?;
            Fact::Client { who: data.who()?, client: data.client()? }
        }
        Kind::Published => Fact::Published { who: data()?.who()? },
        Kind::Finished => {
            let data = data()?;
            Fact::RoomFinished { room: data.room()?, call: data.call()? }
        }
        Kind::Snapshot => {
            let data = data()?;
            Fact::Snapshot {
                room: data.room()?,
                call: data.call()?,
                present: data.present()?,
                told: None,
            }
        }
        Kind::Restarted => Fact::ServerRestarted,
    })
}

impl Data<'_> {
    fn room(&self) -> Result<RoomId, String> {
        id("data.roomId", self.room_id, RoomId::parse)
    }

    fn call(&self) -> Result<Option<CallId>, String> {
        optional_id("data.callId", self.call_id, CallId::parse)
    }

    fn who(&self) -> Result<Presence, String> {
        Ok(Presence {
            room: self.room()?,
            call: self.call()?,
            participant: id("data.userId", self.user_id, ParticipantId::parse)?,
            connection: optional_id("data.connectionId", self.connection_id, ConnectionId::parse)?,
        })
    }

    fn client(&self) -> Result<domain::log::ClientFacts, String> {
        client("data.client", self.client)
    }

    /// One impossible id refuses the list: without it, the list would say that somebody left.
    fn present(&self) -> Result<BTreeSet<ParticipantId>, String> {
        let list = required("data.present", self.present)?;
        let list: AtMost<'_, SNAPSHOT_PRESENT_MAX> = serde_json::from_str(list.get())
            .map_err(|_| "`data.present` is not an array".to_owned())?;
        let Some(ids) = list.values else {
            return Err(format!("`data.present` has more than {SNAPSHOT_PRESENT_MAX} ids"));
        };
        let one = |(index, value)| {
            id(&format!("data.present[{index}]"), Some(value), ParticipantId::parse)
        };
        ids.into_iter().enumerate().map(one).collect()
    }
}
