//! What goes wrong between the domain and the ring, and which of the domain's errors each becomes.

use domain::error::{EngineError, Error};
use scylla::errors::{
    DbError, DeserializationError, ExecutionError, IntoRowsResultError, MetadataError,
    PrepareError, RequestAttemptError, RowsError,
};

use crate::record;
pub(super) use crate::record::Damage;

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

/// What went wrong inside the engine.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// A statement failed.
    #[error("a statement failed")]
    Statement(#[source] Box<ExecutionError>),
    /// A statement could not be prepared.
    #[error("a statement could not be prepared")]
    Unprepared(#[source] Box<PrepareError>),
    /// The ring did not tell where its rows lie.
    #[error("the ring did not tell where its rows lie")]
    Unmapped(#[from] Box<MetadataError>),
    /// A conditional change may have been made or not, and nobody could tell which.
    #[error("nobody could tell whether a change was made")]
    Unknown,
    /// Others changed the same thing, again and again.
    #[error("others changed the same thing, again and again")]
    Crowded,
    /// Too much is under way already.
    #[error("too much is asked of the ring at once")]
    Busy,
    /// There was no row of a statement's answer to read.
    #[error("a statement gave no rows")]
    NoRows(#[source] Box<IntoRowsResultError>),
    /// An answer has other columns than asked for.
    #[error("a statement gave other columns than were asked for")]
    Columns(#[source] Box<RowsError>),
    /// A row cannot be read.
    #[error("a row cannot be read")]
    Row(#[source] Box<DeserializationError>),
    /// A record is damaged, or cannot be written down.
    #[error(transparent)]
    Record(#[from] record::Fault),
    /// There are more rows than a reader takes at most.
    #[error("there are more rows in `{table}` than {rows_max}")]
    TooManyRows { table: &'static str, rows_max: usize },
}

impl Fault {
    /// A record of `table` is not what was written.
    pub(super) fn damaged(table: &'static str, how: Damage) -> Self {
        Self::Record(record::Fault::Damaged { table, how })
    }

    /// Whether a record is not what was written.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Record(record::Fault::Damaged { .. }))
    }

    /// Whether the ring cannot be reached, or too few of its replicas.
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Statement(error) => is_unavailable(error),
            Self::Unprepared(error) => match &**error {
                PrepareError::ConnectionPoolError(_) => true,
                PrepareError::AllAttemptsFailed { first_attempt } => {
                    is_attempt_unavailable(first_attempt)
                }
                _ => false,
            },
            Self::Unknown => true,
            _ => false,
        }
    }
}

/// The driver's errors are large, and rare.
macro_rules! boxed {
    ($($variant:ident($error:ty),)+) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::$variant(Box::new(error))
            }
        }
    )+};
}

boxed! {
    Statement(ExecutionError),
    Unprepared(PrepareError),
    NoRows(IntoRowsResultError),
    Columns(RowsError),
    Row(DeserializationError),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Crowded | Fault::Busy => Self::Busy,
            fault if fault.is_unavailable() => Self::Unavailable(EngineError::new(fault)),
            fault => Self::Engine(EngineError::new(fault)),
        }
    }
}

fn is_unavailable(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::EmptyPlan
        | ExecutionError::ConnectionPoolError(_)
        | ExecutionError::RequestTimeout(_)
        | ExecutionError::PrepareError(_) => true,
        ExecutionError::LastAttemptError(attempt) => is_attempt_unavailable(attempt),
        _ => false,
    }
}

/// `CAS_WRITE_UNKNOWN` of the protocol's fifth version.
const CAS_WRITE_UNKNOWN: i32 = 0x1700;

fn is_attempt_unavailable(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::BrokenConnectionError(_)
        | RequestAttemptError::UnableToAllocStreamId => true,
        RequestAttemptError::DbError(error, _) => matches!(
            error,
            DbError::Unavailable { .. }
                | DbError::Overloaded
                | DbError::IsBootstrapping
                | DbError::ReadTimeout { .. }
                | DbError::WriteTimeout { .. }
                | DbError::ReadFailure { .. }
                | DbError::WriteFailure { .. }
                | DbError::RateLimitReached { .. }
                | DbError::ServerError
                // A right that is missing, or that nobody could look up: nothing is wrong with
                // the request, which may pass when that is mended.
                | DbError::Unauthorized
                | DbError::Other(CAS_WRITE_UNKNOWN)
        ),
        _ => false,
    }
}

/// Whether the last node that was asked did nothing of a conditional statement that failed so, and
/// never will.
///
/// One that was asked before it may have, or may do so yet: the driver asks a second node when the
/// first is slow or its connection breaks, and shows only the last error. So this is a reason to
/// give up with that error, after which a repeat by whoever asked finds out, and never one to go on
/// as if nothing had been made. What is not known to be harmless is taken for unknown.
pub(super) fn is_surely_undone(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_) => true,
        ExecutionError::LastAttemptError(attempt) => match attempt {
            RequestAttemptError::SerializationError(_)
            | RequestAttemptError::CqlRequestSerialization(_)
            | RequestAttemptError::UnableToAllocStreamId => true,
            RequestAttemptError::DbError(error, _) => matches!(
                error,
                DbError::Unavailable { .. }
                    | DbError::IsBootstrapping
                    | DbError::SyntaxError
                    | DbError::Invalid
                    | DbError::Unauthorized
                    | DbError::Unprepared { .. }
            ),
            _ => false,
        },
        _ => false,
    }
}
