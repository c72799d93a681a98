//! Calls of senders that know none.

use super::*;

#[test]
fn without_call_ids_a_call_ends_when_the_room_is_empty() {
    check(
        "10 join u
         12 join v
         20.5 leave u
         30.5 leave v
         40 join u
         50.5 leave u",
        expect![[r#"
            734c u 10.000-20.500
            734c v 12.000-30.500
            fa0e u 40.000-50.500
        "#]],
    );
}

#[test]
fn without_call_ids_an_earlier_fact_may_join_two_calls() {
    check(
        "10 join u
         20.5 leave u
         40 join u
         50.5 leave u
         15 join v
         45.5 leave v",
        expect![[r#"
            734c u 10.000-20.500 40.000-50.500
            734c v 15.000-45.500
        "#]],
    );
}

#[test]
fn without_call_ids_a_rooms_end_ends_the_call() {
    check(
        "10 join u
         20 over
         30 join u",
        expect![[r#"
            734c u 10.000-~20.999
            c413 u 30.000..
        "#]],
    );
}

#[test]
fn a_join_in_the_instant_in_which_the_room_emptied_begins_a_new_call() {
    check(
        "10 join u
         20.5 leave u
         20.5 join v",
        expect![[r#"
            734c u 10.000-20.500
            60f2 v 20.500..
        "#]],
    );
}

#[test]
fn without_call_ids_an_inferred_end_leaves_nobody_alone() {
    // Both were there when the last thing was heard, so both were in one call.
    check(
        "9.1 join u
         10.2 join v
         40 restart",
        expect![[r#"
            faf2 u 9.100-~10.200
            faf2 v 10.200-~10.200
        "#]],
    );
    // A second join of the only one there is no empty room.
    check(
        "9.1 join u
         10.2 join u
         20.5 leave u",
        expect![[r#"
            faf2 u 9.100-~10.200 10.200-20.500
        "#]],
    );
}

#[test]
fn a_minted_id_is_a_hash_of_app_room_and_the_first_joins_time_and_id() {
    let minted = |event: &Event, app, room: &str| {
        let room = RoomId::parse(room).expect("a room");
        let mut event = event.clone();
        event.app = AppId(app);
        if let Fact::Joined { who, .. } = &mut event.fact {
            who.room = room.clone();
        }
        let key = RoomKey { app: AppId(app), room, ..at() };
        fold_room(&key, &[event])[0].call.clone()
    };
    let join = event(1, "10 join u");
    let id = minted(&join, 1, "room");
    assert_eq!(id.as_str().len(), 32);
    assert_eq!(minted(&event(1, "10 join v conn=k source=b os=ios"), 1, "room"), id);
    let others = [
        minted(&join, 2, "room"),
        minted(&join, 1, "other"),
        minted(&event(1, "10.000001 join u"), 1, "room"),
        minted(&event(2, "10 join u"), 1, "room"),
    ];
    for (n, other) in others.iter().enumerate() {
        assert!(*other != id && !others[..n].contains(other), "{n}");
    }
}

#[test]
fn without_call_ids_an_earlier_fact_may_change_the_id() {
    check(
        "10 join u",
        expect![[r#"
            734c u 10.000..
        "#]],
    );
    check(
        "10 join u\n9 join v",
        expect![[r#"
            fa4d v 9.000..
            fa4d u 10.000..
        "#]],
    );
    // A leave may part what was one call.
    check(
        "10 join u\n20 join v",
        expect![[r#"
            734c u 10.000..
            734c v 20.000..
        "#]],
    );
    check(
        "10 join u\n20 join v\n15.5 leave u",
        expect![[r#"
            734c u 10.000-15.500
            077e v 20.000..
        "#]],
    );
}

/// Of two who come at one instant, the connection, the source and the id say who is first.
#[test]
fn without_call_ids_the_order_says_whose_join_is_the_first() {
    let call = |history| fold_room(&at(), &events(history))[0].call.clone();
    let first = call("10 join u conn=a source=z");
    assert_eq!(call("10 join u conn=a source=z\n10 join v conn=b source=a"), first);
    assert_eq!(call("10 join u conn=a source=a\n10 join v conn=a source=b"), first);
    let second = call("11 join x\n10 join u");
    assert_eq!(call("10 join u conn=b source=a\n10 join v conn=a source=b"), second);
}

#[test]
fn a_call_that_is_named_is_no_part_of_a_minted_one() {
    check(
        "10 join u
         12 join v call=c conn=k
         20.5 leave u
         22.5 leave v call=c conn=k
         21 join w",
        expect![[r#"
            734c u 10.000-20.500
            c v 12.000-22.500
            4556 w 21.000..
        "#]],
    );
}

/// Whoever was looked for in vain at the instant of the join, and then published, came back.
#[test]
fn of_two_spans_that_began_at_one_instant_the_shorter_comes_first() {
    check(
        "10.25 join u source=b
         10.25 present
         10.25 publish u source=a
         10.875 leave u source=b",
        expect![[r#"
            5df7 u 10.250-~10.250 ~10.250-10.875 pub
        "#]],
    );
}

#[test]
fn without_call_ids_whoever_stays_keeps_the_call() {
    check(
        "10 join u
         12 join v
         15.5 leave v
         20 join w
         30.5 leave u
         40.5 leave w",
        expect![[r#"
            734c u 10.000-30.500
            734c v 12.000-15.500
            734c w 20.000-40.500
        "#]],
    );
}
