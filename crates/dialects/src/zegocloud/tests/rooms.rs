//! Who is in rooms: the actions of RTC.

use super::*;

fn ask(world: &World, action: &str, more: &str) -> String {
    let sent = Sent {
        action: Some(action.into()),
        method: Method::GET,
        more: more.into(),
        body: vec![],
        ..Sent::new()
    };
    show(&world.ask(sent.write()))
}

/// A room with four users, one of them a recorder and one with two connections; two have gone.
fn lesson() -> World {
    let world = world();
    world.join(-50, "room1", "userA");
    world.join_as(-40, "room1", ("twice", "c1"), "ios");
    world.join_as(-30, "room1", ("twice", "c2"), "web");
    world.join_as(-20, "room1", ("recorder", "c3"), "linux");
    world.join(-20, "room1", "语");
    world.join(-60, "room1", "gone");
    world.leave(-10, "room1", "gone");
    world.join(-60, "room1", "soon");
    world.leave(60, "room1", "soon");
    world.join(-60, "over", "gone");
    world.leave(-10, "over", "gone");
    world
}

#[test]
fn lists_who_is_there_by_the_time_of_their_login() {
    let world = lesson();
    let list = |more: &str| ask(&world, "DescribeUserList", &format!("&RoomId={more}"));
    expect![[r#"
        0 to 12345, DescribeUserList
        success
        {"Marker":"","UserList":[{"UserId":"userA","UserName":"Alice 语","UserRole":2},{"UserId":"twice","UserName":"","UserRole":2},{"UserId":"recorder","UserName":"","UserRole":4},{"UserId":"语","UserName":"","UserRole":2}]}
    "#]].assert_eq(&list("room1"));
    assert_eq!(list("room1"), list("room1&Mode=0&Limit=0&Marker="));
    assert_eq!(list("room1"), list("room1&Mode=&Limit=200"));
    expect![[r#"
        0 to 12345, DescribeUserList
        success
        {"Marker":"","UserList":[{"UserId":"语","UserName":"","UserRole":2},{"UserId":"recorder","UserName":"","UserRole":4},{"UserId":"twice","UserName":"","UserRole":2},{"UserId":"userA","UserName":"Alice 语","UserRole":2}]}
    "#]].assert_eq(&list("room1&Mode=1"));
    expect![[r#"
        0 to 12345, DescribeUserList
        success
        {"Marker":"","UserList":[]}
    "#]]
    .assert_eq(&list("over"));
    expect![[r#"
        0 to 12345, DescribeUserList
        success
        {"Marker":"","UserList":[]}
    "#]]
    .assert_eq(&list("Room1"));
}

#[test]
fn a_page_begins_behind_its_marker_whoever_comes_and_goes() {
    let page = |world: &World, mode: u32, marker: &str| {
        let more = format!("&RoomId=room1&Mode={mode}&Limit=2&Marker={marker}");
        let told = ask(world, "DescribeUserList", &more);
        let data: Value = serde_json::from_str(told.lines().last().expect("Data")).expect("JSON");
        let users = data["UserList"].as_array().expect("a list").iter();
        let ids: Vec<String> =
            users.map(|user| user["UserId"].as_str().expect("text").to_owned()).collect();
        (ids.join(","), data["Marker"].as_str().expect("text").to_owned())
    };
    let (world, backwards) = (lesson(), lesson());
    let (first, marker) = page(&world, 0, "");
    assert_eq!((first.as_str(), marker.as_str()), ("userA,twice", "1615186903250000-twice"));
    // The one that the marker names goes, and another comes before it.
    world.tell(5, "native", leave_of("twice", "c1"));
    world.tell(5, "native", leave_of("twice", "c2"));
    world.join(-45, "room1", "late news");
    world.join(-5, "room1", "new");
    let (second, marker) = page(&world, 0, &marker);
    assert_eq!(second, "recorder,语");
    assert_eq!(page(&world, 0, &marker.replace('语', "%E8%AF%AD")), ("new".into(), String::new()));

    let (first, marker) = page(&backwards, 1, "");
    assert_eq!(first, "语,recorder");
    assert_eq!(page(&backwards, 1, &marker), ("twice,userA".into(), String::new()));
}

fn leave_of(user: &str, connection: &str) -> domain::log::Fact {
    use domain::ids::{CallId, ConnectionId, ParticipantId, RoomId};
    let who = domain::log::Presence {
        room: RoomId::parse("room1").expect("a room"),
        call: Some(CallId::parse("call of room1").expect("a call")),
        participant: ParticipantId::parse(user).expect("a participant"),
        connection: Some(ConnectionId::parse(connection).expect("a connection")),
    };
    domain::log::Fact::Left { who, joined_unix_us: None, client: Default::default() }
}

#[test]
fn counts_who_is_there_servers_among_them() {
    let world = lesson();
    let count = |more: &str| ask(&world, "DescribeUserNum", more);
    expect![[r#"
        0 to 12345, DescribeUserNum
        success
        {"UserCountList":[{"AdminUserCount":1,"RoomId":"room1","UserCount":4},{"AdminUserCount":0,"RoomId":"over","UserCount":0},{"AdminUserCount":0,"RoomId":"none","UserCount":0}]}
    "#]]
        .assert_eq(&count("&RoomId[]=room1&RoomId[]=over&RoomId[]=room1&RoomId[]=none"));
    assert_eq!(count("&RoomId%5B%5D=room1"), count("&RoomId=room1"));
    assert_eq!(count("&RoomId[0]=room1"), count("&RoomId=room1"));
}

#[test]
fn tells_of_users_whether_they_are_there() {
    let world = lesson();
    let users = |more: &str| ask(&world, "DescribeUsers", more);
    expect![[r#"
        0 to 12345, DescribeUsers
        success
        {"UserStatusList":[{"LoginTime":1615186903250,"Status":1,"UserId":"twice","UserRole":2},{"LoginTime":0,"Status":0,"UserId":"gone","UserRole":0},{"LoginTime":1615186923250,"Status":1,"UserId":"recorder","UserRole":4}]}
    "#]].assert_eq(&users(
        "&RoomId=room1&UserId[]=twice&UserId[]=gone&UserId[]=recorder&UserId[]=twice",
    ));
    assert_eq!(users("&RoomId=room1&UserId=twice"), users("&RoomId=room1&UserId[0]=twice"));
    // A room is there as long as anybody is.
    expect![[r#"
        0 to 12345, DescribeUsers
        success
        {"UserStatusList":[{"LoginTime":0,"Status":0,"UserId":"nobody","UserRole":0}]}
    "#]]
    .assert_eq(&users("&RoomId=room1&UserId[]=nobody"));
    expect![[r#"
        50001 to 12345, DescribeUsers
        nobody is in this room, so it does not exist
    "#]]
    .assert_eq(&users("&RoomId=over&UserId[]=gone"));
    expect![[r#"
        50001 to 12345, DescribeUsers
        nobody is in this room, so it does not exist
    "#]]
    .assert_eq(&users("&RoomId=none&UserId[]=gone"));
}

#[test]
fn somebody_at_two_doors_is_one_user() {
    let world = lesson();
    let fact = |at_s| {
        let mut fact = leave_of("userA", &format!("other {at_s}"));
        if let domain::log::Fact::Left { who, client, .. } = fact {
            fact = domain::log::Fact::Joined { who, sole: false, client };
        }
        world.tell(at_s, "livekit", fact);
    };
    let before = ask(&world, "DescribeUsers", "&RoomId=room1&UserId=userA");
    fact(-1);
    assert_eq!(ask(&world, "DescribeUsers", "&RoomId=room1&UserId=userA"), before);
    fact(-70);
    assert!(ask(&world, "DescribeUserNum", "&RoomId=room1").contains("\"UserCount\":4"));
    assert!(ask(&world, "DescribeUsers", "&RoomId=room1&UserId=userA").contains("1615186873250"));
}

#[test]
fn what_cannot_be_asked_is_refused_with_the_code_that_the_vendor_has_for_it() {
    let world = lesson();
    let mut told = String::new();
    let long = "r".repeat(257);
    for (action, more) in [
        ("DescribeUserList", ""),
        ("DescribeUserList", "&RoomId="),
        ("DescribeUserList", "&RoomId[]=room1"),
        ("DescribeUserList", "&RoomId=%00"),
        ("DescribeUserList", &format!("&RoomId={long}")),
        ("DescribeUserList", "&RoomId=room1&Mode=2"),
        ("DescribeUserList", "&RoomId=room1&Mode=desc"),
        ("DescribeUserList", "&RoomId=room1&Limit=201"),
        ("DescribeUserList", "&RoomId=room1&Limit=-1"),
        ("DescribeUserList", "&RoomId=room1&Limit=%2B1"),
        ("DescribeUserList", "&RoomId=room1&Limit=99999999999999999999"),
        ("DescribeUserList", "&RoomId=room1&Marker=marker1"),
        ("DescribeUserList", "&RoomId=room1&Marker=-userA"),
        ("DescribeUserList", "&RoomId=room1&Marker=x-userA"),
        ("DescribeUserNum", ""),
        ("DescribeUserNum", "&RoomId[]="),
        ("DescribeUserNum", &format!("&RoomId[]=room1&RoomId[]={long}")),
        ("DescribeUserNum", &"&RoomId[]=room1".repeat(11)),
        ("DescribeUsers", "&UserId[]=userA"),
        ("DescribeUsers", "&RoomId=room1"),
        ("DescribeUsers", "&RoomId=room1&UserId[]="),
        ("DescribeUsers", &format!("&RoomId=room1&UserId[]={long}")),
        ("DescribeUsers", &format!("&RoomId=room1{}", "&UserId[]=userA".repeat(11))),
    ] {
        let shown = ask(&world, action, more).replacen('\n', ": ", 1).replace('\n', " ");
        told += &format!("{}\n", shown.replace("to 12345, ", "").trim_end());
    }
    expect![[r#"
        2 DescribeUserList: RoomId cannot be one: it is empty
        2 DescribeUserList: RoomId cannot be one: it is empty
        2 DescribeUserList: RoomId cannot be one: it is empty
        2 DescribeUserList: RoomId cannot be one: it holds the character U+0000
        3 DescribeUserList: RoomId cannot be one: it has more than 256 bytes
        2 DescribeUserList: Mode is 0, ascending, or 1, descending
        2 DescribeUserList: Mode is 0, ascending, or 1, descending
        2 DescribeUserList: Limit is a number from 0 to 200
        2 DescribeUserList: Limit is a number from 0 to 200
        2 DescribeUserList: Limit is a number from 0 to 200
        2 DescribeUserList: Limit is a number from 0 to 200
        2 DescribeUserList: Marker is none that was given
        2 DescribeUserList: Marker is none that was given
        2 DescribeUserList: Marker is none that was given
        2 DescribeUserNum: the query has no RoomId
        2 DescribeUserNum: a RoomId cannot be one: it is empty
        3 DescribeUserNum: a RoomId cannot be one: it has more than 256 bytes
        2 DescribeUserNum: RoomId has 11 ids, 10 are allowed
        2 DescribeUsers: RoomId cannot be one: it is empty
        2 DescribeUsers: the query has no UserId
        2 DescribeUsers: a UserId cannot be one: it is empty
        3 DescribeUsers: a UserId cannot be one: it has more than 256 bytes
        50011 DescribeUsers: UserId has 11 ids, 10 are allowed
    "#]]
    .assert_eq(&told);
    for action in ["DescribeUserList", "DescribeUserNum", "DescribeUsers"] {
        let sent = Sent {
            action: Some(action.into()),
            more: "&RoomId=room1&UserId=userA".into(),
            ..Sent::new()
        };
        assert_eq!(world.ask(sent.write()).outcome, "2", "{action} is no POST");
    }
}

#[test]
fn a_room_is_listed_once_a_second() {
    let world = world_with(Settings::default(), Memory::default());
    let list = |room: &str| {
        let told = ask(&world, "DescribeUserList", &format!("&RoomId={room}"));
        told.split(' ').next().expect("a code").to_owned()
    };
    // What is refused for its parameters does not count against the room.
    assert_eq!([list("%00"), list("a"), list("a"), list("b")], ["2", "0", "207", "0"]);
    world.clock.set_unix_us((NOW_UNIX_S + 1) * 1_000_000);
    assert_eq!(list("a"), "0");
}
