//! What a callback says. A field that is not as expected is as if it were absent, and only what the
//! log cannot do without makes a callback unintelligible.
//!
//! Reasons quote nothing but the event's name.

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{
    CallId, ConnectionId, Door, EventId, IdFault, ParticipantId, RoomId, SourceName,
};
use domain::log::{ClientFacts, Event, Fact, Os, Presence};
use domain::presence::Sighting;
use sha2::{Digest as _, Sha256};

use super::fields::Fields;
use super::{NAME, presence};
use crate::lenient;

/// What there is to a callback.
pub(super) enum Reading {
    /// A fact for the log.
    Event(Box<Event>),
    /// Somebody was seen.
    Sighting(Sighting),
    /// Nothing that is kept.
    OfNoInterest,
}

type Dated = Result<(i64, Fact), String>;

/// Reads an authentic callback, or tells why it cannot be understood.
pub(super) fn read(app: AppId, fields: &Fields) -> Result<Reading, String> {
    let event = fields.text("event").ok_or("the callback has no `event`")?;
    if event == presence::EVENT {
        let read = check_app(app, fields).and_then(|()| presence::read(app, fields));
        return read.map(Reading::Sighting).map_err(|why| format!("{event}: {why}"));
    }
    let fact: fn(&Fields) -> Dated = match event {
        "room_login" => logged_in,
        "room_logout" => logged_out,
        "stream_create" => published,
        "room_close" => closed,
        _ => return Ok(Reading::OfNoInterest),
    };
    let read = check_app(app, fields).and_then(|()| fact(fields)).map(|(time_unix_us, fact)| {
        let door = Door::parse(NAME).expect("a short word is a door");
        let source = SourceName::parse(NAME).expect("a short word is a source");
        let id = event_id(fields);
        Event { app, door, source, id, time_unix_us, fact }
    });
    match read {
        Ok(event) => Ok(Reading::Event(Box::new(event))),
        Err(why) => Err(format!("{event}: {why}")),
    }
}

/// One secret may sign the callbacks of several apps, so the signature does not say whose it is.
fn check_app(app: AppId, fields: &Fields) -> Result<(), String> {
    match fields.text("appid") {
        Some(text) if text.parse() == Ok(app.0) => Ok(()),
        Some(_) => Err("`appid` is another app's".to_owned()),
        None => Err("`appid` is missing".to_owned()),
    }
}

fn logged_in(fields: &Fields) -> Dated {
    let (who, client) = (user(fields, "user_account", "room_seq")?, client(fields));
    // QUIRK(zegocloud): the service lets nobody in twice. Who logs in again ends the older session,
    // with reason 3, and its own recipe for a user list keeps one session for each user.
    Ok((unix_us(fields, "login_time")?, Fact::Joined { who, sole: true, client }))
}

/// A logout alone tells the whole session.
fn logged_out(fields: &Fields) -> Dated {
    let (who, client) = (user(fields, "user_account", "room_seq")?, client(fields));
    let joined_unix_us = unix_us(fields, "login_time").ok();
    Ok((unix_us(fields, "logout_time")?, Fact::Left { who, joined_unix_us, client }))
}

fn published(fields: &Fields) -> Dated {
    let who = user(fields, "user_id", "room_session_id")?;
    let coarse =
        || fields.integer("create_time").and_then(|time| lenient::unix_us(time, SECOND_US));
    let time = unix_us(fields, "create_time_ms");
    Ok((time.or_else(|why| coarse().ok_or(why))?, Fact::Published { who }))
}

fn closed(fields: &Fields) -> Dated {
    let (room, call) = place(fields, "room_session_id")?;
    Ok((unix_us(fields, "room_close_time")?, Fact::RoomFinished { room, call }))
}

fn place(fields: &Fields, call: &str) -> Result<(RoomId, Option<CallId>), String> {
    Ok((name(fields, "room_id", RoomId::parse)?, optional_name(fields, call, CallId::parse)?))
}

fn user(fields: &Fields, participant: &str, call: &str) -> Result<Presence, String> {
    let (room, call) = place(fields, call)?;
    let participant = name(fields, participant, ParticipantId::parse)?;
    let connection = optional_name(fields, "session_id", ConnectionId::parse)?;
    Ok(Presence { room, call, participant, connection })
}

fn client(fields: &Fields) -> ClientFacts {
    let os = match fields.text("term_type") {
        None | Some("0") => None,
        // QUIRK(zegocloud): "PC" stands beside Mac and Linux in one list, so it is Windows.
        Some("1") => Some(Os::Windows),
        Some("2") => Some(Os::Ios),
        Some("3") => Some(Os::Android),
        Some("4") => Some(Os::Mac),
        Some("5") => Some(Os::Linux),
        Some("6") => Some(Os::Web),
        Some(_) => Some(Os::Unknown),
    };
    ClientFacts { os, ..ClientFacts::default() }
}

/// A time in milliseconds.
fn unix_us(fields: &Fields, at: &str) -> Result<i64, String> {
    let time = fields.integer(at).and_then(|time| lenient::unix_us(time, 1_000));
    time.ok_or_else(|| format!("`{at}` is missing"))
}

pub(super) fn name<T>(
    fields: &Fields,
    at: &str,
    parse: fn(&str) -> Result<T, IdFault>,
) -> Result<T, String> {
    optional_name(fields, at, parse)?.ok_or_else(|| format!("`{at}` is missing"))
}

fn optional_name<T>(
    fields: &Fields,
    at: &str,
    parse: fn(&str) -> Result<T, IdFault>,
) -> Result<Option<T>, String> {
    let parsed = fields.text(at).map(parse).transpose();
    parsed.map_err(|fault| format!("`{at}` cannot be used: {fault}"))
}

/// What of a callback is the same each time that it is sent. Time of sending, nonce and signature
/// may differ.
const IDENTITY: &[&str] = &[
    "event",
    "room_id",
    "room_seq",
    "room_session_id",
    "user_account",
    "user_id",
    "session_id",
    "login_time",
    "logout_time",
    "room_close_time",
    "create_time",
    "create_time_ms",
];

/// An id for a callback, which has none: a hash of what tells it from all others.
fn event_id(fields: &Fields) -> EventId {
    let mut hash = Sha256::new();
    for part in IDENTITY.iter().map(|name| fields.text(name).unwrap_or_default()) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hex: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    EventId::parse(&hex).expect("32 hexadecimal digits are an id")
}
