//! What a query may be, and what a GET asks with it.

use super::*;

#[test]
fn refuses_a_query_that_cannot_be_read() {
    check(
        |sent| sent.more = "&x=%ff".into(),
        expect![[r#"
            2 to nobody, unknown
            parameter 7 of the query is not UTF-8 once decoded
        "#]],
    );
    check(
        |sent| sent.more = "&x=1".repeat(251),
        expect![[r#"
            2 to nobody, unknown
            the query has more than 256 parameters
        "#]],
    );
    check(
        |sent| sent.more = "&x=1".repeat(250),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}

#[test]
fn of_repeated_parameters_the_first_counts() {
    check(
        |sent| sent.more = "&AppId=54321&Action=Other&Signature=0&Timestamp=0".into(),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}

#[test]
fn a_get_names_its_ids_in_the_query() {
    let check_get = |more: &str, expected: Expect| {
        check(
            |sent| {
                sent.method = Method::GET;
                sent.more = more.into();
            },
            expected,
        );
    };
    check_get(
        "&UserIds[]=userA&UserIds%5B%5D=no",
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList "no" 660000002
        "#]],
    );
    check_get(
        "&UserIds=userA",
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_get(
        "&UserIds[0]=userA",
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_get(
        "",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the query has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        "&UserId[]=userA",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the query has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        "&UserIds[]=",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it is empty
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        "&UserIds[]=%00",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it holds the character U+0000
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        &"&UserIds[]=userA".repeat(100),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_get(
        &"&UserIds[]=userA".repeat(101),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 101 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
}

#[test]
fn refuses_other_methods() {
    check(
        |sent| sent.method = Method::PUT,
        expect![[r#"
            2 to 12345, QueryUserInfos
            QueryUserInfos is not called by "PUT"; send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check(
        |sent| sent.method = Method::HEAD,
        expect![[r#"
            2 to 12345, QueryUserInfos
            QueryUserInfos is not called by "HEAD"; send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
}
