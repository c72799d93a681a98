//! Against a real node: see the feature `cassandra-tests`.

use domain::AppId;
use domain::ids::UserId;
use domain::store::{IfTaken, NewUser, Registration};
use domain::users::Profile;

use super::*;

/// A store of its own in a keyspace that all tests share.
async fn store() -> Cassandra {
    let mut options = options();
    options.realm = uuid::Uuid::new_v4().as_fields().0;
    Cassandra::open(options).await.expect("a store")
}

fn options() -> Options {
    #[expect(clippy::disallowed_methods, reason = "a test is told where its node is")]
    let address = std::env::var("WHOWAS_TEST_CASSANDRA");
    let address = address.unwrap_or_else(|_| "127.0.0.1:9042".to_owned());
    let mut options = Options::new(vec![address], "a_dev");
    options.replication_factor = 1;
    options
}

#[tokio::test]
async fn a_user_is_registered_once() {
    let store = store().await;
    let cluster = store.connection.cluster().expect("a cluster");
    let id = UserId::parse("ann").expect("an id");
    let profile = Profile { name: "Ann".to_owned(), ..Profile::default() };
    let new = [NewUser { id, profile }];
    for expected in [Registration::Created, Registration::Unchanged] {
        let done = users::register(&cluster, AppId(7), &new, IfTaken::Leave, 5).await;
        assert_eq!(done.expect("an answer"), [expected]);
    }
}
