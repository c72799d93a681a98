//! How an interval ends, and how surely that is known.

use serde::{Deserialize, Serialize};

/// How surely something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Certainty {
    /// Somebody reported it.
    Reported,
    /// It follows from something else that was reported.
    Inferred,
}

/// How an interval ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It has not.
    Open,
    /// At this time, this surely.
    At(i64, Certainty),
}

impl End {
    /// When, in microseconds since 1970; `None` while it is open.
    pub fn unix_us(self) -> Option<i64> {
        match self {
            Self::Open => None,
            Self::At(unix_us, _) => Some(unix_us),
        }
    }

    /// Whether it is over when somebody joins at that time. An inferred end is the last instant at
    /// which anything was heard, so it is over only after that instant.
    pub fn is_over_at(self, joined_unix_us: i64) -> bool {
        match self {
            Self::Open => false,
            Self::At(unix_us, Certainty::Reported) => unix_us <= joined_unix_us,
            Self::At(unix_us, Certainty::Inferred) => unix_us < joined_unix_us,
        }
    }

    /// Whichever is over later.
    #[must_use]
    pub fn or_later(self, other: Self) -> Self {
        match (self, other) {
            (Self::At(one_us, one), Self::At(other_us, other)) => {
                let (unix_us, certainty) = (one_us, one).max((other_us, other));
                Self::At(unix_us, certainty)
            }
            _ => Self::Open,
        }
    }

    /// Whether a leave was reported, so that nothing else can move the end.
    pub fn is_reported(self) -> bool {
        matches!(self, Self::At(_, Certainty::Reported))
    }
}
