//! Against a real node.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use domain::clock::{Clock, SECOND_US, SystemClock};
use domain::ids::RoomId;
use domain::log::stay::RoomKey;
use domain::log::{Event, Stay};
use domain::store::{Appended, Store};
use futures::future::{join, join_all};
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::room::{self, How};
use super::super::sweep::sweep;
use super::super::{Log, append};
use crate::cassandra::Cassandra;
use crate::cassandra::fault::{Fault, Result};
use crate::cassandra::tests::store_of;
use crate::contract::histories::{arrivals, everything};
use crate::contract::story::events;
use crate::contract::wait;
use crate::memory::Memory;

/// Rooms whose next round is made, and then the server that made it does nothing more.
#[derive(Default)]
pub(in crate::cassandra::log) struct Deaths(Mutex<HashSet<RoomKey>>);

impl Log {
    /// Fails if the server was to die at this point of its work on a room.
    pub(in crate::cassandra::log) fn dies_here(&self, at: &RoomKey) -> Result<()> {
        let mut deaths = self.deaths.0.lock().unwrap_or_else(PoisonError::into_inner);
        if deaths.remove(at) { Err(Fault::Unknown) } else { Ok(()) }
    }

    fn die_at(&self, at: &RoomKey) {
        self.deaths.0.lock().unwrap_or_else(PoisonError::into_inner).insert(at.clone());
    }
}

/// A realm that nobody else has.
fn realm() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}

async fn tell(server: &Cassandra, events: Vec<Event>) -> domain::error::Result<Vec<Appended>> {
    let cluster = server.connection.cluster().expect("a ring");
    append(&server.log, &cluster, events).await
}

fn room_of(event: &Event) -> Option<RoomKey> {
    let room: RoomId = event.room()?.clone();
    Some(RoomKey { app: event.app, door: event.door.clone(), room })
}

/// The stays as the partitions of the rooms have them, and what they still have to tell the index.
async fn in_rooms(server: &Cassandra, events: &[Event]) -> (Vec<Stay>, usize) {
    let cluster = server.connection.cluster().expect("a ring");
    let rooms: HashSet<RoomKey> = events.iter().filter_map(room_of).collect();
    let (mut stays, mut todos) = (vec![], 0);
    for at in rooms {
        let image = room::read(&cluster, &at, How::Settled).await.expect("a room");
        stays.extend(image.stays);
        todos += image.todos.len();
    }
    stays.sort_by(by_app_and_order);
    (stays, todos)
}

fn by_app_and_order(one: &Stay, other: &Stay) -> std::cmp::Ordering {
    (one.app, one.order()).cmp(&(other.app, other.order()))
}

async fn shown(store: &dyn Store) -> Vec<Stay> {
    let mut all = vec![];
    for app in [1, 2] {
        all.extend(store.page_of_stays(&everything(app)).await.expect("a page").stays);
    }
    all
}

/// Appends the batches at once, and those again that are refused: the sender does so too.
async fn tell_all(server: &Cassandra, batches: Vec<Vec<Event>>) {
    const TRIES_MAX: usize = 20;
    let tell = |batch: Vec<Event>| async move {
        for _ in 0..TRIES_MAX {
            if tell(server, batch.clone()).await.is_ok() {
                return;
            }
        }
        panic!("a batch is refused again and again");
    };
    join_all(batches.into_iter().map(tell)).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 30, ..Default::default() })]

    /// Each takes its half in its own order, some of the other's too, all batches at once.
    #[test]
    fn two_servers_that_take_halves_leave_the_log_of_one(
        arrivals in arrivals(),
        sides in prop::collection::vec(0..3_u8, 60),
        turned in any::<bool>(),
        repeats in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let mut batches: Vec<Vec<Event>> = arrivals.into_iter().map(|(batch, _)| batch).collect();
        let again: Vec<Vec<Event>> =
            repeats.iter().map(|index| index.get(&batches).clone()).collect();
        batches.extend(again);
        let all = batches.concat();
        let of = |side: u8| {
            let halves = batches.iter().zip(sides.iter().cycle());
            // What is on neither side is told to both.
            halves.filter(move |(_, its)| **its == side || **its == 2).map(|(batch, _)| batch.clone())
        };
        let (one, mut other): (Vec<_>, Vec<_>) = (of(0).collect(), of(1).collect());
        if turned {
            other.reverse();
        }
        let (found, todos, expected) = wait(async {
            let realm = realm();
            let (first, second) = join(store_of(realm), store_of(realm)).await;
            join(tell_all(&first, one), tell_all(&second, other)).await;
            let model = Memory::default();
            model.append_events(all.clone()).await.expect("appended");
            let (found, todos) = in_rooms(&second, &all).await;
            (found, todos, shown(&model).await)
        });
        let mut expected = expected;
        expected.sort_by(by_app_and_order);
        prop_assert_eq!(found, expected);
        // Each was removed in the end, or will be by the next round.
        prop_assert!(todos <= 6, "{todos}");
    }
}

const STORY: &str = "10 join anna call=c id=1";
const NEXT: &str = "20.5 leave anna call=c id=2";

/// A server that died behind a round, and one that lives.
async fn one_dies() -> (Cassandra, Cassandra, RoomKey) {
    let realm = realm();
    let (dead, alive) = join(store_of(realm), store_of(realm)).await;
    let at = room_of(&events(STORY)[0]).expect("a room");
    dead.log.die_at(&at);
    tell(&dead, events(STORY)).await.expect_err("it dies");
    let (stays, todos) = in_rooms(&alive, &events(STORY)).await;
    assert_eq!((stays.len(), todos), (1, 1), "the round is made, the index not told");
    (dead, alive, at)
}

#[tokio::test]
async fn what_a_dead_server_left_is_made_good_by_a_repeat() {
    let (_dead, alive, _) = one_dies().await;
    assert_eq!(tell(&alive, events(STORY)).await.expect("told"), [Appended::Duplicate]);
    let (_, todos) = in_rooms(&alive, &events(STORY)).await;
    assert_eq!(todos, 0);
}

#[tokio::test]
async fn what_a_dead_server_left_is_made_good_by_the_next_event() {
    let (_dead, alive, _) = one_dies().await;
    assert_eq!(tell(&alive, events(NEXT)).await.expect("told"), [Appended::Stored]);
    let (stays, _) = in_rooms(&alive, &events(STORY)).await;
    let both = [events(STORY), events(NEXT)].concat();
    assert_eq!(stays, domain::log::fold_room(&room_of(&both[0]).expect("a room"), &both));
}

#[tokio::test]
async fn what_a_dead_server_left_is_made_good_by_a_sweep() {
    let (_dead, alive, _) = one_dies().await;
    let cluster = alive.connection.cluster().expect("a ring");
    let now_unix_us = SystemClock.now_unix_us();
    // The present minute is not looked at.
    sweep(&alive.log, &cluster, now_unix_us).await.expect("a sweep");
    assert_eq!(in_rooms(&alive, &events(STORY)).await.1, 1);
    let later_unix_us = now_unix_us + 600 * SECOND_US;
    sweep(&alive.log, &cluster, later_unix_us).await.expect("a sweep");
    assert_eq!(in_rooms(&alive, &events(STORY)).await.1, 0);
}
