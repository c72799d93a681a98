//! More changes than fit: into the queue, into the map.

use domain::error::Error;

use super::*;
use crate::embedded::change::{Change, Pending};
use crate::embedded::users;
use crate::embedded::writer::{QUEUE_BYTES_MAX, QUEUE_LEN_MAX};

/// A change of one user whose name has so many bytes.
fn registration(number: i64, name_len: usize) -> (Change, impl FnOnce() -> Result<()>) {
    let users = vec![new(number, &"n".repeat(name_len))];
    let request = users::Register { app: APP, users, if_taken: IfTaken::Leave, now_unix_ms: 0 };
    let (pending, answer) = Pending::new(request);
    let verdict = move || wait(answer).expect("an answer").0.map(|_| ());
    (Change::Register(pending), verdict)
}

#[test]
fn a_full_queue_refuses_early_and_forgets_nothing_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    register(&store, 1, "a").unwrap();

    // As long as somebody else writes, nothing leaves the queue but the group at hand.
    let obstacle = store.env.write_txn().unwrap();
    let mut answers = vec![];
    let refused = loop {
        let number = 2 + i64::try_from(answers.len()).unwrap();
        let (change, answer) = registration(number, 1);
        match store.writer.submit(change) {
            Ok(()) => answers.push(answer),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Error::Busy), "{refused:?}");
    assert!(answers.len() >= QUEUE_LEN_MAX);
    assert!(matches!(store.ready(), Err(Error::Busy)));
    // Reads wait for nobody.
    assert_eq!(name_of(&store, 1).unwrap().as_deref(), Some("a"));
    drop(obstacle);

    let last = i64::try_from(answers.len()).unwrap() + 1;
    for answer in answers {
        answer().unwrap();
    }
    store.ready().unwrap();
    assert_eq!(name_of(&store, last).unwrap().as_deref(), Some("n"));
    assert_eq!(name_of(&store, last + 1).unwrap(), None);
}

#[test]
fn the_queue_is_bounded_in_bytes_too_but_takes_any_single_change() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    let obstacle = store.env.write_txn().unwrap();
    let (first, first_answer) = registration(1, 1);
    store.writer.submit(first).unwrap();
    while store.writer.waiting() > 0 {
        std::thread::yield_now();
    }
    let (large, large_answer) = registration(2, QUEUE_BYTES_MAX + 1);
    store.writer.submit(large).unwrap();
    let (small, _) = registration(3, 1);
    let refused = store.writer.submit(small).unwrap_err();
    assert!(matches!(refused, Error::Busy), "{refused:?}");
    drop(obstacle);
    first_answer().unwrap();
    large_answer().unwrap();
    register(&store, 3, "c").unwrap();
}

#[test]
fn dropping_finishes_what_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    let numbers = 1..=3_000;
    for number in numbers.clone() {
        // Nobody waits for the answer.
        store.writer.submit(registration(number, 1).0).unwrap();
    }
    drop(store);
    let store = open(&Options::new(folder.path()));
    let there = numbers.filter(|number| name_of(&store, *number).unwrap().is_some());
    assert_eq!(there.count(), 3_000);
}

#[test]
fn a_full_map_refuses_changes_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { map_size: 1 << 20, ..Options::new(folder.path()) };
    let store = open(&options);
    let long = "n".repeat(1_000);
    let mut number = 0;
    let refused = loop {
        match register(&store, number + 1, &long) {
            Ok(_) => number += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Error::Full), "{refused:?}");
    assert!(number > 100, "{number} users in a MiB");
    assert_eq!(name_of(&store, number + 1).unwrap(), None);
    assert_eq!(name_of(&store, 1).unwrap(), Some(long.clone()));
    assert_eq!(name_of(&store, number).unwrap(), Some(long.clone()));
    // It tries each time: somebody may have made room.
    store.ready().unwrap();
    drop(store);
    let roomier = open(&Options { map_size: 2 << 20, ..options });
    assert_eq!(register(&roomier, number + 1, &long).unwrap(), [Registration::Created]);
    assert_eq!(name_of(&roomier, number).unwrap(), Some(long));
}
