//! Against a real node: see the feature `cassandra-tests`.
//!
//! What all engines promise is in `contract`; here is what only a ring can do: tables of others and
//! of other versions, several servers at once, a ring that is not there.

use std::time::Duration;

use domain::store::{IfTaken, NewUser, Registration};
use domain::users::Profile;
use domain::{AppId, Error, UserId};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tokio::sync::OnceCell;

use super::*;

mod broadcasts;
mod doors;
mod gone;
mod late;

/// One of the stores of a realm, in a keyspace that all tests share.
pub(crate) async fn store_of(realm: u32) -> Cassandra {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let mut options = options(&told("WHOWAS_TEST_KEYSPACE", "whowas_test"));
    // Once, and before anybody needs it: making tables takes longer the more try to.
    let make = async || {
        Cassandra::migrate(&options).await.expect("tables");
    };
    MADE.get_or_init(make).await;
    options.realm = realm;
    Cassandra::open(options).await.expect("a store")
}

fn options(keyspace: &str) -> Options {
    let mut options = Options::new(vec![told("WHOWAS_TEST_CASSANDRA", "127.0.0.1:9042")], keyspace);
    let replicas = told("WHOWAS_TEST_REPLICAS", "1").parse();
    options.replication_factor = replicas.expect("a number of replicas");
    // A debug build beside others of its kind is slow.
    options.request_timeout = Duration::from_secs(10);
    options
}

#[expect(clippy::disallowed_methods, reason = "a test is told where its node is")]
fn told(name: &str, else_it_is: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| else_it_is.to_owned())
}

/// A keyspace of a test's own, dropped in the end.
pub(crate) struct Keyspace {
    pub(crate) session: Session,
    pub(crate) options: Options,
}

impl Keyspace {
    pub(crate) async fn new() -> Self {
        let options = options(&format!("t{}", uuid::Uuid::new_v4().simple()));
        let nodes = SessionBuilder::new().known_nodes(&options.contact_points);
        Self { session: nodes.build().await.expect("a node"), options }
    }

    pub(crate) async fn say(&self, cql: &str) {
        let cql = cluster::in_keyspace(cql, &self.options.keyspace);
        self.session.query_unpaged(cql, ()).await.expect("said");
    }

    async fn make(&self) {
        self.say(
            "CREATE KEYSPACE {ks} WITH replication = \
             {'class': 'SimpleStrategy', 'replication_factor': 1}",
        )
        .await;
    }

    /// The sentence with which it is refused.
    pub(crate) async fn refusal(&self) -> String {
        let refused = Cassandra::open(self.options.clone()).await;
        let refusal = refused.err().expect("it is refused").to_string();
        refusal.replace(&self.options.keyspace, "KEYSPACE")
    }

    /// A store that is ready, however long the node takes.
    pub(crate) async fn open(&self, options: Options) -> Cassandra {
        let store = Cassandra::open(options).await.expect("it is not refused");
        gone::until_ready(&store, true).await;
        store
    }

    async fn version(&self) -> i32 {
        let cql = cluster::in_keyspace("SELECT version FROM {ks}.whowas_meta", self.name());
        let rows = self.session.query_unpaged(cql, ()).await.expect("rows");
        let rows = rows.into_rows_result().expect("rows");
        rows.single_row::<(i32,)>().expect("a row").0
    }

    pub(crate) fn name(&self) -> &str {
        &self.options.keyspace
    }

    pub(crate) async fn drop(self) {
        self.say("DROP KEYSPACE IF EXISTS {ks}").await;
    }
}

fn ann() -> Vec<NewUser> {
    let profile = Profile { name: "Ann".to_owned(), ..Profile::default() };
    vec![NewUser { id: UserId::parse("ann").expect("an id"), profile }]
}

