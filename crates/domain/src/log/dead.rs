//! Dead letters: deliveries that are surely their sender's, and that nobody here could read.
//!
//! They are kept so that a later version can read them, and so that somebody can see what is wrong.
//! They are not kept for ever: as long as events are, and so many of an app and no more; the oldest
//! go first.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::query::PAGE_LEN_MAX;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, Door};

/// How many dead letters of an app are kept.
pub const LETTERS_MAX: u64 = 10_000;

/// How many bytes of dead letters of an app are kept, as [`DeadLetter::bytes`] counts them.
pub const LETTERS_BYTES_MAX: u64 = 16 << 20;

/// How long a body may be. Of a longer one nothing is kept: nobody could read a part of it.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// How much of a reason is kept.
pub const REASON_BYTES_MAX: usize = 512;

/// A delivery, or a part of one, that nobody here could read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Whose it is.
    pub app: AppId,
    /// The way it came in.
    pub door: Door,
    /// When it came, by our clock.
    pub received_unix_us: i64,
    /// Why nobody could read it. Reasons never quote personal fields or secrets.
    pub reason: String,
    /// What came, byte by byte, without headers; `None` where the source does not say that it is
    /// safe to keep. Some senders put passwords of relays into their bodies, and most put names of
    /// people there: so this is shown to whoever may see the app's log, and is never logged.
    pub body: Option<Vec<u8>>,
}

/// A dead letter that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLetter {
    /// Its id. Later letters have larger ones.
    pub id: u64,
    /// What it is.
    pub letter: DeadLetter,
}

/// Some of an app's dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterPage {
    /// How many there are of the app in all.
    pub total: u64,
    /// Those of this page, the oldest first.
    pub letters: Vec<KeptLetter>,
}

impl DeadLetter {
    /// How much room it takes, about.
    pub fn bytes(&self) -> u64 {
        const BESIDES: usize = 64;
        (BESIDES + self.reason.len() + self.body.as_ref().map_or(0, Vec::len)) as u64
    }
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, door, received_unix_us, reason, body } = self;
        f.debug_struct("DeadLetter")
            .field("app", app)
            .field("door", door)
            .field("received_unix_us", received_unix_us)
            .field("reason", reason)
            .field("body_len", &body.as_ref().map(Vec::len))
            .finish()
    }
}

/// Keeps letters, and tells their ids.
pub async fn keep(ctx: &Context, mut letters: Vec<DeadLetter>) -> Result<Vec<u64>> {
    for letter in &mut letters {
        letter.reason.truncate(letter.reason.floor_char_boundary(REASON_BYTES_MAX));
        letter.body.take_if(|body| body.len() > BODY_BYTES_MAX);
    }
    match letters.is_empty() {
        true => Ok(vec![]),
        false => ctx.store.keep_dead_letters(letters).await,
    }
}

/// The oldest letters of an app, or those behind one of them; [`PAGE_LEN_MAX`] at most.
pub async fn list(ctx: &Context, app: AppId, after: Option<u64>, limit: u32) -> Result<LetterPage> {
    ctx.store.list_dead_letters(app, after, limit.min(PAGE_LEN_MAX)).await
}

/// Removes letters of an app, and tells how many of them there were.
pub async fn remove(ctx: &Context, app: AppId, ids: Vec<u64>) -> Result<u64> {
    ctx.store.remove_dead_letters(app, ids).await
}
