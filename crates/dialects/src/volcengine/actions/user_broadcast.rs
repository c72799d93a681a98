//! `UserBroadcast`: a message to all registered users, or to those with some tags.
//!
//! The answer says that the broadcast is durable and will be delivered; the delivery itself is the
//! server's business.

use std::collections::BTreeMap;

use domain::UserId;
use domain::broadcast::{self, Accepted, Audience, CONTENT_BYTES_MAX, Message, Quota};
use domain::clock::SECOND_US;
use domain::context::DAY_S;
use domain::users::{self, Profile};
use serde::{Deserialize, Serialize};

use super::Asked;
use super::users::{Failure, LIMITS};
use crate::volcengine::body;
use crate::volcengine::fault::{Code, Fault};

/// How many broadcasts of a calendar day are accepted, as documented.
const PER_DAY: usize = 20;

/// For how many seconds a message may be tried to be delivered.
const TTL_S_MAX: i64 = 604_800;

/// The document has no words for the answer, but that it can be ignored.
#[derive(Debug, Serialize)]
pub(in crate::volcengine) struct Answer {}

/// As a request gives them. `null` is as good as nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    sender: Option<i64>,
    msg_type: Option<i64>,
    content: Option<String>,
    #[serde(rename = "MsgTTL")]
    msg_ttl: Option<i64>,
    inbox_type: Option<i64>,
    tag_op: Option<i64>,
    tags: Option<Vec<String>>,
    ext: Option<BTreeMap<String, String>>,
}

/// What is delivered, in the vendor's words.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Delivered<'a> {
    sender: i64,
    msg_type: i64,
    content: &'a str,
    #[serde(rename = "MsgTTL")]
    msg_ttl: i64,
    inbox_type: i64,
    tag_op: i64,
    tags: &'a [String],
    ext: &'a BTreeMap<String, String>,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let message = message(asked)?;
    let offset_s = i64::from(asked.ctx.settings.time_zone_offset_s);
    let local_s = message.created_unix_us.div_euclid(SECOND_US) + offset_s;
    let midnight_s = local_s.div_euclid(DAY_S) * DAY_S - offset_s;
    let quota = Quota { since_unix_us: midnight_s * SECOND_US, max: PER_DAY };
    match broadcast::accept(asked.ctx, asked.app.id, message, quota).await? {
        Accepted::Yes(_) => Ok(Answer {}),
        Accepted::OverQuota => {
            let message = format!(
                "Request was rejected because the request speed of this openAPI is beyond the \
                 current flow control limit. UserBroadcast may be asked {PER_DAY} times a day."
            );
            Err(Fault::new(Code::FlowLimitExceeded, message))
        }
    }
}

fn message(asked: &Asked<'_>) -> Result<Message, Fault> {
    let given: Parameters = body::parse(asked.body, asked.headers)?;
    let long = given.sender.ok_or_else(|| Fault::missing("Sender"))?;
    let invalid = |message: String| Fault::new(Code::InvalidParameter, message);
    let sender =
        UserId::from_long(long).ok_or_else(|| invalid("Sender must be a positive Long.".into()))?;
    let msg_type = given.msg_type.ok_or_else(|| Fault::missing("MsgType"))?;
    if i32::try_from(msg_type).is_err() {
        return Err(invalid("MsgType must be an Integer of 32 bits.".into()));
    }
    let content = given.content.ok_or_else(|| Fault::missing("Content"))?;
    if content.len() > CONTENT_BYTES_MAX {
        let message = format!("Content may have at most {CONTENT_BYTES_MAX} bytes.");
        return Err(Fault::new(Code::SizeOverLimit, message));
    }
    let msg_ttl = given.msg_ttl.ok_or_else(|| Fault::missing("MsgTTL"))?;
    if !(1..=TTL_S_MAX).contains(&msg_ttl) {
        return Err(invalid(format!("MsgTTL must be 1 to {TTL_S_MAX} seconds.")));
    }
    let inbox_type = given.inbox_type.unwrap_or(0);
    if inbox_type != 0 {
        return Err(invalid("InboxType must be 0.".into()));
    }
    let profile = Profile {
        tags: given.tags.unwrap_or_default(),
        ext: given.ext.unwrap_or_default(),
        ..Profile::default()
    };
    // V9 holds for the tags and the fields of a message, too.
    profile.check(&LIMITS).map_err(|fault| invalid(Failure::OverLimit(fault).to_string()))?;
    let Profile { tags, ext, .. } = profile;
    let tag_op = given.tag_op.unwrap_or(0);
    let who = match tag_op {
        _ if tags.is_empty() => users::Audience::Everybody,
        0 => users::Audience::any_of(tags.clone()),
        1 => users::Audience::all_of(tags.clone()),
        _ => return Err(invalid("TagOp must be 0 (any of Tags) or 1 (all of Tags).".into())),
    };
    let delivered = Delivered {
        sender: long,
        msg_type,
        content: &content,
        msg_ttl,
        inbox_type,
        tag_op,
        tags: &tags,
        ext: &ext,
    };
    let created_unix_us = asked.ctx.clock.now_unix_us();
    Ok(Message {
        dialect: "volcengine".into(),
        action: "UserBroadcast".into(),
        sender,
        body: serde_json::to_string(&delivered).expect("texts, numbers, lists and maps of text"),
        // Others do not exist for this dialect.
        audience: Audience { who, longs_only: true },
        expires_unix_us: Some(created_unix_us.saturating_add(msg_ttl * SECOND_US)),
        created_unix_us,
    })
}

