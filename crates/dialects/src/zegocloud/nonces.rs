//! What was signed once, if a nonce may be used once only (`strict_nonce`).
//!
//! The vendor's own samples send what they like as a nonce, some third-party code a constant, and
//! no return code exists for a repeat: so by default nothing is remembered.
//!
//! Only nonces of requests with a good signature come here, and each app has its own room, so
//! nobody can fill another's.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use domain::AppId;
use sha2::{Digest, Sha256};

use super::signature::{AGE_S_MAX, Claim};

/// How many nonces of one app are remembered: 218 requests a second over the longest time that a
/// nonce is kept. When there is no room left, requests of that app are refused as of a busy server
/// until the oldest nonces have served their time; to forget one early would let it pass again.
const NONCES_PER_APP_MAX: usize = 1 << 18;

/// What a nonce is remembered by: a text of any length takes the same room.
type Mark = [u8; 16];

/// What became of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is new, and remembered now.
    First,
    /// It is remembered from another request.
    Repeat,
    /// It is new, but no more can be remembered.
    NoRoom,
}

/// The nonces of all apps.
#[derive(Debug, Default)]
pub(super) struct Nonces(Mutex<HashMap<AppId, Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    marks: HashSet<Mark>,
    by_end_unix_s: BTreeMap<i64, Vec<Mark>>,
}

impl Nonces {
    /// Remembers a nonce for ten minutes, and for as long as its signature stays good.
    pub(super) fn use_up(&self, claim: &Claim<'_>, now_unix_s: i64) -> Use {
        let kept_s = AGE_S_MAX.cast_signed();
        let end_unix_s = now_unix_s.max(claim.timestamp_unix_s) + kept_s;
        // Each change is whole before the next begins, so a panic elsewhere spoils nothing.
        let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = apps.entry(claim.app).or_default();
        remembered.forget_before(now_unix_s);
        remembered.add(mark(claim.nonce), end_unix_s, NONCES_PER_APP_MAX)
    }
}

impl Remembered {
    fn forget_before(&mut self, now_unix_s: i64) {
        while let Some(oldest) = self.by_end_unix_s.first_entry()
            && *oldest.key() < now_unix_s
        {
            for mark in oldest.remove() {
                self.marks.remove(&mark);
            }
        }
    }

    fn add(&mut self, mark: Mark, end_unix_s: i64, marks_max: usize) -> Use {
        if self.marks.contains(&mark) {
            return Use::Repeat;
        }
        if self.marks.len() == marks_max {
            return Use::NoRoom;
        }
        self.marks.insert(mark);
        self.by_end_unix_s.entry(end_unix_s).or_default().push(mark);
        Use::First
    }
}

fn mark(nonce: &str) -> Mark {
    let hash = Sha256::digest(nonce);
    hash[..16].try_into().expect("a SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_kept_until_its_end_and_its_room_is_free_again_after_it() {
        let mut remembered = Remembered::default();
        assert_eq!(remembered.add(mark("a"), 100, 2), Use::First);
        assert_eq!(remembered.add(mark("b"), 101, 2), Use::First);
        assert_eq!(remembered.add(mark("c"), 102, 2), Use::NoRoom);
        assert_eq!(remembered.add(mark("a"), 102, 2), Use::Repeat, "even without room");

        remembered.forget_before(100);
        assert_eq!(remembered.add(mark("a"), 102, 2), Use::Repeat, "the end is included");
        remembered.forget_before(101);
        assert_eq!(remembered.add(mark("a"), 102, 2), Use::First);
        assert_eq!(remembered.add(mark("b"), 102, 2), Use::Repeat);

        remembered.forget_before(103);
        assert_eq!((remembered.marks.len(), remembered.by_end_unix_s.len()), (0, 0));
    }
}
