//! What every store promises of the directory.

use std::collections::BTreeMap;

use domain::ids::{AppId, UserId};
use domain::store::{IfTaken, NewUser, Registration, Store, Update};
use domain::users::{Profile, ProfileChange, User};

const APP: AppId = AppId(4_111);

fn id(text: &str) -> UserId {
    UserId::parse(text).expect("an id")
}

fn named(name: &str) -> Profile {
    Profile { name: name.to_owned(), ..Profile::default() }
}

fn new(user: &str, name: &str) -> NewUser {
    NewUser { id: id(user), profile: named(name) }
}

fn user(user: &str, name: &str, created_unix_ms: i64, modified_unix_ms: i64) -> User {
    User { id: id(user), profile: named(name), created_unix_ms, modified_unix_ms }
}

async fn register(
    store: &dyn Store,
    users: Vec<NewUser>,
    if_taken: IfTaken,
    now_unix_ms: i64,
) -> Vec<Registration> {
    store.register_users(APP, users, if_taken, now_unix_ms).await.expect("registered")
}

async fn find(store: &dyn Store, ids: &[&str]) -> Vec<Option<User>> {
    let ids: Vec<UserId> = ids.iter().map(|text| id(text)).collect();
    store.find_users(APP, &ids).await.expect("found")
}

pub(super) async fn a_registered_user_is_found(store: &dyn Store) {
    assert_eq!(find(store, &["1"]).await, [None]);
    let done = register(store, vec![new("1", "a")], IfTaken::Leave, 5).await;
    assert_eq!(done, [Registration::Created]);
    assert_eq!(find(store, &["1"]).await, [Some(user("1", "a", 5, 5))]);
}

pub(super) async fn an_id_that_is_taken_is_left_alone(store: &dyn Store) {
    register(store, vec![new("1", "a")], IfTaken::Leave, 5).await;
    let again = vec![new("2", "c"), new("1", "b"), new("3", "d")];
    let done = register(store, again, IfTaken::Leave, 6).await;
    assert_eq!(done, [Registration::Created, Registration::Taken, Registration::Created]);
    let found = find(store, &["1", "2", "3"]).await;
    let expected = [user("1", "a", 5, 5), user("2", "c", 6, 6), user("3", "d", 6, 6)];
    assert_eq!(found, expected.map(Some));
}

pub(super) async fn the_same_profile_again_changes_nothing(store: &dyn Store) {
    register(store, vec![new("1", "a")], IfTaken::Leave, 5).await;
    for if_taken in [IfTaken::Leave, IfTaken::Overwrite] {
        let done = register(store, vec![new("1", "a")], if_taken, 9).await;
        assert_eq!(done, [Registration::Unchanged]);
    }
    assert_eq!(find(store, &["1"]).await, [Some(user("1", "a", 5, 5))]);
}

pub(super) async fn an_id_that_is_taken_is_overwritten_if_asked(store: &dyn Store) {
    register(store, vec![new("1", "a")], IfTaken::Overwrite, 5).await;
    let done = register(store, vec![new("1", "b")], IfTaken::Overwrite, 9).await;
    assert_eq!(done, [Registration::Overwritten]);
    assert_eq!(find(store, &["1"]).await, [Some(user("1", "b", 5, 9))]);
}

pub(super) async fn modification_never_moves_backwards(store: &dyn Store) {
    register(store, vec![new("1", "a")], IfTaken::Leave, 5).await;
    register(store, vec![new("1", "b")], IfTaken::Overwrite, 3).await;
    assert_eq!(find(store, &["1"]).await, [Some(user("1", "b", 5, 5))]);
    let change = ProfileChange { name: Some("c".to_owned()), ..ProfileChange::default() };
    store.update_users(APP, vec![(id("1"), change)], 4).await.expect("updated");
    assert_eq!(find(store, &["1"]).await, [Some(user("1", "c", 5, 5))]);
}

pub(super) async fn an_update_changes_what_it_gives(store: &dyn Store) {
    register(store, vec![new("1", "a"), new("2", "b")], IfTaken::Leave, 5).await;
    let change = ProfileChange { extra: Some("x".to_owned()), ..ProfileChange::default() };
    let done = store.update_users(APP, vec![(id("1"), change)], 8).await.expect("updated");
    assert_eq!(done, [Update::Done]);
    let mut changed = user("1", "a", 5, 8);
    changed.profile.extra = "x".to_owned();
    assert_eq!(find(store, &["1", "2"]).await, [Some(changed), Some(user("2", "b", 5, 5))]);
}

