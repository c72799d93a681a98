//! A round: what changes in a room's partitions, in one step, because of what was asked of it.
//!
//! The root is told what the sheets and the index have to be told, and these follow.

use std::collections::BTreeMap;

use domain::log::{Event, LogFigures, Stay, fold_room};

use super::grown::{EVENTS_MIN, Grown, Times};
use super::rows::{Head, Place, Result, Row, Todo};
use super::sheets::{Catalog, ROOT, Sheet, sheet_of_lost};
use super::state::{RoomState, StayKey, key_of};

/// How many stays, and about how many bytes of them, a round changes at most. What is more changes
/// in the next round. A node takes no step of more than half a segment of its log, 16 MiB as
/// shipped, and a stay stands in it up to three times.
const STAYS_MAX: usize = 4_000;
const STAYS_BYTES_MAX: usize = 1 << 20;

/// How many rows leave the root in a round, and about how many bytes of them, of a room of the
/// first version of the schema.
const MOVED_MAX: usize = 500;
const MOVED_BYTES_MAX: usize = 1 << 20;

/// What stays are to be; `None` is none.
type Wanted = Vec<(StayKey, Option<Stay>)>;

/// What a round writes, in one step, and what else is to be done because of it.
#[derive(Debug)]
pub(super) struct Round {
    /// The version that the partition must have; `None` if it must be empty.
    pub(super) expected: Option<i64>,
    /// The version that it has then.
    pub(super) version: i64,
    pub(super) head: Head,
    /// The head as it was.
    pub(super) head_before: Head,
    pub(super) catalog: Catalog,
    /// What the rows of the root are then; `None` is none.
    pub(super) rows: BTreeMap<Place, Option<Vec<u8>>>,
    /// Events and losers before this instant go from the root, where there are any.
    pub(super) cut_unix_us: Option<i64>,
    /// Whether nothing is left of the room but its version.
    pub(super) is_last: bool,
    /// What sheets and index have to be told.
    pub(super) todo: Todo,
}

impl RoomState {
    /// What the partition is to be told, if it is to be told anything. `now_unix_us` becomes its
    /// version, unless that would be a step back.
    pub(super) fn round(&mut self, now_unix_us: i64) -> Result<Option<Round>> {
        let version = self.version.map_or(now_unix_us, |last| now_unix_us.max(last + 1));
        let (head, mut todo) = self.fold(version)?;
        let was_in_root = self.is_in_root;
        todo.more |= self.leave_root()?;
        todo.changes = self.changes.take(&mut self.catalog);
        todo.more |= !todo.is_empty() && self.is_followed();
        let cut_unix_us = self.cut_unix_us.take();
        let changes_nothing = self.leaves_root.is_empty()
            && cut_unix_us.is_none()
            && todo.is_empty()
            && head == self.head
            && !self.has_to_clear_a_note();
        if changes_nothing {
            return Ok(None);
        }
        let round = Round {
            expected: self.version,
            version,
            head,
            head_before: self.head,
            catalog: self.catalog.clone(),
            rows: self.rows_of_root(&todo)?,
            cut_unix_us: cut_unix_us.filter(|_| was_in_root),
            is_last: self.is_over(),
            todo,
        };
        self.version = Some(version);
        self.head = head;
        self.bytes = 0;
        Ok(Some(round))
    }

    /// Whether nothing is left of the room.
    pub(super) fn is_over(&self) -> bool {
        self.events.is_empty() && self.lost.is_empty() && self.stays.is_empty()
    }

    /// Whether the note of the next round must not stand until somebody changes the room again: it
    /// says what was erased or cut. It asks for another round, also of whoever finds it if we die,
    /// and so does the note of that one, until nothing is left to change.
    fn is_followed(&mut self) -> bool {
        std::mem::take(&mut self.takes_away) || self.todos.iter().any(|todo| todo.more)
    }