#[cfg(test)]
mod tests {
    use domain::Settings;
    use domain::app::Quirks;
    use domain::broadcast::Broadcast;
    use expect_test::{Expect, expect};

    use super::*;
    use crate::volcengine::signature::signing::{NOW_UNIX_S, presign};
    use crate::volcengine::testing::{APP, World, post, wait};

    const WHOLE: &str = r#"{"AppId":4111,"Sender":10001,"MsgType":10001,"Content":"{\"text\":\"语\"}",
        "MsgTTL":60,"InboxType":0,"TagOp":1,"Tags":["tag1:v1","b"],"Ext":{"k":"v"}}"#;

    fn with(field: &str, value: &str) -> String {
        let mut body: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
        match value {
            "" => body.as_object_mut().unwrap().remove(field),
            value => body
                .as_object_mut()
                .unwrap()
                .insert(field.into(), serde_json::from_str(value).unwrap()),
        };
        body.to_string()
    }

    fn kept(world: &World) -> Vec<Broadcast> {
        wait(world.ctx.store.list_broadcasts(APP, None, 100)).unwrap()
    }

    #[test]
    fn a_broadcast_is_kept_as_it_was_asked_for() {
        let world = World::new();
        world.check_post("UserBroadcast", WHOLE, expect!["200 {}"]);
        let kept = kept(&world);
        let message = &kept[0].message;
        expect![[r#"{"Sender":10001,"MsgType":10001,"Content":"{\"text\":\"语\"}","MsgTTL":60,"InboxType":0,"TagOp":1,"Tags":["tag1:v1","b"],"Ext":{"k":"v"}}"#]].assert_eq(&message.body);
        let all = users::Audience::all_of(["tag1:v1".into(), "b".into()]);
        assert_eq!(message.audience, Audience { who: all, longs_only: true });
        assert_eq!(message.expires_unix_us, Some((NOW_UNIX_S + 60) * SECOND_US));
        assert_eq!(message.sender.as_str(), "10001");
        let (dialect, action) = (message.dialect.as_str(), message.action.as_str());
        assert_eq!((dialect, action), ("volcengine", "UserBroadcast"));
    }

    #[test]
    fn what_is_not_given_is_everybody_and_nothing() {
        let world = World::new();
        let least = r#"{"AppId":4111,"Sender":1,"MsgType":1,"Content":"","MsgTTL":604800,
            "Tags":null,"Ext":null,"TagOp":null,"InboxType":null}"#;
        world.check_post("UserBroadcast", least, expect!["200 {}"]);
        world.check_post("UserBroadcast", with("TagOp", ""), expect!["200 {}"]);
        let kept = kept(&world);
        assert_eq!(kept[0].message.audience.who, users::Audience::Everybody);
        let any = users::Audience::any_of(["tag1:v1".into(), "b".into()]);
        assert_eq!(kept[1].message.audience.who, any);
    }

    #[test]
    fn what_cannot_be_is_refused_and_leaves_no_trace() {
        let world = World::new();
        let mut told = String::new();
        for (field, value) in [
            ("Sender", ""),
            ("Sender", "0"),
            ("Sender", "-1"),
            ("Sender", "\"10001\""),
            ("Sender", "1.5"),
            ("Sender", "9223372036854775808"),
            ("MsgType", ""),
            ("MsgType", "\"1\""),
            ("MsgType", "2147483648"),
            ("Content", ""),
            ("Content", "null"),
            ("Content", "{}"),
            ("MsgTTL", ""),
            ("MsgTTL", "0"),
            ("MsgTTL", "604801"),
            ("MsgTTL", "\"60\""),
            ("InboxType", "1"),
            ("TagOp", "2"),
            ("TagOp", "-1"),
            ("TagOp", "\"0\""),
            ("Tags", "\"a\""),
            ("Tags", "[1]"),
            ("Ext", "[]"),
            ("Ext", "{\"s:a\":\"b\"}"),
            ("Ext", "{\"a\":1}"),
        ] {
            let answer = world.ask(post("UserBroadcast", with(field, value)));
            told.push_str(&format!("{field} {value}: {answer}\n"));
        }
        expect![[r#"
            Sender : 400 MissingParameter 100002 The request is missing Sender parameter.
            Sender 0: 400 InvalidParameter 990001 Sender must be a positive Long.
            Sender -1: 400 InvalidParameter 990001 Sender must be a positive Long.
            Sender "10001": 400 InvalidParameter.Unmarshal 990006 Sender cannot be read: invalid type: string "10001", expected a Long, without quotes at line 1 column 119.
            Sender 1.5: 400 InvalidParameter.Unmarshal 990006 Sender cannot be read: invalid type: floating point `1.5`, expected a Long, without quotes at line 1 column 115.
            Sender 9223372036854775808: 400 InvalidParameter.Unmarshal 990006 Sender cannot be read: invalid value: integer `9223372036854775808`, expected a Long, without quotes at line 1 column 131.
            MsgType : 400 MissingParameter 100002 The request is missing MsgType parameter.
            MsgType "1": 400 InvalidParameter.Unmarshal 990006 MsgType cannot be read: invalid type: string "1", expected a Long, without quotes at line 1 column 100.
            MsgType 2147483648: 400 InvalidParameter 990001 MsgType must be an Integer of 32 bits.
            Content : 400 MissingParameter 100002 The request is missing Content parameter.
            Content null: 400 MissingParameter 100002 The request is missing Content parameter.
            Content {}: 400 InvalidParameter.Unmarshal 990006 Content cannot be read: invalid type: map, expected a string at line 1 column 24.
            MsgTTL : 400 MissingParameter 100002 The request is missing MsgTTL parameter.
            MsgTTL 0: 400 InvalidParameter 990001 MsgTTL must be 1 to 604800 seconds.
            MsgTTL 604801: 400 InvalidParameter 990001 MsgTTL must be 1 to 604800 seconds.
            MsgTTL "60": 400 InvalidParameter.Unmarshal 990006 MsgTTL cannot be read: invalid type: string "60", expected a Long, without quotes at line 1 column 88.
            InboxType 1: 400 InvalidParameter 990001 InboxType must be 0.
            TagOp 2: 400 InvalidParameter 990001 TagOp must be 0 (any of Tags) or 1 (all of Tags).
            TagOp -1: 400 InvalidParameter 990001 TagOp must be 0 (any of Tags) or 1 (all of Tags).
            TagOp "0": 400 InvalidParameter.Unmarshal 990006 TagOp cannot be read: invalid type: string "0", expected a Long, without quotes at line 1 column 129.
            Tags "a": 400 InvalidParameter.Unmarshal 990006 Tags cannot be read: invalid type: string "a", expected a sequence at line 1 column 138.
            Tags [1]: 400 InvalidParameter.Unmarshal 990006 Tags[0] cannot be read: invalid type: integer `1`, expected a string at line 1 column 137.
            Ext []: 400 InvalidParameter.Unmarshal 990006 Ext cannot be read: invalid type: sequence, expected a map at line 1 column 51.
            Ext {"s:a":"b"}: 400 InvalidParameter 990001 A key of Ext may not begin with "s:".
            Ext {"a":1}: 400 InvalidParameter.Unmarshal 990006 Ext.a cannot be read: invalid type: integer `1`, expected a string at line 1 column 57.
        "#]].assert_eq(&told);
        assert_eq!(kept(&world), []);
    }

    #[test]
    fn content_may_have_32_kib_and_no_byte_more() {
        let world = World::new();
        let content = |text: String| with("Content", &format!("{text:?}"));
        let ask = |text: String| world.ask(post("UserBroadcast", content(text)));
        assert_eq!(ask("a".repeat(CONTENT_BYTES_MAX)), "200 {}");
        // Three bytes each, and two more.
        let chinese = "语".repeat(CONTENT_BYTES_MAX / 3);
        assert_eq!(ask(format!("{chinese}ab")), "200 {}");
        let expected = "413 InvalidParameter.SizeOverLimit 990008 Content may have at most 32768 \
                        bytes.";
        assert_eq!(ask("a".repeat(CONTENT_BYTES_MAX + 1)), expected);
        assert_eq!(ask(format!("{chinese}abc")), expected);
        assert_eq!(kept(&world).len(), 2);
    }

    #[test]
    fn tags_have_the_limits_of_users() {
        let world = World::new();
        let tags = |tag: String, count: usize| {
            with("Tags", &serde_json::to_string(&vec![tag; count]).unwrap())
        };
        let ask = |body: String| world.ask(post("UserBroadcast", body));
        assert_eq!(ask(tags("签".repeat(64), 100)), "200 {}");
        assert!(ask(tags("签".repeat(65), 1)).starts_with("400 InvalidParameter 990001 A tag"));
        assert!(ask(tags("a".into(), 101)).starts_with("400 InvalidParameter 990001 Tags"));
    }

    #[test]
    fn the_21st_of_a_day_is_refused_and_the_first_of_the_next_is_not() {
        let world = World::new();
        let check = |count: usize, expected: Expect| {
            let answers = (0..count).map(|_| world.ask(post("UserBroadcast", WHOLE)));
            expected.assert_eq(
                &answers
                    .collect::<std::collections::BTreeSet<_>>()
                    .into_iter()
                    .collect::<Vec<_>>()
                    .join("\n"),
            );
        };
        check(20, expect!["200 {}"]);
        check(
            2,
            expect![
                "429 FlowLimitExceeded 100018 Request was rejected because the request speed of this openAPI is beyond the current flow control limit. UserBroadcast may be asked 20 times a day."
            ],
        );
        assert_eq!(kept(&world).len(), 20);
        // Without documented limits nobody is counted.
        let settings = Settings { documented_limits: false, ..Settings::default() };
        let world = World::with(Quirks::default(), settings);
        let all: Vec<_> = (0..30).map(|_| world.ask(post("UserBroadcast", WHOLE))).collect();
        assert!(all.iter().all(|answer| answer == "200 {}"));
    }

    #[test]
    fn a_day_ends_at_midnight_in_the_time_zone_of_answers() {
        // Midnight there is 100 seconds after the clock stands still.
        let time_zone_offset_s = -i32::try_from(NOW_UNIX_S % 86_400).unwrap() - 100;
        let settings = Settings { time_zone_offset_s, ..Settings::default() };
        let world = World::with(Quirks::default(), settings);
        let at = |seconds: i64| {
            world.clock.set_unix_us((NOW_UNIX_S + seconds) * SECOND_US);
            world.ask(post("UserBroadcast", WHOLE))
        };
        for _ in 0..20 {
            assert_eq!(at(0), "200 {}");
        }
        assert!(at(99).starts_with("429 FlowLimitExceeded"));
        assert_eq!(at(100), "200 {}");
    }

    #[test]
    fn when_too_many_are_under_way_the_client_is_told_to_come_again() {
        let settings = Settings { documented_limits: false, ..Settings::default() };
        let world = World::with(Quirks::default(), settings);
        for _ in 0..domain::broadcast::OPEN_MAX {
            assert_eq!(world.ask(post("UserBroadcast", WHOLE)), "200 {}");
        }
        world.check_post("UserBroadcast", WHOLE, expect!["503 ServiceUnavailableTemp 990012 Too many changes are waiting. Nothing was done; send the request again later."]);
    }

    #[test]
    fn a_presigned_url_is_refused() {
        let world = World::new();
        let query = "Action=UserBroadcast&Version=2020-12-01";
        world.check(presign("POST", query, "", WHOLE), expect!["403 AccessDenied 100013 A presigned URL does not cover the body, so it cannot be used for UserBroadcast; sign with an Authorization header."]);
        assert_eq!(kept(&world), []);
    }
}
