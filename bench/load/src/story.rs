//! What happens in many rooms at once: the same facts, whoever then tells them.
//!
//! People come, publish, leave, and the room is over; then another room takes its place. No room,
//! person or connection comes twice. Neighbours in the story are in different rooms, so that those
//! of one room are told in their order although many requests are under way.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Joined,
    Published,
    Left,
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) deed: Deed,
    /// Its place in the story: whatever needs an id of its own can have it from here.
    pub(crate) number: u64,
    pub(crate) room: u64,
    /// Who; for the room's end, whoever was there last.
    pub(crate) person: u64,
    pub(crate) at_unix_ms: i64,
    /// When the person had joined.
    pub(crate) joined_unix_ms: i64,
}

/// How big a story is, and when it happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    /// The number of the first happening: stories that share no numbers share no ids.
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// How many rooms are on at once. For requests on many connections far more than those.
    pub(crate) rooms: u64,
    /// How many people come to a room.
    pub(crate) people: u64,
    pub(crate) from_unix_ms: i64,
    pub(crate) until_unix_ms: i64,
}

impl Story {
    /// Many small rooms.
    pub(crate) fn new(first: u64, count: u64, from_unix_ms: i64, until_unix_ms: i64) -> Self {
        Self { first, count, rooms: 500, people: 4, from_unix_ms, until_unix_ms }
    }

    pub(crate) fn tell(self) -> impl Iterator<Item = Happening> {
        (0..self.count).map(move |place| self.happening(place))
    }

    fn happening(&self, place: u64) -> Happening {
        let Self { first, rooms, people, .. } = *self;
        // Join and publication of each, their leaves, and the room's end.
        let deeds = 3 * people + 1;
        // One row of the story is one deed in each room.
        let (row, slot) = (place / rooms, place % rooms);
        let (cycle, step) = (row / deeds, row % deeds);
        let (deed, who) = match step {
            step if step < 2 * people && step.is_multiple_of(2) => (Deed::Joined, step / 2),
            step if step < 2 * people => (Deed::Published, step / 2),
            step if step < 3 * people => (Deed::Left, step - 2 * people),
            _ => (Deed::Finished, people - 1),
        };
        let room = first + cycle * rooms + slot;
        Happening {
            deed,
            number: first + place,
            room,
            person: room * people + who,
            at_unix_ms: self.at_unix_ms(place),
            joined_unix_ms: self.at_unix_ms((cycle * deeds + 2 * who) * rooms + slot),
        }
    }

    /// Evenly spread.
    fn at_unix_ms(&self, place: u64) -> i64 {
        let span_ms = i128::from(self.until_unix_ms - self.from_unix_ms);
        let passed_ms = span_ms * i128::from(place) / i128::from(self.count.max(1));
        self.from_unix_ms + i64::try_from(passed_ms).expect("a part of the stretch")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_told_in_its_order_and_nobody_comes_twice() {
        let told: Vec<_> = Story::new(7, 2 * 13 * 500, 0, 1_000_000).tell().collect();
        let of_room = |room| told.iter().filter(move |it| it.room == room);
        let deeds: Vec<Deed> = of_room(7 + 3).map(|it| it.deed).collect();
        let come = [Deed::Joined, Deed::Published].repeat(4);
        assert_eq!(deeds, [come, vec![Deed::Left; 4], vec![Deed::Finished]].concat());
        let mut joined: Vec<u64> =
            told.iter().filter(|it| it.deed == Deed::Joined).map(|it| it.person).collect();
        let all = joined.len();
        joined.dedup();
        joined.sort_unstable();
        joined.dedup();
        assert_eq!((all, joined.len()), (4_000, 4_000));
        assert!(told.is_sorted_by_key(|it| it.at_unix_ms));
        for left in told.iter().filter(|it| it.deed == Deed::Left) {
            let join = told
                .iter()
                .find(|it| it.deed == Deed::Joined && it.person == left.person)
                .expect("a join");
            assert_eq!(join.at_unix_ms, left.joined_unix_ms);
        }
    }
}
