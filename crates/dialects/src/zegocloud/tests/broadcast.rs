//! `SendMessageToAllUsers`.

use domain::broadcast::{Audience, Broadcast, CONTENT_BYTES_MAX, OPEN_MAX};
use domain::clock::SECOND_US;

use super::*;

const ACTION: &str = "SendMessageToAllUsers";
const WHOLE: &str = r#"{"FromUserId":"userA","MessageType":200,"MessageBody":{"Message":"hello 语",
    "ExtendedData":"s","HasReceipt":1,"Unknown":2,"OfflinePush":{"Enable":1,"Title":"t"}},
    "SubMsgType":7,"PushType":1}"#;

fn with(path: &str, value: &str) -> String {
    let mut body: Value = serde_json::from_str(WHOLE).expect("JSON");
    let (parent, key) = path.rsplit_once('/').expect("a path");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    match value {
        "" => parent.remove(key),
        value => parent.insert(key.into(), serde_json::from_str(value).expect("JSON")),
    };
    body.to_string()
}

fn ask(world: &World, body: impl Into<Vec<u8>>) -> Answered {
    world.ask(Sent { action: Some(ACTION.into()), body: body.into(), ..Sent::new() }.write())
}

fn kept(world: &World) -> Vec<Broadcast> {
    block_on(world.ctx.store.list_broadcasts(APP, None, 1_000)).expect("a page")
}

