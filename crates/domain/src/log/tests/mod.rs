//! Tables of histories: what was reported, and what the log shows. Each test is named after its
//! case; each table is also read backwards, since arrival must not matter.
//!
//! [`hard_cases`] has the ways in which media servers get it wrong, one test for each. The other
//! files have the rules, one test for each sentence: [`order`], [`pairing`], [`seconds`],
//! [`closing`], [`silence`], [`minting`], [`client`]. What needs a store (copies, lateness,
//! retention, clocks that are wrong) has its tests in the stores' contract.
//!
//! A history is a line per event: `TIME KIND WHO OPTIONS`, the time in seconds. What the log shows
//! is a line per stay: `CALL WHO SPANS`, where `~` marks what is inferred and `..` who is still
//! there.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::end::{Certainty, End};
use super::event::{Event, Fact, Presence};
use super::stay::{RoomKey, Stay};
use super::{ClientFacts, fold_room};
use crate::clock::SECOND_US;
use crate::ids::{AppId, CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};

mod client;
mod closing;
mod hard_cases;
mod minting;
mod order;
mod pairing;
mod seconds;
mod silence;

fn at() -> RoomKey {
    RoomKey {
        app: AppId(1),
        door: Door::parse("native").expect("a door"),
        room: RoomId::parse("room").expect("a room"),
    }
}

fn unix_us(seconds: &str) -> i64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: i64 = format!("{fraction:0<6}").parse().expect("a fraction");
    whole.parse::<i64>().expect("seconds") * SECOND_US + fraction
}

fn event(number: usize, line: &str) -> Event {
    let mut words = line.split_whitespace();
    let mut word = || words.next().expect("a word");
    let (time, kind) = (word(), word());
    let rest: Vec<&str> = words.collect();
    let options: BTreeMap<&str, &str> =
        rest.iter().filter_map(|option| option.split_once('=')).collect();
    let bare: Vec<&str> = rest.iter().copied().filter(|word| !word.contains('=')).collect();
    let call = options.get("call").map(|call| CallId::parse(call).expect("a call"));
    let who = || Presence {
        room: at().room,
        call: call.clone(),
        participant: ParticipantId::parse(bare[0]).expect("a participant"),
        connection: options.get("conn").map(|conn| ConnectionId::parse(conn).expect("an id")),
    };
    let keys = [
        ("os", "os.name"),
        ("device", "device.model.name"),
        ("net", "network.connection.type"),
        ("sdk", "rtc.sdk.version"),
    ];
    let told = keys.iter().filter_map(|(short, key)| Some((*key, *options.get(short)?)));
    let client = ClientFacts::from_attributes(told);
    let fact = match kind {
        "join" => Fact::Joined { who: who(), sole: options.contains_key("sole"), client },
        "leave" => {
            let joined_unix_us = options.get("joined").map(|joined| unix_us(joined));
            Fact::Left { who: who(), joined_unix_us, client }
        }
        "client" => Fact::Client { who: who(), client },
        "publish" => Fact::Published { who: who() },
        "over" => Fact::RoomFinished { room: at().room, call },
        "present" => {
            let present = bare.iter().map(|who| ParticipantId::parse(who).expect("a participant"));
            Fact::Snapshot { room: at().room, call, present: present.collect(), told: None }
        }
        "restart" => Fact::ServerRestarted,
        "stop" => Fact::ServerStopped,
        "idle" => Fact::RoomIdle { room: at().room, call, quiet_us: unix_us(options["quiet"]) },
        _ => panic!("{kind} is no kind"),
    };
    let source = options.get("source").copied().unwrap_or("sfu");
    Event {
        app: AppId(1),
        door: at().door,
        source: SourceName::parse(source).expect("a source"),
        id: EventId::parse(&format!("e{number}")).expect("an id"),
        time_unix_us: unix_us(time),
        fact,
    }
}

fn show(stay: &Stay) -> String {
    let seconds =
        |unix_us: i64| format!("{}.{:03}", unix_us / SECOND_US, unix_us % SECOND_US / 1_000);
    let mark = |certainty| if certainty == Certainty::Inferred { "~" } else { "" };
    // Minted ids are long; whether two are the same is all that matters.
    let call = &stay.call.as_str()[..stay.call.as_str().len().min(4)];
    let mut line = format!("{call} {}", stay.participant);
    for span in &stay.spans {
        let join = format!("{}{}", mark(span.join), seconds(span.joined_unix_us));
        let end = match span.end {
            End::Open => "..".to_owned(),
            End::At(unix_us, certainty) => format!("-{}{}", mark(certainty), seconds(unix_us)),
        };
        line.push_str(&format!(" {join}{end}"));
    }
    if stay.published {
        line.push_str(" pub");
    }
    let client = &stay.client;
    if let Some(os) = client.os {
        line.push_str(&format!(" os={os:?}"));
    }
    if let Some(device) = &client.device {
        line.push_str(&format!(" device={device}"));
    }
    if let Some(access) = client.access {
        line.push_str(&format!(" net={access:?}"));
    }
    if let Some(sdk) = &client.sdk_version {
        line.push_str(&format!(" sdk={sdk}"));
    }
    line
}

/// One event per line.
pub(super) fn events(history: &str) -> Vec<Event> {
    let lines = history.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.enumerate().map(|(n, line)| event(n, line)).collect()
}

/// The only stay that a history shows.
fn only_stay(history: &str) -> Stay {
    let mut stays = fold_room(&at(), &events(history));
    assert_eq!(stays.len(), 1, "{stays:?}");
    stays.remove(0)
}

fn check(history: &str, expected: Expect) {
    let mut events = events(history);
    let shown = |events: &[Event]| -> String {
        fold_room(&at(), events).iter().map(|stay| show(stay) + "\n").collect()
    };
    let forwards = shown(&events);
    events.reverse();
    assert_eq!(forwards, shown(&events), "arrival matters");
    expected.assert_eq(&forwards);
}
