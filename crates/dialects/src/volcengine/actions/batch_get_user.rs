//! `BatchGetUser`: who up to 50 users are.
//!
//! Each id is answered once, in the order of the request (V7, V8). Only users whose ids are
//! positive numbers exist for this action, so nobody has a number that is not positive.

use std::collections::{BTreeMap, HashSet};

use domain::users::{self, User};
use domain::{AppId, UserId};
use serde::{Deserialize, Serialize};

use super::Asked;
use crate::volcengine::body;
use crate::volcengine::fault::Fault;

const IDS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    user_ids: Option<Vec<i64>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct Answer {
    users: Vec<ShownUser>,
    not_found_users: Vec<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownUser {
    app_id: u32,
    user_id: i64,
    portrait: String,
    nick_name: String,
    tags: Vec<String>,
    create_time: i64,
    modify_time: i64,
    ext: BTreeMap<String, String>,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let Parameters { user_ids } = body::parse(asked.body, asked.headers)?;
    let mut longs = body::check_len("UserIds", user_ids, IDS_MAX)?;
    let mut seen = HashSet::with_capacity(longs.len());
    longs.retain(|&long| seen.insert(long));

    let ids: Vec<UserId> = longs.iter().copied().filter_map(UserId::from_long).collect();
    let mut found = users::find(asked.ctx, asked.app.id, &ids).await?.into_iter();
    let mut answer = Answer { users: vec![], not_found_users: vec![] };
    for long in longs {
        let user = if long > 0 { found.next().flatten() } else { None };
        match user {
            Some(user) => answer.users.push(show(asked.app.id, long, user)),
            None => answer.not_found_users.push(long),
        }
    }
    Ok(answer)
}

fn show(AppId(app_id): AppId, user_id: i64, user: User) -> ShownUser {
    let profile = user.profile;
    ShownUser {
        app_id,
        user_id,
        portrait: profile.portrait,
        nick_name: profile.name,
        tags: profile.tags,
        create_time: user.created_unix_ms,
        modify_time: user.modified_unix_ms,
        ext: profile.ext,
    }
}

#[cfg(test)]
mod tests {
    use domain::users::register::Wanted;
    use domain::users::{Profile, register};
    use expect_test::expect;

    use super::*;
    use crate::volcengine::actions::users::LIMITS;
    use crate::volcengine::testing::{APP, World, wait};

    fn ids(ids: &str) -> String {
        format!(r#"{{"AppId":4111,"UserIds":[{ids}]}}"#)
    }

    fn register_named(world: &World, id: &str) {
        let id = UserId::parse(id).unwrap();
        let user = Wanted { id, profile: Profile::default() };
        wait(register(&world.ctx, APP, vec![user], &LIMITS, Default::default())).unwrap();
    }

    #[test]
    fn each_id_is_answered_once_in_the_order_of_the_request() {
        let world = World::new();
        register_named(&world, "2");
        register_named(&world, "1");
        world.check_post("BatchGetUser", ids("3,1,0,2,1,-1,3"), expect![[r#"200 {"NotFoundUsers":[3,0,-1],"Users":[{"AppId":4111,"CreateTime":1795226563000,"Ext":{},"ModifyTime":1795226563000,"NickName":"","Portrait":"","Tags":[],"UserId":1},{"AppId":4111,"CreateTime":1795226563000,"Ext":{},"ModifyTime":1795226563000,"NickName":"","Portrait":"","Tags":[],"UserId":2}]}"#]]);
    }

    #[test]
    fn a_user_whose_id_is_no_number_is_not_seen() {
        let world = World::new();
        register_named(&world, "01");
        register_named(&world, "one");
        world.check_post(
            "BatchGetUser",
            ids("1"),
            expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]],
        );
    }

    #[test]
    fn one_to_50_ids_stand_in_a_request() {
        let world = World::new();
        world.check_post(
            "BatchGetUser",
            ids(""),
            expect!["400 InvalidParameter 990001 UserIds is empty; it must have 1 to 50 items."],
        );
        world.check_post(
            "BatchGetUser",
            ids(&["1"; 50].join(",")),
            expect![[r#"200 {"NotFoundUsers":[1],"Users":[]}"#]],
        );
        world.check_post("BatchGetUser", ids(&["1"; 51].join(",")), expect!["400 InvalidParameter.UserCountOverLimit 990009 UserIds has 51 items; it must have 1 to 50."]);
        world.check_post(
            "BatchGetUser",
            r#"{"AppId":4111}"#,
            expect!["400 MissingParameter 100002 The request is missing UserIds parameter."],
        );
    }

    #[test]
    fn an_id_is_a_long() {
        let world = World::new();
        world.check_post(
            "BatchGetUser",
            ids("9223372036854775807"),
            expect![[r#"200 {"NotFoundUsers":[9223372036854775807],"Users":[]}"#]],
        );
        world.check_post("BatchGetUser", ids("9223372036854775808"), expect!["400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid value: integer `9223372036854775808`, expected a Long, without quotes at line 1 column 44."]);
        world.check_post("BatchGetUser", ids("1,\"2\""), expect![[r#"400 InvalidParameter.Unmarshal 990006 UserIds[1] cannot be read: invalid type: string "2", expected a Long, without quotes at line 1 column 30."#]]);
        world.check_post("BatchGetUser", ids("1.0"), expect!["400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: floating point `1.0`, expected a Long, without quotes at line 1 column 28."]);
        world.check_post("BatchGetUser", ids("null"), expect!["400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: null, expected a Long, without quotes at line 1 column 29."]);
    }
}
