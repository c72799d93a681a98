//! Against a real node: see the feature `cassandra-tests`.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::clock::SECOND_US;
use domain::ids::{CallId, Door, ParticipantId, RoomId};
use domain::log::{Certainty, ClientFacts, End, Span};
use proptest::prelude::*;

use super::open::OpenStays;
use super::*;
use crate::cassandra::tests::store_of;

const BEGIN: i64 = 1_700_000_000;

fn stay(app: u32, [room, call, participant]: [u32; 3], spans: Vec<Span>, os: &str) -> Stay {
    Stay {
        app: AppId(app),
        door: Door::parse(if call == 2 { "janus" } else { "native" }).expect("a door"),
        room: RoomId::parse(&format!("r{room}")).expect("a room"),
        call: CallId::parse(&format!("c{call}")).expect("a call"),
        participant: ParticipantId::parse(&format!("p{participant}")).expect("somebody"),
        spans,
        client: ClientFacts::from_attributes([("os.name", os)]),
        published: false,
    }
}

fn span(joined_s: i64, lasted_s: Option<i64>, surely: bool) -> Span {
    let certainty = if surely { Certainty::Reported } else { Certainty::Inferred };
    let joined_unix_us = joined_s * SECOND_US + 7;
    let end = lasted_s.map(|lasted| End::At(joined_unix_us + lasted * SECOND_US, certainty));
    Span { joined_unix_us, join: certainty, end: end.unwrap_or(End::Open) }
}

/// What is there, as the model has it, and the rooms' versions.
#[derive(Default)]
struct Model {
    stays: BTreeMap<RoomId, Vec<Stay>>,
    version: i64,
}

impl Model {
    fn all(&self) -> impl Iterator<Item = &Stay> {
        self.stays.values().flatten()
    }

    fn page(&self, query: &StayQuery) -> StayPage {
        let mut all: Vec<&Stay> = self.all().filter(|stay| query.selects(stay)).collect();
        all.sort_by(|one, other| one.order().cmp(&other.order()));
        let page = all.iter().skip(query.offset as usize).take(query.limit as usize);
        StayPage { total: all.len() as u64, stays: page.map(|stay| (*stay).clone()).collect() }
    }

    /// A room has other stays now.
    fn change(&mut self, room: &RoomId, now: Vec<Stay>) -> Change {
        self.version += 1;
        let before = self.stays.insert(room.clone(), now.clone()).unwrap_or_default();
        let not_in = |some: &[Stay], others: &[Stay]| -> Vec<Stay> {
            some.iter().filter(|stay| !others.contains(stay)).cloned().collect()
        };
        Change {
            version: BEGIN * SECOND_US + self.version,
            gone: not_in(&before, &now),
            come: not_in(&now, &before),
        }
    }

    fn figures(&self) -> LogFigures {
        self.all().map(LogFigures::of).fold(LogFigures::default(), |all, one| all + one)
    }
}

fn everything() -> StayQuery {
    StayQuery {
        app: AppId(1),
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s: i64::MIN,
        until_unix_s: i64::MAX,
        offset: 0,
        limit: u32::MAX,
    }
}

async fn open_stays(cluster: &Cluster) -> Vec<Stay> {
    let mut open = OpenStays::begin(cluster, AppId(1)).await.expect("open stays");
    let mut all = vec![];
    while let Some(stay) = open.next(cluster).await.expect("an open stay") {
        all.push(stay);
    }
    all
}

/// Times that are close to each other, and some that are far away.
fn instants() -> impl Strategy<Value = i64> {
    let near = prop_oneof![
        4 => 0..40_i64,
        3 => 0..9_000_i64,
        2 => 0..400_000_i64,
        1 => -40_000_000..40_000_000_i64,
    ];
    near.prop_map(|second| BEGIN + second)
}

fn stays() -> impl Strategy<Value = Stay> {
    let lasted = prop_oneof![3 => 0..60_i64, 2 => 0..5_000_i64, 1 => 0..600_000_i64];
    let spans = (instants(), prop::option::weighted(0.7, lasted), any::<bool>(), 0..3_u8);
    let names = [0..3_u32, 0..3_u32, 0..6_u32];
    (names, spans, prop::bool::weighted(0.2)).prop_map(|(names, spans, is_server)| {
        let (joined, lasted, surely, more) = spans;
        let mut spans = vec![span(joined, lasted, surely)];
        if more == 0 {
            spans.insert(0, span(joined - 5, Some(2), !surely));
        }
        stay(1, names, spans, if is_server { "linux" } else { "ios" })
    })
}

