//! How tests show events: whole, and in lines that a reader can compare with what was sent.

use std::fmt::{Debug, Display, Write as _};

use domain::log::{ClientFacts, Event, Fact, Presence};

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
        Fact::Snapshot { room, call, present } => {
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
