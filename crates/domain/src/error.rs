//! What can go wrong inside, each variant because some caller acts differently on it.

use std::fmt;
use std::sync::Arc;

/// A result of the domain.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the domain could not do what it was asked. Nothing of the request was done, where the
/// variant says nothing else.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// More changes are waiting than the store lets wait; the same request may pass later.
    #[error("too many changes are waiting")]
    Busy,
    /// The store cannot be reached, or too few of its machines can; the same request may pass
    /// later. A part of it may have been done, and a repeat does the rest.
    #[error("the store cannot be reached, or too few of its machines")]
    Unavailable(#[source] EngineError),
    /// The disk has no room for a change. Reads go on.
    #[error("the store has no room left")]
    Full,
    /// A change could not be made durable, so the store takes none until the process is restarted.
    /// Reads go on.
    #[error("the store takes no more changes until it is restarted")]
    Stopped,
    /// The engine failed in a way that says nothing about the next request.
    #[error("the store failed")]
    Engine(#[source] EngineError),
}

/// What a store's engine said. For logs: an answer never carries it.
#[derive(Clone)]
pub struct EngineError(Arc<dyn std::error::Error + Send + Sync>);

impl EngineError {
    /// Keeps what the engine said.
    pub fn new(said: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(said))
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
