//! A room that grows event by event shows what all of them show together.

use proptest::prelude::*;

use super::Verdict;
use super::histories::{at, histories};
use crate::ids::CallId;
use crate::log::event::{Event, Fact};
use crate::log::stay::Stay;
use crate::log::{Growing, fold_room};

/// All that is reported of somebody names a call.
fn with_calls(mut event: Event) -> Event {
    let who = match &mut event.fact {
        Fact::Joined { who, .. }
        | Fact::Left { who, .. }
        | Fact::Client { who, .. }
        | Fact::Published { who } => who,
        _ => return event,
    };
    who.call.get_or_insert_with(|| CallId::parse("c0").expect("an id"));
    event
}

/// Adds events one after the other, and says how many of them concerned one participant.
fn grow(events: &[Event]) -> Result<usize, TestCaseError> {
    let mut stays: Vec<Stay> = vec![];
    let mut growing = Growing::of(&[]);
    let mut alone = 0;
    for (number, event) in events.iter().enumerate() {
        let there = &events[..=number];
        match growing.concerns_one(event) {
            Some(who) => {
                alone += 1;
                let theirs = there
                    .iter()
                    .filter(|event| event.presence().is_some_and(|it| it.participant == *who));
                stays.retain(|stay| stay.participant != *who);
                stays.extend(growing.stays_of(&at(), who, theirs, there));
                stays.sort_by(|one, other| one.order().cmp(&other.order()));
            }
            None => {
                stays = fold_room(&at(), there);
                growing = Growing::of(there);
            }
        }
        prop_assert_eq!(&stays, &fold_room(&at(), there), "{:?}", event);
    }
    Ok(alone)
}

fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| event.time_unix_us);
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn a_room_that_grows_shows_what_its_events_show(
        events in histories(),
        is_in_order in any::<bool>(),
        has_calls in prop::bool::weighted(0.8),
    ) {
        let events = if is_in_order { in_order(events) } else { events };
        let of = |event| if has_calls { with_calls(event) } else { event };
        let verdict: Verdict = grow(&events.into_iter().map(of).collect::<Vec<_>>()).map(drop);
        verdict?;
    }
}

#[test]
fn most_of_what_happens_in_a_call_concerns_one() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut all, mut alone) = (0, 0);
    for _ in 0..200 {
        let events = histories().new_tree(&mut runner).expect("a history").current();
        let events: Vec<Event> = in_order(events).into_iter().map(with_calls).collect();
        (all, alone) = (all + events.len(), alone + grow(&events).expect("the same stays"));
    }
    // Half of these histories is made of what concerns everybody.
    assert!(alone * 10 > all, "{alone} of {all}");
}
