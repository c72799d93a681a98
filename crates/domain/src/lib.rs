//! What whowas is, without HTTP, without a vendor and without an engine.
//!
//! Two halves. [`users`] is WHOIS: the directory, one for all dialects. [`log`] is WHOWAS: events
//! of media servers, folded into stays. Both keep what they know behind one port, [`store::Store`],
//! and take the time from [`clock::Clock`].
//!
//! Read in this order: [`ids`], [`users`], [`log`], [`store`], [`context`].

pub mod app;
pub mod clock;
pub mod context;
pub mod error;
pub mod ids;
pub mod log;
pub mod quota;
pub mod store;
pub mod users;

pub use context::{Context, Settings};
pub use error::{EngineError, Error, Result};
pub use ids::{AppId, UserId};
