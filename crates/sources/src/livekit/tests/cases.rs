//! The cases that are hard to get right, from webhooks to what the log shows.
//!
//! Everything happens after 01:45 on 2026-11-21, and times are given in milliseconds since then.

use domain::AppId;
use domain::log::stay::RoomKey;
use domain::log::{Event, Stay, fold_room};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{receive, spans_of};

/// 2026-11-21T01:45:00Z.
const BEGAN_MS: i64 = 1_795_225_500_000;

/// A webhook of `room1`, whose id tells what it is, so that no two are taken for one.
fn webhook(event: &str, at_ms: i64, sid: &str, more: Value) -> Value {
    let mut webhook = json!({
        "event": event,
        "id": format!("EV_{event}_{at_ms}_{sid}"),
        "createdAt": ((BEGAN_MS + at_ms) / 1_000).to_string(),
        "room": {"sid": sid, "name": "room1"},
    });
    let fields = webhook.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("fields").clone());
    webhook
}

/// One connection of user1, which began at `joined_ms`, in the call `RM_1`.
struct Connection(&'static str, i64);

impl Connection {
    fn participant(&self) -> Value {
        let Self(sid, joined_ms) = self;
        let joined_ms = BEGAN_MS + joined_ms;
        json!({
            "sid": sid, "identity": "user1", "state": "ACTIVE",
            "joinedAt": (joined_ms / 1_000).to_string(), "joinedAtMs": joined_ms.to_string(),
        })
    }

    fn told(&self, event: &str, at_ms: i64, more: Value) -> Value {
        let mut participant = self.participant();
        let fields = participant.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("fields").clone());
        let mut webhook = webhook(event, at_ms, "RM_1", json!({ "participant": participant }));
        webhook["id"] = json!(format!("{}_{}", webhook["id"].as_str().expect("an id"), self.0));
        webhook
    }

    /// It is told when media flows, somewhat later than the connection.
    fn joined(&self) -> Value {
        self.told("participant_joined", self.1 + 400, json!({}))
    }

    fn left(&self, at_ms: i64, reason: &str) -> Value {
        self.told("participant_left", at_ms, json!({"disconnectReason": reason}))
    }

    fn aborted(&self, at_ms: i64) -> Value {
        let more = json!({"state": "DISCONNECTED", "disconnectReason": "JOIN_FAILURE"});
        self.told("participant_connection_aborted", at_ms, more)
    }
}

const FIRST: Connection = Connection("PA_1", 9_871);
const SECOND: Connection = Connection("PA_2", 30_250);

fn events(webhooks: &[Value]) -> Vec<Event> {
    let receive = |webhook: &Value| {
        let received = receive(&webhook.to_string());
        assert_eq!(received.dead, Vec::<String>::new(), "{webhook}");
        received.events
    };
    webhooks.iter().flat_map(receive).collect()
}

fn stays(webhooks: &[Value]) -> Vec<Stay> {
    let events = events(webhooks);
    let room = events.iter().find_map(Event::room).expect("a room").clone();
    fold_room(&RoomKey { app: AppId(7), door: events[0].door.clone(), room }, &events)
}

/// The log of these webhooks, as minutes and seconds; the same when they come the other way round.
fn check(webhooks: &[Value], expected: Expect) {
    let log = |webhooks: &[Value]| spans_of(&events(webhooks)).replace("2026-11-21T01:", "");
    let backwards: Vec<Value> = webhooks.iter().rev().cloned().collect();
    assert_eq!(log(&backwards), log(webhooks), "arrival does not matter");
    expected.assert_eq(&log(webhooks));
}

