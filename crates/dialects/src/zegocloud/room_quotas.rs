//! How often a room may be asked about, for actions that have a limit per room.
//!
//! Only requests that the app's own quota let pass come here, so what is remembered is about as
//! much as an app may ask in two seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::RoomId;

/// How many rooms are remembered; those of more than a second ago are forgotten then. Should all be
/// younger, further ones are refused.
const ROOMS_MAX: usize = 16_384;

/// When each room was last asked about.
#[derive(Debug, Default)]
pub(super) struct RoomQuotas(Mutex<HashMap<(AppId, RoomId), i64>>);

impl RoomQuotas {
    /// Takes the one call of a second; `false` if it is taken.
    pub(super) fn take(&self, app: AppId, room: RoomId, now_unix_us: i64) -> bool {
        // Each change is whole before the next begins, so a panic elsewhere spoils nothing.
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // By a clock that went back, nobody waits longer than a second.
        let is_recent = |asked_unix_us: i64| (now_unix_us - asked_unix_us).abs() < SECOND_US;
        if rooms.len() >= ROOMS_MAX {
            rooms.retain(|_, asked_unix_us| is_recent(*asked_unix_us));
        }
        let key = (app, room);
        let is_taken = rooms.get(&key).is_some_and(|asked_unix_us| is_recent(*asked_unix_us));
        if is_taken || rooms.len() >= ROOMS_MAX {
            return false;
        }
        rooms.insert(key, now_unix_us);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_one_call_a_second_and_no_part_in_those_of_others() {
        let quotas = RoomQuotas::default();
        let room = |name: &str| RoomId::parse(name).unwrap();
        let take = |app, name, at_us| quotas.take(AppId(app), room(name), at_us);
        assert!(take(1, "a", 0));
        assert!(!take(1, "a", 999_999));
        assert!(take(1, "b", 999_999) && take(2, "a", 999_999));
        assert!(take(1, "a", 1_000_000), "a call that was refused does not count");
        assert!(take(1, "a", -5_000_000), "the clock went back");
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let quotas = RoomQuotas::default();
        let take = |n: usize, at_us| {
            let room = RoomId::parse(&n.to_string()).unwrap();
            quotas.take(AppId(1), room, at_us)
        };
        assert!((0..ROOMS_MAX).all(|n| take(n, 0)));
        assert!(!take(ROOMS_MAX, 999_999));
        assert!(take(ROOMS_MAX, 1_000_000));
    }
}
