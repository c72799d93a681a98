//! `BatchUpdateUser`: changes up to 10 users.
//!
//! What is absent or `null` stays as it is (V3); `[]` and `{}` clear, and a given Tags or Ext
//! replaces the whole (V5).

use domain::app::EmptyString;
use domain::users::update::Updated;
use domain::users::{self, ProfileChange};

use super::Asked;
pub(in crate::volcengine) use super::users::FailedUsers as Answer;
use super::users::{Failure, Given, GivenUser, IdType, LIMITS, given, ids};
use crate::volcengine::fault::Fault;

const USERS_MAX: usize = 10;

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let given = given(asked, USERS_MAX)?;
    let ids = ids(&given);
    let empty_clears = empty_clears(asked);
    let changes = given
        .into_iter()
        .filter_map(|Given { id, user, .. }| id.map(|id| (id, change(user, empty_clears))));
    let done = users::update(asked.ctx, asked.app.id, changes.collect(), &LIMITS).await?;
    Ok(Answer::new(ids, done.into_iter().map(failure), IdType::Number))
}

fn change(given: GivenUser, empty_clears: bool) -> ProfileChange {
    let text = |text: Option<String>| text.filter(|text| empty_clears || !text.is_empty());
    ProfileChange {
        name: text(given.nick_name),
        portrait: text(given.portrait),
        tags: given.tags,
        ext: given.ext,
        extra: None,
    }
}

/// QUIRK(volcengine): V4. The official Go SDK sends `""` for every text that its caller left out.
/// Capture: go-volc-sdk-golang--BatchUpdateUser.
fn empty_clears(asked: &Asked<'_>) -> bool {
    match asked.app.quirks.empty_string {
        EmptyString::Clear => true,
        EmptyString::Keep => false,
        EmptyString::ByClient => !asked.is_from_go_sdk(),
    }
}

