//! Rows of the index that stay behind when a node fails, against a real node.

use domain::users::store::Directory as _;

use super::*;
use crate::cassandra::tests::store_of;
use crate::cassandra::{Cassandra, directory};

const APP: AppId = AppId(7);

fn anna() -> UserId {
    UserId::parse("anna").expect("an id")
}

fn under() -> [Entry; 2] {
    [Entry::Everybody, Entry::Tag("a".to_owned())]
}

async fn store() -> Cassandra {
    store_of(Uuid::new_v4().as_fields().0).await
}

/// How many rows of the index there are, under both entries.
async fn rows(cluster: &Cluster) -> usize {
    let mut rows = 0;
    for entry in under() {
        rows += directory::rows_of(cluster, APP, &entry, &anna()).await.expect("rows");
    }
    rows
}

/// Goes over everybody and over a tag, and finds nobody.
async fn walk_over(store: &Cassandra) {
    for tags in [&[][..], &["a"]] {
        let walked = store.walk_tagged(APP, tags, None, 100).await.expect("a walk");
        assert_eq!(walked, Walked { found: vec![], next: None });
    }
}

#[tokio::test]
async fn rows_of_somebody_long_gone_are_deleted_by_whoever_walks_over_them() {
    let store = store().await;
    let cluster = store.connection.cluster().expect("a node");
    let long_ago = directory::forgotten_stamp();
    directory::add(&cluster, APP, &anna(), (&under(), long_ago)).await.expect("added");
    walk_over(&store).await;
    assert_eq!(rows(&cluster).await, 0);
    // Somebody is about to register: their rows are there first, and stay.
    let now = SystemClock.now_unix_us();
    directory::add(&cluster, APP, &anna(), (&under(), now)).await.expect("added");
    walk_over(&store).await;
    assert_eq!(rows(&cluster).await, 2);
}

#[tokio::test]
async fn who_is_unregistered_again_loses_the_row_that_stayed_behind() {
    let store = store().await;
    let cluster = store.connection.cluster().expect("a node");
    let id = anna();
    let unregister =
        async || store.unregister_users(APP, vec![anna()], 1).await.expect("an answer");
    // Long ago: nothing is known of them any more.
    let entry = [Entry::Everybody];
    let long_ago = directory::forgotten_stamp();
    directory::add(&cluster, APP, &id, (&entry, long_ago)).await.expect("added");
    assert_eq!(unregister().await, [Unregistered::NotFound]);
    assert_eq!(rows(&cluster).await, 0);
    // Just now: they go, and no deletion of a row reaches the nodes.
    let at = At { cluster: &cluster, app: APP, id: &id, now_unix_ms: 1 };
    let profile = Profile::default();
    let registered = at.register(&profile, IfTaken::Leave).await.expect("registered");
    assert_eq!(registered, Registration::Created);
    let found = at.read(&cluster.users.find).await.expect("read").expect("they are there");
    let kept = Kept::<Profile> { stamp: found.stamp + 1, profile: None };
    let sealed = record::seal(TABLE, &key_of(APP, &id), &kept).expect("sealed");
    let values = (Uuid::new_v4(), sealed, 1_i64, 1_i64, cluster.app(APP), "anna", found.version);
    cluster.cas(&cluster.users.leave, values).await.expect("left");
    assert_eq!(rows(&cluster).await, 1);
    assert_eq!(unregister().await, [Unregistered::NotFound]);
    assert_eq!(rows(&cluster).await, 0);
}
