//! What every store promises of broadcasts.

use std::collections::BTreeMap;

use domain::broadcast::{
    Added, Audience, Broadcast, Broadcasts as _, CONTENT_BYTES_MAX, KEPT_MAX, Ledger, Message,
    OPEN_MAX, Open, Progress, Quota, Refusal, State, Worker,
};
use domain::clock::SECOND_US;
use domain::store::{Store, Walk, Walked};
use domain::{AppId, UserId};
use futures::future::join_all;

use super::story::APP;

const OTHER_APP: AppId = AppId(2);
const WORKER: Worker = Worker { id: 7, has_peers: true };

fn message(action: &str, created_s: i64) -> Message {
    Message {
        dialect: "dialect".into(),
        action: action.into(),
        sender: UserId::parse("10001").expect("an id"),
        body: format!(r#"{{"the":"{created_s}th"}}"#),
        audience: Audience {
            longs_only: created_s % 2 == 0,
            who: domain::users::Audience::all_of(["a".into(), "语".into()]),
        },
        expires_unix_us: (created_s % 3 == 0).then_some(created_s * 2),
        created_unix_us: created_s * SECOND_US,
    }
}

async fn try_add(store: &dyn Store, app: AppId, message: Message, quota: Option<Quota>) -> Added {
    store.add_broadcast(app, message, quota).await.expect("an outcome")
}

async fn add(store: &dyn Store, app: AppId, created_s: i64) -> u64 {
    match try_add(store, app, message("A", created_s), None).await {
        Added::Yes(id) => id,
        other => panic!("{other:?}"),
    }
}

async fn find(store: &dyn Store, app: AppId, id: u64) -> Option<Broadcast> {
    store.find_broadcast(app, id).await.expect("found or not")
}

async fn progress(store: &dyn Store, app: AppId, id: u64) -> Progress {
    find(store, app, id).await.expect("it is there").progress
}

async fn save(store: &dyn Store, app: AppId, id: u64, progress: &Progress) -> bool {
    store.save_progress(app, id, progress.clone()).await.expect("saved or not")
}

async fn open(store: &dyn Store, app: AppId) -> Vec<u64> {
    store.open_broadcasts(app).await.expect("ids").ids
}

async fn listed(store: &dyn Store, app: AppId, after: Option<u64>, limit: u32) -> Vec<u64> {
    let page = store.list_broadcasts(app, after, limit).await.expect("a page");
    page.iter().map(|job| job.id).collect()
}

pub(super) async fn a_broadcast_is_found_as_it_was_added(store: &dyn Store) {
    assert_eq!(find(store, APP, 1).await, None);
    assert_eq!(open(store, APP).await, [0_u64; 0]);
    for second in 1..=6 {
        let id = add(store, APP, second).await;
        assert_eq!(id, second.cast_unsigned());
        let message = message("A", second);
        let progress = Progress::new(second * SECOND_US);
        assert_eq!(find(store, APP, id).await, Some(Broadcast { app: APP, id, message, progress }));
    }
    let ids = vec![1, 2, 3, 4, 5, 6];
    assert_eq!(store.open_broadcasts(APP).await.expect("ids"), Open { ids, last_id: 6 });
    assert_eq!(find(store, APP, 7).await, None);
    assert_eq!(find(store, APP, u64::MAX).await, None);
}

pub(super) async fn the_longest_content_comes_back(store: &dyn Store) {
    // Every byte escaped, as JSON may have to.
    let body = format!(r#"{{"content":"{}"}}"#, "\\u0001".repeat(CONTENT_BYTES_MAX));
    let long = Message { body, ..message("A", 1) };
    assert_eq!(try_add(store, APP, long.clone(), None).await, Added::Yes(1));
    assert_eq!(find(store, APP, 1).await.map(|job| job.message), Some(long));
}

pub(super) async fn broadcasts_are_listed_as_they_came(store: &dyn Store) {
    for second in 1..=5 {
        add(store, APP, second).await;
    }
    assert_eq!(listed(store, APP, None, 10).await, [1, 2, 3, 4, 5]);
    assert_eq!(listed(store, APP, Some(0), 2).await, [1, 2]);
    assert_eq!(listed(store, APP, Some(2), 2).await, [3, 4]);
    assert_eq!(listed(store, APP, Some(5), 2).await, [0_u64; 0]);
    assert_eq!(listed(store, APP, Some(u64::MAX), 2).await, [0_u64; 0]);
    assert_eq!(listed(store, APP, None, 0).await, [0_u64; 0]);
}

pub(super) async fn apps_have_broadcasts_of_their_own(store: &dyn Store) {
    assert_eq!((add(store, APP, 1).await, add(store, OTHER_APP, 2).await), (1, 1));
    let claimed = progress(store, OTHER_APP, 1).await.claimed(WORKER, 5);
    assert!(save(store, OTHER_APP, 1, &claimed).await);
    assert_eq!(progress(store, APP, 1).await, Progress::new(SECOND_US));
    assert_eq!(progress(store, OTHER_APP, 1).await, claimed);
    let quota = Some(Quota { since_unix_us: 0, max: 1 });
    assert_eq!(try_add(store, APP, message("A", 3), quota).await, Added::OverQuota);
    assert_eq!(try_add(store, AppId(3), message("A", 3), quota).await, Added::Yes(1));
}

pub(super) async fn a_quota_counts_what_was_accepted(store: &dyn Store) {
    let quota = |since_s: i64| Some(Quota { since_unix_us: since_s * SECOND_US, max: 2 });
    let add = async |action, created_s, since_s| {
        try_add(store, APP, message(action, created_s), quota(since_s)).await
    };
    assert_eq!(add("A", 1, 0).await, Added::Yes(1));
    assert_eq!(add("A", 2, 0).await, Added::Yes(2));
    assert_eq!(add("A", 3, 0).await, Added::OverQuota);
    assert_eq!(add("B", 3, 0).await, Added::Yes(3), "actions are counted apart");
    assert_eq!(add("A", 3, 1).await, Added::OverQuota, "the edge counts");
    assert_eq!(add("A", 3, 2).await, Added::Yes(4));
    assert_eq!(listed(store, APP, None, 10).await, [1, 2, 3, 4], "what is refused leaves no trace");
}

pub(super) async fn who_adds_at_once_is_counted_one_by_one(store: &dyn Store) {
    let quota = Some(Quota { since_unix_us: 0, max: 3 });
    let all = (0..8).map(|n| store.add_broadcast(APP, message("A", n), quota));
    let outcomes = join_all(all).await;
    let mut ids: Vec<u64> = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Ok(Added::Yes(id)) => Some(id),
            // A ring may be too busy to tell; that is not refused for good.
            Ok(Added::OverQuota) | Err(_) => None,
            other => panic!("{other:?}"),
        })
        .collect();
    ids.sort_unstable();
    assert!(ids.len() <= 3, "{ids:?}");
    assert_eq!(listed(store, APP, None, 10).await, ids);
    while ids.len() < 3 {
        ids.push(ids.len() as u64 + 1);
        assert_eq!(try_add(store, APP, message("A", 9), quota).await, Added::Yes(ids.len() as u64));
    }
    assert_eq!(try_add(store, APP, message("A", 9), quota).await, Added::OverQuota);
}

