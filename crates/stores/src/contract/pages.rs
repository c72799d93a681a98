//! What every store promises of queries.

use std::collections::BTreeSet;

use domain::AppId;
use domain::ids::{ParticipantId, RoomId};
use domain::log::StayQuery;
use domain::store::Store;

use super::story::{append, everything, page, shown};

fn room(name: &str) -> Option<RoomId> {
    Some(RoomId::parse(name).expect("a room"))
}

fn people(names: &[&str]) -> Option<BTreeSet<ParticipantId>> {
    Some(names.iter().map(|name| ParticipantId::parse(name).expect("somebody")).collect())
}

/// Who is on a page, in its order.
async fn names(store: &dyn Store, query: &StayQuery) -> String {
    let page = page(store, query).await;
    let names: Vec<&str> = page.stays.iter().map(|stay| stay.participant.as_str()).collect();
    names.join(" ")
}

/// Three rooms, two apps, a server, somebody twice.
const STORY: &str = "
    100 join anna room=r call=c
    100 join ben room=s call=c
    160.5 leave ben room=s call=c
    200 join anna room=s call=d
    210.5 leave anna room=s call=d
    220 join bot room=r call=c os=linux
    300 join zoe room=r call=c app=2";

pub(super) async fn a_query_selects_by_app_room_and_participants(store: &dyn Store) {
    append(store, STORY).await;
    let all = everything();
    assert_eq!(names(store, &all).await, "anna ben anna bot");
    assert_eq!(names(store, &StayQuery { app: AppId(2), ..all.clone() }).await, "zoe");
    assert_eq!(names(store, &StayQuery { app: AppId(3), ..all.clone() }).await, "");
    assert_eq!(names(store, &StayQuery { room: room("r"), ..all.clone() }).await, "anna bot");
    assert_eq!(names(store, &StayQuery { room: room("s"), ..all.clone() }).await, "ben anna");
    assert_eq!(names(store, &StayQuery { room: room("none"), ..all.clone() }).await, "");
    let some = |names| StayQuery { participants: people(names), ..everything() };
    assert_eq!(names(store, &some(&["anna"])).await, "anna anna");
    assert_eq!(names(store, &some(&["ben", "anna", "zoe"])).await, "anna ben anna");
    assert_eq!(names(store, &some(&["an", "anna2"])).await, "");
    assert_eq!(names(store, &some(&[])).await, "");
    let both = StayQuery { room: room("s"), ..some(&["anna", "bot"]) };
    assert_eq!(shown(store, &both).await, ["s d anna 200-210.5"]);
}

pub(super) async fn servers_are_left_out_unless_asked_for(store: &dyn Store) {
    append(store, STORY).await;
    let people_only = StayQuery { with_servers: false, ..everything() };
    assert_eq!(names(store, &people_only).await, "anna ben anna");
    assert_eq!(page(store, &people_only).await.total, 3);
    // Learned later.
    append(store, "230 client anna room=r call=c os=linux id=x").await;
    assert_eq!(names(store, &people_only).await, "ben anna");
}

pub(super) async fn both_edges_of_the_window_are_in_it(store: &dyn Store) {
    append(store, STORY).await;
    let window = |from_unix_s, until_unix_s| StayQuery {
        from_unix_s,
        until_unix_s,
        room: room("s"),
        ..everything()
    };
    // Ben is there from 100 to 160.5, which shows as 160.
    let cases = [
        ((0, 99), ""),
        ((0, 100), "ben"),
        ((160, 199), "ben"),
        ((161, 199), ""),
        ((160, 200), "ben anna"),
        ((161, 200), "anna"),
        ((210, 900), "anna"),
        ((211, 900), ""),
        // Reversed, it still means what it says.
        ((150, 100), "ben"),
    ];
    for ((from, until), expected) in cases {
        assert_eq!(names(store, &window(from, until)).await, expected, "{from} to {until}");
    }
    let open = StayQuery { room: room("r"), ..window(900_000, 900_001) };
    assert_eq!(names(store, &open).await, "anna bot");
}

