//! What every store promises of the calls in which somebody is.

use domain::AppId;
use domain::clock::SECOND_US;
use domain::log::OpenCall;
use domain::log::open::OPEN_CALLS_MAX;
use domain::store::Store;

use super::story::{APP, append};

async fn open(store: &dyn Store, heard_before_unix_us: i64, limit: u32) -> Vec<OpenCall> {
    store.open_calls(APP, heard_before_unix_us, limit).await.expect("calls")
}

/// `DOOR ROOM CALL LAST`, where LAST is the second in which the last thing was heard.
fn show(call: &OpenCall) -> String {
    let id = if call.minted { "minted" } else { call.call.as_str() };
    let seconds = call.last_heard_unix_us / SECOND_US;
    format!("{} {} {id} {seconds}", call.at.door, call.at.room)
}

/// Holds a store to the calls that are open, whenever they were heard of.
async fn tells(store: &dyn Store, expected: &[&str]) {
    let calls = open(store, i64::MAX, u32::MAX).await;
    assert_eq!(calls.iter().map(show).collect::<Vec<_>>(), expected);
}

pub(super) async fn a_call_is_open_while_somebody_is_there(store: &dyn Store) {
    tells(store, &[]).await;
    append(store, "10 join anna call=c\n11 join ben call=c\n20 leave anna call=c").await;
    tells(store, &["native room c 20"]).await;
    append(store, "30 leave ben call=c id=l").await;
    tells(store, &[]).await;
    append(store, "40 join ben call=c id=j\n41 join cleo call=d id=k\n42 join dora call=d id=m")
        .await;
    // The new call closes the old one.
    tells(store, &["native room d 42"]).await;
    append(store, "50 over call=d id=o").await;
    tells(store, &[]).await;
}

/// By anybody, also by an event that names no call; but not by one of another call or room.
pub(super) async fn a_call_is_told_with_what_was_heard_of_it_last(store: &dyn Store) {
    append(store, "10 publish anna call=c").await;
    tells(store, &["native room c 10"]).await;
    append(store, "20 leave ben call=c id=1\n25 join cleo call=c room=other id=2").await;
    append(store, "26 leave dora call=x id=3\n27 restart id=4 source=two").await;
    tells(store, &["native room c 20", "native other c 25"]).await;
    append(store, "30 client cleo id=5\n5 client anna call=c id=6").await;
    tells(store, &["native room c 30", "native other c 25"]).await;
}

/// The edge from both sides.
pub(super) async fn a_quiet_call_is_one_of_which_nothing_was_heard_since(store: &dyn Store) {
    append(store, "10 join anna call=c\n12.5 publish anna call=c\n15 join ben room=b call=c").await;
    let last = 12 * SECOND_US + SECOND_US / 2;
    assert_eq!(open(store, last, u32::MAX).await, []);
    let quiet = open(store, last + 1, u32::MAX).await;
    assert_eq!(quiet.iter().map(show).collect::<Vec<_>>(), ["native room c 12"]);
    assert_eq!(quiet[0].last_heard_unix_us, last);
    append(store, "20 client anna call=c id=x").await;
    let quiet = open(store, 20 * SECOND_US, u32::MAX).await;
    assert_eq!(quiet.iter().map(show).collect::<Vec<_>>(), ["native b c 15"]);
}

/// Of a minted call, nothing is heard that names another.
pub(super) async fn a_minted_call_is_told_as_minted(store: &dyn Store) {
    // A call that nobody is told to have joined ends no other.
    append(store, "10 join anna\n11 leave anna\n20 join ben\n30 publish cleo call=c").await;
    tells(store, &["native room minted 20", "native room c 30"]).await;
    append(store, "40 publish cleo call=c id=x").await;
    tells(store, &["native room minted 20", "native room c 40"]).await;
    append(store, "50 publish ben id=y\n45 join anna id=z").await;
    tells(store, &["native room minted 50", "native room c 50"]).await;
}

pub(super) async fn open_calls_are_those_of_the_app(store: &dyn Store) {
    append(store, "10 join anna call=c\n11 join anna call=c door=janus\n12 join anna call=c app=2")
        .await;
    tells(store, &["native room c 10", "janus room c 11"]).await;
    let of_another = store.open_calls(AppId(3), i64::MAX, u32::MAX).await.expect("calls");
    assert_eq!(of_another, []);
}

pub(super) async fn those_that_began_first_come_first(store: &dyn Store) {
    let long = "r".repeat(256);
    let story = format!(
        "30 join anna call=c room=a
         20 join anna call=c room={long}
         10 join anna call=c room=z
         11 join ben call=c room=z
         40 join ben call=c room={long}"
    );
    append(store, &story).await;
    let of = async |limit| -> Vec<String> {
        let calls = open(store, i64::MAX, limit).await;
        calls.iter().map(|call| call.at.room.as_str().to_owned()).collect()
    };
    assert_eq!(of(0).await, [""; 0]);
    assert_eq!(of(1).await, ["z"]);
    assert_eq!(of(2).await, ["z", &long]);
    assert_eq!(of(3).await, ["z", &long, "a"]);
    assert_eq!(of(4).await, ["z", &long, "a"]);
}

/// More stays, events of another call, and calls than one step of any store takes.
pub(super) async fn a_long_lesson_is_one_call(store: &dyn Store) {
    const PEOPLE: u32 = 1_500;
    let lesson: Vec<String> =
        (0..PEOPLE).map(|it| format!("{} join p{it} call=c conn=k{it}", 10 + it)).collect();
    append(store, &lesson.join("\n")).await;
    let later: Vec<String> =
        (0..PEOPLE).map(|it| format!("{} client q call=d id=d{it}", 5_000 + it)).collect();
    append(store, &later.join("\n")).await;
    tells(store, &[&format!("native room c {}", 10 + PEOPLE - 1)]).await;
    let rooms: Vec<String> =
        (0..PEOPLE).map(|it| format!("{} join p call=c room=r{it} id=r{it}", 10 + it)).collect();
    append(store, &rooms.join("\n")).await;
    let calls = open(store, i64::MAX, u32::MAX).await;
    assert_eq!(calls.len(), OPEN_CALLS_MAX as usize);
    let quiet = open(store, 12 * SECOND_US, u32::MAX).await;
    let quiet: Vec<String> = quiet.iter().map(show).collect();
    assert_eq!(quiet, ["native r0 c 10", "native r1 c 11"]);
}
