//! How tests show events: whole, and in lines that a reader can compare with what was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display, Write as _};

use domain::ids::CallId;
use domain::log::stay::RoomKey;
use domain::log::{Certainty, ClientFacts, End, Event, Fact, Presence, Stay, fold_room};

use crate::Received;

/// A time as people write it.
pub(crate) fn time(unix_us: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(unix_us);
    time.map_or_else(|_| unix_us.to_string(), |time| time.to_string())
}

/// A whole event but for app and door, which the callers check.
pub(crate) fn event(event: &Event) -> String {
    let mut shown = format!("{} {} {}\n", event.source, event.id, time(event.time_unix_us));
    let fact = match &event.fact {
        Fact::Joined { who, sole, client } => {
            let alone = if *sole { " alone" } else { "" };
            format!("joined{alone} {}{}", place(who), told(client))
        }
        Fact::Left { who, joined_unix_us, client } => {
            let since = joined_unix_us.map(|since| format!(", there since {}", time(since)));
            format!("left {}{}{}", place(who), since.unwrap_or_default(), told(client))
        }
        Fact::Client { who, client } => format!("client {}{}", place(who), told(client)),
        Fact::Published { who } => format!("published {}", place(who)),
        Fact::RoomFinished { room, call } => format!("finished {room}/{}", or_none(call.as_ref())),
        Fact::Snapshot { room, call, present, .. } => {
            format!("snapshot {room}/{} {present:?}", or_none(call.as_ref()))
        }
        Fact::ServerRestarted => "restarted".to_owned(),
        Fact::ServerStopped => "stopped".to_owned(),
        Fact::RoomIdle { room, call, quiet_us } => {
            format!("idle {room}/{} for {quiet_us} us", or_none(call.as_ref()))
        }
    };
    writeln!(shown, "  {fact}").expect("a String takes everything");
    shown
}

/// Room, call, participant, connection.
fn place(who: &Presence) -> String {
    let (call, connection) = (or_none(who.call.as_ref()), or_none(who.connection.as_ref()));
    format!("{}/{call} {}/{connection}", who.room, who.participant)
}

fn told(client: &ClientFacts) -> String {
    if *client == ClientFacts::default() { String::new() } else { format!("\n  {}", facts(client)) }
}

/// What is known of a client.
pub(crate) fn facts(client: &ClientFacts) -> String {
    let ClientFacts { os, access, device, sdk_version } = client;
    fn word(fact: &Option<impl Debug>) -> String {
        fact.as_ref().map_or("-".to_owned(), |fact| format!("{fact:?}"))
    }
    [word(os), word(access), word(device), word(sdk_version)].join(" ")
}

fn or_none(id: Option<&impl Display>) -> String {
    id.map_or("-".to_owned(), ToString::to_string)
}

/// What a delivery gave, of a source whose ids of events are a name and a hash; the hash is left
/// out.
pub(crate) fn received(Received { events, dead, ignored, .. }: &Received) -> String {
    let mut lines = String::new();
    for told in events {
        let (name, hash) = told.id.as_str().rsplit_once('-').expect("a name and a hash");
        lines.push_str(&event(told).replace(&format!("{name}-{hash}"), name));
    }
    dead.iter().for_each(|reason| lines.push_str(&format!("dead: {reason}\n")));
    (0..*ignored).for_each(|_| lines.push_str("ignored\n"));
    lines
}

/// What the log shows once it has taken these events, of which those of one identity are copies.
/// Calls have minted ids, so they are numbered as they appear; times are as `time` writes them.
pub(crate) fn log(events: impl Iterator<Item = Event>, time: fn(i64) -> String) -> String {
    let mut known: BTreeMap<_, Event> = BTreeMap::new();
    for event in events {
        let first = known.entry(event.identity()).or_insert_with(|| event.clone());
        assert_eq!(*first, event, "copies are alike");
    }
    let key = |event: &Event| {
        let room = event.room()?.clone();
        Some(RoomKey { app: event.app, door: event.door.clone(), room })
    };
    let rooms: BTreeSet<RoomKey> = known.values().filter_map(key).collect();
    let mut calls = vec![];
    let mut lines = String::new();
    for at in rooms {
        let here: Vec<Event> =
            known.values().filter(|event| key(event).as_ref() == Some(&at)).cloned().collect();
        for stay in fold_room(&at, &here) {
            lines.push_str(&self::stay(&stay, &mut calls, time));
        }
    }
    lines
}

fn stay(stay: &Stay, calls: &mut Vec<CallId>, time: fn(i64) -> String) -> String {
    let number = calls.iter().position(|call| *call == stay.call).unwrap_or_else(|| {
        calls.push(stay.call.clone());
        calls.len() - 1
    });
    let os = stay.client.os.map_or("-".to_owned(), |os| format!("{os:?}"));
    let published = if stay.published { ", published" } else { "" };
    let mut lines = format!("{}, call {number}: {} {os}{published}\n", stay.room, stay.participant);
    let sure = |certainty| match certainty {
        Certainty::Reported => "",
        Certainty::Inferred => "?",
    };
    for span in &stay.spans {
        let end = match span.end {
            End::Open => "now".to_owned(),
            End::At(left, certainty) => format!("{}{}", time(left), sure(certainty)),
        };
        let joined = format!("{}{}", time(span.joined_unix_us), sure(span.join));
        writeln!(lines, "  {joined} to {end}").expect("a String takes everything");
    }
    lines
}
