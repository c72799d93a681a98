//! The ways in which media servers get it wrong, one test for each, named after its case. Each
//! test begins with how the case comes about.
//!
//! Copies that come twice or days later, late data, spans over the retention and the query window,
//! and clocks that run ahead need a store: `hard_cases` in the stores' contract has them too, under
//! the same names. Words and fields that nobody knows yet are read by the sources, and tested
//! there.

use super::*;
use crate::log::StayQuery;

/// Senders repeat what was not acknowledged in time; some send copies on purpose. A copy is known
/// by its identity, which is all that a store looks at.
#[test]
fn duplicate_delivery() {
    let sent = event(1, "10 join u conn=k call=c os=ios");
    let copy = sent.clone();
    assert_eq!(sent.identity(), copy.identity());
    assert_eq!(sent.content_hash(), copy.content_hash());
    let others = [
        Event { app: AppId(2), ..sent.clone() },
        Event { door: Door::parse("janus").expect("a door"), ..sent.clone() },
        event(1, "10 join u conn=k call=c os=ios source=other"),
        event(2, "10 join u conn=k call=c os=ios"),
        event(1, "10.000001 join u conn=k call=c os=ios"),
    ];
    for other in others {
        assert_ne!(sent.identity(), other.identity(), "{other:?}");
    }
    let same_identity = event(1, "10 leave v");
    assert_eq!(sent.identity(), same_identity.identity());
}

