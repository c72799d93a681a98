//! What every store promises of the room log. What a history *means* is the domain's, and tested
//! there; here it is that events may come in any way, and that what they show follows at once.

use std::cmp::Reverse;

use domain::AppId;
use domain::ids::CallId;
use domain::log::StayQuery;
use domain::store::{Appended, Store};

use super::story::{append, events, everything, page, shown};

/// Holds a store to what it shows of everything.
async fn shows(store: &dyn Store, expected: &[&str]) {
    assert_eq!(shown(store, &everything()).await, expected);
}

pub(super) async fn an_event_shows_at_once(store: &dyn Store) {
    shows(store, &[]).await;
    assert_eq!(append(store, "10 join anna call=c conn=k").await, [Appended::Stored]);
    shows(store, &["room c anna 10.."]).await;
    assert_eq!(append(store, "20.5 leave anna call=c conn=k id=l").await, [Appended::Stored]);
    shows(store, &["room c anna 10-20.5"]).await;
}

pub(super) async fn no_events_change_nothing(store: &dyn Store) {
    assert_eq!(store.append_events(vec![]).await.expect("appended"), []);
    shows(store, &[]).await;
}

pub(super) async fn a_repeat_is_known_within_a_call_and_later(store: &dyn Store) {
    let join = "10 join anna call=c conn=k id=j";
    let twice = format!("{join}\n20.5 leave anna call=c conn=k id=l\n{join}");
    let done = append(store, &twice).await;
    assert_eq!(done, [Appended::Stored, Appended::Stored, Appended::Duplicate]);
    assert_eq!(append(store, &twice).await, [Appended::Duplicate; 3]);
    shows(store, &["room c anna 10-20.5"]).await;
}

pub(super) async fn identity_is_app_door_source_id_and_time(store: &dyn Store) {
    let story = "10 join anna call=c id=j
         10 join anna call=c id=j app=2
         10 join anna call=c id=j door=janus
         10 join anna call=c id=j source=other
         10 join anna call=c id=k
         11 join anna call=c id=j
         10 join anna call=c id=j";
    let done = append(store, story).await;
    assert_eq!(done[..6], [Appended::Stored; 6]);
    assert_eq!(done[6], Appended::Duplicate);
}

/// Two events of one identity, in both orders of arrival; the loser's room shows nothing.
pub(super) async fn of_a_conflict_the_smaller_hash_counts_whichever_came_first(store: &dyn Store) {
    let one = "10 join anna call=c id=j room=one";
    let two = "10 join anna call=c id=j room=two";
    let hash = |story| events(story)[0].content_hash();
    let (smaller, larger) = if hash(one) < hash(two) { (one, two) } else { (two, one) };
    let winner = if smaller == one { "one c anna 10.." } else { "two c anna 10.." };

    assert_eq!(append(store, larger).await, [Appended::Stored]);
    assert_eq!(append(store, smaller).await, [Appended::Conflict]);
    shows(store, &[winner]).await;
    assert_eq!(append(store, larger).await, [Appended::Conflict]);
    assert_eq!(append(store, smaller).await, [Appended::Duplicate]);
    shows(store, &[winner]).await;

    let in_app_2 = |story: &str| format!("{story} app=2");
    let both = format!("{}\n{}", in_app_2(smaller), in_app_2(larger));
    assert_eq!(append(store, &both).await, [Appended::Stored, Appended::Conflict]);
    let app_2 = StayQuery { app: AppId(2), ..everything() };
    assert_eq!(shown(store, &app_2).await, [winner]);
}

/// What counts for others goes with the event that lost.
pub(super) async fn an_event_that_gives_way_takes_its_effects_along(store: &dyn Store) {
    append(store, "10 join anna call=c\n12 publish anna call=c").await;
    let mut closers = [
        ("20 over call=c id=x", "room c anna 10-~20.999999"),
        ("20 over call=d id=x", "room c anna 10.."),
        ("20 present call=c ben id=x", "room c anna 10-~20"),
        ("20 present call=c anna id=x", "room c anna 10.."),
        ("20 restart id=x", "room c anna 10-~12"),
        ("20 join ben call=d id=x", "room c anna 10-~12"),
        ("20 join ben call=c id=x", "room c anna 10.."),
        ("20 idle call=c quiet=8 id=x", "room c anna 10-~12"),
        ("20 idle call=c quiet=9 id=x", "room c anna 10.."),
        ("20 idle quiet=8 id=x", "room c anna 10.."),
    ];
    // Each takes the place of the one before.
    closers.sort_by_key(|(story, _)| Reverse(events(story)[0].content_hash()));
    for (story, expected) in closers {
        append(store, story).await;
        assert_eq!(shown(store, &everything()).await[0], expected, "{story}");
    }
}