    /// Whether something that is done would stand in the root as if it were not, or longer than it
    /// may.
    fn has_to_clear_a_note(&self) -> bool {
        let stays = |todo: &Todo| todo.is_old || todo.more || self.is_over();
        self.todos.iter().any(|todo| todo.done && stays(todo))
    }

    /// What changes in the root: the note takes the place of the one before. If there is nothing to
    /// be noted, an empty one does: what is removed lies about for days.
    fn rows_of_root(&mut self, todo: &Todo) -> Result<BTreeMap<Place, Option<Vec<u8>>>> {
        let leaves = std::mem::take(&mut self.leaves_root);
        let mut rows: BTreeMap<_, _> = leaves.into_iter().map(|place| (place, None)).collect();
        let done = std::mem::take(&mut self.todos).into_iter();
        rows.extend(done.map(|todo| (todo.place(), None)));
        let takes_a_place = rows.contains_key(&todo.place()) && !self.is_over();
        if takes_a_place || !todo.is_empty() {
            let Row { place, value } = Row::of_todo(&self.at, todo)?;
            rows.insert(place, Some(value));
        }
        if !todo.is_empty() {
            self.todos.push(todo.clone());
        }
        Ok(rows)
    }

    /// Moves rows from the root into sheets. Whether there are more.
    fn leave_root(&mut self) -> Result<bool> {
        if !self.is_in_root {
            return Ok(false);
        }
        let (mut moved, mut bytes) = (0, 0);
        let Self { at, known, events, lost, stays, catalog, changes, leaves_root, .. } = self;
        let mut go = |sheet: &mut Sheet, into: Option<Sheet>, row: Row| {
            (moved, bytes) = (moved + 1, bytes + row.value.len());
            leaves_root.insert(row.place.clone());
            *sheet = into.unwrap_or_else(|| catalog.open());
            changes.put(catalog, *sheet, (row.place, row.value));
            moved >= MOVED_MAX || bytes >= MOVED_BYTES_MAX
        };
        for known in known.values_mut().filter(|known| known.sheet == ROOT) {
            if go(&mut known.sheet, None, Row::of_event(at, &events[known.place])?) {
                return Ok(true);
            }
        }
        for (lost, sheet) in lost.iter_mut().filter(|(_, sheet)| **sheet == ROOT) {
            let into = sheet_of_lost(&lost.identity);
            if go(sheet, Some(into), Row::of_lost(at, lost)?) {
                return Ok(true);
            }
        }
        for (stay, sheet) in stays.values_mut().filter(|(_, sheet)| *sheet == ROOT) {
            if go(sheet, None, Row::of_stay(at, stay)?) {
                return Ok(true);
            }
        }
        self.is_in_root = false;
        Ok(false)
    }

    /// Folds what can have changed, and says where the room is found then, and what of its stays
    /// changes.
    fn fold(&mut self, version: i64) -> Result<(Head, Todo)> {
        let grown = self.grown.take();
        let some = grown.and_then(|mut grown| {
            let (wanted, figures) = self.fold_touched(&grown)?;
            grown.figures = figures;
            Some((wanted, grown))
        });
        let (wanted, mut grown) = some.unwrap_or_else(|| self.fold_whole());
        let head = head_of(grown.times, grown.figures);
        self.catalog.first_unix_us = grown.times.first_unix_us;
        let changed: Vec<(StayKey, bool)> =
            wanted.iter().map(|(key, stay)| (key.clone(), stay.is_some())).collect();
        let todo = self.change_stays(wanted, version)?;
        // If not all of them change in this round, all have to be looked at again.
        if !todo.more && self.events.len() >= EVENTS_MIN {
            grown.settle(changed);
            self.grown = Some(grown);
        }
        Ok((head, todo))
    }

