//! Notices replayed in every order, each of them twice.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::receive;
use crate::shown;

/// What the log shows once it has taken these.
fn log_of(bodies: &[String]) -> String {
    shown::log(bodies.iter().flat_map(|body| receive(body.as_bytes()).events), time)
}

/// In whole seconds: the rest is an order and no time.
fn time(unix_us: i64) -> String {
    shown::time(unix_us.div_euclid(1_000_000) * 1_000_000)
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

/// One notice of a history: at which second, of which type, of whom, and by their own count.
fn at(second: i64, event_type: i64, uid: u32, seq: u64) -> String {
    with(second, event_type, uid, seq, json!({}))
}

fn with(second: i64, event_type: i64, uid: u32, seq: u64, more: Value) -> String {
    let ts = 1_795_225_500 + second;
    let mut payload = json!({"channelName": "lesson", "uid": uid, "clientSeq": seq, "ts": ts});
    let fields = payload.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    json!({
        "sid": "C866467GVJJ54687", "noticeId": format!("{uid}:{seq}:{event_type}"),
        "productId": 1, "eventType": event_type, "notifyMs": (ts + 2) * 1_000, "payload": payload,
    })
    .to_string()
}

fn over(second: i64) -> String {
    let payload = json!({"channelName": "lesson", "ts": 1_795_225_500 + second, "lastUid": 1});
    json!({"productId": 1, "eventType": 102, "payload": payload}).to_string()
}

/// One user in three ways at once, so each way by itself.
#[test]
fn the_documented_samples_are_a_host_a_viewer_and_a_caller() {
    let samples = include_str!("../captures/documented.jsonl");
    let of = |types: [i64; 2]| -> Vec<String> {
        let is_of =
            |line: &&str| types.iter().any(|kind| line.contains(&format!("\"eventType\":{kind},")));
        samples.lines().filter(is_of).map(str::to_owned).collect()
    };
    check(
        &of([103, 104]),
        expect![[r#"
            test_webhook, call 0: 12121212 Android, published
              2019-06-13T03:34:03Z to 2019-06-13T03:35:43Z
        "#]],
    );
    check(
        &of([105, 106]),
        expect![[r#"
            test_webhook, call 0: 12121212 Android
              2019-06-13T03:34:03Z to 2019-06-13T03:35:43Z
        "#]],
    );
    check(
        &of([107, 108]),
        expect![[r#"
            test_webhook, call 0: 12121212 Android
              2019-06-13T03:33:54Z to 2019-06-14T07:20:34Z
        "#]],
    );
}

#[test]
fn a_lesson_is_what_its_people_did() {
    let web = json!({"platform": 7});
    let mac = json!({"platform": 8});
    let recorder = json!({"platform": 6, "clientType": 10});
    check(
        &[
            with(0, 103, 1, 1_000, web.clone()),
            with(1, 105, 99, 77, recorder),
            with(5, 105, 2, 2_000, mac.clone()),
            at(20, 111, 2, 2_001),
            at(40, 112, 2, 2_002),
            with(60, 104, 1, 1_001, json!({"platform": 7, "reason": 1, "duration": 60})),
            with(61, 106, 2, 2_003, json!({"platform": 8, "reason": 2, "duration": 56})),
            // The recorder's leave is lost.
            over(62),
        ],
        expect![[r#"
            lesson, call 0: 1 Web, published
              2026-11-21T01:45:00Z to 2026-11-21T01:46:00Z
            lesson, call 0: 99 Linux
              2026-11-21T01:45:01Z to 2026-11-21T01:46:02Z?
            lesson, call 0: 2 Mac, published
              2026-11-21T01:45:05Z to 2026-11-21T01:46:01Z
        "#]],
    );
}

#[test]
fn a_silent_reconnection_is_a_second_span() {
    for reason in [4, 9, 10, 99] {
        let away = json!({"reason": reason, "duration": 11});
        let gone = json!({"reason": 1, "duration": 11});
        check(
            &[
                at(0, 105, 7, 1),
                at(2, 105, 1, 5_001),
                with(13, 106, 1, 5_002, away),
                at(23, 105, 1, 5_003),
                with(34, 106, 1, 5_004, gone),
            ],
            expect![[r#"
                lesson, call 0: 7 -
                  2026-11-21T01:45:00Z to now
                lesson, call 0: 1 -
                  2026-11-21T01:45:02Z to 2026-11-21T01:45:13Z
                  2026-11-21T01:45:23Z to 2026-11-21T01:45:34Z
            "#]],
        );
    }
}

#[test]
fn within_a_second_the_count_tells_a_leave_from_the_join_after_it() {
    // Away and back.
    check(
        &[
            at(0, 105, 7, 1),
            at(2, 105, 1, 5_001),
            with(13, 106, 1, 5_002, json!({"reason": 10, "duration": 11})),
            at(13, 105, 1, 5_003),
        ],
        expect![[r#"
            lesson, call 0: 7 -
              2026-11-21T01:45:00Z to now
            lesson, call 0: 1 -
              2026-11-21T01:45:02Z to 2026-11-21T01:45:13Z
              2026-11-21T01:45:13Z to now
        "#]],
    );
    // There and away.
    check(
        &[
            at(0, 105, 7, 1),
            at(13, 105, 1, 5_001),
            with(13, 106, 1, 5_002, json!({"reason": 1, "duration": 0})),
        ],
        expect![[r#"
            lesson, call 0: 7 -
              2026-11-21T01:45:00Z to now
            lesson, call 0: 1 -
              2026-11-21T01:45:13Z to 2026-11-21T01:45:13Z
        "#]],
    );
    // There, away and back.
    check(
        &[
            at(0, 105, 7, 1),
            at(13, 105, 1, 5_001),
            with(13, 106, 1, 5_002, json!({"reason": 9, "duration": 0})),
            at(13, 105, 1, 5_003),
            with(19, 106, 1, 5_004, json!({"reason": 1, "duration": 6})),
        ],
        expect![[r#"
            lesson, call 0: 7 -
              2026-11-21T01:45:00Z to now
            lesson, call 0: 1 -
              2026-11-21T01:45:13Z to 2026-11-21T01:45:13Z
              2026-11-21T01:45:13Z to 2026-11-21T01:45:19Z
        "#]],
    );
}

#[test]
fn a_lost_join_is_rebuilt_from_the_leave() {
    check(
        &[with(60, 106, 1, 9, json!({"platform": 2, "reason": 1, "duration": 45}))],
        expect![[r#"
            lesson, call 0: 1 Ios
              2026-11-21T01:45:15Z to 2026-11-21T01:46:00Z
        "#]],
    );
    // Also of a stay within one second, and of a reconnection in the second of its leave.
    check(
        &[with(60, 106, 1, 9, json!({"reason": 1, "duration": 0}))],
        expect![[r#"
            lesson, call 0: 1 -
              2026-11-21T01:46:00Z to 2026-11-21T01:46:00Z
        "#]],
    );
    check(
        &[
            at(0, 105, 7, 1),
            at(2, 105, 1, 5_001),
            with(13, 106, 1, 5_002, json!({"reason": 10, "duration": 11})),
            with(34, 106, 1, 5_004, json!({"reason": 1, "duration": 21})),
        ],
        expect![[r#"
            lesson, call 0: 7 -
              2026-11-21T01:45:00Z to now
            lesson, call 0: 1 -
              2026-11-21T01:45:02Z to 2026-11-21T01:45:13Z
              2026-11-21T01:45:13Z to 2026-11-21T01:45:34Z
        "#]],
    );
}

#[test]
fn a_duration_that_is_wrong_moves_no_join_that_was_told() {
    for duration in [0, 9, 10, 11, 12, 600] {
        check(
            &[
                at(0, 105, 7, 1),
                at(10, 105, 1, 5_001),
                with(20, 106, 1, 5_002, json!({"reason": 1, "duration": duration})),
            ],
            expect![[r#"
                lesson, call 0: 7 -
                  2026-11-21T01:45:00Z to now
                lesson, call 0: 1 -
                  2026-11-21T01:45:10Z to 2026-11-21T01:45:20Z
            "#]],
        );
    }
}

#[test]
fn a_new_device_takes_the_place_of_the_old_one_whenever_the_old_one_is_said_to_leave() {
    for second in [19, 20, 21, 35] {
        let forced = json!({"platform": 1, "reason": 5, "duration": second - 10});
        check(
            &[
                at(0, 105, 7, 1),
                with(10, 105, 1, 5_001, json!({"platform": 1})),
                with(20, 105, 1, 900_000, json!({"platform": 2})),
                with(second, 106, 1, 5_002, forced),
                with(40, 106, 1, 900_001, json!({"platform": 2, "reason": 1, "duration": 20})),
            ],
            expect![[r#"
                lesson, call 0: 7 -
                  2026-11-21T01:45:00Z to now
                lesson, call 0: 1 Ios
                  2026-11-21T01:45:10Z to 2026-11-21T01:45:20Z?
                  2026-11-21T01:45:20Z to 2026-11-21T01:45:40Z
            "#]],
        );
    }
}

#[test]
fn a_role_shows_that_somebody_is_there() {
    check(
        &[at(10, 111, 1, 5), with(30, 104, 1, 6, json!({"reason": 1, "duration": 25}))],
        expect![[r#"
            lesson, call 0: 1 -, published
              2026-11-21T01:45:05Z to 2026-11-21T01:45:30Z
        "#]],
    );
    check(
        &[at(10, 111, 1, 5), with(30, 104, 1, 6, json!({"reason": 1}))],
        expect![[r#"
            lesson, call 0: 1 -, published
              2026-11-21T01:45:10Z? to 2026-11-21T01:45:30Z
        "#]],
    );
}
