//! Histories that nobody would think of.
//!
//! [`histories`] strings facts of one room together at random. It covers: joins, sole and not;
//! leaves, with and without the time of the join, before, at and behind their own; publications and
//! client facts, also before any join; ends of the room and snapshots, of a call and of none;
//! restarts of two servers; silences, true and not; calls named and not named, connections named
//! and not named, mixed in one history; three participants; ids that come again at another
//! time; whole seconds and fractions, mostly few instants, so that ties are the rule.
//!
//! [`truths`] begins with what really happened: who was there, by which connection, from when to
//! when. What is reported of it is precise or in whole seconds, and connections have the same names
//! in several calls. So it is known what the log has to show.
//!
//! What is not here, because it is of no concern to the fold of one room, is in the stores'
//! contract: several rooms, doors and apps, copies, and events that have the identity of others.
//! `coverage` proves that each of these kinds really comes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::clock::{SECOND_US, whole_second};
use crate::ids::{AppId, CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use crate::log::event::{Event, Fact, Presence};
use crate::log::stay::RoomKey;
use crate::log::{Access, ClientFacts, Os};

/// All facts happen in this second or later, ...
pub(super) const FIRST_S: i64 = 1_000;
/// ... and before this one.
pub(super) const END_S: i64 = 1_020;

pub(super) fn at() -> RoomKey {
    RoomKey {
        app: AppId(1),
        door: Door::parse("native").expect("a door"),
        room: RoomId::parse("room").expect("a room"),
    }
}

pub(super) fn participant(number: u8) -> ParticipantId {
    ParticipantId::parse(&format!("p{number}")).expect("an id")
}

pub(super) fn participants() -> impl Iterator<Item = ParticipantId> {
    (0..3).map(participant)
}

fn call(number: u8) -> CallId {
    CallId::parse(&format!("c{number}")).expect("an id")
}

fn connection(name: &str) -> ConnectionId {
    ConnectionId::parse(name).expect("an id")
}

fn source(number: u8) -> SourceName {
    SourceName::parse(&format!("s{number}")).expect("an id")
}

/// A few seconds with few instants in each.
fn instants() -> impl Strategy<Value = i64> {
    let fraction = prop_oneof![2 => Just(0), 1 => Just(250_000), 1 => Just(871_000)];
    (FIRST_S..END_S, fraction).prop_map(|(second, fraction)| second * SECOND_US + fraction)
}

fn clients() -> impl Strategy<Value = ClientFacts> {
    let os = prop_oneof![2 => Just(None), 1 => Just(Some(Os::Ios)), 1 => Just(Some(Os::Linux))];
    let access = prop_oneof![2 => Just(None), 1 => Just(Some(Access::Wifi))];
    (os, access).prop_map(|(os, access)| ClientFacts { os, access, ..ClientFacts::default() })
}

fn calls() -> impl Strategy<Value = Option<CallId>> {
    prop::option::of((0..2_u8).prop_map(call))
}

fn presences(connections: &'static [&'static str]) -> impl Strategy<Value = Presence> {
    let connection = prop::option::of(prop::sample::select(connections).prop_map(connection));
    (0..3_u8, calls(), connection).prop_map(|(who, call, connection)| Presence {
        room: at().room,
        call,
        participant: participant(who),
        connection,
    })
}

fn facts(connections: &'static [&'static str]) -> impl Strategy<Value = Fact> {
    let who = move || presences(connections);
    let told = prop_oneof![2 => Just(Told::Nothing), 2 => instants().prop_map(Told::At),
        1 => Just(Told::Now)];
    prop_oneof![
        5 => (who(), prop::bool::weighted(0.3), clients())
            .prop_map(|(who, sole, client)| Fact::Joined { who, sole, client }),
        4 => (who(), told, clients()).prop_map(|(who, told, client)| {
            let joined_unix_us = match told {
                Told::Nothing => None,
                Told::At(joined) => Some(joined),
                Told::Now => Some(i64::MAX),
            };
            Fact::Left { who, joined_unix_us, client }
        }),
        1 => (who(), clients()).prop_map(|(who, client)| Fact::Client { who, client }),
        2 => who().prop_map(|who| Fact::Published { who }),
        1 => calls().prop_map(|call| Fact::RoomFinished { room: at().room, call }),
        1 => (calls(), prop::collection::btree_set((0..3_u8).prop_map(participant), 0..3))
            .prop_map(|(call, present)| (at().room, call, present))
            .prop_map(|(room, call, present)| Fact::Snapshot { room, call, present, told: None }),
        1 => prop_oneof![Just(Fact::ServerRestarted), Just(Fact::ServerStopped)],
        1 => (calls(), 0..4 * SECOND_US)
            .prop_map(|(call, quiet_us)| Fact::RoomIdle { room: at().room, call, quiet_us }),
    ]
}

/// What a leave tells of its join.
#[derive(Clone, Debug)]
enum Told {
    Nothing,
    At(i64),
    /// That it was at the same instant.
    Now,
}

