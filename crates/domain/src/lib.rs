//! What whowas is, without HTTP, without a vendor and without an engine.
//!
//! Two halves. [`users`] is WHOIS: the directory, one for all dialects, and [`broadcast`] speaks to
//! those who are in it. [`log`] is WHOWAS: events of media servers, folded into stays; [`presence`]
//! is who is online besides. All keep what they know behind one port, [`store::Store`], and take
//! the time from [`clock::Clock`].
//!
//! Read in this order: [`ids`], [`users`], [`log`], [`presence`], [`store`], [`broadcast`],
//! [`context`].

pub mod app;
pub mod broadcast;
pub mod clock;
pub mod context;
pub mod erasure;
pub mod error;
pub mod ids;
pub mod log;
pub mod presence;
pub mod quota;
pub mod store;
pub mod users;
pub mod witness;

pub use context::{Context, Settings};
pub use error::{EngineError, Error, Result};
pub use ids::{AppId, UserId};
