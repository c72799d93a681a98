//! Broadcasts whose records are damaged.

use domain::broadcast::{
    Added, Audience, Broadcasts as _, Message, Progress, Refusal, State, Worker,
};
use domain::{Error, UserId};

use super::super::Options;
use super::super::key::Key;
use super::{APP, Embedded, open, wait};

fn add(store: &Embedded) -> u64 {
    let message = Message {
        dialect: "d".into(),
        action: "A".into(),
        sender: UserId::parse("1").unwrap(),
        body: "{}".into(),
        audience: Audience::EVERYBODY,
        expires_unix_us: None,
        created_unix_us: 1,
    };
    match wait(store.add_broadcast(APP, message, None)).unwrap() {
        Added::Yes(id) => id,
        other => panic!("{other:?}"),
    }
}

/// Changes a bit of a record.
fn damage(store: &Embedded, table: &str, id: u64) {
    let key = Key::new().u32(APP.0).u64(id);
    let rows = store.tables.raw(table);
    let mut txn = store.env.write_txn().unwrap();
    let mut row = rows.get(&txn, &key).unwrap().expect("it is there").to_vec();
    *row.last_mut().unwrap() ^= 1;
    rows.put(&mut txn, &key, &row).unwrap();
    txn.commit().unwrap();
}

fn give_up(store: &Embedded, id: u64) -> bool {
    let reason = Refusal { status: None, reason: "it is damaged".into() };
    wait(store.give_up_damaged(APP, id, reason, 9)).unwrap()
}

#[test]
fn a_damaged_broadcast_is_given_up_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    for _ in 0..4 {
        add(&store);
    }
    let worker = Worker { id: 7, has_peers: false };
    for id in [1, 2] {
        let claimed = Progress::new(1).claimed(worker, 2);
        assert!(wait(store.save_progress(APP, id, claimed)).unwrap());
    }
    damage(&store, "broadcast_progress", 1);
    damage(&store, "broadcasts", 2);
    let listed = || -> Vec<u64> {
        let page = wait(store.list_broadcasts(APP, None, 2)).unwrap();
        page.iter().map(|job| job.id).collect()
    };
    assert_eq!(listed(), [3, 4]);
    for id in [1, 2] {
        assert!(matches!(wait(store.find_broadcast(APP, id)), Err(Error::Engine(_))));
        assert!(give_up(&store, id));
        assert!(!give_up(&store, id), "once");
    }
    assert_eq!(wait(store.open_broadcasts(APP)).unwrap().ids, [3, 4]);
    // What was asked for is there, and how far it had come is not: it can begin anew.
    let first = wait(store.find_broadcast(APP, 1)).unwrap().expect("it can be read");
    assert_eq!((first.progress.state, first.progress.place), (State::Failed, None));
    assert_eq!(first.progress.refusal.map(|it| it.reason).as_deref(), Some("it is damaged"));
    assert!(wait(store.find_broadcast(APP, 2)).is_err());
    assert_eq!(listed(), [1, 3]);
    // In the end both go, and what is over, damaged and of unknown age holds up nobody.
    let cancelled = Progress::new(1).cancelled(3).expect("it was open");
    assert!(wait(store.save_progress(APP, 3, cancelled)).unwrap());
    damage(&store, "broadcast_progress", 3);
    assert_eq!(wait(store.retire_broadcasts(APP, 10)).unwrap(), 2);
    assert_eq!(listed(), [4]);
}