#[test]
fn an_aborted_connection_is_no_stay_and_ends_one_that_was_told() {
    check(
        &[FIRST.aborted(9_900), SECOND.joined()],
        expect![[r#"
            user1: 45:30.25Z to now
        "#]],
    );
    // The join comes from elsewhere in LiveKit, before or after.
    check(
        &[FIRST.joined(), FIRST.aborted(12_000)],
        expect![[r#"
            user1: 45:09.871Z to 45:12.999999Z
        "#]],
    );
    // A connection that failed beside one that stands.
    check(
        &[FIRST.joined(), SECOND.aborted(31_000)],
        expect![[r#"
            user1: 45:09.871Z to now
        "#]],
    );
}

#[test]
fn a_second_device_takes_the_place_of_the_first() {
    // The first leaves while the second connects, so in a second that began before its join.
    let left = FIRST.left(30_200, "DUPLICATE_IDENTITY");
    let log = expect![[r#"
        user1: 45:09.871Z to 45:30.999999Z
        user1: 45:30.25Z to now
    "#]];
    check(&[FIRST.joined(), left, SECOND.joined()], log);
    // The same if that leave is lost: LiveKit lets nobody in twice.
    check(
        &[FIRST.joined(), SECOND.joined()],
        expect![[r#"
            user1: 45:09.871Z to 45:30.25Z?
            user1: 45:30.25Z to now
        "#]],
    );
}

#[test]
fn a_client_that_connects_anew_is_there_twice_and_the_late_leave_of_the_first_ends_that_only() {
    // The first was dead already, and is told to have left long after the second came.
    check(
        &[
            FIRST.joined(),
            SECOND.joined(),
            FIRST.left(45_000, "DUPLICATE_IDENTITY"),
            SECOND.left(60_000, "CLIENT_INITIATED"),
        ],
        expect![[r#"
            user1: 45:09.871Z to 45:45.999999Z
            user1: 45:30.25Z to 46:00.999999Z
        "#]],
    );
}

#[test]
fn every_reason_to_leave_is_a_leave() {
    for reason in [
        "UNKNOWN_REASON",
        "CLIENT_INITIATED",
        "DUPLICATE_IDENTITY",
        "SERVER_SHUTDOWN",
        "PARTICIPANT_REMOVED",
        "ROOM_DELETED",
        "STATE_MISMATCH",
        "JOIN_FAILURE",
        "MIGRATION",
        "SIGNAL_CLOSE",
        "ROOM_CLOSED",
        "USER_UNAVAILABLE",
        "USER_REJECTED",
        "SIP_TRUNK_FAILURE",
        "CONNECTION_TIMEOUT",
        "MEDIA_FAILURE",
        "AGENT_ERROR",
        "A_REASON_OF_THE_FUTURE",
    ] {
        let log = expect![[r#"
            user1: 45:09.871Z to 45:20.999999Z
        "#]];
        check(&[FIRST.joined(), FIRST.left(20_000, reason)], log);
    }
}

#[test]
fn a_room_that_starts_twice_with_one_sid_is_one_call() {
    // Another node has taken the room over, and tells that it started. Whoever was there before
    // comes back with a new connection; whoever does not is gone when the room is.
    let other = webhook(
        "participant_joined",
        8_000,
        "RM_1",
        json!({
            "participant": {"sid": "PA_9", "identity": "user2", "joinedAtMs": BEGAN_MS + 8_000},
        }),
    );
    let webhooks = [
        webhook("room_started", 7_000, "RM_1", json!({})),
        other,
        FIRST.joined(),
        webhook("room_started", 29_000, "RM_1", json!({})),
        SECOND.joined(),
        SECOND.left(60_000, "CLIENT_INITIATED"),
        webhook("room_finished", 80_000, "RM_1", json!({})),
    ];
    check(
        &webhooks,
        expect![[r#"
            user2: 45:08Z to 46:20.999999Z?
            user1: 45:09.871Z to 45:30.25Z?
            user1: 45:30.25Z to 46:00.999999Z
        "#]],
    );
    assert_eq!(stays(&webhooks).len(), 2, "one row for each of the two");
}

#[test]
fn a_room_ends_whatever_the_reason() {
    for reason in [
        json!(null),
        json!("ROOM_END_API_DELETE"),
        json!("ROOM_END_IDLE_TIMEOUT"),
        json!("ROOM_END_SERVER_SHUTDOWN"),
        json!("ROOM_END_SUPERSEDED"),
        json!("ROOM_END_OPEN_FAILED"),
        json!("ROOM_END_OF_THE_FUTURE"),
        json!(3),
    ] {
        let log = expect![[r#"
            user1: 45:09.871Z to 46:20.999999Z?
        "#]];
        let finished = webhook("room_finished", 80_000, "RM_1", json!({ "roomEndReason": reason }));
        check(&[FIRST.joined(), finished], log);
    }
    // A room's end says nothing of its next call.
    let finished = webhook("room_finished", 80_000, "RM_0", json!({}));
    check(
        &[FIRST.joined(), finished],
        expect![[r#"
            user1: 45:09.871Z to now
        "#]],
    );
}

#[test]
fn agents_and_recorders_are_servers_and_people_by_telephone_are_not() {
    let is_server = |more: Value| {
        let joined = FIRST.told("participant_joined", 10_000, more);
        let stays = stays(&[joined]);
        assert_eq!(stays.len(), 1);
        stays[0].is_server()
    };
    for machine in ["AGENT", "EGRESS", "INGRESS", "BRIDGE", "A_KIND_OF_THE_FUTURE"] {
        assert!(is_server(json!({ "kind": machine })), "{machine}");
    }
    for people in ["STANDARD", "SIP", "CONNECTOR"] {
        assert!(!is_server(json!({ "kind": people })), "{people}");
    }
    assert!(is_server(json!({"permission": {"recorder": true, "hidden": true}})));
    assert!(!is_server(json!({"permission": {"hidden": true}})));
    assert!(!is_server(json!({})));
    // What is told of the device is believed of machines too.
    assert!(!is_server(json!({"kind": "AGENT", "attributes": {"os.name": "mac"}})));
    // A leave tells it as well, for a join that was lost.
    let left = FIRST.told("participant_left", 20_000, json!({"kind": "AGENT"}));
    assert!(stays(&[left])[0].is_server());
}

#[test]
fn numbers_are_numbers_as_text_or_bare_and_what_is_new_changes_nothing() {
    let usual = [FIRST.joined(), FIRST.left(20_000, "CLIENT_INITIATED")];
    let rewritten = usual.clone().map(|mut webhook| {
        let bare = |text: &Value| json!(text.as_str().and_then(|it| it.parse::<i64>().ok()));
        webhook["createdAt"] = bare(&webhook["createdAt"]);
        for time in ["joinedAt", "joinedAtMs"] {
            webhook["participant"][time] = bare(&webhook["participant"][time]);
        }
        webhook["future"] = json!({"a": [1, {"b": null}]});
        webhook["room"]["future"] = json!(1e300);
        webhook["participant"]["state"] = json!("A_STATE_OF_THE_FUTURE");
        webhook["participant"]["kindDetails"] = json!(["A_DETAIL_OF_THE_FUTURE"]);
        webhook
    });
    assert_eq!(events(&rewritten), events(&usual));
    check(
        &usual,
        expect![[r#"
            user1: 45:09.871Z to 45:20.999999Z
        "#]],
    );
}

#[test]
fn a_publication_without_a_join_is_a_presence() {
    let published =
        FIRST.told("track_published", 15_000, json!({"joinedAt": null, "joinedAtMs": null}));
    check(
        std::slice::from_ref(&published),
        expect![[r#"
            user1: 45:15Z? to now
        "#]],
    );
    let webhooks = [published, FIRST.left(20_000, "CLIENT_INITIATED")];
    check(
        &webhooks,
        expect![[r#"
            user1: 45:09.871Z to 45:20.999999Z
        "#]],
    );
    assert!(stays(&webhooks)[0].published);
}
