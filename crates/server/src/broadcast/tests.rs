//! The work at broadcasts with a receiver that does as it is told, and a clock that runs only while
//! everybody waits.

use std::collections::VecDeque;
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use domain::broadcast::{self, Audience, Broadcast, Message, Progress, Refusal, State};
use domain::clock::{Clock, SECOND_US};
use domain::store::{IfTaken, NewUser};
use domain::users::Profile;
use domain::{EngineError, Error, UserId, users};
use serde_json::Value;
use stores::embedded::{Embedded, Options};
use stores::memory::Memory;
use tokio::time::Instant;

use super::receiver::Receives;
use super::webhook::Webhook;
use super::work::{Turn, unread};
use super::*;
use crate::testing::{self, APP};

const ME: Worker = Worker { id: 1, has_peers: false };

/// Runs as tokio's clock does.
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now_unix_us(&self) -> i64 {
        let since = i64::try_from(self.0.elapsed().as_micros()).expect("not for ever");
        1_795_226_563 * SECOND_US + since
    }
}

/// What a delivery comes to.
#[derive(Clone, Copy)]
enum Said {
    Taken,
    Status(u16),
    /// The server is killed before it knows that the delivery was taken.
    Killed,
}

/// A delivery that came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Came {
    unix_s: i64,
    id: String,
    broadcast: u64,
    users: Vec<String>,
}

/// Says in order what it is told to say, and then that it takes whatever comes.
#[derive(Default)]
struct Receiver {
    says: Mutex<VecDeque<Said>>,
    came: Mutex<Vec<Came>>,
}

impl Receiver {
    fn that_says(says: impl IntoIterator<Item = Said>) -> Self {
        Self { says: Mutex::new(says.into_iter().collect()), came: Mutex::default() }
    }

    fn came(&self) -> Vec<Came> {
        self.came.lock().expect("whole").clone()
    }

    /// All users that came, as often as they did.
    fn users(&self) -> Vec<String> {
        self.came().into_iter().flat_map(|came| came.users).collect()
    }
}

impl Receives for Receiver {
    async fn deliver(&self, webhook: &Webhook, unix_s: i64) -> Result<(), Refusal> {
        let body: Value = serde_json::from_slice(&webhook.body).expect("JSON");
        let users = body["data"]["userIds"].as_array().expect("a list").iter();
        let users = users.map(|id| id.as_str().expect("text").to_owned()).collect();
        let broadcast = body["data"]["broadcastId"].as_u64().expect("an id");
        let came = Came { unix_s, id: webhook.id.clone(), broadcast, users };
        self.came.lock().expect("whole").push(came);
        let said = self.says.lock().expect("whole").pop_front().unwrap_or(Said::Taken);
        match said {
            Said::Taken => Ok(()),
            Said::Status(status) => Err(Refusal { status: Some(status), reason: "no".into() }),
            Said::Killed => std::future::pending().await,
        }
    }
}

/// A server whose clock is tokio's.
struct World(testing::World);

impl Deref for World {
    type Target = testing::World;

