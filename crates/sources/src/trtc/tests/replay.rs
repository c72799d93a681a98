//! Callbacks replayed in every order, each of them twice.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::receive;
use crate::shown;

/// What the log shows once it has taken these.
fn log_of(bodies: &[String]) -> String {
    shown::log(bodies.iter().flat_map(|body| receive(body.as_bytes()).events), shown::time)
}

fn check(bodies: &[String], expected: Expect) {
    let log = log_of(bodies);
    expected.assert_eq(&log);
    let mut shuffled = [bodies, bodies].concat();
    let mut random = 1_u64;
    for _ in 0..50 {
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (random >> 33) as usize % (at + 1));
        }
        assert_eq!(log_of(&shuffled), log, "{shuffled:#?}");
    }
}

/// One callback of a history: so many milliseconds after it began, of which type, of whom.
fn at(ms: i64, event_type: i64, user: &str) -> String {
    with(ms, event_type, user, json!({}))
}

fn with(ms: i64, event_type: i64, user: &str, more: Value) -> String {
    let event_ms = 1_795_225_500_000 + ms;
    let mut info = json!({
        "RoomId": 12345, "EventTs": event_ms / 1_000, "EventMsTs": event_ms, "UserId": user,
    });
    let fields = info.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    json!({
        "EventGroupId": event_type / 100, "EventType": event_type,
        "CallbackTs": event_ms + 60, "EventInfo": info,
    })
    .to_string()
}

/// Entered and left in 67 ms, the room closed a quarter of an hour later; and then, as it seems in
/// another sitting, the one stream that was opened: of an entry that was not among the samples.
#[test]
fn the_documented_samples_are_two_calls() {
    let samples: Vec<String> =
        include_str!("../captures/documented.jsonl").lines().map(str::to_owned).collect();
    check(
        &samples,
        expect![[r#"
            12345, call 0: test Android
              2023-06-26T09:12:11.831Z to 2023-06-26T09:12:11.898Z
            12345, call 1: test -, published
              2023-06-26T09:30:03.192Z? to now
        "#]],
    );
}

#[test]
fn a_lesson_is_what_its_people_did() {
    let web = json!({"UserType": 1, "TerminalType": 100, "Role": 20, "Reason": 1});
    let phone = json!({"UserType": 3, "TerminalType": 3, "Role": 21, "Reason": 1});
    let recorder = json!({"UserType": 3, "TerminalType": 4, "Role": 21, "Reason": 1});
    check(
        &[
            at(0, 101, "teacher"),
            with(120, 103, "teacher", web),
            at(300, 203, "teacher"),
            at(900, 201, "teacher"),
            with(1_000, 103, "recorder", recorder),
            with(5_250, 103, "pupil", phone.clone()),
            at(5_900, 105, "pupil"),
            at(20_000, 202, "teacher"),
            // Away for eleven seconds, without a word of the stream that ended.
            with(30_000, 104, "pupil", json!({"Reason": 2})),
            with(41_000, 103, "pupil", phone),
            with(60_500, 104, "pupil", json!({"Reason": 1})),
            with(61_750, 104, "teacher", json!({"Reason": 1})),
            // The recorder's exit is lost.
            with(70_000, 102, "", json!({"RoomId": "12345"})),
        ],
        expect![[r#"
            12345, call 0: teacher Web, published
              2026-11-21T01:45:00.12Z to 2026-11-21T01:46:01.75Z
            12345, call 0: recorder Linux
              2026-11-21T01:45:01Z to 2026-11-21T01:46:10.999999Z?
            12345, call 0: pupil Ios
              2026-11-21T01:45:05.25Z to 2026-11-21T01:45:30Z
              2026-11-21T01:45:41Z to 2026-11-21T01:46:00.5Z
        "#]],
    );
}

#[test]
fn who_enters_again_without_an_exit_has_left_in_between() {
    let again = json!({"Reason": 2, "UserType": 3, "TerminalType": 2});
    let theirs = [at(100, 103, "u"), with(10_100, 103, "u", again), at(20_100, 104, "u")];
    let somebody_else = [at(50, 103, "v"), at(30_100, 104, "v")];
    check(
        &[theirs.as_slice(), &somebody_else].concat(),
        expect![[r#"
            12345, call 0: u Android
              2026-11-21T01:45:00.1Z to 2026-11-21T01:45:10.1Z?
              2026-11-21T01:45:10.1Z to 2026-11-21T01:45:20.1Z
            12345, call 0: v -
              2026-11-21T01:45:00.05Z to 2026-11-21T01:45:30.1Z
        "#]],
    );
    // Alone too: an inferred end empties no room for whoever comes at that instant.
    check(
        &theirs,
        expect![[r#"
            12345, call 0: u Android
              2026-11-21T01:45:00.1Z to 2026-11-21T01:45:10.1Z?
              2026-11-21T01:45:10.1Z to 2026-11-21T01:45:20.1Z
        "#]],
    );
}

#[test]
fn an_exit_alone_shows_nothing_and_a_stream_shows_that_somebody_is_there() {
    check(&[at(20_100, 104, "u")], expect![""]);
    check(
        &[at(5_500, 203, "u"), at(20_100, 104, "u")],
        expect![[r#"
            12345, call 0: u -, published
              2026-11-21T01:45:05.5Z? to 2026-11-21T01:45:20.1Z
        "#]],
    );
}
