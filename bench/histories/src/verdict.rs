//! Each log's rows beside the truth.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    naive::{self, Keyed},
    ours::{self, Shown},
    queue::Arrival,
    rows::{Row, RowKey, Rows, near, true_rows},
    table::{Counts, Tally},
    truth::{Call, End, RoomDay},
    webhook::Webhook,
};

/// What our row is beside the truth, from best to worst. All but the first and the last are of
/// rows of which something never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ours {
    Right,
    /// Every connection is there, and only times differ that are marked as inferred.
    Inferred,
    /// Nothing says that somebody left, who did.
    StillOpen,
    /// A connection or a publication is missing: no webhook of it arrived.
    Missing,
    /// It says as reported what is not so, or does not say what was reported.
    Wrong,
}

/// What the logs made of one row, or of the worst row of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) by_user: bool,
    pub(crate) by_connection: bool,
    pub(crate) ours: Ours,
    /// Whether each log shows somebody as still there: in the order above.
    pub(crate) ghosts: [bool; 3],
}

impl Verdict {
    fn worse(self, other: Self) -> Self {
        let ghost = |at: usize| self.ghosts[at] || other.ghosts[at];
        Self {
            by_user: self.by_user || other.by_user,
            by_connection: self.by_connection || other.by_connection,
            ours: self.ours.max(other.ours),
            ghosts: [ghost(0), ghost(1), ghost(2)],
        }
    }
}

/// Adds a day to the tally: all of its calls, and those that what went wrong touched.
pub(crate) fn judge(
    day: &RoomDay,
    told: &[Webhook],
    arrivals: &[Arrival],
    touched: impl Fn(&Call) -> bool,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let arrived: Vec<&Webhook> = arrivals.iter().map(|arrival| &told[arrival.webhook]).collect();
    let by_user = naive::log(Keyed::ByUser, day, &arrived);
    let by_connection = naive::log(Keyed::ByConnection, day, &arrived);
    let ours = ours::log(day, told, arrivals)?;
    let unknown = not_wholly_told(day, told, arrivals);
    let truth = true_rows(day);
    let shown = by_user.keys().chain(by_connection.keys()).chain(ours.keys());
    let keys: BTreeSet<RowKey> = truth.keys().chain(shown).copied().collect();
    let mut calls: BTreeMap<usize, Verdict> = BTreeMap::new();
    for key in keys {
        let is_wrong = |rows: &Rows| !is_like(truth.get(&key), rows.get(&key));
        let is_open = |rows: &Rows| rows.get(&key).is_some_and(Row::is_open);
        let verdict = Verdict {
            by_user: is_wrong(&by_user),
            by_connection: is_wrong(&by_connection),
            ours: judge_ours(truth.get(&key), ours.get(&key), unknown.contains(&key)),
            ghosts: [
                is_open(&by_user),
                is_open(&by_connection),
                ours.get(&key).is_some_and(|shown| shown.row.is_open()),
            ],
        };
        let is_touched = touched(&day.calls[key.0]);
        add(verdict, is_touched, &mut tally.rows, &mut tally.rows_touched);
        let of_call = calls.get(&key.0).map_or(verdict, |worst| worst.worse(verdict));
        calls.insert(key.0, of_call);
    }
    for (call, verdict) in calls {
        let is_touched = touched(&day.calls[call]);
        add(verdict, is_touched, &mut tally.calls, &mut tally.calls_touched);
    }
    Ok(())
}

fn add(verdict: Verdict, is_touched: bool, all: &mut Counts, touched: &mut Counts) {
    all.add(verdict);
    if is_touched {
        touched.add(verdict);
    }
}

fn is_like(truth: Option<&Row>, shown: Option<&Row>) -> bool {
    match (truth, shown) {
        (Some(truth), Some(shown)) => truth.is_like(shown),
        (truth, shown) => truth.is_none() && shown.is_none(),
    }
}

