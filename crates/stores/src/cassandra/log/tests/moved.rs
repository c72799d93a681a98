//! A keyspace of the first version of the schema, in which rooms lay in one partition each.

use std::collections::BTreeMap;

use domain::log::{Event, fold_room};
use domain::store::{Appended, Store};

use super::super::index::{self, Change};
use super::super::room::{self as partition, How};
use super::super::rooms;
use super::super::round::Round;
use super::super::rows::{Head, Row, TABLE, Todo};
use super::super::sheets::{Catalog, ROOT};
use super::ring::{shown, tell};
use super::told::{events, room};
use crate::cassandra::tests::Keyspace;
use crate::cassandra::{Cassandra, Migrated, cluster};
use crate::record::seal;

/// Puts a room where the first version had it, and tells the index.
async fn put_as_the_first_version(keyspace: &Keyspace, server: &Cassandra, events: &[Event]) {
    let at = room();
    let ring = server.connection.cluster().expect("a ring");
    let stays = fold_room(&at, events);
    let head = Head { first_hour: Some(0), last_hour: Some(Head::OPEN) };
    let sealed = seal(TABLE, at.room.as_str().as_bytes(), &head).expect("a head");
    let place = (ring.app(at.app), at.door.as_str().to_owned(), at.room.as_str().to_owned());
    let cql = "INSERT INTO {ks}.room_log (app, door, room, version, head) VALUES (?, ?, ?, ?, ?) \
               IF NOT EXISTS";
    let cql = cluster::in_keyspace(cql, keyspace.name());
    let (app, door, name) = place;
    let values = (app, &door, &name, 3_i64, sealed);
    keyspace.session.query_unpaged(cql, values).await.expect("written");
    let rows = events.iter().map(|event| Row::of_event(&at, event));
    let rows = rows.chain(stays.iter().map(|stay| Row::of_stay(&at, stay)));
    let cql = "INSERT INTO {ks}.room_log (app, door, room, part, at, key, value) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let cql = cluster::in_keyspace(cql, keyspace.name());
    for row in rows {
        let Row { place, value } = row.expect("a row");
        let values = (app, &door, &name, place.part, place.at, place.key, value);
        keyspace.session.query_unpaged(cql.clone(), values).await.expect("written");
    }
    let round = Round {
        expected: None,
        version: 3,
        head,
        head_before: Head::default(),
        catalog: Catalog::default(),
        rows: BTreeMap::new(),
        cut_unix_us: None,
        is_last: false,
        todo: Todo::empty(3),
    };
    rooms::add(&ring, &server.log.lists, &at, &round).await.expect("listed");
    let change = Change { version: 3, gone: vec![], come: stays };
    index::write(&ring, &[change]).await.expect("told");
}

#[tokio::test]
async fn rooms_of_the_first_version_are_there_after_a_migration() {
    let keyspace = Keyspace::new().await;
    Cassandra::migrate(&keyspace.options).await.expect("it is made");
    let joins: Vec<String> = (0..40)
        .map(|it| format!("{it} join p{it} call=c conn=k{it}\n{}.5 leave p{it} call=c", it + 50))
        .collect();
    let mut story = events(&joins.join("\n"));
    let server = keyspace.open(keyspace.options.clone()).await;
    put_as_the_first_version(&keyspace, &server, &story).await;
    drop(server);
    keyspace.say("DROP TABLE {ks}.room_sheets").await;
    keyspace.say("UPDATE {ks}.whowas_meta SET version = 1 WHERE key = 'schema'").await;
    assert_eq!(
        keyspace.refusal().await,
        "the keyspace \"KEYSPACE\" has version 1, and this program needs 2: run \
         `whowas store migrate` once all servers of version 1 may stop"
    );
    let migrated = Cassandra::migrate(&keyspace.options).await.expect("it is brought up");
    assert_eq!(migrated, Migrated { from: 1, to: 2, altered: 0 });

    let server = keyspace.open(keyspace.options.clone()).await;
    assert_eq!(shown(&server).await, fold_room(&room(), &story));
    // A repeat and a late event.
    let late = events("60 over id=over").remove(0);
    let told = tell(&server, vec![story[0].clone(), late.clone()]).await.expect("told");
    assert_eq!(told, [Appended::Duplicate, Appended::Stored]);
    story.push(late);
    assert_eq!(shown(&server).await, fold_room(&room(), &story));
    let ring = server.connection.cluster().expect("a ring");
    let image = partition::read(&ring, &room(), How::Settled).await.expect("a room");
    assert_eq!((image.events.len(), image.stays.len()), (story.len(), 40));
    assert!(image.events.iter().all(|(_, sheet)| *sheet != ROOT));
    assert!(image.stays.iter().all(|(_, sheet)| *sheet != ROOT));
    assert!(image.catalog.sheets().count() > 5, "they are spread");
    let old = i64::MAX / 4;
    while server.retire(old, 10).await.expect("a step").more {}
    assert_eq!(shown(&server).await, []);
    keyspace.drop().await;
}
