//! Events and stays as lines of text, so that a promise reads as a story.
//!
//! An event is `TIME KIND WHO OPTIONS`, the time in seconds: `10.5 join anna call=c conn=k`. What
//! the log shows is `ROOM CALL WHO SPANS`, where `~` marks what is inferred and `..` who is still
//! there.

use std::collections::BTreeMap;

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{Certainty, ClientFacts, End, Event, Fact, Presence, Stay, StayPage, StayQuery};
use domain::store::{Appended, Store};

pub(super) const APP: AppId = AppId(1);

fn unix_us(seconds: &str) -> i64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: i64 = format!("{fraction:0<6}").parse().expect("a fraction");
    whole.parse::<i64>().expect("seconds") * SECOND_US + fraction
}

/// An event; `number` is its id unless `id=` tells another.
fn event(number: usize, line: &str) -> Event {
    let mut words = line.split_whitespace();
    let mut word = || words.next().expect("a word");
    let (time, kind) = (word(), word());
    let rest: Vec<&str> = words.collect();
    let options: BTreeMap<&str, &str> = rest.iter().filter_map(|it| it.split_once('=')).collect();
    let bare = rest.iter().copied().filter(|word| !word.contains('='));
    let mut bare = bare.map(|who| ParticipantId::parse(who).expect("a participant"));
    let option = |key, default| options.get(key).copied().unwrap_or(default);
    let room = RoomId::parse(option("room", "room")).expect("a room");
    let call = options.get("call").map(|call| CallId::parse(call).expect("a call"));
    let connection = options.get("conn").map(|it| ConnectionId::parse(it).expect("an id"));
    let client = ClientFacts::from_attributes(options.get("os").map(|os| ("os.name", *os)));
    let mut who = || Presence {
        room: room.clone(),
        call: call.clone(),
        participant: bare.next().expect("somebody"),
        connection: connection.clone(),
    };
    let fact = match kind {
        "join" => Fact::Joined { who: who(), sole: false, client },
        "leave" => {
            let joined_unix_us = options.get("joined").map(|joined| unix_us(joined));
            Fact::Left { who: who(), joined_unix_us, client }
        }
        "client" => Fact::Client { who: who(), client },
        "publish" => Fact::Published { who: who() },
        "over" => Fact::RoomFinished { room, call },
        "present" => Fact::Snapshot { room, call, present: bare.collect(), told: None },
        "restart" => Fact::ServerRestarted,
        "stop" => Fact::ServerStopped,
        "idle" => Fact::RoomIdle { room, call, quiet_us: unix_us(options["quiet"]) },
        _ => panic!("{kind} is no kind"),
    };
    Event {
        app: AppId(option("app", "1").parse().expect("a number")),
        door: Door::parse(option("door", "native")).expect("a door"),
        source: SourceName::parse(option("source", "sfu")).expect("a source"),
        id: EventId::parse(option("id", &format!("e{number}"))).expect("an id"),
        time_unix_us: unix_us(time),
        fact,
    }
}

/// One event per line.
pub(super) fn events(story: &str) -> Vec<Event> {
    let lines = story.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.enumerate().map(|(number, line)| event(number, line)).collect()
}

pub(super) async fn append(store: &dyn Store, story: &str) -> Vec<Appended> {
    store.append_events(events(story)).await.expect("appended")
}

/// Everything of [`APP`], on one page.
pub(super) fn everything() -> StayQuery {
    StayQuery {
        app: APP,
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s: 0,
        until_unix_s: 1_000_000,
        offset: 0,
        limit: 1_000,
    }
}

pub(super) async fn page(store: &dyn Store, query: &StayQuery) -> StayPage {
    store.page_of_stays(query).await.expect("a page")
}

/// The stays that a query selects, as lines.
pub(super) async fn shown(store: &dyn Store, query: &StayQuery) -> Vec<String> {
    page(store, query).await.stays.iter().map(show).collect()
}

fn show(stay: &Stay) -> String {
    let seconds = |unix_us: i64| {
        let text = format!("{}.{:06}", unix_us / SECOND_US, unix_us % SECOND_US);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let mark = |certainty| if certainty == Certainty::Inferred { "~" } else { "" };
    // A minted id is 32 digits, and only its being one matters.
    let call = if stay.call.as_str().len() == 32 { "minted" } else { stay.call.as_str() };
    let mut line = format!("{} {call} {}", stay.room, stay.participant);
    for span in &stay.spans {
        let join = format!("{}{}", mark(span.join), seconds(span.joined_unix_us));
        let end = match span.end {
            End::Open => "..".to_owned(),
            End::At(at, certainty) => format!("-{}{}", mark(certainty), seconds(at)),
        };
        line.push_str(&format!(" {join}{end}"));
    }
    line
}
