//! Asking a LiveKit server who is in its rooms, since a leave that it failed to tell is never told
//! again: what is asked, and what the answer is worth. Nothing here sends anything.
//!
//! The protocol is LiveKit's own server API, `RoomService` over Twirp with JSON. An answer is
//! believed whole or not at all: of one that cannot be read to its end nobody can say who is
//! missing in it.
//!
//! Three things keep a snapshot from ending somebody who is there:
//!
//! - It is dated [`SLACK_S`] before the question, by whichever of the two clocks is behind. LiveKit
//!   dates a join by its own clock, and notes it down a moment later.
//! - Whoever is still connecting counts as present: their join is dated by the connection's
//!   beginning and told only once media flows.
//! - It names its call, so it says nothing of a later call in the same room.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::AppId;
use domain::app::Secret;
use domain::clock::SECOND_US;
use domain::ids::{CallId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::event::SNAPSHOT_PRESENT_MAX;
use domain::log::{Event, Fact};
use serde_json::json;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::NAME;
use super::signature::{ApiKey, sign};
use crate::lenient;

/// How long before the question a snapshot is dated, in seconds: longer than LiveKit takes to note
/// down who has connected, and than the clocks of its nodes differ.
pub const SLACK_S: i64 = 10;

/// How long a question's token is good for, in seconds. LiveKit's clock may be that far ahead.
const TOKEN_LIFE_S: i64 = 600;

/// What LiveKit's ids of rooms begin with.
const ROOM_SID_PREFIX: &str = "RM_";

/// A question to a LiveKit server, sent with POST and `Content-Type: application/json`.
#[derive(Debug)]
pub struct Question {
    /// Where, below the server's own address.
    pub path: &'static str,
    /// The header `Authorization`.
    pub authorization: Secret,
    /// The body.
    pub body: String,
}

/// Why an answer is not believed. It never quotes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absurd {
    /// It is not what LiveKit answers.
    #[error("the answer is not a list of LiveKit's")]
    NotAList,
    /// It names more people than a snapshot may.
    #[error("the answer names more than {SNAPSHOT_PRESENT_MAX} participants")]
    TooMany,
    /// It does not say when it was given.
    #[error("the answer has no header `Date`")]
    Undated,
}

/// Which of these rooms there are. `None` without credentials. Naming none would ask for all.
pub fn ask_for_rooms<'a>(
    credentials: &BTreeMap<String, Secret>,
    rooms: impl IntoIterator<Item = &'a RoomId>,
    now_unix_us: i64,
) -> Option<Question> {
    let names: Vec<&str> = rooms.into_iter().map(RoomId::as_str).collect();
    let path = "/twirp/livekit.RoomService/ListRooms";
    question(credentials, path, json!({"roomList": true}), &json!({ "names": names }), now_unix_us)
}

/// Who is in a room. `None` without credentials.
pub fn ask_for_participants(
    credentials: &BTreeMap<String, Secret>,
    room: &RoomId,
    now_unix_us: i64,
) -> Option<Question> {
    let path = "/twirp/livekit.RoomService/ListParticipants";
    let grant = json!({"roomAdmin": true, "room": room.as_str()});
    question(credentials, path, grant, &json!({ "room": room.as_str() }), now_unix_us)
}

fn question(
    credentials: &BTreeMap<String, Secret>,
    path: &'static str,
    grant: serde_json::Value,
    body: &serde_json::Value,
    now_unix_us: i64,
) -> Option<Question> {
    let key = ApiKey::find(credentials)?;
    let ends = now_unix_us.div_euclid(SECOND_US) + TOKEN_LIFE_S;
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(json!({"alg": "HS256", "typ": "JWT"})),
        part(json!({"iss": key.id, "exp": ends, "video": grant})),
    );
    let authorization = Secret::new(format!("Bearer {signed}.{}", sign(key.secret, &signed)));
    Some(Question { path, authorization, body: body.to_string() })
}

