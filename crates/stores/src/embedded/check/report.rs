//! What was looked at, and what was found.

use std::collections::BTreeMap;
use std::fmt;

use crate::embedded::fault::Fault;

/// How many findings are listed; the others are only counted.
const FINDINGS_MAX: usize = 1_000;

/// How much of a key is shown, in bytes.
const KEY_SHOWN_MAX: usize = 120;

/// What a check came to.
#[derive(Debug, Default)]
pub struct Report {
    /// How many rows each table has.
    pub rows: BTreeMap<&'static str, u64>,
    /// What is wrong, in the order in which it was found, up to 1,000 of it.
    pub findings: Vec<Finding>,
    /// How much is wrong in all.
    pub found: u64,
    /// Whether what follows from records was compared with them: only if all can be read.
    pub is_compared: bool,
    /// Rooms that were not folded again: they have too many events, or go away just now.
    pub rooms_passed_over: u64,
    pub(super) looked_at: u64,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which table.
    pub table: &'static str,
    /// Under which key, its bytes escaped; empty if it concerns the whole table. It may hold ids.
    pub key: String,
    /// What it is.
    pub problem: Problem,
}

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A record cannot be read.
    Damaged(String),
    /// The file itself cannot be read on.
    Unreadable(String),
    /// A row is missing that follows from a record.
    Missing,
    /// A row says something else than the record that it repeats.
    Different,
    /// A row follows from nothing.
    Extra,
    /// A record stands where it does not belong.
    Misplaced,
    /// Somebody or something is there twice.
    Twice,
    /// A figure is not the number of what it counts.
    Miscounted {
        /// What the figure says.
        told: String,
        /// What there is.
        there: String,
    },
    /// The stays of a room are not those that its events show.
    NotOfItsEvents,
    /// Something about many rows.
    Wrong(&'static str),
}

impl Problem {
    pub(super) fn of(fault: &Fault) -> Self {
        Self::Damaged(fault.to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(how) => write!(f, "{how}"),
            Self::Unreadable(how) => write!(f, "the file cannot be read any further: {how}"),
            Self::Missing => write!(f, "missing, though it follows from a record"),
            Self::Different => write!(f, "says something else than the record that it repeats"),
            Self::Extra => write!(f, "follows from nothing"),
            Self::Misplaced => write!(f, "stands where it does not belong"),
            Self::Twice => write!(f, "is there twice"),
            Self::Miscounted { told, there } => write!(f, "says {told}, and there is {there}"),
            Self::NotOfItsEvents => write!(f, "the stays are not those that the events show"),
            Self::Wrong(what) => write!(f, "{what}"),
        }
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    /// Whether records are lost: what only repeats them can be made again of them.
    pub fn has_lost_records(&self) -> bool {
        !self.is_compared
    }

    /// Notes what is wrong.
    pub(in crate::embedded) fn note(&mut self, table: &'static str, key: &[u8], problem: Problem) {
        self.found += 1;
        if self.findings.len() < FINDINGS_MAX {
            let cut = key.get(..KEY_SHOWN_MAX).unwrap_or(key);
            let key = cut.escape_ascii().to_string();
            self.findings.push(Finding { table, key, problem });
        }
    }

    pub(super) fn count(&mut self, table: &'static str) {
        *self.rows.entry(table).or_default() += 1;
        self.looked_at += 1;
    }
}
