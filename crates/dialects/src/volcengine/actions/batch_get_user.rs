//! `BatchGetUser`: who up to 50 users are.
//!
//! Each id is answered once, in the order of the request (V7, V8). Only users whose ids are
//! positive numbers exist for this action, so nobody has a number that is not positive.

use std::collections::HashSet;

use domain::users::{self, UserView};
use domain::{AppId, UserId};
use serde::{Deserialize, Serialize, Serializer};

use super::Asked;
use crate::volcengine::body;
use crate::volcengine::envelope::Json;
use crate::volcengine::fault::Fault;

const IDS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    user_ids: Option<Vec<i64>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownUser<'u> {
    app_id: u32,
    user_id: i64,
    portrait: &'u str,
    nick_name: &'u str,
    tags: &'u [&'u str],
    create_time: i64,
    modify_time: i64,
    #[serde(serialize_with = "as_map")]
    ext: &'u [(&'u str, &'u str)],
}

fn as_map<S: Serializer>(pairs: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Json, Fault> {
    let Parameters { user_ids } = body::parse(asked.body, asked.headers)?;
    let mut longs = body::check_len("UserIds", user_ids, IDS_MAX)?;
    let mut seen = HashSet::with_capacity(longs.len());
    longs.retain(|&long| seen.insert(long));

    let (places, ids): (Vec<usize>, Vec<UserId>) = longs
        .iter()
        .enumerate()
        .filter_map(|(place, &long)| Some((place, UserId::from_long(long)?)))
        .unzip();
    let mut is_found = vec![false; longs.len()];
    // Written down while the store shows them: a user is copied once, into the answer.
    let mut list = UserList::new(asked.app.id, longs.len());
    let mut look = |place: usize, user: UserView<'_>| {
        let place = places[place];
        is_found[place] = true;
        list.push(longs[place], &user);
    };
    users::look_at(asked.ctx, asked.app.id, &ids, &mut look).await?;
    let mut found = is_found.into_iter();
    longs.retain(|_| found.next() == Some(false));
    Ok(list.finish(&longs))
}

/// The answer, while users are added to it.
struct UserList {
    app_id: u32,
    json: Vec<u8>,
    is_empty: bool,
}

impl UserList {
    fn new(AppId(app_id): AppId, users_max: usize) -> Self {
        /// About as much as most users take.
        const USER_BYTES: usize = 256;
        let mut json = Vec::with_capacity(users_max * USER_BYTES);
        json.extend_from_slice(b"{\"Users\":[");
        Self { app_id, json, is_empty: true }
    }

    fn push(&mut self, user_id: i64, user: &UserView<'_>) {
        if !std::mem::take(&mut self.is_empty) {
            self.json.push(b',');
        }
        let UserView { id: _, profile, created_unix_ms, modified_unix_ms } = user;
        let shown = ShownUser {
            app_id: self.app_id,
            user_id,
            portrait: profile.portrait,
            nick_name: profile.name,
            tags: &profile.tags,
            create_time: *created_unix_ms,
            modify_time: *modified_unix_ms,
            ext: &profile.ext,
        };
        serde_json::to_writer(&mut self.json, &shown).expect("texts, numbers, a list and a map");
    }

    fn finish(mut self, not_found: &[i64]) -> Json {
        self.json.extend_from_slice(b"],\"NotFoundUsers\":");
        serde_json::to_writer(&mut self.json, not_found).expect("numbers");
        self.json.push(b'}');
        Json(self.json)
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
