//! The one port: connections come in, [`routes`] says who answers.

mod body;
mod events;
mod front;
mod hooks;
mod listener;
mod reply;
mod routes;

use dialects::zegocloud;
use domain::Context;
use metrics_exporter_prometheus::PrometheusHandle;

pub(crate) use body::Budget;
pub(crate) use listener::{bind, serve};

/// What every request needs at hand.
pub(crate) struct Server {
    /// Store, clock, tenants, settings.
    pub(crate) ctx: Context,
    /// What the ZEGOCLOUD dialect remembers between requests.
    pub(crate) zegocloud: zegocloud::State,
    /// What the bodies of all requests under way may hold.
    pub(crate) bodies: Budget,
    /// Renders `/metrics`.
    pub(crate) metrics: PrometheusHandle,
}
