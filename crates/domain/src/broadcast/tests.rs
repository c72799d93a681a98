//! What comes of a job, step by step, in tables; and what a ledger admits.

use expect_test::{Expect, expect};

use super::ledger::{Entry, REMEMBERED_MAX};
use super::progress::{FAILURES_MAX, REASON_BYTES_MAX};
use super::*;
use crate::clock::SECOND_US;

const ME: Worker = Worker { id: 1, has_peers: true };
const OTHER: Worker = Worker { id: 2, has_peers: true };
const ALONE: Worker = Worker { id: 3, has_peers: false };

fn s(second: i64) -> i64 {
    second * SECOND_US
}

fn job(progress: Progress, expires_s: Option<i64>) -> Broadcast {
    let message = Message {
        dialect: "d".into(),
        action: "A".into(),
        sender: UserId::parse("u").unwrap(),
        body: "{}".into(),
        audience: Audience::EVERYBODY,
        expires_unix_us: expires_s.map(s),
        created_unix_us: 0,
    };
    Broadcast { app: AppId(1), id: 1, message, progress }
}

fn refusal(status: u16) -> Refusal {
    Refusal { status: Some(status), reason: "no".into() }
}

fn told(next: Next) -> String {
    match next {
        Next::NotBefore(unix_us) => format!("not before {}", unix_us / SECOND_US),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_comes_next_follows_from_state_time_and_who_asks() {
    let new = Progress::new(s(0));
    let running = new.claimed(OTHER, s(0));
    let backing_off = running.refused(refusal(500), s(10));
    let check = |progress: &Progress, expires_s, worker, now_s, expected: Expect| {
        expected.assert_eq(&told(next(&job(progress.clone(), expires_s), worker, s(now_s))));
    };
    check(&new, None, ME, 0, expect!["Deliver"]);
    check(&new, Some(10), ME, 9, expect!["Deliver"]);
    check(&new, Some(10), ME, 10, expect!["Expire"]);
    // Who holds a lease goes on, others wait for its end; a server alone waits for nobody.
    check(&running, None, OTHER, 1, expect!["Deliver"]);
    check(&running, None, ME, 1, expect!["not before 60"]);
    check(&running, Some(30), ME, 1, expect!["not before 30"]);
    check(&running, None, ME, 60, expect!["Deliver"]);
    check(&running, None, ALONE, 1, expect!["Deliver"]);
    check(&backing_off, None, OTHER, 10, expect!["not before 11"]);
    check(&backing_off, None, ALONE, 10, expect!["not before 11"]);
    check(&backing_off, None, ME, 11, expect!["Deliver"]);
    check(&backing_off, Some(11), ME, 11, expect!["Expire"]);
    let over = [
        running.advanced((None, 1), OTHER, s(1)),
        running.expired(s(1)),
        running.failed(refusal(1), s(1)),
        running.cancelled(s(1)).unwrap(),
    ];
    for progress in over {
        assert!(progress.is_over());
        check(&progress, Some(2), ME, 5, expect!["Nothing"]);
    }
}

#[test]
fn a_receiver_is_left_alone_longer_and_longer_and_given_up_in_the_end() {
    let mut progress = Progress::new(0);
    let (mut now, mut pauses) = (0, vec![]);
    while !progress.is_over() {
        progress = progress.claimed(ME, now).refused(refusal(503), now);
        pauses.push((progress.not_before_unix_us - now) / SECOND_US);
        now = progress.not_before_unix_us;
    }
    assert_eq!(progress.state, State::Failed);
    assert_eq!(progress.failures, FAILURES_MAX);
    assert_eq!(pauses[..8], [1, 5, 30, 120, 600, 1_800, 1_800, 1_800]);
    assert!(now > s(12 * 3_600), "{now}");
    assert_eq!(progress.refusal, Some(refusal(503)), "it is kept with its reason");
}

#[test]
fn an_accepted_delivery_moves_the_place_and_forgets_failures() {
    let place = |byte| Some(vec![byte]);
    let first = Progress::new(0).claimed(ME, 0).refused(refusal(500), 0);
    let second = first.claimed(ME, s(2)).advanced((place(7), 1_000), ME, s(2));
    assert_eq!((second.place.clone(), second.users, second.batches), (place(7), 1_000, 1));
    assert_eq!((second.failures, second.refusal.clone()), (0, None));
    assert!(matches!(second.state, State::Running(lease) if lease.holder == ME.id));
    // Nobody up to there: nothing was delivered, and what failed before still did.
    let nobody = first.advanced((place(8), 0), ME, s(3));
    assert_eq!((nobody.batches, nobody.failures), (0, 1));
    let done = second.advanced((None, 3), ME, s(4));
    assert_eq!((done.state, done.users, done.batches), (State::Done, 1_003, 2));
    assert_eq!(done.version, second.version + 1);
}

#[test]
fn a_wish_is_granted_where_it_makes_sense() {
    let new = Progress::new(0);
    let place = Some(vec![1]);
    let running = new.claimed(ME, 0).advanced((place.clone(), 5), ME, 0);
    let table = [
        ("new", new.clone(), true, true),
        ("running", running.clone(), false, true),
        ("backing off", running.refused(refusal(500), 0), true, true),
        ("released", running.released(s(1)), true, true),
        ("done", running.advanced((None, 1), ME, 0), false, false),
        ("expired", running.expired(0), false, false),
        ("failed", running.failed(refusal(1), 0), true, false),
        ("cancelled", running.cancelled(0).unwrap(), true, false),
    ];
    for (name, progress, retries, cancels) in table {
        let retried = progress.retried(s(9));
        assert_eq!(retried.is_some(), retries, "{name}");
        assert_eq!(progress.cancelled(s(9)).is_some(), cancels, "{name}");
        if let Some(retried) = retried {
            assert_eq!(retried.place, progress.place, "{name} goes on at its place");
            assert_eq!((retried.failures, retried.not_before_unix_us), (0, s(9)), "{name}");
            assert_eq!(retried.version, progress.version + 1, "{name}");
        }
    }
}

#[test]
fn what_begins_anew_counts_anew_and_what_is_over_for_good_keeps_its_counts() {
    let running = Progress::new(s(0)).advanced((Some(vec![1]), 3), ME, s(1));
    let failed = running.failed(refusal(500), s(2));
    let cancelled = running.cancelled(s(2)).unwrap();
    let waiting = running.refused(refusal(500), s(2));
    let seen = |progress: &Progress| {
        let anew = progress.begun_anew();
        assert_eq!((&anew.place, anew.version), (&None, progress.version));
        assert_eq!(anew.is_over(), progress.is_over());
        (anew.users, anew.batches, progress.is_halfway())
    };
    for halfway in [&running, &failed, &cancelled, &waiting] {
        assert_eq!(seen(halfway), (0, 0, true), "{halfway:?}");
    }
    let retried = cancelled.begun_anew().retried(s(3)).unwrap();
    let done = retried.advanced((Some(vec![2]), 3), ME, s(4)).advanced((None, 2), ME, s(5));
    assert_eq!((done.state, done.users, done.batches), (State::Done, 5, 2));
    assert_eq!(seen(&done), (5, 2, false));
    assert_eq!(seen(&running.expired(s(9))), (3, 1, false));
    assert!(!Progress::new(s(0)).is_halfway(), "nobody was reached");
}

#[test]
fn a_reason_has_a_maximum() {
    let long = Refusal { status: None, reason: "语".repeat(1_000) };
    let kept = Progress::new(0).refused(long, 0).refusal.unwrap().reason;
    assert!(kept.len() <= REASON_BYTES_MAX && kept.len() > REASON_BYTES_MAX - 4, "{}", kept.len());
}

#[test]
fn a_message_shows_neither_sender_nor_content() {
    let mut message = job(Progress::new(0), None).message;
    message.sender = UserId::parse("ada").unwrap();
    message.body = r#"{"Content":"hello"}"#.into();
    let shown = format!("{message:?}");
    assert!(!shown.contains("ada") && !shown.contains("hello"), "{shown}");
}

fn made(entry: Entry) -> u64 {
    match entry {
        Entry::Made { id, gone } if gone.is_empty() => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_quota_counts_what_was_accepted_of_its_action_since_an_instant() {
    let mut ledger = Ledger::default();
    let quota = |since_s| Some(Quota { since_unix_us: s(since_s), max: 2 });
    assert_eq!(made(ledger.enter("A", s(1), quota(0))), 1);
    assert_eq!(made(ledger.enter("A", s(2), quota(0))), 2);
    let before = ledger.clone();
    assert_eq!(ledger.enter("A", s(3), quota(0)), Entry::OverQuota);
    assert_eq!(ledger, before, "what is refused does not count");
    assert_eq!(made(ledger.enter("B", s(3), quota(0))), 3);
    assert_eq!(made(ledger.enter("A", s(4), None)), 4);
    assert_eq!(ledger.enter("A", s(5), quota(2)), Entry::OverQuota, "the edge counts");
    assert_eq!(made(ledger.enter("A", s(5), quota(3))), 5);
    // It is known after they are gone, too.
    ledger.remove(&[1, 2, 3, 4, 5]);
    assert_eq!(ledger.enter("A", s(6), quota(4)), Entry::OverQuota);
}

#[test]
fn a_ledger_has_a_maximum_of_everything() {
    let mut ledger = Ledger::default();
    for n in 1..=OPEN_MAX as u64 {
        assert_eq!(made(ledger.enter("A", s(1), None)), n);
    }
    assert_eq!(ledger.enter("A", s(1), None), Entry::TooManyOpen);
    assert!(ledger.note(1, true) && !ledger.note(1, true), "it is news once");
    for n in OPEN_MAX as u64 + 1..=KEPT_MAX as u64 {
        let id = made(ledger.enter(&format!("action {n}"), s(1), None));
        assert!(ledger.note(id, true));
    }
    // The oldest that is over goes, and never one that is not.
    let entry = ledger.enter("A", s(1), None);
    assert_eq!(entry, Entry::Made { id: KEPT_MAX as u64 + 1, gone: vec![1] });
    assert!(ledger.note(KEPT_MAX as u64 + 1, true));
    let Entry::Made { gone, .. } = ledger.enter("A", s(1), None) else { panic!("refused") };
    assert_eq!(gone, [OPEN_MAX as u64 + 1]);
    assert!(ledger.note(KEPT_MAX as u64 + 2, true));
    for _ in 0..2 * REMEMBERED_MAX {
        let Entry::Made { id, .. } = ledger.enter("A", s(1), None) else { panic!("refused") };
        ledger.note(id, true);
    }
    let written = format!("{ledger:?}").len();
    assert!(written < 50_000, "{written}");
    assert_eq!(ledger.behind(None).count(), KEPT_MAX);
}

#[test]
fn what_is_gone_is_not_opened_again() {
    let mut ledger = Ledger::default();
    made(ledger.enter("A", 0, None));
    made(ledger.enter("A", 0, None));
    assert!(ledger.note(1, true));
    ledger.remove(&[1]);
    assert!(!ledger.note(1, false));
    assert_eq!((ledger.open(), ledger.has(1)), (Open { ids: vec![2], last_id: 2 }, false));
    assert_eq!(ledger.behind(Some(1)).collect::<Vec<_>>(), [2]);
    assert_eq!(ledger.behind(Some(2)).count(), 0);
}
