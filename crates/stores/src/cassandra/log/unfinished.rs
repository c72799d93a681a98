//! Which rooms somebody was at work on, minute by minute, so that what a dead server left half done
//! is found although nobody asks for the room again.
//!
//! A room is written down once in each minute in which a server changes it, before the change, and
//! nothing is removed when the change is done: a row that is written and deleted for every event
//! would leave more tombstones than anybody can read over. When a minute is well over, its rooms
//! are looked at, which for most is one small read, and the minute goes as a whole.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use domain::AppId;
use domain::clock::{Clock, SECOND_US, SystemClock};
use domain::ids::{Door, RoomId};
use domain::log::stay::RoomKey;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use crate::cassandra::cluster::{Cluster, Prepare};
use crate::cassandra::fault::{Damage, Fault, Result};

const TABLE: &str = "unfinished";

const SLOT_US: i64 = 60 * SECOND_US;

/// For how many minutes a minute is left alone. It is at most about what clocks differ: a server
/// whose clock is further behind writes down what nobody looks at.
const SLOTS_LEFT_ALONE: i64 = 3;

/// Over how many partitions the rooms of a minute are spread.
const SHARDS: i16 = 4;

/// How many minutes are looked at in one go.
const SLOTS_MAX: usize = 1 << 20;

/// How many rooms this process remembers to have written down in a minute.
const MARKS_MAX: usize = 100_000;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unfinished {
    /// A room.
    Room(RoomKey),
    /// The restarts of a door.
    Restarts(AppId, Door),
}

/// What is said about unfinished rooms.
pub(super) struct Statements {
    add_slot: PreparedStatement,
    slots: PreparedStatement,
    delete_slot: PreparedStatement,
    add: PreparedStatement,
    list: PreparedStatement,
    delete: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let add_slot = "INSERT INTO {ks}.unfinished_slots (realm, slot) VALUES (?, ?)";
        let slots = "SELECT slot FROM {ks}.unfinished_slots WHERE realm = ? AND slot <= ?";
        let delete_slot = "DELETE FROM {ks}.unfinished_slots WHERE realm = ? AND slot = ?";
        let add = "INSERT INTO {ks}.unfinished (realm, slot, shard, app, door, room) \
                   VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let list = "SELECT app, door, room FROM {ks}.unfinished \
                    WHERE realm = ? AND slot = ? AND shard = ?";
        let delete = "DELETE FROM {ks}.unfinished USING TIMESTAMP ? \
                      WHERE realm = ? AND slot = ? AND shard = ?";
        Ok(Self {
            add_slot: prepare.write(add_slot).await?,
            slots: prepare.read(slots).await?,
            delete_slot: prepare.write(delete_slot).await?,
            add: prepare.write(add).await?,
            list: prepare.read(list).await?,
            delete: prepare.write(delete).await?,
        })
    }
}

/// What this process wrote down in the present minute. Of what it forgets because there is too much
/// the mark is only written once more.
#[derive(Default)]
pub(super) struct Marks(Mutex<(i64, HashSet<Unfinished>)>);

impl Marks {
    /// How much of the minute is written down; `None` if `it` is too.
    fn lacks(&self, slot: i64, it: &Unfinished) -> Option<usize> {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.0 != slot {
            *marks = (slot, HashSet::new());
        }
        (!marks.1.contains(it)).then_some(marks.1.len())
    }

    fn add(&self, slot: i64, it: Unfinished) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.0 == slot {
            if marks.1.len() >= MARKS_MAX {
                marks.1.clear();
            }
            marks.1.insert(it);
        }
    }
}

