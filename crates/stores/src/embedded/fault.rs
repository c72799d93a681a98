//! What goes wrong between the domain and LMDB, and which of the domain's errors each becomes.

use std::io;

use domain::error::{EngineError, Error};

use crate::record;
pub(super) use crate::record::Damage;

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

/// What went wrong inside the engine.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// LMDB refused.
    #[error("LMDB refused")]
    Lmdb(#[from] heed::Error),
    /// A record is damaged, or cannot be written down.
    #[error(transparent)]
    Record(#[from] record::Fault),
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

    /// Whether there is no room left: in the map, or on the disk.
    fn is_full(&self) -> bool {
        match self {
            Self::Lmdb(heed::Error::Mdb(heed::MdbError::MapFull)) => true,
            Self::Lmdb(heed::Error::Io(error)) => is_out_of_room(error),
            _ => false,
        }
    }
}

pub(super) fn is_out_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        if fault.is_full() { Self::Full } else { Self::Engine(EngineError::new(fault)) }
    }
}
