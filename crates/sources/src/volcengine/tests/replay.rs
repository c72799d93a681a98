//! A room in two lives, from what was sent to what the log shows.

use domain::AppId;
use domain::ids::{CallId, Door, RoomId};
use domain::log::stay::RoomKey;
use domain::log::{Certainty, End, Event, Stay, fold_room};
use expect_test::expect;
use serde_json::{Value, json};

use super::{signed, try_receive};
use crate::shown;

/// 2026-11-21T10:00:00Z.
const TEN_UNIX_MS: i64 = 1_795_255_200_000;

/// One line per callback: minutes and seconds after ten, what, and who by which device.
const LIVES: &str = "
    00:00.250 UserJoinRoom user1 android
    00:02.100 UserVideoStreamStart user1
    00:10.000 UserJoinRoom user2 web
    01:00.000 InvisibleUserJoinRoom watcher linux
    09:59.000 UserVideoStreamStop user1
    10:00.500 UserLeaveRoom user1 android
    12:00.750 UserJoinRoom user1 ios
    15:00.250 UserLeaveRoom user1 ios
    19:00.000 InvisibleUserLeaveRoom watcher linux
    20:00.300 RoomDestroy
    30:00.500 UserJoinRoom user1 ios
";

fn unix_ms(time: &str) -> i64 {
    let (minutes, seconds) = time.split_once(':').expect("minutes and seconds");
    let millis: i64 = seconds.replace('.', "").parse().expect("a number");
    TEN_UNIX_MS + minutes.parse::<i64>().expect("a number") * 60_000 + millis
}

fn callback(number: usize, line: &str) -> Value {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut data = json!({"RoomId": "Room1", "Timestamp": unix_ms(words[0])});
    for (name, value) in ["UserId", "DeviceType"].into_iter().zip(&words[2..]) {
        data[name] = json!(value);
    }
    signed(json!({
        "EventType": words[1], "EventData": data.to_string(), "EventId": format!("e{number}"),
        "EventTime": "", "AppId": "661e0000000000000000543c", "Version": "2020-12-01",
        "Nonce": "4711",
    }))
}

fn events(lines: &str) -> Vec<Event> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let received = lines.enumerate().map(|(number, line)| {
        let body = callback(number, line).to_string();
        let received = try_receive(body.as_bytes()).expect("an authentic callback");
        assert_eq!(received.dead, Vec::<String>::new());
        received.events
    });
    received.flatten().collect()
}

fn log_of(events: &[Event]) -> String {
    let door = Door::parse("volcengine").expect("a door");
    let room = RoomId::parse("Room1").expect("a room");
    let stays = fold_room(&RoomKey { app: AppId(7), door, room }, events);
    let mut calls: Vec<&CallId> = vec![];
    for stay in &stays {
        if !calls.contains(&&stay.call) {
            calls.push(&stay.call);
        }
    }
    // Minted ids are long; which are the same is all that matters.
    let number =
        |stay: &Stay| calls.iter().position(|call| **call == stay.call).unwrap_or_default();
    stays.iter().map(|stay| format!("call {} {}", number(stay) + 1, show(stay))).collect()
}

fn show(stay: &Stay) -> String {
    let time = |unix_us| shown::time(unix_us).replace("2026-11-21T10:", "").replace('Z', "");
    let mark = |certainty| if certainty == Certainty::Inferred { "?" } else { "" };
    let published = if stay.published { " published" } else { "" };
    let mut lines = format!("{} {}{published}\n", stay.participant, shown::facts(&stay.client));
    for span in &stay.spans {
        let end = match span.end {
            End::Open => "now".to_owned(),
            End::At(left, certainty) => time(left) + mark(certainty),
        };
        let joined = time(span.joined_unix_us) + mark(span.join);
        lines.push_str(&format!("  {joined} to {end}\n"));
    }
    lines
}

/// Another order, and another, for ever.
fn shuffle(events: &mut [Event], state: &mut u64) {
    for last in (1..events.len()).rev() {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(*state >> 33).expect("31 bits") % (last + 1);
        events.swap(last, other);
    }
}

#[test]
fn the_log_shows_what_happened() {
    let mut events = events(LIVES);
    let log = log_of(&events);
    // User1 came back within the call; nobody heard user2 go; then the room was opened again.
    expect![[r#"
        call 1 user1 Ios - - - published
          00:00.25 to 10:00.5
          12:00.75 to 15:00.25
        call 1 user2 Web - - -
          00:10 to 20:00.3?
        call 1 watcher Linux - - -
          01:00 to 19:00
        call 2 user1 Ios - - -
          30:00.5 to now
    "#]]
    .assert_eq(&log);
    let mut state = 7;
    for _ in 0..200 {
        shuffle(&mut events, &mut state);
        assert_eq!(log_of(&events), log);
    }
}

#[test]
fn a_room_that_empties_is_a_call_of_its_own_without_being_destroyed() {
    let lines = "
        01:00.000 UserJoinRoom user1
        02:00.000 UserLeaveRoom user1
        03:00.000 UserJoinRoom user1
    ";
    expect![[r#"
        call 1 user1 - - - -
          01:00 to 02:00
        call 2 user1 - - - -
          03:00 to now
    "#]]
    .assert_eq(&log_of(&events(lines)));
}

#[test]
fn who_comes_a_second_time_has_left_the_first_device() {
    let lines = "
        00:30.000 UserJoinRoom host
        01:00.000 UserJoinRoom user1 ios
        05:00.500 UserJoinRoom user1 mac
        09:00.250 UserLeaveRoom user1 mac
    ";
    expect![[r#"
        call 1 host - - - -
          00:30 to now
        call 1 user1 Mac - - -
          01:00 to 05:00.5?
          05:00.5 to 09:00.25
    "#]]
    .assert_eq(&log_of(&events(lines)));
}

/// Nothing in a leave tells which of two connections it ends.
#[test]
fn a_leave_of_the_first_device_that_comes_after_the_second_ends_the_second() {
    let lines = "
        00:30.000 UserJoinRoom host
        01:00.000 UserJoinRoom user1 ios
        05:00.500 UserJoinRoom user1 mac
        05:00.700 UserLeaveRoom user1 ios
    ";
    expect![[r#"
        call 1 host - - - -
          00:30 to now
        call 1 user1 Mac - - -
          01:00 to 05:00.5?
          05:00.5 to 05:00.7
    "#]]
    .assert_eq(&log_of(&events(lines)));
}

#[test]
fn a_stream_proves_a_lost_join() {
    let lines = "
        01:00.000 UserAudioStreamStart user1
        02:00.250 UserLeaveRoom user1
    ";
    expect![[r#"
        call 1 user1 - - - - published
          01:00? to 02:00.25
    "#]]
    .assert_eq(&log_of(&events(lines)));
}
