//! All events, in the order of time.

use domain::log::Event;
use domain::store::{Walked, walked_weight};

use super::append::KnownEvent;
use crate::embedded::fault::Result;
use crate::embedded::transaction::Read;

/// The events behind a key, and the last of their keys, if there are more.
pub(in crate::embedded) fn walk(
    read: Read<'_>,
    behind: Option<&[u8]>,
    limit: usize,
) -> Result<Walked<Event>> {
    let mut walked = Walked { found: vec![], next: None };
    let (mut last, mut weight) = (None, 0);
    for row in read.tables.events.range(read.txn, &[], behind.unwrap_or_default())? {
        let (key, KnownEvent { event, .. }) = row?;
        if behind == Some(key) {
            continue;
        }
        if weight >= limit {
            walked.next = last;
            break;
        }
        weight += walked_weight(&event);
        walked.found.push(event);
        last = Some(key.to_vec());
    }
    Ok(walked)
}
