//! Where things are in the log's tables: a room by its number, and a participant in it.

use domain::ids::ParticipantId;
use domain::log::stay::RoomKey;

/// A room and its number.
#[derive(Clone, Copy)]
pub(super) struct Room<'r> {
    pub(super) number: u64,
    pub(super) at: &'r RoomKey,
    /// What happened before is being removed, and counts no more.
    pub(super) begins_unix_us: i64,
}

/// A participant in a room.
#[derive(Clone, Copy)]
pub(super) struct Seat<'p> {
    /// By its number.
    pub(super) room: u64,
    pub(super) participant: &'p ParticipantId,
}

impl<'r> Room<'r> {
    pub(super) fn seat<'p>(&self, participant: &'p ParticipantId) -> Seat<'p> {
        Seat { room: self.number, participant }
    }
}