pub(super) async fn rooms_doors_and_apps_do_not_touch_each_other(store: &dyn Store) {
    let story = "10 join anna call=c room=a
         10 join anna call=c room=b
         10 join anna call=c room=a door=janus
         10 join anna call=c room=a app=2
         20 over room=a
         30 restart door=janus";
    append(store, story).await;
    shows(store, &["a c anna 10-~10", "a c anna 10-~20.999999", "b c anna 10.."]).await;
    let app_2 = StayQuery { app: AppId(2), ..everything() };
    assert_eq!(shown(store, &app_2).await, ["a c anna 10.."]);
}

pub(super) async fn a_restart_closes_what_its_server_had(store: &dyn Store) {
    append(store, "10 join anna call=c room=a source=one\n12 join ben call=c room=a source=two")
        .await;
    append(store, "15 publish anna call=c room=a source=one\n11 join cleo room=b source=one id=x")
        .await;
    append(store, "20 restart source=one id=r").await;
    let expected = ["a c anna 10-~15", "b minted cleo 11-~11", "a c ben 12.."];
    shows(store, &expected).await;
    // Somebody who came through the server before, told late.
    append(store, "18 join dora call=c room=a source=one id=late").await;
    let expected = ["a c anna 10-~18", "b minted cleo 11-~11", "a c ben 12..", "a c dora 18-~18"];
    shows(store, &expected).await;
}

pub(super) async fn a_snapshot_closes_who_is_absent(store: &dyn Store) {
    append(store, "10 join anna call=c\n11 join ben call=c\n12 join cleo call=c").await;
    append(store, "20 present call=c ben id=s").await;
    shows(store, &["room c anna 10-~20", "room c ben 11..", "room c cleo 12-~20"]).await;
    append(store, "18.5 leave anna call=c id=l").await;
    shows(store, &["room c anna 10-18.5", "room c ben 11..", "room c cleo 12-~20"]).await;
}

pub(super) async fn a_room_ends_with_and_without_a_call(store: &dyn Store) {
    append(store, "10 join anna call=c\n10 join ben call=c room=b").await;
    append(store, "20 over call=d id=o1\n21 over call=c id=o2\n22 over room=b id=o3").await;
    shows(store, &["b c ben 10-~22.999999", "room c anna 10-~21.999999"]).await;
}

pub(super) async fn a_new_call_closes_the_old_one(store: &dyn Store) {
    append(store, "10 join anna call=c\n13 publish anna call=c\n20 join ben call=d").await;
    shows(store, &["room c anna 10-~13", "room d ben 20.."]).await;
    // What is heard of the old call later moves the end.
    append(store, "15 client anna call=c os=ios id=x").await;
    shows(store, &["room c anna 10-~15", "room d ben 20.."]).await;
    // The new call turns out to have begun before.
    append(store, "12 join cleo call=d id=y").await;
    let expected = ["room c anna 10-~10", "room d cleo 12..", "room d ben 20.."];
    shows(store, &expected).await;
}

pub(super) async fn a_silence_closes_its_call_unless_something_was_heard(store: &dyn Store) {
    append(store, "10 join anna call=c\n11 join ben call=c\n12 join cleo").await;
    append(store, "111 idle call=c quiet=100 id=x").await;
    // What names no call is of this one, too.
    shows(store, &["room c anna 10..", "room c ben 11..", "room minted cleo 12.."]).await;
    append(store, "112 idle call=c quiet=100 id=y").await;
    shows(store, &["room c anna 10-~12", "room c ben 11-~12", "room minted cleo 12.."]).await;
    append(store, "112 idle quiet=100 id=z").await;
    shows(store, &["room c anna 10-~12", "room c ben 11-~12", "room minted cleo 12-~12"]).await;
    // Somebody is heard of within it: nobody had gone.
    append(store, "50 client ben call=c id=late").await;
    shows(store, &["room c anna 10..", "room c ben 11..", "room minted cleo 12-~12"]).await;
    append(store, "150 idle call=c quiet=100 id=v").await;
    shows(store, &["room c anna 10-~50", "room c ben 11-~50", "room minted cleo 12-~12"]).await;
    // Or after it: that one had not gone.
    append(store, "200 publish anna call=c id=w").await;
    shows(store, &["room c anna 10..", "room c ben 11-~50", "room minted cleo 12-~12"]).await;
    append(store, "30.5 leave ben call=c id=l").await;
    shows(store, &["room c anna 10..", "room c ben 11-30.5", "room minted cleo 12-~12"]).await;
}

