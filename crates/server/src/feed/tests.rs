//! What listeners find when they come, come again, or are slow; and who is told when whoever asked
//! has gone.

use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use domain::broadcast;
use domain::clock::{Clock, SECOND_US};
use domain::erasure;
use domain::ids::{CallId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::event::{Fact, Presence};
use domain::log::{self, ClientFacts};
use stores::embedded::{Embedded, Options};

use super::line::Place;
use super::ring::{Found, KEPT_FOR, LINES_MAX, Ring, Start};
use super::*;
use crate::testing::{self, APP};

const NOW_UNIX_US: i64 = 1_795_226_563 * SECOND_US;
const EPOCH: u64 = 7;
const LINES: u64 = LINES_MAX as u64;

fn message() -> Message {
    testing::message(NOW_UNIX_US)
}

/// A ring in which so many broadcasts were told.
fn ring(broadcasts: u64) -> Ring {
    let ring = Ring::new(EPOCH);
    ring.turn_on(0);
    (1..=broadcasts).for_each(|id| ring.tell_broadcast(id, &message()));
    ring
}

fn place(epoch: u64, line: u64, broadcast: u64) -> Place {
    Place { epoch, line, broadcast }
}

/// The ids of the lines behind one, up to the last.
fn behind(ring: &Ring, mut line: u64) -> Vec<String> {
    let mut ids = vec![];
    while let Found::Lines(chunk, next) = ring.read(line) {
        let text = std::str::from_utf8(&chunk).expect("text");
        ids.extend(text.lines().filter_map(|it| it.strip_prefix("id: ")).map(str::to_owned));
        line = next;
    }
    ids
}

#[test]
fn who_comes_back_in_time_goes_on_where_they_were() {
    let ring = ring(5);
    let last = place(EPOCH, 2, 2);
    let start = ring.start(Some(Some(last)));
    assert_eq!(start, Start { line: 2, place: last, gap: false, broadcasts: None });
    assert_eq!(behind(&ring, start.line), ["7-3-3", "7-4-4", "7-5-5"]);
    let tip = place(EPOCH, 5, 5);
    assert!(!ring.start(Some(Some(tip))).gap);
    assert_eq!(ring.read(5), Found::Nothing);
    let fresh = ring.start(None);
    assert_eq!(fresh, Start { line: 5, place: tip, gap: false, broadcasts: None });
}

#[test]
fn who_comes_back_too_late_is_told_of_a_gap_and_of_each_broadcast_in_it() {
    let ring = ring(LINES + 10);
    let start = ring.start(Some(Some(place(EPOCH, 5, 5))));
    let begin = place(EPOCH, 10, 5);
    assert_eq!(start, Start { line: 10, place: begin, gap: true, broadcasts: Some((5, 10)) });
    let ids = behind(&ring, start.line);
    assert_eq!((ids.len(), &*ids[0]), (LINES_MAX, "7-11-11"), "none is told twice");
    // At the first that is kept nothing is missing.
    assert!(!ring.start(Some(Some(place(EPOCH, 10, 10)))).gap);
}

#[test]
fn a_place_in_another_process_is_a_gap_without_a_loss_of_broadcasts() {
    let ring = Ring::new(EPOCH);
    ring.turn_on(7);
    ring.tell_broadcast(8, &message());
    let start = ring.start(Some(Some(place(EPOCH - 1, 1, 5))));
    let begin = place(EPOCH, 0, 5);
    assert_eq!(start, Start { line: 0, place: begin, gap: true, broadcasts: Some((5, 7)) });
    assert_eq!(behind(&ring, 0), ["7-1-8"]);
    // Nor is a line that never was, or an id that is none of ours, a place.
    assert!(ring.start(Some(Some(place(EPOCH, 2, 8)))).gap);
    let unknown = ring.start(Some(None));
    assert_eq!((unknown.gap, unknown.broadcasts, unknown.place), (true, None, place(7, 0, 7)));
}

#[test]
fn a_listener_who_is_slower_than_the_ring_is_long_finds_that_it_is_gone() {
    let ring = ring(LINES);
    assert!(matches!(ring.read(0), Found::Lines(..)));
    ring.tell_broadcast(LINES + 1, &message());
    assert_eq!(ring.read(0), Found::Gone);
    assert!(matches!(ring.read(1), Found::Lines(..)));
}

#[test]
fn a_broadcast_is_told_once_in_whatever_order_they_come() {
    let ring = ring(0);
    for id in [2, 1, 2, 3, 1, 3] {
        ring.tell_broadcast(id, &message());
    }
    assert_eq!(behind(&ring, 0), ["7-1-0", "7-2-2", "7-3-3"]);
}

/// It is always the same time.
struct Now;

impl Clock for Now {
    fn now_unix_us(&self) -> i64 {
        NOW_UNIX_US
    }
}

/// A server whose store takes its time.
struct World {
    server: testing::World,
    _folder: tempfile::TempDir,
}

impl Deref for World {
    type Target = testing::World;

    fn deref(&self) -> &testing::World {
        &self.server
    }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Embedded::open(&Options::new(folder.path())).expect("a store");
        let server = testing::World::new(Arc::new(store), Arc::new(Now), EPOCH);
        Self { server, _folder: folder }
    }

    fn ring(&self) -> &Arc<Ring> {
        self.feed.ring(APP).expect("it is there")
    }

    /// Somebody begins to listen.
    async fn turn_on(&self) -> Ear {
        let last_id = async { Ok(self.ctx.store.open_broadcasts(APP).await?.last_id) };
        self.feed.turn_on(APP, last_id).await.expect("read")
    }

    async fn accept(&self) {
        self.server.accept(message()).await;
    }
}