    fn deref(&self) -> &testing::World {
        &self.0
    }
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(TokioClock(Instant::now()));
        Self(testing::World::new(Arc::new(Memory::default()), clock, 1))
    }

    async fn register(&self, ids: impl IntoIterator<Item = u32>, tags: &[&str]) {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        let new = |id: u32| NewUser {
            id: UserId::parse(&id.to_string()).expect("an id"),
            profile: Profile { tags: tags.clone(), ..Profile::default() },
        };
        let users = ids.into_iter().map(new).collect();
        let store = &self.ctx.store;
        store.register_users(APP, users, IfTaken::Leave, 0).await.expect("registered");
    }

    async fn accept(&self, ttl_s: Option<i64>) -> u64 {
        self.accept_for(Audience::EVERYBODY, ttl_s).await
    }

    async fn accept_for(&self, audience: Audience, ttl_s: Option<i64>) -> u64 {
        let message = self.message(audience);
        let expires_unix_us = ttl_s.map(|ttl_s| message.created_unix_us + ttl_s * SECOND_US);
        self.0.accept(Message { expires_unix_us, ..message }).await
    }

    async fn job(&self, id: u64) -> Broadcast {
        self.ctx.store.find_broadcast(APP, id).await.expect("read").expect("it is there")
    }

    async fn progress(&self, id: u64) -> Progress {
        self.job(id).await.progress
    }

    fn now_s(&self) -> i64 {
        self.ctx.clock.now_unix_s()
    }

    /// Works until a job is as wanted, which is soon.
    async fn work_until(
        &self,
        receiver: Option<&Receiver>,
        id: u64,
        is_wanted: impl Fn(&Progress) -> bool,
    ) {
        self.work(receiver, async {
            while !is_wanted(&self.progress(id).await) {
                pass(Duration::from_millis(250)).await;
            }
        })
        .await;
    }

    async fn work(&self, receiver: Option<&Receiver>, until: impl Future<Output = ()>) {
        let (ctx, feed) = (&self.ctx, &*self.feed);
        let (_stop, stopping) = watch::channel(());
        let work = Work { ctx, feed, app: APP, receiver, worker: ME };
        tokio::select! {
            () = work.run(stopping) => panic!("nobody told it to stop"),
            () = until => {}
        }
    }

    async fn work_to_the_end(&self, receiver: &Receiver, id: u64) -> Progress {
        // Rarely, since it may be half a day until then.
        let over = async {
            while !self.progress(id).await.is_over() {
                pass(Duration::from_secs(60)).await;
            }
        };
        self.work(Some(receiver), over).await;
        self.progress(id).await
    }
}

/// Lets time of the paused clock pass.
async fn pass(time: Duration) {
    let nothing = std::future::pending::<()>();
    let _ = tokio::time::timeout(time, nothing).await;
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_by_key(|id| (id.len(), id.clone()));
    ids
}

