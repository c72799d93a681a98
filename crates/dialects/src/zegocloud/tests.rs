//! The dialect from outside: every code, every bad input, the captures, and what must hold of any
//! signature.

use std::path::Path;
use std::sync::Arc;

use domain::app::{App, Apps, Quirks, Secret};
use domain::clock::FixedClock;
use domain::store::{IfTaken, NewUser, Store};
use domain::users::Profile;
use domain::{Settings, UserId};
use expect_test::{Expect, expect};
use http::Method;
use serde_json::Value;
use stores::memory::Memory;

use super::*;

mod body;
mod broadcast;
mod captures;
mod ids;
mod log;
mod modify;
mod online;
mod properties;
mod query;
mod register;
mod rooms;
mod trouble;
mod users;
mod who_asks;

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
        api_token: None,
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
        robot: false,
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
    if let Some(data) = body.get("Data") {
        shown += &format!("{data}\n");
    }
    for list in ["Result", "ErrorList"].into_iter().filter(|list| body.get(list).is_some()) {
        let elements = body[list].as_array().expect("a list");
        if elements.is_empty() {
            shown += &format!("{list} []\n");
        }
        for element in elements {
            let name = ["UserName", "SubCode", "Status"].iter().find_map(|key| element.get(key));
            let name = name.expect("one of them");
            let told = element.get("SubMessage").and_then(Value::as_str).unwrap_or_default();
            let line = format!("{list} {} {name} {told}", element["UserId"]);
            shown += &format!("{}\n", line.trim_end());
        }
    }
    shown
}

/// One request to a fresh server.
fn check(change: impl FnOnce(&mut Sent), expected: Expect) {
    world().check(change, expected);
}

/// One request of this action, with this body.
fn check_action(world: &World, action: &str, body: impl Into<Vec<u8>>, expected: Expect) {
    let change = |sent: &mut Sent| {
        sent.action = Some(action.into());
        sent.body = body.into();
    };
    world.check(change, expected);
}

fn check_body(body: impl AsRef<[u8]>, expected: Expect) {
    check(|sent| sent.body = body.as_ref().to_vec(), expected);
}

/// A body with these ids.
fn body_of(ids: &[String]) -> Vec<u8> {
    serde_json::json!({ "UserIds": ids }).to_string().into_bytes()
}
