//! What a body may be.

use super::*;

#[test]
fn refuses_a_body_that_is_not_what_it_must_be() {
    check_body(
        "",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is empty; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        " ",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "UserIds[]=userA",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "null",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"["userA"]"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"[["userA"]]"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "{",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 1); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "{}",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserId":["userA"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":null}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":[]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is empty; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":"userA"}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 18); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":[1]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 13); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA",null]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 24); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":{"0":"userA"}}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 11); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA"],"UserIds":["userA"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 30); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA"]} x"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 23); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        b"{\"UserIds\":[\"\xff\"]}",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 14); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["\ud800"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 20); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "\u{feff}{}",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
}

#[test]
fn depth_does_it_no_harm() {
    check_body(
        "[".repeat(1_000),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    let nested = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    check_body(
        format!(r#"{{"UserIds":{nested}}}"#),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 12); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    // What is ignored is ignored, however deep.
    check_body(
        format!(r#"{{"UserIds":["userA"],"x":{nested}}}"#),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}

#[test]
fn refuses_a_body_that_is_too_large() {
    let mut body = br#"{"UserIds":["userA"]}"#.to_vec();
    body.resize(BODY_BYTES_MAX, b' ');
    assert_eq!(world().ask(Sent { body: body.clone(), ..Sent::new() }.write()).outcome, "ok");
    body.push(b' ');
    check_body(
        body,
        expect![[r#"
            100000012 to nobody, unknown
            the body has more than 1048576 bytes
        "#]],
    );
    check_body(
        vec![b'['; 10 << 20],
        expect![[r#"
            100000012 to nobody, unknown
            the body has more than 1048576 bytes
        "#]],
    );
}
