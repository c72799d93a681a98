//! What the log shows now, in numbers: how much there is, and how much of it had to be inferred.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use super::end::{Certainty, End};
use super::stay::Stay;

/// The stays of all apps, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFigures {
    /// How many there are.
    pub stays: u64,
    /// How many of them are not over.
    pub open_stays: u64,
    /// How many of their spans ended by inference. A leave that comes late lowers it.
    pub inferred_leaves: u64,
    /// How many of their spans began by inference. A join that comes late lowers it.
    pub inferred_joins: u64,
}

impl LogFigures {
    /// What one stay adds to them.
    pub fn of(stay: &Stay) -> Self {
        let count = |is: fn(&super::Span) -> bool| stay.spans.iter().filter(|it| is(it)).count();
        Self {
            stays: 1,
            open_stays: u64::from(stay.left_unix_s().is_none()),
            inferred_leaves: count(|it| matches!(it.end, End::At(_, Certainty::Inferred))) as u64,
            inferred_joins: count(|it| it.join == Certainty::Inferred) as u64,
        }
    }

    /// What is left without `gone`; `None` if that would be less than nothing.
    #[must_use]
    pub fn without(self, gone: Self) -> Option<Self> {
        Some(Self {
            stays: self.stays.checked_sub(gone.stays)?,
            open_stays: self.open_stays.checked_sub(gone.open_stays)?,
            inferred_leaves: self.inferred_leaves.checked_sub(gone.inferred_leaves)?,
            inferred_joins: self.inferred_joins.checked_sub(gone.inferred_joins)?,
        })
    }
}

impl Add for LogFigures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            stays: self.stays + other.stays,
            open_stays: self.open_stays + other.open_stays,
            inferred_leaves: self.inferred_leaves + other.inferred_leaves,
            inferred_joins: self.inferred_joins + other.inferred_joins,
        }
    }
}

impl AddAssign for LogFigures {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