/// Of every length that an engine may sort by.
pub(super) async fn a_window_finds_stays_however_long_ago_they_began(store: &dyn Store) {
    const LEFT: i64 = 500_000;
    let lengths: Vec<i64> = [1, 4, 16, 64, 256, 1_024, 4_096]
        .iter()
        .flat_map(|minutes| [minutes * 60 - 1, minutes * 60, minutes * 60 + 1])
        .chain([0, 1])
        .collect();
    let mut story = String::new();
    for (n, length) in lengths.iter().enumerate() {
        let joined = LEFT - length;
        story += &format!("{joined} join p{n} call=c{n} room=r{n} id=j{n}\n");
        story += &format!("{LEFT}.1 leave p{n} call=c{n} room=r{n} id=l{n}\n");
    }
    append(store, &story).await;
    let at = |second| StayQuery { from_unix_s: second, until_unix_s: second, ..everything() };
    assert_eq!(page(store, &at(LEFT)).await.total, lengths.len() as u64);
    assert_eq!(page(store, &at(LEFT + 1)).await.total, 0);
    for second in [LEFT - 1, LEFT - 59, LEFT - 60, LEFT - 61, LEFT - 60_000] {
        let there = lengths.iter().filter(|length| LEFT - **length <= second).count();
        assert_eq!(page(store, &at(second)).await.total, there as u64, "{second}");
    }
}

pub(super) async fn answers_are_in_order(store: &dyn Store) {
    // Whole seconds first, so that what follows decides; the fractions would order them backwards.
    let story = "
        10.9 join a room=r call=c
        10.8 join b room=r call=c
        10.7 join a room=r call=c2
        10.6 join a room=r call=c door=janus
        10.5 join a room=r2 call=c
        10.4 join a room=q call=z
        11 join a room=a call=a
        9.9 join z room=z call=z";
    append(store, story).await;
    let found = page(store, &everything()).await;
    let order: Vec<String> = found
        .stays
        .iter()
        .map(|it| format!("{} {} {} {}", it.room, it.call, it.participant, it.door))
        .collect();
    let expected = [
        "z z z native",
        "q z a native",
        "r c a janus",
        "r c a native",
        "r c b native",
        "r c2 a native",
        "r2 c a native",
        "a a a native",
    ];
    assert_eq!(order, expected);
    // The same for those who ask by participant.
    let of_both = StayQuery { participants: people(&["a", "b", "z"]), ..everything() };
    assert_eq!(page(store, &of_both).await, found);
}

/// Names so long that no key of an engine may hold all of them.
pub(super) async fn the_longest_names_are_in_order_too(store: &dyn Store) {
    let long = |last: char| format!("{}{last}", "x".repeat(255));
    let mut story = String::new();
    for (n, who) in ['d', 'a', 'c', 'b'].into_iter().enumerate() {
        for room in ['2', '1'] {
            let (who, room) = (long(who), long(room));
            let call = long('c');
            story += &format!("10.{n} join {who} room={room} call={call} id={n}{room:.3}\n");
        }
    }
    append(store, &story.replace("id=", "conn=")).await;
    let whole = page(store, &everything()).await;
    assert_eq!(whole.total, 8);
    assert!(whole.stays.is_sorted_by(|one, other| one.order() < other.order()));
    for limit in [1, 3] {
        let mut pages = vec![];
        for offset in (0..8).step_by(limit as usize) {
            let query = StayQuery { offset, limit, ..everything() };
            pages.extend(page(store, &query).await.stays);
        }
        assert_eq!(pages, whole.stays);
    }
    let two = StayQuery {
        room: room(&long('1')),
        participants: people(&[&long('c'), &long('a')]),
        ..everything()
    };
    assert_eq!(names(store, &two).await, format!("{} {}", long('a'), long('c')));
    let one_room = StayQuery { room: room(&long('2')), ..everything() };
    assert_eq!(page(store, &one_room).await.total, 4);
}

pub(super) async fn every_page_tells_the_total(store: &dyn Store) {
    append(store, STORY).await;
    let of = |offset, limit| StayQuery { offset, limit, ..everything() };
    let cases = [
        (of(0, 2), "anna ben"),
        (of(2, 2), "anna bot"),
        (of(1, 2), "ben anna"),
        (of(3, 2), "bot"),
        (of(4, 2), ""),
        (of(u64::MAX, u32::MAX), ""),
        (of(0, 0), ""),
    ];
    for (query, expected) in cases {
        assert_eq!(names(store, &query).await, expected, "{query:?}");
        assert_eq!(page(store, &query).await.total, 4, "{query:?}");
    }
}
