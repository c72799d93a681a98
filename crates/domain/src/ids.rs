//! The names of things. Each is parsed once, at the edge; inside, the type is the proof.
//!
//! A name of up to 23 bytes, as every number and most others have, stands in the value itself: it
//! is made and copied without asking for memory. A longer one is shared by its copies.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr};

/// A tenant's numeric id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AppId(pub u32);

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text cannot be an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdFault {
    /// It has no characters.
    #[error("it is empty")]
    Empty,
    /// It has more bytes than such an id may have.
    #[error("it has more than {bytes_max} bytes")]
    TooLong {
        /// How many bytes it may have.
        bytes_max: usize,
    },
    /// It holds U+0000, which no id may hold.
    #[error("it holds the character U+0000")]
    Nul,
}

fn check(text: &str, bytes_max: usize) -> Result<(), IdFault> {
    if text.is_empty() {
        return Err(IdFault::Empty);
    }
    if text.len() > bytes_max {
        return Err(IdFault::TooLong { bytes_max });
    }
    if text.contains('\0') {
        return Err(IdFault::Nul);
    }
    Ok(())
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident, $bytes_max:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(SmolStr);

        impl $name {
            /// How many bytes of UTF-8 it may have; it has at least one, and no U+0000.
            pub const BYTES_MAX: usize = $bytes_max;

            /// Takes the text as it is: nothing is trimmed or folded.
            pub fn parse(text: &str) -> Result<Self, IdFault> {
                check(text, Self::BYTES_MAX)?;
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    )+};
}

text_ids! {
    /// A user of the directory.
    UserId, 64;
    /// A user as the log names them: whoever a media server saw, registered or not.
    ParticipantId, 256;
    /// A named place in an app.
    RoomId, 256;
    /// One life of a room.
    CallId, 256;
    /// One connection of a participant, where the media server names it.
    ConnectionId, 256;
    /// Who sent an event, as the sender calls itself.
    SourceName, 256;
    /// An event's id, as its sender gave it.
    EventId, 256;
    /// The way an event came in: `native`, or the name of a hook.
    Door, 32;
}

impl UserId {
    /// The number that this id is the canonical decimal of, if it is a positive Long: no sign, no
    /// leading zero. Only such users exist for dialects whose user ids are numbers.
    pub fn as_long(&self) -> Option<i64> {
        let text = self.as_str();
        if !text.starts_with(|first: char| ('1'..='9').contains(&first)) {
            return None;
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        text.parse().ok()
    }

    /// The id of the user whose number is `long`, or `None` if it is not positive.
    pub fn from_long(long: i64) -> Option<Self> {
        (long > 0).then(|| Self(long.to_smolstr()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_has_one_to_64_bytes() {
        assert_eq!(UserId::parse(""), Err(IdFault::Empty));
        assert!(UserId::parse(&"a".repeat(64)).is_ok_and(|id| id.as_str().len() == 64));
        assert_eq!(UserId::parse(&"a".repeat(65)), Err(IdFault::TooLong { bytes_max: 64 }));
        // 22 characters of three bytes each are 66 bytes.
        assert_eq!(UserId::parse(&"语".repeat(22)), Err(IdFault::TooLong { bytes_max: 64 }));
        assert_eq!(UserId::parse("a\0b"), Err(IdFault::Nul));
    }

    #[test]
    fn only_the_canonical_decimal_of_a_positive_long_is_a_number() {
        let long = |text: &str| UserId::parse(text).expect("an id").as_long();
        assert_eq!(long("10001"), Some(10001));
        assert_eq!(long("9223372036854775807"), Some(i64::MAX));
        for text in ["9223372036854775808", "0", "-1", "+1", "01", "1.0", "1e3", "１", "a", " 1"] {
            assert_eq!(long(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_and_its_id_name_each_other() {
        assert_eq!(UserId::from_long(10001).and_then(|id| id.as_long()), Some(10001));
        assert_eq!(UserId::from_long(0), None);
        assert_eq!(UserId::from_long(-1), None);
    }
}
