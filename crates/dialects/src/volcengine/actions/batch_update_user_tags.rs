//! `BatchUpdateUserTags`: adds tags to up to 100 users, or removes some.
//!
//! Added tags go last, and one that is there already is passed over (V26); a tag that is removed
//! and not there is passed over too. Whoever would have too many tags fails alone.

use domain::users::tags::{Retagged, TagOp};
use domain::users::{self, TAG_BYTES_MAX};
use serde::Deserialize;

use super::Asked;
pub(in crate::volcengine) use super::users::FailedUsers as Answer;
use super::users::{Failure, IdType, LIMITS, given_ids, possible};
use crate::volcengine::body;
use crate::volcengine::fault::{Code, Fault};

/// Not documented: as many as any action of the family takes. V34.
const IDS_MAX: usize = 100;

// Nobody would be found by the longest tags otherwise: 64 characters of 4 bytes.
const _: () = assert!(TAG_BYTES_MAX >= 64 * 4);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    tags: Option<Vec<String>>,
    op: Option<i64>,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let longs = given_ids(asked, IDS_MAX)?;
    let Parameters { tags, op } = body::parse(asked.body, asked.headers)?;
    let tags = tags.ok_or_else(|| Fault::missing("Tags"))?;
    if tags.is_empty() || tags.len() > LIMITS.tags_max {
        let (len, max) = (tags.len(), LIMITS.tags_max);
        let message = format!("Tags has {len} items; it must have 1 to {max}.");
        return Err(Fault::new(Code::InvalidParameter, message));
    }
    let op = match op {
        None | Some(0) => TagOp::Add,
        Some(1) => TagOp::Remove,
        Some(_) => {
            return Err(Fault::new(Code::InvalidParameter, "Op must be 0 (add) or 1 (remove)."));
        }
    };
    let (told, ids) = possible(&longs);
    let done = users::update_tags(asked.ctx, asked.app.id, ids, (op, tags), &LIMITS).await?;
    Ok(Answer::new(told, done.into_iter().map(failure), IdType::Number))
}

