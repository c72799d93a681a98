//! The trees of nodes that count stays: reading them, and counting again what was touched.
//!
//! Why a count that was made for the touches that are there now is right stands in `mod.rs`.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::place::{Scope, Shards};
use super::sum::{Counted, Kind, Marks, Sum};
use super::{Index, SIDE_BY_SIDE};
use crate::cassandra::fault::{Fault, Result};
use crate::record;

/// How many nodes of a partition are counted at a time. Of each level below as many, so that they
/// are not more.
const NODES_AT_ONCE: usize = 8;

const SUMS: &str = "index_sums";

/// The nodes of one scope that count one thing.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) app: i64,
    pub(super) scope: Scope,
    pub(super) kind: Kind,
}

/// A node whose count is right.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) level: u8,
    pub(super) bucket: i64,
    pub(super) counted: Counted,
    /// Up to which second anybody who is over was there, in each shard; of nodes above the leaves,
    /// in all.
    reaches: HashMap<i32, i64>,
    /// Whether it is the last of its level.
    newest: bool,
}

/// A row of a node.
type Row = (i64, Option<HashMap<Uuid, i64>>, Option<Vec<u8>>, Option<HashMap<i32, i64>>);

impl Node {
    /// Whether anybody of it may have been there at a second or later.
    pub(super) fn may_reach(&self, second: i64) -> bool {
        let reaches = self.reaches.values().any(|reach| *reach >= second);
        self.counted.sum.all() > 0 && (reaches || self.counted.sum.open > 0)
    }

    /// In which shards anybody may have been there at a second or later.
    pub(super) fn shards_that_reach(&self, second: i64) -> Shards {
        let mut shards = Shards::default();
        for (shard, reach) in &self.reaches {
            if *reach >= second {
                shards.add(*shard);
            }
        }
        if self.counted.sum.open > 0 { self.counted.sum.shards } else { shards }
    }
}

impl Tree {
    /// The nodes of the highest level whose buckets are in a range.
    pub(super) async fn tops(
        &self,
        index: &Index<'_>,
        buckets: RangeInclusive<i64>,
    ) -> Result<Vec<Node>> {
        self.nodes(index, (self.scope.top(), 0), buckets, true).await
    }

    /// The nodes right below a node whose buckets are in a range.
    pub(super) async fn below(
        &self,
        index: &Index<'_>,
        node: &Node,
        buckets: RangeInclusive<i64>,
    ) -> Result<Vec<Node>> {
        self.nodes(index, (node.level - 1, node.bucket), buckets, node.newest).await
    }

    /// All nodes right below a node; what there is less in them than in it is written down.
    pub(super) async fn all_below(&self, index: &Index<'_>, node: &Node) -> Result<Vec<Node>> {
        let below = self.below(index, node, i64::MIN..=i64::MAX).await?;
        let open = below.iter().map(|node| node.counted.sum.open).sum();
        self.lower_open(index, node, open).await?;
        Ok(below)
    }

    /// Those nodes of a partition whose buckets are in a range, each with a count that is right.
    /// `newest` tells whether the last of the partition is where stays begin now.
    async fn nodes(
        &self,
        index: &Index<'_>,
        (level, parent): (u8, i64),
        buckets: RangeInclusive<i64>,
        newest: bool,
    ) -> Result<Vec<Node>> {
        let rows = self.rows(index, (level, parent)).await?;
        let last = rows.last().map(|row| row.0);
        let rows = rows.into_iter().filter(|row| buckets.contains(&row.0));
        let resolved = rows.map(|row| {
            let newest = newest && last == Some(row.0);
            self.resolve(index, level, row, newest)
        });
        stream::iter(resolved).buffered(NODES_AT_ONCE).try_collect().await
    }

    async fn rows(&self, index: &Index<'_>, (level, parent): (u8, i64)) -> Result<Vec<Row>> {
        let (kind, level) = (self.kind.number(), level.cast_signed());
        let values = (self.app, self.scope.text(), kind, level, parent);
        index.read_all(&index.said().read_sums, values).await
    }

