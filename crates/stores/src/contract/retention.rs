//! What every store promises of what is too old.

use domain::clock::SECOND_US;
use domain::log::StayQuery;
use domain::store::{Appended, Retired, Store};

use super::story::{append, everything, page, shown};

/// Removes all that is older than a second, in steps of so many events; how many stays and events
/// went.
pub(super) async fn retire(store: &dyn Store, before_unix_s: i64, step: usize) -> (u64, u64) {
    let (mut stays, mut events) = (0, 0);
    for _ in 0..100_000 {
        let done = store.retire(before_unix_s * SECOND_US, step).await.expect("a step");
        (stays, events) = (stays + done.stays, events + done.events);
        if !done.more {
            return (stays, events);
        }
    }
    panic!("there is always more");
}

/// Holds a store to what it shows of everything.
async fn shows(store: &dyn Store, expected: &[&str]) {
    assert_eq!(shown(store, &everything()).await, expected);
}

pub(super) async fn nothing_young_goes(store: &dyn Store) {
    assert_eq!(retire(store, 1_000, 10).await, (0, 0));
    append(store, "10 join anna call=c\n20.5 leave anna call=c").await;
    assert_eq!(retire(store, 10, 10).await, (0, 0));
    assert_eq!(store.retire(i64::MIN, 10).await.expect("a step"), Retired::default());
    shows(store, &["room c anna 10-20.5"]).await;
}

/// The edge from both sides.
pub(super) async fn a_call_goes_when_its_last_event_is_older(store: &dyn Store) {
    append(store, "10 join anna call=c\n20.5 leave anna call=c\n30 over call=c").await;
    assert_eq!(retire(store, 30, 10).await, (0, 0));
    shows(store, &["room c anna 10-20.5"]).await;
    assert_eq!(retire(store, 31, 10).await, (1, 3));
    shows(store, &[]).await;
    assert_eq!(retire(store, 31, 10).await, (0, 0));
}

pub(super) async fn whoever_is_still_there_is_kept_whole(store: &dyn Store) {
    let story = "10 join anna call=c
         11 join ben call=c
         20.5 leave ben call=c
         10 join cleo room=minted
         12 join dora room=minted
         13.5 leave dora room=minted";
    append(store, story).await;
    assert_eq!(retire(store, 1_000, 10).await, (0, 0));
    append(store, "1000.5 leave anna call=c id=l\n1000.5 leave cleo room=minted id=m").await;
    assert_eq!(retire(store, 1_000, 10).await, (0, 0));
    assert_eq!(retire(store, 1_001, 10).await, (4, 8));
    shows(store, &[]).await;
}

pub(super) async fn a_call_with_a_young_event_is_kept_whole(store: &dyn Store) {
    append(store, "10 join anna call=c\n20.5 leave anna call=c\n100 join ben call=c").await;
    append(store, "110.5 leave ben call=c id=x\n200 over call=c id=y").await;
    assert_eq!(retire(store, 200, 10).await, (0, 0));
    shows(store, &["room c anna 10-20.5", "room c ben 100-110.5"]).await;
    assert_eq!(retire(store, 202, 10).await, (2, 5));
}

pub(super) async fn calls_that_overlap_wait_for_each_other(store: &dyn Store) {
    let story = "10 join anna call=c conn=a
         20 join ben call=d conn=b
         30.5 leave anna call=c conn=a
         40.5 leave ben call=d conn=b";
    append(store, story).await;
    assert_eq!(retire(store, 35, 10).await, (0, 0));
    shows(store, &["room c anna 10-30.5", "room d ben 20-40.5"]).await;
    assert_eq!(retire(store, 41, 10).await, (2, 4));
}

