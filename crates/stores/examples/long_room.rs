//! What one event costs in a room that is never empty and has many already, on a ring.
//!
//!     cargo run --release -p whowas-stores --example long_room -- CONTACT KEYSPACE EVENTS
//!
//! Everybody comes and goes in one call, and somebody is always there. The events are told in their
//! order, a thousand at a time; after each tenth of them twenty are told one by one, of which the
//! median is printed. In the end a server that remembers nothing is told of one more.

use std::time::{Duration, Instant};

use domain::AppId;
use domain::clock::{Clock, SECOND_US, SystemClock};
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Presence};
use domain::store::Store;
use whowas_stores::cassandra::{Cassandra, Options};

type Failed = Box<dyn std::error::Error>;

/// How many come before the first goes; half of them never do.
const FIRST: usize = 200;

/// How many come and go in all.
const PEOPLE: usize = 5_000;

/// How many events are told at a time, and how many are timed.
const AT_A_TIME: usize = 1_000;
const TIMED: usize = 20;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [contact, keyspace, events] = &words[..] else {
        return Err("usage: long_room CONTACT KEYSPACE EVENTS".into());
    };
    let events: usize = events.parse()?;
    let mut options = Options::new(vec![contact.clone()], keyspace);
    options.replication_factor = 1;
    options.request_timeout = Duration::from_secs(10);
    Cassandra::migrate(&options).await?;
    let store = Cassandra::open(options.clone()).await?;
    // So that the last of it is not in the future.
    let first_us = SystemClock.now_unix_us() - (events as i64 + 1_000) * SECOND_US;
    let tell = |number: usize| event(number, first_us);
    println!("{:>9} {:>12} {:>16}", "events", "one more, ms", "a thousand, ms");
    let (mut number, mut thousand) = (0, 0.0);
    for part in 0..=10 {
        let until = (events * part / 10).saturating_sub(TIMED);
        while number < until {
            let batch = number..(number + AT_A_TIME).min(until);
            number = batch.end;
            let began = Instant::now();
            store.append_events(batch.map(tell).collect()).await?;
            thousand = began.elapsed().as_secs_f64() * 1e3;
        }
        let mut took = vec![];
        for _ in 0..TIMED {
            let began = Instant::now();
            store.append_events(vec![tell(number)]).await?;
            took.push(began.elapsed());
            number += 1;
        }
        took.sort_unstable();
        let one = took[TIMED / 2].as_secs_f64() * 1e3;
        println!("{number:>9} {one:>12.1} {thousand:>16.0}");
    }
    let other = Cassandra::open(options).await?;
    let began = Instant::now();
    other.append_events(vec![tell(number)]).await?;
    println!("one more by a server that remembers nothing: {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// One joins, then one who joined before leaves; one of them each second.
fn event(number: usize, first_us: i64) -> Event {
    let is_join = number.is_multiple_of(2) || number < FIRST;
    let connection = if is_join { number } else { number - (FIRST - 1) };
    let who = Presence {
        room: RoomId::parse("lobby").expect("a short text is an id"),
        call: Some(CallId::parse("call").expect("a short text is an id")),
        participant: ParticipantId::parse(&format!("p{}", connection % PEOPLE)).expect("an id"),
        connection: Some(ConnectionId::parse(&format!("k{connection}")).expect("an id")),
    };
    let client = ClientFacts::default();
    let fact = match is_join {
        true => Fact::Joined { who, sole: false, client },
        false => Fact::Left { who, joined_unix_us: None, client },
    };
    Event {
        app: AppId(1),
        door: Door::parse("native").expect("a short text is a name"),
        source: SourceName::parse("bench").expect("a short text is a name"),
        id: EventId::parse(&format!("e{number}")).expect("an id"),
        time_unix_us: first_us + number as i64 * SECOND_US + 500_000,
        fact,
    }
}
