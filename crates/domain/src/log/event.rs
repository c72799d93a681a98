//! What a media server or an app reports, and the order in which a room's facts are read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::client::ClientFacts;
use crate::clock::{SECOND_US, whole_second};
use crate::ids::{AppId, CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};

/// How many participants a snapshot may name.
pub const SNAPSHOT_PRESENT_MAX: usize = 20_000;

/// A fact that somebody reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The tenant whose log it belongs to.
    pub app: AppId,
    /// The way it came in.
    pub door: Door,
    /// Who sent it.
    pub source: SourceName,
    /// Its id, as the sender gave it.
    pub id: EventId,
    /// When it happened, by the sender's clock.
    pub time_unix_us: i64,
    /// What happened.
    pub fact: Fact,
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Where.
    pub room: RoomId,
    /// In which call, if the sender knows calls.
    pub call: Option<CallId>,
    /// Who.
    pub participant: ParticipantId,
    /// By which connection, if the sender names connections.
    pub connection: Option<ConnectionId>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// A connection came.
    Joined {
        /// Whose and where.
        who: Presence,
        /// Whether the sender lets nobody in twice, so that this connection takes the place of the
        /// participant's others in the call.
        sole: bool,
        /// What the sender told of the client.
        client: ClientFacts,
    },
    /// A connection went.
    Left {
        /// Whose and where.
        who: Presence,
        /// When it had come, if the leave itself tells: a lost join is rebuilt from it.
        joined_unix_us: Option<i64>,
        /// What the sender told of the client.
        client: ClientFacts,
    },
    /// Something became known of the client.
    Client {
        /// Whose and where.
        who: Presence,
        /// What.
        client: ClientFacts,
    },
    /// A stream was published.
    Published {
        /// By whom and where.
        who: Presence,
    },
    /// A room is over.
    RoomFinished {
        /// Which.
        room: RoomId,
        /// Which of its calls, if the sender knows calls; else whichever is on.
        call: Option<CallId>,
    },
    /// Everyone who is in a room.
    Snapshot {
        /// Which room.
        room: RoomId,
        /// Which of its calls, if the sender knows calls.
        call: Option<CallId>,
        /// Everyone who is there.
        present: BTreeSet<ParticipantId>,
        /// What the hash of its content was before somebody was erased from it, if anybody was: a
        /// repeat of what was told is known by it.
        told: Option<EventHash>,
    },
    /// The media server that calls itself [`Event::source`] began anew: nobody is connected to it.
    ServerRestarted,
    /// The media server that calls itself [`Event::source`] stopped in order: whoever was connected
    /// to it was until then.
    ServerStopped,
    /// Nothing was heard of a call for so long that nobody is taken to be in it any more. No media
    /// server says so: it is this server that does, see [`super::idle`]. It counts only if it is
    /// still true whatever was told later.
    RoomIdle {
        /// Which room.
        room: RoomId,
        /// Which of its calls; `None` is those of whoever's source names none.
        call: Option<CallId>,
        /// For how long nothing had been heard of it, in microseconds.
        quiet_us: i64,
    },
}

/// Places the facts of one instant: ends of what was, leaves, joins, the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The end of a room or of its call, or the restart of a server.
    End,
    /// A leave.
    Leave,
    /// A join.
    Join,
    /// Everything else.
    Rest,
}

/// The place of a fact among the facts of its room. Arrival has no part in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactOrder {
    /// See [`Event::effective_unix_us`].
    pub effective_unix_us: i64,
    /// Among the facts of one instant.
    pub rank: Rank,
    /// Then by connection,
    pub connection: Option<ConnectionId>,
    /// sender,
    pub source: SourceName,
    /// id,
    pub id: EventId,
    /// and the time that was told, since a sender may use an id again at another time.
    pub time_unix_us: i64,
}

/// 128 bits of SHA-256: of an event's identity, or of its content.
pub type EventHash = [u8; 16];

impl Event {
    /// Two events are the same if app, door, source, id and time are.
    pub fn identity(&self) -> EventHash {
        let mut hash = FieldHash::default();
        hash.field(&self.app.0.to_be_bytes());
        hash.text(self.door.as_str());
        hash.text(self.source.as_str());
        hash.text(self.id.as_str());
        hash.field(&self.time_unix_us.to_be_bytes());
        hash.finish()
    }

