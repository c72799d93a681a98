//! Which rooms changed while somebody looks at one to decide what of it may go.
//!
//! Looking takes too long for the writer's thread, so it is done as of an earlier transaction; the
//! writer then refuses what was decided of a room that has changed since.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rooms that changed, by number: since somebody began to look, or in the group that is written.
#[derive(Default)]
pub(super) struct Recent(Mutex<State>);

#[derive(Default)]
struct State {
    looking: bool,
    writing: bool,
    rooms: BTreeSet<u64>,
}

impl Recent {
    /// Somebody looks, as long as what is returned lives: from before the transaction begins as of
    /// which they look, until the writer has answered. Only one looks at a time.
    pub(super) fn look(&self) -> Looking<'_> {
        let mut state = self.state();
        state.looking = true;
        // What is committed is seen by whoever looks now.
        if !state.writing {
            state.rooms.clear();
        }
        Looking(self)
    }

    /// The writer begins a group, which is committed when what is returned goes.
    pub(super) fn write(&self) -> Writing<'_> {
        let mut state = self.state();
        state.writing = true;
        if !state.looking {
            state.rooms.clear();
        }
        Writing(self)
    }

    pub(super) fn note(&self, rooms: impl Iterator<Item = u64>) {
        self.state().rooms.extend(rooms);
    }

    pub(super) fn has_changed(&self, room: u64) -> bool {
        self.state().rooms.contains(&room)
    }

    /// What a panicking thread left behind is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody looks.
pub(super) struct Looking<'r>(&'r Recent);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.state().looking = false;
    }
}

/// A group is written.
pub(super) struct Writing<'r>(&'r Recent);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.state().writing = false;
    }
}