/// Leaves overtake joins in queues, and are written down at another time.
#[test]
fn leave_before_join() {
    // A lone leave is kept, and shown once its join is known.
    check("20.5 leave u conn=k call=c", expect![""]);
    check(
        "20.5 leave u conn=k call=c
         10 join u conn=k call=c",
        expect![[r#"
            c u 10.000-20.500
        "#]],
    );
    // The leave of the connection before comes behind the new one's join.
    check(
        "10 join u conn=k1 call=c
         20 join u conn=k2 call=c
         20.1 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.000-20.100 20.000..
        "#]],
    );
    // Where connections have no names, what is dated before a join does not end it.
    check(
        "10 join u call=c
         19.5 leave u call=c
         20 join u call=c",
        expect![[r#"
            c u 10.000-19.500 20.000..
        "#]],
    );
    // A leave that tells of its join needs no other.
    check(
        "20 leave u call=c joined=10.5",
        expect![[r#"
            c u 10.500-20.000
        "#]],
    );
}

/// Many senders date in whole seconds, some one half of their events only.
#[test]
fn same_second() {
    // Joins in milliseconds, leaves in seconds: names of connections say what belongs together.
    check(
        "10.871 join u conn=k1 call=c
         10 leave u conn=k1 call=c
         10.950 join u conn=k2 call=c",
        expect![[r#"
            c u 10.871-10.999 10.950..
        "#]],
    );
    // Else the leave of the old comes before the join of the new.
    check(
        "5 join u call=c
         10 join u call=c
         10 leave u call=c",
        expect![[r#"
            c u 5.000-10.000 10.000..
        "#]],
    );
    // The old call's end comes before the joins of its instant, ...
    check(
        "10.5 restart
         10.5 join u call=c",
        expect![[r#"
            c u 10.500..
        "#]],
    );
    // ... who is there is looked at after them.
    check(
        "10 join u call=c
         10 join v call=c
         10 present v",
        expect![[r#"
            c u 10.000-~10.000
            c v 10.000..
        "#]],
    );
}

/// A media server dies, or its queue overflows. Whatever proves the end closes, at the last that
/// can be known, and gives way to the real leave.
#[test]
fn lost_leave() {
    const JOINED: &str = "10 join u conn=k call=c source=a\n12.5 publish u conn=k call=c source=a";
    let after = |what: &str| format!("{JOINED}\n{what}");
    // The room is over: at its end.
    check(
        &after("30.5 over call=c"),
        expect![[r#"
            c u 10.000-~30.999 pub
        "#]],
    );
    check(
        &after("30.5 over"),
        expect![[r#"
            c u 10.000-~30.500 pub
        "#]],
    );
    // The server began anew: at the last that was heard, not at the restart.
    check(
        &after("40 restart source=a"),
        expect![[r#"
            c u 10.000-~12.500 pub
        "#]],
    );
    // The room has a new call: at the last that was heard, not at the new join.
    check(
        &after("50 join v conn=l call=d"),
        expect![[r#"
            c u 10.000-~12.500 pub
            d v 50.000..
        "#]],
    );
    // Somebody looked who is there.
    check(
        &after("60 present v"),
        expect![[r#"
            c u 10.000-~60.000 pub
        "#]],
    );
    // The first proof counts.
    check(
        &after("60 present v\n50 restart source=a\n30.5 over call=c"),
        expect![[r#"
            c u 10.000-~30.999 pub
        "#]],
    );
    // The real leave still comes.
    check(
        &after("40 restart source=a\n20.5 leave u conn=k call=c"),
        expect![[r#"
            c u 10.000-20.500 pub
        "#]],
    );
}

/// What follows from a join that nobody heard of.
#[test]
fn lost_join() {
    // The leave tells when it was.
    check(
        "20 leave u conn=k call=c joined=10.871",
        expect![[r#"
            c u 10.871-20.999
        "#]],
    );
    // A publication proves that there was one.
    check(
        "12.5 publish u conn=k call=c
         20.5 leave u conn=k call=c",
        expect![[r#"
            c u ~12.500-20.500 pub
        "#]],
    );
    // Both: what was told counts.
    check(
        "12.5 publish u conn=k call=c
         20 leave u conn=k call=c joined=10.871",
        expect![[r#"
            c u 10.871-20.999 pub
        "#]],
    );
    // Facts about the client prove nothing, since they may come long after.
    check("12.5 client u conn=k call=c os=ios", expect![""]);
}

/// Nobody says that anything ended: they are still there, and nothing is guessed.
#[test]
fn lost_room_end_too() {
    check(
        "10 join u conn=k call=c
         1000000 publish v conn=l call=c",
        expect![[r#"
            c u 10.000..
            c v ~1000000.000.. pub
        "#]],
    );
}

/// A short break is no webhook at all, a longer one a leave and a join in the same call.
#[test]
fn reconnect_within_the_call() {
    let twice = "57 join u conn=k1 call=c
         68 leave u conn=k1 call=c
         78 join u conn=k2 call=c
         89 leave u conn=k2 call=c";
    check(
        twice,
        expect![[r#"
            c u 57.000-68.999 78.000-89.999
        "#]],
    );
    assert_eq!(only_stay(twice).duration_s(1_000), 11 + 11);
    // Without names of connections.
    check(
        "57 join u call=c
         68 leave u call=c
         78 join u call=c
         89 leave u call=c",
        expect![[r#"
            c u 57.000-68.000 78.000-89.000
        "#]],
    );
    // The client is back before the server notices that it was gone.
    check(
        "57.5 join u conn=k1 call=c
         78.5 join u conn=k2 call=c
         78 leave u conn=k1 call=c
         89.5 leave u conn=k2 call=c",
        expect![[r#"
            c u 57.500-78.999 78.500-89.500
        "#]],
    );
    // It resumes: nothing is reported.
    check(
        "10 join u conn=k call=c
         90 leave u conn=k call=c",
        expect![[r#"
            c u 10.000-90.999
        "#]],
    );
}

/// Somebody is there with a telephone and a browser; or the server throws the first one out.
#[test]
fn second_device_same_user() {
    let both = "10.1 join u conn=k1 call=c os=ios
         20.1 join u conn=k2 call=c os=web
         30.1 leave u conn=k1 call=c
         40.1 leave u conn=k2 call=c";
    check(
        both,
        expect![[r#"
            c u 10.100-30.100 20.100-40.100 os=Web
        "#]],
    );
    assert_eq!(only_stay(both).duration_s(1_000), 30, "the union, not the sum");
    // The one that came first stays longer.
    let within = "10.1 join u conn=k1 call=c os=ios
         20.1 join u conn=k2 call=c os=web
         30.1 leave u conn=k2 call=c
         40.1 leave u conn=k1 call=c";
    check(
        within,
        expect![[r#"
            c u 10.100-40.100 20.100-30.100 os=Web
        "#]],
    );
    assert_eq!(only_stay(within).duration_s(1_000), 30);
    // They are there while any connection is.
    check(
        "10.1 join u conn=k1 call=c
         20.1 join u conn=k2 call=c
         30.1 leave u conn=k1 call=c",
        expect![[r#"
            c u 10.100-30.100 20.100..
        "#]],
    );
    // Where nobody is let in twice, and the first one's leave is lost.
    check(
        "10.1 join u conn=k1 call=c sole=yes
         20.1 join u conn=k2 call=c sole=yes
         40.1 leave u conn=k2 call=c",
        expect![[r#"
            c u 10.100-~20.100 20.100-40.100
        "#]],
    );
}

/// Clocks of two servers differ, and clients tell what they like: no span is negative. What is too
/// far ahead never gets here.
#[test]
fn clock_skew() {
    // The leave tells of a join behind itself.
    check(
        "20.5 leave u conn=k call=c joined=25",
        expect![[r#"
            c u 20.500-20.500
        "#]],
    );
    // A room's end from a clock behind closes what it can, and leaves what began after it.
    check(
        "10.5 join u conn=k call=c
         11.5 join v conn=l call=c
         10 over call=c",
        expect![[r#"
            c u 10.500-~10.999
            c v 11.500..
        "#]],
    );
    // A restart that is dated before what came through the server.
    check(
        "10.5 join u call=c
         10.4 restart",
        expect![[r#"
            c u 10.500..
        "#]],
    );
    for story in ["20.5 leave u joined=25", "10.5 join u call=c\n10 over call=c"] {
        assert_eq!(only_stay(story).duration_s(0), 0);
    }
}

/// What comes late changes the answer to what it would have been.
#[test]
fn late_data() {
    let early = "10 join u call=c\n30 over call=c";
    check(
        early,
        expect![[r#"
            c u 10.000-~30.999
        "#]],
    );
    check(
        &format!("{early}\n20.5 leave u call=c"),
        expect![[r#"
            c u 10.000-20.500
        "#]],
    );
    check(
        &format!("{early}\n20.5 leave u call=c\n5.5 join u call=c"),
        expect![[r#"
            c u 5.500-~10.000 10.000-20.500
        "#]],
    );
}

/// A stay is found by what overlaps the window, however long ago it began; both edges belong to it.
#[test]
fn span_over_the_14_days_and_the_6_h_window() {
    const HOUR_S: i64 = 3_600;
    const DAY_S: i64 = 24 * HOUR_S;
    let window = |from_unix_s, until_unix_s| StayQuery {
        app: AppId(1),
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s,
        until_unix_s,
        offset: 0,
        limit: 10,
    };
    let joined = "100.9 join u conn=k call=c";
    let open = only_stay(joined);
    let fifteen_days_later = 100 + 15 * DAY_S;
    assert!(window(fifteen_days_later, fifteen_days_later + 6 * HOUR_S).selects(&open));
    assert!(window(0, 100).selects(&open));
    assert!(!window(0, 99).selects(&open));
    assert_eq!(open.created_unix_s(), 100, "it keeps its first join");
    assert_eq!(open.duration_s(fifteen_days_later), 15 * DAY_S);

    let left = only_stay(&format!("{joined}\n{}.1 leave u conn=k call=c", 100 + DAY_S));
    assert!(window(100 + DAY_S, fifteen_days_later).selects(&left));
    assert!(!window(101 + DAY_S, fifteen_days_later).selects(&left));
    assert!(window(100 + 6 * HOUR_S, 100 + 12 * HOUR_S).selects(&left), "in the midst of it");
}

/// The same name, another call: ids tell them apart, and where there are none, the empty room does.
#[test]
fn room_name_reused() {
    check(
        "10 join u conn=k1 call=monday
         20.5 leave u conn=k1 call=monday
         30 join u conn=k2 call=tuesday
         40.5 leave u conn=k2 call=tuesday",
        expect![[r#"
            mond u 10.000-20.500
            tues u 30.000-40.500
        "#]],
    );
    check(
        "10 join u
         20.5 leave u
         30 join u
         40.5 leave u",
        expect![[r#"
            734c u 10.000-20.500
            c413 u 30.000-40.500
        "#]],
    );
    // Monday's leave was lost.
    check(
        "10 join u conn=k1 call=monday
         30 join u conn=k2 call=tuesday
         40.5 leave u conn=k2 call=tuesday",
        expect![[r#"
            mond u 10.000-~10.000
            tues u 30.000-40.500
        "#]],
    );
    // And comes late, when the room has its new call.
    check(
        "10 join u conn=k1 call=monday
         30 join v conn=k2 call=tuesday
         35.5 leave u conn=k1 call=monday",
        expect![[r#"
            mond u 10.000-35.500
            tues v 30.000..
        "#]],
    );
    // One connection has the same name in both.
    check(
        "10 join u conn=phone call=monday
         30 join u conn=phone call=tuesday
         35.5 leave u conn=phone call=monday
         40.5 leave u conn=phone call=tuesday",
        expect![[r#"
            mond u 10.000-35.500
            tues u 30.000-40.500
        "#]],
    );
}

/// A node dies, another one takes its rooms: the room starts again with the id that it had.
#[test]
fn same_room_sid_second_room_started() {
    check(
        "10 join u conn=k1 call=c source=node-a
         60 join u conn=k2 call=c source=node-b
         90 leave u conn=k2 call=c source=node-b
         100 over call=c source=node-b",
        expect![[r#"
            c u 10.000-~100.999 60.000-90.999
        "#]],
    );
    // The dead node comes back and says so.
    check(
        "10 join u conn=k1 call=c source=node-a
         50.5 publish v conn=l call=c source=node-a
         60 join u conn=k2 call=c source=node-b
         70 restart source=node-a
         90 leave u conn=k2 call=c source=node-b",
        expect![[r#"
            c u 10.000-~60.000 60.000-90.999
            c v ~50.500-~60.000 pub
        "#]],
    );
    // Where nobody is let in twice, the new joins close what the dead node had.
    check(
        "10 join u conn=k1 call=c source=node-a sole=yes
         60 join u conn=k2 call=c source=node-b sole=yes
         90 leave u conn=k2 call=c source=node-b",
        expect![[r#"
            c u 10.000-~60.000 60.000-90.999
        "#]],
    );
}

/// Vendors add words: what nobody knows is unknown, and refuses nothing.
#[test]
fn unknown_enum_new_fields() {
    check(
        "10 join u call=c os=fuchsia net=6g",
        expect![[r#"
            c u 10.000.. os=Unknown net=Unknown
        "#]],
    );
}
