//! `GET /v1/apps/{app}/stays`: who was where, when, for how long, on what.

use std::collections::BTreeSet;

use domain::ids::{CallId, Door, ParticipantId, RoomId};
use domain::log::record::AHEAD_S_MAX;
use domain::log::{Access, Certainty, End, Os, Stay, StayPlace, StayQuery, list_onward};
use jiff::Timestamp;
use serde::Serialize;

use super::Asked;
use super::users::limit;
use crate::native::cursor;
use crate::native::envelope::time;
use crate::native::fault::Fault;

/// How many stays a page has unless asked, and at most.
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;
/// How many connections are told of one stay, the first.
const SPANS_MAX: usize = 1_000;

#[derive(Debug, Serialize)]
pub(in crate::native) struct Answer {
    stays: Vec<ShownStay>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownStay {
    room_id: RoomId,
    call_id: CallId,
    user_id: ParticipantId,
    door: Door,
    joined: String,
    /// `null` while they are there.
    left: Option<String>,
    duration_s: i64,
    published: bool,
    os: Option<&'static str>,
    network: Option<&'static str>,
    device: Option<String>,
    sdk_version: Option<String>,
    connections: Vec<ShownSpan>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSpan {
    joined: String,
    joined_inferred: bool,
    left: Option<String>,
    left_inferred: bool,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let names = ["from", "until", "room", "user", "limit", "cursor"];
    let [from, until, room, user, given_limit, given_cursor] = asked.query.only(names)?;
    let now_unix_s = asked.ctx.clock.now_unix_s();
    let from = second("from", from)?;
    let until = second("until", until)?;
    let room = room.map(|room| RoomId::parse(room).map_err(|_| wrong("room"))).transpose()?;
    let user =
        user.map(|user| ParticipantId::parse(user).map_err(|_| wrong("user"))).transpose()?;
    let query = StayQuery {
        app: asked.app.id,
        room,
        participants: user.map(|user| BTreeSet::from([user])),
        with_servers: true,
        from_unix_s: from.unwrap_or(i64::MIN),
        until_unix_s: until.unwrap_or(now_unix_s + AHEAD_S_MAX),
        offset: 0,
        limit: limit(given_limit, LIMIT, LIMIT_MAX)?,
    };
    let place = given_cursor.map(place).transpose()?;
    let (stays, next) = list_onward(asked.ctx, &query, place).await?;
    let show = |stay| shown(stay, now_unix_s);
    Ok(Answer { stays: stays.into_iter().map(show).collect(), next: next.map(show_place) })
}

fn wrong(name: &str) -> Fault {
    Fault::invalid(format!("`{name}` is no id: it is empty, too long, or holds U+0000"))
}

fn second(name: &str, given: Option<&str>) -> Result<Option<i64>, Fault> {
    let Some(given) = given else { return Ok(None) };
    let time: Result<Timestamp, _> = given.parse();
    let wrong =
        |_| Fault::invalid(format!("`{name}` is no time, such as 2026-11-20T12:00:00Z is one"));
    time.map(|time| Some(time.as_second())).map_err(wrong)
}

/// Whoever makes up a cursor begins somewhere.
fn place(given: &str) -> Result<StayPlace, Fault> {
    let mut bytes = cursor::parse(given)?;
    bytes.resize(16, 0);
    let number = |at: usize| bytes[at..at + 8].try_into().expect("it is as long");
    let began_unix_s = i64::from_be_bytes(number(0));
    Ok(StayPlace { began_unix_s, told: u64::from_be_bytes(number(8)) })
}

fn show_place(place: StayPlace) -> String {
    cursor::show(&[place.began_unix_s.to_be_bytes(), place.told.to_be_bytes()].concat())
}

fn shown(stay: Stay, now_unix_s: i64) -> ShownStay {
    let duration_s = stay.duration_s(now_unix_s);
    let us = |unix_us: i64| time(unix_us.div_euclid(1_000));
    let span = |span: &domain::log::Span| {
        let left = span.end.unix_us();
        ShownSpan {
            joined: us(span.joined_unix_us),
            joined_inferred: span.join == Certainty::Inferred,
            left: left.map(us),
            left_inferred: matches!(span.end, End::At(_, Certainty::Inferred)),
        }
    };
    let ends: Option<Vec<i64>> = stay.spans.iter().map(|span| span.end.unix_us()).collect();
    let first = stay.spans.first().expect("a stay has spans");
    ShownStay {
        joined: us(first.joined_unix_us),
        left: ends.and_then(|ends| ends.into_iter().max()).map(us),
        duration_s,
        connections: stay.spans.iter().take(SPANS_MAX).map(span).collect(),
        room_id: stay.room,
        call_id: stay.call,
        user_id: stay.participant,
        door: stay.door,
        published: stay.published,
        os: stay.client.os.map(os),
        network: stay.client.access.map(network),
        device: stay.client.device,
        sdk_version: stay.client.sdk_version,
    }
}

/// The names that native events are read by.
fn os(os: Os) -> &'static str {
    match os {
        Os::Android => "android",
        Os::Ios => "ios",
        Os::Linux => "linux",
        Os::Mac => "macos",
        Os::Windows => "windows",
        Os::Web => "web",
        Os::Unknown => "unknown",
    }
}

fn network(access: Access) -> &'static str {
    match access {
        Access::G2 => "2g",
        Access::G3 => "3g",
        Access::G4 => "4g",
        Access::G5 => "5g",
        Access::Wifi => "wifi",
        Access::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use domain::AppId;
    use domain::ids::{ConnectionId, EventId, SourceName};
    use domain::log::{ClientFacts, Event, Fact, Presence};
    use expect_test::expect;

    use super::*;
    use crate::native::testing::{World, wait};

    const TARGET: &str = "/v1/apps/4111/stays";

    /// Joins at these seconds before now, each of another user, with no leave.
    fn world(joins: &[(i64, &str, &str)]) -> World {
        let world = World::new();
        let now_unix_s = world.ctx.clock.now_unix_s();
        let event = |(n, &(ago_s, user, room)): (usize, &(i64, &str, &str))| Event {
            app: AppId(4111),
            door: Door::parse("native").unwrap(),
            source: SourceName::parse("s").unwrap(),
            id: EventId::parse(&format!("e{n}")).unwrap(),
            time_unix_us: (now_unix_s - ago_s) * 1_000_000 + 250_000,
            fact: Fact::Joined {
                who: Presence {
                    room: RoomId::parse(room).unwrap(),
                    call: Some(CallId::parse("c").unwrap()),
                    participant: ParticipantId::parse(user).unwrap(),
                    connection: Some(ConnectionId::parse("k").unwrap()),
                },
                sole: false,
                client: ClientFacts { os: Some(Os::Ios), ..ClientFacts::default() },
            },
        };
        let events = joins.iter().enumerate().map(event).collect();
        wait(world.ctx.store.append_events(events)).unwrap();
        world
    }

    fn page(world: &World, query: &str) -> (Vec<String>, Option<String>) {
        let answer = world.ask("GET", &format!("{TARGET}?{query}"));
        let page: serde_json::Value = serde_json::from_str(&answer[4..]).unwrap();
        let stays = page["stays"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let users = stays.iter().map(|stay| stay["userId"].as_str().unwrap().to_owned());
        (users.collect(), page["next"].as_str().map(str::to_owned))
    }

    #[test]
    fn a_stay_is_told_whole() {
        let world = world(&[(60, "anna", "Room 1")]);
        world.check("GET", TARGET, expect![[r#"200 {"stays":[{"roomId":"Room 1","callId":"c","userId":"anna","door":"native","joined":"2026-11-21T02:01:43.250Z","left":null,"durationS":60,"published":false,"os":"ios","network":null,"device":null,"sdkVersion":null,"connections":[{"joined":"2026-11-21T02:01:43.250Z","joinedInferred":false,"left":null,"leftInferred":false}]}],"next":null}"#]]);
    }

    #[test]
    fn pages_tell_each_stay_once_also_while_something_happens_before_them() {
        let all: Vec<(i64, String)> = (0..50).map(|n| (500 - n / 7, format!("u{n:02}"))).collect();
        let joins: Vec<_> = all.iter().map(|(ago, user)| (*ago, user.as_str(), "r")).collect();
        for limit in [1, 3, 7, 49, 50, 51] {
            let world = world(&joins);
            let (mut told, mut cursor, mut late) = (vec![], String::new(), 0);
            loop {
                let (users, next) = page(&world, &format!("limit={limit}{cursor}"));
                told.extend(users);
                let Some(next) = next else { break };
                cursor = format!("&cursor={next}");
                // Somebody who had come before all of them is known only now.
                late += 1;
                let earlier = format!("late{late}");
                add(&world, &earlier, 600 + late);
            }
            let expected: Vec<_> = all.iter().map(|(_, user)| user.clone()).collect();
            assert_eq!(told, expected, "{limit}");
        }
    }

    fn add(world: &World, user: &str, ago_s: i64) {
        let other = self::world(&[(ago_s, user, "earlier")]);
        let query = StayQuery {
            app: AppId(4111),
            room: None,
            participants: None,
            with_servers: true,
            from_unix_s: i64::MIN,
            until_unix_s: i64::MAX,
            offset: 0,
            limit: 1,
        };
        let stay = wait(other.ctx.store.page_of_stays(&query)).unwrap().stays.remove(0);
        let event = Event {
            app: stay.app,
            door: stay.door,
            source: SourceName::parse("s").unwrap(),
            id: EventId::parse(user).unwrap(),
            time_unix_us: stay.spans[0].joined_unix_us,
            fact: Fact::Joined {
                who: Presence {
                    room: stay.room,
                    call: Some(stay.call),
                    participant: stay.participant,
                    connection: None,
                },
                sole: false,
                client: ClientFacts::default(),
            },
        };
        wait(world.ctx.store.append_events(vec![event])).unwrap();
    }

    #[test]
    fn a_window_a_room_and_a_user_select() {
        let world = world(&[(300, "anna", "a"), (200, "bob", "b"), (100, "anna", "b")]);
        let users = |query: &str| page(&world, query).0.join(",");
        assert_eq!(users("room=b"), "bob,anna");
        assert_eq!(users("user=anna"), "anna,anna");
        assert_eq!(users("user=anna&room=b"), "anna");
        assert_eq!(users("until=2026-11-21T01:58:00Z"), "anna");
        assert_eq!(users("until=2026-11-21T01:00:00Z"), "");
        assert_eq!(users("from=2026-11-21T02:00:00Z&until=2026-11-21T01:00:00Z"), "");
        for made_up in ["AAAA", "_____________________w", "fwAAAAAAAAD__________w"] {
            let told = world.ask("GET", &format!("{TARGET}?cursor={made_up}"));
            assert!(told.starts_with("200 "), "{made_up}: {told}");
        }
        assert_eq!(
            users("from=2030-01-01T00:00:00%2B08:00&until=2031-01-01T00:00:00Z"),
            "anna,bob,anna"
        );
        for wrong in ["from=now", "room=", "user=%00", "limit=0", "cursor=x", "page=2"] {
            let told = world.ask("GET", &format!("{TARGET}?{wrong}"));
            assert!(
                told.starts_with("400 {\"error\":\"`") || told.contains("there is no parameter"),
                "{wrong}: {told}"
            );
        }
    }
}
