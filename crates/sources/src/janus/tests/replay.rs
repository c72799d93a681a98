//! What a real server sent, replayed.

use domain::log::Event;
use expect_test::expect;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{log_of, receive};
use crate::Received;

#[derive(Deserialize)]
struct Post {
    body: Box<RawValue>,
}

fn received() -> Vec<Received> {
    let lines = include_str!("../captures/janus-1.1.2-sampleevh.jsonl").lines();
    let posts = lines.map(|line| serde_json::from_str::<Post>(line).expect("a capture"));
    posts.map(|post| receive(post.body.get())).collect()
}

fn events() -> Vec<Event> {
    received().into_iter().flat_map(|received| received.events).collect()
}

#[test]
fn every_event_is_understood() {
    let all = received();
    let sum = |count: fn(&Received) -> usize| all.iter().map(count).sum::<usize>();
    // Six joins, two publications, four leaves, one room and three servers' ends.
    assert_eq!(sum(|received| received.events.len()), 16);
    assert_eq!(sum(|received| received.dead.len()), 0);
    // There are 136 in all.
    assert_eq!(sum(|received| received.ignored), 120);
}

/// Written by hand from the capture, never taken from the program.
#[test]
fn the_log_shows_what_the_participants_did() {
    expect![[r#"
        lobby, call 1: alice, published
          01:45:08.928687 to 01:45:13.965424
          01:45:14.482262 to 01:45:19.023738
        lobby, call 1: bob
          01:45:12.958106 to 01:45:35.394248
        lobby, call 1: carol
          01:45:16.505476 to 01:45:16.506563
        lobby, call 2: dave
          01:45:41.041806 to 01:45:41.045221?
        r2, call 1: erin
          01:45:42.052614 to 01:45:42.052614?
    "#]]
    .assert_eq(&log_of(&events()));
}

#[test]
fn the_log_is_the_same_shuffled_and_doubled() {
    let log = log_of(&events());
    for seed in 0..200_u32 {
        let mut shuffled = [events(), events()].concat();
        shuffled
            .sort_by_cached_key(|event| Sha256::digest(format!("{seed} {}", event.id)).to_vec());
        assert_eq!(log_of(&shuffled), log, "seed {seed}");
    }
}

#[test]
fn nothing_private_is_in_what_goes_to_the_log() {
    let log = format!("{:?}", events());
    for private in ["Alice", "alice-device-1", "10.77.0.1", "3386892342"] {
        let capture = include_str!("../captures/janus-1.1.2-sampleevh.jsonl");
        assert!(capture.contains(private));
        assert!(!log.contains(private), "{private} is in the log");
    }
}
