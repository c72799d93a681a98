//! Users who wait for their place: found wherever they are, and always all of a request or none.
//!
//! Trays take so few users here, and idle moments come so soon, that somebody moves all the time.
//! What survives a kill in the middle of that is told by `durability`, and that the directory is
//! the model's by the contract.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use domain::error::Error;
use domain::store::Update;
use domain::users::ProfileChange;

use super::durability::{NEEDLE, damage_the_needle};
use super::*;

/// Far from each other, in no order.
fn scattered(number: i64) -> i64 {
    number.wrapping_mul(0x1e37_79b9_7f4a_7c15) & i64::MAX | 1
}

fn id(number: i64) -> UserId {
    UserId::from_long(scattered(number)).expect("an id")
}

fn named(number: i64, name: &str) -> NewUser {
    NewUser { id: id(number), ..new(1, name) }
}

fn rename(number: i64, name: &str) -> (UserId, ProfileChange) {
    (id(number), ProfileChange { name: Some(name.to_owned()), ..ProfileChange::default() })
}

/// How often a tray was full, or was emptied because nobody came.
fn turns(store: &Embedded) -> u64 {
    let txn = store.env.read_txn().unwrap();
    let progress = store.tables.trays.find(&txn, b"users").unwrap();
    progress.map_or(0, |progress| progress.turns())
}

#[test]
fn many_who_are_scattered_lie_in_trays_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    for number in 0..200 {
        let users = vec![named(2 * number, "a"), named(2 * number + 1, "b")];
        wait(store.register_users(APP, users, IfTaken::Leave, 1)).unwrap();
    }
    assert!(turns(&store) > 400 / 13, "{}", turns(&store));
    drop(store);
    let store = open(&Options::new(folder.path()));
    let ids: Vec<UserId> = (0..400).map(id).collect();
    let found = wait(store.find_users(APP, &ids)).unwrap();
    assert_eq!(found.iter().filter(|user| user.is_none()).count(), 0);
}

/// Two who are registered and renamed together are never seen apart, nor as they were before what
/// was acknowledged, while they and others move.
#[test]
fn readers_see_all_of_a_request_or_none_of_it() {
    const PAIRS: i64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&Options::new(folder.path())));
    let acknowledged = Arc::new(AtomicI64::new(0));
    let pair = |number: i64| [id(2 * number), id(2 * number + 1)];
    let look = |store: &Embedded, number: i64| {
        let found = wait(store.find_users(APP, &pair(number))).expect("found");
        let names = found.into_iter().map(|user| user.map(|user| user.profile.name));
        names.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        for reader in 0..3 {
            let (store, acknowledged) = (&store, &acknowledged);
            scope.spawn(move || {
                let mut turn = reader;
                loop {
                    let known = acknowledged.load(Ordering::SeqCst);
                    // The newest, the one that may be on its way, and one of the others.
                    for number in [(known - 1).max(0), known, turn % known.max(1)] {
                        let names = look(store, number);
                        assert_eq!(names[0], names[1], "{number} of {known}");
                        assert!(names[0].is_some() || number >= known, "{number} of {known}");
                    }
                    turn += 7;
                    if known == PAIRS {
                        return;
                    }
                }
            });
        }
        for number in 0..PAIRS {
            let users = vec![named(2 * number, "new"), named(2 * number + 1, "new")];
            wait(store.register_users(APP, users, IfTaken::Leave, 1)).expect("registered");
            acknowledged.store(number + 1, Ordering::SeqCst);
            let other = number / 3;
            let name = number.to_string();
            let changes = vec![rename(2 * other, &name), rename(2 * other + 1, &name)];
            let done = wait(store.update_users(APP, changes, 1)).expect("updated");
            assert_eq!(done, [Update::Done; 2]);
            assert_eq!(look(&store, other), [Some(name.clone()), Some(name)]);
        }
    });
}

#[test]
fn whoever_cannot_be_read_stays_where_they_are_and_nobody_else_is_harmed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    // One by one: together they would be neighbours in an empty directory.
    for number in 1..=12 {
        let name = if number == 5 { NEEDLE } else { "a" };
        wait(store.register_users(APP, vec![named(number, name)], IfTaken::Leave, 1)).unwrap();
    }
    drop(store);
    damage_the_needle(folder.path());

    let find = |store: &Embedded, number: i64| wait(store.find_users(APP, &[id(number)]));
    for first in [100, 200] {
        let store = open(&Options::new(folder.path()));
        for number in first..first + 50 {
            let done = wait(store.register_users(APP, vec![named(number, "b")], IfTaken::Leave, 1));
            assert_eq!(done.unwrap(), [Registration::Created]);
        }
        let others = (1..=12).filter(|number| *number != 5).chain(first..first + 50);
        let lost = others.filter(|number| find(&store, *number).unwrap()[0].is_none());
        assert_eq!(lost.collect::<Vec<_>>(), Vec::<i64>::new());
        assert!(matches!(find(&store, 5), Err(Error::Engine(_))));
        let again = wait(store.register_users(APP, vec![named(5, "c")], IfTaken::Leave, 1));
        assert!(matches!(again, Err(Error::Engine(_))));
    }
}
