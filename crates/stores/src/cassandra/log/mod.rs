//! The log on a ring. A room has a root with a version, and whoever changes it does so on the
//! condition that it is as they read it: so two servers that fold one room at a time lose nothing.
//! Its rows are in sheets, partitions that have an end, and these follow the root.
//!
//! Read in this order:
//!
//! 1. `append`: what happens to events that come in; `identities`: repeats, and events that
//!    contradict each other.
//! 2. `waiting` and `leader`: one task for each room makes rounds of what is asked of it.
//! 3. `state`: a room in memory, and what a round changes; `rows`, `room` and `sheets`: as the ring
//!    has it.
//! 4. `restarts` and `restarted`: what concerns all rooms of a door; `rooms`: which those are.
//! 5. `unfinished` and `sweep`: what a dead server left half done.
//! 6. `index`: what pages and totals are read from. `open` and `retire` are the other questions,
//!    and `erase` is how somebody goes.

mod append;
mod erase;
mod grown;
mod identities;
pub(super) mod index;
mod leader;
mod open;
mod restarted;
mod restarts;
mod retire;
mod room;
mod rooms;
mod round;
mod rows;
mod sheets;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
mod unfinished;
mod waiting;

pub(super) use append::append;
pub(super) use erase::erase;
pub(super) use identities::walk;
pub(super) use open::open_calls;
pub(super) use retire::retire;
pub(super) use sweep::sweep_every_minute;

use super::cluster::Prepare;
use super::fault::Result;

/// What a server knows of the log. All of it is in the ring too.
#[derive(Default)]
pub(super) struct Log {
    rooms: waiting::Rooms,
    restarts: restarts::Remembered,
    lists: rooms::Known,
    marks: unfinished::Marks,
    /// Where retirement stands.
    pass: tokio::sync::Mutex<Option<retire::Pass>>,
    #[cfg(all(test, feature = "cassandra-tests"))]
    deaths: tests::Deaths,
}

/// What is said about the log.
pub(super) struct Statements {
    identities: identities::Statements,
    room: room::Statements,
    sheets: sheets::Statements,
    rooms: rooms::Statements,
    restarts: restarts::Statements,
    unfinished: unfinished::Statements,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        Ok(Self {
            identities: identities::Statements::prepare(prepare).await?,
            room: room::Statements::prepare(prepare).await?,
            sheets: sheets::Statements::prepare(prepare).await?,
            rooms: rooms::Statements::prepare(prepare).await?,
            restarts: restarts::Statements::prepare(prepare).await?,
            unfinished: unfinished::Statements::prepare(prepare).await?,
        })
    }
}
