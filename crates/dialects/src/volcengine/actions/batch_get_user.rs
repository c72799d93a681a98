//! `BatchGetUser`: who up to 50 users are.
//!
//! Each id is answered once, in the order of the request (V7, V8). Only users whose ids are
//! positive numbers exist for this action, so nobody has a number that is not positive.

use domain::users::{self, ProfileView, UserView};
use domain::{AppId, UserId};
use serde::Deserialize;

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

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Json, Fault> {
    let Parameters { user_ids } = body::parse(asked.body, asked.headers)?;
    let mut longs = body::check_len("UserIds", user_ids, IDS_MAX)?;
    leave_out_repeats(&mut longs);

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

/// Each number once, where it stands first. There are so few that looking at them all is quicker
/// than any other way.
fn leave_out_repeats(longs: &mut Vec<i64>) {
    let mut distinct = Vec::with_capacity(longs.len());
    for &long in &*longs {
        if !distinct.contains(&long) {
            distinct.push(long);
        }
    }
    *longs = distinct;
}

/// The answer, while users are added to it. It is most of what the action does, so it is written
/// piece by piece into one buffer.
struct UserList {
    json: Vec<u8>,
    /// How the first user begins; the others have a comma before it.
    head: String,
    is_empty: bool,
}

impl UserList {
    fn new(AppId(app_id): AppId, users_max: usize) -> Self {
        /// About as much as most users take.
        const USER_BYTES: usize = 256;
        let mut json = Vec::with_capacity(users_max * USER_BYTES);
        json.extend_from_slice(b"{\"Users\":[");
        Self { json, head: format!("{{\"AppId\":{app_id},\"UserId\":"), is_empty: true }
    }

    fn push(&mut self, user_id: i64, user: &UserView<'_>) {
        let UserView { id: _, profile, created_unix_ms, modified_unix_ms } = user;
        let ProfileView { name, portrait, tags, ext, extra: _, robot } = profile;
        let json = &mut self.json;
        if !std::mem::take(&mut self.is_empty) {
            json.push(b',');
        }
        json.extend_from_slice(self.head.as_bytes());
        push_number(json, user_id);
        json.extend_from_slice(b",\"Portrait\":");
        push_text(json, portrait);
        json.extend_from_slice(b",\"NickName\":");
        push_text(json, name);
        json.extend_from_slice(b",\"Tags\":[");
        for (place, tag) in tags.iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            push_text(json, tag);
        }
        json.extend_from_slice(b"],\"CreateTime\":");
        push_number(json, *created_unix_ms);
        json.extend_from_slice(b",\"ModifyTime\":");
        push_number(json, *modified_unix_ms);
        json.extend_from_slice(b",\"Ext\":{");
        for (place, (key, value)) in ext.iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            push_text(json, key);
            json.push(b':');
            push_text(json, value);
        }
        json.push(b'}');
        if *robot {
            json.extend_from_slice(b",\"IsRobot\":true");
        }
        json.push(b'}');
    }

    fn finish(mut self, not_found: &[i64]) -> Json {
        self.json.extend_from_slice(b"],\"NotFoundUsers\":");
        serde_json::to_writer(&mut self.json, not_found).expect("numbers");
        self.json.push(b'}');
        Json(self.json)
    }
}

fn push_number(json: &mut Vec<u8>, number: i64) {
    serde_json::to_writer(json, &number).expect("a number");
}

/// A text as JSON has it. Most hold nothing that must be escaped, which is found out without a
/// branch for each byte, and are copied as they are.
fn push_text(json: &mut Vec<u8>, text: &str) {
    let is_escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
        serde_json::to_writer(json, text).expect("a text");
    } else {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use domain::users::register::Wanted;
    use domain::users::{Profile, User, register};
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
    fn users_are_shown_as_json_has_them() {
        let texts = ["", "plain", "语", "\"", "\\", "\n", "\u{0}", "\u{1f}", "\u{7f}", "a\"b"];
        let own = |text: &&str| (*text).to_owned();
        let profile = Profile {
            name: texts.concat(),
            portrait: "p\t".to_owned(),
            tags: texts.iter().map(own).collect(),
            ext: texts.iter().map(|text| (own(text), own(text))).collect(),
            extra: String::new(),
            robot: false,
        };
        let id = UserId::parse("7").unwrap();
        let user = User { id, profile, created_unix_ms: -1, modified_unix_ms: i64::MAX };
        let mut list = UserList::new(AppId(1), 1);
        list.push(7, &user.view());
        list.push(8, &user.view());
        let Json(json) = list.finish(&[9]);
        let shown = |id: i64| {
            serde_json::json!({
                "AppId": 1, "UserId": id, "Portrait": "p\t", "NickName": texts.concat(),
                "Tags": texts, "CreateTime": -1, "ModifyTime": i64::MAX, "Ext": user.profile.ext,
            })
        };
        let read: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            read,
            serde_json::json!({ "Users": [shown(7), shown(8)], "NotFoundUsers": [9] })
        );
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
