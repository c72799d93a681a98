//! How the users of a full tray move into `users`: in the order of their keys, some with each
//! group.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::pile::{Lying, Pile};
use super::{Emptied, Progress};
use crate::embedded::fault::Result;
use crate::embedded::transaction::Write;
use heed::RoTxn;

/// How many users move in one transaction, which others wait for.
const STEP_LEN_MAX: u32 = if cfg!(test) { 5 } else { 8 << 10 };

/// How many users move at once while nobody waits: whoever comes then waits for them.
const IDLE_STEP_LEN: u32 = if cfg!(test) { 3 } else { 1 << 10 };

/// A key and the record under it, unless they are gone.
type Moving = (Box<[u8]>, Option<Vec<u8>>);

/// The runs of a tray, and in which of them the next key is.
///
/// A run is users of one group, in the order of their keys.
pub(in crate::embedded) struct Queue {
    /// The key of the first user of each run that has any left.
    next: BinaryHeap<Reverse<(Box<[u8]>, usize)>>,
    /// Rows that are left.
    runs: Vec<Range<u32>>,
}

impl Queue {
    /// Those in a tray whose keys come after `moved`.
    fn open(pile: &Pile, txn: &RoTxn<'_>, runs: Vec<Range<u32>>, moved: &[u8]) -> Result<Self> {
        let mut queue = Self { next: BinaryHeap::with_capacity(runs.len()), runs };
        for run in 0..queue.runs.len() {
            let Range { mut start, mut end } = queue.runs[run];
            while start < end {
                let middle = start + (end - start) / 2;
                match pile.get(txn, middle)?.key <= moved {
                    true => start = middle + 1,
                    false => end = middle,
                }
            }
            queue.runs[run].start = start;
            queue.push(pile, txn, run)?;
        }
        Ok(queue)
    }

    fn push(&mut self, pile: &Pile, txn: &RoTxn<'_>, run: usize) -> Result<()> {
        let Range { start, end } = self.runs[run];
        if start < end {
            self.next.push(Reverse((pile.get(txn, start)?.key.into(), run)));
        }
        Ok(())
    }

    /// The next user: their key and their record.
    fn pop(&mut self, pile: &Pile, txn: &RoTxn<'_>) -> Result<Option<Moving>> {
        let Some(Reverse((key, run))) = self.next.pop() else { return Ok(None) };
        let lying = pile.get(txn, self.runs[run].start)?;
        // What cannot be read stays where it is.
        pile.check(Lying { key: &key, ..lying })?;
        let sealed = (!lying.is_gone()).then(|| lying.sealed.to_vec());
        self.runs[run].start += 1;
        self.push(pile, txn, run)?;
        Ok(Some((key, sealed)))
    }
}

/// The tray that was filled is to be emptied, and the next one to be filled. None may be under way.
pub(super) fn turn(write: &mut Write<'_>) {
    let Progress { filling, rows, gone, emptying } = &mut write.trays.progress;
    let work = &mut *write.trays.work;
    // Without those of a commit that failed.
    work.runs(*filling).retain(|first| first < rows);
    work.runs(*filling + 1).clear();
    work.queue = None;
    let (rows, gone) = (std::mem::take(rows), std::mem::take(gone));
    *filling += 1;
    *emptying = (rows > 0).then(|| Emptied { rows, left: rows, gone, moved: vec![] });
}

/// Moves some users, after `scattered` others came: so many that a tray is empty when the other one
/// is full. What was laid there is never more than what came.
pub(super) fn empty(write: &mut Write<'_>, scattered: u32, is_idle: bool) -> Result<()> {
    let Some(Emptied { left, .. }) = write.trays.progress.emptying else { return Ok(()) };
    let count = match (is_idle, scattered) {
        _ if write.trays.work.is_stuck => return Ok(()),
        (true, _) => IDLE_STEP_LEN,
        (false, 0) => return Ok(()),
        (false, _) => {
            let filling = write.trays.progress.filling;
            let room = u64::from(write.trays.map(filling).room()).max(1);
            let share = (u64::from(scattered) * u64::from(left)).div_ceil(room);
            u32::try_from(share).unwrap_or(u32::MAX).min(STEP_LEN_MAX)
        }
    };
    match move_some(write, count) {
        Err(fault) if fault.is_damage() => {
            tracing::error!(%fault, "some users stay where they wait for their place");
            write.trays.work.is_stuck = true;
            write.trays.work.queue = None;
            Ok(())
        }
        moved => moved,
    }
}

fn move_some(write: &mut Write<'_>, count: u32) -> Result<()> {
    let Write { tables, txn, trays, .. } = write;
    let tray = trays.progress.filling - 1;
    let Some(emptied) = &mut trays.progress.emptying else { return Ok(()) };
    let pile = tables.pile(tray);
    let mut queue = match trays.work.queue.take() {
        Some(queue) => queue,
        None => {
            let firsts = trays.work.runs(tray);
            let ends = firsts.iter().skip(1).copied().chain([emptied.rows]);
            let runs = firsts.iter().zip(ends).map(|(first, end)| *first..end).collect();
            Queue::open(pile, txn, runs, &emptied.moved)?
        }
    };
    for _ in 0..count {
        let Some((key, sealed)) = queue.pop(pile, txn)? else { break };
        match sealed {
            Some(sealed) => tables.users.put_bytes(txn, &key, &sealed)?,
            None => emptied.gone -= 1,
        }
        emptied.left -= 1;
        emptied.moved = key.into();
    }
    if queue.next.is_empty() {
        pile.clear(txn)?;
        trays.progress.emptying = None;
    } else {
        trays.work.queue = Some(queue);
    }
    Ok(())
}
