//! The dialect from outside: every code, every bad input, the captures, and what must hold of any
//! signature.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use domain::app::{App, Apps, Quirks, Secret};
use domain::clock::FixedClock;
use domain::error::{EngineError, Error};
use domain::log::dead::{DeadLetter, LetterPage};
use domain::log::{Event, LogFigures, OpenCall, StayPage, StayQuery};
use domain::store::{Appended, IfTaken, Look, NewUser, Registration, Retired, Store, Update};
use domain::users::{Profile, ProfileChange};
use domain::{Settings, UserId};
use expect_test::{Expect, expect};
use http::Method;
use proptest::prelude::*;
use serde_json::Value;
use stores::memory::Memory;

use super::*;

const APP: AppId = AppId(12345);
const NOW_UNIX_S: i64 = 1_615_186_943;

/// A server, and what it was started with.
struct World {
    ctx: Context,
    state: State,
    clock: Arc<FixedClock>,
}

fn secret() -> Secret {
    Secret::new("9193cc662a4c0ec135ec71fb57194b38")
}

/// Two apps: one with users, and one that has no ServerSecret.
fn world_with(settings: Settings, store: impl Store) -> World {
    let app = |id: AppId, server_secret| App {
        id,
        rtc_id: None,
        name: String::new(),
        server_secret,
        event_token: None,
        access_keys: vec![],
        quirks: Quirks::default(),
        sources: [].into(),
    };
    let apps = Apps::new([app(APP, Some(secret())), app(AppId(777), None)]).expect("two apps");
    let clock = Arc::new(FixedClock::at_unix_s(NOW_UNIX_S));
    let ctx = Context::new(Arc::new(store), clock.clone(), apps, settings);
    let user = |id: &str, profile| NewUser { id: UserId::parse(id).expect("an id"), profile };
    let profile = Profile {
        name: "Alice 语".into(),
        portrait: "https://example.com/a.png".into(),
        tags: vec!["t".into()],
        ext: [("k".into(), "v".into())].into(),
        extra: r#"{"vip":true}"#.into(),
    };
    let users = vec![user("userA", profile), user("user B+<1>", Profile::default())];
    let registered = ctx.store.register_users(APP, users, IfTaken::Leave, NOW_UNIX_S * 1_000);
    // A store that fails has no users, which is as well.
    let _ = block_on(registered);
    World { ctx, state: State::default(), clock }
}

fn world() -> World {
    world_with(Settings { documented_limits: false, ..Settings::default() }, Memory::default())
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

/// A request before it is signed and written down.
struct Sent {
    method: Method,
    /// Each as it stands in the query; `None` leaves the parameter out.
    action: Option<String>,
    app_id: Option<String>,
    nonce: Option<String>,
    timestamp: Option<String>,
    version: Option<String>,
    /// The right one, unless it is given here.
    signature: Option<String>,
    more: String,
    body: Vec<u8>,
}

impl Sent {
    fn new() -> Self {
        Self {
            method: Method::POST,
            action: Some("QueryUserInfos".into()),
            app_id: Some(APP.to_string()),
            nonce: Some("4fd24687296dd9f3".into()),
            timestamp: Some(NOW_UNIX_S.to_string()),
            version: Some("2.0".into()),
            signature: None,
            more: String::new(),
            body: br#"{"UserIds":["userA"]}"#.to_vec(),
        }
    }

    fn write(self) -> Request<Bytes> {
        let [app_id, nonce, timestamp] =
            [&self.app_id, &self.nonce, &self.timestamp].map(|part| part.as_deref().unwrap_or(""));
        let right = signature::sign(app_id, nonce, &secret(), timestamp);
        let parameters = [
            ("Action", self.action),
            ("AppId", self.app_id.clone()),
            ("SignatureNonce", self.nonce.clone()),
            ("Timestamp", self.timestamp.clone()),
            ("SignatureVersion", self.version),
            ("Signature", Some(self.signature.unwrap_or(right))),
        ];
        let written = parameters.into_iter().filter_map(|(name, value)| {
            let value = percent_encoding::percent_encode(
                value.as_ref()?.as_bytes(),
                percent_encoding::NON_ALPHANUMERIC,
            );
            Some(format!("{name}={value}"))
        });
        let query = written.collect::<Vec<_>>().join("&");
        let request = Request::builder().method(self.method);
        let request = request.uri(format!("/?{query}{}", self.more));
        request.body(Bytes::from(self.body)).expect("a request")
    }
}

impl World {
    fn ask(&self, request: Request<Bytes>) -> Answered {
        let answered = block_on(answer(&self.ctx, &self.state, request));
        check_shape(&answered);
        answered
    }

    fn check(&self, change: impl FnOnce(&mut Sent), expected: Expect) {
        let mut sent = Sent::new();
        change(&mut sent);
        expected.assert_eq(&show(&self.ask(sent.write())));
    }
}

/// What holds of every answer.
fn check_shape(answered: &Answered) {
    assert_eq!(answered.response.status(), 200);
    assert_eq!(answered.response.headers()["content-type"], "application/json; charset=utf-8");
    let body: Value = serde_json::from_slice(answered.response.body()).expect("JSON");
    let told = match body["Code"].as_u64().expect("a number") {
        0 => "ok".to_owned(),
        code => code.to_string(),
    };
    assert_eq!(answered.outcome, told);
    assert!(body["Message"].as_str().is_some_and(|message| message.len() < 500), "{body}");
    assert!(!body.to_string().contains(secret().reveal()));
    let id = body["RequestId"].as_str().expect("text");
    assert_eq!(id, answered.request_id);
    assert!((17..=19).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()));
}

