//! A change whose answer is lost, that arrives late, or never: between store and node stands
//! somebody who looks at each frame of the protocol and holds some of them back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::Error;
use domain::store::Registration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Keyspace, register};
use crate::cassandra::{Cassandra, Options};

/// Longer than anything takes that goes well.
const PATIENCE: Duration = Duration::from_secs(60);

/// Long enough for a change that is tried again, on a busy machine, within the last third of it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(6);

/// What only a change has in it: the user's name. Reads have the id only.
const CHANGE: &[u8] = b"Ann";

/// What each statement on the user has in it.
const ID: &[u8] = b"ann";

/// What only the answer to a conditional change has in it.
const DECIDED: &[u8] = b"[applied]";

const HEADER_LEN: usize = 9;

/// What is done to the frames that go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trick {
    Nothing,
    /// The next answer to a conditional change is lost; then nothing.
    LoseAnswer,
    /// The next change is held back.
    Overtake,
    /// It is, until there is another.
    HoldBack,
    /// There is, and waits until the first, which is let go, is decided; then nothing.
    LetGo,
    /// Nothing that names the user comes through.
    Silence,
}

/// Where the node is reached, and what is done there.
struct Between {
    at: SocketAddr,
    trick: Arc<watch::Sender<Trick>>,
    _connections: JoinSet<()>,
}

impl Between {
    async fn new(node: &str) -> Self {
        // The driver takes a node's own address, and the port of the contact point.
        let (host, _) = node.rsplit_once(':').expect("a port");
        let listener = TcpListener::bind((host, 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let trick = Arc::new(watch::Sender::new(Trick::Nothing));
        let (node, playing) = (node.to_owned(), Arc::clone(&trick));
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut both = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let node = TcpStream::connect(&node).await.expect("the node");
                let (from_client, to_client) = client.into_split();
                let (from_node, to_node) = node.into_split();
                both.spawn(requests(from_client, to_node, Arc::clone(&playing)));
                both.spawn(answers(from_node, to_client, Arc::clone(&playing)));
            }
        });
        Self { at, trick, _connections: connections }
    }

    fn play(&self, trick: Trick) {
        self.trick.send_replace(trick);
    }

    fn playing(&self) -> Trick {
        *self.trick.borrow()
    }
}

/// The next frame; `None` at the end.
async fn frame(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut frame = vec![0; HEADER_LEN];
    from.read_exact(&mut frame).await.ok()?;
    let len = u32::from_be_bytes(frame[5..].try_into().expect("four bytes"));
    frame.resize(HEADER_LEN + len as usize, 0);
    from.read_exact(&mut frame[HEADER_LEN..]).await.ok()?;
    Some(frame)
}

fn has(frame: &[u8], what: &[u8]) -> bool {
    frame.windows(what.len()).any(|part| part == what)
}

async fn requests(mut from: OwnedReadHalf, to: OwnedWriteHalf, trick: Arc<watch::Sender<Trick>>) {
    let to = Arc::new(Mutex::new(to));
    let mut waiting = JoinSet::new();
    while let Some(frame) = frame(&mut from).await {
        let now = *trick.borrow();
        let until = match now {
            Trick::Silence if has(&frame, ID) => Trick::Nothing,
            Trick::Overtake if has(&frame, CHANGE) => {
                trick.send_replace(Trick::HoldBack);
                Trick::LetGo
            }
            Trick::HoldBack if has(&frame, CHANGE) => {
                trick.send_replace(Trick::LetGo);
                Trick::Nothing
            }
            _ => {
                to.lock().await.write_all(&frame).await.ok();
                continue;
            }
        };
        let (to, mut state) = (Arc::clone(&to), trick.subscribe());
        waiting.spawn(async move {
            state.wait_for(|now| *now == until).await.ok();
            to.lock().await.write_all(&frame).await.ok();
        });
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    trick: Arc<watch::Sender<Trick>>,
) {
    while let Some(frame) = frame(&mut from).await {
        let now = *trick.borrow();
        let is_decided = has(&frame, DECIDED);
        if is_decided && matches!(now, Trick::LoseAnswer | Trick::LetGo) {
            trick.send_replace(Trick::Nothing);
        }
        if is_decided && now == Trick::LoseAnswer {
            continue;
        }
        if to.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn behind(keyspace: &Keyspace, between: &Between) -> Cassandra {
    let contact_points = vec![between.at.to_string()];
    let options = Options { contact_points, ..keyspace.options.clone() };
    keyspace.open(Options { request_timeout: REQUEST_TIMEOUT, ..options }).await
}

async fn answered(store: &Cassandra) -> Result<Vec<Registration>, Error> {
    timeout(PATIENCE, register(store)).await.expect("it is answered")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_hears_of_their_change_finds_that_it_was_made() {
    let keyspace = Keyspace::new().await;
    let between = Between::new(&keyspace.options.contact_points[0]).await;
    let store = behind(&keyspace, &between).await;
    between.play(Trick::LoseAnswer);
    assert_eq!(answered(&store).await.expect("an answer"), [Registration::Created]);
    assert_eq!(between.playing(), Trick::Nothing, "an answer was lost");
    assert_eq!(answered(&store).await.expect("an answer"), [Registration::Unchanged]);
    keyspace.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_overtaken_by_their_own_change_knows_it_for_theirs() {
    let keyspace = Keyspace::new().await;
    let between = Between::new(&keyspace.options.contact_points[0]).await;
    let store = behind(&keyspace, &between).await;
    between.play(Trick::Overtake);
    // The second attempt is refused, since the first has been made meanwhile.
    assert_eq!(answered(&store).await.expect("an answer"), [Registration::Created]);
    assert_eq!(between.playing(), Trick::Nothing, "one came after the other");
    keyspace.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_silence_is_told_while_it_lasts() {
    let keyspace = Keyspace::new().await;
    let between = Between::new(&keyspace.options.contact_points[0]).await;
    let store = behind(&keyspace, &between).await;
    between.play(Trick::Silence);
    let refused = answered(&store).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert_eq!(between.playing(), Trick::Silence);
    // What was on its way arrives now, before or after the same request again.
    between.play(Trick::Nothing);
    let again = answered(&store).await.expect("an answer");
    assert!(matches!(again[..], [Registration::Created | Registration::Unchanged]), "{again:?}");
    assert_eq!(answered(&store).await.expect("an answer"), [Registration::Unchanged]);
    keyspace.drop().await;
}
