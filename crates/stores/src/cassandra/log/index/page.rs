//! A page of the stays of an app or of a room, and how many there are.
//!
//! Of an app, `Total` is what had begun by the end of the window without what had ended before it:
//! two sums. A page that begins behind those who were there before the window begins at a node of
//! the tree; one that begins among them passes over them. Of a room the total is counted from the
//! room's own nodes, and from the rows of those who were there before.

use std::collections::VecDeque;

use domain::log::{Stay, StayPage, StayQuery};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::counts::Tree;
use super::place::Scope;
use super::rows::Rows;
use super::sum::Kind;
use super::walk::{Chunk, Walk, Window};
use super::{Index, SIDE_BY_SIDE, few};
use crate::cassandra::fault::Result;

/// One page of the stays that a query selects, and how many it selects in all.
pub(super) async fn page(index: &Index<'_>, query: &StayQuery) -> Result<StayPage> {
    match (&query.participants, &query.room) {
        (Some(some), room) => match some.first() {
            Some(one) if some.len() == 1 && room.is_none() => {
                visited_page(index, query, Scope::Participant(one.clone())).await
            }
            _ => few::page(index, query, some).await,
        },
        (None, Some(room)) => visited_page(index, query, Scope::Room(room.clone())).await,
        // Of a window that ends before it begins, sums say nothing.
        (None, None) => match query.from_unix_s <= query.until_unix_s {
            true => page_of_app(index, query).await,
            false => visited_page(index, query, Scope::App).await,
        },
    }
}

async fn page_of_app(index: &Index<'_>, query: &StayQuery) -> Result<StayPage> {
    let app = index.app(query.app);
    let [began, ended] =
        [Kind::Began, Kind::Ended].map(|kind| Tree { app, scope: Scope::App, kind });
    // Nothing begins in the last second that there is a number for.
    let until = query.until_unix_s.saturating_add(1);
    let (until, before, over) = futures::try_join!(
        began.before(index, until),
        began.before(index, query.from_unix_s),
        ended.before(index, query.from_unix_s),
    )?;
    let selected = |sum: super::sum::Sum| sum.selected(query.with_servers);
    // Whoever ended before the window began before it.
    let total = selected(until).saturating_sub(selected(over));
    let there_before = selected(before).saturating_sub(selected(over));
    if query.offset >= total || query.limit == 0 {
        return Ok(StayPage { total, stays: vec![] });
    }
    let (first, offset) = match query.offset.checked_sub(there_before) {
        None => (i64::MIN, query.offset),
        Some(behind) => (query.from_unix_s, behind),
    };
    let window = Window {
        created: first..=query.until_unix_s,
        alive_unix_s: query.from_unix_s,
        with_servers: query.with_servers,
    };
    let walk = Walk::begin(index, began, window).await?;
    let (_, stays) = take(index, walk, (offset, query.limit), Count::Page).await?;
    Ok(StayPage { total, stays })
}

/// A page for whose total every chunk is visited.
async fn visited_page(index: &Index<'_>, query: &StayQuery, scope: Scope) -> Result<StayPage> {
    let tree = Tree { app: index.app(query.app), scope, kind: Kind::Began };
    let window = Window {
        created: i64::MIN..=query.until_unix_s,
        alive_unix_s: query.from_unix_s,
        with_servers: query.with_servers,
    };
    let walk = Walk::begin(index, tree, window).await?;
    let (total, stays) = take(index, walk, (query.offset, query.limit), Count::All).await?;
    Ok(StayPage { total, stays })
}

/// How far to count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    /// Until the page is full.
    Page,
    All,
}

/// Rows that are a part of a page.
struct Part {
    rows: Rows,
    passed_over: u64,
    wanted: u64,
}

/// Leaves that are beside each other in one slice, whose rows are counted together, or a chunk of
/// which it is known how many are selected.
struct Run {
    chunks: Vec<Chunk>,
    rows: Rows,
}

