//! Against a real node: see the feature `cassandra-tests`.

use domain::AppId;
use domain::ids::UserId;
use domain::store::{IfTaken, NewUser, Registration};
use domain::users::Profile;

use tokio::sync::OnceCell;

use super::*;

/// A store of its own in a keyspace that all tests share.
async fn store() -> Cassandra {
    store_of(uuid::Uuid::new_v4().as_fields().0).await
}

/// One of the stores of a realm.
pub(crate) async fn store_of(realm: u32) -> Cassandra {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let mut options = options();
    // Once, and before anybody needs it: many who make tables at a time get in each other's way.
    let make = async || {
        Cassandra::migrate(&options).await.expect("tables");
    };
    MADE.get_or_init(make).await;
    options.realm = realm;
    Cassandra::open(options).await.expect("a store")
}

fn options() -> Options {
    #[expect(clippy::disallowed_methods, reason = "a test is told where its node is")]
    let told = |name: &str, else_it_is: &str| {
        std::env::var(name).unwrap_or_else(|_| else_it_is.to_owned())
    };
    let address = told("WHOWAS_TEST_CASSANDRA", "127.0.0.1:9042");
    let mut options = Options::new(vec![address], told("WHOWAS_TEST_KEYSPACE", "whowas_test"));
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