/// What happens: a room has these stays now, and one of the two servers writes that, at once or
/// with the next, and perhaps again.
#[derive(Clone, Debug)]
struct Step {
    room: u32,
    keep: Vec<bool>,
    come: Vec<Stay>,
    server: bool,
    is_held: bool,
    is_repeated: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0..3_u32,
        prop::collection::vec(prop::bool::weighted(0.8), 40),
        prop::collection::vec(stays(), 0..8),
        (any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.3)),
    );
    let step = step.prop_map(|(room, keep, come, (server, is_held, is_repeated))| Step {
        room,
        keep,
        come,
        server,
        is_held,
        is_repeated,
    });
    prop::collection::vec(step, 1..14)
}

fn queries() -> impl Strategy<Value = Vec<StayQuery>> {
    let windows = prop_oneof![
        4 => (instants(), 0..20_000_i64).prop_map(|(from, len)| (from, from + len)),
        1 => (instants(), instants()),
        1 => Just((i64::MIN, i64::MAX)),
        1 => instants().prop_map(|from| (from, i64::MAX)),
        1 => instants().prop_map(|until| (i64::MIN, until)),
    ];
    let some = prop::collection::btree_set(0..6_u32, 0..4);
    let query = (
        prop::option::weighted(0.4, 0..3_u32),
        prop::option::weighted(0.4, some),
        (any::<bool>(), windows),
        (prop_oneof![Just(0), 0..30_u64], prop_oneof![0..5_u32, Just(1_000)]),
    );
    let query = query.prop_map(|(room, some, (with_servers, window), (offset, limit))| {
        let named = |it: u32| ParticipantId::parse(&format!("p{it}")).expect("somebody");
        StayQuery {
            room: room.map(|it| RoomId::parse(&format!("r{it}")).expect("a room")),
            participants: some.map(|some| some.into_iter().map(named).collect()),
            with_servers,
            from_unix_s: window.0,
            until_unix_s: window.1,
            offset,
            limit,
            ..everything()
        }
    });
    prop::collection::vec(query, 12)
}

/// The stays of a room after a step: of those it had some, and others; each is there once.
fn after(model: &Model, room: &RoomId, step: &Step) -> Vec<Stay> {
    let before = model.stays.get(room).into_iter().flatten();
    let kept = before.zip(step.keep.iter().cycle()).filter(|it| *it.1).map(|it| it.0.clone());
    let come = step.come.iter().map(|stay| Stay { room: room.clone(), ..stay.clone() });
    let mut by_name = BTreeMap::new();
    for stay in kept.chain(come) {
        let name = (stay.call.clone(), stay.participant.clone(), stay.door.clone());
        by_name.insert(name, stay);
    }
    by_name.into_values().collect()
}

