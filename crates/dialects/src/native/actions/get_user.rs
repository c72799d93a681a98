//! `GET /v1/apps/{app}/users/{id}`: who a user is.

use domain::users;

use super::Asked;
pub(in crate::native) use super::users::ShownUser as Answer;
use super::users::named;
use crate::native::fault::Fault;

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let id = named(asked)?;
    asked.query.only([])?;
    let found = users::find(asked.ctx, asked.app.id, &[id]).await?.pop().flatten();
    found.map(Answer::from).ok_or_else(Fault::no_such_user)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::store::{IfTaken, NewUser};
    use domain::users::Profile;
    use domain::{AppId, UserId};
    use expect_test::expect;

    use crate::native::testing::{World, wait};

    #[test]
    fn tells_all_that_is_known() {
        let world = World::new();
        let profile = Profile {
            name: "张三".into(),
            portrait: "http://p".into(),
            tags: vec!["b".into(), "a".into()],
            ext: BTreeMap::from([("k".into(), "v".into())]),
            extra: "x".into(),
            robot: true,
        };
        let id = UserId::parse("a/b c").unwrap();
        let new = vec![NewUser { id, profile }];
        let store = &world.ctx.store;
        wait(store.register_users(AppId(4111), new, IfTaken::Leave, 1_234)).unwrap();
        world.check(
            "GET",
            "/v1/apps/4111/users/a%2Fb%20c",
            expect![[r#"200 {"id":"a/b c","name":"张三","portrait":"http://p","tags":["b","a"],"ext":{"k":"v"},"extra":"x","robot":true,"created":"1970-01-01T00:00:01.234Z","modified":"1970-01-01T00:00:01.234Z"}"#]],
        );
    }

    #[test]
    fn who_is_not_there_is_told_and_who_may_not_ask_is_not() {
        let world = World::new();
        let too_long = format!("/v1/apps/4111/users/{}", "a".repeat(65));
        for target in ["/v1/apps/4111/users/a", &too_long, "/v1/apps/4111/users/a%00b"] {
            let told = r#"404 {"error":"nobody is registered with this id","code":"no_such_user"}"#;
            assert_eq!(world.ask("GET", target), told);
        }
        world.check(
            "GET",
            "/v1/apps/4111/users/a?x=1",
            expect![[
                r#"400 {"error":"there is no parameter `x` here","code":"invalid_parameter"}"#
            ]],
        );
        world.check(
            "PUT",
            "/v1/apps/4111/users/a",
            expect![[
                r#"405 {"error":"this path is not asked with PUT","code":"method_not_allowed"}"#
            ]],
        );
        world.check(
            "GET",
            "/v1/apps/4111/nothing",
            expect![[r#"404 {"error":"nothing is served at this path","code":"no_such_path"}"#]],
        );
        let refused = world.ask("GET", "/v1/apps/4112/users/a");
        assert!(refused.starts_with("401 "), "{refused}");
        for target in ["/v1/apps/4111/users/a", "/v1/apps/4111/nothing", "/v1/apps/x/y"] {
            assert_eq!(world.ask_with("GET", target, "wrong"), refused, "{target}");
        }
    }
}
