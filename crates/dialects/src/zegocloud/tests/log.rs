//! Rooms in a test's hand: who joins and leaves, in seconds from when the clock stands still.

use domain::UserId;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Presence, record};
use domain::presence::{self, Connection, Sighting, State};

use super::*;

fn who(room: &str, user: &str, connection: &str) -> Presence {
    Presence {
        room: RoomId::parse(room).expect("a room"),
        call: Some(CallId::parse(&format!("call of {room}")).expect("a call")),
        participant: ParticipantId::parse(user).expect("a participant"),
        connection: Some(ConnectionId::parse(connection).expect("a connection")),
    }
}

impl World {
    pub(super) fn tell(&self, at_s: i64, door: &str, fact: Fact) {
        let id = format!("{at_s} {fact:?}");
        let id = &id[..id.floor_char_boundary(EventId::BYTES_MAX)];
        let event = Event {
            app: APP,
            door: Door::parse(door).expect("a door"),
            source: SourceName::parse("test").expect("a source"),
            id: EventId::parse(id).expect("an id"),
            time_unix_us: (NOW_UNIX_S + at_s) * 1_000_000 + 250_000,
            fact,
        };
        block_on(record(&self.ctx, vec![event])).expect("a store");
    }

    /// With one connection, which has the name of the user.
    pub(super) fn join(&self, at_s: i64, room: &str, user: &str) {
        self.join_as(at_s, room, (user, user), "web");
    }

    pub(super) fn join_as(
        &self,
        at_s: i64,
        room: &str,
        (user, connection): (&str, &str),
        os: &str,
    ) {
        let client = ClientFacts::from_attributes([("os.name", os)]);
        let who = who(room, user, connection);
        self.tell(at_s, "native", Fact::Joined { who, sole: false, client });
    }

    pub(super) fn leave(&self, at_s: i64, room: &str, user: &str) {
        let (who, client) = (who(room, user, user), ClientFacts::default());
        self.tell(at_s, "native", Fact::Left { who, joined_unix_us: None, client });
    }

    /// A client tells how somebody is.
    pub(super) fn seen(&self, at_s: i64, (user, connection): (&str, &str), state: State) {
        let connection = Connection {
            id: ConnectionId::parse(connection).expect("an id"),
            time_unix_us: (NOW_UNIX_S + at_s) * 1_000_000,
            state,
            os: None,
        };
        let user = UserId::parse(user).expect("an id");
        let told = vec![Sighting { app: APP, user, connection }];
        block_on(presence::record(&self.ctx, told)).expect("a store");
    }

    pub(super) fn finish(&self, at_s: i64, room: &str) {
        let who = who(room, "nobody", "none");
        self.tell(at_s, "native", Fact::RoomFinished { room: who.room, call: who.call });
    }
}
