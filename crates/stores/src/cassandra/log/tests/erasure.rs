//! Two servers of one ring: one remembers a room in which the other erases somebody.

use domain::erasure::Erasures;
use domain::ids::ParticipantId;
use domain::log::Event;
use domain::store::Appended;
use futures::future::join;

use super::super::identities;
use super::super::room::{self as partition, How};
use super::super::state::Ask;
use super::super::waiting;
use super::ring::{realm, tell};
use super::told::{events, room};
use crate::cassandra::Cassandra;
use crate::cassandra::tests::store_of;

fn anna() -> ParticipantId {
    ParticipantId::parse("anna").expect("somebody")
}

/// How many events went, and how many snapshots lost the name.
async fn erase(server: &Cassandra) -> (u64, u64) {
    let (mut events, mut snapshots, mut from) = (0, 0, None);
    loop {
        let step = server.erase_events(room().app, &anna(), from.as_deref(), 9).await;
        let step = step.expect("a step");
        (events, snapshots) = (events + step.events, snapshots + step.snapshots);
        from = step.next;
        if from.is_none() {
            return (events, snapshots);
        }
    }
}

/// The events of the room as its partition has them.
async fn in_room(server: &Cassandra) -> Vec<Event> {
    let cluster = server.connection.cluster().expect("a ring");
    let image = partition::read(&cluster, &room(), How::Settled).await.expect("a room");
    let mut events: Vec<Event> = image.events.into_iter().map(|(event, _)| event).collect();
    events.sort_by_key(|event| event.time_unix_us);
    events
}

/// The event as its identity has it.
async fn by_identity(server: &Cassandra, event: &Event) -> Option<Event> {
    let cluster = server.connection.cluster().expect("a ring");
    let (identity, content) = (event.identity(), event.content_hash());
    identities::event(&cluster, event.app, &identity, &content).await.expect("an answer")
}

#[tokio::test]
async fn a_snapshot_that_a_server_does_not_remember_loses_the_name() {
    let realm = realm();
    let (one, other) = join(store_of(realm), store_of(realm)).await;
    tell(&one, events("10 join ben call=c id=b")).await.expect("told");
    let snapshot = events("20 present anna ben call=c id=s");
    tell(&other, snapshot.clone()).await.expect("told");
    assert_eq!(erase(&one).await, (0, 1));
    let left = snapshot[0].clone().without(&anna());
    assert_eq!(in_room(&one).await.pop(), left);
    assert_eq!(by_identity(&one, &snapshot[0]).await, left);
    for server in [&one, &other] {
        let told = tell(server, snapshot.clone()).await.expect("told");
        assert_eq!(told, [Appended::Duplicate]);
        assert_eq!(in_room(server).await.pop(), left);
        assert_eq!(by_identity(server, &snapshot[0]).await, left);
    }
}

/// Its server wrote its identity down, and brings it into the room when the erasure is over.
#[tokio::test]
async fn a_snapshot_on_its_way_into_its_room_comes_without_the_name() {
    let realm = realm();
    let (one, slow) = join(store_of(realm), store_of(realm)).await;
    let snapshot = events("20 present anna ben call=c id=s");
    let cluster = slow.connection.cluster().expect("a ring");
    identities::put(&cluster, &snapshot[0]).await.expect("written");
    assert_eq!(erase(&one).await, (0, 1));
    let ask = Ask::Add(Box::new(snapshot[0].clone()));
    waiting::ask(&slow.log, &cluster, &room(), vec![ask]).await.expect("an answer");
    let left = snapshot[0].clone().without(&anna());
    assert_eq!(in_room(&one).await.pop(), left);
    assert_eq!(by_identity(&one, &snapshot[0]).await, left);
}

#[tokio::test]
async fn a_repeat_that_a_server_remembers_brings_no_erased_event_back() {
    let realm = realm();
    let (one, other) = join(store_of(realm), store_of(realm)).await;
    let story = events("10 join anna call=c id=a\n11 join ben call=c id=b");
    tell(&one, story.clone()).await.expect("told");
    assert_eq!(erase(&other).await, (1, 0));
    for server in [&one, &other] {
        let told = tell(server, story.clone()).await.expect("told");
        assert_eq!(told, [Appended::Conflict, Appended::Duplicate]);
        assert_eq!(by_identity(server, &story[0]).await, None);
        assert_eq!(in_room(server).await, story[1..]);
    }
    assert_eq!(erase(&one).await, (0, 0));
}

#[tokio::test]
async fn what_lost_to_an_erased_event_goes_with_it() {
    let server = store_of(realm()).await;
    let said =
        |call: u32| events(&format!("10 join anna call=c{call} id=a\n10 join ben call=c id=a"));
    let counts = |both: &Vec<Event>| both[0].content_hash() < both[1].content_hash();
    let both = (0..64).map(said).find(counts).expect("one of 64 hashes is smaller");
    for event in both.iter().rev() {
        tell(&server, vec![event.clone()]).await.expect("told");
    }
    assert_eq!(in_room(&server).await, both[..1]);
    assert_eq!(by_identity(&server, &both[1]).await.as_ref(), Some(&both[1]));
    assert_eq!(erase(&server).await, (1, 0));
    assert_eq!(in_room(&server).await, []);
    for event in &both {
        assert_eq!(by_identity(&server, event).await, None);
    }
}