/// Counts what a walk selects, and reads a page of it.
async fn take(
    index: &Index<'_>,
    mut walk: Walk,
    (offset, limit): (u64, u32),
    count: Count,
) -> Result<(u64, Vec<Stay>)> {
    let end = offset.saturating_add(u64::from(limit));
    let mut total: u64 = 0;
    let mut parts = vec![];
    let mut ahead = VecDeque::new();
    while count == Count::All || total < end {
        if ahead.is_empty() {
            // What is behind the page need not be counted.
            let enough = if count == Count::All { u64::MAX } else { end - total };
            ahead = some_runs(index, &mut walk, enough).await?;
        }
        let Some((run, selected)) = ahead.pop_front() else { break };
        let wanted_from = offset.max(total);
        let wanted_to = end.min(total + selected);
        if wanted_from < wanted_to {
            let first = &run.chunks[0];
            if first.node.level > 0 {
                // The page is somewhere in it, and it is the last that was taken from the walk.
                walk.descend(index, &first.node).await?;
                continue;
            }
            let mut rows = run.rows;
            let passed_over = walk.pass_seconds(first, &mut rows, wanted_from - total);
            parts.push(Part { rows, passed_over, wanted: wanted_to - wanted_from });
        }
        total += selected;
    }
    let parts = joined(parts).into_iter();
    let read = parts.map(|part| part.rows.page(index, part.passed_over, part.wanted));
    let mut read = stream::iter(read).buffered(SIDE_BY_SIDE);
    let mut stays = vec![];
    while let Some(more) = read.try_next().await? {
        stays.extend(more);
    }
    Ok((total, stays))
}

/// The next chunks of a walk, each with how many of it are selected; when they are `enough`, there
/// may be more. One that is above the leaves is the last of them, so that the walk can still go
/// into it.
async fn some_runs(
    index: &Index<'_>,
    walk: &mut Walk,
    enough: u64,
) -> Result<VecDeque<(Run, u64)>> {
    let mut runs: Vec<Run> = vec![];
    for _ in 0..SIDE_BY_SIDE {
        let Some(chunk) = walk.next(index).await? else { break };
        let is_leaf = chunk.node.level == 0;
        let rows = walk.rows(index, &chunk);
        match runs.last_mut() {
            Some(last) if last.is_beside(&chunk, &rows) => {
                last.rows.join(rows);
                last.chunks.push(chunk);
            }
            _ => runs.push(Run { chunks: vec![chunk], rows }),
        }
        if !is_leaf {
            break;
        }
    }
    let walk = &*walk;
    let counted = runs.into_iter().map(|run| count(index, walk, run, enough));
    stream::iter(counted).buffered(SIDE_BY_SIDE).try_collect().await
}

impl Run {
    fn is_beside(&self, chunk: &Chunk, rows: &Rows) -> bool {
        let last = self.chunks.last();
        self.rows.slice == rows.slice
            && chunk.known.is_none()
            && last.is_some_and(|last| {
                last.known.is_none() && last.node.bucket + 1 == chunk.node.bucket
            })
    }
}

/// Counts the rows of a run, if it is not known how many are selected.
async fn count(index: &Index<'_>, walk: &Walk, mut run: Run, enough: u64) -> Result<(Run, u64)> {
    if let Some(known) = run.chunks[0].known {
        return Ok((run, known));
    }
    let (selected, shards) = run.rows.count(index, enough).await?;
    run.rows.shards = shards;
    if selected == 0 && walk.window.with_servers {
        for chunk in &run.chunks {
            // Those who were there when it was counted have gone since.
            if chunk.seconds == walk.tree.scope.seconds(0, chunk.node.bucket) {
                walk.tree.lower_open(index, &chunk.node, 0).await?;
            }
        }
    }
    Ok((run, selected))
}

/// Parts that are beside each other in one slice are read as one.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = vec![];
    for part in parts {
        match joined.last_mut() {
            Some(last) if last.rows.slice == part.rows.slice && part.passed_over == 0 => {
                last.wanted += part.wanted;
                last.rows.join(part.rows);
            }
            _ => joined.push(part),
        }
    }
    joined
}
