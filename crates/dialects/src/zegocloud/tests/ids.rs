//! Which ids may be asked for, and how many.

use super::*;

#[test]
fn refuses_ids_that_nobody_can_have() {
    check_body(
        r#"{"UserIds":["userA",""]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[1] cannot be a user ID: it is empty
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        body_of(&["a".repeat(65)]),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it has more than 64 bytes
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["a\u0000"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it holds the character U+0000
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA","no","👍"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[2] cannot be a user ID: it holds the character U+1F44D
            Result []
            ErrorList []
        "#]],
    );
    for sign in [",", "*", "/", "\\", "'", "\"", "`", "\t", "\n", "\u{7f}", "é", "语", "\u{a0}"] {
        let sent = Sent { body: body_of(&[format!("a{sign}")]), ..Sent::new() };
        assert_eq!(world().ask(sent.write()).outcome, "660000002", "{sign:?}");
    }
}

#[test]
fn looks_up_every_id_that_somebody_can_have() {
    check_body(
        body_of(&["a".repeat(64)]),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            none of the UserIds is registered
            Result []
            ErrorList "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" 660000002
        "#]],
    );
    check_body(
        body_of(&["!#$%&()+-:;<=.>?@[]^_ {}|~09azAZ".into()]),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            none of the UserIds is registered
            Result []
            ErrorList "!#$%&()+-:;<=.>?@[]^_ {}|~09azAZ" 660000002
        "#]],
    );
}

#[test]
fn counts_ids_before_it_drops_repeats() {
    let ids = |count: usize| body_of(&vec!["userA".to_owned(); count]);
    check_body(
        ids(100),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_body(
        ids(101),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 101 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        ids(10_000),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 10000 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
    // The hundred-and-first is not looked at.
    let mut long = vec!["userA".to_owned(); 100];
    long.push("*".repeat(100));
    check_body(
        body_of(&long),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 101 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
}
