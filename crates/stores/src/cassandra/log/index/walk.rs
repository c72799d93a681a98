//! Walking the stays of a scope in the order of answers, as chunks: leaves, or nodes above them of
//! which all is selected, so that they are counted without looking below.
//!
//! It is lazy: what lies behind the chunks that are taken is not read.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::Index;
use super::counts::{Node, Tree};
use super::place::Shards;
use super::rows::{Rows, before_second};
use crate::cassandra::fault::Result;

/// Which stays of a scope are walked.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Those that began in one of these seconds ...
    pub(super) created: RangeInclusive<i64>,
    /// ... and were not over before this one.
    pub(super) alive_unix_s: i64,
    pub(super) with_servers: bool,
}

/// Stays that are next to each other.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) node: Node,
    /// Those of the node that began in these seconds.
    pub(super) seconds: RangeInclusive<i64>,
    /// How many of them are selected, if that is known without reading them; never none.
    pub(super) known: Option<u64>,
    /// In which shards they may be.
    pub(super) shards: Shards,
}

/// What is left of a walk.
pub(super) struct Walk {
    pub(super) tree: Tree,
    pub(super) window: Window,
    /// Nodes to be looked at, the next one last.
    ahead: Vec<VecDeque<Node>>,
}

impl Walk {
    pub(super) async fn begin(index: &Index<'_>, tree: Tree, window: Window) -> Result<Self> {
        let buckets = buckets(&tree, tree.scope.top(), &window);
        let tops = tree.tops(index, buckets).await?;
        Ok(Self { tree, window, ahead: vec![tops.into()] })
    }

    /// The next chunk.
    pub(super) async fn next(&mut self, index: &Index<'_>) -> Result<Option<Chunk>> {
        while let Some(nodes) = self.ahead.last_mut() {
            let Some(node) = nodes.pop_front() else {
                self.ahead.pop();
                continue;
            };
            let chunk = self.chunk_of(node);
            if chunk.known == Some(0) {
                continue;
            }
            if chunk.known.is_some() || chunk.node.level == 0 {
                return Ok(Some(chunk));
            }
            self.descend(index, &chunk.node).await?;
        }
        Ok(None)
    }

    /// Looks into a chunk that was counted as a whole.
    pub(super) async fn descend(&mut self, index: &Index<'_>, node: &Node) -> Result<()> {
        // Of nodes that are looked at whole, some may have fewer open stays than they think.
        let buckets = buckets(&self.tree, node.level - 1, &self.window);
        let below = match self.is_whole(node) {
            true => self.tree.all_below(index, node).await?,
            false => self.tree.below(index, node, buckets).await?,
        };
        self.ahead.push(below.into());
        Ok(())
    }

    fn is_whole(&self, node: &Node) -> bool {
        let (all, window) = (self.tree.scope.seconds(node.level, node.bucket), &self.window);
        window.created.start() <= all.start() && all.end() <= window.created.end()
    }

    /// What of a node is selected.
    fn chunk_of(&self, node: Node) -> Chunk {
        let Window { created, alive_unix_s, with_servers } = &self.window;
        let all = self.tree.scope.seconds(node.level, node.bucket);
        let first = *all.start().max(created.start());
        let last = *all.end().min(created.end());
        let mut shards = node.counted.sum.shards;
        let known = if first >= *alive_unix_s {
            // Whoever came since was there since.
            if self.is_whole(&node) {
                Some(node.counted.sum.selected(*with_servers))
            } else if node.level == 0 && self.tree.scope.has_seconds() {
                Some(self.tree.in_part(&node, first..=last).selected(*with_servers))
            } else {
                None
            }
        } else if last >= *alive_unix_s || node.may_reach(*alive_unix_s) {
            if last < *alive_unix_s {
                shards = node.shards_that_reach(*alive_unix_s);
            }
            None
        } else {
            Some(0)
        };
        let known = known.or_else(|| (node.counted.sum.selected(*with_servers) == 0).then_some(0));
        Chunk { node, seconds: first..=last, known, shards }
    }

    /// The rows of a chunk that is a leaf.
    pub(super) fn rows(&self, index: &Index<'_>, chunk: &Chunk) -> Rows {
        let scope = &self.tree.scope;
        let count = index.shards_of(scope).end.unsigned_abs();
        Rows {
            app: self.tree.app,
            scope: scope.text(),
            shards: chunk.shards.each(count).collect(),
            slice: scope.slice(*chunk.seconds.start()),
            behind: before_second(*chunk.seconds.start()),
            until_unix_s: *chunk.seconds.end(),
            alive_unix_s: self.window.alive_unix_s,
            with_servers: self.window.with_servers,
        }
    }

    /// Passes over whole seconds of a chunk that was counted, and tells how many stays are still to
    /// be passed over.
    pub(super) fn pass_seconds(&self, chunk: &Chunk, rows: &mut Rows, passed_over: u64) -> u64 {
        let scope = &self.tree.scope;
        if chunk.known.is_none() || !scope.has_seconds() {
            return passed_over;
        }
        let first = *scope.seconds(0, chunk.node.bucket).start();
        let mut left = passed_over;
        for (place, clients, servers) in &chunk.node.counted.seconds {
            let second = first + i64::from(*place);
            if !chunk.seconds.contains(&second) {
                continue;
            }
            let servers = if self.window.with_servers { u64::from(*servers) } else { 0 };
            let selected = u64::from(*clients) + servers;
            if left < selected {
                rows.behind = before_second(second);
                break;
            }
            left -= selected;
        }
        left
    }
}

/// The nodes of a level that a window touches.
fn buckets(tree: &Tree, level: u8, window: &Window) -> RangeInclusive<i64> {
    let bucket = |second| tree.scope.bucket(level, second);
    bucket(*window.created.start())..=bucket(*window.created.end())
}