/// Nothing that is about Anna changes.
pub(super) async fn a_silence_counts_again_when_what_was_heard_gives_way(store: &dyn Store) {
    let hash = |story: &str| events(story)[0].content_hash();
    let elsewhere = "15 publish ben call=c room=other id=x";
    let heard = (0..100).map(|it| format!("15 publish ben{it} call=c id=x"));
    let heard: Vec<String> = heard.filter(|story| hash(story) > hash(elsewhere)).collect();
    let heard = heard.first().expect("one of a hundred hashes is larger");
    append(store, &format!("10 join anna call=c\n{heard}\n20 idle call=c quiet=8")).await;
    assert_eq!(shown(store, &everything()).await[0], "room c anna 10..");
    assert_eq!(append(store, elsewhere).await, [Appended::Conflict]);
    shows(store, &["room c anna 10-~10", "other c ben ~15.."]).await;
}

pub(super) async fn a_leave_before_its_join_is_kept(store: &dyn Store) {
    append(store, "20.5 leave anna call=c conn=k").await;
    shows(store, &[]).await;
    append(store, "10 join anna call=c conn=k id=j").await;
    shows(store, &["room c anna 10-20.5"]).await;
    append(store, "20.5 leave ben call=c joined=12 id=l").await;
    shows(store, &["room c anna 10-20.5", "room c ben 12-20.5"]).await;
}

pub(super) async fn a_room_without_calls_is_given_some(store: &dyn Store) {
    append(store, "10 join anna\n20.5 leave anna\n30 join ben\n35 join cleo").await;
    let stays = page(store, &everything()).await.stays;
    let calls: Vec<&CallId> = stays.iter().map(|stay| &stay.call).collect();
    assert!(calls[0] != calls[1] && calls[1] == calls[2], "{calls:?}");
    shows(store, &["room minted anna 10-20.5", "room minted ben 30..", "room minted cleo 35.."])
        .await;
}

/// A late fact makes one call of two, and another one two of one.
pub(super) async fn minted_calls_join_and_part(store: &dyn Store) {
    let calls = async || {
        let stays = page(store, &everything()).await.stays;
        let mut calls: Vec<CallId> = stays.into_iter().map(|stay| stay.call).collect();
        let stays = calls.len();
        calls.sort();
        calls.dedup();
        (stays, calls.len())
    };
    append(store, "10 join anna conn=a\n20.5 leave anna conn=a").await;
    append(store, "30 join ben conn=b id=1\n40.5 leave ben conn=b id=2").await;
    append(store, "50 join cleo conn=c id=3\n60.5 leave cleo conn=c id=4").await;
    assert_eq!(calls().await, (3, 3));
    append(store, "15 join dora conn=d id=5").await;
    assert_eq!(calls().await, (4, 1));
    append(store, "35.5 leave dora conn=d id=6").await;
    assert_eq!(calls().await, (4, 2));
    append(store, "5 join emil conn=e id=7\n7.5 leave emil conn=e id=8").await;
    assert_eq!(calls().await, (5, 3));
}

/// Whatever the batches and their order.
pub(super) async fn arrival_does_not_matter(store: &dyn Store) {
    let story = "10 join anna call=c conn=k os=ios
         12.5 publish anna call=c conn=k
         20 leave anna call=c conn=k
         15 join ben call=c
         16 join ben call=c source=two
         30 over call=c
         40 join anna call=d conn=k2
         41 client anna call=d os=linux
         45 present call=d
         50 join cleo
         55.5 leave cleo";
    append(store, story).await;
    let expected = page(store, &everything()).await;
    let mut of_app_2 = events(story);
    of_app_2.iter_mut().for_each(|event| event.app = AppId(2));
    for event in of_app_2.iter().rev().chain(&of_app_2) {
        store.append_events(vec![event.clone()]).await.expect("appended");
    }
    let app_2 = StayQuery { app: AppId(2), ..everything() };
    let mut found = page(store, &app_2).await;
    for (found, expected) in found.stays.iter_mut().zip(&expected.stays) {
        found.app = expected.app;
        // Minted ids hold the app.
        if found.call.as_str().len() == 32 {
            found.call = expected.call.clone();
        }
    }
    assert_eq!(found, expected);
}
