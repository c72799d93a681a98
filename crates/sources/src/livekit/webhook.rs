//! What a webhook says, read leniently: a field that is not as expected is as if it were absent,
//! and only what the log cannot do without makes a webhook unintelligible.
//!
//! Reasons quote nothing but the event's name and id.

use std::collections::BTreeMap;

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{
    CallId, ConnectionId, Door, EventId, IdFault, ParticipantId, RoomId, SourceName,
};
use domain::log::{ClientFacts, Event, Fact, Os, Presence};

use super::NAME;
use crate::lenient::{self, Integer, if_object, if_readable, name};

/// What there is to a webhook.
pub(super) enum Reading {
    /// A fact for the log.
    Event(Box<Event>),
    /// Nothing that the log keeps.
    OfNoInterest,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Webhook {
    #[serde(deserialize_with = "if_readable")]
    event: Option<String>,
    #[serde(deserialize_with = "if_readable")]
    id: Option<String>,
    #[serde(deserialize_with = "if_readable")]
    created_at: Option<Integer>,
    #[serde(deserialize_with = "if_object")]
    room: Option<Room>,
    #[serde(deserialize_with = "if_object")]
    participant: Option<Participant>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Room {
    #[serde(deserialize_with = "if_readable")]
    name: Option<String>,
    #[serde(deserialize_with = "if_readable")]
    sid: Option<String>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Participant {
    #[serde(deserialize_with = "if_readable")]
    identity: Option<String>,
    #[serde(deserialize_with = "if_readable")]
    sid: Option<String>,
    #[serde(deserialize_with = "if_readable")]
    kind: Option<String>,
    #[serde(deserialize_with = "if_readable")]
    joined_at: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    joined_at_ms: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    attributes: Option<BTreeMap<String, String>>,
    #[serde(deserialize_with = "if_object")]
    permission: Option<Permission>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Permission {
    #[serde(deserialize_with = "if_readable")]
    recorder: Option<bool>,
    #[serde(deserialize_with = "if_readable")]
    agent: Option<bool>,
}

/// Reads the body of an authentic delivery, or tells why it cannot be understood.
pub(super) fn read(app: AppId, body: &[u8]) -> Result<Reading, String> {
    let webhook: Webhook = lenient::body(body).ok_or("the body is not a JSON object")?;
    let event = webhook.event.as_deref().ok_or("the webhook has no `event`")?;
    let fact = match event {
        "participant_joined" => webhook.joined(),
        "participant_left" => webhook.left(),
        "participant_connection_aborted" => webhook.aborted(),
        "track_published" => webhook.published(),
        "room_finished" => webhook.finished(),
        _ => return Ok(Reading::OfNoInterest),
    };
    let read = fact.and_then(|(time_unix_us, fact)| {
        let id = name("id", webhook.id.as_deref(), EventId::parse)?;
        let door = Door::parse(NAME).expect("a short word is a door");
        let source = SourceName::parse(NAME).expect("a short word is a source");
        Ok(Event { app, door, source, id, time_unix_us, fact })
    });
    match read {
        Ok(event) => Ok(Reading::Event(Box::new(event))),
        Err(why) => Err(format!("{event} {}: {why}", webhook.shown_id())),
    }
}

type Dated = Result<(i64, Fact), String>;

impl Webhook {
    /// It is sent once media flows; the connection is older than that.
    fn joined(&self) -> Dated {
        let participant = self.participant()?;
        let joined_unix_us = participant.joined_unix_us();
        let time_unix_us = joined_unix_us.map_or_else(|| self.created_unix_us(), Ok)?;
        Ok((
            time_unix_us,
            Fact::Joined { who: self.who()?, sole: true, client: participant.client() },
        ))
    }

    fn left(&self) -> Dated {
        let participant = self.participant()?;
        let (who, client) = (self.who()?, participant.client());
        let joined_unix_us = participant.joined_unix_us();
        Ok((self.created_unix_us()?, Fact::Left { who, joined_unix_us, client }))
    }

    /// A connection that ended before media flowed was never there, so this tells no join. But the
    /// server announces joins from elsewhere: should it announce this one's too, before or after,
    /// this ends it.
    fn aborted(&self) -> Dated {
        let (who, client) = (self.who()?, ClientFacts::default());
        Ok((self.created_unix_us()?, Fact::Left { who, joined_unix_us: None, client }))
    }

    fn published(&self) -> Dated {
        Ok((self.created_unix_us()?, Fact::Published { who: self.who()? }))
    }

    fn finished(&self) -> Dated {
        let (room, call) = self.place()?;
        Ok((self.created_unix_us()?, Fact::RoomFinished { room, call }))
    }

    fn place(&self) -> Result<(RoomId, Option<CallId>), String> {
        let room = self.room.as_ref().ok_or("`room` is missing")?;
        let call = optional_name("room.sid", room.sid.as_deref(), CallId::parse)?;
        Ok((name("room.name", room.name.as_deref(), RoomId::parse)?, call))
    }

    fn who(&self) -> Result<Presence, String> {
        let (room, call) = self.place()?;
        let Participant { identity, sid, .. } = self.participant()?;
        let participant = name("participant.identity", identity.as_deref(), ParticipantId::parse)?;
        let connection = optional_name("participant.sid", sid.as_deref(), ConnectionId::parse)?;
        Ok(Presence { room, call, participant, connection })
    }

    fn participant(&self) -> Result<&Participant, String> {
        self.participant.as_ref().ok_or_else(|| "`participant` is missing".to_owned())
    }

    fn created_unix_us(&self) -> Result<i64, String> {
        let told = self.created_at.as_ref().and_then(|time| time.unix_us(SECOND_US));
        told.ok_or_else(|| "`createdAt` is missing".to_owned())
    }

    /// How the sender's own log names it, if it looks like such a name.
    fn shown_id(&self) -> &str {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match self.id.as_deref() {
            Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(is_plain) => id,
            _ => "without an id to show",
        }
    }
}

impl Participant {
    fn joined_unix_us(&self) -> Option<i64> {
        let fine = self.joined_at_ms.as_ref().and_then(|time| time.unix_us(1_000));
        fine.or_else(|| self.joined_at.as_ref()?.unix_us(SECOND_US))
    }

    /// What the app told of the client by attributes. An attribute that was taken back is empty.
    fn client(&self) -> ClientFacts {
        let attributes = self.attributes.iter().flatten();
        let told = attributes.filter(|(_, value)| !value.is_empty());
        let pairs = told.map(|(key, value)| (key.as_str(), value.as_str()));
        let mut facts = ClientFacts::from_attributes(pairs);
        if self.is_server() {
            facts.os.get_or_insert(Os::Linux);
        }
        facts
    }

    /// Egress, ingress, agents and bridges are machines, and so is whatever LiveKit adds later. Who
    /// comes by telephone or through a messenger is a person without a client of ours. Before there
    /// were kinds, permissions told machines apart; some machines still have no other mark.
    fn is_server(&self) -> bool {
        let is_persons =
            matches!(self.kind.as_deref(), None | Some("STANDARD" | "SIP" | "CONNECTOR"));
        let may = |permission: fn(&Permission) -> Option<bool>| {
            self.permission.as_ref().and_then(permission) == Some(true)
        };
        !is_persons || may(|may| may.recorder) || may(|may| may.agent)
    }
}

fn optional_name<T>(
    at: &str,
    text: Option<&str>,
    parse: fn(&str) -> Result<T, IdFault>,
) -> Result<Option<T>, String> {
    text.filter(|text| !text.is_empty()).map(|text| name(at, Some(text), parse)).transpose()
}
