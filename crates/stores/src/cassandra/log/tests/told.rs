//! Events for tests: as lines, `TIME KIND WHO OPTIONS`, or at random.

use std::collections::BTreeMap;

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::stay::RoomKey;
use domain::log::{ClientFacts, Event, Fact, Presence};
use proptest::prelude::*;

fn door() -> Door {
    Door::parse("native").expect("a door")
}

pub(super) fn room() -> RoomKey {
    RoomKey { app: AppId(1), door: door(), room: RoomId::parse("room").expect("a room") }
}

fn event(number: usize, line: &str) -> Event {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let options: BTreeMap<&str, &str> = words.iter().filter_map(|it| it.split_once('=')).collect();
    words.retain(|word| !word.contains('='));
    let who = || Presence {
        room: room().room,
        call: options.get("call").map(|it| CallId::parse(it).expect("a call")),
        participant: ParticipantId::parse(words[2]).expect("somebody"),
        connection: options.get("conn").map(|it| ConnectionId::parse(it).expect("an id")),
    };
    let client = ClientFacts::default();
    let fact = match words[1] {
        "join" => Fact::Joined { who: who(), sole: false, client },
        "leave" => Fact::Left { who: who(), joined_unix_us: None, client },
        "present" => {
            let present = words[2..].iter().map(|it| ParticipantId::parse(it).expect("somebody"));
            let call = who().call;
            Fact::Snapshot { room: room().room, call, present: present.collect(), told: None }
        }
        "restart" => Fact::ServerRestarted,
        "over" => Fact::RoomFinished { room: room().room, call: None },
        kind => panic!("{kind} is no kind"),
    };
    let seconds: f64 = words[0].parse().expect("seconds");
    let id = options.get("id").map_or_else(|| format!("e{number}"), |id| (*id).to_owned());
    Event {
        app: room().app,
        door: door(),
        source: SourceName::parse(options.get("source").unwrap_or(&"sfu")).expect("a source"),
        id: EventId::parse(&id).expect("an id"),
        time_unix_us: (seconds * SECOND_US as f64) as i64,
        fact,
    }
}

/// One event per line.
pub(super) fn events(story: &str) -> Vec<Event> {
    story.lines().enumerate().map(|(number, line)| event(number, line)).collect()
}

fn facts() -> impl Strategy<Value = Fact> {
    let participant =
        || (0..4_u8).prop_map(|it| ParticipantId::parse(&format!("p{it}")).expect("an id"));
    let call = || {
        let call = (0..3_u8).prop_map(|it| CallId::parse(&format!("c{it}")).expect("an id"));
        prop::option::of(call)
    };
    let connection =
        (0..4_u8).prop_map(|it| ConnectionId::parse(&format!("k{it}")).expect("an id"));
    let connection = prop::option::of(connection);
    let who = (call(), participant(), connection).prop_map(|(call, participant, connection)| {
        Presence { room: room().room, call, participant, connection }
    });
    let present = prop::collection::btree_set(participant(), 0..4);
    let client = ClientFacts::default;
    prop_oneof![
        5 => (who.clone(), any::<bool>())
            .prop_map(move |(who, sole)| Fact::Joined { who, sole, client: client() }),
        4 => (who.clone(), prop::option::of(0..60 * SECOND_US)).prop_map(
            move |(who, joined_unix_us)| Fact::Left { who, joined_unix_us, client: client() }
        ),
        2 => who.prop_map(|who| Fact::Published { who }),
        1 => call().prop_map(|call| Fact::RoomFinished { room: room().room, call }),
        1 => (call(), present)
            .prop_map(|(call, present)| (room().room, call, present))
            .prop_map(|(room, call, present)| Fact::Snapshot { room, call, present, told: None }),
    ]
}

/// Events of one room, some of them with the identity of others, some twice.
pub(super) fn of_a_room() -> impl Strategy<Value = Vec<Event>> {
    let event = ((0..20_u8), (0..30_i64), (0..2_u8), facts());
    prop::collection::vec(event, 1..60).prop_map(|all| {
        let event = |(id, second, source, fact): (u8, i64, u8, Fact)| Event {
            app: room().app,
            door: door(),
            source: SourceName::parse(&format!("s{source}")).expect("a source"),
            id: EventId::parse(&format!("e{id}")).expect("an id"),
            // So that an id mostly has one time.
            time_unix_us: (second * 7 % 30 + i64::from(id)) / 10 * SECOND_US,
            fact,
        };
        all.into_iter().map(event).collect()
    })
}

/// Restarts of the servers that those of a room come through.
pub(super) fn restarts() -> impl Strategy<Value = Vec<Event>> {
    let restart = ((0..6_i64), (0..2_u8)).prop_map(|(second, source)| {
        let mut event = event(0, &format!("{second} restart source=s{source}"));
        event.id = EventId::parse(&format!("r{second}")).expect("an id");
        event
    });
    prop::collection::vec(restart, 0..3)
}