    /// Of two events of one identity, the one with the smaller content hash counts.
    pub fn content_hash(&self) -> EventHash {
        let mut hash = FieldHash::default();
        match &self.fact {
            Fact::Joined { who, sole, client } => {
                hash.text(if *sole { "joined alone" } else { "joined" });
                hash.presence(who);
                hash.client(client);
            }
            Fact::Left { who, joined_unix_us, client } => {
                hash.text("left");
                hash.presence(who);
                hash.optional(
                    joined_unix_us.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice),
                );
                hash.client(client);
            }
            Fact::Client { who, client } => {
                hash.text("client");
                hash.presence(who);
                hash.client(client);
            }
            Fact::Published { who } => {
                hash.text("published");
                hash.presence(who);
            }
            Fact::RoomFinished { room, call } => {
                hash.text("finished");
                hash.text(room.as_str());
                hash.optional_text(call.as_ref().map(CallId::as_str));
            }
            Fact::Snapshot { told: Some(told), .. } => return *told,
            Fact::Snapshot { room, call, present, told: None } => {
                hash.text("snapshot");
                hash.text(room.as_str());
                hash.optional_text(call.as_ref().map(CallId::as_str));
                present.iter().for_each(|participant| hash.text(participant.as_str()));
            }
            Fact::ServerRestarted => hash.text("restarted"),
            Fact::ServerStopped => hash.text("stopped"),
            Fact::RoomIdle { room, call, quiet_us } => {
                hash.text("idle");
                hash.text(room.as_str());
                hash.optional_text(call.as_ref().map(CallId::as_str));
                hash.field(&quiet_us.to_be_bytes());
            }
        }
        hash.finish()
    }

    /// Whether it is about a participant, or names them.
    pub fn names(&self, participant: &ParticipantId) -> bool {
        match &self.fact {
            Fact::Snapshot { present, .. } => present.contains(participant),
            _ => self.presence().is_some_and(|who| who.participant == *participant),
        }
    }

    /// What is left of it when a participant is erased from it: of what is about them nothing, of a
    /// snapshot everybody else. It keeps its identity and the hash of what was told.
    pub fn without(mut self, participant: &ParticipantId) -> Option<Self> {
        if !self.names(participant) {
            return Some(self);
        }
        let hash = self.content_hash();
        let Fact::Snapshot { present, told, .. } = &mut self.fact else { return None };
        present.remove(participant);
        *told = Some(hash);
        Some(self)
    }

    /// The room that it is about; `None` for a server's restart, which is about all its rooms.
    pub fn room(&self) -> Option<&RoomId> {
        match &self.fact {
            Fact::RoomFinished { room, .. }
            | Fact::Snapshot { room, .. }
            | Fact::RoomIdle { room, .. } => Some(room),
            Fact::ServerRestarted | Fact::ServerStopped => None,
            _ => self.presence().map(|who| &who.room),
        }
    }

    /// The call that the sender named.
    pub fn call(&self) -> Option<&CallId> {
        match &self.fact {
            Fact::RoomFinished { call, .. }
            | Fact::Snapshot { call, .. }
            | Fact::RoomIdle { call, .. } => call.as_ref(),
            _ => self.presence().and_then(|who| who.call.as_ref()),
        }
    }

    /// Whom it is about; `None` if it is about a whole room or server.
    pub fn presence(&self) -> Option<&Presence> {
        match &self.fact {
            Fact::Joined { who, .. }
            | Fact::Left { who, .. }
            | Fact::Client { who, .. }
            | Fact::Published { who } => Some(who),
            Fact::RoomFinished { .. }
            | Fact::Snapshot { .. }
            | Fact::ServerRestarted
            | Fact::ServerStopped
            | Fact::RoomIdle { .. } => None,
        }
    }

    /// The instant at which it counts.
    ///
    /// Some senders date joins in milliseconds and leaves in whole seconds. So a whole second means
    /// the end of that second for a leave that names its connection, and for a room's end. A room's
    /// end that names its call closes that call whatever the fraction, and counts at the end of its
    /// second too. Any other leave stays at the second's beginning, before the joins of that
    /// second.
    pub fn effective_unix_us(&self) -> i64 {
        let whole = self.time_unix_us.rem_euclid(SECOND_US) == 0;
        let to_the_end = match &self.fact {
            Fact::Left { who, .. } => whole && who.connection.is_some(),
            Fact::RoomFinished { call, .. } => whole || call.is_some(),
            _ => false,
        };
        match to_the_end {
            true => whole_second(self.time_unix_us) * SECOND_US + (SECOND_US - 1),
            false => self.time_unix_us,
        }
    }

    /// Its place among the facts of its room.
    pub fn order(&self) -> FactOrder {
        let rank = match &self.fact {
            Fact::RoomFinished { .. }
            | Fact::ServerRestarted
            | Fact::ServerStopped
            | Fact::RoomIdle { .. } => Rank::End,
            Fact::Left { .. } => Rank::Leave,
            Fact::Joined { .. } => Rank::Join,
            Fact::Client { .. } | Fact::Published { .. } | Fact::Snapshot { .. } => Rank::Rest,
        };
        FactOrder {
            effective_unix_us: self.effective_unix_us(),
            rank,
            connection: self.presence().and_then(|who| who.connection.clone()),
            source: self.source.clone(),
            id: self.id.clone(),
            time_unix_us: self.time_unix_us,
        }
    }
}

/// Hashes fields so that no two lists of fields give the same bytes.
#[derive(Default)]
pub(super) struct FieldHash(Sha256);

impl FieldHash {
    pub(super) fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.field(text.as_bytes());
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.field(bytes),
            // No field has this length.
            None => self.0.update(u64::MAX.to_be_bytes()),
        }
    }

    fn optional_text(&mut self, text: Option<&str>) {
        self.optional(text.map(str::as_bytes));
    }

    fn presence(&mut self, who: &Presence) {
        self.text(who.room.as_str());
        self.optional_text(who.call.as_ref().map(CallId::as_str));
        self.text(who.participant.as_str());
        self.optional_text(who.connection.as_ref().map(ConnectionId::as_str));
    }

    fn client(&mut self, client: &ClientFacts) {
        self.optional(client.os.map(|os| [os as u8]).as_ref().map(<[u8; 1]>::as_slice));
        let access = client.access.map(|access| [access as u8]);
        self.optional(access.as_ref().map(<[u8; 1]>::as_slice));
        self.optional_text(client.device.as_deref());
        self.optional_text(client.sdk_version.as_deref());
    }

    /// As 32 hexadecimal digits.
    pub(super) fn hex(self) -> String {
        self.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn finish(self) -> EventHash {
        let digest: [u8; 32] = self.0.finalize().into();
        let mut half = EventHash::default();
        half.copy_from_slice(&digest[..16]);
        half
    }
}
