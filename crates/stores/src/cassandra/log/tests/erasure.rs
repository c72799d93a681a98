//! Two servers of one ring: one remembers a room in which the other erases somebody.

use domain::erasure::Erasures;
use domain::ids::ParticipantId;
use domain::log::{Event, fold_room};
use domain::store::{Appended, Store};
use futures::future::join;

use super::super::identities;
use super::super::room::{self as partition, How};
use super::super::state::Ask;
use super::super::waiting;
use super::ring::{realm, shown, tell};
use super::told::{events, room};
use crate::cassandra::tests::{Keyspace, store_of};
use crate::cassandra::{Cassandra, cluster};

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

/// Whether any row of a room says it, in its name or in its value, whatever it is there for.
async fn says(keyspace: &Keyspace, word: &str) -> bool {
    let mut found = false;
    for table in ["room_log", "room_sheets"] {
        let cql = format!("SELECT key, value FROM {{ks}}.{table}");
        let cql = cluster::in_keyspace(&cql, keyspace.name());
        let rows = keyspace.session.query_unpaged(cql, ()).await.expect("rows");
        let rows = rows.into_rows_result().expect("rows");
        type Texts = (Option<Vec<u8>>, Option<Vec<u8>>);
        for row in rows.rows::<Texts>().expect("two columns") {
            let (key, value) = row.expect("a row");
            let mut texts = [key, value].into_iter().flatten();
            found |= texts.any(|text| text.windows(word.len()).any(|it| it == word.as_bytes()));
        }
    }
    found
}

#[tokio::test]
async fn no_row_of_a_room_says_who_was_erased() {
    let (joins, ben) = ("10 join anna call=c id=a", "11 join ben call=c id=b");
    for (left, dies) in [(ben, false), ("", false), (ben, true), ("", true)] {
        let keyspace = Keyspace::new().await;
        Cassandra::migrate(&keyspace.options).await.expect("tables");
        let open = || keyspace.open(keyspace.options.clone());
        let (one, other) = join(open(), open()).await;
        tell(&one, events(&format!("{joins}\n{left}"))).await.expect("told");
        assert!(says(&keyspace, "anna").await);
        if dies {
            one.log.die_at(&room());
            let step = one.erase_events(room().app, &anna(), None, 9).await;
            step.expect_err("it dies behind the round, and before the identities");
            assert!(says(&keyspace, "anna").await, "the note of the round");
        }
        assert_eq!(erase(&other).await, (1, 0));
        assert!(!says(&keyspace, "anna").await, "{left:?} {dies}");
        assert_eq!(says(&keyspace, "ben").await, !left.is_empty());
        assert_eq!(shown(&other).await, fold_room(&room(), &events(left)));
        keyspace.drop().await;
    }
}

#[tokio::test]
async fn no_row_of_a_room_says_what_was_cut() {
    let keyspace = Keyspace::new().await;
    Cassandra::migrate(&keyspace.options).await.expect("tables");
    let server = keyspace.open(keyspace.options.clone()).await;
    let story = "10 join anna call=c\n20.5 leave anna call=c\n100 join ben call=d";
    tell(&server, events(story)).await.expect("told");
    assert!(says(&keyspace, "anna").await);
    while server.retire(50_000_000, 1).await.expect("a step").more {}
    assert!(!says(&keyspace, "anna").await);
    assert!(says(&keyspace, "ben").await);
    keyspace.drop().await;
}
