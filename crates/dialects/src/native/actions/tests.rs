//! What the actions on users and tags have to answer.

use domain::store::{IfTaken, NewUser};
use domain::users::Profile;
use domain::{AppId, UserId};
use expect_test::expect;

use crate::native::testing::{World, wait};

fn world() -> World {
    let world = World::new();
    let user = |number: u32| {
        let tags: &[&str] = match number % 3 {
            0 => &["odd name", "n:0"],
            1 => &["vip", "n:1"],
            _ => &["n:2"],
        };
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let id = UserId::parse(&format!("u{number:03}")).unwrap();
        NewUser { id, profile: Profile { tags, ..Profile::default() } }
    };
    let users = (0..250).map(user).collect();
    let store = &world.ctx.store;
    wait(store.register_users(AppId(4111), users, IfTaken::Leave, 1_234)).unwrap();
    world
}

/// The ids of all pages, and how many pages there are.
fn walk(world: &World, query: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut cursor) = (vec![], 0, String::new());
    loop {
        let answer = world.ask("GET", &format!("/v1/apps/4111/users?{query}{cursor}"));
        let page: serde_json::Value = serde_json::from_str(&answer[4..]).unwrap();
        let users = page["users"].as_array().unwrap_or_else(|| panic!("{answer}"));
        ids.extend(users.iter().map(|user| user["id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, pages),
        }
    }
}

#[test]
fn users_are_found_by_expressions_page_by_page() {
    let world = world();
    let count = |query: &str| {
        let (mut ids, _) = walk(&world, query);
        let found = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), found, "{query}: each once");
        let tags = query.split('&').find(|it| it.starts_with("tags=")).unwrap_or_default();
        let counted = world.ask("GET", &format!("/v1/apps/4111/users/count?{tags}"));
        assert_eq!(counted, format!(r#"200 {{"count":{found},"next":null}}"#), "{query}");
        found
    };
    assert_eq!(count("limit=7"), 250);
    assert_eq!(count("tags=vip&limit=10"), 83);
    assert_eq!(count("tags=vip+AND+n:*"), 83);
    assert_eq!(count("tags=NOT+vip&limit=10"), 167);
    assert_eq!(count("tags=%22odd+name%22+OR+vip&limit=3"), 167);
    assert_eq!(count("tags=nobody"), 0);
    // Counting goes on where any page ends.
    let page = world.ask("GET", "/v1/apps/4111/users?tags=NOT+vip&limit=10");
    let page: serde_json::Value = serde_json::from_str(&page[4..]).unwrap();
    let (shown, next) = (page["users"].as_array().unwrap().len(), page["next"].as_str().unwrap());
    let rest = world.ask("GET", &format!("/v1/apps/4111/users/count?tags=NOT+vip&cursor={next}"));
    assert_eq!(rest, format!(r#"200 {{"count":{},"next":null}}"#, 167 - shown));
    assert_eq!(walk(&world, "limit=100000").1, 1);
    assert!(walk(&world, "").1 >= 3);
}

#[test]
fn tags_are_listed_with_their_counts() {
    let world = world();
    world.check("GET", "/v1/apps/4111/tags", expect![[r#"200 {"tags":[{"tag":"n:0","users":84},{"tag":"n:1","users":83},{"tag":"n:2","users":83},{"tag":"odd name","users":84},{"tag":"vip","users":83}],"next":null}"#]]);
    world.check(
        "GET",
        "/v1/apps/4111/tags?prefix=n:&limit=2",
        expect![[
            r#"200 {"tags":[{"tag":"n:0","users":84},{"tag":"n:1","users":83}],"next":"bjox"}"#
        ]],
    );
    world.check(
        "GET",
        "/v1/apps/4111/tags?prefix=n:&limit=2&cursor=bjox",
        expect![[r#"200 {"tags":[{"tag":"n:2","users":83}],"next":null}"#]],
    );
}

#[test]
fn who_is_deleted_is_gone() {
    let world = world();
    world.check("DELETE", "/v1/apps/4111/users/u001", expect![[r#"200 {"removed":true}"#]]);
    world.check(
        "DELETE",
        "/v1/apps/4111/users/u001",
        expect![[r#"404 {"error":"nobody is registered with this id","code":"no_such_user"}"#]],
    );
    world.check(
        "GET",
        "/v1/apps/4111/users/count?tags=vip",
        expect![[r#"200 {"count":82,"next":null}"#]],
    );
    assert!(world.ask("GET", "/v1/apps/4111/users/u001").starts_with("404 "));
}

#[test]
fn a_user_named_like_a_word_is_asked_for_with_an_escape() {
    let world = World::new();
    let id = UserId::parse("count").unwrap();
    let new = vec![NewUser { id, profile: Profile::default() }];
    let store = &world.ctx.store;
    wait(store.register_users(AppId(4111), new, IfTaken::Leave, 1_234)).unwrap();
    world.check("GET", "/v1/apps/4111/users/count", expect![[r#"200 {"count":1,"next":null}"#]]);
    assert!(world.ask("GET", "/v1/apps/4111/users/%63ount").contains(r#""id":"count""#));
}

#[test]
fn bad_parameters_are_told() {
    let world = world();
    let mut told = String::new();
    for query in [
        "users?tags=a+b",
        "users?tags=(a",
        "users?limit=0",
        "users?limit=x",
        "users?cursor=!",
        "users?after=1",
        "users?tags=a&tags=b",
        "users/count?tags=a+AND+b+OR+c",
        "users/count?limit=1",
        "tags?limit=-1",
        "tags?cursor=_x",
        "tags?tags=a",
    ] {
        told.push_str(&format!(
            "{query} {}\n",
            world.ask("GET", &format!("/v1/apps/4111/{query}"))
        ));
    }
    expect![[r#"
        users?tags=a+b 400 {"error":"`tags` cannot be read: AND, OR or the end is missing at byte 2","code":"invalid_parameter"}
        users?tags=(a 400 {"error":"`tags` cannot be read: what is opened at byte 0 is not closed","code":"invalid_parameter"}
        users?limit=0 400 {"error":"`limit` is 0","code":"invalid_parameter"}
        users?limit=x 400 {"error":"`limit` is not a number","code":"invalid_parameter"}
        users?cursor=! 400 {"error":"`cursor` is none that a call before has told","code":"invalid_parameter"}
        users?after=1 400 {"error":"there is no parameter `after` here","code":"invalid_parameter"}
        users?tags=a&tags=b 400 {"error":"a parameter is given twice","code":"invalid_parameter"}
        users/count?tags=a+AND+b+OR+c 400 {"error":"`tags` cannot be read: AND and OR stand beside each other at byte 8: brackets tell what is meant","code":"invalid_parameter"}
        users/count?limit=1 400 {"error":"there is no parameter `limit` here","code":"invalid_parameter"}
        tags?limit=-1 400 {"error":"`limit` is not a number","code":"invalid_parameter"}
        tags?cursor=_x 400 {"error":"`cursor` is none that a call before has told","code":"invalid_parameter"}
        tags?tags=a 400 {"error":"there is no parameter `tags` here","code":"invalid_parameter"}
    "#]].assert_eq(&told);
}