/// Its code, who asked what, the message in short lines, and the results, if it has any.
fn show(answered: &Answered) -> String {
    let body: Value = serde_json::from_slice(answered.response.body()).expect("JSON");
    let app = answered.app.map_or("nobody".to_owned(), |app| app.to_string());
    let mut shown = format!("{} to {app}, {}\n", body["Code"], answered.action);
    let mut line = String::new();
    for word in body["Message"].as_str().expect("text").split(' ') {
        if line.len() + word.len() > 70 {
            shown += &format!("{line}\n");
            line.clear();
        }
        line = if line.is_empty() { word.into() } else { format!("{line} {word}") };
    }
    shown += &format!("{line}\n");
    for list in ["Result", "ErrorList"].into_iter().filter(|list| body.get(list).is_some()) {
        let elements = body[list].as_array().expect("a list");
        if elements.is_empty() {
            shown += &format!("{list} []\n");
        }
        for element in elements {
            let name = element.get("UserName").or(element.get("SubCode")).expect("one of them");
            shown += &format!("{list} {} {name}\n", element["UserId"]);
        }
    }
    shown
}

/// One request to a fresh server.
fn check(change: impl FnOnce(&mut Sent), expected: Expect) {
    world().check(change, expected);
}

fn check_body(body: impl AsRef<[u8]>, expected: Expect) {
    check(|sent| sent.body = body.as_ref().to_vec(), expected);
}

/// A body with these ids.
fn body_of(ids: &[String]) -> Vec<u8> {
    serde_json::json!({ "UserIds": ids }).to_string().into_bytes()
}

