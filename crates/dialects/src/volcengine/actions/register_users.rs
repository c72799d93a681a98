//! `RegisterUsers`: puts up to 20 users into the directory.
//!
//! An id that is taken with the same profile is a success, so that a repeat is harmless; with
//! another profile that user fails and nothing is overwritten (V1, and the app's `reregister`).

use domain::app::FailedUserId;
use domain::users::register::Wanted;
use domain::users::{self, Profile};

use super::Asked;
pub(in crate::volcengine) use super::users::FailedUsers as Answer;
use super::users::{Failure, Given, GivenUser, IdType, LIMITS, given, ids};
use crate::volcengine::fault::Fault;

const USERS_MAX: usize = 20;

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let given = given(asked, USERS_MAX)?;
    let ids = ids(&given);
    let wanted = given
        .into_iter()
        .filter_map(|Given { id, user, .. }| id.map(|id| Wanted { id, profile: profile(user) }));
    let (wanted, reregister) = (wanted.collect(), asked.app.quirks.reregister);
    let done = users::register(asked.ctx, asked.app.id, wanted, &LIMITS, reregister).await?;
    Ok(Answer::new(ids, done.into_iter().map(failure), id_type(asked)))
}

fn profile(given: GivenUser) -> Profile {
    Profile {
        name: given.nick_name.unwrap_or_default(),
        portrait: given.portrait.unwrap_or_default(),
        tags: given.tags.unwrap_or_default(),
        ext: given.ext.unwrap_or_default(),
        extra: String::new(),
        robot: given.is_robot.unwrap_or(false),
    }
}

fn failure(registered: users::register::Registered) -> Option<Failure> {
    use users::register::Registered;
    match registered {
        // A repeat is harmless. V1.
        Registered::Yes | Registered::Already => None,
        Registered::Taken => Some(Failure::AlreadyExists),
        Registered::RobotsFull => Some(Failure::TooManyRobots),
        Registered::Repeated => Some(Failure::Repeated),
        Registered::Invalid(fault) => Some(Failure::OverLimit(fault)),
    }
}

/// QUIRK(volcengine): V2. The document says text, and the official Go SDK fails on text.
/// <https://www.volcengine.com/docs/6348/1125993>
fn id_type(asked: &Asked<'_>) -> IdType {
    match asked.app.quirks.failed_user_id {
        FailedUserId::Text => IdType::Text,
        FailedUserId::Number => IdType::Number,
        FailedUserId::ByClient if asked.is_from_go_sdk() => IdType::Number,
        FailedUserId::ByClient => IdType::Text,
    }
}

#[cfg(test)]
mod tests {
    use domain::Settings;
    use domain::app::{Quirks, Reregister};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::volcengine::testing::{World, post, post_by_go};

