//! The stays of an app that are not over, in the order of answers, a slice of time after the other.

use std::collections::BTreeMap;

use domain::AppId;
use domain::log::Stay;

use super::counts::Tree;
use super::place::Scope;
use super::rows::{Merged, StayRow, unseal};
use super::sum::Kind;
use super::walk::{Chunk, Walk, Window};
use super::{Index, OPEN};
use crate::cassandra::cluster::Cluster;
use crate::cassandra::fault::Result;

/// What is left of the stays of an app that are not over. It holds a page of rows of one slice.
///
/// It is read in many short steps: whoever leaves meanwhile may be told, or not.
pub(in crate::cassandra::log) struct OpenStays {
    walk: Walk,
    slice: Option<Slice>,
    /// The first chunk of the next slice.
    ahead: Option<Chunk>,
}

/// Leaves of one slice, and what was found of them.
struct Slice {
    rows: Merged<StayRow>,
    leaves: Vec<Chunk>,
    found: BTreeMap<i64, u64>,
}

impl OpenStays {
    /// All of an app.
    pub(in crate::cassandra::log) async fn begin(cluster: &Cluster, app: AppId) -> Result<Self> {
        let index = Index::new(cluster);
        let tree = Tree { app: index.app(app), scope: Scope::App, kind: Kind::Began };
        let created = i64::MIN..=i64::MAX;
        let window = Window { created, alive_unix_s: OPEN, with_servers: true };
        let walk = Walk::begin(&index, tree, window).await?;
        Ok(Self { walk, slice: None, ahead: None })
    }

    /// The next one.
    pub(in crate::cassandra::log) async fn next(
        &mut self,
        cluster: &Cluster,
    ) -> Result<Option<Stay>> {
        let index = &Index::new(cluster);
        loop {
            if self.slice.is_none() {
                self.slice = self.next_slice(index).await?;
            }
            let Some(slice) = &mut self.slice else { return Ok(None) };
            if let Some(row) = slice.rows.next(index).await? {
                let leaf = self.walk.tree.scope.bucket(0, row.0);
                *slice.found.entry(leaf).or_default() += 1;
                return Ok(Some(unseal(row)?));
            }
            let over = self.slice.take().into_iter();
            for (chunk, found) in over.flat_map(Slice::counted) {
                self.walk.tree.lower_open(index, &chunk.node, found).await?;
            }
        }
    }

    async fn next_slice(&mut self, index: &Index<'_>) -> Result<Option<Slice>> {
        let first = match self.ahead.take() {
            Some(first) => first,
            None => match self.walk.next(index).await? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        let mut rows = self.walk.rows(index, &first);
        let mut leaves = vec![first];
        while let Some(chunk) = self.walk.next(index).await? {
            let more = self.walk.rows(index, &chunk);
            if more.slice != rows.slice {
                self.ahead = Some(chunk);
                break;
            }
            rows.join(more);
            leaves.push(chunk);
        }
        let rows = rows.stays(index, u64::MAX);
        Ok(Some(Slice { rows, leaves, found: BTreeMap::new() }))
    }
}

impl Slice {
    /// Each of its leaves, and how many were open in it.
    fn counted(self) -> impl Iterator<Item = (Chunk, u64)> {
        let found = self.found;
        let leaves = self.leaves.into_iter();
        leaves.map(move |leaf| {
            let found = found.get(&leaf.node.bucket).copied().unwrap_or(0);
            (leaf, found)
        })
    }
}
