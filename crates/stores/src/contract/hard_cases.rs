//! Those of the hard cases that need a store, on every engine, each named as in the domain's tables
//! (`log/tests/hard_cases.rs`): copies, lateness, retention, clocks that are wrong. The others are
//! the fold's, and there.

use std::sync::Arc;

use domain::app::Apps;
use domain::clock::{FixedClock, SECOND_US};
use domain::context::{Context, DAY_S, Settings};
use domain::log::record::{AHEAD_S_MAX, Outcome, Refused};
use domain::log::{StayQuery, record, retire};
use domain::store::{Appended, Store};

use super::engine::{Engine, fresh};
use super::story::{append, events, everything, page, shown};
use super::{on_engines, wait};

async fn shows(store: &dyn Store, expected: &[&str]) {
    assert_eq!(shown(store, &everything()).await, expected);
}

/// In one batch, in the next one, and after everything else: it changes nothing, and is told.
pub(super) async fn duplicate_delivery(store: &dyn Store) {
    let story = "10 join anna call=c conn=k\n20.5 leave anna call=c conn=k\n30 over call=c";
    let twice = [events(story), events(story)].concat();
    let done = store.append_events(twice).await.expect("appended");
    assert_eq!(done[..3], [Appended::Stored; 3]);
    assert_eq!(done[3..], [Appended::Duplicate; 3]);
    let before = page(store, &everything()).await;
    assert_eq!(append(store, story).await, [Appended::Duplicate; 3]);
    assert_eq!(page(store, &everything()).await, before);
    shows(store, &["room c anna 10-20.5"]).await;
}

/// What comes again after the room has had other calls is known as long as it is kept.
pub(super) async fn two_servers_copies_replay_after_days(store: &dyn Store) {
    let monday = "10 join anna call=mon conn=k id=j\n20.5 leave anna call=mon conn=k id=l";
    append(store, monday).await;
    for day in 1..13 {
        let at = day * DAY_S;
        let story =
            format!("{at} join ben call=c{day} id=j{day}\n{at}.5 leave ben call=c{day} id=l{day}");
        append(store, &story).await;
    }
    let window = StayQuery { until_unix_s: 14 * DAY_S, ..everything() };
    let before = page(store, &window).await;
    assert_eq!(before.total, 13);
    assert_eq!(append(store, monday).await, [Appended::Duplicate; 2]);
    assert_eq!(page(store, &window).await, before);
}

/// The next answer has what came late, whatever was answered before.
pub(super) async fn late_data(store: &dyn Store) {
    append(store, "10 join anna call=c\n30 over call=c").await;
    shows(store, &["room c anna 10-~30.999999"]).await;
    append(store, "20.5 leave anna call=c id=l").await;
    shows(store, &["room c anna 10-20.5"]).await;
    append(store, "12 join ben call=c id=j").await;
    shows(store, &["room c anna 10-20.5", "room c ben 12-~30.999999"]).await;
    // A page in between is of its time, and whole.
    append(store, "5 join cleo call=c id=k").await;
    let second = StayQuery { offset: 1, limit: 1, ..everything() };
    assert_eq!(shown(store, &second).await, ["room c anna 10-20.5"]);
    assert_eq!(page(store, &second).await.total, 3);
}

/// A context on a store, at a second.
fn context(store: &Arc<dyn Store>, now_unix_s: i64) -> (Context, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at_unix_s(now_unix_s));
    let settings = Settings::default();
    (Context::new(store.clone(), clock.clone(), Apps::default(), settings), clock)
}

/// Both edges: what is further ahead than ten minutes is refused, and leaves no trace.
fn clock_skew<E: Engine>() {
    let (store, _place) = shared::<E>();
    let (ctx, _) = context(&store, 1_000);
    let edge = 1_000 + AHEAD_S_MAX;
    assert_eq!(AHEAD_S_MAX, 10 * 60);
    let story = format!("{edge} join anna call=c id=a\n{edge}.000001 join ben call=c id=b");
    let outcomes = wait(record(&ctx, events(&story))).expect("recorded");
    let refused = Outcome::Refused(Refused::InTheFuture);
    assert_eq!(outcomes, [Outcome::Stored, refused]);
    wait(shows(&*store, &[&format!("room c anna {edge}..")]));
}

/// Both edges of fourteen days; whoever is still there is kept, with the first join, and found.
fn span_over_the_14_days_and_the_6_h_window<E: Engine>() {
    const HOUR_S: i64 = 3_600;
    let (store, _place) = shared::<E>();
    let (ctx, clock) = context(&store, 100);
    let story = "10 join anna call=c conn=k room=open
         10 join ben call=d conn=k room=over
         50.5 leave ben call=d conn=k room=over";
    wait(record(&ctx, events(story))).expect("recorded");

    let now = 51 + 14 * DAY_S;
    clock.set_unix_us(now * SECOND_US);
    // What is older when it comes is a success, and not applied.
    let story =
        "50.999999 join cleo call=e conn=k room=late id=x\n51 join dora call=e room=late id=y";
    let outcomes = wait(record(&ctx, events(story))).expect("recorded");
    assert_eq!(outcomes, [Outcome::Expired, Outcome::Stored]);
    while wait(retire(&ctx)).expect("a step").more {}
    wait(shows(&*store, &["open c anna 10..", "late e dora 51.."]));

    let window = StayQuery {
        from_unix_s: now,
        until_unix_s: now + 6 * HOUR_S,
        room: events("1 over room=open")[0].room().cloned(),
        ..everything()
    };
    assert_eq!(wait(shown(&*store, &window)), ["open c anna 10.."]);
    // The leave comes at last, and everything goes when it is old.
    wait(record(&ctx, events(&format!("{now} leave anna call=c conn=k room=open id=z"))))
        .expect("recorded");
    assert_eq!(wait(page(&*store, &window)).stays[0].created_unix_s(), 10);
    clock.set_unix_us((now + 1 + 14 * DAY_S) * SECOND_US);
    while wait(retire(&ctx)).expect("a step").more {}
    assert_eq!(wait(page(&*store, &window)).total, 0);
}

fn shared<E: Engine>() -> (Arc<dyn Store>, E::Place) {
    let (store, place) = wait(fresh::<E>());
    (Arc::new(store), place)
}

on_engines! {
    #[test]
    fn clock_skew() {
        super::clock_skew::<E>();
    }

    #[test]
    fn span_over_the_14_days_and_the_6_h_window() {
        super::span_over_the_14_days_and_the_6_h_window::<E>();
    }
}
