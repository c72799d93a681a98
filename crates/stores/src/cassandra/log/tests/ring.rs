//! Against a real node.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use domain::clock::{Clock, SECOND_US, SystemClock};
use domain::log::stay::RoomKey;
use domain::log::{Event, Stay, StayQuery, fold_room};
use domain::store::{Appended, Store};
use futures::future::join;

use super::super::room as partition;
use super::super::room::How;
use super::super::rooms::{self, By};
use super::super::rows::Head;
use super::super::sweep::sweep;
use super::super::unfinished::{self, Unfinished};
use super::super::{Log, append, identities, restarts};
use super::told::{events, room};
use crate::cassandra::Cassandra;
use crate::cassandra::fault::{Fault, Result};
use crate::cassandra::tests::store_of;

/// Rooms whose next round is made, and then the server that made it does nothing more.
#[derive(Default)]
pub(in crate::cassandra::log) struct Deaths(Mutex<HashSet<RoomKey>>);

impl Log {
    /// Fails if the server was to die at this point of its work on a room.
    pub(in crate::cassandra::log) fn dies_here(&self, at: &RoomKey) -> Result<()> {
        let mut deaths = self.deaths.0.lock().unwrap_or_else(PoisonError::into_inner);
        if deaths.remove(at) { Err(Fault::Unknown) } else { Ok(()) }
    }

    pub(super) fn die_at(&self, at: &RoomKey) {
        self.deaths.0.lock().unwrap_or_else(PoisonError::into_inner).insert(at.clone());
    }
}

/// A realm that nobody else has.
pub(super) fn realm() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}

pub(super) async fn tell(
    server: &Cassandra,
    events: Vec<Event>,
) -> domain::error::Result<Vec<Appended>> {
    let cluster = server.connection.cluster().expect("a ring");
    append(&server.log, &cluster, events).await
}

/// The stays as the partition of the room has them, and what it still has to tell the index.
async fn in_room(server: &Cassandra) -> (Vec<Stay>, usize) {
    let cluster = server.connection.cluster().expect("a ring");
    let image = partition::read(&cluster, &room(), How::Settled).await.expect("a room");
    let mut stays: Vec<Stay> = image.stays.into_iter().map(|(stay, _)| stay).collect();
    stays.sort_by(|one, other| one.order().cmp(&other.order()));
    (stays, image.todos.len())
}

pub(super) async fn shown(store: &dyn Store) -> Vec<Stay> {
    let query = StayQuery {
        app: room().app,
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s: i64::MIN,
        until_unix_s: i64::MAX,
        offset: 0,
        limit: u32::MAX,
    };
    store.page_of_stays(&query).await.expect("a page").stays
}

/// Looks at all minutes, the present one too.
async fn sweep_all(server: &Cassandra) {
    let cluster = server.connection.cluster().expect("a ring");
    let later_unix_us = SystemClock.now_unix_us() + 600 * SECOND_US;
    sweep(&server.log, &cluster, later_unix_us).await.expect("a sweep");
}

const STORY: &str = "10 join anna call=c id=1";
const NEXT: &str = "20.5 leave anna call=c id=2";

/// A server that died behind a round, and one that lives.
async fn one_dies() -> (Cassandra, Cassandra) {
    let realm = realm();
    let (dead, alive) = join(store_of(realm), store_of(realm)).await;
    let at = room();
    dead.log.die_at(&at);
    tell(&dead, events(STORY)).await.expect_err("it dies");
    let (stays, todos) = in_room(&alive).await;
    assert_eq!((stays.len(), todos), (1, 1), "the round is made");
    assert_eq!(shown(&alive).await, [], "the index is not told");
    (dead, alive)
}

/// Holds a server to the log of these events.
async fn shows_all_of(server: &Cassandra, events: &[Event]) {
    let expected = fold_room(&room(), events);
    assert_eq!(shown(server).await, expected);
    assert_eq!(in_room(server).await.0, expected);
}