/// The rooms that there are, each with the id of its call.
pub fn read_rooms(body: &[u8]) -> Result<BTreeMap<String, String>, Absurd> {
    #[derive(serde::Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        rooms: Vec<&'a RawValue>,
    }
    #[derive(serde::Deserialize)]
    struct Room {
        name: String,
        sid: String,
    }
    let Answer { rooms } = lenient::body(body).ok_or(Absurd::NotAList)?;
    let read = |room: &RawValue| {
        let Room { name, sid } = lenient::object(room.get()).ok_or(Absurd::NotAList)?;
        let is_named = !name.is_empty() && !sid.is_empty();
        is_named.then_some((name, sid)).ok_or(Absurd::NotAList)
    };
    rooms.into_iter().map(read).collect()
}

/// Everybody who is in a room, or on the way into it.
pub fn read_participants(body: &[u8]) -> Result<BTreeSet<ParticipantId>, Absurd> {
    #[derive(serde::Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        participants: Vec<&'a RawValue>,
    }
    #[derive(serde::Deserialize)]
    struct Participant {
        identity: String,
        #[serde(default)]
        state: serde_json::Value,
    }
    let Answer { participants } = lenient::body(body).ok_or(Absurd::NotAList)?;
    let mut present = BTreeSet::new();
    for participant in participants {
        let Participant { identity, state } =
            lenient::object(participant.get()).ok_or(Absurd::NotAList)?;
        if identity.is_empty() {
            return Err(Absurd::NotAList);
        }
        // Whatever other state there is or will be, they have not gone.
        let has_gone = state == "DISCONNECTED";
        // An identity that the log cannot hold is not in the log.
        if let (false, Ok(participant)) = (has_gone, ParticipantId::parse(&identity)) {
            present.insert(participant);
        }
        if present.len() > SNAPSHOT_PRESENT_MAX {
            return Err(Absurd::TooMany);
        }
    }
    Ok(present)
}

/// The time as of which LiveKit's answers can end somebody, by its own clock. It was asked at
/// `asked_unix_us` by ours, and `date` is the header of its answer. What is read from later answers
/// is true as of then too.
pub fn as_of(asked_unix_us: i64, date: Option<&str>) -> Result<i64, Absurd> {
    let answered = date
        .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
        .ok_or(Absurd::Undated)?
        .timestamp()
        .as_microsecond();
    Ok(asked_unix_us.min(answered) - SLACK_S * SECOND_US)
}

/// Who is in a call of a room, given what LiveKit tells of the room: the id of its call if it knows
/// the room, and the people in it. A call that is not the room's is over.
pub fn present_in<'a>(
    call: &CallId,
    sid: Option<&str>,
    people: &'a BTreeSet<ParticipantId>,
) -> Option<&'a BTreeSet<ParticipantId>> {
    let is_over = is_livekits(call) && sid.is_some_and(|sid| sid != call.as_str());
    (!is_over).then_some(people)
}

/// Whether LiveKit gave a call its id. One with an id of ours, for webhooks without `room.sid`, may
/// be any call of its room.
fn is_livekits(call: &CallId) -> bool {
    call.as_str().starts_with(ROOM_SID_PREFIX)
}

/// What was learnt, as an event. The same answer of the same time is the same event.
pub fn snapshot(
    app: AppId,
    room: RoomId,
    call: CallId,
    present: BTreeSet<ParticipantId>,
    time_unix_us: i64,
) -> Event {
    let mut hash = Sha256::new();
    let names = [room.as_str(), call.as_str()].into_iter();
    for name in names.chain(present.iter().map(ParticipantId::as_str)) {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
    }
    let id = format!("snapshot/{}", URL_SAFE_NO_PAD.encode(hash.finalize()));
    Event {
        app,
        door: Door::parse(NAME).expect("a short word is a door"),
        source: SourceName::parse(NAME).expect("a short word is a source"),
        id: EventId::parse(&id).expect("a short text is an id"),
        time_unix_us,
        fact: Fact::Snapshot { room, call: Some(call).filter(is_livekits), present, told: None },
    }
}
