//! A server in a test's hand: one app, a memory store, and a clock that stands still.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::app::{App, Apps, Quirks, Secret};
use domain::clock::FixedClock;
use domain::{AppId, Context, Settings};
use expect_test::Expect;
use http::Request;
use stores::memory::Memory;

const TOKEN: &str = "token";
const NOW_UNIX_S: i64 = 1_795_226_563;

pub(super) struct World {
    pub(super) ctx: Context,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Arc::new(FixedClock::at_unix_s(NOW_UNIX_S));
        let asked = App { event_token: Some(Secret::new(TOKEN)), ..app(4111) };
        let apps = Apps::new([asked]).unwrap();
        let store = Arc::new(Memory::default());
        Self { ctx: Context::new(store, clock, apps, Settings::default()) }
    }

    /// The status and the document.
    pub(super) fn ask(&self, method: &str, target: &str) -> String {
        self.ask_with(method, target, TOKEN)
    }

    pub(super) fn ask_with(&self, method: &str, target: &str, token: &str) -> String {
        let request = Request::builder().method(method).uri(target);
        let request = request.header("authorization", format!("Bearer {token}")).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let response = wait(super::answer(&self.ctx, "id".to_owned(), &parts)).response;
        let body = std::str::from_utf8(response.body()).unwrap();
        format!("{} {body}", response.status().as_u16())
    }

    pub(super) fn check(&self, method: &str, target: &str, expected: Expect) {
        expected.assert_eq(&self.ask(method, target));
    }
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// An app that nobody may ask.
pub(super) fn app(id: u32) -> App {
    App {
        id: AppId(id),
        rtc_id: None,
        name: "test".to_owned(),
        server_secret: None,
        event_token: None,
        api_token: None,
        access_keys: vec![],
        quirks: Quirks::default(),
        sources: BTreeMap::new(),
    }
}