/// The rows of which a webhook was lost, or never made since the server crashed.
fn not_wholly_told(day: &RoomDay, told: &[Webhook], arrivals: &[Arrival]) -> BTreeSet<RowKey> {
    let arrived: BTreeSet<usize> = arrivals.iter().map(|arrival| arrival.webhook).collect();
    let lost = (0..told.len()).filter(|webhook| !arrived.contains(webhook));
    let of_lost = lost.filter_map(|webhook| {
        let webhook = &told[webhook];
        webhook.about(day).1.map(|connection| (webhook.call, connection.identity))
    });
    let crashed = day.calls.iter().enumerate().flat_map(|(number, call)| {
        let ended = call.connections.iter().filter(|it| it.end == End::Crashed);
        ended.map(move |connection| (number, connection.identity))
    });
    of_lost.chain(crashed).collect()
}

fn judge_ours(truth: Option<&Row>, shown: Option<&Shown>, something_is_unknown: bool) -> Ours {
    if is_like(truth, shown.map(|shown| &shown.row)) {
        return Ours::Right;
    }
    if !something_is_unknown {
        return Ours::Wrong;
    }
    match (truth, shown) {
        (None, _) => Ours::Wrong,
        (Some(_), None) => Ours::Missing,
        (Some(truth), Some(shown)) => judge_claims(truth, shown),
    }
}

/// What is said as reported must be true; what is inferred may be otherwise.
fn judge_claims(truth: &Row, shown: &Shown) -> Ours {
    let mut unmatched = truth.record.clone();
    let mut still_open = false;
    for span in &shown.spans {
        let (joined, is_reported) = span.joined;
        let left = span.left.filter(|(_, is_reported)| *is_reported).map(|(left, _)| left);
        let found = unmatched.iter().position(|&(true_joined, true_left)| {
            let began = match is_reported {
                true => near(true_joined, joined),
                // A publication proves that somebody had come by then.
                false => true_joined <= joined && true_left.is_none_or(|left| joined <= left),
            };
            began && left.is_none_or(|left| true_left.is_some_and(|it| near(it, left)))
        });
        let Some(found) = found else { return Ours::Wrong };
        unmatched.remove(found);
        still_open |= span.left.is_none();
    }
    if shown.row.published && !truth.published {
        Ours::Wrong
    } else if !unmatched.is_empty() || shown.row.published != truth.published {
        Ours::Missing
    } else if still_open {
        Ours::StillOpen
    } else {
        Ours::Inferred
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ours::Known;

    /// Whole seconds, and whether they were reported.
    type Time = (i64, bool);

    fn shown(spans: &[(Time, Option<Time>)], published: bool) -> Shown {
        let record = spans.iter().map(|(joined, left)| (joined.0, left.map(|left| left.0)));
        Shown {
            row: Row::new(record.collect(), published),
            spans: spans.iter().map(|&(joined, left)| Known { joined, left }).collect(),
        }
    }

    #[test]
    fn a_claim_is_wrong_and_a_mark_is_not() {
        let truth = Row::new(vec![(10, Some(20)), (30, Some(40))], true);
        let first = ((10, true), Some((20, true)));
        let cases = [
            (shown(&[first, ((30, true), Some((41, true)))], true), Ours::Right),
            (shown(&[first, ((30, true), Some((60, false)))], true), Ours::Inferred),
            (shown(&[first, ((33, false), Some((40, true)))], true), Ours::Inferred),
            (shown(&[first, ((30, true), None)], true), Ours::StillOpen),
            (shown(&[first], true), Ours::Missing),
            (shown(&[first, ((30, true), Some((40, true)))], false), Ours::Missing),
            (shown(&[first, ((30, true), Some((60, true)))], true), Ours::Wrong),
            (shown(&[first, ((50, false), None)], true), Ours::Wrong),
            (shown(&[first, first, ((30, true), None)], true), Ours::Wrong),
        ];
        for (shown, expected) in cases {
            assert_eq!(judge_ours(Some(&truth), Some(&shown), true), expected, "{:?}", shown.row);
        }
        let inferred = shown(&[first, ((30, true), Some((60, false)))], true);
        assert_eq!(judge_ours(Some(&truth), Some(&inferred), false), Ours::Wrong);
        assert_eq!(judge_ours(None, Some(&inferred), true), Ours::Wrong);
        assert_eq!(judge_ours(Some(&truth), None, true), Ours::Missing);
    }
}