fn failure(retagged: Retagged) -> Option<Failure> {
    match retagged {
        Retagged::Yes => None,
        Retagged::NotFound => Some(Failure::NotFound),
        Retagged::Repeated => Some(Failure::Repeated),
        Retagged::Invalid(fault) => Some(Failure::OverLimit(fault)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::volcengine::testing::{World, post};

    fn registered() -> World {
        let world = World::new();
        let users = r#"{"AppId":4111,"Users":[{"UserId":1,"Tags":["b","a"]},{"UserId":2}]}"#;
        assert_eq!(world.ask(post("RegisterUsers", users)), r#"200 {"FailedInfos":[]}"#);
        world
    }

    fn body(rest: &str) -> String {
        format!(r#"{{"AppId":4111,{rest}}}"#)
    }

    fn tags_of(world: &World, id: u32) -> String {
        let user = world.ask(post("BatchGetUser", body(&format!(r#""UserIds":[{id}]"#))));
        let tags = user.split(r#""Tags":"#).nth(1).expect("a user");
        tags[..=tags.find(']').expect("a list")].to_owned()
    }

    #[test]
    fn tags_are_added_last_and_removed_anywhere() {
        let world = registered();
        let add = r#""UserIds":[1,2],"Tags":["c","a","c"]"#;
        world.check_post("BatchUpdateUserTags", body(add), expect![[r#"200 {"FailedInfos":[]}"#]]);
        assert_eq!(tags_of(&world, 1), r#"["b","a","c"]"#);
        assert_eq!(tags_of(&world, 2), r#"["c","a"]"#);
        let remove = r#""UserIds":[1,2],"Tags":["a","x"],"Op":1"#;
        world.check_post(
            "BatchUpdateUserTags",
            body(remove),
            expect![[r#"200 {"FailedInfos":[]}"#]],
        );
        assert_eq!(tags_of(&world, 1), r#"["b","c"]"#);
    }

    #[test]
    fn who_cannot_be_changed_is_told() {
        let world = registered();
        let some = r#""UserIds":[3,1,0,1],"Tags":["t"],"Op":0"#;
        world.check_post("BatchUpdateUserTags", body(some), expect![[r#"200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":3},{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":0},{"Code":"InvalidParameter","Message":"This UserId stands earlier in the request; only that counts.","UserId":1}]}"#]]);
        let long = format!(r#""UserIds":[1,2],"Tags":["{}"]"#, "签".repeat(65));
        world.check_post("BatchUpdateUserTags", body(&long), expect![[r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"A tag may have at most 64 characters.","UserId":1},{"Code":"InvalidParameter","Message":"A tag may have at most 64 characters.","UserId":2}]}"#]]);
        let many: Vec<String> = (0..98).map(|n| format!(r#""{n}""#)).collect();
        let many = format!(r#""UserIds":[1,2],"Tags":[{}]"#, many.join(","));
        world.check_post("BatchUpdateUserTags", body(&many), expect![[r#"200 {"FailedInfos":[{"Code":"InvalidParameter","Message":"Tags may have at most 100 items.","UserId":1}]}"#]]);
    }

    #[test]
    fn bad_parameters_refuse_the_whole_request() {
        let world = registered();
        let mut told = String::new();
        let ids = |count: usize| vec!["7"; count].join(",");
        let tags = |count: usize| vec![r#""t""#; count].join(",");
        for rest in [
            r#""Tags":["x"]"#.to_owned(),
            r#""UserIds":[],"Tags":["x"]"#.to_owned(),
            format!(r#""UserIds":[{}],"Tags":["x"]"#, ids(101)),
            r#""UserIds":["1"],"Tags":["x"]"#.to_owned(),
            r#""UserIds":[1]"#.to_owned(),
            r#""UserIds":[1],"Tags":null"#.to_owned(),
            r#""UserIds":[1],"Tags":[]"#.to_owned(),
            r#""UserIds":[1],"Tags":"x""#.to_owned(),
            r#""UserIds":[1],"Tags":[1]"#.to_owned(),
            format!(r#""UserIds":[1],"Tags":[{}]"#, tags(101)),
            r#""UserIds":[1],"Tags":["x"],"Op":2"#.to_owned(),
            r#""UserIds":[1],"Tags":["x"],"Op":-1"#.to_owned(),
            r#""UserIds":[1],"Tags":["x"],"Op":"0""#.to_owned(),
        ] {
            let shown: String = rest.chars().take(60).collect();
            told.push_str(&format!(
                "{shown} {}\n",
                world.ask(post("BatchUpdateUserTags", body(&rest)))
            ));
        }
        expect![[r#"
            "Tags":["x"] 400 MissingParameter 100002 The request is missing UserIds parameter.
            "UserIds":[],"Tags":["x"] 400 InvalidParameter 990001 UserIds is empty; it must have 1 to 100 items.
            "UserIds":[7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7 400 InvalidParameter.UserCountOverLimit 990009 UserIds has 101 items; it must have 1 to 100.
            "UserIds":["1"],"Tags":["x"] 400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: string "1", expected a Long, without quotes at line 1 column 28.
            "UserIds":[1] 400 MissingParameter 100002 The request is missing Tags parameter.
            "UserIds":[1],"Tags":null 400 MissingParameter 100002 The request is missing Tags parameter.
            "UserIds":[1],"Tags":[] 400 InvalidParameter 990001 Tags has 0 items; it must have 1 to 100.
            "UserIds":[1],"Tags":"x" 400 InvalidParameter.Unmarshal 990006 Tags cannot be read: invalid type: string "x", expected a sequence at line 1 column 38.
            "UserIds":[1],"Tags":[1] 400 InvalidParameter.Unmarshal 990006 Tags[0] cannot be read: invalid type: integer `1`, expected a string at line 1 column 37.
            "UserIds":[1],"Tags":["t","t","t","t","t","t","t","t","t","t 400 InvalidParameter 990001 Tags has 101 items; it must have 1 to 100.
            "UserIds":[1],"Tags":["x"],"Op":2 400 InvalidParameter 990001 Op must be 0 (add) or 1 (remove).
            "UserIds":[1],"Tags":["x"],"Op":-1 400 InvalidParameter 990001 Op must be 0 (add) or 1 (remove).
            "UserIds":[1],"Tags":["x"],"Op":"0" 400 InvalidParameter.Unmarshal 990006 Op cannot be read: invalid type: string "0", expected a Long, without quotes at line 1 column 49.
        "#]].assert_eq(&told);
        assert_eq!(tags_of(&world, 1), r#"["b","a"]"#);
    }
}
