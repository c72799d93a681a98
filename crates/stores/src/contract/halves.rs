//! Two servers of one store, at the same time.

use std::collections::BTreeSet;

use domain::AppId;
use domain::log::{Event, Stay, StayQuery};
use domain::store::Store;
use futures::future::{join, join_all};
use proptest::prelude::*;
use proptest::sample::Index;

use super::engine::{Engine, config};
use super::erasure::erase;
use super::histories::{arrivals, everything, everything_of, participant, queries, sorted};
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

    /// Both take all of it, in their own order. In between one of them erases somebody, of whom
    /// what was erased is told no more; what else was there is told again.
    #[test]
    fn two_servers_and_an_erasure_leave_the_log_of_one(
        arrivals in arrivals(),
        half in any::<Index>(),
        who in 0..4_u8,
        limit in 1..9_u32,
    ) {
        let batches: Vec<Vec<Event>> = arrivals.into_iter().map(|(batch, _)| batch).collect();
        let (before, _) = batches.split_at(half.index(batches.len()));
        let turned = before.iter().rev().cloned().collect();
        let realm = Cassandra::place();
        let open = || <Cassandra as Engine>::open(&realm);
        let (first, second) = wait(join(open(), open()));
        wait(join(tell_all(&first, before.to_vec()), tell_all(&second, turned)));
        let (model, who) = (Memory::default(), participant(who));
        wait(model.append_events(before.concat())).expect("appended");
        let theirs = model.events().into_iter().filter(|it| it.app == AppId(1) && it.names(&who));
        let goes = theirs.filter(|it| it.clone().without(&who).is_none());
        let gone: BTreeSet<_> = goes.map(|it| it.identity()).collect();
        let expected = wait(erase(&model, AppId(1), &who, limit));
        prop_assert_eq!(wait(erase(&first, AppId(1), &who, limit)), expected);
        let mut again = batches;
        again.iter_mut().for_each(|batch| batch.retain(|it| !gone.contains(&it.identity())));
        let turned = again.iter().rev().cloned().collect();
        wait(join(tell_all(&first, again.clone()), tell_all(&second, turned)));
        wait(model.append_events(again.concat())).expect("appended");
        for server in [&first, &second] {
            for app in [1, 2] {
                let expected = wait(answer(&model, &everything(app)));
                prop_assert_eq!(wait(answer(server, &everything(app))), expected);
            }
        }
        prop_assert_eq!(wait(everything_of(&second)), sorted(model.events()));
    }
}
