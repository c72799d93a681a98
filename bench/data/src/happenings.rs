//! What a media server tells of the calls, in the order in which it happens.

use std::{cmp::Reverse, collections::BinaryHeap, rc::Rc};

use crate::calls::{self, Call, Client, Plan};

/// One fact.
#[derive(Clone, Debug)]
pub struct Happening {
    /// From 0, in order.
    pub number: u64,
    /// When, in milliseconds.
    pub at_unix_ms: i64,
    /// What.
    pub deed: Deed,
    /// Of which call.
    pub of: Rc<Whereabouts>,
}

impl Happening {
    /// When, as a timestamp.
    pub fn time(&self) -> jiff::Timestamp {
        crate::json::time(self.at_unix_ms)
    }
}

/// A call's names.
#[derive(Debug)]
pub struct Whereabouts {
    /// The room.
    pub room: String,
    /// The call.
    pub call: String,
    /// Which data it belongs to: numbers of happenings are different only within it.
    pub seed: u64,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Somebody joined.
    Joined(Rc<Person>),
    /// They published.
    Published(Rc<Person>),
    /// They left.
    Left(Rc<Person>),
    /// The room is over.
    Finished,
}

/// One connection of somebody.
#[derive(Debug)]
pub struct Person {
    /// Who.
    pub participant: String,
    /// The connection.
    pub connection: String,
    /// On what.
    pub client: &'static Client,
}

/// Tells everything of a plan.
pub fn happenings(plan: Plan) -> impl Iterator<Item = Happening> {
    let mut calls = calls::calls(plan).peekable();
    let mut ahead = BinaryHeap::new();
    let (mut queued, mut number) = (0, 0);
    std::iter::from_fn(move || {
        // Nothing of the calls that are still to come is earlier than the next one's begin.
        while let Some(call) = calls.next_if(|call| {
            ahead.peek().is_none_or(|Reverse(next): &Reverse<Ahead>| begin(call) <= next.at_unix_ms)
        }) {
            queue(call, plan.seed, &mut ahead, &mut queued);
        }
        let Reverse(Ahead { at_unix_ms, deed, of, .. }) = ahead.pop()?;
        number += 1;
        Some(Happening { number: number - 1, at_unix_ms, deed, of })
    })
}

/// A happening to come; ordered by time, and then as it was made.
struct Ahead {
    at_unix_ms: i64,
    order: u64,
    deed: Deed,
    of: Rc<Whereabouts>,
}

impl Ahead {
    fn key(&self) -> (i64, u64) {
        (self.at_unix_ms, self.order)
    }
}

impl PartialEq for Ahead {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Ahead {}

impl PartialOrd for Ahead {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ahead {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Nobody of a call comes before the first of its stays.
fn begin(call: &Call) -> i64 {
    call.stays.iter().map(|stay| stay.passages[0].0).min().unwrap_or(i64::MIN)
}

fn queue(call: Call, seed: u64, ahead: &mut BinaryHeap<Reverse<Ahead>>, queued: &mut u64) {
    let of = Rc::new(Whereabouts { room: call.room, call: call.id, seed });
    let mut push = |at_unix_ms, deed| {
        *queued += 1;
        ahead.push(Reverse(Ahead { at_unix_ms, order: *queued, deed, of: Rc::clone(&of) }));
    };
    for stay in call.stays {
        for (place, (join, leave)) in stay.passages.iter().enumerate() {
            let prefix = if place == 0 { "PA_" } else { "PB_" };
            let person = Rc::new(Person {
                participant: stay.participant.clone(),
                connection: crate::minted(prefix, stay.number),
                client: stay.client,
            });
            push(*join, Deed::Joined(Rc::clone(&person)));
            if let Some(published) = stay.published_unix_ms.filter(|_| place == 0) {
                push(published, Deed::Published(Rc::clone(&person)));
            }
            if let Some(leave) = leave {
                push(*leave, Deed::Left(person));
            }
        }
    }
    if let Some(finished) = call.finished_unix_ms {
        push(finished, Deed::Finished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_all_of_it_in_order() {
        let plan = Plan {
            stays: 20_000,
            users: 900,
            from_unix_ms: 0,
            until_unix_ms: 86_400_000,
            seed: 3,
            lesson_unix_ms: Some(40_000_000),
        };
        let told: Vec<Happening> = happenings(plan).collect();
        assert!(told.is_sorted_by_key(|it| (it.at_unix_ms, it.number)));
        let stays: Vec<_> = calls::calls(plan).flat_map(|call| call.stays).collect();
        let joins = told.iter().filter(|it| matches!(it.deed, Deed::Joined(_))).count();
        assert_eq!(joins, stays.iter().map(|stay| stay.passages.len()).sum::<usize>());
        let left = told.iter().filter(|it| matches!(it.deed, Deed::Left(_))).count();
        let leaves = stays.iter().flat_map(|stay| &stay.passages).filter(|it| it.1.is_some());
        assert_eq!(left, leaves.count());
    }
}
