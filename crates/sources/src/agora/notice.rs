//! What a notice says. Only what the log cannot do without makes one unintelligible.
//!
//! Nothing of the envelope that changes from copy to copy is read: what becomes of a notice depends
//! on its event alone. Reasons quote nothing but the number of the event type.

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Os, Presence};
use sha2::{Digest as _, Sha256};

use super::NAME;
use crate::lenient::{self, Integer, Name, if_object, if_readable, name};

/// The product whose notices these are; others number their events alike.
const RTC: i64 = 1;

/// Why somebody left: another device of theirs came.
const NEW_DEVICE: i64 = 5;

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Notice {
    #[serde(deserialize_with = "if_readable")]
    product_id: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    event_type: Option<Integer>,
    #[serde(deserialize_with = "if_object")]
    payload: Option<Payload>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Payload {
    #[serde(deserialize_with = "if_readable")]
    channel_name: Option<String>,
    #[serde(deserialize_with = "if_readable")]
    uid: Option<Name>,
    #[serde(deserialize_with = "if_readable")]
    platform: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    client_type: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    client_seq: Option<Name>,
    #[serde(deserialize_with = "if_readable")]
    reason: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    ts: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    duration: Option<Integer>,
}

/// What a notice becomes: its event, the facts in it, and when.
struct Told {
    time_unix_us: i64,
    facts: Vec<Fact>,
}

/// Reads the body of an authentic delivery, or tells why it cannot be understood. No events are
/// nothing that the log keeps.
pub(super) fn read(app: AppId, body: &[u8]) -> Result<Vec<Event>, String> {
    let notice: Notice =
        lenient::body(body).ok_or("the body is not a JSON object that can be read")?;
    let Integer(event_type) = notice.event_type.ok_or("`eventType` is missing")?;
    let tell = match event_type {
        102 => Payload::destroyed,
        103 => Payload::host_joined,
        105 | 107 => Payload::joined,
        104 | 106 | 108 => Payload::left,
        111 => Payload::became_host,
        _ => return Ok(vec![]),
    };
    let told = match notice.product_id {
        Some(Integer(RTC)) => notice.payload.ok_or_else(|| "`payload` is missing".to_owned()),
        Some(_) => return Ok(vec![]),
        None => Err("`productId` is missing".to_owned()),
    };
    let told = told.and_then(|payload| Ok((tell(&payload)?, payload.identity())));
    let (Told { time_unix_us, facts }, identity) =
        told.map_err(|why| format!("{event_type}: {why}"))?;
    let door = Door::parse(NAME).expect("a short word is a door");
    let source = SourceName::parse(NAME).expect("a short word is a source");
    let event = |fact: Fact| {
        // A host's arrival is two facts.
        let role = if matches!(fact, Fact::Published { .. }) { "-host" } else { "" };
        let id = EventId::parse(&format!("{event_type}{role}-{identity}"));
        let id = id.expect("a short text is an id");
        Event { app, door: door.clone(), source: source.clone(), id, time_unix_us, fact }
    };
    Ok(facts.into_iter().map(event).collect())
}

type Reading = Result<Told, String>;

impl Payload {
    fn joined(&self) -> Reading {
        let (who, client) = (self.who()?, self.client());
        self.at_its_place(vec![Fact::Joined { who, sole: true, client }])
    }

    /// Agora tells roles, but no streams. A host is whoever may publish.
    fn host_joined(&self) -> Reading {
        let mut told = self.joined()?;
        told.facts.push(Fact::Published { who: self.who()? });
        Ok(told)
    }

    fn became_host(&self) -> Reading {
        self.at_its_place(vec![Fact::Published { who: self.who()? }])
    }

    fn left(&self) -> Reading {
        let (who, client) = (self.who()?, self.client());
        let mut told = self.at_its_place(vec![])?;
        // The new device's join tells the same, and since no connection has a name, a leave that
        // is dated after that join would end the new device's stay.
        if !matches!(self.reason, Some(Integer(NEW_DEVICE))) {
            let joined_unix_us = self.joined_unix_us(told.time_unix_us)?;
            told.facts.push(Fact::Left { who, joined_unix_us, client });
        }
        Ok(told)
    }

    fn destroyed(&self) -> Reading {
        let facts = vec![Fact::RoomFinished { room: self.room()?, call: None }];
        Ok(Told { time_unix_us: self.second_unix_us()?, facts })
    }

    /// When a participant's fact counts: within its second, by the participant's own count of their
    /// events. This is an order, not a time: all else would read a stay within one second as a
    /// leave and then a join, and show somebody who is gone. Never the second's very beginning, so
    /// that there is room for a join before a leave.
    fn at_its_place(&self, facts: Vec<Fact>) -> Reading {
        let Name(digits) = self.client_seq.as_ref().ok_or("`clientSeq` is missing")?;
        let count: u64 = digits.parse().map_err(|_| "`clientSeq` is not a number")?;
        let place_us = i64::try_from(1 + count % 999_999).expect("a million fits");
        Ok(Told { time_unix_us: self.second_unix_us()? + place_us, facts })
    }

    /// When they had come, at the end of that second: a leave that the same participant made in it
    /// was before. It is always before their own leave.
    fn joined_unix_us(&self, left_unix_us: i64) -> Result<Option<i64>, String> {
        let Some(&Integer(duration_s)) = self.duration.as_ref() else { return Ok(None) };
        let stayed_us = duration_s.checked_mul(SECOND_US).filter(|stayed_us| *stayed_us >= 0);
        let second_unix_us = self.second_unix_us()?;
        let joined_second_unix_us = stayed_us.map(|stayed_us| second_unix_us - stayed_us);
        let known = joined_second_unix_us.filter(|joined_unix_us| *joined_unix_us > 0);
        Ok(known.map(|second| (second + SECOND_US - 1).min(left_unix_us - 1)))
    }

    fn second_unix_us(&self) -> Result<i64, String> {
        let unix_us = self.ts.as_ref().and_then(|&Integer(ts)| ts.checked_mul(SECOND_US));
        // A second after the last one of all would not be one.
        unix_us
            .filter(|unix_us| (1..i64::MAX - SECOND_US).contains(unix_us))
            .ok_or_else(|| "`ts` is missing".to_owned())
    }

    fn room(&self) -> Result<RoomId, String> {
        name("channelName", self.channel_name.as_deref(), RoomId::parse)
    }

    fn who(&self) -> Result<Presence, String> {
        let uid = self.uid.as_ref().map(|Name(uid)| uid.as_str());
        let participant = name("uid", uid, ParticipantId::parse)?;
        Ok(Presence { room: self.room()?, call: None, participant, connection: None })
    }

    fn client(&self) -> ClientFacts {
        let number = |field: &Option<Integer>| field.as_ref().map(|&Integer(number)| number);
        let os = number(&self.platform).map(|platform| match platform {
            1 => Os::Android,
            2 => Os::Ios,
            5 => Os::Windows,
            // QUIRK(agora): mini programs come through a Linux of Agora's, but are people.
            // "Channel event type", at docs.agora.io; linked in README.md.
            6 if number(&self.client_type) == Some(8) => Os::Unknown,
            6 => Os::Linux,
            7 => Os::Web,
            8 => Os::Mac,
            _ => Os::Unknown,
        });
        ClientFacts { os, ..ClientFacts::default() }
    }

    /// By what Agora's receivers are told to know copies. With the event's type and time, which are
    /// part of every event's identity too, this is all that tells two events apart.
    fn identity(&self) -> String {
        let text = |name: &Option<Name>| name.as_ref().map_or("", |Name(text)| text).to_owned();
        let (channel, uid) = (self.channel_name.as_deref().unwrap_or(""), text(&self.uid));
        // No name holds U+0000, so that no two lists give the same bytes.
        let hash = Sha256::digest(format!("{channel}\0{uid}\0{}", text(&self.client_seq)));
        hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