async fn register(store: &Cassandra) -> Result<Vec<Registration>, Error> {
    let cluster = store.connection.cluster()?;
    Ok(users::register(&cluster, AppId(7), &ann(), IfTaken::Leave, 5).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_make_the_tables_at_once_and_one_of_them_registers_a_user() {
    let keyspace = Keyspace::new().await;
    let opening = (0..6).map(|_| keyspace.open(keyspace.options.clone()));
    let stores = futures::future::join_all(opening).await;
    let registering = futures::future::try_join_all(stores.iter().map(register));
    let mut done = registering.await.expect("all are answered").concat();
    done.sort_by_key(|outcome| *outcome != Registration::Created);
    assert_eq!(done[0], Registration::Created);
    assert!(done[1..].iter().all(|one| *one == Registration::Unchanged), "{done:?}");
    assert_eq!(keyspace.version().await, 2);
    let again = Cassandra::migrate(&keyspace.options).await.expect("it is there");
    assert_eq!(again, Migrated { from: 2, to: 2, altered: 0 });
    keyspace.drop().await;
}

#[tokio::test]
async fn realms_do_not_see_each_other() {
    let keyspace = Keyspace::new().await;
    for realm in [1, 2] {
        let options = Options { realm, ..keyspace.options.clone() };
        let store = keyspace.open(options).await;
        let done = register(&store).await.expect("an answer");
        assert_eq!(done, [Registration::Created], "{realm}");
    }
    keyspace.drop().await;
}

#[tokio::test]
async fn a_half_made_keyspace_is_finished() {
    let keyspace = Keyspace::new().await;
    keyspace.make().await;
    keyspace
        .say("CREATE TABLE {ks}.whowas_meta (key text PRIMARY KEY, version int, shards int)")
        .await;
    let store = keyspace.open(keyspace.options.clone()).await;
    assert_eq!(register(&store).await.expect("an answer"), [Registration::Created]);
    keyspace.drop().await;
}

#[tokio::test]
async fn a_keyspace_of_another_program_is_refused() {
    let keyspace = Keyspace::new().await;
    keyspace.make().await;
    keyspace.say("CREATE TABLE {ks}.orders (id int PRIMARY KEY)").await;
    assert_eq!(
        keyspace.refusal().await,
        r#"the keyspace "KEYSPACE" has tables of another program ("orders"): name another keyspace"#
    );
    keyspace.drop().await;
}

#[tokio::test]
async fn a_keyspace_of_a_newer_version_is_refused() {
    let keyspace = Keyspace::new().await;
    Cassandra::migrate(&keyspace.options).await.expect("it is made");
    keyspace.say("UPDATE {ks}.whowas_meta SET version = 9 WHERE key = 'schema'").await;
    assert_eq!(
        keyspace.refusal().await,
        "the keyspace \"KEYSPACE\" has version 9, and this program knows versions up to 2: run \
         the newer program"
    );
    let migrated = Cassandra::migrate(&keyspace.options).await;
    let trouble = migrated.expect_err("it is refused, too");
    assert!(matches!(trouble, Trouble::Refused(Refusal::Newer { found: 9, .. })), "{trouble:?}");
    assert_eq!(keyspace.version().await, 9);
    keyspace.drop().await;
}

#[tokio::test]
async fn more_replicas_than_nodes_are_refused_before_anything_is_made() {
    let mut keyspace = Keyspace::new().await;
    keyspace.options.replication_factor = 200;
    let refusal = keyspace.refusal().await;
    let (asked, found) = refusal.split_once(", and the data centre \"dc1\" has ").expect("both");
    assert_eq!(asked, "the replication factor is 200");
    let (_, advice) = found.split_once(" nodes: ").expect("how many");
    assert_eq!(advice, "no write would ever find enough of them; add nodes or set a smaller one");
    keyspace.options.replication_factor = 1;
    let migrated = Cassandra::migrate(&keyspace.options).await.expect("nothing was there");
    assert_eq!(migrated, Migrated { from: 0, to: 2, altered: 0 });
    keyspace.drop().await;
}

#[tokio::test]
async fn tables_get_the_options_of_this_program_when_they_are_migrated() {
    let keyspace = Keyspace::new().await;
    assert!(!Cassandra::is_there(&keyspace.options).await.expect("an answer"));
    Cassandra::migrate(&keyspace.options).await.expect("it is made");
    assert!(Cassandra::is_there(&keyspace.options).await.expect("an answer"));
    keyspace.say("ALTER TABLE {ks}.users WITH speculative_retry = '99p'").await;
    keyspace.say("ALTER TABLE {ks}.dead_letters WITH gc_grace_seconds = 7").await;
    // A server leaves them as they are.
    drop(keyspace.open(keyspace.options.clone()).await);
    let altered = |migrated: Migrated| migrated.altered;
    for some in [2, 0] {
        let migrated = Cassandra::migrate(&keyspace.options).await.map(altered);
        assert_eq!(migrated.expect("it is there"), some);
    }
    keyspace.drop().await;
}

#[tokio::test]
async fn a_data_centre_that_does_not_exist_is_refused() {
    let mut keyspace = Keyspace::new().await;
    keyspace.options.local_data_center = Some("nowhere".to_owned());
    assert_eq!(keyspace.refusal().await, r#"the ring has no data centre "nowhere", but ["dc1"]"#);
}
