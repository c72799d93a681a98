//! Whether a store is what it should be: every record is read, and every row that repeats
//! something is compared with what it repeats.
//!
//! Records first. Only if all of them can be read, what follows from them is made once more and
//! looked up, row by row, and at the end the rows are counted: where there are more than follow
//! from anything, those are named too. All is seen as of one instant, in one transaction, and
//! nothing is written. What is held in memory grows with the seconds in which an app has anything,
//! and with the largest room; not with the store.
//!
//! What is compared of whom stands where it is written: [`log::check`], [`trays::check`],
//! [`directory::check`], [`dead::check`], [`broadcasts::check`]. What is done about it is not
//! decided here.

mod expected;
mod report;

use domain::error::EngineError;

use super::fault::Fault;
use super::open::{OpenError, Options, look};
use super::tables::Tables;
use super::transaction::Read;
use super::{broadcasts, dead, directory, log, trays, users};

pub(super) use expected::Expected;
pub use report::{Finding, Problem, Report};

/// Why a store cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An earlier version wrote it, and this one never had it open.
    #[error(
        "the store has no table `{missing}`, as those of earlier versions: \
         let this version open it once, by a start of the server"
    )]
    Earlier {
        /// One of the tables that it has not.
        missing: &'static str,
    },
    /// LMDB refused, before anything could be looked at.
    #[error("the store cannot be read")]
    Engine(#[source] EngineError),
}

/// Looks at all of the store of a folder, whether or not a server runs on it. `progress` is told
/// now and then how many rows were looked at.
pub fn check(options: &Options, progress: &mut dyn FnMut(u64)) -> Result<Report, CheckError> {
    let engine = |error: heed::Error| CheckError::Engine(EngineError::new(Fault::from(error)));
    let (env, _reading) = look(options)?;
    let tables = Tables::open_there(&env).map_err(engine)?;
    let tables = tables.map_err(|missing| CheckError::Earlier { missing })?;
    let txn = env.read_txn().map_err(engine)?;
    Ok(run(Read { tables: &tables, txn: &txn }, progress))
}

/// Looks at all that a transaction shows.
pub(super) fn run(read: Read<'_>, progress: &mut dyn FnMut(u64)) -> Report {
    let mut report = Report::default();
    if let Err(fault) = look_at_all(read, &mut report, progress) {
        report.note("data.mdb", &[], Problem::Unreadable(EngineError::new(fault).to_string()));
    }
    report
}

fn look_at_all(
    read: Read<'_>,
    report: &mut Report,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Fault> {
    read.tables.each_row(read.txn, &mut |table, key, readable| {
        report.count(table);
        if let Err(fault) = readable {
            report.note(table, key, Problem::of(&fault));
        }
        progress(report.looked_at);
    })?;
    // What follows from what cannot be read, nobody knows.
    if !report.is_clean() {
        return Ok(());
    }
    report.is_compared = true;
    let mut expected = Expected::new(report, progress);
    compare(read, &mut expected)?;
    let Some(mut expected) = expected.with_names_of_the_rest() else { return Ok(()) };
    compare(read, &mut expected)?;
    read.tables.each_row(read.txn, &mut |table, key, _| expected.name_if_extra(table, key))
}

/// Makes once more what follows from records.
fn compare(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<(), Fault> {
    users::check(read, expected)?;
    trays::check(read, expected)?;
    directory::check(read, expected)?;
    log::check(read, expected)?;
    dead::check(read, expected)?;
    broadcasts::check(read, expected)
}
