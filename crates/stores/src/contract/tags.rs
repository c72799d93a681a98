//! What every store promises of users who go, and of users by their tags.

use std::collections::BTreeSet;

use domain::clock::FixedClock;
use domain::ids::{AppId, UserId};
use domain::store::{IfTaken, NewUser, Registration, Update, Walk, Walked};
use domain::users::audience::{self, Audience};
use domain::users::store::{ROBOTS_MAX, Tagged, Unregistered};
use domain::users::tags::{TagChange, TagOp};
use domain::users::{Profile, ProfileChange, TAG_BYTES_MAX, User};

const APP: AppId = AppId(4_111);
const OTHER: AppId = AppId(4_112);

fn id(text: &str) -> UserId {
    UserId::parse(text).expect("an id")
}

fn owned(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

fn new(user: &str, tags: &[&str]) -> NewUser {
    NewUser { id: id(user), profile: Profile { tags: owned(tags), ..Profile::default() } }
}

async fn register(store: &dyn Walk, users: Vec<NewUser>) {
    let count = users.len();
    let done = store.register_users(APP, users, IfTaken::Leave, 5).await.expect("registered");
    assert_eq!(done, vec![Registration::Created; count]);
}

async fn unregister(store: &dyn Walk, ids: &[&str]) -> Vec<Unregistered> {
    let ids = ids.iter().map(|text| id(text)).collect();
    store.unregister_users(APP, ids, 7).await.expect("unregistered")
}

async fn tag(
    store: &dyn Walk,
    ids: &[&str],
    op: TagOp,
    tags: &[&str],
    tags_max: usize,
) -> Vec<Tagged> {
    let ids = ids.iter().map(|text| id(text)).collect();
    let change = TagChange { op, tags: owned(tags), tags_max };
    store.update_tags(APP, ids, change, 8).await.expect("tagged")
}

async fn tags_of(store: &dyn Walk, user: &str) -> Option<Vec<String>> {
    let found = store.find_users(APP, &[id(user)]).await.expect("found").remove(0);
    found.map(|user| user.profile.tags)
}

/// Everybody who is found by these tags, by steps of so many, in the order found.
pub(super) async fn walk(store: &dyn Walk, app: AppId, tags: &[&str], limit: u32) -> Vec<User> {
    let (mut all, mut from) = (vec![], None);
    loop {
        let step = store.walk_tagged(app, tags, from.as_deref(), limit).await.expect("users");
        assert!(step.found.len() <= limit as usize, "{} of {limit}", step.found.len());
        all.extend(step.found);
        from = step.next;
        if from.is_none() {
            return all;
        }
    }
}

async fn found_by(store: &dyn Walk, tags: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> =
        walk(store, APP, tags, 2).await.iter().map(|user| user.id.to_string()).collect();
    ids.sort();
    ids
}

/// Whether the store counts as it is found to be, if it counts.
async fn is_counted(store: &dyn Walk, tag: Option<&str>, expected: usize) {
    let count = store.count_tagged(APP, tag).await.expect("a count");
    assert_eq!(count.unwrap_or(expected as u64), expected as u64, "{tag:?}");
    let all = tag.map_or(Audience::Everybody, |tag| Audience::Tag(tag.to_owned()));
    let clock = FixedClock::at_unix_s(0);
    let counted = audience::count(store, &clock, APP, &all, None).await.expect("a count");
    assert_eq!((counted.count, counted.next), (expected as u64, None), "{tag:?}");
}

pub(super) async fn who_is_unregistered_is_gone_and_begins_anew(store: &dyn Walk) {
    register(store, vec![new("1", &["a", "b"]), new("2", &["a"])]).await;
    let done = unregister(store, &["3", "1"]).await;
    assert_eq!(done, [Unregistered::NotFound, Unregistered::Done]);
    assert_eq!(unregister(store, &["1"]).await, [Unregistered::NotFound]);
    assert_eq!(tags_of(store, "1").await, None);
    assert_eq!(found_by(store, &["a"]).await, ["2"]);
    assert_eq!(found_by(store, &["b"]).await, [""; 0]);
    assert_eq!(found_by(store, &[]).await, ["2"]);
    is_counted(store, None, 1).await;
    is_counted(store, Some("b"), 0).await;
    let (mut users, mut from) = (vec![], None);
    loop {
        let step = store.walk_users(from.as_deref(), 10).await.expect("users");
        users.extend(step.found.into_iter().map(|(_, user)| user.id.to_string()));
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(users, ["2"]);

    let change = ProfileChange { name: Some("z".to_owned()), ..ProfileChange::default() };
    let updated = store.update_users(APP, vec![(id("1"), change)], 8).await.expect("updated");
    assert_eq!(updated, [Update::NotFound]);
    assert_eq!(tag(store, &["1"], TagOp::Add, &["t"], 9).await, [Tagged::NotFound]);

    // Earlier than they went, as another server's clock has it.
    let again = store.register_users(APP, vec![new("1", &["b"])], IfTaken::Leave, 6).await;
    assert_eq!(again.expect("registered"), [Registration::Created]);
    let found = store.find_users(APP, &[id("1")]).await.expect("found").remove(0).expect("them");
    assert_eq!((found.created_unix_ms, found.modified_unix_ms), (6, 6));
    assert_eq!(found_by(store, &["b"]).await, ["1"]);
    assert_eq!(found_by(store, &["a"]).await, ["2"]);
    is_counted(store, None, 2).await;
}

pub(super) async fn a_user_is_found_by_each_of_their_tags(store: &dyn Walk) {
    let longest = "签".repeat(64) + "";
    let longest: String = longest + &"t".repeat(TAG_BYTES_MAX - 192);
    let longer = format!("{longest}t");
    let nul = "a\0b";
    register(store, vec![new("1", &["a", "", "a", nul, &longest, &longer]), new("2", &[])]).await;
    for tag in ["a", "", nul, &longest] {
        assert_eq!(found_by(store, &[tag]).await, ["1"], "{tag:?}");
        is_counted(store, Some(tag), 1).await;
    }
    for tag in ["b", "a\0", "A", &longer] {
        assert_eq!(found_by(store, &[tag]).await, [""; 0], "{tag:?}");
        is_counted(store, Some(tag), 0).await;
    }
    assert_eq!(walk(store, OTHER, &["a"], 2).await, []);
    let change = ProfileChange { tags: Some(owned(&["b", "c"])), ..ProfileChange::default() };
    store.update_users(APP, vec![(id("1"), change)], 8).await.expect("updated");
    assert_eq!(found_by(store, &["a"]).await, [""; 0]);
    assert_eq!(found_by(store, &["b", "c"]).await, ["1"]);
    let over = vec![new("1", &["c", "d"])];
    store.register_users(APP, over, IfTaken::Overwrite, 9).await.expect("registered");
    assert_eq!(found_by(store, &["b"]).await, [""; 0]);
    assert_eq!(found_by(store, &["d"]).await, ["1"]);
    is_counted(store, Some("c"), 1).await;
}

pub(super) async fn tags_are_added_last_and_removed_anywhere(store: &dyn Walk) {
    register(store, vec![new("1", &["b", "a"]), new("2", &[])]).await;
    let done = tag(store, &["2", "3", "1"], TagOp::Add, &["c", "a", "c"], 9).await;
    assert_eq!(done, [Tagged::Done, Tagged::NotFound, Tagged::Done]);
    assert_eq!(tags_of(store, "1").await, Some(owned(&["b", "a", "c"])));
    assert_eq!(tags_of(store, "2").await, Some(owned(&["c", "a"])));
    assert_eq!(found_by(store, &["c"]).await, ["1", "2"]);
    tag(store, &["1", "2"], TagOp::Remove, &["a", "x"], 9).await;
    assert_eq!(tags_of(store, "1").await, Some(owned(&["b", "c"])));
    assert_eq!(found_by(store, &["a"]).await, [""; 0]);
    is_counted(store, Some("a"), 0).await;
    let found = store.find_users(APP, &[id("1")]).await.expect("found").remove(0).expect("them");
    assert_eq!((found.created_unix_ms, found.modified_unix_ms), (5, 8));
}

pub(super) async fn a_limit_of_tags_is_judged_by_what_would_be(store: &dyn Walk) {
    register(store, vec![new("1", &["a", "b"]), new("2", &["a"])]).await;
    let done = tag(store, &["1", "2"], TagOp::Add, &["c"], 2).await;
    assert_eq!(done, [Tagged::TooMany, Tagged::Done]);
    assert_eq!(tags_of(store, "1").await, Some(owned(&["a", "b"])));
    assert_eq!(found_by(store, &["c"]).await, ["2"]);
    assert_eq!(tag(store, &["1"], TagOp::Add, &["b", "a"], 2).await, [Tagged::Done]);
}

pub(super) async fn tags_are_listed_with_their_users(store: &dyn Walk) {
    register(store, vec![new("1", &["b:1", "a", ""]), new("2", &["b:2", "b:1"]), new("3", &[])])
        .await;
    let list = async |prefix: &str, after: Option<&str>, limit: u32| {
        let listed = store.list_tags(APP, prefix, after, limit).await.expect("tags");
        let tags: Vec<String> = listed.iter().map(|tag| tag.tag.clone()).collect();
        for tag in listed {
            let counted = walk(store, APP, &[&tag.tag], 10).await.len() as u64;
            assert_eq!(tag.users.unwrap_or(counted), counted, "{}", tag.tag);
        }
        tags
    };
    assert_eq!(list("", None, 10).await, ["", "a", "b:1", "b:2"]);
    assert_eq!(list("", Some(""), 2).await, ["a", "b:1"]);
    assert_eq!(list("b", None, 10).await, ["b:1", "b:2"]);
    assert_eq!(list("b", Some("a"), 10).await, ["b:1", "b:2"]);
    assert_eq!(list("b", Some("b:1"), 10).await, ["b:2"]);
    assert_eq!(list("b", Some("c"), 10).await, [""; 0]);
    assert_eq!(list("b:1x", None, 10).await, [""; 0]);
    let others = store.list_tags(OTHER, "", None, 10).await.expect("tags");
    assert_eq!(others, []);
}

fn is_every_other(number: i64) -> bool {
    number % 2 == 0
}

/// Numbers far from each other, neighbours and texts, some with tags.
async fn crowd(store: &dyn Walk) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for round in 0..6_i64 {
        let far = (1..8_i64).map(|it| it.wrapping_mul(0x1e37_79b9_7f4a_7c15) & (i64::MAX >> 8) | 1);
        let far = far.map(|it| it.wrapping_add(round).to_string());
        let near = (1..6).map(|it| (10 * round + it).to_string());
        let text = (1..4).map(|it| format!("名{round}-{it}"));
        let ids: Vec<String> = far.chain(near).chain(text).collect();
        let tags: &[&str] = match is_every_other(round) {
            true => &["even", "any"],
            false => &["odd", "any"],
        };
        register(store, ids.iter().map(|text| new(text, tags)).collect()).await;
        let others = ids.iter().map(|text| new(text, tags)).collect();
        store.register_users(OTHER, others, IfTaken::Leave, 5).await.expect("registered");
        all.extend(ids);
    }
    all
}

pub(super) async fn a_walk_finds_each_once_in_one_order(store: &dyn Walk) {
    let everybody = crowd(store).await;
    let order = walk(store, APP, &[], 1_000).await;
    let ids: BTreeSet<String> = order.iter().map(|user| user.id.to_string()).collect();
    assert_eq!((ids, order.len()), (everybody.clone(), everybody.len()));
    for limit in [1, 7] {
        assert!(walk(store, APP, &[], limit).await == order, "by {limit}");
        assert!(walk(store, APP, &["any"], limit).await == order, "by {limit}");
        assert!(walk(store, APP, &["odd", "even", "none", "odd"], limit).await == order, "{limit}");
        let even = |user: &&User| user.profile.tags[0] == "even";
        let even: Vec<User> = order.iter().filter(even).cloned().collect();
        assert_eq!(walk(store, APP, &["even"], limit).await, even);
    }
    // A place that one walk told is a place of any other.
    let Walked { found, next } = store.walk_tagged(APP, &["even"], None, 9).await.expect("users");
    let mut rest = vec![];
    let mut from = next;
    while let Some(at) = from {
        let step = store.walk_tagged(APP, &[], Some(&at), 9).await.expect("users");
        rest.extend(step.found);
        from = step.next;
    }
    let behind = order.iter().position(|user| Some(user) == found.last()).expect("them") + 1;
    assert_eq!(rest, order[behind..]);
}

pub(super) async fn whoever_changes_behind_a_walk_does_not_disturb_it(store: &dyn Walk) {
    crowd(store).await;
    let order = walk(store, APP, &["any"], 1_000).await;
    let (mut found, mut from) = (vec![], None);
    loop {
        let step = store.walk_tagged(APP, &["any"], from.as_deref(), 5).await.expect("users");
        // Whoever was found goes, or has the tag no longer, or another one.
        for user in &step.found {
            let id = user.id.as_str();
            match found.len() % 3 {
                0 => drop(unregister(store, &[id]).await),
                1 => drop(tag(store, &[id], TagOp::Remove, &["any"], 9).await),
                _ => drop(tag(store, &[id], TagOp::Add, &["new"], 9).await),
            }
            found.push(user.clone());
        }
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(found, order);
    let left = found_by(store, &["any"]).await.len();
    assert_eq!(left, order.len() / 3, "{left} of {}", order.len());
}

pub(super) async fn an_app_has_no_more_robots_than_it_may_have(store: &dyn Walk) {
    const STEP: i64 = 250;
    let robot = |number: i64, name: &str| NewUser {
        id: UserId::from_long(number + 1).expect("an id"),
        profile: Profile { robot: true, name: name.to_owned(), ..Profile::default() },
    };
    let user = |number: i64| NewUser { profile: Profile::default(), ..robot(number, "") };
    let max = i64::try_from(ROBOTS_MAX).expect("a number");
    let put = |app: AppId, numbers: std::ops::Range<i64>| {
        let user = |number| {
            let NewUser { id, profile } = robot(number, "");
            (app, User { id, profile, created_unix_ms: 1, modified_unix_ms: 1 })
        };
        numbers.map(user).collect::<Vec<_>>()
    };
    for first in (0..max - 2).step_by(STEP as usize) {
        store.put_users(put(APP, first..(first + STEP).min(max - 2))).await.expect("put");
    }
    // One by one: which users of a request come first is not promised.
    let register = async |app, users: Vec<NewUser>| {
        let mut done = vec![];
        for user in users {
            let one = store.register_users(app, vec![user], IfTaken::Overwrite, 5).await;
            done.extend(one.expect("registered"));
        }
        done
    };
    use Registration::{Created, Overwritten, RobotsFull, Unchanged};
    let five = vec![robot(max, ""), user(max + 1), robot(max + 2, ""), robot(max + 3, "")];
    assert_eq!(register(APP, five).await, [Created, Created, Created, RobotsFull]);
    let full = vec![robot(0, ""), robot(1, "n"), robot(max + 1, ""), robot(max + 4, "")];
    assert_eq!(register(APP, full).await, [Unchanged, Overwritten, RobotsFull, RobotsFull]);
    assert_eq!(register(OTHER, vec![robot(max + 4, "")]).await, [Created]);
    // One goes, one is none any more.
    assert_eq!(unregister(store, &["1"]).await, [Unregistered::Done]);
    assert_eq!(register(APP, vec![user(1)]).await, [Overwritten]);
    let three = vec![robot(max + 3, ""), robot(max + 1, ""), robot(max + 4, "")];
    assert_eq!(register(APP, three).await, [Created, Overwritten, RobotsFull]);
}

pub(super) async fn whoever_is_put_is_found_by_tags(store: &dyn Walk) {
    register(store, vec![new("1", &["a", "b"])]).await;
    let user = |text: &str, tags: &[&str]| {
        let NewUser { id, profile } = new(text, tags);
        (APP, User { id, profile, created_unix_ms: 3, modified_unix_ms: 4 })
    };
    for _ in 0..2 {
        let users = vec![user("1", &["b", "c"]), user("2", &["c"])];
        store.put_users(users).await.expect("put");
        assert_eq!(found_by(store, &["a"]).await, [""; 0]);
        assert_eq!(found_by(store, &["c"]).await, ["1", "2"]);
        is_counted(store, Some("b"), 1).await;
        is_counted(store, None, 2).await;
    }
}

pub(super) async fn an_audience_is_counted_and_walked(store: &dyn Walk) {
    let everybody = crowd(store).await.len();
    register(store, (1_000..1_070).map(|it| new(&it.to_string(), &[&format!("n:{it}")])).collect())
        .await;
    let odd = walk(store, APP, &["odd"], 1_000).await.len();
    for (text, expected) in [
        ("", everybody + 70),
        ("odd", odd),
        ("odd AND even", 0),
        ("odd OR even", everybody),
        ("any AND NOT odd", everybody - odd),
        ("NOT any", 70),
        ("n:*", 70),
        ("n:100*", 10),
        ("n:100* OR odd", odd + 10),
        ("n:* OR odd", odd + 70),
        ("*", everybody + 70),
        ("none", 0),
        ("none*", 0),
        ("(n:1001 OR even) AND NOT (none* OR odd)", everybody - odd + 1),
    ] {
        let meant = Audience::parse(text).expect("an expression");
        let clock = FixedClock::at_unix_s(0);
        let counted = audience::count(store, &clock, APP, &meant, None).await.expect("a count");
        assert_eq!((counted.count, counted.next), (expected as u64, None), "{text}");
        let (mut ids, mut from, mut found) = (BTreeSet::new(), None, 0);
        loop {
            let step = audience::walk(store, APP, &meant, from.as_deref(), 9).await.expect("them");
            found += step.found.len();
            ids.extend(step.found.into_iter().map(|user| user.id));
            from = step.next;
            if from.is_none() {
                break;
            }
            let behind = audience::count(store, &clock, APP, &meant, from.as_deref()).await;
            let behind = behind.expect("those");
            assert_eq!(found as u64 + behind.count, expected as u64, "{text}: counted from there");
        }
        assert_eq!((found, ids.len()), (expected, expected), "{text}");
    }
}