    /// A node with a count that is right: the one that is written down, if it was made for the
    /// touches that are there, or a new one.
    async fn resolve(
        &self,
        index: &Index<'_>,
        level: u8,
        (bucket, touched, counted, reaches): Row,
        newest: bool,
    ) -> Result<Node> {
        let marks = Marks::from(touched.unwrap_or_default());
        let known = counted.and_then(|bytes| self.read_count(level, bucket, &bytes));
        let reaches = reaches.unwrap_or_default();
        if let Some(counted) = known.filter(|known| known.marks == marks) {
            return Ok(Node { level, bucket, counted, reaches, newest });
        }
        let counted = self.count(index, (level, bucket, newest), marks).await?;
        let node = Node { level, bucket, counted, reaches, newest };
        // That of the newest would be wrong again at once.
        if !newest {
            self.keep(index, &node).await?;
        }
        Ok(node)
    }

    /// The count that is written down. One that is damaged is as good as none.
    fn read_count(&self, level: u8, bucket: i64, bytes: &[u8]) -> Option<Counted> {
        let read = record::unseal(SUMS, &self.key_bytes(level, bucket), bytes);
        read.inspect_err(|fault| tracing::warn!(%fault, "a count is made again")).ok()
    }

    /// Counts a node. Its touches were read before.
    fn count<'f>(
        &'f self,
        index: &'f Index<'_>,
        (level, bucket, newest): (u8, i64, bool),
        marks: Marks,
    ) -> BoxFuture<'f, Result<Counted>> {
        Box::pin(async move {
            if level > 0 {
                let all = i64::MIN..=i64::MAX;
                let below = self.nodes(index, (level - 1, bucket), all, newest).await?;
                let sums = below.into_iter().map(|node| node.counted.sum);
                return Ok(Counted::above(marks, sums));
            }
            match self.kind {
                Kind::Began => self.count_stays(index, bucket, marks).await,
                Kind::Ended | Kind::Inferred => self.count_points(index, bucket, marks).await,
            }
        })
    }

    async fn count_stays(&self, index: &Index<'_>, leaf: i64, marks: Marks) -> Result<Counted> {
        let scope = self.scope.text();
        self.count_rows(index, (leaf, marks), |shard, slice, seconds| {
            let values = (self.app, scope.clone(), shard, slice, *seconds.start(), *seconds.end());
            async move {
                let rows = index.read_all(&index.said().read_facts, values).await?;
                let counted = |(second, ended, is_server): (i64, i64, bool)| {
                    let open = u64::from(ended == super::OPEN);
                    (second, is_server, Sum { open, ..Sum::default() })
                };
                Ok(rows.into_iter().map(counted).collect())
            }
        })
        .await
    }

    async fn count_points(&self, index: &Index<'_>, leaf: i64, marks: Marks) -> Result<Counted> {
        self.count_rows(index, (leaf, marks), |shard, slice, seconds| {
            let (app, kind) = (self.app, self.kind.number());
            let values = (app, kind, shard, slice, *seconds.start(), *seconds.end());
            async move {
                let rows = index.read_all(&index.said().read_points, values).await?;
                // They are not negative.
                let many = |count: i32| u64::from(count.unsigned_abs());
                let counted = |(second, is_server, joins, leaves): (i64, bool, i32, i32)| {
                    let (joins, leaves) = (many(joins), many(leaves));
                    (second, is_server, Sum { joins, leaves, ..Sum::default() })
                };
                Ok(rows.into_iter().map(counted).collect())
            }
        })
        .await
    }

    /// Counts what `read` finds in each shard.
    async fn count_rows<F>(
        &self,
        index: &Index<'_>,
        (leaf, marks): (i64, Marks),
        read: impl Fn(i32, i64, RangeInclusive<i64>) -> F,
    ) -> Result<Counted>
    where
        F: Future<Output = Result<Vec<(i64, bool, Sum)>>>,
    {
        let seconds = self.scope.seconds(0, leaf);
        let slice = self.scope.slice(*seconds.start());
        let shards = index.shards_of(&self.scope);
        let shards = stream::iter(shards.map(|shard| {
            let rows = read(shard, slice, seconds.clone());
            async move { rows.await.map(|rows| (shard, rows)) }
        }));
        let mut all: Vec<(i64, bool)> = vec![];
        let mut counted = Counted { marks, ..Counted::default() };
        let mut found = shards.buffer_unordered(SIDE_BY_SIDE);
        while let Some((shard, rows)) = found.try_next().await? {
            for (second, is_server, sum) in rows {
                counted.sum = counted.sum.plus(sum);
                counted.sum.add(is_server);
                counted.sum.shards.add(shard);
                all.push((second, is_server));
            }
        }
        if self.scope.has_seconds() {
            all.sort_unstable();
            for (second, is_server) in all {
                counted.add_second(place_in(&seconds, second), is_server);
            }
        }
        Ok(counted)
    }

    /// Writes down that fewer are open in a node than were when it was counted.
    pub(super) async fn lower_open(&self, index: &Index<'_>, node: &Node, open: u64) -> Result<()> {
        if open >= node.counted.sum.open || node.newest {
            return Ok(());
        }
        let mut lower = node.clone();
        lower.counted.sum.open = open;
        self.keep(index, &lower).await
    }

    async fn keep(&self, index: &Index<'_>, node: &Node) -> Result<()> {
        let (level, bucket) = (node.level, node.bucket);
        let counted = record::seal(SUMS, &self.key_bytes(level, bucket), &node.counted)?;
        let parent = self.scope.parent(level, bucket);
        let (kind, level) = (self.kind.number(), level.cast_signed());
        let values = (counted, self.app, self.scope.text(), kind, level, parent, bucket);
        index.write(&index.said().keep_count, values).await
    }

    fn key_bytes(&self, level: u8, bucket: i64) -> Vec<u8> {
        let (kind, scope) = (self.kind.number(), self.scope.text());
        let key = [&self.app.to_be_bytes()[..], &[kind.cast_unsigned(), level]];
        [key.concat(), bucket.to_be_bytes().to_vec(), scope.into_bytes()].concat()
    }

    /// Everything that is counted.
    pub(super) async fn total(&self, index: &Index<'_>) -> Result<Sum> {
        let tops = self.tops(index, i64::MIN..=i64::MAX).await?;
        Ok(tops.into_iter().map(|node| node.counted.sum).fold(Sum::default(), Sum::plus))
    }

    /// What is counted in the seconds before one.
    pub(super) async fn before(&self, index: &Index<'_>, second: i64) -> Result<Sum> {
        let top = self.scope.top();
        let levels = (0..=top).map(|level| async move {
            let end = self.scope.bucket(level, second);
            // Of the highest level all before; of the others, those below the same node.
            let first = if level == top { i64::MIN } else { self.first_beside(level, end) };
            // A leaf can be counted in part.
            let last = if level == 0 { end } else { end - 1 };
            if last < first {
                return Ok::<_, Fault>(Sum::default());
            }
            let parent = self.scope.parent(level, end);
            let nodes = self.nodes(index, (level, parent), first..=last, true).await?;
            let sum = |node: &Node| match level == 0 && node.bucket == end {
                true => self.in_part(node, i64::MIN..=second.saturating_sub(1)),
                false => node.counted.sum,
            };
            Ok(nodes.iter().map(sum).fold(Sum::default(), Sum::plus))
        });
        let sums: Vec<Sum> = stream::iter(levels).buffered(SIDE_BY_SIDE).try_collect().await?;
        Ok(sums.into_iter().fold(Sum::default(), Sum::plus))
    }

    /// The first bucket below the node that this one is below.
    fn first_beside(&self, level: u8, bucket: i64) -> i64 {
        let above = self.scope.parent(level, bucket);
        self.scope.bucket(level, *self.scope.seconds(level + 1, above).start())
    }

    /// What of a leaf is in some seconds.
    pub(super) fn in_part(&self, leaf: &Node, seconds: RangeInclusive<i64>) -> Sum {
        let all = self.scope.seconds(0, leaf.bucket);
        if seconds.end() < all.start() || seconds.start() > all.end() {
            return Sum::default();
        }
        let first = place_in(&all, *seconds.start().max(all.start()));
        let last = place_in(&all, *seconds.end().min(all.end()));
        leaf.counted.in_seconds(first..=last)
    }
}

/// The place of a second in a leaf.
fn place_in(leaf: &RangeInclusive<i64>, second: i64) -> u8 {
    (second - leaf.start()) as u8
}
