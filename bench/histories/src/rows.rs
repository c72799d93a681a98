//! What a person is shown of a call: one row for everybody who was in it.

use std::collections::BTreeMap;

use crate::{
    truth::{End, RoomDay},
    webhook::unix_s,
};

/// Of a call, by its place in the day, and an identity.
pub(crate) type RowKey = (usize, usize);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Joins and leaves in whole seconds since 1970, in the order of the joins; no leave is
    /// somebody who is still there.
    pub(crate) record: Vec<(i64, Option<i64>)>,
    /// `None` for somebody who is still there.
    pub(crate) duration_s: Option<i64>,
    pub(crate) published: bool,
}

pub(crate) type Rows = BTreeMap<RowKey, Row>;

/// How far a time or a duration may be off and still be right.
const TOLERANCE_S: u64 = 1;

pub(crate) fn near(one: i64, other: i64) -> bool {
    one.abs_diff(other) <= TOLERANCE_S
}

impl Row {
    /// For connections that are never there at once, the sum of their durations is the whole.
    pub(crate) fn new(mut record: Vec<(i64, Option<i64>)>, published: bool) -> Self {
        record.sort_unstable();
        let durations = record.iter().map(|(joined, left)| left.map(|left| left - joined));
        Self { duration_s: durations.sum(), record, published }
    }

    /// Whether a person would read the same from it.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let near_if_any = |one: Option<i64>, other: Option<i64>| match (one, other) {
            (Some(one), Some(other)) => near(one, other),
            (one, other) => one == other,
        };
        let pairs = || self.record.iter().zip(&other.record);
        self.published == other.published
            && self.record.len() == other.record.len()
            && near_if_any(self.duration_s, other.duration_s)
            && pairs().all(|(one, other)| near(one.0, other.0) && near_if_any(one.1, other.1))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.duration_s.is_none()
    }
}

/// One connection, on its way into a row.
pub(crate) struct Part {
    pub(crate) of: RowKey,
    pub(crate) joined_s: i64,
    pub(crate) left_s: Option<i64>,
    pub(crate) published: bool,
}

/// Puts the connections of each row together.
pub(crate) fn put_together(parts: impl IntoIterator<Item = Part>) -> Rows {
    let mut by_row: BTreeMap<RowKey, Vec<Part>> = BTreeMap::new();
    for part in parts {
        by_row.entry(part.of).or_default().push(part);
    }
    let row = |parts: Vec<Part>| {
        let record = parts.iter().map(|part| (part.joined_s, part.left_s)).collect();
        Row::new(record, parts.iter().any(|part| part.published))
    };
    by_row.into_iter().map(|(key, parts)| (key, row(parts))).collect()
}

/// What a log should show once all is over.
pub(crate) fn true_rows(day: &RoomDay) -> Rows {
    let connections = day.calls.iter().enumerate().flat_map(|(number, call)| {
        call.connections.iter().map(move |connection| (number, connection))
    });
    let there = connections.filter(|(_, connection)| connection.end != End::Aborted);
    put_together(there.map(|(call, connection)| Part {
        of: (call, connection.identity),
        joined_s: unix_s(connection.joined_ms),
        left_s: Some(unix_s(connection.left_ms)),
        published: !connection.streams.is_empty(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_wrong_when_any_part_of_it_is() {
        let row = |record: &[(i64, Option<i64>)], published| Row::new(record.to_vec(), published);
        let truth = row(&[(10, Some(20)), (30, Some(40))], true);
        assert_eq!(truth.duration_s, Some(20));
        assert!(truth.is_like(&row(&[(30, Some(40)), (10, Some(21))], true)));
        for wrong in [
            row(&[(10, Some(20)), (30, Some(40))], false),
            row(&[(10, Some(40))], true),
            row(&[(10, Some(20)), (30, None)], true),
            row(&[(10, Some(20)), (28, Some(38))], true),
            row(&[(9, Some(20)), (29, Some(40))], true),
        ] {
            assert!(!truth.is_like(&wrong), "{wrong:?}");
        }
    }
}
