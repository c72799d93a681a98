//! The ports: connections come in, [`routes`] says who answers.

mod body;
mod console;
mod dead_letters;
mod doors;
mod events;
mod front;
mod hooks;
mod letters;
mod listener;
mod native;
mod reply;
mod routes;
mod stream;
mod tls;
mod token;
mod turns;

use std::sync::Arc;

use ::console::Console;
use dialects::{volcengine, zegocloud};
use domain::Context;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::broadcast::Receivers;
use crate::feed::Feed;
use crate::reconcile::Plan;

pub(crate) use body::Budget;
pub(crate) use console::Looks;
pub(crate) use doors::Door;
pub(crate) use letters::Remembered;
pub(crate) use listener::{Signals, serve};
pub(crate) use tls::{Certificate, TlsFiles};
pub(crate) use turns::Turns;

/// What every request needs at hand.
pub(crate) struct Server {
    /// Store, clock, tenants, settings.
    pub(crate) ctx: Context,
    /// What the ZEGOCLOUD dialect remembers between requests.
    pub(crate) zegocloud: zegocloud::State,
    /// The same of the Volcengine dialect.
    pub(crate) volcengine: volcengine::State,
    /// What the bodies of all requests under way may hold.
    pub(crate) bodies: Budget,
    /// Who works at a long request.
    pub(crate) turns: Turns,
    /// The dead letters that were kept last.
    pub(crate) letters: Remembered,
    /// Which media servers are asked who is there.
    pub(crate) reconcile: Vec<Plan>,
    /// The pages of the console.
    pub(crate) console: Console,
    /// Who looks at it.
    pub(crate) looks: Looks,
    /// Who takes broadcasts.
    pub(crate) receivers: Receivers,
    /// What has just become durable.
    pub(crate) feed: Arc<Feed>,
    /// Renders `/metrics`.
    pub(crate) metrics: PrometheusHandle,
}
