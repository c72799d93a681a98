//! Two servers of one store, at the same time.

use domain::log::{Event, Stay, StayQuery};
use domain::store::Store;
use futures::future::{join, join_all};
use proptest::prelude::*;
use proptest::sample::Index;

use super::engine::{Engine, config};
use super::histories::{arrivals, everything, queries};
use super::wait;
use crate::cassandra::Cassandra;
use crate::memory::Memory;

/// Appends the batches at once, and those again that are refused: the sender does so too.
async fn tell_all(server: &Cassandra, batches: Vec<Vec<Event>>) {
    const TRIES_MAX: usize = 20;
    let tell = |batch: Vec<Event>| async move {
        for _ in 0..TRIES_MAX {
            if server.append_events(batch.clone()).await.is_ok() {
                return;
            }
        }
        panic!("a batch is refused again and again");
    };
    join_all(batches.into_iter().map(tell)).await;
}

async fn answer(store: &dyn Store, query: &StayQuery) -> (u64, Vec<Stay>) {
    let page = store.page_of_stays(query).await.expect("a page");
    (page.total, page.stays)
}

proptest! {
    #![proptest_config(config::<Cassandra>(256))]

    /// Each takes its half in its own order, some of the other's too, all batches at once.
    #[test]
    fn two_servers_that_take_halves_leave_the_log_of_one(
        arrivals in arrivals(),
        sides in prop::collection::vec(0..3_u8, 60),
        turned in any::<bool>(),
        repeats in prop::collection::vec(any::<Index>(), 0..6),
        mut queries in prop::collection::vec(queries(), 4),
    ) {
        let mut batches: Vec<Vec<Event>> = arrivals.into_iter().map(|(batch, _)| batch).collect();
        let again: Vec<Vec<Event>> =
            repeats.iter().map(|index| index.get(&batches).clone()).collect();
        batches.extend(again);
        let of = |side: u8| {
            let halves = batches.iter().zip(sides.iter().cycle());
            // What is on neither side is told to both.
            let theirs = halves.filter(move |(_, its)| **its == side || **its == 2);
            theirs.map(|(batch, _)| batch.clone()).collect::<Vec<_>>()
        };
        let (one, mut other) = (of(0), of(1));
        if turned {
            other.reverse();
        }
        let realm = Cassandra::place();
        let open = || <Cassandra as Engine>::open(&realm);
        let (first, second) = wait(join(open(), open()));
        wait(join(tell_all(&first, one), tell_all(&second, other)));
        let model = Memory::default();
        wait(model.append_events(batches.concat())).expect("appended");
        queries.extend([everything(1), everything(2)]);
        for query in &queries {
            let expected = wait(answer(&model, query));
            for server in [&first, &second] {
                prop_assert_eq!(&wait(answer(server, query)), &expected, "{:?}", query);
            }
        }
    }
}
