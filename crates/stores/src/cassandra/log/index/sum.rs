//! What a node counts, and for which touches it was counted.

use std::collections::HashMap;

use domain::log::{LogFigures, Stay};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::place::Shards;

/// How many stays there are in a node.
///
/// Of the nodes of stays by when they began, all but `joins` and `leaves` is counted, and `open` is
/// an upper bound: whoever leaves lowers it nowhere, whoever counts again does. Of the other nodes
/// all but `open` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) clients: u64,
    pub(super) servers: u64,
    /// How many are not over, at most.
    pub(super) open: u64,
    /// How many inferred joins they have.
    pub(super) joins: u64,
    /// How many inferred leaves they have.
    pub(super) leaves: u64,
    /// In which shards they are.
    pub(super) shards: Shards,
}

impl Sum {
    pub(super) fn selected(&self, with_servers: bool) -> u64 {
        self.clients + if with_servers { self.servers } else { 0 }
    }

    pub(super) fn all(&self) -> u64 {
        self.clients + self.servers
    }

    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            clients: self.clients + other.clients,
            servers: self.servers + other.servers,
            open: self.open + other.open,
            joins: self.joins + other.joins,
            leaves: self.leaves + other.leaves,
            shards: self.shards.union(other.shards),
        }
    }

    /// One stay more.
    pub(super) fn add(&mut self, is_server: bool) {
        match is_server {
            true => self.servers += 1,
            false => self.clients += 1,
        }
    }
}

/// What was touched in a node, by process: each process counts on for itself.
///
/// In the order of the processes, so that the same touches are the same value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks(Vec<([u8; 16], i64)>);

impl From<HashMap<Uuid, i64>> for Marks {
    fn from(touched: HashMap<Uuid, i64>) -> Self {
        let marks = touched.into_iter().map(|(process, touch)| (process.into_bytes(), touch));
        let mut marks: Vec<_> = marks.collect();
        marks.sort_unstable();
        Self(marks)
    }
}

/// The count of a node: what it was counted for, and what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) marks: Marks,
    pub(super) sum: Sum,
    /// In a leaf of an app: how many clients and servers there are in each second that has any, by
    /// its place in the leaf.
    pub(super) seconds: Vec<(u8, u32, u32)>,
}

impl Counted {
    /// The count of one node from those of the level below.
    pub(super) fn above(marks: Marks, below: impl IntoIterator<Item = Sum>) -> Self {
        let sum = below.into_iter().fold(Sum::default(), Sum::plus);
        Self { marks, sum, seconds: vec![] }
    }

    /// Counts a stay of a second with this place in the leaf. They come in the order of time.
    pub(super) fn add_second(&mut self, place: u8, is_server: bool) {
        if self.seconds.last().is_none_or(|last| last.0 != place) {
            self.seconds.push((place, 0, 0));
        }
        let (_, clients, servers) = self.seconds.last_mut().expect("there is one now");
        *if is_server { servers } else { clients } += 1;
    }

    /// How many there are in seconds whose place is in `places`.
    pub(super) fn in_seconds(&self, places: std::ops::RangeInclusive<u8>) -> Sum {
        let some = self.seconds.iter().filter(|it| places.contains(&it.0));
        some.fold(Sum { shards: self.sum.shards, ..Sum::default() }, |sum, it| Sum {
            clients: sum.clients + u64::from(it.1),
            servers: sum.servers + u64::from(it.2),
            ..sum
        })
    }
}

/// The nodes and rows that count the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Stays, by when they began.
    Began,
    /// Stays that are over, by when they ended.
    Ended,
    /// Stays that are not over and of which something is inferred, by when they began.
    Inferred,
}

impl Kind {
    pub(super) fn number(self) -> i8 {
        match self {
            Self::Began => 0,
            Self::Ended => 1,
            Self::Inferred => 2,
        }
    }
}

/// What is counted of a stay besides that it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) kind: Kind,
    pub(super) second: i64,
    pub(super) is_server: bool,
    pub(super) joins: i32,
    pub(super) leaves: i32,
}

impl Point {
    pub(super) fn of(stay: &Stay) -> Option<Self> {
        let figures = LogFigures::of(stay);
        let (kind, second) = match stay.left_unix_s() {
            Some(left) => (Kind::Ended, left),
            None => (Kind::Inferred, stay.created_unix_s()),
        };
        let is_any = kind == Kind::Ended || figures.inferred_joins + figures.inferred_leaves > 0;
        // A stay has far fewer spans.
        let few = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        is_any.then(|| Self {
            kind,
            second,
            is_server: stay.is_server(),
            joins: few(figures.inferred_joins),
            leaves: few(figures.inferred_leaves),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_touches_are_the_same_marks() {
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let marks = |touched: &[(Uuid, i64)]| Marks::from(HashMap::from_iter(touched.to_vec()));
        assert_eq!(marks(&[(one, 1), (other, 7)]), marks(&[(other, 7), (one, 1)]));
        assert_ne!(marks(&[(one, 1), (other, 7)]), marks(&[(one, 7), (other, 1)]));
        assert_ne!(marks(&[(one, 1)]), marks(&[(one, 1), (other, 1)]));
    }

    #[test]
    fn seconds_add_up() {
        let mut counted = Counted::default();
        for (place, is_server) in [(0, false), (0, true), (3, false), (3, false), (15, true)] {
            counted.add_second(place, is_server);
        }
        let count = |places| counted.in_seconds(places);
        assert_eq!(count(0..=15), Sum { clients: 3, servers: 2, ..Sum::default() });
        assert_eq!(count(1..=14), Sum { clients: 2, ..Sum::default() });
        assert_eq!(count(4..=14).all(), 0);
        assert_eq!((count(0..=3).selected(false), count(0..=3).selected(true)), (3, 4));
    }
}