    fn users(users: &str) -> String {
        format!(r#"{{"AppId":4111,"Users":[{users}]}}"#)
    }

    /// Registers one user with this field.
    fn check_field(field: &str, expected: Expect) {
        let body = users(&format!(r#"{{"UserId":1,{field}}}"#));
        World::new().check_post("RegisterUsers", body, expected);
    }

    fn shown(world: &World, ids: &str) -> String {
        world.ask(post("BatchGetUser", format!(r#"{{"AppId":4111,"UserIds":[{ids}]}}"#)))
    }

    #[test]
    fn registers_whoever_can_be() {
        let world = World::new();
        let full = r#"{"UserId":10001,"NickName":"张三 A+B","Portrait":"http://p/?x=1&y=2",
            "Tags":["age","level"],"Ext":{"key":"value"},"IsRobot":true}"#;
        world.check_post("RegisterUsers", users(full), expect![[r#"200 {"FailedInfos":[]}"#]]);
        world.check_post("RegisterUsers", users(full), expect![[r#"200 {"FailedInfos":[]}"#]]);
        let three = r#"{"UserId":10001,"NickName":"other"},{"UserId":0},{"UserId":3},
            {"UserId":-5},{"UserId":3,"NickName":"x"},{"UserId":9223372036854775807}"#;
        world.check_post("RegisterUsers", users(three), expect![[r#"200 {"FailedInfos":[{"Code":"UserAlreadyExist","Message":"This UserId is registered with another profile, which is unchanged; use BatchUpdateUser to change it.","UserId":"10001"},{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":"0"},{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":"-5"},{"Code":"InvalidParameter","Message":"This UserId stands earlier in the request; only that counts.","UserId":"3"}]}"#]]);
        expect![[r#"200 {"NotFoundUsers":[0],"Users":[{"AppId":4111,"CreateTime":1795226563000,"Ext":{"key":"value"},"IsRobot":true,"ModifyTime":1795226563000,"NickName":"张三 A+B","Portrait":"http://p/?x=1&y=2","Tags":["age","level"],"UserId":10001},{"AppId":4111,"CreateTime":1795226563000,"Ext":{},"ModifyTime":1795226563000,"NickName":"","Portrait":"","Tags":[],"UserId":3},{"AppId":4111,"CreateTime":1795226563000,"Ext":{},"ModifyTime":1795226563000,"NickName":"","Portrait":"","Tags":[],"UserId":9223372036854775807}]}"#]].assert_eq(&shown(&world, "10001,3,9223372036854775807,0"));
    }

    #[test]
    fn a_failed_id_has_the_type_that_its_client_can_read() {
        let check = |failed_user_id, by_go, expected: Expect| {
            let quirks = Quirks { failed_user_id, ..Quirks::default() };
            let world = World::with(quirks, Settings::default());
            let post = if by_go { post_by_go::<String> } else { post };
            world.check(post("RegisterUsers", users(r#"{"UserId":0}"#)), expected);
        };
        check(
            FailedUserId::ByClient,
            false,
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":"0"}]}"#
            ]],
        );
        check(
            FailedUserId::ByClient,
            true,
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":0}]}"#
            ]],
        );
        check(
            FailedUserId::Text,
            true,
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":"0"}]}"#
            ]],
        );
        check(
            FailedUserId::Number,
            false,
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":0}]}"#
            ]],
        );
    }

    #[test]
    fn overwrites_where_the_app_wants_it() {
        let quirks = Quirks { reregister: Reregister::Overwrite, ..Quirks::default() };
        let world = World::with(quirks, Settings::default());
        world.ask(post("RegisterUsers", users(r#"{"UserId":1,"NickName":"a","Tags":["t"]}"#)));
        world.check_post(
            "RegisterUsers",
            users(r#"{"UserId":1,"NickName":"b"}"#),
            expect![[r#"200 {"FailedInfos":[]}"#]],
        );
        expect![[r#"200 {"NotFoundUsers":[],"Users":[{"AppId":4111,"CreateTime":1795226563000,"Ext":{},"ModifyTime":1795226563000,"NickName":"b","Portrait":"","Tags":[],"UserId":1}]}"#]].assert_eq(&shown(&world, "1"));
    }

    #[test]
    fn one_to_20_users_stand_in_a_request() {
        let world = World::new();
        let count = |count: usize| users(&vec![r#"{"UserId":1}"#; count].join(","));
        world.check_post(
            "RegisterUsers",
            count(0),
            expect!["400 InvalidParameter 990001 Users is empty; it must have 1 to 20 items."],
        );
        world.check_post("RegisterUsers", count(21), expect!["400 InvalidParameter.UserCountOverLimit 990009 Users has 21 items; it must have 1 to 20."]);
        expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]].assert_eq(&shown(&world, "1"));
        let twenty = world.ask(post("RegisterUsers", count(20)));
        assert_eq!(twenty.matches("stands earlier").count(), 19, "{twenty}");
        world.check_post(
            "RegisterUsers",
            r#"{"AppId":4111}"#,
            expect!["400 MissingParameter 100002 The request is missing Users parameter."],
        );
        world.check_post(
            "RegisterUsers",
            r#"{"AppId":4111,"Users":null}"#,
            expect!["400 MissingParameter 100002 The request is missing Users parameter."],
        );
    }

    #[test]
    fn a_field_over_its_limit_fails_its_user_alone() {
        let name = |text: String| format!(r#""NickName":"{text}""#);
        check_field(&name("语".repeat(100)), expect![[r#"200 {"FailedInfos":[]}"#]]);
        check_field(
            &name("语".repeat(101)),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"NickName may have at most 100 characters.","UserId":"1"}]}"#
            ]],
        );
        check_field(&name("\\u0000😀".to_owned()), expect![[r#"200 {"FailedInfos":[]}"#]]);
        check_field(
            &format!(r#""Portrait":"{}""#, "p".repeat(501)),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"Portrait may have at most 500 characters.","UserId":"1"}]}"#
            ]],
        );
        let tags = |tag: String, count: usize| {
            format!(r#""Tags":[{}]"#, vec![format!("{tag:?}"); count].join(","))
        };
        check_field(&tags("签".repeat(64), 100), expect![[r#"200 {"FailedInfos":[]}"#]]);
        check_field(
            &tags("签".repeat(65), 1),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"A tag may have at most 64 characters.","UserId":"1"}]}"#
            ]],
        );
        check_field(
            &tags(String::new(), 101),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"Tags may have at most 100 items.","UserId":"1"}]}"#
            ]],
        );
        let ext = |key: String, value: String| format!(r#""Ext":{{"{key}":"{value}"}}"#);
        check_field(&ext("k".repeat(50), "v".repeat(500)), expect![[r#"200 {"FailedInfos":[]}"#]]);
        check_field(
            &ext("键".repeat(17), String::new()),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"A key of Ext, which may not be empty, may have at most 50 bytes.","UserId":"1"}]}"#
            ]],
        );
        check_field(
            &ext(String::new(), String::new()),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"A key of Ext, which may not be empty, may have at most 50 bytes.","UserId":"1"}]}"#
            ]],
        );
        check_field(
            &ext("s:k".into(), String::new()),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"A key of Ext may not begin with \"s:\".","UserId":"1"}]}"#
            ]],
        );
        check_field(
            &ext("k".into(), "值".repeat(167)),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"A value of Ext may have at most 500 bytes.","UserId":"1"}]}"#
            ]],
        );
        let keys: Vec<String> = (0..21).map(|n| format!(r#""k{n}":"""#)).collect();
        check_field(
            &format!(r#""Ext":{{{}}}"#, keys.join(",")),
            expect![[
                r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"Ext may have at most 20 keys.","UserId":"1"}]}"#
            ]],
        );
        check_field(
            r#""NickName":null,"Tags":null,"Ext":null"#,
            expect![[r#"200 {"FailedInfos":[]}"#]],
        );
    }

    #[test]
    fn a_wrong_type_refuses_the_whole_request() {
        let world = World::new();
        let mut told = String::new();
        for user in [
            r#"{"UserId":"2"}"#,
            r#"{"UserId":2.0}"#,
            r#"{"UserId":1e400}"#,
            r#"{"UserId":9223372036854775808}"#,
            r#"{"UserId":true}"#,
            r#"{"UserId":null}"#,
            r#"{"NickName":"n"}"#,
            r#"{"UserId":2,"UserId":2}"#,
            r#"{"UserId":2,"NickName":5}"#,
            r#"{"UserId":2,"NickName":"\ud800"}"#,
            r#"{"UserId":2,"Tags":"t"}"#,
            r#"{"UserId":2,"Tags":[1]}"#,
            r#"{"UserId":2,"Tags":[null]}"#,
            r#"{"UserId":2,"Ext":{"k":1}}"#,
            r#"{"UserId":2,"Ext":{"k":null}}"#,
            r#"{"UserId":2,"Ext":["k"]}"#,
            "[2]",
            "2",
            "null",
        ] {
            let body = users(&format!(r#"{{"UserId":1}},{user}"#));
            told.push_str(&format!("{user} {}\n", world.ask(post("RegisterUsers", body))));
        }
        expect![[r#"
            {"UserId":"2"} 400 InvalidParameter.Unmarshal 990006 Users[1].UserId cannot be read: invalid type: string "2", expected a Long, without quotes at line 1 column 49.
            {"UserId":2.0} 400 InvalidParameter.Unmarshal 990006 Users[1].UserId cannot be read: invalid type: floating point `2.0`, expected a Long, without quotes at line 1 column 49.
            {"UserId":1e400} 400 InvalidParameter.Unmarshal 990006 The body cannot be read: number out of range at line 1 column 51.
            {"UserId":9223372036854775808} 400 InvalidParameter.Unmarshal 990006 Users[1].UserId cannot be read: invalid value: integer `9223372036854775808`, expected a Long, without quotes at line 1 column 65.
            {"UserId":true} 400 InvalidParameter.Unmarshal 990006 Users[1].UserId cannot be read: invalid type: boolean `true`, expected a Long, without quotes at line 1 column 50.
            {"UserId":null} 400 MissingParameter 100002 The request is missing Users[1].UserId parameter.
            {"NickName":"n"} 400 MissingParameter 100002 The request is missing Users[1].UserId parameter.
            {"UserId":2,"UserId":2} 400 InvalidParameter.Unmarshal 990006 Users[1] cannot be read: duplicate field `UserId` at line 1 column 56.
            {"UserId":2,"NickName":5} 400 InvalidParameter.Unmarshal 990006 Users[1].NickName cannot be read: invalid type: integer `5`, expected a string at line 1 column 60.
            {"UserId":2,"NickName":"\ud800"} 400 InvalidParameter.Unmarshal 990006 The body cannot be read: a text holds half a surrogate pair at line 1 column 67.
            {"UserId":2,"Tags":"t"} 400 InvalidParameter.Unmarshal 990006 Users[1].Tags cannot be read: invalid type: string "t", expected a sequence at line 1 column 58.
            {"UserId":2,"Tags":[1]} 400 InvalidParameter.Unmarshal 990006 Users[1].Tags[0] cannot be read: invalid type: integer `1`, expected a string at line 1 column 57.
            {"UserId":2,"Tags":[null]} 400 InvalidParameter.Unmarshal 990006 Users[1].Tags[0] cannot be read: invalid type: null, expected a string at line 1 column 60.
            {"UserId":2,"Ext":{"k":1}} 400 InvalidParameter.Unmarshal 990006 Users[1].Ext.k cannot be read: invalid type: integer `1`, expected a string at line 1 column 60.
            {"UserId":2,"Ext":{"k":null}} 400 InvalidParameter.Unmarshal 990006 Users[1].Ext.k cannot be read: invalid type: null, expected a string at line 1 column 63.
            {"UserId":2,"Ext":["k"]} 400 InvalidParameter.Unmarshal 990006 Users[1].Ext cannot be read: invalid type: sequence, expected a map at line 1 column 54.
            [2] 400 InvalidParameter.Unmarshal 990006 Users[1] cannot be read: invalid type: sequence, expected an object at line 1 column 36.
            2 400 InvalidParameter.Unmarshal 990006 Users[1] cannot be read: invalid type: integer `2`, expected an object at line 1 column 37.
            null 400 InvalidParameter.Unmarshal 990006 Users[1] cannot be read: invalid type: null, expected an object at line 1 column 40.
        "#]].assert_eq(&told);
        expect![[r#"200 {"NotFoundUsers":[1,2],"Users":[]}"#]].assert_eq(&shown(&world, "1,2"));
        world.check_post("RegisterUsers", r#"{"AppId":4111,"Users":{}}"#, expect!["400 InvalidParameter.Unmarshal 990006 Users cannot be read: invalid type: map, expected a sequence at line 1 column 22."]);
    }
}