pub(super) async fn an_update_of_nobody_makes_nobody(store: &dyn Store) {
    register(store, vec![new("1", "a")], IfTaken::Leave, 5).await;
    let change = ProfileChange { name: Some("z".to_owned()), ..ProfileChange::default() };
    let changes = vec![(id("2"), change.clone()), (id("1"), change)];
    let done = store.update_users(APP, changes, 8).await.expect("updated");
    assert_eq!(done, [Update::NotFound, Update::Done]);
    assert_eq!(find(store, &["2", "1"]).await, [None, Some(user("1", "z", 5, 8))]);
}

pub(super) async fn apps_do_not_see_each_other(store: &dyn Store) {
    let other = AppId(APP.0 + 1);
    register(store, vec![new("1", "a")], IfTaken::Leave, 5).await;
    assert_eq!(store.find_users(other, &[id("1")]).await.expect("found"), [None]);
    let done = store.register_users(other, vec![new("1", "b")], IfTaken::Leave, 6).await;
    assert_eq!(done.expect("registered"), [Registration::Created]);
    let change = ProfileChange { name: Some("z".to_owned()), ..ProfileChange::default() };
    store.update_users(other, vec![(id("1"), change)], 7).await.expect("updated");
    assert_eq!(find(store, &["1"]).await, [Some(user("1", "a", 5, 5))]);
    let found = store.find_users(other, &[id("1")]).await.expect("found");
    assert_eq!(found, [Some(user("1", "z", 6, 7))]);
}

/// Whatever order the engine keeps them in.
pub(super) async fn outcomes_come_in_the_order_asked(store: &dyn Store) {
    // A permutation of 0 to 96: 60 has no divisor in common with 97.
    let shuffled: Vec<String> = (0..97).map(|n| (n * 60 % 97).to_string()).collect();
    let users = shuffled.iter().map(|number| new(number, number)).collect();
    let done = register(store, users, IfTaken::Leave, 5).await;
    assert_eq!(done, [Registration::Created; 97]);
    let backwards: Vec<&str> = shuffled.iter().rev().map(String::as_str).collect();
    let expected: Vec<_> =
        backwards.iter().map(|number| Some(user(number, number, 5, 5))).collect();
    assert_eq!(find(store, &backwards).await, expected);
    assert_eq!(find(store, &["7", "x", "7"]).await[1..], [None, Some(user("7", "7", 5, 5))]);
}

pub(super) async fn ids_that_look_alike_are_different(store: &dyn Store) {
    let longest = "9".repeat(UserId::BYTES_MAX);
    let alike = [
        "1",
        "01",
        "1 ",
        "+1",
        "１",
        "a",
        "A",
        "á",
        "a\u{301}",
        "9223372036854775807",
        "9223372036854775808",
        "\u{1}\u{1}",
        "\u{1}",
        &longest,
        &longest[1..],
    ];
    let users = alike.iter().map(|text| new(text, text)).collect();
    let done = register(store, users, IfTaken::Leave, 5).await;
    assert_eq!(done, [Registration::Created; 15]);
    let expected: Vec<_> = alike.iter().map(|text| Some(user(text, text, 5, 5))).collect();
    assert_eq!(find(store, &alike).await, expected);
}

pub(super) async fn every_profile_comes_back_as_it_was(store: &dyn Store) {
    let full = Profile {
        name: "语".repeat(100),
        portrait: "p".repeat(500),
        tags: (0..100).map(|n| format!("{n}{}", "签".repeat(60))).collect(),
        ext: (0..20).map(|n| (format!("k{n}"), "v\0\u{10ffff}".repeat(80))).collect(),
        extra: "\0".repeat(2_048),
        robot: true,
    };
    let empty = Profile { tags: vec![String::new()], ..Profile::default() };
    let profiles = [full, empty, Profile { ext: BTreeMap::new(), ..Profile::default() }];
    for (number, profile) in (1_i64..).zip(profiles) {
        let id = UserId::from_long(number).expect("an id");
        let new = NewUser { id: id.clone(), profile: profile.clone() };
        register(store, vec![new], IfTaken::Leave, -5).await;
        let found = store.find_users(APP, std::slice::from_ref(&id)).await.expect("found");
        let user = User { id, profile, created_unix_ms: -5, modified_unix_ms: -5 };
        assert_eq!(found, [Some(user)]);
    }
}
