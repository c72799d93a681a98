//! Who can be registered, and how it is told who cannot.

use super::*;

fn register(world: &World, users: &str, expected: Expect) {
    let body = format!(r#"{{"UserInfo":[{users}]}}"#);
    check_action(world, "UserRegister", body, expected);
}

fn seen(world: &World, id: &str, expected: Expect) {
    let body = serde_json::json!({ "UserIds": [id] }).to_string();
    check_action(world, "QueryUserInfos", body, expected);
}

#[test]
fn the_documented_request_registers_two_users() {
    let world = world();
    let users = r#"{"UserId":"aaa","UserName":"userNamea","UserAvatar":"http"},
        {"UserId":"bbb","UserName":"userNameb","UserAvatar":"http","Extra":"ignored"}"#;
    register(
        &world,
        users,
        expect![[r#"
        0 to 12345, UserRegister
        success
        ErrorList []
    "#]],
    );
    let mut sent = Sent::new();
    sent.action = Some("QueryUserInfos".into());
    sent.body = br#"{"UserIds":["bbb"]}"#.to_vec();
    let answered = world.ask(sent.write());
    let body = std::str::from_utf8(answered.response.body()).expect("UTF-8");
    let bbb = r#"{"UserId":"bbb","UserName":"userNameb","UserAvatar":"http","Extra":""}"#;
    assert!(body.contains(bbb), "{body}");
}

#[test]
fn whoever_exists_fails_and_keeps_the_profile() {
    let world = world();
    // Official code asks for one user at a time, and takes this SubCode for "was there already".
    register(
        &world,
        r#"{"UserId":"userA","UserName":"other"}"#,
        expect![[r#"
        660700002 to 12345, UserRegister
        no user was registered; ErrorList tells why
        ErrorList "userA" 660700002 user already exists
    "#]],
    );
    register(
        &world,
        r#"{"UserId":"new"}"#,
        expect![[r#"
        0 to 12345, UserRegister
        success
        ErrorList []
    "#]],
    );
    // With the very same profile, too.
    register(
        &world,
        r#"{"UserId":"new"}"#,
        expect![[r#"
        660700002 to 12345, UserRegister
        no user was registered; ErrorList tells why
        ErrorList "new" 660700002 user already exists
    "#]],
    );
    register(
        &world,
        r#"{"UserId":"new"},{"UserId":"newer"}"#,
        expect![[r#"
        0 to 12345, UserRegister
        success
        ErrorList "new" 660700002 user already exists
    "#]],
    );
    seen(
        &world,
        "userA",
        expect![[r#"
        0 to 12345, QueryUserInfos
        success
        Result "userA" "Alice 语"
        ErrorList []
    "#]],
    );
}

#[test]
fn each_user_fails_alone_with_their_own_code() {
    let world = world();
    let long = |field: &str, bytes: usize| {
        format!(r#"{{"UserId":"{field}{bytes}","{field}":"{}"}}"#, "语".repeat(bytes / 3))
    };
    let users = [
        r#"{"UserId":"userA"}"#.to_owned(),
        format!(r#"{{"UserId":"{}"}}"#, "x".repeat(33)),
        format!(r#"{{"UserId":"{}"}}"#, "x".repeat(32)),
        r#"{"UserId":"a,b"}"#.to_owned(),
        r#"{"UserId":"语"}"#.to_owned(),
        r#"{"UserId":"@RBT#R1 +<>|~"}"#.to_owned(),
        long("UserName", 255),
        long("UserName", 258),
        long("UserAvatar", 498),
        long("UserAvatar", 501),
        r#"{"UserId":"twice","UserName":null}"#.to_owned(),
        r#"{"UserId":"twice"}"#.to_owned(),
    ];
    register(
        &world,
        &users.join(","),
        expect![[r#"
        0 to 12345, UserRegister
        success
        ErrorList "userA" 660700002 user already exists
        ErrorList "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" 660000012 user length limit
        ErrorList "a,b" 660000002 this cannot be a user ID: it holds the character U+002C
        ErrorList "语" 660000002 this cannot be a user ID: it holds the character U+8BED
        ErrorList "UserName258" 660700006 UserName has more than 256 bytes
        ErrorList "UserAvatar501" 660700007 UserAvatar has more than 500 bytes
        ErrorList "twice" 660000002 this UserId stands earlier in the request; only that counts
    "#]],
    );
    seen(
        &world,
        "a,b",
        expect![[r#"
        660000002 to 12345, QueryUserInfos
        UserIds[0] cannot be a user ID: it holds the character U+002C
        Result []
        ErrorList []
    "#]],
    );
    seen(
        &world,
        "UserName258",
        expect![[r#"
        660000002 to 12345, QueryUserInfos
        none of the UserIds is registered
        Result []
        ErrorList "UserName258" 660000002
    "#]],
    );
    seen(
        &world,
        "twice",
        expect![[r#"
        0 to 12345, QueryUserInfos
        success
        Result "twice" ""
        ErrorList []
    "#]],
    );
    // If all fail, the code is that of the first.
    register(
        &world,
        r#"{"UserId":"a,b"},{"UserId":"userA"}"#,
        expect![[r#"
        660000002 to 12345, UserRegister
        no user was registered; ErrorList tells why
        ErrorList "a,b" 660000002 this cannot be a user ID: it holds the character U+002C
        ErrorList "userA" 660700002 user already exists
    "#]],
    );
}

#[test]
fn one_to_100_users_stand_in_a_request() {
    let world = world();
    let users = |count: usize| {
        let user = |at| format!(r#"{{"UserId":"u{at}"}}"#);
        (0..count).map(user).collect::<Vec<_>>().join(",")
    };
    register(
        &world,
        "",
        expect![[r#"
        660000002 to 12345, UserRegister
        UserInfo is empty; send a POST with a JSON object as its body:
        {"UserInfo":[{"UserId":"userA","UserName":"Alice"}]}
        ErrorList []
    "#]],
    );
    register(
        &world,
        &users(101),
        expect![[r#"
        660000011 to 12345, UserRegister
        UserInfo has 101 users, 100 are allowed
        ErrorList []
    "#]],
    );
    seen(
        &world,
        "u1",
        expect![[r#"
        660000002 to 12345, QueryUserInfos
        none of the UserIds is registered
        Result []
        ErrorList "u1" 660000002
    "#]],
    );
    register(
        &world,
        &users(100),
        expect![[r#"
        0 to 12345, UserRegister
        success
        ErrorList []
    "#]],
    );
}

#[test]
fn a_body_that_is_no_list_of_users_registers_nobody() {
    let world = world();
    let mut told = String::new();
    for body in [
        "",
        "[]",
        "null",
        "{",
        "{}",
        r#"{"UserInfo":null}"#,
        r#"{"UserInfo":{}}"#,
        r#"{"UserInfo":"u"}"#,
        r#"{"UserInfo":["u"]}"#,
        r#"{"UserInfo":[["u"]]}"#,
        r#"{"UserInfo":[{"UserId":"u"},null]}"#,
        r#"{"UserInfo":[{"UserId":"u"},{}]}"#,
        r#"{"UserInfo":[{"UserId":"u"},{"UserId":""}]}"#,
        r#"{"UserInfo":[{"UserId":"u"},{"UserId":null}]}"#,
        r#"{"UserInfo":[{"UserId":"u"},{"UserId":7}]}"#,
        r#"{"UserInfo":[{"UserId":"u","UserName":7}]}"#,
        r#"{"UserInfo":[{"UserId":"u","UserName":"\ud800"}]}"#,
        r#"{"UserInfo":[{"UserId":"u","UserId":"v"}]}"#,
        r#"{"userInfo":[{"UserId":"u"}]}"#,
        r#"{"UserInfos":[{"UserId":"u"}]}"#,
        r#"{"UserInfo":[{"UserId":"u"}]} x"#,
    ] {
        let mut sent = Sent::new();
        sent.action = Some("UserRegister".into());
        sent.body = body.as_bytes().to_vec();
        let answered = world.ask(sent.write());
        let answer: Value = serde_json::from_slice(answered.response.body()).expect("JSON");
        assert_eq!(answer["ErrorList"], serde_json::json!([]), "{body}");
        let message = answer["Message"].as_str().expect("text");
        let message = message.split("; send a POST").next().expect("one");
        told += &format!("{body} {} {message}\n", answer["Code"]);
    }
    expect![[r#"
         660000002 the body is empty
        [] 660000002 the body is not a JSON object
        null 660000002 the body is not a JSON object
        { 660000002 the body is not JSON (line 1 column 1)
        {} 660000002 the body has no UserInfo
        {"UserInfo":null} 660000002 the body has no UserInfo
        {"UserInfo":{}} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 12)
        {"UserInfo":"u"} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 15)
        {"UserInfo":["u"]} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 16)
        {"UserInfo":[["u"]]} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 13)
        {"UserInfo":[{"UserId":"u"},null]} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 32)
        {"UserInfo":[{"UserId":"u"},{}]} 660000002 UserInfo[1] has no UserId
        {"UserInfo":[{"UserId":"u"},{"UserId":""}]} 660000002 UserInfo[1] has no UserId
        {"UserInfo":[{"UserId":"u"},{"UserId":null}]} 660000002 UserInfo[1] has no UserId
        {"UserInfo":[{"UserId":"u"},{"UserId":7}]} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 39)
        {"UserInfo":[{"UserId":"u","UserName":7}]} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 39)
        {"UserInfo":[{"UserId":"u","UserName":"\ud800"}]} 660000002 the body is not JSON (line 1 column 46)
        {"UserInfo":[{"UserId":"u","UserId":"v"}]} 660000002 UserInfo is not one list of users whose fields are texts (line 1 column 35)
        {"userInfo":[{"UserId":"u"}]} 660000002 the body has no UserInfo
        {"UserInfos":[{"UserId":"u"}]} 660000002 the body has no UserInfo
        {"UserInfo":[{"UserId":"u"}]} x 660000002 the body is not JSON (line 1 column 31)
    "#]].assert_eq(&told);
    seen(
        &world,
        "u",
        expect![[r#"
        660000002 to 12345, QueryUserInfos
        none of the UserIds is registered
        Result []
        ErrorList "u" 660000002
    "#]],
    );
}

#[test]
fn registering_is_a_post() {
    let world = world();
    for action in ["UserRegister", "RobotRegister"] {
        for method in [Method::GET, Method::PUT, Method::HEAD] {
            let sent = Sent { action: Some(action.into()), method, ..Sent::new() };
            assert_eq!(world.ask(sent.write()).outcome, "2");
        }
    }
}

#[test]
fn a_bot_is_a_user_with_an_id_of_a_bot() {
    let world = world();
    let register = |users: &str, expected: Expect| {
        let body = format!(r#"{{"UserInfo":[{users}]}}"#);
        check_action(&world, "RobotRegister", body, expected);
    };
    let robots = r##"{"UserId":"@RBT#R1","UserName":"userNameA","UserAvatar":"https"},
        {"UserId":"@RBT#R2","UserName":"userNameB","UserAvatar":"https"}"##;
    register(
        robots,
        expect![[r#"
        0 to 12345, RobotRegister
        success
        ErrorList []
    "#]],
    );
    register(
        robots,
        expect![[r#"
        660700002 to 12345, RobotRegister
        no user was registered; ErrorList tells why
        ErrorList "@RBT#R1" 660700002 Bot already exists
        ErrorList "@RBT#R2" 660700002 Bot already exists
    "#]],
    );
    let others = r##"{"UserId":"userB"},{"UserId":"@rbt#R3"},{"UserId":"@RBT#"},
        {"UserId":"@RBT#R4,"},{"UserId":"@RBT#56789012345678901234567890123"}"##;
    register(
        others,
        expect![[r#"
        0 to 12345, RobotRegister
        success
        ErrorList "userB" 660000002 the UserId of a bot begins with @RBT#
        ErrorList "@rbt#R3" 660000002 the UserId of a bot begins with @RBT#
        ErrorList "@RBT#R4," 660000002 this cannot be a user ID: it holds the character U+002C
        ErrorList "@RBT#56789012345678901234567890123" 660000012 user length limit
    "#]],
    );
    seen(
        &world,
        "@RBT#R2",
        expect![[r#"
        0 to 12345, QueryUserInfos
        success
        Result "@RBT#R2" "userNameB"
        ErrorList []
    "#]],
    );
    seen(
        &world,
        "userB",
        expect![[r#"
        660000002 to 12345, QueryUserInfos
        none of the UserIds is registered
        Result []
        ErrorList "userB" 660000002
    "#]],
    );
    let many = |count: usize| vec![r##"{"UserId":"@RBT#R1"}"##; count].join(",");
    register(
        &many(21),
        expect![[r#"
        660000011 to 12345, RobotRegister
        UserInfo has 21 users, 20 are allowed
        ErrorList []
    "#]],
    );
    register(
        "",
        expect![[r#"
        660000002 to 12345, RobotRegister
        UserInfo is empty; send a POST with a JSON object as its body:
        {"UserInfo":[{"UserId":"userA","UserName":"Alice"}]}
        ErrorList []
    "#]],
    );
}
