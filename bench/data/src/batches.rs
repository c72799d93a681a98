//! Happenings as senders tell them: each call has one sender, who tells in order, so many at once.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use crate::happenings::Happening;

/// What one sender tells at once.
pub struct Batch {
    /// Which sender, from 0.
    pub sender: usize,
    /// Its how manieth batch, from 0.
    pub number: u64,
    /// As many as were asked for, but for the last of a sender.
    pub happenings: Vec<Happening>,
}

/// Groups happenings into batches, in the order in which these become full; then what is left.
///
/// Both numbers are at least 1.
pub fn batches(
    happenings: impl Iterator<Item = Happening>,
    senders: usize,
    each: usize,
) -> impl Iterator<Item = Batch> {
    let mut waiting: Vec<Vec<Happening>> = vec![vec![]; senders];
    let mut numbers = vec![0; senders];
    let mut number = move |sender: usize| {
        numbers[sender] += 1;
        numbers[sender] - 1
    };
    let mut happenings = happenings.fuse();
    let mut left = VecDeque::from_iter(0..senders);
    std::iter::from_fn(move || {
        for happening in happenings.by_ref() {
            let sender = sender_of(&happening.of.call, senders);
            waiting[sender].push(happening);
            if waiting[sender].len() == each {
                let happenings = std::mem::take(&mut waiting[sender]);
                return Some(Batch { sender, number: number(sender), happenings });
            }
        }
        loop {
            let sender = left.pop_front()?;
            let happenings = std::mem::take(&mut waiting[sender]);
            if !happenings.is_empty() {
                return Some(Batch { sender, number: number(sender), happenings });
            }
        }
    })
}

fn sender_of(call: &str, senders: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    call.hash(&mut hasher);
    (hasher.finish() % senders as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{calls::Plan, happenings::happenings};

    #[test]
    fn nothing_is_left_out_and_a_call_has_one_sender() {
        let plan = Plan {
            stays: 3_000,
            users: 900,
            from_unix_ms: 0,
            until_unix_ms: 86_400_000,
            seed: 3,
            lesson_unix_ms: None,
        };
        let (mut told, mut senders, mut numbers) = (vec![], HashMap::new(), HashMap::new());
        for Batch { sender, number, happenings } in batches(happenings(plan), 8, 100) {
            assert_eq!(numbers.insert(sender, number), number.checked_sub(1));
            for happening in happenings {
                let call = happening.of.call.clone();
                assert_eq!(*senders.entry(call).or_insert(sender), sender);
                told.push(happening.number);
            }
        }
        told.sort_unstable();
        assert_eq!(told, Vec::from_iter(0..happenings(plan).count() as u64));
        assert_eq!(numbers.len(), 8);
    }
}
