//! A server in a test's hand: two apps, a memory store, and a clock that stands still.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::app::{AccessKey, App, Apps, Quirks, Secret};
use domain::clock::FixedClock;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Os, Presence, record};
use domain::presence;
use domain::quota::Quotas;
use domain::{AppId, Context, Settings, UserId};
use expect_test::Expect;
use http::Request;
use http::request::Builder;
use serde_json::Value;
use stores::memory::Memory;

use super::State;
use super::signature::signing::{KEY_ID, NOW_UNIX_S, SECRET, sign};
use crate::Answered;

/// The app that the signing key opens; it does not open the other one, [`OTHER_APP`].
pub(super) const APP: AppId = AppId(4111);
pub(super) const RTC_ID: &str = "661e0000000000000000543c";
pub(super) const OTHER_APP: AppId = AppId(4112);

pub(super) struct World {
    pub(super) ctx: Context,
    pub(super) state: State,
    pub(super) clock: Arc<FixedClock>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Quirks::default(), Settings::default())
    }

    /// A world without quotas, whatever the settings say.
    pub(super) fn with(quirks: Quirks, settings: Settings) -> Self {
        let clock = Arc::new(FixedClock::at_unix_s(NOW_UNIX_S));
        let other = App { access_keys: vec![], rtc_id: None, ..app(OTHER_APP, quirks) };
        let apps = Apps::new([app(APP, quirks), other, captured()]).unwrap();
        let store = Arc::new(Memory::default());
        let mut ctx = Context::new(store, Arc::clone(&clock) as _, apps, settings);
        ctx.quotas = Quotas::new(false);
        Self { ctx, state: State::default(), clock }
    }

    pub(super) fn answer(&self, request: Request<Bytes>) -> Answered {
        wait(super::answer(&self.ctx, &self.state, request.map(Ok)))
    }

    /// What a client makes of the answer: the status, and the result or the error.
    pub(super) fn ask(&self, request: Request<Bytes>) -> String {
        let response = self.answer(request).response;
        let mut body: Value = serde_json::from_slice(response.body()).unwrap();
        let status = response.status().as_u16();
        match &body["ResponseMetadata"]["Error"] {
            Value::Null => format!("{status} {}", body["Result"].take()),
            error => format!(
                "{status} {} {} {}",
                error["Code"].as_str().unwrap(),
                error["CodeN"],
                error["Message"].as_str().unwrap()
            ),
        }
    }

    /// Tells the log of something, in seconds from when the clock stands still.
    pub(super) fn tell(&self, at_s: i64, fact: Fact) {
        self.tell_all(at_s, [fact]);
    }

    pub(super) fn tell_all(&self, at_s: i64, facts: impl IntoIterator<Item = Fact>) {
        let event = |(number, fact): (usize, Fact)| {
            let id = format!("{at_s} {number} {fact:?}");
            Event {
                app: APP,
                door: Door::parse("native").unwrap(),
                source: SourceName::parse("test").unwrap(),
                id: EventId::parse(&id[..id.floor_char_boundary(EventId::BYTES_MAX)]).unwrap(),
                time_unix_us: (NOW_UNIX_S + at_s) * 1_000_000 + 500_000,
                fact,
            }
        };
        wait(record(&self.ctx, facts.into_iter().enumerate().map(event).collect())).unwrap();
    }

    /// `at` is a room and a call of it.
    pub(super) fn join(&self, at_s: i64, at: (&str, &str), user: &str, os: &str) {
        let client = ClientFacts::from_attributes([("os.name", os)]);
        self.tell(at_s, Fact::Joined { who: who(at, user), sole: false, client });
    }

    pub(super) fn leave(&self, at_s: i64, at: (&str, &str), user: &str) {
        let (who, client) = (who(at, user), ClientFacts::default());
        self.tell(at_s, Fact::Left { who, joined_unix_us: None, client });
    }

    /// A client tells how somebody is.
    pub(super) fn seen(&self, at_s: i64, user: &str, connection: &str, state: presence::State) {
        let connection = presence::Connection {
            id: ConnectionId::parse(connection).unwrap(),
            time_unix_us: (NOW_UNIX_S + at_s) * 1_000_000,
            state,
            os: Some(Os::Android),
        };
        let user = UserId::parse(user).unwrap();
        let told = vec![presence::Sighting { app: APP, user, connection }];
        wait(presence::record(&self.ctx, told)).unwrap();
    }

    pub(super) fn check(&self, request: Request<Bytes>, expected: Expect) {
        expected.assert_eq(&self.ask(request));
    }

    /// Asks the action of this name, signed.
    pub(super) fn check_post(&self, action: &str, body: impl Into<Bytes>, expected: Expect) {
        self.check(post(action, body), expected);
    }
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn who((room, call): (&str, &str), user: &str) -> Presence {
    Presence {
        room: RoomId::parse(room).unwrap(),
        call: Some(CallId::parse(call).unwrap()),
        participant: ParticipantId::parse(user).unwrap(),
        connection: Some(ConnectionId::parse(user).unwrap()),
    }
}

fn app(id: AppId, quirks: Quirks) -> App {
    App {
        id,
        rtc_id: Some(RTC_ID.to_owned()),
        name: "test".to_owned(),
        server_secret: None,
        event_token: None,
        api_token: None,
        access_keys: vec![AccessKey { id: KEY_ID.to_owned(), secret: Secret::new(SECRET) }],
        quirks,
        sources: BTreeMap::new(),
    }
}

/// The app, and the key, of the captures.
fn captured() -> App {
    let secret = Secret::new("c2VjcmV0LXRlc3Qta2V5LWZvci1jYXB0dXJl");
    App {
        rtc_id: Some("661e0000543cf".to_owned()),
        access_keys: vec![AccessKey { id: "AKLTtestaccesskeyid".to_owned(), secret }],
        ..app(AppId(123_456), Quirks::default())
    }
}

/// A request to change or get users, not signed.
pub(super) fn unsigned(action: &str) -> Builder {
    Request::post(format!("/?Action={action}&Version=2020-12-01"))
        .header("content-type", "application/json")
}

pub(super) fn post<B: Into<Bytes>>(action: &str, body: B) -> Request<Bytes> {
    sign(unsigned(action).body(body.into()).unwrap())
}

/// The same from the official Go SDK.
pub(super) fn post_by_go<B: Into<Bytes>>(action: &str, body: B) -> Request<Bytes> {
    let request = unsigned(action).header("x-im-sdk-version", "Golang-V1.0.1");
    sign(request.body(body.into()).unwrap())
}

pub(super) fn get(query: &str) -> Request<Bytes> {
    sign(Request::get(format!("/?{query}")).body(Bytes::new()).unwrap())
}
