//! A lesson in two calls, from what was sent to what the log shows.

use domain::AppId;
use domain::ids::{Door, RoomId};
use domain::log::stay::RoomKey;
use domain::log::{Certainty, End, Event, Stay, fold_room};
use expect_test::expect;
use serde_json::{Value, json};

use super::{signed, try_receive};
use crate::shown;

/// 2026-11-21T10:00:00Z.
const TEN_UNIX_MS: i64 = 1_795_255_200_000;

/// One line per callback: minutes and seconds after ten, what, who and more.
const LESSON: &str = "
    00:00.100 room_create   call=858012925204410401
    00:00.250 room_login    user=ann session=k1 term=2 call=858012925204410401
    00:01.000 stream_create user=ann call=858012925204410401
    01:00.000 room_login    user=bob session=k2 term=1 call=858012925204410401
    03:00.000 room_login    user=recorder session=k4 term=5 call=858012925204410401
    05:30.500 room_login    user=bob session=k3 term=3 call=858012925204410401
    05:31.000 room_logout   user=bob session=k2 since=01:00.000 call=858012925204410401
    20:00.000 room_logout   user=bob session=k3 since=05:30.500 call=858012925204410401
    25:00.400 room_logout   user=cid session=k5 since=02:00.000 call=858012925204410401
    30:00.750 room_logout   user=ann session=k1 since=00:00.250 call=858012925204410401
    31:00.500 room_close    call=858012925204410401
    40:00.000 room_login    user=ann session=k6 call=858012925204410402
";

fn unix_ms(time: &str) -> i64 {
    let (minutes, seconds) = time.split_once(':').expect("minutes and seconds");
    let millis: i64 = seconds.replace('.', "").parse().expect("a number");
    TEN_UNIX_MS + minutes.parse::<i64>().expect("a number") * 60_000 + millis
}

/// The body as the service would send it: texts, but for the room's own callbacks.
fn callback(line: &str) -> Value {
    let mut words = line.split_whitespace();
    let (time, event) = (words.next().expect("a time"), words.next().expect("an event"));
    let at_ms = unix_ms(time).to_string();
    let mut body = json!({
        "event": event, "appid": "1", "timestamp": "1795255200", "nonce": "350176",
        "room_id": "课堂",
    });
    let (call_at, user_at, time_at) = match event {
        "room_login" => ("room_seq", "user_account", "login_time"),
        "room_logout" => ("room_seq", "user_account", "logout_time"),
        "stream_create" => ("room_session_id", "user_id", "create_time_ms"),
        _ => ("room_session_id", "", "room_close_time"),
    };
    body[time_at] = json!(at_ms);
    for (key, value) in words.filter_map(|word| word.split_once('=')) {
        match key {
            "call" if event == "room_close" => {
                body[call_at] = json!(value.parse::<u64>().expect("a number"));
            }
            "call" => body[call_at] = json!(value),
            "user" => body[user_at] = json!(value),
            "session" => body["session_id"] = json!(value),
            "since" => body["login_time"] = json!(unix_ms(value).to_string()),
            "term" => body["term_type"] = json!(value),
            _ => panic!("{key} is no key"),
        }
    }
    signed(body)
}

fn events(lines: &str) -> Vec<Event> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let received = lines.map(|line| {
        let body = callback(line).to_string();
        let received = try_receive(body.as_bytes()).expect("an authentic callback");
        assert_eq!(received.dead, Vec::<String>::new());
        received.events
    });
    received.flatten().collect()
}

fn log_of(events: &[Event]) -> String {
    let door = Door::parse("zegocloud").expect("a door");
    let room = RoomId::parse("课堂").expect("a room");
    fold_room(&RoomKey { app: AppId(1), door, room }, events).iter().map(show).collect()
}

fn show(stay: &Stay) -> String {
    let time = |unix_us| shown::time(unix_us).replace("2026-11-21T10:", "").replace('Z', "");
    let mark = |certainty| if certainty == Certainty::Inferred { "?" } else { "" };
    let published = if stay.published { " published" } else { "" };
    let mut lines =
        format!("{} {} {}{published}\n", stay.call, stay.participant, shown::facts(&stay.client));
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
    let mut events = events(LESSON);
    let log = log_of(&events);
    // Bob came back on another device before his first session was ended; nobody heard cid come,
    // nor the recorder go; ann is there again.
    expect![[r#"
        858012925204410401 ann Ios - - - published
          00:00.25 to 30:00.75
        858012925204410401 bob Android - - -
          01:00 to 05:31.999999
          05:30.5 to 20:00.999999
        858012925204410401 cid - - - -
          02:00 to 25:00.4
        858012925204410401 recorder Linux - - -
          03:00 to 31:00.999999?
        858012925204410402 ann - - - -
          40:00 to now
    "#]]
    .assert_eq(&log);
    let mut state = 7;
    for _ in 0..200 {
        shuffle(&mut events, &mut state);
        assert_eq!(log_of(&events), log);
    }
}

#[test]
fn a_logout_alone_is_a_whole_interval() {
    let logouts: String = LESSON
        .lines()
        .filter(|line| line.contains("room_logout"))
        .map(|l| format!("{l}\n"))
        .collect();
    expect![[r#"
        858012925204410401 ann - - - -
          00:00.25 to 30:00.75
        858012925204410401 bob - - - -
          01:00 to 05:31.999999
          05:30.5 to 20:00.999999
        858012925204410401 cid - - - -
          02:00 to 25:00.4
    "#]]
    .assert_eq(&log_of(&events(&logouts)));
}

#[test]
fn who_logs_in_again_ends_the_session_whose_logout_was_lost() {
    let lines = "
        01:00.000 room_login  user=bob session=k2 call=1
        05:30.500 room_login  user=bob session=k3 call=1
        20:00.200 room_logout user=bob session=k3 since=05:30.500 call=1
    ";
    expect![[r#"
        1 bob - - - -
          01:00 to 05:30.5?
          05:30.5 to 20:00.2
    "#]]
    .assert_eq(&log_of(&events(lines)));
}

#[test]
fn a_new_call_ends_the_one_whose_close_was_lost() {
    let lines = "
        01:00.000 room_login    user=bob session=k2 call=1
        02:00.300 stream_create user=bob call=1
        50:00.000 room_login    user=ann session=k3 call=2
    ";
    expect![[r#"
        1 bob - - - - published
          01:00 to 02:00.3?
        2 ann - - - -
          50:00 to now
    "#]]
    .assert_eq(&log_of(&events(lines)));
}
