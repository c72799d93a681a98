//! What is known of the client.

use super::*;

#[test]
fn client_facts_are_those_of_the_last_join_that_told_them() {
    check(
        "10 join u conn=k1 call=c os=ios device=iPhone
         20 leave u conn=k1 call=c
         30 join u conn=k2 call=c os=android
         31 client u conn=k1 call=c os=web net=wifi",
        expect![[r#"
            c u 10.000-20.999 30.000.. os=Android device=iPhone net=Wifi
        "#]],
    );
}

#[test]
fn client_facts_may_come_before_the_join() {
    check(
        "10 client u conn=k call=c os=ios
         10.2 join u conn=k call=c",
        expect![[r#"
            c u 10.200.. os=Ios
        "#]],
    );
    check("10 client u conn=k call=c os=ios", expect![""]);
}

#[test]
fn of_each_fact_the_last_join_in_time_that_told_it_counts_not_the_last_report() {
    // Told later, of an earlier join.
    check(
        "10 join u conn=k1 call=c
         20 join u conn=k2 call=c os=android
         30 client u conn=k1 call=c os=ios sdk=1",
        expect![[r#"
            c u 10.000.. 20.000.. os=Android sdk=1
        "#]],
    );
    // The leave tells too.
    check(
        "10 join u conn=k1 call=c os=ios
         20 join u conn=k2 call=c
         30.5 leave u conn=k2 call=c os=web
         40.5 leave u conn=k1 call=c os=mac",
        expect![[r#"
            c u 10.000-40.500 20.000-30.500 os=Web
        "#]],
    );
    // A join that tells nothing changes nothing.
    check(
        "10 join u conn=k1 call=c os=ios device=iPhone net=5g sdk=3.30
         20 join u conn=k2 call=c",
        expect![[r#"
            c u 10.000.. 20.000.. os=Ios device=iPhone net=G5 sdk=3.30
        "#]],
    );
}

#[test]
fn facts_of_another_connection_or_call_are_not_theirs() {
    check(
        "10 client u conn=k1 call=c os=ios
         10.2 join u conn=k2 call=c",
        expect![[r#"
            c u 10.200..
        "#]],
    );
    check(
        "10 client u conn=k call=d os=ios
         10.2 join u conn=k call=c",
        expect![[r#"
            c u 10.200..
        "#]],
    );
    // What names no connection is of the one that is there, else of the newest.
    check(
        "10 join u conn=k1 call=c
         20.5 leave u conn=k1 call=c
         30 join u conn=k2 call=d
         31 client u os=web
         40.5 leave u conn=k2 call=d
         41 client u sdk=2",
        expect![[r#"
            c u 10.000-20.500
            d u 30.000-40.500 os=Web sdk=2
        "#]],
    );
}

/// Once is enough, in whichever of the spans.
#[test]
fn a_stay_is_published_once_any_stream_was() {
    check(
        "10 join u conn=k1 call=c
         12 publish u conn=k1 call=c
         20.5 leave u conn=k1 call=c
         30 join u conn=k2 call=c",
        expect![[r#"
            c u 10.000-20.500 30.000.. pub
        "#]],
    );
    check(
        "10 join u conn=k1 call=c
         30 join u conn=k2 call=c
         12 publish v conn=l call=c",
        expect![[r#"
            c u 10.000.. 30.000..
            c v ~12.000.. pub
        "#]],
    );
}
