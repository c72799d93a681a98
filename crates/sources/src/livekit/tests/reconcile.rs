//! What LiveKit is asked, what is believed of its answers, and what becomes of the log.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::AppId;
use domain::ids::{CallId, ParticipantId, RoomId};
use domain::log::{Event, Fact};
use expect_test::expect;
use serde_json::{Value, json};

use super::{SECRET, credentials, join_with, receive, spans_of, token_of};
use crate::livekit::reconcile::{
    Absurd, Question, SLACK_S, as_of, ask_for_participants, ask_for_rooms, present_in,
    read_participants, read_rooms, snapshot,
};
use crate::shown;

/// 2026-11-21T01:50:00Z.
const NOW_US: i64 = 1_795_225_800_000_000;

fn room(name: &str) -> RoomId {
    RoomId::parse(name).expect("a room")
}

fn call(id: &str) -> CallId {
    CallId::parse(id).expect("a call")
}

fn people(names: &[&str]) -> BTreeSet<ParticipantId> {
    names.iter().map(|name| ParticipantId::parse(name).expect("a participant")).collect()
}

/// Path, body, and the claims of a token that the secret signed.
fn shown_question(question: Question) -> String {
    let token =
        question.authorization.reveal().strip_prefix("Bearer ").expect("a token").to_owned();
    let part = |at: usize| -> Value {
        let part = token.split('.').nth(at).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!(token, token_of(&header, &claims, SECRET), "it is signed with the secret");
    format!("{}\n  {}\n  {header} {claims}\n", question.path, question.body)
}

#[test]
fn a_question_has_a_token_with_just_the_grant_that_it_needs() {
    let (credentials, quoted) = (credentials(SECRET), room("课堂 \"2\""));
    let rooms = ask_for_rooms(&credentials, [&room("a"), &quoted], NOW_US).expect("a question");
    let participants = ask_for_participants(&credentials, &quoted, NOW_US).expect("a question");
    expect![[r#"
        /twirp/livekit.RoomService/ListRooms
          {"names":["a","课堂 \"2\""]}
          {"alg":"HS256","typ":"JWT"} {"exp":1795226400,"iss":"devkey","video":{"roomList":true}}
        /twirp/livekit.RoomService/ListParticipants
          {"room":"课堂 \"2\""}
          {"alg":"HS256","typ":"JWT"} {"exp":1795226400,"iss":"devkey","video":{"room":"课堂 \"2\"","roomAdmin":true}}
    "#]]
    .assert_eq(&(shown_question(rooms) + &shown_question(participants)));
}

#[test]
fn a_question_does_not_show_its_token() {
    let question = ask_for_rooms(&credentials(SECRET), [&room("a")], NOW_US).expect("a question");
    let token = question.authorization.reveal().to_owned();
    assert!(!format!("{question:?}").contains(&token));
    assert!(ask_for_rooms(&credentials(""), [&room("a")], NOW_US).is_none());
}

#[test]
fn an_answer_is_believed_whole_or_not_at_all() {
    let rooms = |body: &str| read_rooms(body.as_bytes());
    let body =
        r#" {"rooms":[{"sid":"RM_1","name":"a","future":[]},{"sid":"RM_2","name":"b"}],"x":1}"#;
    let read = rooms(body).expect("a list");
    assert_eq!(
        read.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), "RM_1".to_owned()), ("b".to_owned(), "RM_2".to_owned())]
    );
    assert_eq!(rooms(r#"{"rooms":[]}"#).map(|rooms| rooms.len()), Ok(0));
    for absurd in [
        "",
        "OK",
        "[]",
        "[[]]",
        "{}",
        r#"{"code":"not_found","msg":"no"}"#,
        r#"{"rooms":null}"#,
        r#"{"rooms":{}}"#,
        r#"{"rooms":[null]}"#,
        r#"{"rooms":[["a","RM_1"]]}"#,
        r#"{"rooms":[{"name":"a"}]}"#,
        r#"{"rooms":[{"name":"a","sid":""}]}"#,
        r#"{"rooms":[{"name":"","sid":"RM_1"}]}"#,
        r#"{"rooms":[{"name":"a","sid":5}]}"#,
        r#"{"rooms":[{"name":"a","sid":"RM_1"}"#,
        r#"{"rooms":[]}{"rooms":[]}"#,
    ] {
        assert_eq!(rooms(absurd), Err(Absurd::NotAList), "{absurd}");
    }
    let participants = |body: &str| read_participants(body.as_bytes());
    assert_eq!(participants(r#"{"participants":[]}"#), Ok(people(&[])));
    for absurd in [
        "",
        "{}",
        "[]",
        r#"{"rooms":[]}"#,
        r#"{"participants":null}"#,
        r#"{"participants":["user1"]}"#,
        r#"{"participants":[{"state":"ACTIVE"}]}"#,
        r#"{"participants":[{"identity":"","state":"ACTIVE"}]}"#,
        r#"{"participants":[{"identity":"user1"}, {"identity":5}]}"#,
    ] {
        assert_eq!(participants(absurd), Err(Absurd::NotAList), "{absurd}");
    }
}

#[test]
fn whoever_has_not_gone_is_there() {
    let states = ["JOINING", "JOINED", "ACTIVE", "DISCONNECTED", "A_STATE_OF_THE_FUTURE"];
    let mut listed: Vec<Value> = states
        .iter()
        .map(|state| json!({"identity": state, "state": state, "sid": "PA_1", "joined_at": "1"}))
        .collect();
    listed.push(json!({"identity": "stateless"}));
    listed.push(json!({"identity": "numbered", "state": 2}));
    listed.push(json!({"identity": "x".repeat(257), "state": "ACTIVE"}));
    let present = read_participants(json!({ "participants": listed }).to_string().as_bytes());
    let expected =
        ["JOINING", "JOINED", "ACTIVE", "A_STATE_OF_THE_FUTURE", "stateless", "numbered"];
    assert_eq!(present, Ok(people(&expected)));
}

#[test]
fn more_people_than_a_snapshot_may_name_are_none() {
    let list = |count: usize| {
        let listed: Vec<Value> = (0..count).map(|at| json!({"identity": at.to_string()})).collect();
        read_participants(json!({ "participants": listed }).to_string().as_bytes())
            .map(|present| present.len())
    };
    assert_eq!(list(20_000), Ok(20_000));
    assert_eq!(list(20_001), Err(Absurd::TooMany));
}

#[test]
fn a_snapshot_is_dated_by_the_clock_that_is_behind_and_some_seconds_earlier() {
    let as_of = |date: Option<&str>| as_of(NOW_US + 250_000, date).map(shown::time);
    let told = |time: &str| Ok(time.to_owned());
    assert_eq!(SLACK_S, 10);
    assert_eq!(as_of(Some("Sat, 21 Nov 2026 01:50:00 GMT")), told("2026-11-21T01:49:50Z"));
    assert_eq!(as_of(Some("Sat, 21 Nov 2026 01:49:00 GMT")), told("2026-11-21T01:48:50Z"));
    assert_eq!(as_of(Some("Sat, 21 Nov 2026 09:00:00 GMT")), told("2026-11-21T01:49:50.25Z"));
    for date in [None, Some(""), Some("now"), Some("1795225800"), Some("2026-11-21T01:50:00Z")] {
        assert_eq!(as_of(date), Err(Absurd::Undated), "{date:?}");
    }
}

#[test]
fn a_call_that_is_not_the_rooms_is_over() {
    let there = people(&["user1"]);
    let present = |of: &str, sid: Option<&str>| present_in(&call(of), sid, &there).is_some();
    assert!(present("RM_1", Some("RM_1")));
    assert!(!present("RM_1", Some("RM_2")));
    // Unknown rooms have nobody in them as a rule; if they have, those are there.
    assert!(present("RM_1", None));
    // A minted id is no id of LiveKit's.
    assert!(present("0123456789abcdef0123456789abcdef", Some("RM_2")));
}

/// What LiveKit tells of a room becomes a snapshot as of that time.
fn told(of: &str, there: &[&str], time_unix_us: i64) -> Event {
    snapshot(AppId(7), room("room1"), call(of), people(there), time_unix_us)
}

#[test]
fn the_same_answer_is_the_same_event_and_another_is_another() {
    let usual = told("RM_1", &["a", "b"], NOW_US);
    expect![[r#"
        livekit snapshot/WEIybstFiOTby1qd2OwnbF9A8c0ZCpN27P-VLmABMno 2026-11-21T01:50:00Z
          snapshot room1/RM_1 {"a", "b"}
    "#]]
    .assert_eq(&shown::event(&usual));
    assert_eq!(told("RM_1", &["b", "a"], NOW_US).identity(), usual.identity());
    for other in [
        told("RM_2", &["a", "b"], NOW_US),
        told("RM_1", &["a"], NOW_US),
        told("RM_1", &["ab"], NOW_US),
        told("RM_1", &["a", "b"], NOW_US + 1),
    ] {
        assert_ne!(other.identity(), usual.identity(), "{other:?}");
    }
    let minted = told("0123456789abcdef0123456789abcdef", &[], NOW_US);
    assert_eq!(
        minted.fact,
        Fact::Snapshot { room: room("room1"), call: None, present: BTreeSet::new(), told: None }
    );
}

/// The webhooks, and what was learnt by asking.
fn log_with(bodies: &[Value], asked: &[Event]) -> String {
    let told = bodies.iter().flat_map(|body| receive(&body.to_string()).events);
    spans_of(&told.chain(asked.iter().cloned()).collect::<Vec<_>>())
}

#[test]
fn a_lost_leave_ends_when_livekit_no_longer_knows_them() {
    // user1 joined RM_1 at 01:45:09.871.
    let join = join_with(&[]);
    let left = join_with(&[
        ("/event", json!("participant_left")),
        ("/id", json!("EV_2")),
        ("/createdAt", json!("1795225569")),
    ]);
    let gone = told("RM_1", &["user2"], NOW_US);
    expect![[r#"
        user1: 2026-11-21T01:45:09.871Z to 2026-11-21T01:50:00Z?
    "#]]
    .assert_eq(&log_with(std::slice::from_ref(&join), std::slice::from_ref(&gone)));
    // The leave that comes after all has the last word.
    expect![[r#"
        user1: 2026-11-21T01:45:09.871Z to 2026-11-21T01:46:09.999999Z
    "#]]
    .assert_eq(&log_with(&[join, left], &[gone]));
}

#[test]
fn who_is_there_joined_later_or_is_in_another_call_is_left_alone() {
    let open = "user1: 2026-11-21T01:45:09.871Z to now\n";
    let joined = join_with(&[]);
    let log = |asked: Event| log_with(std::slice::from_ref(&joined), &[asked]);
    assert_eq!(log(told("RM_1", &["user1"], NOW_US)), open);
    assert_eq!(log(told("RM_2", &[], NOW_US)), open);
    assert_eq!(log(told("RM_1", &[], 1_795_225_509_870_999)), open);
    // A snapshot brings nobody in.
    assert_eq!(log(told("RM_1", &["user1", "user2"], NOW_US)), open);
}
