//! Where the rows of a stay lie, and the nodes that count them.
//!
//! A stay is written once for each [`Scope`] that is asked for: the app, the room, the participant.
//! A scope's rows are cut into slices of time, by when stays began, and a slice is a partition; of
//! an app a slice is spread over shards by room. Beside the rows stands a tree of nodes per scope:
//! a leaf counts what began in a short time, a node above it 128 of those below.

use std::ops::RangeInclusive;

use domain::ids::{ParticipantId, RoomId};
use domain::log::Stay;

/// Each node above the leaves stands for 128 of the level below.
const FANOUT_BITS: u32 = 7;

/// What pages are asked of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Scope {
    App,
    Room(RoomId),
    Participant(ParticipantId),
}

/// How a scope is cut, in powers of two of seconds.
struct Cut {
    leaf_bits: u32,
    levels: u8,
    slice_bits: u32,
}

impl Scope {
    /// All that a stay is in.
    pub(super) fn all_of(stay: &Stay) -> [Self; 3] {
        let (room, participant) = (stay.room.clone(), stay.participant.clone());
        [Self::App, Self::Room(room), Self::Participant(participant)]
    }

    /// As keys name it: no two scopes of an app have the same.
    pub(super) fn text(&self) -> String {
        match self {
            Self::App => "a".to_owned(),
            Self::Room(room) => format!("r{room}"),
            Self::Participant(participant) => format!("p{participant}"),
        }
    }

    fn cut(&self) -> Cut {
        match self {
            // Leaves of 16 s, 34 min and 3 days; slices of 256 s.
            Self::App => Cut { leaf_bits: 4, levels: 3, slice_bits: 8 },
            // Leaves of 256 s and 9 h; slices of 34 min.
            Self::Room(_) => Cut { leaf_bits: 8, levels: 2, slice_bits: 11 },
            // Leaves and slices of 3 days.
            Self::Participant(_) => Cut { leaf_bits: 18, levels: 1, slice_bits: 18 },
        }
    }

    /// How many levels its tree has.
    pub(super) fn levels(&self) -> u8 {
        self.cut().levels
    }

    /// Its highest level.
    pub(super) fn top(&self) -> u8 {
        self.cut().levels - 1
    }

    /// The node of a level in which a second is.
    pub(super) fn bucket(&self, level: u8, second: i64) -> i64 {
        second >> self.bits(level)
    }

    /// The seconds of a node.
    pub(super) fn seconds(&self, level: u8, bucket: i64) -> RangeInclusive<i64> {
        let first = bucket << self.bits(level);
        first..=first + ((1 << self.bits(level)) - 1)
    }

    /// The partition that the nodes of a level are in. Those of the highest level are in one.
    pub(super) fn parent(&self, level: u8, bucket: i64) -> i64 {
        if level == self.top() { 0 } else { bucket >> FANOUT_BITS }
    }

    /// The slice in which a second is. A leaf is within one.
    pub(super) fn slice(&self, second: i64) -> i64 {
        second >> self.cut().slice_bits
    }

    /// Whether leaves count each second.
    pub(super) fn has_seconds(&self) -> bool {
        *self == Self::App
    }

    /// The shard of a room's stays among `shards`, which are a power of two.
    pub(super) fn shard(&self, room: &RoomId, shards: u32) -> i32 {
        match self {
            Self::App => (hash(room.as_str()) & (shards - 1)).cast_signed(),
            Self::Room(_) | Self::Participant(_) => 0,
        }
    }

    fn bits(&self, level: u8) -> u32 {
        self.cut().leaf_bits + FANOUT_BITS * u32::from(level)
    }
}

/// FNV-1a, its halves put together: which shard a room is in must never change.
fn hash(text: &str) -> u32 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 32)) as u32
}

/// A set of shards, for trees whose nodes tell which of them have anything. The 64th shard and the
/// first are one in it, and so on: a set may name more than there are, never fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Shards(u64);

impl Shards {
    pub(super) fn add(&mut self, shard: i32) {
        self.0 |= 1 << (shard & 63);
    }

    #[cfg(test)]
    fn of(shards: impl IntoIterator<Item = i32>) -> Self {
        let mut some = Self::default();
        shards.into_iter().for_each(|shard| some.add(shard));
        some
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in the set, of so many.
    pub(super) fn each(self, shards: u32) -> impl Iterator<Item = i32> {
        (0..shards.cast_signed()).filter(move |shard| self.0 & (1 << (shard & 63)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes() -> [Scope; 3] {
        let (room, somebody) = (RoomId::parse("x"), ParticipantId::parse("x"));
        [Scope::App, Scope::Room(room.unwrap()), Scope::Participant(somebody.unwrap())]
    }

    #[test]
    fn a_second_is_in_its_nodes_and_these_are_in_their_parents() {
        const LATEST: i64 = i64::MAX / 1_000_000;
        for scope in scopes() {
            for second in [-LATEST, -1, 0, 15, 16, 1_795_225_600, LATEST] {
                for level in 0..scope.levels() {
                    let bucket = scope.bucket(level, second);
                    let seconds = scope.seconds(level, bucket);
                    assert!(seconds.contains(&second), "{scope:?} {level} {second}");
                    let above = scope.parent(level, bucket);
                    match level == scope.top() {
                        true => assert_eq!(above, 0),
                        false => assert_eq!(above, scope.bucket(level + 1, second)),
                    }
                }
                let leaf = scope.seconds(0, scope.bucket(0, second));
                assert_eq!(scope.slice(*leaf.start()), scope.slice(*leaf.end()));
            }
        }
    }

    #[test]
    fn no_two_scopes_have_one_text() {
        let [app, room, somebody] = scopes().map(|scope| scope.text());
        assert!(app != room && room != somebody && somebody != app);
        // What is in the tables stays where it is.
        let shard = |room| Scope::App.shard(&RoomId::parse(room).unwrap(), 4);
        assert_eq!(["lesson", "r1", "r2", "r3", "r4"].map(shard), [1, 3, 2, 1, 0]);
    }

    #[test]
    fn a_set_of_shards_has_those_that_were_added() {
        let mut some = Shards::of([0, 3, 5]);
        assert_eq!(some.each(8).collect::<Vec<_>>(), [0, 3, 5]);
        assert_eq!(some.each(4).collect::<Vec<_>>(), [0, 3]);
        some.add(64);
        assert_eq!(some.each(128).collect::<Vec<_>>(), [0, 3, 5, 64, 67, 69]);
    }
}