#[test]
fn tells_who_users_are() {
    let answered = world().ask(Sent::new().write());
    // To the letter, once: elsewhere only what matters is shown.
    let body = std::str::from_utf8(answered.response.body()).expect("UTF-8");
    let (envelope, results) = body.split_once(r#""Result":"#).expect("results");
    assert_eq!(envelope, r#"{"Code":0,"Message":"success","RequestId":"1615186943000000000","#);
    let alice = concat!(
        r#"{"UserId":"userA","UserName":"Alice 语","#,
        r#""UserAvatar":"https://example.com/a.png","Extra":"{\"vip\":true}"}"#,
    );
    assert_eq!(results, format!(r#"[{alice}],"ErrorList":[]}}"#));
    assert_eq!((answered.action, answered.app), ("QueryUserInfos", Some(APP)));
    assert!(answered.cause.is_none());
}

#[test]
fn tells_unknown_users_apart_in_the_order_asked_and_repeats_once() {
    check_body(
        r#"{"UserIds":["no2","user B+<1>","no1","userA","no2","user B+<1>","usera"]}"#,
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "user B+<1>" ""
            Result "userA" "Alice 语"
            ErrorList "no2" 660000002
            ErrorList "no1" 660000002
            ErrorList "usera" 660000002
        "#]],
    );
    check_body(
        r#"{"UserIds":["no2","no1","no2"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            none of the UserIds is registered
            Result []
            ErrorList "no2" 660000002
            ErrorList "no1" 660000002
        "#]],
    );
}

#[test]
fn ignores_what_it_does_not_know() {
    check(
        |sent| {
            sent.more = "&IsTest=TrUe&UserIds[]=ignored&&x".into();
            sent.body = br#" {"userIds":1,"UserIds":["userA"],"Deep":[[{}]],"x":null} "#.to_vec();
        },
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}

#[test]
fn refuses_a_bad_app_id() {
    for app_id in ["", "-1", "+1", "text", "1e400", "4294967296", "12345.0", " 12345", "１"] {
        let answered = world().ask(Sent { app_id: Some(app_id.into()), ..Sent::new() }.write());
        assert_eq!((answered.outcome.as_str(), answered.app), ("100000001", None), "{app_id:?}");
    }
    check(
        |sent| sent.app_id = None,
        expect![[r#"
            100000001 to nobody, QueryUserInfos
            the query has no AppId
        "#]],
    );
    check(
        |sent| sent.app_id = Some("1e400".into()),
        expect![[r#"
            100000001 to nobody, QueryUserInfos
            AppId "1e400" is not a decimal number of 32 bits
        "#]],
    );
    check(
        |sent| sent.app_id = Some("9".repeat(2_000)),
        expect![[r#"
        100000001 to nobody, QueryUserInfos
        AppId "999999999999999999999999999999999999999999999999"... is not a
        decimal number of 32 bits
    "#]],
    );
}

#[test]
fn refuses_a_bad_timestamp() {
    check(
        |sent| sent.timestamp = None,
        expect![[r#"
            100000002 to nobody, QueryUserInfos
            the query has no Timestamp, or an empty one
        "#]],
    );
    check(
        |sent| sent.timestamp = Some(String::new()),
        expect![[r#"
            100000002 to nobody, QueryUserInfos
            the query has no Timestamp, or an empty one
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("2021-03-08T07:02:23Z".into()),
        expect![[r#"
            100000003 to nobody, QueryUserInfos
            Timestamp "2021-03-08T07:02:23Z" is not a decimal number of Unix
            seconds
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("-1".into()),
        expect![[r#"
            100000003 to nobody, QueryUserInfos
            Timestamp "-1" is not a decimal number of Unix seconds
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("9223372036854775808".into()),
        expect![[r#"
            100000003 to nobody, QueryUserInfos
            Timestamp "9223372036854775808" is not a decimal number of Unix seconds
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("9223372036854775807".into()),
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp (it counts in seconds) is
            9223372035239588864 seconds ahead of the server's clock, 600 are
            allowed
        "#]],
    );
    check(
        |sent| sent.timestamp = Some("1615186943000".into()),
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp (it counts in seconds) is
            1613571756057 seconds ahead of the server's clock, 600 are allowed
        "#]],
    );
}

#[test]
fn a_signature_is_good_for_600_seconds_both_ways() {
    let world = world();
    let at = |unix_s: i64, expected: Expect| {
        world.clock.set_unix_us(unix_s * 1_000_000);
        expected.assert_eq(&show(&world.ask(Sent::new().write())));
    };
    at(
        NOW_UNIX_S - 601,
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp is 601 seconds ahead of the
            server's clock, 600 are allowed
        "#]],
    );
    at(
        NOW_UNIX_S - 600,
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    at(
        NOW_UNIX_S + 600,
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    at(
        NOW_UNIX_S + 601,
        expect![[r#"
            100000004 to nobody, QueryUserInfos
            the signature has expired: Timestamp is 601 seconds behind the server's
            clock, 600 are allowed
        "#]],
    );
}

#[test]
fn takes_any_nonce_but_none() {
    check(
        |sent| sent.nonce = None,
        expect![[r#"
            100000008 to nobody, QueryUserInfos
            the query has no SignatureNonce, or an empty one
        "#]],
    );
    check(
        |sent| sent.nonce = Some(String::new()),
        expect![[r#"
            100000008 to nobody, QueryUserInfos
            the query has no SignatureNonce, or an empty one
        "#]],
    );
    for nonce in ["12344321", "k3x9z0q7w1m", " ", "&=+%", "语", "\0"] {
        let answered = world().ask(Sent { nonce: Some(nonce.into()), ..Sent::new() }.write());
        assert_eq!(answered.outcome, "ok", "{nonce:?}");
    }
    let world = world();
    for _ in 0..2 {
        let sent = Sent { nonce: Some("n".repeat(2_000)), ..Sent::new() };
        assert_eq!(world.ask(sent.write()).outcome, "ok", "long, and used again");
    }
}

#[test]
fn refuses_a_bad_signature() {
    const WRONG: &str = "100000005";
    check(
        |sent| sent.signature = Some(String::new()),
        expect![[r#"
            100000009 to nobody, QueryUserInfos
            the query has no Signature, or an empty one
        "#]],
    );
    check(
        |sent| sent.signature = Some("0".repeat(32)),
        expect![[r#"
            100000005 to nobody, QueryUserInfos
            the signature is wrong: it must be the hexadecimal MD5 of AppId,
            SignatureNonce, ServerSecret and Timestamp, joined without separators
        "#]],
    );
    let good = "43e5cfcca828314675f91b001390566a";
    let outcome = |signature: String| {
        world().ask(Sent { signature: Some(signature), ..Sent::new() }.write()).outcome
    };
    assert_eq!(outcome(good.into()), "ok");
    assert_eq!(outcome(good.to_uppercase()), "ok");
    assert_eq!(outcome(good[..31].into()), WRONG);
    assert_eq!(outcome(format!("{good}0")), WRONG);
    assert_eq!(outcome(format!("{good} ")), WRONG);
    assert_eq!(outcome("Pc5WB8gokVn0xfeu/ZV+iNM1dgI=".into()), WRONG);
    assert_eq!(outcome("4".repeat(2_000)), WRONG);
    assert_eq!(outcome("语".repeat(32)), WRONG);
}

#[test]
fn refuses_other_versions() {
    check(
        |sent| sent.version = None,
        expect![[r#"
            100000013 to nobody, QueryUserInfos
            the query has no SignatureVersion, or an empty one
        "#]],
    );
    check(
        |sent| sent.version = Some("1.0".into()),
        expect![[r#"
            100000014 to nobody, QueryUserInfos
            SignatureVersion "1.0" is not supported; it must be 2.0
        "#]],
    );
    check(
        |sent| sent.version = Some("2".into()),
        expect![[r#"
            100000014 to nobody, QueryUserInfos
            SignatureVersion "2" is not supported; it must be 2.0
        "#]],
    );
}

#[test]
fn an_app_without_a_server_secret_is_as_unknown_as_no_app() {
    check(
        |sent| sent.app_id = Some("54321".into()),
        expect![[r#"
            100000010 to nobody, QueryUserInfos
            no ServerSecret is known for the AppId 54321
        "#]],
    );
    check(
        |sent| sent.app_id = Some("777".into()),
        expect![[r#"
            100000010 to nobody, QueryUserInfos
            no ServerSecret is known for the AppId 777
        "#]],
    );
}

#[test]
fn refuses_other_actions() {
    check(
        |sent| sent.action = None,
        expect![[r#"
            100000006 to 12345, unknown
            the query has no Action; this server answers QueryUserInfos
        "#]],
    );
    check(
        |sent| sent.action = Some("queryUserInfos".into()),
        expect![[r#"
            100000007 to 12345, unknown
            Action "queryUserInfos" is not supported; this server answers
            QueryUserInfos
        "#]],
    );
    check(
        |sent| sent.action = Some("<script>\"".repeat(1_000)),
        expect![[r#"
            100000007 to 12345, unknown
            Action "<script>\"<script>\"<script>\"<script>\"<script>\"<sc"... is
            not supported; this server answers QueryUserInfos
        "#]],
    );
}

#[test]
fn strangers_are_told_nothing_about_apps_actions_or_bodies() {
    let bad = |sent: &mut Sent| {
        sent.action = Some("NoSuchAction".into());
        sent.method = Method::PUT;
        sent.body = b"{".to_vec();
    };
    // The right signature, but late: whether the app exists is not told.
    let late = |app_id: AppId| {
        let mut sent = Sent::new();
        bad(&mut sent);
        sent.app_id = Some(app_id.to_string());
        sent.timestamp = Some((NOW_UNIX_S - 601).to_string());
        show(&world().ask(sent.write()))
    };
    assert_eq!(late(APP), late(AppId(54321)));
    expect![[r#"
        100000004 to nobody, unknown
        the signature has expired: Timestamp is 601 seconds behind the server's
        clock, 600 are allowed
    "#]]
    .assert_eq(&late(APP));
    check(
        |sent| {
            bad(sent);
            sent.signature = Some("0".repeat(32));
        },
        expect![[r#"
            100000005 to nobody, unknown
            the signature is wrong: it must be the hexadecimal MD5 of AppId,
            SignatureNonce, ServerSecret and Timestamp, joined without separators
        "#]],
    );
    check(
        bad,
        expect![[r#"
            100000007 to 12345, unknown
            Action "NoSuchAction" is not supported; this server answers
            QueryUserInfos
        "#]],
    );
}

#[test]
fn every_action_is_refused_to_strangers() {
    for action in Action::ALL {
        let sent = Sent {
            action: Some(action.name().into()),
            signature: Some("0".repeat(32)),
            ..Sent::new()
        };
        let answered = world().ask(sent.write());
        assert_eq!((answered.outcome.as_str(), answered.app), ("100000005", None));
        assert_eq!(answered.action, action.name());
    }
}

#[test]
fn refuses_a_query_that_cannot_be_read() {
    check(
        |sent| sent.more = "&x=%ff".into(),
        expect![[r#"
            2 to nobody, unknown
            parameter 7 of the query is not UTF-8 once decoded
        "#]],
    );
    check(
        |sent| sent.more = "&x=1".repeat(251),
        expect![[r#"
            2 to nobody, unknown
            the query has more than 256 parameters
        "#]],
    );
    check(
        |sent| sent.more = "&x=1".repeat(250),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}

#[test]
fn of_repeated_parameters_the_first_counts() {
    check(
        |sent| sent.more = "&AppId=54321&Action=Other&Signature=0&Timestamp=0".into(),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}

#[test]
fn refuses_a_body_that_is_not_what_it_must_be() {
    check_body(
        "",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is empty; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        " ",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "UserIds[]=userA",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "null",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"["userA"]"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"[["userA"]]"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "{",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 1); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "{}",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserId":["userA"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":null}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":[]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is empty; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":"userA"}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 18); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":[1]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 13); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA",null]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 24); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":{"0":"userA"}}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 11); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA"],"UserIds":["userA"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 30); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA"]} x"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 23); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        b"{\"UserIds\":[\"\xff\"]}",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 14); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["\ud800"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not JSON (line 1 column 20); send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        "\u{feff}{}",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
}

#[test]
fn depth_does_it_no_harm() {
    check_body(
        "[".repeat(1_000),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the body is not a JSON object; send a POST with a JSON object as its
            body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    let nested = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    check_body(
        format!(r#"{{"UserIds":{nested}}}"#),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds is not one list of texts (line 1 column 12); send a POST with a
            JSON object as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    // What is ignored is ignored, however deep.
    check_body(
        format!(r#"{{"UserIds":["userA"],"x":{nested}}}"#),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
}

#[test]
fn refuses_ids_that_nobody_can_have() {
    check_body(
        r#"{"UserIds":["userA",""]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[1] cannot be a user ID: it is empty
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        body_of(&["a".repeat(65)]),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it has more than 64 bytes
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["a\u0000"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it holds the character U+0000
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        r#"{"UserIds":["userA","no","👍"]}"#,
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[2] cannot be a user ID: it holds the character U+1F44D
            Result []
            ErrorList []
        "#]],
    );
    for sign in [",", "*", "/", "\\", "'", "\"", "`", "\t", "\n", "\u{7f}", "é", "语", "\u{a0}"] {
        let sent = Sent { body: body_of(&[format!("a{sign}")]), ..Sent::new() };
        assert_eq!(world().ask(sent.write()).outcome, "660000002", "{sign:?}");
    }
}

#[test]
fn looks_up_every_id_that_somebody_can_have() {
    check_body(
        body_of(&["a".repeat(64)]),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            none of the UserIds is registered
            Result []
            ErrorList "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" 660000002
        "#]],
    );
    check_body(
        body_of(&["!#$%&()+-:;<=.>?@[]^_ {}|~09azAZ".into()]),
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            none of the UserIds is registered
            Result []
            ErrorList "!#$%&()+-:;<=.>?@[]^_ {}|~09azAZ" 660000002
        "#]],
    );
}

#[test]
fn counts_ids_before_it_drops_repeats() {
    let ids = |count: usize| body_of(&vec!["userA".to_owned(); count]);
    check_body(
        ids(100),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_body(
        ids(101),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 101 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
    check_body(
        ids(10_000),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 10000 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
    // The hundred-and-first is not looked at.
    let mut long = vec!["userA".to_owned(); 100];
    long.push("*".repeat(100));
    check_body(
        body_of(&long),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 101 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
}

#[test]
fn refuses_a_body_that_is_too_large() {
    let mut body = br#"{"UserIds":["userA"]}"#.to_vec();
    body.resize(BODY_BYTES_MAX, b' ');
    assert_eq!(world().ask(Sent { body: body.clone(), ..Sent::new() }.write()).outcome, "ok");
    body.push(b' ');
    check_body(
        body,
        expect![[r#"
            100000012 to nobody, unknown
            the body has more than 1048576 bytes
        "#]],
    );
    check_body(
        vec![b'['; 10 << 20],
        expect![[r#"
            100000012 to nobody, unknown
            the body has more than 1048576 bytes
        "#]],
    );
}

#[test]
fn a_get_names_its_ids_in_the_query() {
    let check_get = |more: &str, expected: Expect| {
        check(
            |sent| {
                sent.method = Method::GET;
                sent.more = more.into();
            },
            expected,
        );
    };
    check_get(
        "&UserIds[]=userA&UserIds%5B%5D=no",
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList "no" 660000002
        "#]],
    );
    check_get(
        "&UserIds=userA",
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_get(
        "&UserIds[0]=userA",
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_get(
        "",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the query has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        "&UserId[]=userA",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            the query has no UserIds; send a POST with a JSON object as its body:
            {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        "&UserIds[]=",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it is empty
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        "&UserIds[]=%00",
        expect![[r#"
            660000002 to 12345, QueryUserInfos
            UserIds[0] cannot be a user ID: it holds the character U+0000
            Result []
            ErrorList []
        "#]],
    );
    check_get(
        &"&UserIds[]=userA".repeat(100),
        expect![[r#"
            0 to 12345, QueryUserInfos
            success
            Result "userA" "Alice 语"
            ErrorList []
        "#]],
    );
    check_get(
        &"&UserIds[]=userA".repeat(101),
        expect![[r#"
            660000011 to 12345, QueryUserInfos
            UserIds has 101 ids, 100 are allowed
            Result []
            ErrorList []
        "#]],
    );
}

#[test]
fn refuses_other_methods() {
    check(
        |sent| sent.method = Method::PUT,
        expect![[r#"
            2 to 12345, QueryUserInfos
            QueryUserInfos is not called by "PUT"; send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
    check(
        |sent| sent.method = Method::HEAD,
        expect![[r#"
            2 to 12345, QueryUserInfos
            QueryUserInfos is not called by "HEAD"; send a POST with a JSON object
            as its body: {"UserIds":["userA"]}
            Result []
            ErrorList []
        "#]],
    );
}

#[test]
fn calls_beyond_the_quota_are_refused() {
    let world = world_with(Settings::default(), Memory::default());
    // Signed, but with a bad body: what is refused counts too. Without the secret nothing counts.
    let refused = || Sent { body: vec![], ..Sent::new() };
    let stranger = || Sent { signature: Some("0".repeat(32)), ..Sent::new() };
    for _ in 0..1_000 {
        assert_eq!(world.ask(stranger().write()).outcome, "100000005");
    }
    // The quota's own clock runs on meanwhile, so more than twenty may pass.
    let answers = std::iter::repeat_with(|| world.ask(refused().write())).take(10_000);
    let is_refused = |(_, answered): &(usize, Answered)| answered.outcome != "660000002";
    let (passed, answered) = answers.enumerate().find(is_refused).expect("a refusal");
    assert!(passed >= 20, "{passed}");
    expect![[r#"
        660300005 to 12345, QueryUserInfos
        QueryUserInfos is called more than 20 times a second by this AppId
        Result []
        ErrorList []
    "#]]
    .assert_eq(&show(&answered));
}

#[test]
fn a_nonce_is_used_once_only_if_the_operator_says_so() {
    let settings = Settings { documented_limits: false, strict_nonce: true, ..Settings::default() };
    let world = world_with(settings, Memory::default());
    let sent = |nonce: &str, timestamp_unix_s: i64| {
        let timestamp = Some(timestamp_unix_s.to_string());
        Sent { nonce: Some(nonce.into()), timestamp, ..Sent::new() }
    };
    let outcome = |sent: Sent| world.ask(sent.write()).outcome;
    // A wrong signature uses nothing up.
    let forged = Sent { signature: Some("0".repeat(32)), ..sent("a", NOW_UNIX_S) };
    assert_eq!(outcome(forged), "100000005");
    assert_eq!(outcome(sent("a", NOW_UNIX_S)), "ok");
    expect![[r#"
        100000005 to nobody, QueryUserInfos
        the SignatureNonce was used before; sign each request anew
    "#]]
    .assert_eq(&show(&world.ask(sent("a", NOW_UNIX_S).write())));
    assert_eq!(outcome(sent("a", NOW_UNIX_S + 1)), "100000005", "another signature, same nonce");
    assert_eq!(outcome(sent("b", NOW_UNIX_S + 600)), "ok");

    world.clock.set_unix_us((NOW_UNIX_S + 601) * 1_000_000);
    assert_eq!(outcome(sent("a", NOW_UNIX_S + 601)), "ok", "ten minutes are over");
    world.clock.set_unix_us((NOW_UNIX_S + 1_200) * 1_000_000);
    assert_eq!(outcome(sent("b", NOW_UNIX_S + 600)), "100000005", "its signature is still good");
}

#[test]
fn tells_what_the_server_could_not_take_in() {
    let world = world();
    let check = |why, expected: Expect| {
        let answered = refuse(&world.ctx, &world.state, why);
        check_shape(&answered);
        expected.assert_eq(&show(&answered));
    };
    check(
        Unserved::BodyTooLarge,
        expect![[r#"
            100000012 to nobody, unknown
            the body has more than 1048576 bytes
        "#]],
    );
    check(
        Unserved::BodyUnread,
        expect![[r#"
            100000012 to nobody, unknown
            the body did not arrive whole
        "#]],
    );
    check(
        Unserved::Busy,
        expect![[r#"
            1 to nobody, unknown
            the server is busy; send the request again a little later
        "#]],
    );
}

/// A store that can only fail.
struct Failing(Error);

#[async_trait]
impl Store for Failing {
    async fn register_users(
        &self,
        _: AppId,
        _: Vec<NewUser>,
        _: IfTaken,
        _: i64,
    ) -> domain::Result<Vec<Registration>> {
        Err(self.0.clone())
    }

    async fn update_users(
        &self,
        _: AppId,
        _: Vec<(UserId, ProfileChange)>,
        _: i64,
    ) -> domain::Result<Vec<Update>> {
        Err(self.0.clone())
    }

    async fn look_at_users(&self, _: AppId, _: &[UserId], _: &mut Look<'_>) -> domain::Result<()> {
        Err(self.0.clone())
    }

    async fn append_events(&self, _: Vec<Event>) -> domain::Result<Vec<Appended>> {
        Err(self.0.clone())
    }

    async fn page_of_stays(&self, _: &StayQuery) -> domain::Result<StayPage> {
        Err(self.0.clone())
    }

    async fn open_calls(&self, _: AppId, _: i64, _: u32) -> domain::Result<Vec<OpenCall>> {
        Err(self.0.clone())
    }

    async fn log_figures(&self) -> domain::Result<LogFigures> {
        Err(self.0.clone())
    }

    async fn retire(&self, _: i64, _: usize) -> domain::Result<Retired> {
        Err(self.0.clone())
    }

    async fn keep_dead_letters(&self, _: Vec<DeadLetter>) -> domain::Result<Vec<u64>> {
        Err(self.0.clone())
    }

    async fn list_dead_letters(
        &self,
        _: AppId,
        _: Option<u64>,
        _: u32,
    ) -> domain::Result<LetterPage> {
        Err(self.0.clone())
    }

    async fn remove_dead_letters(&self, _: AppId, _: Vec<u64>) -> domain::Result<u64> {
        Err(self.0.clone())
    }

    fn ready(&self) -> domain::Result<()> {
        Err(self.0.clone())
    }
}

#[test]
fn a_failing_store_is_told_to_the_log_only() {
    let check = |error: Error, expected: Expect| {
        let world = world_with(Settings::default(), Failing(error));
        let answered = world.ask(Sent::new().write());
        let cause = answered.cause.as_ref().expect("a cause");
        expected.assert_eq(&format!("{cause:?}\n{}", show(&answered)));
    };
    let engine = EngineError::new(std::io::Error::other("MDB_CORRUPTED"));
    check(
        Error::Busy,
        expect![[r#"
            Busy
            1 to 12345, QueryUserInfos
            the server is busy; send the request again a little later
            Result []
            ErrorList []
        "#]],
    );
    check(
        Error::Full,
        expect![[r#"
            Full
            100000015 to 12345, QueryUserInfos
            the server cannot do this at present
            Result []
            ErrorList []
        "#]],
    );
    check(
        Error::Stopped,
        expect![[r#"
            Stopped
            100000015 to 12345, QueryUserInfos
            the server cannot do this at present
            Result []
            ErrorList []
        "#]],
    );
    check(
        Error::Engine(engine),
        expect![[r#"
            Engine(Custom { kind: Other, error: "MDB_CORRUPTED" })
            660000001 to 12345, QueryUserInfos
            the server failed at this; send the request again
            Result []
            ErrorList []
        "#]],
    );
}

/// The captures, by file name.
fn captures() -> impl Iterator<Item = (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/zegocloud/captures");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).expect("a text"))
    })
}

#[test]
fn answers_every_capture_as_it_says() {
    let mut count = 0;
    for (name, capture) in captures().filter(|(name, _)| name.ends_with(".json")) {
        let capture: Value = serde_json::from_str(&capture).expect("JSON");
        let field = |field: &str| capture["request"][field].as_str().expect("text").to_owned();
        let mut request = Request::builder().method(field("method").as_str()).uri(field("uri"));
        for header in capture["request"]["headers"].as_array().expect("a list") {
            let [key, value] = [&header[0], &header[1]].map(|text| text.as_str().expect("text"));
            request = request.header(key, value);
        }
        let request = request.body(Bytes::from(field("body"))).expect("a request");
        let world = world();
        world.clock.set_unix_us(capture["now_unix_s"].as_i64().expect("a time") * 1_000_000);
        let answered = world.ask(request);
        let mut got: Value = serde_json::from_slice(answered.response.body()).expect("JSON");
        got.as_object_mut().expect("an object").remove("RequestId").expect("an id");
        assert_eq!(got, capture["answer"], "{name}");
        count += 1;
    }
    assert_eq!(count, 13);
}

#[test]
fn every_action_and_every_code_is_in_the_readme_and_every_action_has_a_capture() {
    let readme = include_str!("README.md");
    for action in Action::ALL {
        assert!(readme.contains(&format!("| `{}` |", action.name())), "{action:?}");
        let prefix = format!("{}--", action.name());
        assert!(captures().any(|(name, _)| name.starts_with(&prefix)), "{action:?}");
    }
    for code in Code::ALL {
        assert!(readme.contains(&format!("\n| {} |", code.number())), "{code:?}");
    }
}

/// `text` with another byte at a place of it; never only the other case of a letter.
fn flipped(text: &str, place: prop::sample::Index, other: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at = place.index(bytes.len());
    let before = std::mem::replace(&mut bytes[at], other);
    if before.eq_ignore_ascii_case(&other) {
        return None;
    }
    String::from_utf8(bytes).ok()
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused(
        part in 0..4_usize,
        place in any::<prop::sample::Index>(),
        other in 0..128_u8,
    ) {
        let mut sent = Sent::new();
        sent.signature = Some("43e5cfcca828314675f91b001390566a".into());
        let part = [
            &mut sent.app_id,
            &mut sent.nonce,
            &mut sent.timestamp,
            &mut sent.signature,
        ].into_iter().nth(part).expect("one of four");
        let changed = flipped(part.as_deref().expect("all are there"), place, other);
        prop_assume!(changed.is_some());
        *part = changed;
        let answered = world().ask(sent.write());
        prop_assert!(answered.outcome != "ok" && answered.app.is_none(), "{}", answered.outcome);
    }

    #[test]
    fn no_query_and_no_body_brings_it_down(
        more in "[ -~]{0,40}",
        body in prop::collection::vec(any::<u8>(), 0..200),
        get in any::<bool>(),
    ) {
        let more: String = more.replace(['#', ' ', '<', '>', '"', '\\', '^', '`'], "&");
        let method = if get { Method::GET } else { Method::POST };
        // Its shape is checked as that of every answer.
        world().ask(Sent { method, more, body, ..Sent::new() }.write());
    }
}
