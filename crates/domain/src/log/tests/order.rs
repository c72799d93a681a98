//! The order in which a room's facts are read: time, rank, connection, source, id, and the time as
//! it was told.

use super::*;
use crate::log::event::{FactOrder, Rank};

/// Holds events to be read in the order in which they stand.
#[track_caller]
fn in_order(history: &str) {
    let orders: Vec<FactOrder> = events(history).iter().map(Event::order).collect();
    assert!(orders.is_sorted_by(|one, other| one < other), "{orders:#?}");
}

#[test]
fn the_time_comes_first() {
    in_order(
        "10.000001 publish z conn=z source=z
         10.000002 over
         10.000003 join a conn=a source=a",
    );
}

#[test]
fn then_ends_and_restarts_then_leaves_then_joins_then_the_rest() {
    in_order("10.5 over\n 10.5 leave a\n 10.5 join a\n 10.5 publish a");
    in_order("10.5 restart\n 10.5 leave a\n 10.5 join a\n 10.5 client a os=ios");
    in_order("10.5 join z conn=z source=z\n 10.5 present a source=a");
    assert!(Rank::End < Rank::Leave && Rank::Leave < Rank::Join && Rank::Join < Rank::Rest);
}

#[test]
fn then_the_connection_the_source_and_the_id() {
    in_order(
        "10.5 join z source=z
         10.5 join y conn=a source=z
         10.5 join x conn=b source=a
         10.5 join w conn=b source=b
         10.5 join v conn=b source=b",
    );
}

/// The same sender, the same id, another time: these are two events. What they tell of one instant
/// has an order all the same, so that it does not matter which of them came first.
#[test]
fn an_id_may_come_again_at_another_time() {
    let with_id = |mut event: Event| {
        event.id = EventId::parse("e").expect("an id");
        event
    };
    let stories = [
        ["10 join u conn=k", "10.25 leave u conn=k call=c joined=10"],
        ["10.25 leave u call=c joined=9 os=ios", "10.5 leave u joined=9 os=web"],
        ["10 leave u conn=k os=ios joined=9", "10.999999 leave u conn=k os=web joined=9"],
    ];
    for story in stories {
        let mut events = story.map(|line| with_id(event(0, line)));
        let forwards = fold_room(&at(), &events);
        events.reverse();
        assert_eq!(fold_room(&at(), &events), forwards, "{story:?}");
    }
}

/// Which of two joins without a connection counts as the first is the order's to say, so that it
/// is the same whatever came first.
#[test]
fn of_two_joins_at_one_instant_the_order_says_which_is_last() {
    check(
        "10.5 join u call=c os=ios source=a
         10.5 join u call=c os=web source=b
         20.5 leave u call=c",
        expect![[r#"
            c u 10.500-~10.500 10.500-20.500 os=Web
        "#]],
    );
}

#[test]
fn contents_that_differ_have_different_hashes() {
    let differ = [
        "10 join u",
        "10 join u sole=yes",
        "10 join v",
        "10 join u conn=k",
        "10 join u call=k",
        "10 join u os=ios",
        "10 join u os=web",
        "10 join u net=wifi",
        "10 join u net=5g",
        "10 join u device=k",
        "10 join u sdk=k",
        "10 leave u",
        "10 leave u joined=5",
        "10 leave u joined=6",
        "10 client u",
        "10 publish u",
        "10 over",
        "10 over call=k",
        "10 present",
        "10 present call=k",
        "10 present u",
        "10 present u v",
        "10 restart",
    ];
    let hashes = differ.map(|story| event(0, story).content_hash());
    for (n, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..n].contains(hash), "{}", differ[n]);
    }
}
