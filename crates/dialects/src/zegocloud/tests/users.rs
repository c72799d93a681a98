//! Who the users are, and who nobody is.

use super::*;

#[test]
fn tells_who_users_are() {
    let answered = world().ask(Sent::new().write());
    // To the letter, once: elsewhere only what matters is shown.
    let body = std::str::from_utf8(answered.response.body()).expect("UTF-8");
    let (envelope, results) = body.split_once(r#""Result":"#).expect("results");
    assert_eq!(envelope, r#"{"Code":0,"Message":"success","RequestId":"1615186943000000000","#);
    let alice = concat!(
        r#"{"UserId":"userA","UserName":"Alice 语","#,
        r#""UserAvatar":"https://example.com/a.png","Extra":"{\"vip\":true}"}"#,
    );
    assert_eq!(results, format!(r#"[{alice}],"ErrorList":[]}}"#));
    assert_eq!((answered.action, answered.app), ("QueryUserInfos", Some(APP)));
    assert!(answered.cause.is_none());
}

#[test]
fn tells_unknown_users_apart_in_the_order_asked_and_repeats_once() {
    check_body(
        r#"{"UserIds":["no2","user B+<1>","no1","userA","no2","user B+<1>","usera"]}"#,
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "user B+<1>" ""
            Result "userA" "Alice 语"
            ErrorList "no2" 660000002
            ErrorList "no1" 660000002
            ErrorList "usera" 660000002
        "#]],
    );
    check_body(
        r#"{"UserIds":["no2","no1","no2"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            none of the UserIds is registered
            Result []
            ErrorList "no2" 660000002
            ErrorList "no1" 660000002
        "#]],
    );
}

#[test]
fn ignores_what_it_does_not_know() {
    check(
        |sent| {
            sent.more = "&IsTest=TrUe&UserIds[]=ignored&&x".into();
            sent.body = br#" {"userIds":1,"UserIds":["userA"],"Deep":[[{}]],"x":null} "#.to_vec();
        },
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}