/// Begins something and drops it at once, as a connection does that ends.
async fn begin_and_go(what: impl Future) {
    let mut what = pin!(what);
    let polled = std::future::poll_fn(|cx| Poll::Ready(what.as_mut().poll(cx).is_pending())).await;
    assert!(polled, "it waits for the store");
}

/// What happens sooner or later; a failure is not to last for ever.
async fn sooner_or_later<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it never happened")
}

#[tokio::test]
async fn a_broadcast_is_told_of_though_its_sender_has_hung_up() {
    let world = World::new();
    world.turn_on().await;
    let bell = world.feed.bell(APP).expect("it is there");
    bell.notified().await;
    begin_and_go(world.accept()).await;
    sooner_or_later(bell.notified()).await;
    assert_eq!(behind(world.ring(), 0), ["7-1-1"]);
}

#[tokio::test]
async fn a_join_is_told_of_though_its_sender_has_hung_up() {
    let world = World::new();
    let ring = world.turn_on().await;
    let who = Presence {
        room: RoomId::parse("r").expect("an id"),
        call: None,
        participant: ParticipantId::parse("u").expect("an id"),
        connection: None,
    };
    let joined = Event {
        app: APP,
        door: Door::parse("zegocloud").expect("a door"),
        source: SourceName::parse("s").expect("a name"),
        id: EventId::parse("e").expect("an id"),
        time_unix_us: NOW_UNIX_US,
        fact: Fact::Joined { who, sole: false, client: ClientFacts::default() },
    };
    let mut tip = ring.tip();
    begin_and_go(log::record(&world.ctx, vec![joined])).await;
    sooner_or_later(tip.changed()).await.expect("the ring is there");
    assert_eq!(behind(&ring, 0), ["7-1-0"]);
}

#[tokio::test]
async fn a_ring_is_off_until_it_is_known_what_was_before() {
    let world = World::new();
    world.accept().await;
    // Nobody is told of what was before they came, though the first try to find it came to nothing.
    let failed = world.feed.turn_on(APP, async { Err(domain::Error::Busy) }).await;
    assert!(failed.is_err() && !world.ring().is_on());
    let ring = world.turn_on().await;
    assert!(ring.is_on());
    assert_eq!(ring.told_to(), 1);
    world.feed.catch_up(&world.ctx, APP, 1).await.expect("read");
    assert_eq!(behind(&ring, 0), [""; 0]);
}

#[tokio::test]
async fn what_was_accepted_and_not_told_is_caught_up_with() {
    let mut world = World::new();
    let ring = world.turn_on().await;
    // As if the store had said that it failed.
    world.server.ctx.witness = Arc::new(());
    world.accept().await;
    world.feed.catch_up(&world.ctx, APP, 1).await.expect("read");
    assert_eq!(behind(&ring, 0), ["7-1-1"]);
}

