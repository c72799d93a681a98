//! Who is online.

use super::*;

fn check_online(world: &World, more: &str, expected: Expect) {
    let change = |sent: &mut Sent| {
        sent.action = Some("QueryUserOnlineState".into());
        sent.method = Method::GET;
        sent.more = more.into();
        // The body of a GET is not read.
        sent.body = b"{".to_vec();
    };
    world.check(change, expected);
}

#[test]
fn the_three_states_are_what_the_log_knows_of_them() {
    let world = world();
    // In a room; in one again, after having left another; by a clock that is ahead of ours.
    world.join(-60, "r1", "there");
    world.join(-600, "r1", "again");
    world.leave(-500, "r1", "again");
    world.join(-400, "r2", "again");
    world.join(300, "r2", "ahead");
    // Left in order; from their last room in order, although lost in the one before.
    world.join(-600, "r1", "left");
    world.leave(-1, "r1", "left");
    world.join(-900, "r3", "lost:");
    world.join(-900, "r3", "lost");
    world.finish(-800, "r3");
    world.join(-700, "r1", "lost:");
    world.leave(-650, "r1", "lost:");
    // Left by a clock that is ahead of ours.
    world.join(-600, "r1", "soon");
    world.leave(300, "r1", "soon");
    let ask = "&UserId[]=there&UserId[]=nobody&UserId[]=lost&UserId[]=left&UserId[]=again\
               &UserId[]=ahead&UserId[]=lost%3A&UserId[]=soon&UserId[]=userA&UserId[]=There";
    check_online(
        &world,
        ask,
        expect![[r#"
        0 to 12345, QueryUserOnlineState
        success
        Result "there" "Online"
        Result "lost" "Offline"
        Result "again" "Online"
        Result "ahead" "Online"
        ErrorList "nobody" 660200001
        ErrorList "left" 660200001
        ErrorList "lost:" 660200001
        ErrorList "soon" 660200001
        ErrorList "userA" 660200001
        ErrorList "There" 660200001
    "#]],
    );
}

#[test]
fn what_clients_tell_counts_before_what_the_log_knows() {
    use domain::presence::State::{LoggedOut, Offline, Online};
    let world = world();
    world.seen(-600, ("in", "s1"), Online);
    world.seen(-600, ("lost", "s2"), Online);
    world.seen(-500, ("lost", "s2"), Offline);
    world.seen(-600, ("out", "s3"), Online);
    world.seen(-500, ("out", "s3"), LoggedOut);
    // By two clients, of which one goes; told late, and in no order.
    world.seen(-400, ("two", "s5"), LoggedOut);
    world.seen(-600, ("two", "s4"), Online);
    world.seen(-600, ("two", "s5"), Online);
    // In a room all the same; from a room in order, although logged in; lost there, but logged out.
    world.join(-60, "r1", "room");
    world.seen(-50, ("room", "s6"), LoggedOut);
    world.join(-60, "r1", "gone");
    world.leave(-50, "r1", "gone");
    world.seen(-600, ("gone", "s7"), Online);
    world.join(-900, "r3", "late");
    world.finish(-800, "r3");
    world.seen(-850, ("late", "s8"), LoggedOut);
    // Nothing was heard of them for a day, and for a second less.
    world.seen(-86_401, ("old", "s9"), Online);
    world.seen(-86_400, ("edge", "s10"), Online);
    let ask = "&UserId[]=in&UserId[]=lost&UserId[]=out&UserId[]=two&UserId[]=room&UserId[]=gone\
               &UserId[]=late&UserId[]=old&UserId[]=edge&UserId[]=never";
    check_online(
        &world,
        ask,
        expect![[r#"
        0 to 12345, QueryUserOnlineState
        success
        Result "in" "Online"
        Result "lost" "Offline"
        Result "two" "Online"
        Result "room" "Online"
        Result "gone" "Online"
        Result "old" "Offline"
        Result "edge" "Online"
        ErrorList "out" 660200001
        ErrorList "late" 660200001
        ErrorList "never" 660200001
    "#]],
    );
}

#[test]
fn nobody_is_registered_by_being_seen() {
    let world = world();
    world.seen(-60, ("u", "s"), domain::presence::State::Online);
    let found = block_on(domain::users::find(
        &world.ctx,
        APP,
        &[domain::UserId::parse("u").expect("an id")],
    ));
    assert_eq!(found.expect("a store"), [None]);
}

#[test]
fn who_was_lost_is_offline_for_a_day() {
    let world = world();
    world.join(-86_500, "r", "u");
    world.finish(-86_400, "r");
    check_online(
        &world,
        "&UserId[]=u",
        expect![[r#"
        0 to 12345, QueryUserOnlineState
        success
        Result "u" "Offline"
        ErrorList []
    "#]],
    );
    world.clock.set_unix_us((NOW_UNIX_S + 1) * 1_000_000);
    check_online(
        &world,
        "&UserId[]=u",
        expect![[r#"
        660200001 to 12345, QueryUserOnlineState
        none of the users is logged in
        Result []
        ErrorList "u" 660200001
    "#]],
    );
}

#[test]
fn ids_are_in_the_query_in_any_spelling() {
    let world = world();
    world.join(-60, "r", "a");
    for list in [
        "&UserId[]=a&UserId[]=b",
        "&UserId%5B%5D=a&UserId%5B%5D=b",
        "&UserId=a&UserId=b",
        "&UserId[0]=a&UserId%5B1%5D=b",
        "&UserId[]=a&UserId[]=b&UserId[]=a",
    ] {
        let sent = Sent {
            action: Some("QueryUserOnlineState".into()),
            method: Method::GET,
            more: list.into(),
            ..Sent::new()
        };
        let body = world.ask(sent.write()).response.into_body();
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        let found = serde_json::json!([{ "UserId": "a", "Status": "Online" }]);
        let failed = serde_json::json!([{ "UserId": "b", "SubCode": 660200001 }]);
        assert_eq!((&answer["Result"], &answer["ErrorList"]), (&found, &failed), "{list}");
    }
}

#[test]
fn what_cannot_be_asked_refuses_the_whole_call() {
    let world = world();
    world.join(-60, "r", "a");
    check_online(
        &world,
        "",
        expect![[r#"
        660000002 to 12345, QueryUserOnlineState
        the query has no UserId; send a GET with UserId[]=userA&UserId[]=userB
        in its query
        Result []
        ErrorList []
    "#]],
    );
    check_online(
        &world,
        "&UserIds[]=a",
        expect![[r#"
        660000002 to 12345, QueryUserOnlineState
        the query has no UserId; send a GET with UserId[]=userA&UserId[]=userB
        in its query
        Result []
        ErrorList []
    "#]],
    );
    check_online(
        &world,
        "&UserId[]=a&UserId[]=",
        expect![[r#"
        660000002 to 12345, QueryUserOnlineState
        UserId[1] cannot be a user ID: it is empty
        Result []
        ErrorList []
    "#]],
    );
    check_online(
        &world,
        "&UserId[]=a&UserId[]=b%2Cc",
        expect![[r#"
        660000002 to 12345, QueryUserOnlineState
        UserId[1] cannot be a user ID: it holds the character U+002C
        Result []
        ErrorList []
    "#]],
    );
    check_online(
        &world,
        &format!("&UserId[]=a&UserId[]={}", "x".repeat(65)),
        expect![[r#"
        660000002 to 12345, QueryUserOnlineState
        UserId[1] cannot be a user ID: it has more than 64 bytes
        Result []
        ErrorList []
    "#]],
    );
    check_online(
        &world,
        &"&UserId[]=a".repeat(101),
        expect![[r#"
        660000011 to 12345, QueryUserOnlineState
        UserId has 101 ids, 100 are allowed
        Result []
        ErrorList []
    "#]],
    );
    check_online(
        &world,
        &"&UserId[]=a".repeat(100),
        expect![[r#"
        0 to 12345, QueryUserOnlineState
        success
        Result "a" "Online"
        ErrorList []
    "#]],
    );
    let post = |sent: &mut Sent| {
        sent.action = Some("QueryUserOnlineState".into());
        sent.body = br#"{"UserId":["a"]}"#.to_vec();
    };
    world.check(
        post,
        expect![[r#"
        2 to 12345, QueryUserOnlineState
        QueryUserOnlineState is not called by "POST"; send a GET with
        UserId[]=userA&UserId[]=userB in its query
        Result []
        ErrorList []
    "#]],
    );
}