fn failure(updated: Updated) -> Option<Failure> {
    match updated {
        Updated::Yes => None,
        Updated::NotFound => Some(Failure::NotFound),
        Updated::Repeated => Some(Failure::Repeated),
        Updated::Invalid(fault) => Some(Failure::OverLimit(fault)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::Settings;
    use domain::app::Quirks;
    use expect_test::{Expect, expect};
    use http::Request;

    use super::*;
    use crate::volcengine::testing::{World, post, post_by_go};

    fn users(users: &str) -> String {
        format!(r#"{{"AppId":4111,"Users":[{users}]}}"#)
    }

    fn registered(empty_string: EmptyString) -> World {
        let quirks = Quirks { empty_string, ..Quirks::default() };
        let world = World::with(quirks, Settings::default());
        let user = r#"{"UserId":1,"NickName":"n","Portrait":"p","Tags":["t"],"Ext":{"k":"v"}}"#;
        assert_eq!(world.ask(post("RegisterUsers", users(user))), r#"200 {"FailedInfos":[]}"#);
        world
    }

    /// What the user is after a change by any client, or by the official Go SDK.
    fn check(
        post: fn(&str, Bytes) -> Request<Bytes>,
        empty_string: EmptyString,
        fields: &str,
        expected: Expect,
    ) {
        let world = registered(empty_string);
        let body = users(&format!(r#"{{"UserId":1{fields}}}"#));
        let told = world.ask(post("BatchUpdateUser", body.into()));
        assert_eq!(told, r#"200 {"FailedInfos":[]}"#);
        let user = world.ask(self::post("BatchGetUser", r#"{"AppId":4111,"UserIds":[1]}"#));
        let parts: Vec<&str> =
            [r#""Ext":"#, r#""NickName":"#].iter().filter_map(|at| user.split(at).nth(1)).collect();
        let ext = parts[0].split(r#","Mod"#).next().unwrap();
        let rest = parts[1].split(r#","UserId"#).next().unwrap();
        expected.assert_eq(&format!("{ext} {rest}"));
    }

    #[test]
    fn what_is_not_given_stays_and_what_is_empty_goes() {
        let by_client = EmptyString::ByClient;
        check(post, by_client, "", expect![[r#"{"k":"v"} "n","Portrait":"p","Tags":["t"]"#]]);
        let nulls = r#","NickName":null,"Portrait":null,"Tags":null,"Ext":null"#;
        check(post, by_client, nulls, expect![[r#"{"k":"v"} "n","Portrait":"p","Tags":["t"]"#]]);
        check(
            post,
            by_client,
            r#","Tags":[],"Ext":{}"#,
            expect![[r#"{} "n","Portrait":"p","Tags":[]"#]],
        );
        check(
            post,
            by_client,
            r#","Tags":["b","a"],"Ext":{"l":"w"}"#,
            expect![[r#"{"l":"w"} "n","Portrait":"p","Tags":["b","a"]"#]],
        );
        let empty = r#","NickName":"","Portrait":"""#;
        check(post, by_client, empty, expect![[r#"{"k":"v"} "","Portrait":"","Tags":["t"]"#]]);
        check(
            post,
            EmptyString::Keep,
            empty,
            expect![[r#"{"k":"v"} "n","Portrait":"p","Tags":["t"]"#]],
        );
        check(
            post_by_go,
            by_client,
            empty,
            expect![[r#"{"k":"v"} "n","Portrait":"p","Tags":["t"]"#]],
        );
        check(
            post_by_go,
            EmptyString::Clear,
            empty,
            expect![[r#"{"k":"v"} "","Portrait":"","Tags":["t"]"#]],
        );
        let by_go = r#","Ext":null,"NickName":"new","Portrait":"","Tags":null"#;
        check(
            post_by_go,
            by_client,
            by_go,
            expect![[r#"{"k":"v"} "new","Portrait":"p","Tags":["t"]"#]],
        );
    }

    #[test]
    fn who_cannot_be_changed_is_told() {
        let world = registered(EmptyString::ByClient);
        let five = r#"{"UserId":2},{"UserId":1,"NickName":"a"},{"UserId":1,"NickName":"b"},
            {"UserId":0},{"UserId":2}"#;
        world.check_post("BatchUpdateUser", users(five), expect![[r#"200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":2},{"Code":"InvalidParameter","Message":"This UserId stands earlier in the request; only that counts.","UserId":1},{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":0},{"Code":"InvalidParameter","Message":"This UserId stands earlier in the request; only that counts.","UserId":2}]}"#]]);
        let long = format!(r#"{{"UserId":1,"NickName":"{}"}}"#, "n".repeat(101));
        world.check_post("BatchUpdateUser", users(&long), expect![[r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"NickName may have at most 100 characters.","UserId":1}]}"#]]);
        world.check_post(
            "BatchUpdateUser",
            users(r#"{"NickName":"a"}"#),
            expect![
                "400 MissingParameter 100002 The request is missing Users[0].UserId parameter."
            ],
        );
        world.check_post("BatchUpdateUser", users(r#"{"UserId":1,"Tags":[1]}"#), expect!["400 InvalidParameter.Unmarshal 990006 Users[0].Tags[0] cannot be read: invalid type: integer `1`, expected a string at line 1 column 44."]);
    }

    #[test]
    fn one_to_10_users_stand_in_a_request() {
        let world = World::new();
        let count = |count: usize| users(&vec![r#"{"UserId":1}"#; count].join(","));
        world.check_post(
            "BatchUpdateUser",
            count(0),
            expect!["400 InvalidParameter 990001 Users is empty; it must have 1 to 10 items."],
        );
        world.check_post("BatchUpdateUser", count(11), expect!["400 InvalidParameter.UserCountOverLimit 990009 Users has 11 items; it must have 1 to 10."]);
        let ten = world.ask(post("BatchUpdateUser", count(10)));
        assert_eq!(ten.matches("stands earlier").count(), 9, "{ten}");
    }
}