fn event(number: usize, time_unix_us: i64, source: SourceName, mut fact: Fact) -> Event {
    if let Fact::Left { joined_unix_us: Some(joined), .. } = &mut fact
        && *joined == i64::MAX
    {
        *joined = time_unix_us;
    }
    Event {
        app: at().app,
        door: at().door,
        source,
        id: EventId::parse(&format!("e{number}")).expect("an id"),
        time_unix_us,
        fact,
    }
}

fn any_events(
    connections: &'static [&'static str],
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<Event>> {
    // Few ids, since a sender may use one again at another time.
    let one = (instants(), 0..2_u8, 0..9_usize, facts(connections));
    prop::collection::vec(one, count).prop_map(|events| {
        let event = |(time, from, id, fact)| event(id, time, source(from), fact);
        let mut events: Vec<Event> = events.into_iter().map(event).collect();
        let mut identities = BTreeSet::new();
        events.retain(|it| identities.insert(it.identity()));
        events
    })
}

/// Anything that can be reported of one room, in any order.
pub(super) fn histories() -> impl Strategy<Value = Vec<Event>> {
    any_events(&["k0", "k1", "k2", "k3"], 0..24)
}

/// Anything that can be reported, but of connections that no [`Truth`] has.
pub(super) fn noise() -> impl Strategy<Value = Vec<Event>> {
    any_events(&["n0", "n1"], 0..12)
}

/// One connection as it really was.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) who: Presence,
    pub(super) joined_unix_us: i64,
    pub(super) left_unix_us: i64,
    source: SourceName,
    sole: bool,
    leave_tells_the_join: bool,
    published: bool,
    /// Which of its two events get lost, where some do.
    pub(super) loses: (bool, bool),
}

/// What really happened, and how precisely it is dated.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    pub(super) connections: Vec<Connection>,
    joins_in_seconds: bool,
    leaves_in_seconds: bool,
}

fn connections() -> impl Strategy<Value = Connection> {
    let span = (instants(), instants()).prop_map(|(one, other)| (one.min(other), one.max(other)));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let loses = (prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    (0..3_u8, calls(), span, 0..2_u8, flags, loses).prop_map(
        |(who, call, (joined_unix_us, left_unix_us), from, flags, loses)| Connection {
            who: Presence {
                room: at().room,
                call,
                participant: participant(who),
                connection: None,
            },
            joined_unix_us,
            left_unix_us,
            source: source(from),
            sole: flags.0,
            leave_tells_the_join: flags.1,
            published: flags.2,
            loses,
        },
    )
}

/// What may have happened in a room whose calls all have names, or none of them.
pub(super) fn truths() -> impl Strategy<Value = Truth> {
    let precision = (any::<bool>(), any::<bool>());
    (prop::collection::vec(connections(), 1..8), any::<bool>(), precision).prop_map(
        |(mut connections, named, (joins_in_seconds, leaves_in_seconds))| {
            let mut used = BTreeSet::new();
            for it in &mut connections {
                it.who.call = named.then(|| it.who.call.take().unwrap_or(call(0)));
                // The first free name of the participant's in this call.
                let free = (0..).map(|n| format!("k{n}")).find(|name| {
                    used.insert((it.who.participant.clone(), it.who.call.clone(), name.clone()))
                });
                it.who.connection = free.map(|name| connection(&name));
            }
            Truth { connections, joins_in_seconds, leaves_in_seconds }
        },
    )
}

fn in_seconds(unix_us: i64) -> i64 {
    whole_second(unix_us) * SECOND_US
}

impl Truth {
    /// When the log shows that a connection came and went.
    pub(super) fn shown(&self, it: &Connection) -> (i64, i64) {
        let joined = self.joined(it);
        let left = self.left(it);
        // Leaves in whole seconds mean the end of their second.
        let whole = left % SECOND_US == 0;
        (joined, if whole { left + SECOND_US - 1 } else { left })
    }

    fn joined(&self, it: &Connection) -> i64 {
        if self.joins_in_seconds { in_seconds(it.joined_unix_us) } else { it.joined_unix_us }
    }

    fn left(&self, it: &Connection) -> i64 {
        if self.leaves_in_seconds { in_seconds(it.left_unix_us) } else { it.left_unix_us }
    }

    /// What is reported of it, with everything that is lost if `lossy`.
    pub(super) fn reported(&self, lossy: bool) -> Vec<Event> {
        let mut events = vec![];
        for (n, it) in self.connections.iter().enumerate() {
            let who = || it.who.clone();
            let client = ClientFacts::default();
            // Numbers that no noise has.
            let mut tell = |n, at, fact| events.push(event(1_000 + n, at, it.source.clone(), fact));
            if !(lossy && it.loses.0) {
                let fact = Fact::Joined { who: who(), sole: it.sole, client: client.clone() };
                tell(3 * n, self.joined(it), fact);
            }
            if it.published {
                let halfway = (it.joined_unix_us + it.left_unix_us) / 2;
                tell(3 * n + 1, halfway, Fact::Published { who: who() });
            }
            if !(lossy && it.loses.1) {
                let joined_unix_us = it.leave_tells_the_join.then(|| self.joined(it));
                let fact = Fact::Left { who: who(), joined_unix_us, client };
                tell(3 * n + 2, self.left(it), fact);
            }
        }
        events
    }
}
