//! Going through all stays that a query selects, a page at a time.
//!
//! The port tells pages by how many stays come before them, and stays come and go between two
//! pages. So each page begins where the last stay of the one before it is looked for, and goes on
//! behind that: whoever is selected all the while is shown, and shown once.

use std::future::poll_fn;
use std::task::Poll;

use super::query::StayQuery;
use super::stay::Stay;
use crate::error::Result;
use crate::store::Store;

/// How many stays are read at once.
pub const READ_MAX: u32 = 10_000;

/// How many stays further in front it is looked for the last one, and how many times more the next
/// time.
const BACK: u64 = 64;

/// A walk over the stays that a query selects.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Its offset is where the next page is thought to begin, its limit how long a page is.
    query: StayQuery,
    passed: Passed,
}

/// Which stays are not shown any more.
#[derive(Clone, Debug)]
enum Passed {
    None,
    /// Those that began before this second.
    Before(i64),
    /// This one, and those before it.
    To(Box<Stay>),
}

impl Passed {
    fn has(&self, stay: &Stay) -> bool {
        match self {
            Self::None => false,
            Self::Before(second) => stay.created_unix_s() < *second,
            Self::To(last) => stay.order() <= last.order(),
        }
    }
}

impl Pages {
    /// From the first stay on; the query's limit is how long a page is.
    pub fn new(query: StayQuery) -> Self {
        Self { query: StayQuery { offset: 0, ..query }, passed: Passed::None }
    }

    /// From the first stay on that began in a second or later, before which the query selects about
    /// `offset` others.
    pub fn since(query: StayQuery, second: i64, offset: u64) -> Self {
        Self { query: StayQuery { offset, ..query }, passed: Passed::Before(second) }
    }

    /// The next stays, in the order of answers; `None` behind the last. It may be none of them
    /// although there are more.
    pub async fn next(&mut self, store: &dyn Store) -> Result<Option<Vec<Stay>>> {
        // A store on this machine answers without waiting: others have their turn in between.
        let_others_work().await;
        let mut back = u64::from(!matches!(self.passed, Passed::None));
        loop {
            let offset = self.query.offset.saturating_sub(back);
            let query = StayQuery { offset, ..self.query.clone() };
            let mut page = store.page_of_stays(&query).await?;
            let known = page.stays.partition_point(|stay| self.passed.has(stay));
            if known == 0 && offset > 0 {
                // Some of those before went: the next one may be in front of this page.
                back = (back * BACK).max(BACK);
                continue;
            }
            let end = offset + page.stays.len() as u64;
            let stays = page.stays.split_off(known);
            if stays.is_empty() && end >= page.total {
                return Ok(None);
            }
            self.query.offset = end;
            if let Some(last) = stays.last() {
                self.passed = Passed::To(Box::new(last.clone()));
            }
            return Ok(Some(stays));
        }
    }
}

/// Lets whoever waits for this thread go first.
pub(super) async fn let_others_work() {
    let mut has_waited = false;
    poll_fn(|task| match std::mem::replace(&mut has_waited, true) {
        true => Poll::Ready(()),
        false => {
            task.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
