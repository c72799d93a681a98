//! Who is found to have gone, and whose turn it is. The rest is tested from outside.

use domain::ids::Door;
use domain::log::{Certainty, ClientFacts, Span};
use expect_test::{Expect, expect};

use super::*;

const AS_OF: i64 = 1_000_000;

fn room(name: &str) -> RoomId {
    RoomId::parse(name).expect("a room")
}

fn people(names: &[&str]) -> BTreeSet<ParticipantId> {
    names.iter().map(|name| ParticipantId::parse(name).expect("a participant")).collect()
}

fn stay(door: &str, call: &str, participant: &str, spans: &[(i64, End)]) -> Stay {
    let span = |&(joined_unix_us, end): &(i64, End)| Span {
        joined_unix_us,
        join: Certainty::Reported,
        end,
    };
    Stay {
        app: AppId(7),
        door: Door::parse(door).expect("a door"),
        room: room("Room1"),
        call: CallId::parse(call).expect("a call"),
        participant: ParticipantId::parse(participant).expect("a participant"),
        spans: spans.iter().map(span).collect(),
        client: ClientFacts::default(),
        published: false,
    }
}

fn shown_in(stays: &[Stay]) -> BTreeMap<RoomId, Calls> {
    let mut rooms = BTreeMap::new();
    stays.iter().for_each(|stay| note_who_is_shown(&mut rooms, stay));
    rooms
}

#[test]
fn those_are_shown_who_are_there_by_this_door() {
    let left = End::At(500, Certainty::Inferred);
    let rooms = shown_in(&[
        stay("livekit", "RM_1", "there", &[(300, End::Open)]),
        stay("livekit", "RM_1", "back", &[(100, left), (600, End::Open), (700, End::Open)]),
        stay("livekit", "RM_1", "gone", &[(100, left)]),
        stay("livekit", "RM_0", "there", &[(50, End::Open)]),
        stay("native", "RM_1", "elsewhere", &[(300, End::Open)]),
    ]);
    let told: Vec<String> = rooms
        .iter()
        .flat_map(|(room, calls)| calls.iter().map(move |(call, shown)| (room, call, shown)))
        .flat_map(|(room, call, shown)| shown.iter().map(move |shown| (room, call, shown)))
        .map(|(room, call, it)| format!("{room} {call} {} {}", it.participant, it.joined_unix_us))
        .collect();
    assert_eq!(told, ["Room1 RM_0 there 50", "Room1 RM_1 there 300", "Room1 RM_1 back 600"]);
}

/// What is found of calls that show these people, if LiveKit knows this of the room.
fn check(shown: &[Stay], sid: Option<&str>, there: &[&str], expected: Expect) {
    let sids = sid.map(|sid| ("Room1".to_owned(), sid.to_owned()));
    let known = Known { sids: sids.into_iter().collect(), as_of_unix_us: AS_OF };
    let rooms = shown_in(shown).into_iter();
    let found = rooms.flat_map(|room| known.find_gone(AppId(7), room, &people(there)));
    let told = found.map(|(event, gone)| {
        assert_eq!((event.app, event.time_unix_us), (AppId(7), AS_OF));
        format!("{gone} gone: {:?}\n", event.fact)
    });
    expected.assert_eq(&told.collect::<String>());
}

#[test]
fn who_has_gone_is_who_is_shown_and_not_there() {
    let open = |call: &str, who: &str, joined| stay("livekit", call, who, &[(joined, End::Open)]);
    let in_one = [open("RM_1", "a", 5), open("RM_1", "b", AS_OF), open("RM_1", "c", AS_OF + 1)];
    check(&in_one, Some("RM_1"), &["a", "b", "c", "d"], expect![""]);
    check(
        &in_one,
        Some("RM_1"),
        &["a", "d"],
        expect![[r#"
            1 gone: Snapshot { room: "Room1", call: Some("RM_1"), present: {"a", "d"}, told: None }
        "#]],
    );
    // The room is unknown, and nobody is in it; or somebody is, and LiveKit only seems to have
    // forgotten it.
    check(
        &in_one,
        None,
        &[],
        expect![[r#"
            2 gone: Snapshot { room: "Room1", call: Some("RM_1"), present: {}, told: None }
        "#]],
    );
    check(&in_one, None, &["a", "b"], expect![""]);
    // The same people are in the room's next call.
    check(
        &in_one,
        Some("RM_2"),
        &["a", "b", "c"],
        expect![[r#"
            2 gone: Snapshot { room: "Room1", call: Some("RM_1"), present: {}, told: None }
        "#]],
    );
    let in_two = [open("RM_1", "a", 5), open("RM_2", "a", 9), open("0c0ffee0", "b", 5)];
    check(
        &in_two,
        Some("RM_2"),
        &["a"],
        expect![[r#"
            1 gone: Snapshot { room: "Room1", call: None, present: {"a"}, told: None }
            1 gone: Snapshot { room: "Room1", call: Some("RM_1"), present: {}, told: None }
        "#]],
    );
}

#[test]
fn the_rooms_behind_the_last_one_come_first() {
    let names = |rooms: &[Room]| rooms.iter().map(|(room, _)| room.to_string()).collect::<String>();
    let turns = |last: Option<&str>| {
        let rooms = "abcd".chars().map(|name| (room(&name.to_string()), Calls::new()));
        names(&take_turns(rooms.collect(), last.map(room).as_ref()))
    };
    assert_eq!(turns(None), "abcd");
    assert_eq!(turns(Some("b")), "cdab");
    assert_eq!(turns(Some("bb")), "cdab");
    assert_eq!(turns(Some("d")), "abcd");
    let many = (0..=ROOMS_MAX).map(|at| (room(&format!("{at:04}")), Calls::new()));
    let many: BTreeMap<RoomId, Calls> = many.collect();
    let first = take_turns(many.clone(), None);
    let second = take_turns(many, first.last().map(|(room, _)| room));
    assert_eq!((first.len(), second.len()), (ROOMS_MAX, ROOMS_MAX));
    assert_eq!(second[0].0, room("1000"));
}
