//! What goes wrong between the domain and LMDB, and which of the domain's errors each becomes.

use std::io;

use domain::error::{EngineError, Error};

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

/// What went wrong inside the engine.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// LMDB refused.
    #[error("LMDB refused")]
    Lmdb(#[from] heed::Error),
    /// A record is not what was written.
    #[error("a record of the table `{table}` is damaged: {how}")]
    Damaged { table: &'static str, how: Damage },
    /// A value cannot be written down.
    #[error("a record of the table `{table}` cannot be encoded")]
    Unencodable { table: &'static str, source: postcard::Error },
}

/// How a record is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("its checksum does not match")]
    Checksum,
    #[error("its version is unknown")]
    Version,
    #[error("it cannot be decoded")]
    Encoding,
    #[error("another record points to it, but it is missing")]
    Missing,
}

impl Fault {
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
