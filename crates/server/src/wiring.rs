//! Puts store, domain, dialects and sources together.

use std::sync::Arc;

use console::Console;
use dialects::{volcengine, zegocloud};
use domain::Context;
use domain::clock::{Clock as _, SystemClock};
use domain::store::Store;
use stores::cassandra::Cassandra;
use stores::embedded::{self, Embedded};
use stores::memory::Memory;

use crate::broadcast::Receivers;
use crate::config::{Config, StoreAt};
use crate::feed::Feed;
use crate::http::{Budget, Looks, Remembered, Server, Turns};
use crate::observe;
use crate::reconcile::Plan;

/// The server that a config asks for, ready to take requests on so many threads.
pub(crate) async fn server(config: Config, workers: usize) -> anyhow::Result<Server> {
    let metrics = observe::start_metrics()?;
    let store = open(config.store).await?;
    let console = Console::new(config.console.token, config.console.is_secure);
    let reconcile = config.reconcile.into_iter().map(Plan::new).collect::<anyhow::Result<_>>()?;
    let clock = SystemClock;
    let feed = Arc::new(Feed::new(&config.apps, clock.now_unix_us().cast_unsigned()));
    let mut ctx = Context::new(store, Arc::new(clock), config.apps, config.settings);
    ctx.witness = feed.clone();
    let receivers =
        Receivers { all: config.receivers, allows_private: config.allows_private_receivers };
    Ok(Server {
        ctx,
        zegocloud: zegocloud::State::default(),
        volcengine: volcengine::State::default(),
        bodies: Budget::default(),
        turns: Turns::among(workers),
        letters: Remembered::default(),
        reconcile,
        console,
        looks: Looks::default(),
        receivers,
        feed,
        metrics,
    })
}

async fn open(at: StoreAt) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match at {
        StoreAt::Memory => Arc::new(Memory::default()),
        StoreAt::Embedded(folder) => Arc::new(Embedded::open(&embedded::Options::new(folder))?),
        StoreAt::Cassandra(options) => Arc::new(Cassandra::open(*options).await?),
    })
}
