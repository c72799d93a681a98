//! What can be changed of a user, and how it is told what cannot.

use super::*;

fn modify(world: &World, users: &str, expected: Expect) {
    let body = format!(r#"{{"UserInfo":[{users}]}}"#);
    check_action(world, "ModifyUserInfo", body, expected);
}

/// What QueryUserInfos tells of `userA`, to the letter.
fn user_a(world: &World) -> String {
    let answered = world.ask(Sent::new().write());
    let body: Value = serde_json::from_slice(answered.response.body()).expect("JSON");
    body["Result"][0].to_string()
}

#[test]
fn what_is_given_is_replaced_and_the_rest_stays() {
    let world = world();
    let check = |fields: &str, expected: Expect| {
        let users = format!(r#"{{"UserId":"userA"{fields}}}"#);
        let body = format!(r#"{{"UserInfo":[{users}]}}"#).into_bytes();
        let sent = Sent { action: Some("ModifyUserInfo".into()), body, ..Sent::new() };
        assert_eq!(world.ask(sent.write()).outcome, "ok");
        expected.assert_eq(&user_a(&world));
    };
    check(
        "",
        expect![[
            r#"{"Extra":"{\"vip\":true}","UserAvatar":"https://example.com/a.png","UserId":"userA","UserName":"Alice 语"}"#
        ]],
    );
    check(
        r#","UserName":"Bob","Tags":["no"]"#,
        expect![[
            r#"{"Extra":"{\"vip\":true}","UserAvatar":"https://example.com/a.png","UserId":"userA","UserName":"Bob"}"#
        ]],
    );
    check(
        r#","UserName":null,"UserAvatar":"b.png","Extra":null"#,
        expect![[
            r#"{"Extra":"{\"vip\":true}","UserAvatar":"b.png","UserId":"userA","UserName":"Bob"}"#
        ]],
    );
    check(
        r#","Extra":"more""#,
        expect![[r#"{"Extra":"more","UserAvatar":"b.png","UserId":"userA","UserName":"Bob"}"#]],
    );
    check(
        r#","UserName":"","UserAvatar":"","Extra":"""#,
        expect![[r#"{"Extra":"","UserAvatar":"","UserId":"userA","UserName":""}"#]],
    );
    let kept =
        block_on(domain::users::find(&world.ctx, APP, &[UserId::parse("userA").expect("an id")]));
    let profile = kept.expect("a store").remove(0).expect("a user").profile;
    assert_eq!((profile.tags.len(), profile.ext.len()), (1, 1), "other dialects' fields stay");
}

#[test]
fn each_user_fails_alone_with_their_own_code() {
    let world = world();
    let extra = |bytes: usize| format!(r#"{{"UserId":"userA","Extra":"{}"}}"#, "x".repeat(bytes));
    let users = [
        r#"{"UserId":"nobody","UserName":"n"}"#.to_owned(),
        r#"{"UserId":"user B+<1>","UserName":"Bob"}"#.to_owned(),
        r#"{"UserId":"user B+<1>","UserName":"twice"}"#.to_owned(),
        format!(r#"{{"UserId":"{}"}}"#, "x".repeat(33)),
        format!(r#"{{"UserId":"{}"}}"#, "x".repeat(65)),
        r#"{"UserId":"a/b"}"#.to_owned(),
        format!(r#"{{"UserId":"long1","UserName":"{}"}}"#, "x".repeat(257)),
        format!(r#"{{"UserId":"long2","UserAvatar":"{}"}}"#, "x".repeat(501)),
        extra(2_049),
    ];
    modify(
        &world,
        &users.join(","),
        expect![[r#"
            0 to 12345, ModifyUserInfo
            success
            ErrorList "nobody" 660700012 nobody is registered with this UserId
            ErrorList "user B+<1>" 660000002 this UserId stands earlier in the request; only that counts
            ErrorList "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" 660700012 nobody is registered with this UserId
            ErrorList "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" 660000002 this cannot be a user ID: it has more than 64 bytes
            ErrorList "a/b" 660000002 this cannot be a user ID: it holds the character U+002F
            ErrorList "long1" 660000002 UserName has more than 256 bytes
            ErrorList "long2" 660000002 UserAvatar has more than 500 bytes
            ErrorList "userA" 660000002 Extra has more than 2048 bytes
        "#]],
    );
    expect![[r#"{"Extra":"{\"vip\":true}","UserAvatar":"https://example.com/a.png","UserId":"userA","UserName":"Alice 语"}"#]].assert_eq(&user_a(&world));
    modify(
        &world,
        &extra(2_048),
        expect![[r#"
        0 to 12345, ModifyUserInfo
        success
        ErrorList []
    "#]],
    );
    // An unknown user has another code here than where users are asked for.
    modify(
        &world,
        r#"{"UserId":"nobody"},{"UserId":"a/b"}"#,
        expect![[r#"
        660700012 to 12345, ModifyUserInfo
        no user was modified; ErrorList tells why
        ErrorList "nobody" 660700012 nobody is registered with this UserId
        ErrorList "a/b" 660000002 this cannot be a user ID: it holds the character U+002F
    "#]],
    );
}

#[test]
fn one_to_100_users_stand_in_a_request() {
    let world = world();
    let users = |count: usize| vec![r#"{"UserId":"userA","UserName":"no"}"#; count].join(",");
    modify(
        &world,
        "",
        expect![[r#"
        660000002 to 12345, ModifyUserInfo
        UserInfo is empty; send a POST with a JSON object as its body:
        {"UserInfo":[{"UserId":"userA","UserName":"Alice"}]}
        ErrorList []
    "#]],
    );
    modify(
        &world,
        &users(101),
        expect![[r#"
        660000011 to 12345, ModifyUserInfo
        UserInfo has 101 users, 100 are allowed
        ErrorList []
    "#]],
    );
    assert!(user_a(&world).contains("Alice"), "nothing was done");
}

#[test]
fn a_user_of_a_wrong_type_refuses_the_whole_request() {
    let world = world();
    for fields in [r#""Extra":{}"#, r#""Extra":1"#, r#""UserName":["n"]"#, r#""UserAvatar":true"#] {
        let users = format!(r#"{{"UserId":"userA","UserName":"no"}},{{"UserId":"b",{fields}}}"#);
        let body = format!(r#"{{"UserInfo":[{users}]}}"#);
        let sent =
            Sent { action: Some("ModifyUserInfo".into()), body: body.into_bytes(), ..Sent::new() };
        assert_eq!(world.ask(sent.write()).outcome, "660000002", "{fields}");
    }
    assert!(user_a(&world).contains("Alice"), "nothing was done");
    let get = Sent { action: Some("ModifyUserInfo".into()), method: Method::GET, ..Sent::new() };
    assert_eq!(world.ask(get.write()).outcome, "2");
}
