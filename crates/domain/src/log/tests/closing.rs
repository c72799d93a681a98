//! What ends an interval although no leave was reported.

use super::*;

#[test]
fn a_rooms_end_closes_what_is_open_in_its_call_at_its_time() {
    check(
        "10 join u conn=k1 call=c
         11 join v conn=k2 call=c
         20 leave u conn=k1 call=c
         30.5 over call=c",
        expect![[r#"
            c u 10.000-20.999
            c v 11.000-~30.999
        "#]],
    );
}

#[test]
fn the_end_of_one_call_leaves_another_alone() {
    check(
        "10 join u conn=k1 call=old
         10 join v conn=k2 call=new
         20 over call=old",
        expect![[r#"
            new v 10.000..
            old u 10.000-~20.999
        "#]],
    );
}

#[test]
fn a_real_leave_replaces_an_inferred_one() {
    check(
        "10 join u conn=k call=c
         30 over call=c
         25.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-25.500
        "#]],
    );
    // Even if it says that they left after all were thought to have gone.
    check(
        "10 join u conn=k call=c
         30 restart
         35.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-35.500
        "#]],
    );
}

#[test]
fn a_restart_closes_what_came_through_that_server_at_the_last_that_was_heard() {
    check(
        "10 join u conn=k1 call=c source=a
         11 join v conn=k2 call=c source=b
         15 publish v conn=k2 call=c source=b
         40 restart source=a",
        expect![[r#"
            c u 10.000-~15.000
            c v 11.000.. pub
        "#]],
    );
}

#[test]
fn a_stop_in_order_closes_what_came_through_that_server_then() {
    check(
        "10 join u conn=k1 call=c source=a
         11 join v conn=k2 call=c source=b
         15 publish v conn=k2 call=c source=b
         40 stop source=a",
        expect![[r#"
            c u 10.000-~40.000
            c v 11.000.. pub
        "#]],
    );
    // The leaves that it still tells count.
    check(
        "10 join u conn=k1 call=c
         10 join v conn=k2 call=c
         40 stop
         40.005 leave v conn=k2 call=c",
        expect![[r#"
            c u 10.000-~40.000
            c v 10.000-40.005
        "#]],
    );
    // Of a stop and a restart at one instant, the earlier end.
    check(
        "10 join u conn=k call=c
         40 stop
         40 restart",
        expect![[r#"
            c u 10.000-~10.000
        "#]],
    );
}

#[test]
fn an_inferred_end_is_never_before_the_join() {
    check(
        "10.5 join u conn=k call=c
         40 restart",
        expect![[r#"
            c u 10.500-~10.500
        "#]],
    );
}

#[test]
fn a_new_call_in_the_same_room_closes_the_old_one_at_its_last_event() {
    check(
        "10 join u conn=k1 call=old
         12 publish u conn=k1 call=old
         50 join v conn=k2 call=new",
        expect![[r#"
            old u 10.000-~12.000 pub
            new v 50.000..
        "#]],
    );
}

#[test]
fn a_new_call_closes_only_what_began_before_it() {
    check(
        "10 join u conn=k1 call=old
         50 join v conn=k2 call=new
         60 join w conn=k3 call=old",
        expect![[r#"
            old u 10.000-~10.000
            new v 50.000..
            old w 60.000..
        "#]],
    );
}

#[test]
fn a_snapshot_closes_whoever_is_not_in_it() {
    check(
        "10 join u call=c
         11 join v call=c
         30 present v
         40.5 leave v call=c",
        expect![[r#"
            c u 10.000-~30.000
            c v 11.000-40.500
        "#]],
    );
}

/// What began at the instant of an end is not over, what began at the instant of a look is.
#[test]
fn an_end_stands_before_what_begins_at_its_instant_and_a_look_behind_it() {
    check(
        "30.5 join u\n30.5 over",
        expect![[r#"
            8a16 u 30.500..
        "#]],
    );
    check(
        "30.5 join u\n30.5 restart",
        expect![[r#"
            8a16 u 30.500..
        "#]],
    );
    check(
        "30.5 join u\n30.5 present",
        expect![[r#"
            8a16 u 30.500-~30.500
        "#]],
    );
    check(
        "30.5 join u conn=k call=c\n30.5 join v conn=l call=d",
        expect![[r#"
            c u 30.500..
            d v 30.500..
        "#]],
    );
}

#[test]
fn a_restart_says_nothing_of_other_servers() {
    check(
        "10 join u conn=k1 call=c source=a
         12 join u conn=k2 call=c source=b
         20 restart source=b",
        expect![[r#"
            c u 10.000.. 12.000-~12.000
        "#]],
    );
}

/// Only what was heard of the same call, and only before the closer.
#[test]
fn the_last_that_was_heard_is_of_the_same_call_and_before() {
    check(
        "10 join u conn=k1 call=c
         15 publish v conn=k2 call=d source=other
         16 publish w conn=k3 call=c source=other
         20 restart
         25 publish w conn=k3 call=c source=other",
        expect![[r#"
            c u 10.000-~16.000
            d v ~15.000.. pub
            c w ~16.000.. pub
        "#]],
    );
    // Facts without a call may be of any; those with one are not of a minted one.
    check(
        "10 join u conn=k1 call=c
         15 client v os=ios
         20 restart",
        expect![[r#"
            c u 10.000-~15.000
        "#]],
    );
    check(
        "10 join u
         15 publish v call=d source=other
         20 restart",
        expect![[r#"
            734c u 10.000-~10.000
            d v ~15.000.. pub
        "#]],
    );
}

#[test]
fn a_new_call_begins_with_its_first_join_whoever_tells_it() {
    check(
        "10 join u conn=k1 call=old
         20 publish u conn=k1 call=old
         30 leave v conn=k2 call=new joined=15",
        expect![[r#"
            old u 10.000-~10.000 pub
            new v 15.000-30.999
        "#]],
    );
    // A publication is no join.
    check(
        "10 join u conn=k1 call=old
         30 publish v conn=k2 call=new",
        expect![[r#"
            old u 10.000..
            new v ~30.000.. pub
        "#]],
    );
}

#[test]
fn a_snapshot_is_of_its_call() {
    check(
        "10 join u call=c
         10 join v call=d
         10 join w
         30 present call=c",
        expect![[r#"
            068d w 10.000-~30.000
            c u 10.000-~30.000
            d v 10.000..
        "#]],
    );
    check(
        "10 join u call=c
         10 join v call=d
         30 present call=c u",
        expect![[r#"
            c u 10.000..
            d v 10.000..
        "#]],
    );
}

/// They have been heard of after it: what came before is over, what comes now is not.
#[test]
fn a_closer_does_not_end_what_began_after_it() {
    check(
        "10 join u call=c
         20 over call=c
         30 join u call=c",
        expect![[r#"
            c u 10.000-~20.999 30.000..
        "#]],
    );
    check(
        "10 join u conn=k1 call=c
         20 present
         30 join u conn=k1 call=c
         40.5 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.000-~20.000 30.000-40.500
        "#]],
    );
}

/// Of several closers the first counts, of several at one instant the one that ends earliest.
#[test]
fn the_first_closer_counts() {
    check(
        "10 join u conn=k call=c
         40 over call=c
         30 over call=c
         20.5 restart",
        expect![[r#"
            c u 10.000-~10.000
        "#]],
    );
    check(
        "10 join u conn=k call=c
         12 publish u conn=k call=c
         20.999999 restart
         20 over call=c",
        expect![[r#"
            c u 10.000-~20.000 pub
        "#]],
    );
}

/// A second join closes the first where nobody can be there twice, unless a closer did before.
#[test]
fn a_closer_between_two_joins_tells_more_than_the_second() {
    check(
        "10 join u call=c
         20 over call=c
         30 join u call=c",
        expect![[r#"
            c u 10.000-~20.999 30.000..
        "#]],
    );
    check(
        "10 join u call=c
         30 join u call=c
         40 over call=c",
        expect![[r#"
            c u 10.000-~30.000 30.000-~40.999
        "#]],
    );
}

/// A sender that names no call may mean any, and the other way round.
#[test]
fn the_end_of_a_named_call_is_of_those_who_named_none_too() {
    check(
        "9 join v call=c
         10 join u
         20 over call=c",
        expect![[r#"
            c v 9.000-~20.999
            e9b0 u 10.000-~20.999
        "#]],
    );
}

/// Whoever was there before the first join that was told of the call is in it, too.
#[test]
fn a_call_does_not_end_itself() {
    check(
        "10 publish u call=c
         12 join v call=c
         15 publish v call=c",
        expect![[r#"
            c u ~10.000.. pub
            c v 12.000.. pub
        "#]],
    );
}

/// The last that was heard may be older than a join that only a later leave tells of.
#[test]
fn nothing_ends_before_a_join_that_was_told_later() {
    check(
        "5 join v
         8 join v call=c
         8 join u
         13 join u conn=k
         16 leave u conn=k joined=7",
        expect![[r#"
            8c6b v 5.000-~5.000
            9ff1 u 7.000-~7.000
            c v 8.000..
            c21b u 8.000-~13.000 13.000-16.999
        "#]],
    );
}
