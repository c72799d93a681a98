//! What a LiveKit server tells of the truth, in the order in which it tells it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fastrand::Rng;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::truth::{Call, Connection, End, RoomDay};

/// 2026-11-20T00:00:00Z
const DAY_BEGINS_UNIX_MS: i64 = 1_795_132_800_000;

pub(crate) const API_KEY: &str = "devkey";
pub(crate) const API_SECRET: &str = "secret";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    RoomStarted,
    Joined,
    Left,
    Aborted,
    Published,
    Unpublished,
    RoomFinished,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Webhook {
    pub(crate) kind: Kind,
    /// Its place in [`RoomDay::calls`].
    pub(crate) call: usize,
    /// Its place in [`Call::connections`]; `None` if it is about the room.
    pub(crate) connection: Option<usize>,
    /// What it says of when it was made. On the wire these are whole seconds.
    pub(crate) created_ms: i64,
    /// When it took its place in the queue.
    pub(crate) queued_ms: i64,
}

/// All webhooks of a day, in the order of the queue.
pub(crate) fn tell(day: &RoomDay, random: &mut Rng) -> Vec<Webhook> {
    let mut told = vec![];
    for (number, call) in day.calls.iter().enumerate() {
        let mut tell = |kind, connection, created_ms, queued_ms| {
            told.push(Webhook { kind, call: number, connection, created_ms, queued_ms });
        };
        tell(Kind::RoomStarted, None, call.started_ms, call.started_ms);
        for (index, connection) in call.connections.iter().enumerate() {
            tell_connection(connection, random, |kind, created_ms, queued_ms| {
                tell(kind, Some(index), created_ms, queued_ms);
            });
        }
        if let Some(finished_ms) = call.finished_ms {
            tell(Kind::RoomFinished, None, finished_ms, finished_ms);
        }
    }
    told.sort_by_key(|webhook| webhook.queued_ms);
    told
}

fn tell_connection(
    connection: &Connection,
    random: &mut Rng,
    mut tell: impl FnMut(Kind, i64, i64),
) {
    let left_ms = connection.left_ms;
    if connection.end == End::Aborted {
        return tell(Kind::Aborted, left_ms, left_ms);
    }
    // The server announces joins from a task of their own.
    tell(Kind::Joined, connection.active_ms, connection.active_ms + random.i64(0..30));
    let gone_ms = match connection.end {
        // Behind the join of the connection that took its place.
        End::Replaced { told_late: true } => left_ms + random.i64(1_600..3_000),
        _ => left_ms,
    };
    let was_told = connection.end != End::Crashed;
    for &(from_ms, until_ms) in &connection.streams {
        tell(Kind::Published, from_ms, from_ms);
        if until_ms < left_ms {
            tell(Kind::Unpublished, until_ms, until_ms);
        } else if was_told {
            tell(Kind::Unpublished, left_ms, gone_ms);
        }
    }
    if was_told {
        tell(Kind::Left, left_ms, gone_ms);
    }
}

pub(crate) fn unix_s(day_ms: i64) -> i64 {
    unix_ms(day_ms).div_euclid(1_000)
}

pub(crate) fn unix_ms(day_ms: i64) -> i64 {
    DAY_BEGINS_UNIX_MS + day_ms
}

pub(crate) fn room_name(day: &RoomDay) -> String {
    format!("room{}", day.number)
}

/// LiveKit's id of a call; the number of the call can be read from it again.
pub(crate) fn call_sid(call: usize) -> String {
    format!("RM_{call}")
}

pub(crate) fn identity(number: usize) -> String {
    format!("user{number}")
}

impl Webhook {
    pub(crate) fn about<'a>(&self, day: &'a RoomDay) -> (&'a Call, Option<&'a Connection>) {
        let call = &day.calls[self.call];
        (call, self.connection.map(|index| &call.connections[index]))
    }

    /// As LiveKit writes it, without the fields that no log reads. `number` is its place in the
    /// queue, and its id.
    pub(crate) fn body(&self, day: &RoomDay, number: usize) -> String {
        let (call, connection) = self.about(day);
        let mut body = json!({
            "event": self.event(),
            "id": format!("EV_{number}"),
            "createdAt": unix_s(self.created_ms).to_string(),
            "room": {
                "sid": call_sid(self.call),
                "name": room_name(day),
                "creationTimeMs": unix_ms(call.started_ms).to_string(),
            },
        });
        if let Some(connection) = connection {
            body["participant"] = self.participant(connection);
        }
        if matches!(self.kind, Kind::Published | Kind::Unpublished) {
            body["track"] = json!({ "sid": format!("TR_{number}"), "type": "VIDEO" });
        }
        body.to_string()
    }

    fn event(&self) -> &'static str {
        match self.kind {
            Kind::RoomStarted => "room_started",
            Kind::Joined => "participant_joined",
            Kind::Left => "participant_left",
            Kind::Aborted => "participant_connection_aborted",
            Kind::Published => "track_published",
            Kind::Unpublished => "track_unpublished",
            Kind::RoomFinished => "room_finished",
        }
    }

    /// Webhooks about tracks know nothing but who it is.
    fn participant(&self, connection: &Connection) -> Value {
        let sid = format!("PA_{}", connection.number);
        let identity = identity(connection.identity);
        if matches!(self.kind, Kind::Published | Kind::Unpublished) {
            return json!({ "sid": sid, "identity": identity });
        }
        let joined_ms = connection.joined_ms;
        json!({
            "sid": sid,
            "identity": identity,
            "joinedAt": unix_s(joined_ms).to_string(),
            "joinedAtMs": unix_ms(joined_ms).to_string(),
        })
    }
}

/// The token that LiveKit signs a body with, made at this time.
pub(crate) fn token(body: &str, unix_s: i64) -> String {
    let sha256 = STANDARD.encode(Sha256::digest(body));
    let claims = json!({ "iss": API_KEY, "nbf": unix_s, "exp": unix_s + 300, "sha256": sha256 });
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(API_SECRET.as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
