//! What must hold of any sightings.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{CONNECTIONS_MAX, Connection, Connections, State};
use crate::ids::ConnectionId;
use crate::log::Os;

/// Few instants, so that they meet.
fn sighting(connections: u8) -> impl Strategy<Value = Connection> {
    let state = prop_oneof![Just(State::Online), Just(State::Offline), Just(State::LoggedOut)];
    let os = prop_oneof![Just(None), Just(Some(Os::Ios)), Just(Some(Os::Web))];
    (0..connections, 0..12_i64, state, os).prop_map(|(id, time_unix_us, state, os)| {
        let id = ConnectionId::parse(&format!("k{id}")).expect("an id");
        Connection { id, time_unix_us, state, os }
    })
}

/// A few, or so many that not all of them are known.
fn sightings() -> impl Strategy<Value = Vec<Connection>> {
    prop_oneof![vec(sighting(24), 0..60), vec(sighting(144), 300..500)]
}

fn known<'s>(sightings: impl IntoIterator<Item = &'s Connection>) -> Connections {
    let mut known = Connections::default();
    for seen in sightings {
        known.see(seen);
    }
    known
}

proptest! {
    #[test]
    fn arrival_does_not_matter(
        (sightings, shuffled) in sightings()
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        repeated in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let again = repeated.iter().filter(|_| !shuffled.is_empty()).map(|it| it.get(&shuffled));
        let expected = known(&sightings);
        prop_assert_eq!(&known(shuffled.iter().chain(again)), &expected);
        prop_assert!(expected.len() <= CONNECTIONS_MAX);
    }

    #[test]
    fn what_is_known_is_the_last_of_each_of_the_last(sightings in sightings()) {
        let key = |it: &Connection| (it.time_unix_us, it.state, it.os, it.id.clone());
        let mut last: Vec<&Connection> = sightings
            .iter()
            .filter(|it| {
                let others = sightings.iter().filter(|other| other.id == it.id);
                others.map(key).max() == Some(key(it))
            })
            .collect();
        last.sort_by_key(|it| std::cmp::Reverse(key(it)));
        last.dedup();
        last.truncate(CONNECTIONS_MAX);
        let known = known(&sightings);
        prop_assert_eq!(known.iter().collect::<Vec<_>>(), last);
    }

    #[test]
    fn forgetting_before_is_not_having_been_told(
        sightings in vec(sighting(24), 0..40),
        before in 0..13_i64,
    ) {
        // As long as there were never too many.
        let few: Vec<_> = sightings.into_iter().filter(|it| it.id.as_str().len() == 2).collect();
        let mut forgot = known(&few);
        forgot.forget(before);
        prop_assert_eq!(forgot, known(few.iter().filter(|it| it.time_unix_us >= before)));
    }
}
