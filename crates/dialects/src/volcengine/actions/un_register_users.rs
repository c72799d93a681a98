//! `UnRegisterUsers`: takes up to 10 users out of the directory.
//!
//! They are gone from every answer, from tags and from audiences when this is answered; what the
//! room log has of them stays. Who is registered again begins anew.

use domain::users;
use domain::users::unregister::Removed;

use super::Asked;
pub(in crate::volcengine) use super::users::FailedUsers as Answer;
use super::users::{Failure, IdType, given_ids, possible};
use crate::volcengine::fault::Fault;

const IDS_MAX: usize = 10;

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let longs = given_ids(asked, IDS_MAX)?;
    let (told, ids) = possible(&longs);
    let done = users::unregister(asked.ctx, asked.app.id, ids).await?;
    Ok(Answer::new(told, done.into_iter().map(failure), IdType::Number))
}

fn failure(removed: Removed) -> Option<Failure> {
    match removed {
        Removed::Yes => None,
        Removed::NotFound => Some(Failure::NotFound),
        Removed::Repeated => Some(Failure::Repeated),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::volcengine::testing::{World, post};

    fn ids(ids: &str) -> String {
        format!(r#"{{"AppId":4111,"UserIds":{ids}}}"#)
    }

    #[test]
    fn who_is_unregistered_is_gone_and_begins_anew() {
        let world = World::new();
        let users = r#"{"AppId":4111,"Users":[{"UserId":1,"NickName":"a"},{"UserId":2}]}"#;
        world.ask(post("RegisterUsers", users));
        world.check_post("UnRegisterUsers", ids("[3,1,0,1]"), expect![[r#"200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":3},{"Code":"InvalidParameter","Message":"UserId must be a positive Long.","UserId":0},{"Code":"InvalidParameter","Message":"This UserId stands earlier in the request; only that counts.","UserId":1}]}"#]]);
        let shown = world.ask(post("BatchGetUser", ids("[1,2]")));
        assert!(shown.starts_with(r#"200 {"NotFoundUsers":[1],"#), "{shown}");
        world.check_post("UnRegisterUsers", ids("[1]"), expect![[r#"200 {"FailedInfos":[{"Code":"UserNotFound","Message":"UserisNotFound: nobody is registered with this UserId.","UserId":1}]}"#]]);
        let again = r#"{"AppId":4111,"Users":[{"UserId":1,"NickName":"b"}]}"#;
        let done = world.ask(post("RegisterUsers", again));
        assert_eq!(done, r#"200 {"FailedInfos":[]}"#, "another profile is no matter");
    }

    #[test]
    fn one_to_10_ids_stand_in_a_request() {
        let world = World::new();
        let many = |count: usize| ids(&format!("[{}]", vec!["1"; count].join(",")));
        world.check_post(
            "UnRegisterUsers",
            many(0),
            expect!["400 InvalidParameter 990001 UserIds is empty; it must have 1 to 10 items."],
        );
        world.check_post("UnRegisterUsers", many(11), expect!["400 InvalidParameter.UserCountOverLimit 990009 UserIds has 11 items; it must have 1 to 10."]);
        let ten = world.ask(post("UnRegisterUsers", many(10)));
        assert_eq!(ten.matches("stands earlier").count(), 9, "{ten}");
        world.check_post(
            "UnRegisterUsers",
            r#"{"AppId":4111}"#,
            expect!["400 MissingParameter 100002 The request is missing UserIds parameter."],
        );
        world.check_post(
            "UnRegisterUsers",
            ids("null"),
            expect!["400 MissingParameter 100002 The request is missing UserIds parameter."],
        );
        world.check_post("UnRegisterUsers", ids("[\"1\"]"), expect![[r#"400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: string "1", expected a Long, without quotes at line 1 column 28."#]]);
        world.check_post("UnRegisterUsers", ids("1"), expect!["400 InvalidParameter.Unmarshal 990006 UserIds cannot be read: invalid type: integer `1`, expected a sequence at line 1 column 25."]);
        world.check_post("UnRegisterUsers", ids("[1.5]"), expect!["400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: floating point `1.5`, expected a Long, without quotes at line 1 column 28."]);
    }
}