#[tokio::test]
async fn what_a_dead_server_left_is_made_good_by_a_repeat() {
    let (_dead, alive) = one_dies().await;
    assert_eq!(tell(&alive, events(STORY)).await.expect("told"), [Appended::Duplicate]);
    shows_all_of(&alive, &events(STORY)).await;
    assert_eq!(in_room(&alive).await.1, 0);
}

#[tokio::test]
async fn what_a_dead_server_left_is_made_good_by_the_next_event() {
    let (_dead, alive) = one_dies().await;
    assert_eq!(tell(&alive, events(NEXT)).await.expect("told"), [Appended::Stored]);
    shows_all_of(&alive, &[events(STORY), events(NEXT)].concat()).await;
}

#[tokio::test]
async fn what_a_dead_server_left_is_made_good_by_a_sweep() {
    let (_dead, alive) = one_dies().await;
    let cluster = alive.connection.cluster().expect("a ring");
    // The present minute is not looked at.
    sweep(&alive.log, &cluster, SystemClock.now_unix_us()).await.expect("a sweep");
    assert_eq!(in_room(&alive).await.1, 1);
    sweep_all(&alive).await;
    shows_all_of(&alive, &events(STORY)).await;
    assert_eq!(in_room(&alive).await.1, 0);
}

/// It wrote the restart, and folded no room.
#[tokio::test]
async fn a_restart_of_which_a_dead_server_told_nobody_counts_after_a_sweep_or_a_repeat() {
    for by_sweep in [true, false] {
        let alive = store_of(realm()).await;
        let cluster = alive.connection.cluster().expect("a ring");
        tell(&alive, events(STORY)).await.expect("told");
        let restart = events("15 restart id=r");
        let mark = Unfinished::Restarts(restart[0].app, restart[0].door.clone());
        unfinished::add(&cluster, &alive.log.marks, mark).await.expect("written");
        identities::put(&cluster, &restart[0]).await.expect("written");
        restarts::put(&cluster, &restart[0]).await.expect("written");
        shows_all_of(&alive, &events(STORY)).await;
        match by_sweep {
            true => sweep_all(&alive).await,
            false => {
                let told = tell(&alive, restart.clone()).await.expect("told");
                assert_eq!(told, [Appended::Duplicate]);
            }
        }
        shows_all_of(&alive, &[events(STORY), restart].concat()).await;
    }
}

/// Nothing is left behind in the rooms' own tables: no identity, no list, no row.
#[tokio::test]
async fn what_is_too_old_is_gone_from_every_table() {
    let store = store_of(realm()).await;
    let cluster = store.connection.cluster().expect("a ring");
    let story = [events(STORY), events(NEXT), events("12 restart id=r source=other")].concat();
    tell(&store, story.clone()).await.expect("told");
    const DAYS_US: i64 = 10 * 86_400 * SECOND_US;
    while store.retire(DAYS_US, 1).await.expect("a step").more {}
    assert_eq!(shown(&store).await, []);
    let at = room();
    let image = partition::read(&cluster, &at, How::Settled).await.expect("a room");
    assert_eq!((image.events.len(), image.stays.len(), image.lost.len()), (0, 0, 0));
    assert!(image.catalog.is_empty() && image.todos.is_empty());
    for event in &story {
        let left = identities::contents(&cluster, event.app, &event.identity()).await;
        assert_eq!(left.expect("identities"), Vec::<[u8; 16]>::new());
    }
    let (_, left) = restarts::list(&cluster, at.app, &at.door).await.expect("restarts");
    assert!(left.is_empty());
    for by in [By::First, By::Last] {
        let hours = (i64::MIN, i64::MAX);
        // The list of an hour goes in the pass after the one that empties it.
        while store.retire(DAYS_US, 1).await.expect("a step").more {}
        for list in rooms::lists(&cluster, (at.app, &at.door), by, hours).await.expect("lists") {
            let is_empty = !rooms::has_any(&cluster, &list).await.expect("rooms");
            assert!(is_empty, "{list:?}");
            assert_eq!(list.hour, Head::OPEN, "{list:?}");
        }
    }
}