#[test]
fn a_message_is_kept_as_it_was_sent() {
    let world = world();
    check_action(
        &world,
        ACTION,
        WHOLE,
        expect![[r#"
            0 to 12345, SendMessageToAllUsers
            success
        "#]],
    );
    // The vendor's sample.
    let sample = r#"{"FromUserId":"userA","MessageType":1,"MessageBody":{"Message":"hello world",
        "ExtendedData":"s"},"SubMsgType":0}"#;
    assert_eq!(ask(&world, sample).outcome, "ok");
    let kept = kept(&world);
    let bodies: Vec<&str> = kept.iter().map(|job| job.message.body.as_str()).collect();
    expect![[r#"{"FromUserId":"userA","MessageType":200,"SubMsgType":7,"PushType":1,"MessageBody":{"Message":"hello 语","ExtendedData":"s","HasReceipt":1,"OfflinePush":{"Enable":1,"Title":"t"}}}
{"FromUserId":"userA","MessageType":1,"MessageBody":{"Message":"hello world","ExtendedData":"s"}}"#]].assert_eq(&bodies.join("\n"));
    let message = &kept[0].message;
    assert_eq!(message.audience, Audience::EVERYBODY);
    assert_eq!((message.sender.as_str(), message.expires_unix_us), ("userA", None));
    assert_eq!((&*message.dialect, &*message.action), ("zegocloud", ACTION));
}

#[test]
fn each_fault_has_its_own_code_and_leaves_no_trace() {
    let world = world();
    let mut told = String::new();
    for (path, value) in [
        ("/FromUserId", ""),
        ("/FromUserId", "null"),
        ("/FromUserId", "5"),
        ("/FromUserId", "\"\""),
        ("/FromUserId", "\"a*b\""),
        ("/FromUserId", "\"nobody\""),
        ("/FromUserId", "\"123456789012345678901234567890123\""),
        ("/MessageType", ""),
        ("/MessageType", "\"1\""),
        ("/MessageType", "2"),
        ("/MessageType", "-1"),
        ("/MessageType", "1.5"),
        ("/SubMsgType", "201"),
        ("/PushType", "3"),
        ("/MessageBody", ""),
        ("/MessageBody", "\"{}\""),
        ("/MessageBody", "[]"),
        ("/MessageBody/Message", ""),
        ("/MessageBody/Message", "{}"),
        ("/MessageBody/OfflinePush", "[]"),
    ] {
        let answered = ask(&world, with(path, value));
        let body: Value = serde_json::from_slice(answered.response.body()).expect("JSON");
        let message = body["Message"].as_str().expect("text").split(';').next();
        told += &format!("{path} {value}: {} {}\n", body["Code"], message.expect("some"));
    }
    expect![[r#"
        /FromUserId : 660000002 the body has no FromUserId
        /FromUserId null: 660000002 the body has no FromUserId
        /FromUserId 5: 660000002 a parameter has another type than it must have (line 1 column 15)
        /FromUserId "": 660000002 FromUserId "" cannot be a user ID: it is empty
        /FromUserId "a*b": 660000002 FromUserId "a*b" cannot be a user ID: it holds the character U+002A
        /FromUserId "nobody": 660500002 FromUserId is not registered, and has not logged in
        /FromUserId "123456789012345678901234567890123": 660000002 FromUserId has more than 32 bytes
        /MessageType : 660000002 the body has no MessageType
        /MessageType "1": 660000002 a parameter has another type than it must have (line 1 column 162)
        /MessageType 2: 660000002 MessageType is none of 1, 11, 12, 13, 14 and 200
        /MessageType -1: 660000002 a parameter has another type than it must have (line 1 column 161)
        /MessageType 1.5: 660000002 a parameter has another type than it must have (line 1 column 162)
        /SubMsgType 201: 660000002 SubMsgType is not 0 to 200
        /PushType 3: 660000002 PushType is not 0, 1 or 2
        /MessageBody : 660000002 the body has no MessageBody
        /MessageBody "{}": 660000002 a parameter has another type than it must have (line 1 column 40)
        /MessageBody []: 660000002 a parameter has another type than it must have (line 1 column 36)
        /MessageBody/Message : 660000002 MessageBody has no Message
        /MessageBody/Message {}: 660000002 a parameter has another type than it must have (line 1 column 81)
        /MessageBody/OfflinePush []: 660000002 a parameter has another type than it must have (line 1 column 107)
    "#]].assert_eq(&told);
    for body in ["", "[]", "null", "{", "{}"] {
        assert_eq!(ask(&world, body).outcome, "660000002", "{body}");
    }
    assert_eq!(kept(&world), []);
}

#[test]
fn a_message_may_have_32_kib_and_no_byte_more() {
    let world = world();
    let message = |text: String| ask(&world, with("/MessageBody/Message", &format!("{text:?}")));
    assert_eq!(message("a".repeat(CONTENT_BYTES_MAX)).outcome, "ok");
    assert_eq!(message("a".repeat(CONTENT_BYTES_MAX + 1)).outcome, "660400001");
    assert_eq!(message("语".repeat(CONTENT_BYTES_MAX / 3 + 1)).outcome, "660400001");
    let extended =
        |text: String| ask(&world, with("/MessageBody/ExtendedData", &format!("{text:?}")));
    assert_eq!(extended("a".repeat(1_024)).outcome, "ok");
    assert_eq!(extended("a".repeat(1_025)).outcome, "660400001");
    let push = format!(r#"{{"Payload":"{}"}}"#, "a".repeat(500_000));
    assert_eq!(ask(&world, with("/MessageBody/OfflinePush", &push)).outcome, "660400001");
    assert_eq!(kept(&world).len(), 2);
}

#[test]
fn the_101st_within_24_hours_is_refused() {
    let mut world = world_with(Settings::default(), Memory::default());
    // What is sent in one second is another quota, which runs by a clock of its own.
    world.ctx.quotas = domain::quota::Quotas::new(false);
    let at = |second: i64| {
        world.clock.set_unix_us((NOW_UNIX_S + second) * SECOND_US);
        let timestamp = Some((NOW_UNIX_S + second).to_string());
        let body = WHOLE.into();
        let sent = Sent { action: Some(ACTION.into()), timestamp, body, ..Sent::new() };
        world.ask(sent.write())
    };
    for second in 0..100 {
        assert_eq!(at(second).outcome, "ok");
    }
    expect![[r#"
        660500003 to 12345, SendMessageToAllUsers
        100 messages to all users were sent in the last 24 hours
    "#]]
    .assert_eq(&show(&at(100)));
    assert_eq!(at(86_399).outcome, "660500003");
    assert_eq!(at(86_400).outcome, "ok", "the first is 24 hours old");
    assert_eq!(at(86_400).outcome, "660500003");
    assert_eq!(kept(&world).len(), 101);
}

#[test]
fn a_second_has_one() {
    let world = world_with(Settings::default(), Memory::default());
    assert_eq!(ask(&world, WHOLE).outcome, "ok");
    let outcomes = (0..1_000).map(|_| ask(&world, WHOLE).outcome);
    assert!(outcomes.into_iter().any(|outcome| outcome == "660500003"));
}

#[test]
fn when_too_many_are_under_way_the_client_is_told_to_come_again() {
    let world = world();
    for _ in 0..OPEN_MAX {
        assert_eq!(ask(&world, WHOLE).outcome, "ok");
    }
    assert_eq!(ask(&world, WHOLE).outcome, "1");
}

#[test]
fn it_is_sent_with_post() {
    let world = world();
    let sent = Sent { method: Method::GET, action: Some(ACTION.into()), ..Sent::new() };
    assert_eq!(world.ask(sent.write()).outcome, "2");
}
