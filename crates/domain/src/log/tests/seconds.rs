//! What a time of whole seconds means, and what is left of fractions.

use super::*;

#[test]
fn who_comes_and_goes_within_one_second_is_not_there_for_ever() {
    check(
        "10 join u
         10 leave u",
        expect![[r#"
            734c u 10.000-10.000
        "#]],
    );
    // Whoever is heard of later was there: that leave was of a visit before.
    check(
        "10 leave u
         10 join u
         15 publish u",
        expect![[r#"
            e9b0 u 10.000.. pub
        "#]],
    );
    check(
        "10 leave u
         10 join u
         15 leave u",
        expect![[r#"
            e9b0 u 10.000-15.000
        "#]],
    );
}

#[test]
fn a_leave_in_whole_seconds_ends_its_second_if_its_connection_pairs() {
    check(
        "10.871 join u conn=k call=c
         10 leave u conn=k call=c",
        expect![[r#"
            c u 10.871-10.999
        "#]],
    );
}

#[test]
fn a_leave_in_whole_seconds_stands_before_the_joins_of_its_second_if_it_does_not_pair() {
    check(
        "5 join u call=c
         10.250 join u call=c
         10 leave u call=c",
        expect![[r#"
            c u 5.000-10.000 10.250..
        "#]],
    );
    // The same where the leave names a connection and the joins do not.
    check(
        "5 join u call=c
         10.250 join u call=c
         10 leave u conn=k call=c",
        expect![[r#"
            c u 5.000-10.000 10.250..
        "#]],
    );
}

#[test]
fn a_rooms_end_that_names_its_call_closes_it_whatever_the_fraction() {
    check(
        "30.8 join u conn=k call=c
         30.2 over call=c",
        expect![[r#"
            c u 30.800-~30.999
        "#]],
    );
    check(
        "30.8 join u conn=k
         30.2 over",
        expect![[r#"
            1a6d u 30.800..
        "#]],
    );
}

#[test]
fn a_duration_is_the_union_of_what_is_shown() {
    let stay = only_stay(
        "10.9 join u conn=k1 call=c
         20.1 leave u conn=k1 call=c
         15 join u conn=k2 call=c
         30.9 leave u conn=k2 call=c
         40 join u conn=k3 call=c",
    );
    assert_eq!(stay.duration_s(45), (30 - 10) + (45 - 40));
    assert_eq!(stay.duration_s(0), 20, "a clock that stands behind takes nothing away");
    assert_eq!((stay.created_unix_s(), stay.left_unix_s()), (10, None));
}

#[test]
fn a_fraction_says_when_it_was() {
    check(
        "10.871 join u conn=k call=c
         10.9 leave u conn=k call=c",
        expect![[r#"
            c u 10.871-10.900
        "#]],
    );
    check(
        "5 join u call=c
         10.5 join u call=c
         10.4 leave u call=c",
        expect![[r#"
            c u 5.000-10.400 10.500..
        "#]],
    );
}

/// The end of a call that names none is that of its second only if it is dated in whole seconds.
#[test]
fn a_rooms_end_in_whole_seconds_is_the_end_of_its_second() {
    check(
        "30.8 join u\n30 over",
        expect![[r#"
            1a6d u 30.800-~30.999
        "#]],
    );
    check(
        "31 join u\n30 over",
        expect![[r#"
            423e u 31.000..
        "#]],
    );
    check(
        "30.8 join u call=c\n30 over call=c",
        expect![[r#"
            c u 30.800-~30.999
        "#]],
    );
}

/// Truncation may make a span longer than it was, or nothing; Record shows the same.
#[test]
fn a_duration_is_counted_after_truncation() {
    let duration = |history| only_stay(history).duration_s(1_000);
    assert_eq!(duration("10.9 join u conn=k\n11.1 leave u conn=k"), 1);
    assert_eq!(duration("10.1 join u conn=k\n10.9 leave u conn=k"), 0);
    assert_eq!(duration("10.1 join u conn=k\n12 leave u conn=k"), 2);
    // Two in one second, one after the other.
    let story = "10.1 join u conn=k call=c
         11.2 leave u conn=k call=c
         11.3 join u conn=l call=c
         12.9 leave u conn=l call=c";
    assert_eq!(duration(story), 2);
    // One within the other.
    let story = "10 join u conn=k\n11 join u conn=l\n12.5 leave u conn=l\n20.5 leave u conn=k";
    assert_eq!(duration(story), 10);
    // And another one, later.
    let story = format!("{story}\n15 join u conn=m\n18.5 leave u conn=m");
    assert_eq!(duration(&story), 10);
    // Before 1970 too.
    assert_eq!(duration("-2 join u conn=k\n3.5 leave u conn=k"), 5);
}

/// Whether the leave names a connection that no join named, or none.
#[test]
fn a_leave_that_does_not_pair_stands_before_a_join_in_the_same_whole_second() {
    check(
        "5 join u call=c
         10 join u call=c
         10 leave u call=c",
        expect![[r#"
            c u 5.000-10.000 10.000..
        "#]],
    );
    check(
        "5 join u call=c
         10 join u call=c
         10 leave u conn=k call=c",
        expect![[r#"
            c u 5.000-10.000 10.000..
        "#]],
    );
}
