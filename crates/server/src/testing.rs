//! A server with one app, for tests: no port, no config.

use std::sync::Arc;

use domain::app::{App, Apps, Quirks};
use domain::broadcast::{self, Accepted, Audience, Message, Quota};
use domain::clock::Clock;
use domain::store::Store;
use domain::{AppId, Context, Settings, UserId};

use crate::feed::Feed;

/// The app.
pub(crate) const APP: AppId = AppId(4111);

/// A server.
pub(crate) struct World {
    pub(crate) ctx: Context,
    pub(crate) feed: Arc<Feed>,
}

impl World {
    /// A server on a store, whose lines are counted in this epoch.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, epoch: u64) -> Self {
        let app = App {
            id: APP,
            rtc_id: None,
            name: String::new(),
            server_secret: None,
            event_token: None,
            api_token: None,
            access_keys: vec![],
            quirks: Quirks::default(),
            sources: [].into(),
        };
        let apps = Apps::new([app]).expect("an app");
        let feed = Arc::new(Feed::new(&apps, epoch));
        let mut ctx = Context::new(store, clock, apps, Settings::default());
        ctx.witness = feed.clone();
        Self { ctx, feed }
    }

    /// A message that is asked for now.
    pub(crate) fn message(&self, audience: Audience) -> Message {
        Message { audience, ..message(self.ctx.clock.now_unix_us()) }
    }

    /// Has a broadcast accepted, and tells its id.
    pub(crate) async fn accept(&self, message: Message) -> u64 {
        let quota = Quota { since_unix_us: 0, max: 100 };
        match broadcast::accept(&self.ctx, APP, message, quota).await.expect("accepted") {
            Accepted::Yes(id) => id,
            other @ Accepted::OverQuota => panic!("{other:?}"),
        }
    }
}

/// A message to everybody.
pub(crate) fn message(created_unix_us: i64) -> Message {
    Message {
        dialect: "d".into(),
        action: "A".into(),
        sender: UserId::parse("1").expect("an id"),
        body: "{}".into(),
        audience: Audience::EVERYBODY,
        expires_unix_us: None,
        created_unix_us,
    }
}