    /// What the stays are.
    fn fold_whole(&mut self) -> (Wanted, Grown) {
        let restarts = self.restarts_in_reach();
        let times = Times::of(&self.events, &restarts);
        let own = self.events.len();
        self.events.extend(restarts);
        let stays = fold_room(&self.at, &self.events);
        let restarts: Vec<Event> = self.events.drain(own..).collect();
        // It is not kept of a small room.
        let events = if own < EVENTS_MIN { &[][..] } else { &self.events };
        let grown = Grown::of(events, &restarts, times, &stays);
        let folded = stays.into_iter().map(|stay| (key_of(&stay), Some(stay)));
        let folded: BTreeMap<StayKey, Option<Stay>> = folded.collect();
        let gone = self.stays.keys().filter(|key| !folded.contains_key(*key));
        let mut wanted: Wanted = gone.map(|key| (key.clone(), None)).collect();
        wanted.extend(folded);
        self.weigh();
        (wanted, grown)
    }

    /// What the stays of those are who were told of, and the figures of all stays with these.
    fn fold_touched(&self, grown: &Grown) -> Option<(Wanted, LogFigures)> {
        let mut wanted: Wanted = vec![];
        let mut figures = grown.figures;
        for (who, theirs, calls) in grown.touched() {
            let event = |identity| Some(&self.events[self.known.get(identity)?.place]);
            let theirs = theirs.iter().filter_map(event);
            let stays = grown.growing().stays_of(&self.at, who, theirs, &self.events);
            for call in calls.into_iter().flatten() {
                let key = (call.clone(), who.clone());
                let (before, _) = self.stays.get(&key)?;
                figures = figures.without(LogFigures::of(before))?;
                if stays.iter().all(|stay| stay.call != *call) {
                    wanted.push((key, None));
                }
            }
            figures = stays.iter().map(LogFigures::of).fold(figures, |all, one| all + one);
            wanted.extend(stays.into_iter().map(|stay| (key_of(&stay), Some(stay))));
        }
        Some((wanted, figures))
    }

    /// Makes the stays those that were folded, or nearer to them.
    fn change_stays(&mut self, wanted: Wanted, version: i64) -> Result<Todo> {
        let mut todo = Todo::empty(version);
        let mut bytes = 0;
        for (key, stay) in wanted {
            if self.stays.get(&key).map(|(before, _)| before) == stay.as_ref() {
                continue;
            }
            if todo.gone.len().max(todo.come.len()) >= STAYS_MAX || bytes >= STAYS_BYTES_MAX {
                todo.more = true;
                break;
            }
            let mut sheet = None;
            if let Some((before, in_sheet)) = self.stays.remove(&key) {
                bytes += size_of::<Stay>() + size_of_val(&before.spans[..]);
                todo.gone.push(before);
                self.remove(in_sheet, Place::of_stay(&key.0, &key.1));
                // Most stays change soon again, and need not move then.
                sheet = Some(in_sheet).filter(|sheet| !self.catalog.is_full(*sheet));
            }
            if let Some(stay) = stay {
                let row = Row::of_stay(&self.at, &stay)?;
                bytes += row.value.len();
                let sheet = sheet.unwrap_or_else(|| self.catalog.open());
                self.put_into(sheet, row);
                todo.come.push(stay.clone());
                self.stays.insert(key, (stay, sheet));
            }
        }
        Ok(todo)
    }
}

/// Where a room is found: by its first event, and by the end of what a restart can change.
fn head_of(times: Times, figures: LogFigures) -> Head {
    let Times { first_unix_us, last_unix_us, restarted_unix_us } = times;
    // Whoever goes if a restart counts comes back if it gives way.
    let restarted = restarted_unix_us.filter(|_| figures.inferred_leaves > 0);
    Head {
        first_hour: first_unix_us.map(Head::hour_of),
        last_hour: match figures.open_stays > 0 {
            true => Some(Head::OPEN),
            false => last_unix_us.map(|last| Head::hour_of(last.max(restarted.unwrap_or(last)))),
        },
    }
}
