//! Calls of which nothing was heard for long.

use super::*;
use crate::log::closing::Closer;
use crate::log::intervals::fold_participant;
use crate::log::room::AllClosers;

#[test]
fn a_long_silence_ends_a_call_where_it_began() {
    // Only its own, and nobody before they came.
    check(
        "10 join u conn=k call=c
         12 join v
         15.5 publish u conn=k call=c
         115.5 idle call=c quiet=100",
        expect![[r#"
            c u 10.000-~15.500 pub
            b2bc v 12.000..
        "#]],
    );
    check(
        "10 join u
         12 join v
         20 publish w call=c
         112 idle quiet=100",
        expect![[r#"
            734c u 10.000-~12.000
            734c v 12.000-~12.000
            c w ~20.000.. pub
        "#]],
    );
}

#[test]
fn a_leave_after_a_long_silence_replaces_the_inferred_end() {
    check(
        "10 join u conn=k call=c
         10 join v conn=l call=c
         110 idle call=c quiet=100
         200.5 leave u conn=k call=c
         50.5 leave v conn=l call=c joined=10",
        expect![[r#"
            c u 10.000-200.500
            c v 10.000-50.500
        "#]],
    );
}

#[test]
fn what_was_heard_within_a_silence_makes_it_void() {
    let history = |line| format!("10 join u call=c\n110 idle call=c quiet=100\n{line}");
    check(
        &history("10.1 leave v call=c"),
        expect![[r#"
            c u 10.000..
        "#]],
    );
    // Its edges do not.
    check(
        &history("110 leave v call=c"),
        expect![[r#"
            c u 10.000-~10.000
        "#]],
    );
    check(
        &history("9 leave v call=c"),
        expect![[r#"
            c u 10.000-~10.000
        "#]],
    );
    // Nothing was heard of this call, and that it was silent is nothing that is heard.
    check(
        &history("50 leave v call=d\n60 idle call=c quiet=50\n70 restart source=other"),
        expect![[r#"
            c u 10.000-~10.000
        "#]],
    );
    // A later silence ends it all the same.
    check(
        &history("50 leave v\n150 idle call=c quiet=100"),
        expect![[r#"
            c u 10.000-~50.000
        "#]],
    );
}

#[test]
fn whoever_is_heard_of_after_a_long_silence_was_there_all_along() {
    check(
        "10 join u conn=k call=c
         11 join v conn=l call=c
         12 join w conn=m call=c
         112 idle call=c quiet=100
         112 publish u conn=k call=c
         300 client v conn=l call=c net=wifi",
        expect![[r#"
            c u 10.000.. pub
            c v 11.000.. net=Wifi
            c w 12.000-~12.000
        "#]],
    );
    // Until the next silence.
    check(
        "10 join u conn=k call=c
         110 idle call=c quiet=100
         300 publish u conn=k call=c
         400 idle call=c quiet=100",
        expect![[r#"
            c u 10.000-~300.000 pub
        "#]],
    );
}

#[test]
fn whoever_comes_again_after_a_long_silence_was_gone_since_it_began() {
    check(
        "10 join u call=c
         12 publish u call=c
         112 idle call=c quiet=100
         300 join u call=c",
        expect![[r#"
            c u 10.000-~12.000 300.000.. pub
        "#]],
    );
}

#[test]
fn whoever_came_within_a_silence_is_not_gone_since_it_began() {
    // Their coming may be told by a leave of a later time only, and is heard of all the same.
    let interval = |history: &str| {
        let (events, closers) = (events(history), events("25 idle call=c quiet=10"));
        let none = AllClosers::of(&[]);
        let who = ParticipantId::parse("u").expect("a participant");
        let interval = fold_participant(&events, &who, &none).remove(0);
        (interval, Closer::from_event(&closers[0]).expect("a closer"))
    };
    let heard = Some(unix_us("10"));
    let (within, silence) = interval("20 join u call=c");
    assert_eq!(silence.close(&within, heard), None);
    let (before, silence) = interval("12 join u call=c");
    let left = silence.close(&before, heard).expect("they were silent").left_unix_us;
    assert_eq!(left, unix_us("12"));
}