/// Somebody in room `r`.
fn somebody(name: &str) -> Presence {
    Presence {
        room: RoomId::parse("r").expect("an id"),
        call: None,
        participant: ParticipantId::parse(name).expect("an id"),
        connection: None,
    }
}

/// An event so many seconds before now.
fn event(ago_s: i64, fact: Fact) -> Event {
    let time_unix_us = NOW_UNIX_US - ago_s * SECOND_US;
    Event {
        app: APP,
        door: Door::parse("livekit").expect("a door"),
        source: SourceName::parse("s").expect("a name"),
        id: EventId::parse(&format!("e{ago_s}")).expect("an id"),
        time_unix_us,
        fact,
    }
}

fn joined(ago_s: i64, name: &str) -> Event {
    let client = ClientFacts::default();
    event(ago_s, Fact::Joined { who: somebody(name), sole: false, client })
}

fn left(ago_s: i64, name: &str, joined_ago_s: i64) -> Event {
    let joined_unix_us = Some(NOW_UNIX_US - joined_ago_s * SECOND_US);
    let client = ClientFacts::default();
    event(ago_s, Fact::Left { who: somebody(name), joined_unix_us, client })
}

/// The lines of a ring without their ids: event, user, how long ago, and whether it is inferred.
fn told(ring: &Ring) -> String {
    let (mut text, mut line) = (String::new(), 0);
    while let Found::Lines(chunk, next) = ring.read(line) {
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
        line = next;
    }
    let mut told = String::new();
    for part in text.split("\n\n").filter(|part| !part.is_empty()) {
        let field = |name: &str| part.lines().find_map(|it| it.strip_prefix(name));
        let (Some(name), Some(json)) = (field("event: "), field("data: ")) else {
            told.push_str("nothing\n");
            continue;
        };
        let json: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let time = json["time"].as_str().and_then(|it| it.parse::<jiff::Timestamp>().ok());
        let ago_s = time.map(|it| NOW_UNIX_US / SECOND_US - it.as_second());
        let inferred = if json["inferred"] == true { ", inferred" } else { "" };
        let user = json["userId"].as_str().unwrap_or_default();
        told += &format!("{name} {user} {}{inferred}\n", ago_s.unwrap_or_default());
    }
    told
}