/// Calls of all kinds before and behind the cut, and people who were in both.
pub(super) async fn what_is_left_shows_what_it_showed(store: &dyn Store) {
    let story = "10 join anna call=c
         12 publish anna call=c
         13 join ben call=c source=two
         50 join anna call=d
         50.5 client anna call=d os=ios
         51 join ben call=d source=two
         60 restart source=two
         61 over call=d
         70 join anna
         75 join cleo
         78.5 leave cleo
         79.5 leave anna
         90 join cleo
         100 join ben call=e
         110 present call=e";
    append(store, story).await;
    let before = page(store, &everything()).await.stays;
    for (at, gone) in [(50, 2), (70, 4), (89, 6), (90, 6)] {
        retire(store, at, 2).await;
        let left = page(store, &everything()).await;
        assert_eq!(left.stays, before[gone..], "at {at}");
        assert_eq!(left.total, left.stays.len() as u64);
    }
    // What comes later finds what it needs.
    append(store, "95.5 leave cleo id=x\n105 publish ben call=e id=y").await;
    shows(store, &["room minted cleo 90-95.5", "room e ben 100-~110"]).await;
}

pub(super) async fn facts_without_a_stay_go_with_what_is_around_them(store: &dyn Store) {
    let story = "10 leave anna call=c
         11 client ben call=c os=ios
         12 over call=c
         13 over
         14 present anna
         20 leave anna call=d
         30 over call=d";
    append(store, story).await;
    assert_eq!(retire(store, 25, 2).await, (0, 5));
    assert_eq!(retire(store, 31, 2).await, (0, 2));
    // They left nothing behind that closes or tells anything.
    append(store, "32 join ben call=c id=x\n9 join anna call=z id=y").await;
    let stays = page(store, &everything()).await.stays;
    assert_eq!(stays.len(), 2);
    assert!(stays.iter().all(|stay| stay.client.os.is_none()));
}

pub(super) async fn a_room_that_is_gone_begins_anew(store: &dyn Store) {
    append(store, "10 join anna call=c id=j\n20.5 leave anna call=c id=l").await;
    assert_eq!(retire(store, 100, 1).await, (1, 2));
    append(store, "100 join anna call=c id=j\n110 join ben call=c id=k").await;
    shows(store, &["room c anna 100..", "room c ben 110.."]).await;
    assert_eq!(append(store, "100 join anna call=c id=j").await, [Appended::Duplicate]);
}

pub(super) async fn a_leave_whose_join_is_gone_shows_nothing(store: &dyn Store) {
    append(store, "10 join anna call=c conn=k\n11 over call=c").await;
    assert_eq!(retire(store, 100, 10).await, (1, 2));
    append(store, "100 leave anna call=c conn=k id=l").await;
    shows(store, &[]).await;
}

pub(super) async fn a_restart_goes_when_nobody_can_have_been_there(store: &dyn Store) {
    const DAY_S: i64 = 86_400;
    let story = "10 join anna call=c room=a
         20 restart
         10 join ben call=c room=b
         30.5 leave ben call=c room=b
         40 publish cleo call=c room=a";
    append(store, story).await;
    // Cleo is still there.
    assert_eq!(retire(store, 3 * DAY_S, 10).await, (1, 2));
    shows(store, &["a c anna 10-~10", "a c cleo ~40.."]).await;
    append(store, &format!("{} leave cleo call=c room=a id=x", 3 * DAY_S)).await;
    assert_eq!(retire(store, 3 * DAY_S + 1, 10).await, (2, 4));
    // One that nothing else goes with.
    append(store, &format!("{} restart id=r", 4 * DAY_S)).await;
    assert_eq!(retire(store, 5 * DAY_S - 1, 10).await, (0, 0));
    assert_eq!(retire(store, 5 * DAY_S, 10).await, (0, 1));
}

pub(super) async fn a_long_call_goes_in_steps(store: &dyn Store) {
    let mut story = String::new();
    for number in 0..40 {
        story += &format!("1{number:02} join p{number} call=c id=j{number}\n");
        story += &format!("2{number:02}.5 leave p{number} call=c id=l{number}\n");
    }
    append(store, &story).await;
    append(store, "500 join anna call=d id=x\n500 join ben room=other call=c id=y").await;
    let mut shown_before = 42;
    loop {
        let done = store.retire(500 * SECOND_US, 7).await.expect("a step");
        let total = page(store, &everything()).await.total;
        assert_eq!(total, shown_before - done.stays);
        shown_before = total;
        if !done.more {
            break;
        }
    }
    let nobody_else = StayQuery { with_servers: true, ..everything() };
    assert_eq!(shown(store, &nobody_else).await, ["other c ben 500..", "room d anna 500.."]);
}