/// Writes down that something is under way. To be done before the first of its changes.
pub(super) async fn add(cluster: &Cluster, marks: &Marks, it: Unfinished) -> Result<()> {
    let slot = SystemClock.now_unix_us().div_euclid(SLOT_US);
    let Some(before) = marks.lacks(slot, &it) else { return Ok(()) };
    let statements = &cluster.log.unfinished;
    if before == 0 {
        cluster.write(&statements.add_slot, (cluster.realm(), slot)).await?;
    }
    let (app, door, room) = match &it {
        Unfinished::Room(RoomKey { app, door, room }) => (*app, door, room.as_str()),
        // No room has this name.
        Unfinished::Restarts(app, door) => (*app, door, ""),
    };
    let shard = (before % SHARDS as usize) as i16;
    let (app, door) = (cluster.app(app), door.as_str());
    // The minute tells the time of writing, and that of its end.
    let values = (cluster.realm(), slot, shard, app, door, room, slot * SLOT_US);
    cluster.write(&statements.add, values).await?;
    marks.add(slot, it);
    Ok(())
}

/// The minutes that are well over.
pub(super) async fn slots(cluster: &Cluster, now_unix_us: i64) -> Result<Vec<i64>> {
    let last = now_unix_us.div_euclid(SLOT_US) - SLOTS_LEFT_ALONE;
    let statement = &cluster.log.unfinished.slots;
    let rows: Vec<(i64,)> =
        cluster.read(statement, (cluster.realm(), last), ("unfinished_slots", SLOTS_MAX)).await?;
    Ok(rows.into_iter().map(|(slot,)| slot).collect())
}

/// Where a page of a minute begins.
pub(super) struct From {
    shard: i16,
    page: PagingState,
}

/// A page of what was under way in a minute, where what cannot be read is a fault of its own, and
/// where the next begins.
pub(super) async fn page(
    cluster: &Cluster,
    slot: i64,
    from: Option<From>,
) -> Result<(Vec<Result<Unfinished>>, Option<From>)> {
    let From { shard, page } = from.unwrap_or(From { shard: 0, page: PagingState::start() });
    let values = (cluster.realm(), slot, shard);
    let statement = &cluster.log.unfinished.list;
    let (rows, behind) =
        cluster.read_page::<(i64, String, String)>(statement, values, page).await?;
    let found = rows.into_iter().map(unfinished_of).collect();
    let next = match behind {
        Some(page) => Some(From { shard, page }),
        None if shard + 1 < SHARDS => Some(From { shard: shard + 1, page: PagingState::start() }),
        None => None,
    };
    Ok((found, next))
}

fn unfinished_of((app, door, room): (i64, String, String)) -> Result<Unfinished> {
    let damaged = || Fault::damaged(TABLE, Damage::Encoding);
    // The upper half is the realm.
    let app = AppId((app.cast_unsigned() & u64::from(u32::MAX)) as u32);
    let door = Door::parse(&door).map_err(|_| damaged())?;
    if room.is_empty() {
        return Ok(Unfinished::Restarts(app, door));
    }
    let room = RoomId::parse(&room).map_err(|_| damaged())?;
    Ok(Unfinished::Room(RoomKey { app, door, room }))
}

/// Forgets a minute.
pub(super) async fn forget(cluster: &Cluster, slot: i64) -> Result<()> {
    let statements = &cluster.log.unfinished;
    for shard in 0..SHARDS {
        let values = (slot * SLOT_US + 1, cluster.realm(), slot, shard);
        cluster.write(&statements.delete, values).await?;
    }
    cluster.write(&statements.delete_slot, (cluster.realm(), slot)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restarts(app: usize) -> Unfinished {
        let app = AppId(u32::try_from(app).expect("a small number"));
        Unfinished::Restarts(app, Door::parse("door").expect("a door"))
    }

    #[test]
    fn marks_that_are_too_many_are_forgotten_and_written_again() {
        let marks = Marks::default();
        assert_eq!(marks.lacks(7, &restarts(0)), Some(0));
        for app in 0..MARKS_MAX {
            marks.add(7, restarts(app));
        }
        assert_eq!(marks.lacks(7, &restarts(0)), None);
        marks.add(7, restarts(MARKS_MAX));
        assert_eq!(marks.lacks(7, &restarts(MARKS_MAX)), None);
        assert_eq!(marks.lacks(7, &restarts(0)), Some(1));
    }
}
