//! How much one step of an erasure looks at.

use domain::clock::SECOND_US;
use domain::erasure::Erasures as _;
use domain::ids::{Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{Event, Fact};
use domain::store::Store as _;

use super::super::Options;
use super::{APP, open, wait};

#[test]
fn names_in_snapshots_count_against_what_a_step_looks_at() {
    const SNAPSHOTS: i64 = 24;
    const NAMES: usize = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&Options::new(folder.path()));
    let who = |name: String| ParticipantId::parse(&name).unwrap();
    let snapshot = |number: i64| Event {
        app: APP,
        door: Door::parse("native").unwrap(),
        source: SourceName::parse("sfu").unwrap(),
        id: EventId::parse(&number.to_string()).unwrap(),
        time_unix_us: number * SECOND_US,
        fact: Fact::Snapshot {
            room: RoomId::parse("room").unwrap(),
            call: None,
            present: (0..NAMES).map(|name| who(format!("n{name}"))).collect(),
            told: None,
        },
    };
    wait(store.append_events((1..=SNAPSHOTS).map(snapshot).collect())).unwrap();
    let (mut steps, mut snapshots, mut from) = (0, 0, None);
    loop {
        let step = wait(store.erase_events(APP, &who("n7".into()), from.as_deref(), 256)).unwrap();
        steps += 1;
        snapshots += step.snapshots;
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(snapshots, SNAPSHOTS.unsigned_abs());
    assert!(steps >= 3, "{steps} for {} names", SNAPSHOTS as usize * NAMES);
}