pub(super) async fn of_two_who_change_a_broadcast_one_does(store: &dyn Store) {
    let id = add(store, APP, 1).await;
    let new = progress(store, APP, id).await;
    let mine = new.claimed(WORKER, 5);
    let theirs = new.claimed(Worker { id: 8, has_peers: true }, 5);
    assert!(save(store, APP, id, &mine).await);
    assert!(!save(store, APP, id, &theirs).await);
    assert!(save(store, APP, id, &mine).await, "a repeat finds it made");
    assert_eq!(progress(store, APP, id).await, mine);
    assert!(!save(store, APP, id, &new).await, "it never goes back");
    let mut skipping = mine.claimed(WORKER, 6);
    skipping.version += 1;
    assert!(!save(store, APP, id, &skipping).await);
    assert!(!save(store, APP, 1_000, &mine).await, "there is no such broadcast");
    assert!(!save(store, AppId(99), id, &mine).await);
}

pub(super) async fn how_far_it_has_come_is_kept_whole(store: &dyn Store) {
    let id = add(store, APP, 1).await;
    let refusal = Refusal { status: Some(503), reason: "no".into() };
    let first = progress(store, APP, id).await.claimed(WORKER, 5);
    let second = first.advanced((Some(vec![0, 255, 7]), 1_000), WORKER, 6);
    let third = second.refused(refusal, 7);
    for step in [first, second, third] {
        assert!(save(store, APP, id, &step).await);
        assert_eq!(progress(store, APP, id).await, step);
    }
}

pub(super) async fn open_broadcasts_are_those_that_are_not_over(store: &dyn Store) {
    for second in 1..=4 {
        add(store, APP, second).await;
    }
    let cancelled = progress(store, APP, 2).await.cancelled(9).expect("it was not over");
    assert!(save(store, APP, 2, &cancelled).await);
    let done = progress(store, APP, 3).await.advanced((None, 0), WORKER, 9);
    assert!(save(store, APP, 3, &done).await);
    assert_eq!(open(store, APP).await, [1, 4]);
    let retried = cancelled.retried(10).expect("it can be retried");
    assert_eq!(retried.state, State::Waiting);
    assert!(save(store, APP, 2, &retried).await);
    assert_eq!(open(store, APP).await, [1, 2, 4]);
}

