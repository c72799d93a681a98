//! What a callback says. Only what the log cannot do without makes one unintelligible.
//!
//! Reasons quote nothing but the number of the event type.

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Os, Presence};
use sha2::{Digest as _, Sha256};

use super::NAME;
use crate::lenient::{self, Integer, Name, if_object, if_readable, name};

/// What there is to a callback.
pub(super) enum Reading {
    /// A fact for the log.
    Event(Box<Event>),
    /// Nothing that the log keeps.
    OfNoInterest,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Callback {
    #[serde(deserialize_with = "if_readable")]
    event_type: Option<Integer>,
    #[serde(deserialize_with = "if_object")]
    event_info: Option<Happening>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Happening {
    // QUIRK(trtc): a number in rooms with numeric ids, text in the others, and in the documented
    // 102 text for a room that the other samples number: captures/documented.jsonl.
    // https://trtc.io/document/39558
    #[serde(deserialize_with = "if_readable")]
    room_id: Option<Name>,
    #[serde(deserialize_with = "if_readable")]
    user_id: Option<Name>,
    #[serde(deserialize_with = "if_readable")]
    event_ms_ts: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    event_ts: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    terminal_type: Option<Integer>,
    #[serde(deserialize_with = "if_readable")]
    user_type: Option<Integer>,
}

/// Reads the body of an authentic delivery, or tells why it cannot be understood.
pub(super) fn read(app: AppId, body: &[u8]) -> Result<Reading, String> {
    let callback: Callback =
        lenient::body(body).ok_or("the body is not a JSON object that can be read")?;
    let Integer(event_type) = callback.event_type.ok_or("`EventType` is missing")?;
    let fact = match event_type {
        102 => Happening::finished,
        103 => Happening::joined,
        104 => Happening::left,
        201 | 203 | 205 => Happening::published,
        _ => return Ok(Reading::OfNoInterest),
    };
    let info = callback.event_info.ok_or_else(|| "`EventInfo` is missing".to_owned());
    let event = info.and_then(|info| {
        let (time_unix_us, fact) = (info.time_unix_us()?, fact(&info)?);
        let id = info.event_id(event_type);
        let door = Door::parse(NAME).expect("a short word is a door");
        let source = SourceName::parse(NAME).expect("a short word is a source");
        Ok(Event { app, door, source, id, time_unix_us, fact })
    });
    match event {
        Ok(event) => Ok(Reading::Event(Box::new(event))),
        Err(why) => Err(format!("{event_type}: {why}")),
    }
}

impl Happening {
    fn joined(&self) -> Result<Fact, String> {
        // TRTC puts out the first of two hosts of one name, but does not promise it of viewers.
        Ok(Fact::Joined { who: self.who()?, sole: false, client: self.client() })
    }

    fn left(&self) -> Result<Fact, String> {
        let client = ClientFacts::default();
        Ok(Fact::Left { who: self.who()?, joined_unix_us: None, client })
    }

    fn published(&self) -> Result<Fact, String> {
        Ok(Fact::Published { who: self.who()? })
    }

    fn finished(&self) -> Result<Fact, String> {
        Ok(Fact::RoomFinished { room: self.room()?, call: None })
    }

    fn room(&self) -> Result<RoomId, String> {
        name("RoomId", self.room_id.as_ref().map(Name::as_str), RoomId::parse)
    }

    fn who(&self) -> Result<Presence, String> {
        let participant =
            name("UserId", self.user_id.as_ref().map(Name::as_str), ParticipantId::parse)?;
        Ok(Presence { room: self.room()?, call: None, participant, connection: None })
    }

    /// TRTC gives its events no ids. With the time, which is part of every event's identity, this
    /// is what its callbacks are told apart by.
    fn event_id(&self, event_type: i64) -> EventId {
        let text = |name: &Option<Name>| name.as_ref().map_or("", |Name(text)| text).to_owned();
        // A room's name holds no U+0000, so that no two pairs give the same bytes.
        let hash = Sha256::digest(format!("{}\0{}", text(&self.room_id), text(&self.user_id)));
        let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        EventId::parse(&format!("{event_type}-{hex}")).expect("a short text is an id")
    }

    /// In milliseconds; TRTC keeps the seconds for receivers that are older than those.
    fn time_unix_us(&self) -> Result<i64, String> {
        let fine = self.event_ms_ts.as_ref().and_then(|time| time.unix_us(1_000));
        fine.or_else(|| self.event_ts.as_ref()?.unix_us(SECOND_US))
            .ok_or_else(|| "`EventMsTs` is missing".to_owned())
    }

    /// A browser is one whatever it runs on.
    fn client(&self) -> ClientFacts {
        let number = |field: &Option<Integer>| field.as_ref().map(|&Integer(number)| number);
        let os = match (number(&self.user_type), number(&self.terminal_type)) {
            (Some(1), _) => Some(Os::Web),
            (_, Some(1)) => Some(Os::Windows),
            (_, Some(2)) => Some(Os::Android),
            (_, Some(3)) => Some(Os::Ios),
            (_, Some(4)) => Some(Os::Linux),
            (_, Some(_)) => Some(Os::Unknown),
            (_, None) => None,
        };
        ClientFacts { os, ..ClientFacts::default() }
    }
}