async fn attack(steps: Vec<Step>, queries: Vec<StayQuery>) -> Result<(), TestCaseError> {
    let realm = Uuid::new_v4().as_fields().0;
    let stores = [store_of(realm).await, store_of(realm).await];
    let clusters: Vec<Arc<Cluster>> =
        stores.iter().map(|store| store.connection.cluster().expect("a cluster")).collect();
    let mut model = Model::default();
    let mut held: Vec<Change> = vec![];
    for (number, step) in steps.iter().enumerate() {
        let room = RoomId::parse(&format!("r{}", step.room)).expect("a room");
        let now = after(&model, &room, step);
        held.push(model.change(&room, now));
        if step.is_held && number + 1 < steps.len() {
            continue;
        }
        let cluster = &clusters[usize::from(step.server)];
        // The latest first: the order must not matter.
        held.reverse();
        for change in &held {
            write(cluster, std::slice::from_ref(change)).await.expect("written");
        }
        if step.is_repeated {
            write(&clusters[usize::from(!step.server)], &held).await.expect("written");
        }
        held.clear();
        let asked = &clusters[number % 2];
        for query in &queries {
            let page = page_of_stays(asked, query).await.expect("a page");
            prop_assert_eq!(&page, &model.page(query), "{:?}", query);
        }
        let figures = log_figures(asked).await.expect("figures");
        prop_assert_eq!(figures, model.figures());
        let expected = model.page(&everything()).stays.into_iter();
        let expected: Vec<Stay> = expected.filter(|it| it.left_unix_s().is_none()).collect();
        prop_assert_eq!(open_stays(asked).await, expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_index_shows_what_was_written_in_whatever_order(
        steps in steps(),
        queries in queries(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(attack(steps, queries))?;
    }
}

/// Many who were there for half an hour each, and one who never left.
fn crowd(count: u32, over_s: i64) -> Vec<Stay> {
    let one = |number: u32| {
        let joined = BEGIN + i64::from(number) * over_s / i64::from(count);
        let lasted = (number != 7).then_some(i64::from(number) * 7_919 % 3_600);
        stay(1, [number % 50, 0, number], vec![span(joined, lasted, true)], "ios")
    };
    (0..count).map(one).collect()
}

async fn write_all(cluster: &Cluster, stays: &[Stay]) {
    for some in stays.chunks(2_000) {
        let mut by_room: BTreeMap<RoomId, Vec<Stay>> = BTreeMap::new();
        for stay in some {
            by_room.entry(stay.room.clone()).or_default().push(stay.clone());
        }
        let change = |come| Change { version: BEGIN * SECOND_US, gone: vec![], come };
        let changes: Vec<Change> = by_room.into_values().map(change).collect();
        write(cluster, &changes).await.expect("written");
    }
}

/// A page, and how many statements it took.
async fn asked(cluster: &Cluster, query: &StayQuery) -> (StayPage, u64) {
    let index = Index::new(cluster);
    let page = page::page(&index, query).await.expect("a page");
    (page, index.asked())
}

/// A first page, one in the middle, the last: each right, and how many statements each took.
async fn statements_of_pages(count: u32, over_s: i64) -> [u64; 3] {
    let store = store_of(Uuid::new_v4().as_fields().0).await;
    let cluster = store.connection.cluster().expect("a cluster");
    let stays = crowd(count, over_s);
    write_all(&cluster, &stays).await;
    // Whoever asks first counts.
    log_figures(&cluster).await.expect("figures");
    let mut model = Model::default();
    model.stays.insert(RoomId::parse("all").expect("a room"), stays);
    // It begins when a third of them have come already.
    let from_unix_s = BEGIN + over_s / 3;
    let window = StayQuery { from_unix_s, limit: 100, ..everything() };
    let total = model.page(&window).total;
    let mut statements = [0; 3];
    for (place, offset) in [0, total / 2, total - 50].into_iter().enumerate() {
        let query = StayQuery { offset, ..window.clone() };
        let (page, asked) = asked(&cluster, &query).await;
        assert_eq!(page, model.page(&query), "{offset}");
        statements[place] = asked;
    }
    statements
}

#[tokio::test]
async fn a_page_takes_no_more_statements_of_more_stays() {
    let few = statements_of_pages(1_000, 21_600).await;
    let many = statements_of_pages(8_000, 21_600).await;
    for (few, many) in few.into_iter().zip(many) {
        assert!(many <= few.max(100), "{few} of few, {many} of many");
    }
}

#[tokio::test]
async fn ten_thousand_may_come_in_one_second() {
    let store = store_of(Uuid::new_v4().as_fields().0).await;
    let cluster = store.connection.cluster().expect("a cluster");
    let stays = crowd(10_000, 1);
    write_all(&cluster, &stays).await;
    let mut model = Model::default();
    model.stays.insert(RoomId::parse("all").expect("a room"), stays);
    for offset in [0, 4_321, 9_950, 10_000] {
        let query = StayQuery { offset, limit: 100, from_unix_s: BEGIN, ..everything() };
        let page = page_of_stays(&cluster, &query).await.expect("a page");
        assert_eq!(page, model.page(&query), "{offset}");
    }
    assert_eq!(log_figures(&cluster).await.expect("figures"), model.figures());
}

#[tokio::test]
async fn a_stay_that_is_damaged_is_an_error() {
    let store = store_of(Uuid::new_v4().as_fields().0).await;
    let cluster = store.connection.cluster().expect("a cluster");
    let one = stay(1, [1, 1, 1], vec![span(BEGIN, Some(5), true)], "ios");
    write(&cluster, &[Change { version: 5, gone: vec![], come: vec![one.clone()] }]).await.unwrap();
    let (created, room, call, participant, door) = rows::key_of(&one);
    let slice = Scope::App.slice(created);
    let shard = Scope::App.shard(&one.room, cluster.shards);
    let (app, scope) = (cluster.app(one.app), Scope::App.text());
    let (stay, ended, is_server, version) = (vec![7_u8; 40], BEGIN + 5, false, 6_i64);
    let values = (
        app,
        scope,
        shard,
        slice,
        created,
        room,
        call,
        participant,
        door,
        stay,
        ended,
        is_server,
        version,
    );
    cluster.write(&cluster.index.put_stay, values).await.expect("written");
    let query = StayQuery { from_unix_s: 0, ..everything() };
    let error = page_of_stays(&cluster, &query).await.expect_err("damaged");
    let expected = "a record of the table `index_stays` is damaged: its checksum does not match";
    assert_eq!(error.to_string(), expected);
    // The other scopes have theirs.
    let of_room = StayQuery { room: Some(one.room.clone()), ..query };
    let page = page_of_stays(&cluster, &of_room).await.expect("a page");
    assert_eq!(page, StayPage { total: 1, stays: vec![one] });
}

#[tokio::test]
async fn a_count_that_is_damaged_is_made_again() {
    let store = store_of(Uuid::new_v4().as_fields().0).await;
    let cluster = store.connection.cluster().expect("a cluster");
    let one = stay(1, [1, 1, 1], vec![span(BEGIN, Some(5), true)], "ios");
    write(&cluster, &[Change { version: 5, gone: vec![], come: vec![one.clone()] }]).await.unwrap();
    for level in 0..Scope::App.levels() {
        let bucket = Scope::App.bucket(level, BEGIN);
        let (text, parent) = (Scope::App.text(), Scope::App.parent(level, bucket));
        let (app, level) = (cluster.app(one.app), level.cast_signed());
        let values = (vec![7_u8; 40], app, text, 0_i8, level, parent, bucket);
        cluster.write(&cluster.index.keep_count, values).await.expect("written");
    }
    let page = page_of_stays(&cluster, &everything()).await.expect("a page");
    assert_eq!(page, StayPage { total: 1, stays: vec![one] });
}

/// A room in which, one after the other, some come and go, within few seconds.
async fn busy_room(cluster: &Cluster, number: u32) -> Model {
    let mut model = Model::default();
    let room = RoomId::parse(&format!("r{number}")).expect("a room");
    for step in 0..40_u32 {
        let joined = BEGIN + i64::from(step * 7 % 40);
        let lasted = (step % 3 > 0).then_some(i64::from(step % 20));
        let one = stay(1, [number, 0, step % 12], vec![span(joined, lasted, step % 2 > 0)], "ios");
        let mut now = model.stays.get(&room).cloned().unwrap_or_default();
        now.retain(|stay| stay.participant != one.participant);
        now.push(one);
        let change = model.change(&room, now);
        write(cluster, &[change]).await.expect("written");
    }
    model
}

#[tokio::test]
async fn counts_that_are_made_while_others_write_do_not_stay_wrong() {
    let realm = Uuid::new_v4().as_fields().0;
    let stores = [store_of(realm).await, store_of(realm).await];
    let [one, other] = stores.each_ref().map(|it| it.connection.cluster().expect("a cluster"));
    // Only what is not the newest is kept, when it is counted.
    let late = stay(1, [99, 0, 0], vec![span(BEGIN + 900_000, None, true)], "ios");
    let mut model = Model::default();
    let change = model.change(&late.room.clone(), vec![late]);
    write(&one, &[change]).await.expect("written");
    let reads = async {
        loop {
            for cluster in [&one, &other] {
                page_of_stays(cluster, &everything()).await.expect("a page");
                log_figures(cluster).await.expect("figures");
                open_stays(cluster).await;
            }
        }
    };
    let rooms = (0..6).map(|number| busy_room(if number % 2 > 0 { &one } else { &other }, number));
    let models = tokio::select! {
        models = futures::future::join_all(rooms) => models,
        () = reads => unreachable!("it goes on for ever"),
    };
    model.stays.extend(models.into_iter().flat_map(|model| model.stays));
    for cluster in [&one, &other] {
        let page = page_of_stays(cluster, &everything()).await.expect("a page");
        assert_eq!(page, model.page(&everything()));
        assert_eq!(log_figures(cluster).await.expect("figures"), model.figures());
        let open = model.all().filter(|stay| stay.left_unix_s().is_none()).count();
        assert_eq!(open_stays(cluster).await.len(), open);
    }
}