pub(super) async fn old_broadcasts_go_when_they_are_over(store: &dyn Store) {
    for second in 1..=4 {
        add(store, APP, second).await;
    }
    for (id, over_s) in [(1, 10), (2, 20), (3, 30)] {
        let done = progress(store, APP, id).await.advanced((None, 1), WORKER, over_s * SECOND_US);
        assert!(save(store, APP, id, &done).await);
    }
    assert_eq!(store.retire_broadcasts(APP, 10 * SECOND_US).await.expect("done"), 0);
    assert_eq!(store.retire_broadcasts(APP, 21 * SECOND_US).await.expect("done"), 2);
    assert_eq!(listed(store, APP, None, 10).await, [3, 4]);
    assert_eq!(find(store, APP, 1).await, None);
    assert_eq!(store.retire_broadcasts(APP, i64::MAX).await.expect("done"), 1);
    assert_eq!(listed(store, APP, None, 10).await, [4], "what is under way stays");
    assert_eq!(store.retire_broadcasts(AppId(9), i64::MAX).await.expect("done"), 0);
    assert_eq!(add(store, APP, 5).await, 5, "ids are not given again");
}

pub(super) async fn there_are_not_more_than_the_maximum(store: &dyn Store) {
    for _ in 0..OPEN_MAX {
        add(store, APP, 1).await;
    }
    let one_more = try_add(store, APP, message("A", 1), None).await;
    assert_eq!(one_more, Added::TooManyOpen);
    let end = async |id| {
        let done = progress(store, APP, id).await.advanced((None, 1), WORKER, 9);
        assert!(save(store, APP, id, &done).await);
    };
    end(1).await;
    for id in OPEN_MAX as u64 + 1..=KEPT_MAX as u64 {
        assert_eq!(add(store, APP, 1).await, id);
        end(id).await;
    }
    assert_eq!(listed(store, APP, None, 2).await, [1, 2]);
    add(store, APP, 1).await;
    assert_eq!(listed(store, APP, None, 2).await, [2, 3], "the oldest that is over is gone");
    assert_eq!(open(store, APP).await.len(), OPEN_MAX);
}

pub(super) async fn what_is_whole_is_not_given_up(store: &dyn Walk) {
    let id = add(store, APP, 1).await;
    let before = find(store, APP, id).await;
    for id in [id, id + 1] {
        let reason = Refusal { status: None, reason: "damaged".into() };
        let given_up = store.give_up_damaged(APP, id, reason, 7).await.expect("an answer");
        assert!(!given_up, "{id}");
    }
    assert_eq!(find(store, APP, id).await, before);
    assert_eq!(open(store, APP).await, [id]);
}

/// All ledgers, by steps of so many.
async fn ledgers(store: &dyn Walk, limit: u32) -> BTreeMap<AppId, Ledger> {
    let (mut all, mut from) = (BTreeMap::new(), None);
    loop {
        let Walked { found, next } =
            store.walk_ledgers(from.as_deref(), limit).await.expect("ledgers");
        assert!(found.len() <= limit as usize);
        for (app, ledger) in found {
            assert_eq!(all.insert(app, ledger), None, "each once");
        }
        from = next;
        if from.is_none() {
            return all;
        }
    }
}

pub(super) async fn broadcasts_that_are_put_are_as_they_were(store: &dyn Walk) {
    assert!(ledgers(store, 1).await.is_empty());
    // What another store kept, of two apps.
    let other = crate::memory::Memory::default();
    for second in 1..=5 {
        add(&other, APP, second).await;
    }
    add(&other, OTHER_APP, 9).await;
    let claimed = progress(&other, APP, 2).await.claimed(WORKER, 5);
    assert!(save(&other, APP, 2, &claimed).await);
    let advanced = claimed.advanced((Some(vec![1, 2]), 7), WORKER, 6);
    assert!(save(&other, APP, 2, &advanced).await);
    let cancelled = progress(&other, APP, 3).await.cancelled(7).expect("it was open");
    assert!(save(&other, APP, 3, &cancelled).await);
    let expected = ledgers(&other, 10).await;
    let all = other.list_broadcasts(APP, None, 10).await.expect("a list");
    for _ in 0..2 {
        // In two steps, and once more after that.
        for some in all.chunks(3) {
            let ledger = expected[&APP].clone();
            store.put_broadcasts(APP, ledger, some.to_vec()).await.expect("put");
        }
    }
    let of_other = other.list_broadcasts(OTHER_APP, None, 10).await.expect("a list");
    store.put_broadcasts(OTHER_APP, expected[&OTHER_APP].clone(), of_other).await.expect("put");
    assert_eq!(ledgers(store, 1).await, expected);
    assert_eq!(store.list_broadcasts(APP, None, 10).await.expect("a list"), all);
    assert_eq!(store.open_broadcasts(APP).await.expect("ids").ids, [1, 2, 4, 5]);
    // And they go on from there: ids, quotas, progress.
    let quota = Some(Quota { since_unix_us: 4 * SECOND_US, max: 2 });
    assert_eq!(try_add(store, APP, message("A", 6), quota).await, Added::OverQuota);
    assert_eq!(add(store, APP, 6).await, 6);
    let done = advanced.advanced((None, 1), WORKER, 8);
    assert!(save(store, APP, 2, &done).await);
    assert_eq!(open(store, APP).await, [1, 4, 5, 6]);
}