fn numbers(ids: impl IntoIterator<Item = u32>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn everybody_is_delivered_to_once_in_batches_of_a_thousand() {
    let world = World::new();
    world.register(1..=2_500, &[]).await;
    let receiver = Receiver::default();
    let id = world.accept(None).await;
    let done = world.work_to_the_end(&receiver, id).await;
    assert_eq!((done.state, done.users, done.batches), (State::Done, 2_500, 3));
    let sizes: Vec<usize> = receiver.came().iter().map(|came| came.users.len()).collect();
    assert_eq!(sizes, [1_000, 1_000, 500]);
    assert_eq!(sorted(receiver.users()), numbers(1..=2_500));
}

#[tokio::test(start_paused = true)]
async fn nobody_in_the_audience_is_no_delivery() {
    let world = World::new();
    let receiver = Receiver::default();
    let id = world.accept(None).await;
    let done = world.work_to_the_end(&receiver, id).await;
    assert_eq!((done.state, done.users, done.batches), (State::Done, 0, 0));
    world.register([1, 2], &["a"]).await;
    let who = users::Audience::all_of(["a".into(), "b".into()]);
    let id = world.accept_for(Audience { who, longs_only: false }, None).await;
    assert_eq!(world.work_to_the_end(&receiver, id).await.state, State::Done);
    assert_eq!(receiver.came(), []);
}

#[tokio::test(start_paused = true)]
async fn whether_somebody_belongs_is_judged_when_the_walk_reaches_them() {
    let world = World::new();
    world.register(1..=1_500, &["a"]).await;
    let audience = Audience { who: users::Audience::any_of(["a".into()]), longs_only: true };
    let id = world.accept_for(audience, None).await;
    // The second delivery fails, and meanwhile somebody comes who belongs.
    let receiver = Receiver::that_says([Said::Taken, Said::Status(500)]);
    world.work_until(Some(&receiver), id, |progress| progress.failures == 1).await;
    world.register(9_000..9_010, &["a"]).await;
    world.register(9_010..9_020, &["b"]).await;
    world.work_to_the_end(&receiver, id).await;
    let came = receiver.came();
    assert_eq!(came.len(), 3);
    assert_ne!(came[1].id, came[2].id, "a changed batch is another one");
    let taken = [came[0].users.clone(), came[2].users.clone()].concat();
    assert_eq!(sorted(taken), numbers((1..=1_500).chain(9_000..9_010)));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_for_an_hour_gets_everything_afterwards() {
    let world = World::new();
    world.register(1..=3, &[]).await;
    let id = world.accept(None).await;
    let began = world.now_s();
    // 1, 5, 30 s, 2, 10 min, and then every half an hour.
    let receiver = Receiver::that_says([Said::Status(500); 7]);
    let done = world.work_to_the_end(&receiver, id).await;
    assert_eq!((done.state, done.users), (State::Done, 3));
    let came = receiver.came();
    let pauses: Vec<i64> = came.windows(2).map(|two| two[1].unix_s - two[0].unix_s).collect();
    assert_eq!(pauses, [1, 5, 30, 120, 600, 1_800, 1_800]);
    assert!(world.now_s() - began > 3_600);
    assert!(came.iter().all(|it| it.id == came[0].id), "repeats are recognised");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_too_long_is_given_up_and_a_retry_goes_on() {
    let world = World::new();
    world.register(1..=1_200, &[]).await;
    let id = world.accept(None).await;
    let says = std::iter::once(Said::Taken).chain([Said::Status(503); 30]);
    let receiver = Receiver::that_says(says);
    let failed = world.work_to_the_end(&receiver, id).await;
    assert_eq!((failed.state, failed.users, failed.failures), (State::Failed, 1_000, 30));
    assert_eq!(failed.refusal.and_then(|refusal| refusal.status), Some(503), "it is kept");
    let retried = broadcast::retry(&world.ctx, APP, id).await.expect("retried");
    assert!(matches!(retried, broadcast::Tended::Done(_)));
    let done = world.work_to_the_end(&receiver, id).await;
    assert_eq!((done.state, done.users, done.refusal), (State::Done, 1_200, None));
    let last = receiver.came().pop().expect("a delivery");
    assert_eq!(last.users.len(), 200, "it goes on at its place");
}

#[tokio::test(start_paused = true)]
async fn a_message_ends_when_its_time_is_over() {
    let world = World::new();
    world.register(1..=3, &[]).await;
    let receiver = Receiver::that_says([Said::Status(500); 100]);
    let id = world.accept(Some(60)).await;
    let accepted_unix_us = world.job(id).await.message.created_unix_us;
    let over = world.work_to_the_end(&receiver, id).await;
    assert_eq!((over.state, over.users), (State::Expired, 0));
    assert_eq!((over.changed_unix_us - accepted_unix_us) / SECOND_US, 60, "to the second");
    assert!(over.refusal.is_some(), "why nobody was reached is kept");
}

#[tokio::test(start_paused = true)]
async fn a_killed_server_leaves_nobody_out() {
    let world = World::new();
    world.register(1..=3_300, &[]).await;
    let id = world.accept(None).await;
    // Killed in the middle of each delivery once, after it was taken and before that was noted.
    let mut killed = vec![];
    for _ in 0..4 {
        let receiver = Receiver::that_says([Said::Killed]);
        let told = || receiver.came().len();
        world.work_until(Some(&receiver), id, |_| told() == 1).await;
        killed.extend(receiver.came());
        let receiver = Receiver::that_says([Said::Taken, Said::Killed]);
        world
            .work_until(Some(&receiver), id, |progress| {
                progress.is_over() || receiver.came().len() == 2
            })
            .await;
        killed.extend(receiver.came());
    }
    let progress = world.progress(id).await;
    assert_eq!((progress.state, progress.users), (State::Done, 3_300));
    let mut distinct = sorted(killed.iter().flat_map(|came| came.users.clone()).collect());
    distinct.dedup();
    assert_eq!(distinct, numbers(1..=3_300), "nobody is missing");
    let ids: std::collections::BTreeSet<&str> = killed.iter().map(|it| &*it.id).collect();
    assert_eq!(ids.len(), 4, "each repeat has the id of what it repeats");
    assert!(killed.len() > 4, "there were repeats");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_leaves_its_job_to_the_next() {
    let world = World::new();
    world.register(1..=40_000, &[]).await;
    let id = world.accept(None).await;
    let receiver = Receiver::default();
    let (stop, stopping) = watch::channel(());
    let (ctx, feed) = (&world.ctx, &*world.feed);
    let work = Work { ctx, feed, app: APP, receiver: Some(&receiver), worker: ME };
    stop.send_replace(());
    work.run(stopping).await;
    let progress = world.progress(id).await;
    assert_eq!((progress.state, progress.batches), (State::Waiting, 1), "what it began is done");
    let done = world.work_to_the_end(&receiver, id).await;
    assert_eq!((done.state, done.users, done.batches), (State::Done, 40_000, 40));
}

#[tokio::test(start_paused = true)]
async fn of_two_servers_one_works_at_a_job() {
    let world = World::new();
    world.register(1..=40_000, &[]).await;
    let id = world.accept(None).await;
    let (one, other) = (Receiver::default(), Receiver::default());
    let (_stop, stopping) = watch::channel(());
    let (ctx, feed) = (&world.ctx, &*world.feed);
    let work = |receiver, id| {
        let worker = Worker { id, has_peers: true };
        Work { ctx, feed, app: APP, receiver: Some(receiver), worker }
    };
    let (first, second) = (work(&one, 1), work(&other, 2));
    let over = async {
        while !world.progress(id).await.is_over() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = first.run(stopping.clone()) => panic!("nobody told it to stop"),
        () = second.run(stopping) => panic!("nobody told it to stop"),
        () = over => {}
    }
    assert_eq!(world.progress(id).await.state, State::Done);
    assert_eq!(one.users().len() + other.users().len(), 40_000, "nobody twice");
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_server_is_gone_is_taken_over_when_its_lease_is() {
    let world = World::new();
    world.register(1..=3, &[]).await;
    let id = world.accept(None).await;
    let job = world.job(id).await;
    let other = Worker { id: 9, has_peers: true };
    let claimed = job.progress.claimed(other, world.ctx.clock.now_unix_us());
    assert!(world.ctx.store.save_progress(APP, id, claimed).await.expect("saved"));
    let began = world.now_s();
    let receiver = Receiver::default();
    let (_stop, stopping) = watch::channel(());
    let (ctx, feed) = (&world.ctx, &*world.feed);
    let worker = Worker { id: 1, has_peers: true };
    let work = Work { ctx, feed, app: APP, receiver: Some(&receiver), worker };
    let over = async {
        while !world.progress(id).await.is_over() {
            pass(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = work.run(stopping) => panic!("nobody told it to stop"),
        () = over => {}
    }
    let came = receiver.came();
    assert_eq!(came[0].unix_s - began, broadcast::progress::LEASE_S);
    // Who has no peers waits for nobody: see `a_killed_server_leaves_nobody_out`.
}

#[tokio::test(start_paused = true)]
async fn without_a_receiver_a_broadcast_fails_with_a_reason_and_can_be_retried() {
    let world = World::new();
    world.register(1..=3, &[]).await;
    let id = world.accept(None).await;
    world.work_until(None, id, Progress::is_over).await;
    let failed = world.progress(id).await;
    assert_eq!(failed.state, State::Failed);
    assert!(failed.refusal.is_some_and(|it| it.reason.contains("broadcast_url")));
    broadcast::retry(&world.ctx, APP, id).await.expect("retried");
    let receiver = Receiver::default();
    assert_eq!(world.work_to_the_end(&receiver, id).await.users, 3);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_goes_no_further() {
    let world = World::new();
    world.register(1..=3_000, &[]).await;
    let id = world.accept(None).await;
    let receiver = Receiver::that_says([Said::Taken, Said::Status(500)]);
    world.work_until(Some(&receiver), id, |progress| progress.failures == 1).await;
    broadcast::cancel(&world.ctx, APP, id).await.expect("cancelled");
    let next = world.accept(None).await;
    world.work_to_the_end(&receiver, next).await;
    let progress = world.progress(id).await;
    assert_eq!((progress.state, progress.users), (State::Cancelled, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_long_job_lets_a_short_one_through() {
    let world = World::new();
    world.register(1..=20_000, &[]).await;
    world.register([30_000], &["a"]).await;
    let long = world.accept(None).await;
    let who = users::Audience::any_of(["a".into()]);
    let short = world.accept_for(Audience { who, longs_only: false }, None).await;
    let receiver = Receiver::default();
    assert_eq!(world.work_to_the_end(&receiver, long).await.users, 20_001);
    let order: Vec<u64> = receiver.came().iter().map(|came| came.broadcast).collect();
    let place = order.iter().position(|id| *id == short).expect("delivered");
    assert_eq!((order.len(), place), (22, 16), "behind one turn of the other");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_cannot_be_worked_on_holds_up_no_other() {
    let world = World::new();
    let (ctx, feed) = (&world.ctx, &*world.feed);
    let work = Work { ctx, feed, app: APP, receiver: None::<&Receiver>, worker: ME };
    let (_stop, stopping) = watch::channel(());
    let seen = Mutex::new(vec![]);
    let damaged = || Error::Engine(EngineError::new(std::io::Error::other("damaged")));
    let turn = |id: u64| {
        seen.lock().expect("whole").push(id);
        let turn = if id == 1 { Err(damaged()) } else { Ok(Turn::Over) };
        async { turn }
    };
    let pause = work.turns(vec![1, 2, 3], &stopping, turn).await.expect("not at once");
    assert_eq!(*seen.lock().expect("whole"), [1, 2, 3]);
    assert!(pause < Duration::from_secs(60), "it is tried again");

    // Nor is it tried for ever.
    let mut job = world.job(world.accept(None).await).await;
    let now_unix_us = ctx.clock.now_unix_us();
    let mut tries = 0;
    while !job.progress.is_over() {
        job.progress = unread(&job, damaged(), now_unix_us).expect("a refusal");
        assert!(job.progress.not_before_unix_us > now_unix_us);
        tries += 1;
    }
    assert_eq!((job.progress.state, tries), (State::Failed, 30));
    assert!(unread(&job, Error::Busy, now_unix_us).is_err(), "that goes by");
}

#[tokio::test(start_paused = true)]
async fn a_server_alone_catches_up_with_what_was_not_told() {
    let mut world = World::new();
    let ring = world.feed.turn_on(APP, async { Ok(0) }).await.expect("an app");
    // As if the store had said that it failed.
    world.0.ctx.witness = Arc::new(());
    let id = world.accept(None).await;
    assert_eq!(ring.told_to(), 0);
    world.work_to_the_end(&Receiver::default(), id).await;
    assert_eq!(ring.told_to(), id);
}

/// Changes a text wherever it stands in the files of a folder.
fn damage(folder: &Path, text: &str) {
    let mut found = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let mut bytes = fs::read(&path).expect("a file");
        for at in 0..bytes.len().saturating_sub(text.len()) {
            if bytes[at..].starts_with(text.as_bytes()) {
                bytes[at] ^= 1;
                found += 1;
            }
        }
        fs::write(&path, bytes).expect("written");
    }
    assert!(found > 0, "{text} is nowhere");
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_record_is_damaged_is_set_aside_and_the_others_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = || {
        let store = Embedded::open(&Options::new(folder.path())).expect("a store");
        let clock = Arc::new(TokioClock(Instant::now()));
        World(testing::World::new(Arc::new(store), clock, 1))
    };
    let before = world();
    before.register(1..=3, &[]).await;
    let body = r#"{"this":"is to be damaged"}"#.to_owned();
    let damaged = before.message(Audience::EVERYBODY);
    let damaged = before.0.accept(Message { body, ..damaged }).await;
    let whole = before.accept(None).await;
    drop(before);
    damage(folder.path(), "is to be damaged");
    let world = world();
    // Somebody listens, so that what was not told is caught up with.
    world.feed.turn_on(APP, async { Ok(0) }).await.expect("an app");
    let receiver = Receiver::default();
    assert_eq!(world.work_to_the_end(&receiver, whole).await.users, 3);
    let open = world.ctx.store.open_broadcasts(APP).await.expect("ids");
    assert_eq!(open.ids, [0; 0], "nobody tries {damaged} again");
    assert!(world.ctx.store.find_broadcast(APP, damaged).await.is_err());
}
