//! Joins and leaves become intervals: by connection where both name one, else one at a time.

use super::*;

#[test]
fn a_join_and_a_leave_make_a_stay() {
    check(
        "10.25 join u conn=k call=c os=ios device=iPhone net=wifi
         12.5 publish u conn=k call=c
         20.75 leave u conn=k call=c",
        expect![[r#"
            c u 10.250-20.750 pub os=Ios device=iPhone net=Wifi
        "#]],
    );
}

#[test]
fn a_leave_of_another_call_closes_nothing() {
    check(
        "10 join u conn=k call=c
         20.5 leave u conn=k call=d",
        expect![[r#"
            c u 10.000..
        "#]],
    );
}

#[test]
fn a_leave_may_leave_out_what_the_join_named() {
    check(
        "10 join u conn=k call=c
         20.5 leave u",
        expect![[r#"
            c u 10.000-20.500
        "#]],
    );
    check(
        "10 join u call=c
         20.5 leave u conn=k",
        expect![[r#"
            c u 10.000-20.500
        "#]],
    );
}

#[test]
fn two_devices_leave_each_for_itself() {
    check(
        "10.1 join u conn=k1 call=c os=ios
         12.1 join u conn=k2 call=c os=android
         30.1 leave u conn=k2 call=c
         40.1 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.100-40.100 12.100-30.100 os=Android
        "#]],
    );
}

#[test]
fn a_second_device_without_connection_ids_closes_the_first_inferred() {
    check(
        "10.1 join u call=c
         12.1 join u call=c
         30.1 leave u call=c",
        expect![[r#"
            c u 10.100-~12.100 12.100-30.100
        "#]],
    );
}

#[test]
fn where_nobody_is_let_in_twice_a_join_closes_other_connections_inferred() {
    check(
        "10.1 join u conn=k1 call=c sole=yes
         20.1 join u conn=k2 call=c sole=yes
         30.1 leave u conn=k2 call=c",
        expect![[r#"
            c u 10.100-~20.100 20.100-30.100
        "#]],
    );
    check(
        "10.1 join u conn=k1 call=c sole=yes
         20.1 join u conn=k2 call=c sole=yes
         20 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.100-20.999 20.100..
        "#]],
    );
}

#[test]
fn a_late_leave_of_an_old_connection_does_not_close_the_new_one() {
    check(
        "10 join u conn=k1 call=c
         20 join u conn=k2 call=c
         25.5 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.000-25.500 20.000..
        "#]],
    );
}

#[test]
fn a_connection_that_comes_back_in_the_second_of_its_leave_is_there() {
    check(
        "10 join u conn=k call=c
         15 leave u conn=k call=c
         15 join u conn=k call=c",
        expect![[r#"
            c u 10.000-15.000 15.000..
        "#]],
    );
}

#[test]
fn a_lone_leave_shows_nothing_until_its_join_is_known() {
    check("10 leave u conn=k call=c", expect![""]);
    check(
        "10 leave u conn=k call=c
         5 join u conn=k call=c",
        expect![[r#"
            c u 5.000-10.999
        "#]],
    );
}

#[test]
fn a_lost_join_is_rebuilt_from_a_leave_that_tells_it() {
    check(
        "20 leave u conn=k call=c joined=10.871 os=web",
        expect![[r#"
            c u 10.871-20.999 os=Web
        "#]],
    );
    check(
        "20 leave u conn=k call=c joined=10.871
         10.9 join u conn=k call=c",
        expect![[r#"
            c u 10.900-20.999
        "#]],
    );
}

#[test]
fn a_publication_proves_a_lost_join_which_replaces_it_when_it_comes() {
    check(
        "10.5 publish u conn=k call=c
         20 leave u conn=k call=c",
        expect![[r#"
            c u ~10.500-20.999 pub
        "#]],
    );
    check(
        "10 publish u conn=k call=c
         10.4 join u conn=k call=c
         20 leave u conn=k call=c",
        expect![[r#"
            c u 10.400-20.999 pub
        "#]],
    );
    check(
        "10 publish u call=c
         9 join u call=c
         20.5 leave u call=c",
        expect![[r#"
            c u 9.000-20.500 pub
        "#]],
    );
}

#[test]
fn a_publication_in_the_second_of_the_leave_opens_nothing() {
    check(
        "9 join u call=c
         10 leave u call=c
         10.5 publish u call=c",
        expect![[r#"
            c u 9.000-10.000 pub
        "#]],
    );
    check(
        "9 join u conn=k call=c
         10 leave u conn=k call=c
         12 publish u conn=k call=c",
        expect![[r#"
            c u 9.000-10.999 pub
        "#]],
    );
}

#[test]
fn overlapping_connections_list_all_their_pairs_in_time_order() {
    check(
        "12.1 join u conn=k2 call=c
         10.1 join u conn=k1 call=c
         40.1 leave u conn=k1 call=c
         15.1 join u conn=k3 call=c
         14.1 leave u conn=k2 call=c
         13.1 join u conn=k4 call=c",
        expect![[r#"
            c u 10.100-40.100 12.100-14.100 13.100.. 15.100..
        "#]],
    );
}

/// A connection's name need not be unique: a telephone is one in every call.
#[test]
fn a_connection_of_one_call_is_another_one_in_the_next() {
    check(
        "10 join u conn=k call=c
         20 join u conn=k call=d
         22.5 publish u conn=k call=c
         25.5 leave u conn=k call=c
         27.5 client u conn=k call=d os=ios
         30.5 leave u conn=k call=d",
        expect![[r#"
            c u 10.000-25.500 pub
            d u 20.000-30.500 os=Ios
        "#]],
    );
}

/// Not even where the one of the other call was closed in the very second.
#[test]
fn a_leave_in_whole_seconds_is_of_its_call() {
    check(
        "10 join u conn=k call=c
         12 join u conn=l call=c sole=yes
         12 join u conn=k call=d
         12 leave u conn=k call=d
         13 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-13.999 12.000..
            d u 12.000-12.999
        "#]],
    );
}

/// The first leave of a connection is its end; the second is of nothing.
#[test]
fn a_connection_leaves_once() {
    check(
        "10 join u conn=k call=c
         20.5 leave u conn=k call=c
         25.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-20.500
        "#]],
    );
    // A leave that names no connection says less than one that does.
    check(
        "10 join u conn=k call=c
         20.5 leave u call=c
         25.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-25.500
        "#]],
    );
}

#[test]
fn a_second_join_of_a_connection_begins_anew() {
    check(
        "10 join u conn=k call=c
         20 join u conn=k call=c
         30.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-~20.000 20.000-30.500
        "#]],
    );
}

/// Where either end names no connection, there is one at a time.
#[test]
fn a_join_with_a_connection_closes_one_without_and_the_other_way_round() {
    check(
        "10 join u call=c
         20 join u conn=k call=c
         30.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-~20.000 20.000-30.500
        "#]],
    );
    check(
        "10 join u conn=k call=c
         20 join u call=c
         30.5 leave u call=c",
        expect![[r#"
            c u 10.000-~20.000 20.000-30.500
        "#]],
    );
}

/// In each call.
#[test]
fn a_join_of_another_call_closes_nobody_by_itself() {
    check(
        "10 join u call=c
         10 join u call=d
         20.5 leave u call=c
         30.5 leave u call=d",
        expect![[r#"
            c u 10.000-20.500
            d u 10.000-30.500
        "#]],
    );
    check(
        "10 join u call=c conn=k1 sole=yes
         10 join u call=d conn=k2 sole=yes
         20.5 leave u call=c conn=k1
         30.5 leave u call=d conn=k2",
        expect![[r#"
            c u 10.000-20.500
            d u 10.000-30.500
        "#]],
    );
}

#[test]
fn a_leave_without_a_connection_ends_all_that_are_open_in_its_call() {
    check(
        "10 join u conn=k1 call=c
         12 join u conn=k2 call=c
         14 join u conn=k3 call=d
         20.5 leave u call=c",
        expect![[r#"
            c u 10.000-20.500 12.000-20.500
            d u 14.000..
        "#]],
    );
}

/// A leave that names a connection which no join named is of whatever named none.
#[test]
fn a_leave_of_an_unknown_connection_leaves_the_known_ones_alone() {
    check(
        "10 join u conn=k1 call=c
         20.5 leave u conn=k2 call=c",
        expect![[r#"
            c u 10.000..
        "#]],
    );
}

/// Whoever is thought to have gone leaves only if nobody else is there to leave.
#[test]
fn a_leave_is_of_whoever_is_there_before_it_is_of_whoever_was_closed() {
    check(
        "10 join u call=c source=a
         15 restart source=a
         20 join u call=c source=b
         30.5 leave u call=c",
        expect![[r#"
            c u 10.000-~10.000 20.000-30.500
        "#]],
    );
    check(
        "10 join u conn=k1 call=c source=a
         12 join u conn=k2 call=c source=b
         15 restart source=a
         30.5 leave u call=c",
        expect![[r#"
            c u 10.000-~12.000 12.000-30.500
        "#]],
    );
    check(
        "10 join u call=c
         15 restart
         30.5 leave u call=c",
        expect![[r#"
            c u 10.000-30.500
        "#]],
    );
}

/// It tells of a join at its own instant: they were there, for no time at all.
#[test]
fn a_leave_that_tells_of_a_join_at_its_own_instant_leaves_nobody_there() {
    check(
        "10 leave u call=c joined=10",
        expect![[r#"
            c u 10.000-10.000
        "#]],
    );
    check(
        "10 join u call=c
         10 leave u call=c joined=10",
        expect![[r#"
            c u 10.000-10.000
        "#]],
    );
    check(
        "5 join u call=c
         10 join u call=c
         10 leave u call=c joined=10",
        expect![[r#"
            c u 5.000-~10.000 10.000-10.000
        "#]],
    );
    check(
        "10.5 leave u conn=k call=c joined=10.5",
        expect![[r#"
            c u 10.500-10.500
        "#]],
    );
    // It was another one who joined before.
    check(
        "10 join u call=c
         10 leave u call=c joined=5",
        expect![[r#"
            c u 5.000-10.000 10.000..
        "#]],
    );
}

/// Leaves stand before the joins of their instant, but a connection that is named comes first.
#[test]
fn whoever_was_there_for_no_time_at_all_is_not_there() {
    check(
        "10.5 join u conn=k call=c os=ios
         10.5 leave u conn=k call=c",
        expect![[r#"
            c u 10.500-10.500 os=Ios
        "#]],
    );
    // Another one, another call, another instant.
    check(
        "10.5 join u conn=k call=c
         10.5 leave u conn=l call=c
         10.5 leave u conn=k call=d
         10.4 leave u conn=k call=c",
        expect![[r#"
            c u 10.500..
        "#]],
    );
    // One that was there before leaves, and comes back.
    check(
        "9 join u conn=k call=c
         10.5 join u conn=k call=c
         10.5 leave u conn=k call=c",
        expect![[r#"
            c u 9.000-10.500 10.500..
        "#]],
    );
    check(
        "10.5 leave u conn=k call=c
         10.5 publish u conn=k call=c",
        expect![[r#"
            c u ~10.500-10.500 pub
        "#]],
    );
}

/// What was reported replaces what was told, and what was told replaces what was concluded.
#[test]
fn the_better_knowledge_of_a_join_counts() {
    check(
        "9 join u conn=k call=c
         20 leave u conn=k call=c joined=8",
        expect![[r#"
            c u 9.000-20.999
        "#]],
    );
    check(
        "12 publish u call=c
         20 leave u call=c joined=11
         13 join u call=c",
        expect![[r#"
            c u 13.000-20.000 pub
        "#]],
    );
    // A publication of a connection is of the one that named none.
    check(
        "12 publish u call=c
         13 join u conn=k call=c
         20.5 leave u conn=k call=c",
        expect![[r#"
            c u 13.000-20.500 pub
        "#]],
    );
    check(
        "12 publish u conn=k
         13 join u conn=k call=c",
        expect![[r#"
            c u 13.000.. pub
        "#]],
    );
}

#[test]
fn a_publication_after_the_leave_proves_that_they_came_back() {
    check(
        "9 join u call=c
         10 leave u call=c
         11.5 publish u call=c
         20.5 leave u call=c",
        expect![[r#"
            c u 9.000-10.000 ~11.500-20.500 pub
        "#]],
    );
    // What a closer ended is over too.
    check(
        "9 join u call=c
         10 over call=c
         12.5 publish u call=c",
        expect![[r#"
            c u 9.000-~10.999 ~12.500.. pub
        "#]],
    );
    check(
        "9 join u conn=k1 call=c
         10 publish u conn=k2 call=c",
        expect![[r#"
            c u 9.000.. ~10.000.. pub
        "#]],
    );
}

/// They came back before the server noticed that it had lost them, and left for good.
#[test]
fn of_several_that_were_closed_the_newest_leaves() {
    check(
        "10 join u conn=k1 call=c
         12 join u conn=k2 call=c
         15 restart
         30.5 leave u call=c",
        expect![[r#"
            c u 10.000-~12.000 12.000-30.500
        "#]],
    );
}
