//! Delivers broadcasts: one task for each app, so that a slow receiver slows only itself.
//!
//! What a job is and what comes next of it is the domain's ([`domain::broadcast`]). Here is who
//! does it, [`work`]; what is sent, [`webhook`]; by what it is sent, [`receiver`], over connections
//! that [`connect`] makes to addresses of which [`address`] approves.

mod address;
mod connect;
mod receiver;
#[cfg(test)]
mod tests;
mod webhook;
mod work;

use std::net::SocketAddr;
use std::sync::Arc;

use domain::broadcast::Worker;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Receiver;
use crate::http::Server;
use connect::Connector;
use receiver::HttpReceiver;
pub(crate) use webhook::parse_secret;
use work::Work;

/// Who takes broadcasts, and where they may be.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    /// Those that the config names.
    pub(crate) all: Vec<Receiver>,
    /// Whether they may be at addresses that are not of the open internet.
    pub(crate) allows_private: bool,
}

/// Begins to deliver; `own` is where this server listens. Once `stopping` tells, each task ends
/// behind the delivery that is under way.
pub(crate) fn start(
    server: &Arc<Server>,
    own: Vec<SocketAddr>,
    stopping: &watch::Receiver<()>,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let Receivers { all, allows_private } = &server.receivers;
    let connector = Connector { allows_private: *allows_private, own };
    let worker = Worker { id: random_id(), has_peers: server.ctx.store.is_shared() };
    let mut tasks = vec![];
    for app in server.ctx.apps.iter() {
        let wanted = all.iter().find(|it| it.app == app.id);
        let receiver = wanted.map(|it| HttpReceiver::new(it, connector.clone())).transpose()?;
        let (server, stopping, app) = (server.clone(), stopping.clone(), app.id);
        tasks.push(tokio::spawn(async move {
            let (ctx, feed, receiver) = (&server.ctx, &*server.feed, receiver.as_ref());
            Work { ctx, feed, app, receiver, worker }.run(stopping).await;
        }));
    }
    Ok(tasks)
}

/// A number that no other process has.
fn random_id() -> u128 {
    let half = || {
        use std::hash::{BuildHasher as _, RandomState};
        // Its keys are random, and others in each.
        u128::from(RandomState::new().hash_one(std::process::id()))
    };
    half() << 64 | half()
}
