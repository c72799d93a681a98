//! A ring that is not there, or goes and comes back: the node is reached through a door that the
//! test shuts and opens.

use std::net::SocketAddr;
use std::time::Duration;

use domain::Error;
use domain::store::Registration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Keyspace, options, register};
use crate::cassandra::{Cassandra, Options};

/// Longer than anything takes that goes well.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the node is reached, while it is open.
struct Door {
    at: SocketAddr,
    node: String,
    open: Option<JoinSet<()>>,
}

impl Door {
    async fn shut(node: &str) -> Self {
        // The driver takes a node's own address, and the port of the contact point.
        let (host, _) = node.rsplit_once(':').expect("a port");
        let listener = TcpListener::bind((host, 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        Self { at, node: node.to_owned(), open: None }
    }

    async fn open(&mut self) {
        let listener = TcpListener::bind(self.at).await.expect("the port is still free");
        let node = self.node.clone();
        let mut all = JoinSet::new();
        all.spawn(async move {
            // Dropped with this task, and so are the connections.
            let mut through = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let node = node.clone();
                through.spawn(async move {
                    let mut node = TcpStream::connect(node).await.expect("the node");
                    copy_bidirectional(&mut client, &mut node).await
                });
            }
        });
        self.open = Some(all);
    }

    async fn close(&mut self) {
        if let Some(mut all) = self.open.take() {
            all.shutdown().await;
        }
    }
}

pub(super) async fn until_ready(store: &Cassandra, ready: bool) {
    let mut state = store.connection.states();
    let change = state.wait_for(|state| state.trouble.is_none() == ready);
    timeout(PATIENCE, change).await.expect("it changes").expect("the store is there");
}

fn why_not(store: &Cassandra) -> String {
    match store.connection.ready() {
        Err(Error::Unavailable(why)) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_is_not_there_at_start_is_waited_for() {
    let keyspace = Keyspace::new().await;
    let mut door = Door::shut(&keyspace.options.contact_points[0]).await;
    let contact_points = vec![door.at.to_string()];
    let store = Cassandra::open(Options { contact_points, ..keyspace.options.clone() }).await;
    let store = store.expect("it opens all the same");
    let at = door.at;
    assert_eq!(
        why_not(&store),
        format!(
            r#"none of the contact points ["{at}"] answers as a node of Cassandra: the connection is refused"#
        )
    );
    let refused = register(&store).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    door.open().await;
    until_ready(&store, true).await;
    assert_eq!(register(&store).await.expect("it answers"), [Registration::Created]);
    keyspace.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_goes_is_missed_and_found_again() {
    let keyspace = Keyspace::new().await;
    let mut door = Door::shut(&keyspace.options.contact_points[0]).await;
    door.open().await;
    let contact_points = vec![door.at.to_string()];
    let store = keyspace.open(Options { contact_points, ..keyspace.options.clone() }).await;
    assert_eq!(register(&store).await.expect("it answers"), [Registration::Created]);
    for _ in 0..2 {
        door.close().await;
        until_ready(&store, false).await;
        let refused = register(&store).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        door.open().await;
        until_ready(&store, true).await;
        assert_eq!(register(&store).await.expect("it answers"), [Registration::Unchanged]);
    }
    keyspace.drop().await;
}

#[tokio::test]
async fn somebody_who_is_no_node_is_not_taken_for_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let mut all = JoinSet::new();
    // Whoever connects is sent home.
    all.spawn(async move { while listener.accept().await.is_ok() {} });
    let contact_points = vec![at.to_string()];
    let store = Cassandra::open(Options { contact_points, ..options("nobody") }).await;
    assert_eq!(
        why_not(&store.expect("it opens all the same")),
        format!(
            "none of the contact points [\"{at}\"] answers as a node of Cassandra: the connection is \
             cut: the port may be encrypted, or no node's"
        )
    );
}