#[tokio::test]
async fn who_left_without_a_word_has_left_on_the_stream_too() {
    let world = World::new();
    let ring = world.turn_on().await;
    let record = async |events| log::record(&world.ctx, events).await.expect("recorded");
    record(vec![joined(90, "anna"), joined(89, "bert"), joined(88, "carl")]).await;
    // Who was counted: bert is not there any more.
    let present = ["anna", "carl"].map(|name| somebody(name).participant).into();
    let (room, call) = (somebody("anna").room, None);
    let snapshot = Fact::Snapshot { room: room.clone(), call: call.clone(), present, told: None };
    record(vec![event(50, snapshot.clone())]).await;
    record(vec![event(50, snapshot)]).await;
    // A leave that tells of a join is no news of those who were there.
    record(vec![left(40, "carl", 88)]).await;
    // The server began anew.
    record(vec![event(30, Fact::ServerRestarted)]).await;
    record(vec![joined(20, "dora")]).await;
    record(vec![event(10, Fact::RoomIdle { room: room.clone(), call, quiet_us: 10 * SECOND_US })])
        .await;
    record(vec![joined(9, "emil")]).await;
    record(vec![event(8, Fact::RoomFinished { room, call: None })]).await;
    expect_test::expect![[r#"
        joined anna 90
        joined bert 89
        joined carl 88
        left bert 50, inferred
        left carl 40
        left anna 40, inferred
        joined dora 20
        left dora 20, inferred
        joined emil 9
        left emil 8, inferred
    "#]]
    .assert_eq(&told(&ring));
}

#[tokio::test]
async fn who_came_without_a_word_has_joined_on_the_stream_too() {
    let world = World::new();
    let ring = world.turn_on().await;
    let record = async |events| log::record(&world.ctx, events).await.expect("recorded");
    record(vec![event(90, Fact::Published { who: somebody("anna") })]).await;
    record(vec![event(80, Fact::Published { who: somebody("anna") })]).await;
    record(vec![left(70, "anna", 95)]).await;
    record(vec![left(60, "bert", 65)]).await;
    expect_test::expect![[r#"
        joined anna 90, inferred
        left anna 70
        joined bert 65, inferred
        left bert 60
    "#]]
    .assert_eq(&told(&ring));
}

#[tokio::test]
async fn a_join_that_is_known_is_not_told_again_because_the_leave_comes_late() {
    let world = World::new();
    let ring = world.turn_on().await;
    let record = async |events| log::record(&world.ctx, events).await.expect("recorded");
    let room = somebody("anna").room;
    record(vec![joined(95, "anna"), joined(94, "bert")]).await;
    let present = [somebody("bert").participant].into();
    let snapshot = Fact::Snapshot { room: room.clone(), call: None, present, told: None };
    record(vec![event(50, snapshot)]).await;
    record(vec![left(49, "anna", 95)]).await;
    record(vec![event(48, Fact::RoomFinished { room, call: None })]).await;
    record(vec![left(47, "bert", 94)]).await;
    // The join comes with the leave.
    record(vec![joined(40, "carl"), left(39, "carl", 40)]).await;
    // Whoever was there, and left, came again.
    record(vec![left(30, "anna", 35)]).await;
    // It is told twice, or not as exactly as by the join itself.
    record(vec![joined(20, "dora")]).await;
    record(vec![left(10, "dora", 21)]).await;
    record(vec![left(5, "emil", 9), left(5, "emil", 9)]).await;
    expect_test::expect![[r#"
        joined anna 95
        joined bert 94
        left anna 50, inferred
        left anna 49
        left bert 48, inferred
        left bert 47
        joined carl 40
        left carl 39
        joined anna 35, inferred
        left anna 30
        joined dora 20
        left dora 10
        joined emil 9, inferred
        left emil 5
    "#]]
    .assert_eq(&told(&ring));
}

#[tokio::test]
async fn whose_call_gave_way_to_another_has_left_on_the_stream_too() {
    let world = World::new();
    let ring = world.turn_on().await;
    let record = async |events| log::record(&world.ctx, events).await.expect("recorded");
    let joined_to = |ago_s, name, call| {
        let mut who = somebody(name);
        who.call = Some(CallId::parse(call).expect("an id"));
        event(ago_s, Fact::Joined { who, sole: false, client: ClientFacts::default() })
    };
    record(vec![joined_to(29, "anna", "one")]).await;
    record(vec![joined_to(28, "bert", "one")]).await;
    record(vec![joined_to(20, "anna", "two")]).await;
    // Two calls at once, and then one that is over before it is heard of.
    record(vec![joined_to(15, "carl", "three"), joined_to(14, "dora", "four")]).await;
    record(vec![joined_to(90, "emil", "zero")]).await;
    // What comes with its end.
    let room = somebody("anna").room;
    let over = Fact::RoomFinished { room, call: None };
    record(vec![joined_to(9, "fred", "four"), event(8, over)]).await;
    expect_test::expect![[r#"
        joined anna 29
        joined bert 28
        left anna 28, inferred
        left bert 28, inferred
        joined anna 20
        left anna 20, inferred
        joined carl 15
        joined dora 14
        left carl 15, inferred
        joined emil 90
        left emil 90, inferred
        left dora 8, inferred
        joined fred 9
        left fred 8, inferred
    "#]]
    .assert_eq(&told(&ring));
}

#[tokio::test]
async fn what_is_too_much_to_be_looked_at_is_a_gap() {
    let world = World::new();
    let ring = world.turn_on().await;
    let finished = |number: i64| {
        let room = RoomId::parse(&format!("r{number}")).expect("an id");
        event(1_000 - number, Fact::RoomFinished { room, call: None })
    };
    log::record(&world.ctx, (0..100).map(finished).collect()).await.expect("recorded");
    assert_eq!(told(&ring), "", "nobody was there");
    log::record(&world.ctx, (100..201).map(finished).collect()).await.expect("recorded");
    assert_eq!(told(&ring), "gap  0\n");
}

#[tokio::test]
async fn rooms_share_what_a_batch_may_look_at() {
    const EACH: usize = 5_001;
    let world = World::new();
    let record = async |events| log::record(&world.ctx, events).await.expect("recorded");
    let in_room = |number: usize, fact: fn(RoomId, usize) -> Fact| {
        let room = RoomId::parse(&format!("r{}", number % 2)).expect("an id");
        let id = EventId::parse(&format!("{number}")).expect("an id");
        Event { id, ..event(50, fact(room, number)) }
    };
    let joined = |number| {
        in_room(number, |room, number| {
            let who = Presence { room, ..somebody(&number.to_string()) };
            Fact::Joined { who, sole: false, client: ClientFacts::default() }
        })
    };
    for half in [0..EACH, EACH..2 * EACH] {
        record(half.map(joined).collect()).await;
    }
    let ring = world.turn_on().await;
    let finished = |number| {
        let over = in_room(number, |room, _| Fact::RoomFinished { room, call: None });
        Event { time_unix_us: NOW_UNIX_US, ..over }
    };
    record([0, 1].map(finished).into()).await;
    let told = told(&ring);
    let left = told.lines().filter(|it| it.starts_with("left ")).count();
    assert_eq!((left, told.lines().count()), (EACH, EACH + 1));
    assert!(told.ends_with("\ngap  0\n"));
}

#[tokio::test]
async fn whoever_hangs_up_before_there_is_a_place_to_look_leaves_nothing_behind() {
    let world = World::new();
    let ring = world.turn_on().await;
    let mut places = vec![];
    for _ in 0..LOOKS_MAX {
        places.push(world.feed.admit().await);
    }
    begin_and_go(log::record(&world.ctx, vec![joined(20, "anna")])).await;
    drop(places);
    log::record(&world.ctx, vec![joined(10, "bert")]).await.expect("recorded");
    assert_eq!(told(&ring), "joined bert 10\n");
}

#[tokio::test(start_paused = true)]
async fn a_ring_is_off_again_when_nobody_has_listened_for_a_while() {
    let ring = Arc::new(ring(0));
    let (one, other) = (ring.listen(), ring.listen());
    ring.tell_broadcast(1, &message());
    tokio::time::advance(2 * KEPT_FOR).await;
    drop(one);
    tokio::time::advance(2 * KEPT_FOR).await;
    assert!(ring.is_on(), "somebody listens");
    drop(other);
    tokio::time::advance(KEPT_FOR).await;
    assert!(ring.is_on(), "they may come back");
    assert!(!ring.start(Some(Some(place(EPOCH, 1, 1)))).gap);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!ring.is_on());
    ring.tell_broadcast(2, &message());
    assert_eq!(behind(&ring, 2), [""; 0]);
    // Who comes back all the same is told of what they have missed.
    ring.turn_on(2);
    ring.tell_broadcast(3, &message());
    let start = ring.start(Some(Some(place(EPOCH, 1, 1))));
    let begin = place(EPOCH, 2, 1);
    assert_eq!(start, Start { line: 2, place: begin, gap: true, broadcasts: Some((1, 2)) });
    assert_eq!(behind(&ring, 2), ["7-3-3"]);
    assert_eq!(ring.read(1), Found::Gone);
}

#[tokio::test]
async fn an_erased_user_is_on_no_line_any_more_and_places_stay() {
    let world = World::new();
    let ring = world.turn_on().await;
    let anna = somebody("anna").participant;
    for one in [joined(90, "anna"), joined(80, "bert"), left(70, "anna", 90)] {
        log::record(&world.ctx, vec![one]).await.expect("recorded");
    }
    let receipt = erasure::erase(&world.ctx, APP, &anna, None).await.expect("erased");
    assert_eq!((receipt.events, receipt.next), (2, None));
    assert_eq!(told(&ring), "nothing\njoined bert 80\nnothing\n");
    assert!(!ring.start(Some(Some(place(EPOCH, 1, 0)))).gap);
    log::record(&world.ctx, vec![joined(60, "carl")]).await.expect("recorded");
    assert_eq!(behind(&ring, 0), ["7-2-0", "7-4-0"]);
}

#[tokio::test]
async fn a_retry_is_told_of_though_whoever_asked_has_hung_up() {
    let world = World::new();
    world.accept().await;
    let bell = world.feed.bell(APP).expect("it is there");
    bell.notified().await;
    broadcast::cancel(&world.ctx, APP, 1).await.expect("cancelled");
    begin_and_go(broadcast::retry(&world.ctx, APP, 1)).await;
    sooner_or_later(bell.notified()).await;
    let job = world.ctx.store.find_broadcast(APP, 1).await.expect("read").expect("it is there");
    assert_eq!(job.progress.state, broadcast::State::Waiting);
}
