//! Somebody is erased: their events go, and snapshots lose their name.
//!
//! Every event lies under its identity, also one that lost, and one whose server died before it was
//! in its room: so these are walked, all that there are, a page in a step. What names whom is to be
//! erased goes from its room first, by a round like any other, and from its identity then: whoever
//! dies in between leaves a row by which the next walk finds it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use domain::AppId;
use domain::erasure::Erased;
use domain::error::Result;
use domain::ids::ParticipantId;
use domain::log::stay::RoomKey;
use domain::log::{Event, StayQuery};

use super::append::room_of;
use super::state::{Ask, Lost};
use super::{Log, identities, index, waiting};
use crate::cassandra::cluster::Cluster;

/// Takes a step; see [`domain::erasure::Erasures`]. It looks at a page of events: who goes would
/// move those behind them to another place of a page.
pub(in crate::cassandra) async fn erase(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    (app, who): (AppId, &ParticipantId),
    from: Option<&[u8]>,
) -> Result<Erased> {
    let (events, next) = identities::all(cluster, from).await?;
    let is_theirs = |event: &Event| event.app == app && event.names(who);
    let theirs: Vec<Event> = events.into_iter().filter(is_theirs).collect();
    let mut erased = Erased { next, ..Erased::default() };
    if theirs.is_empty() {
        return Ok(erased);
    }
    let before = count_stays(cluster, app, who).await?;
    let mut asks: BTreeMap<RoomKey, Vec<Ask>> = BTreeMap::new();
    let mut counting = HashSet::new();
    for event in &theirs {
        let contents = identities::contents(cluster, app, &event.identity()).await?;
        let is_counting = contents.first() == Some(&event.content_hash());
        if is_counting {
            counting.insert(event.identity());
        }
        let counts = u64::from(is_counting);
        let ask = match event.clone().without(who) {
            Some(left) => {
                erased.snapshots += counts;
                Ask::Replace(Box::new(left))
            }
            None => {
                erased.events += counts;
                Ask::Remove(Lost::of(event))
            }
        };
        if let Some(at) = room_of(event) {
            // What is remembered of the room may be older than what was found.
            asks.entry(at).or_insert_with(|| vec![Ask::Fold]).push(ask);
        }
    }
    for (at, asks) in asks {
        waiting::ask(log, cluster, &at, asks).await?;
    }
    for event in theirs {
        match event.clone().without(who) {
            Some(left) => identities::put(cluster, &left).await?,
            // What lost to it is in no room, and must not come to count.
            None if counting.contains(&event.identity()) => {
                identities::delete(cluster, app, &[event.identity()]).await?;
            }
            None => identities::forget(cluster, &event).await?,
        }
    }
    erased.stays = before - count_stays(cluster, app, who).await?;
    Ok(erased)
}

/// How many stays of somebody the log shows.
async fn count_stays(cluster: &Cluster, app: AppId, who: &ParticipantId) -> Result<i64> {
    let query = StayQuery {
        app,
        room: None,
        participants: Some(BTreeSet::from([who.clone()])),
        with_servers: true,
        from_unix_s: i64::MIN,
        until_unix_s: i64::MAX,
        offset: 0,
        limit: 0,
    };
    Ok(index::page_of_stays(cluster, &query).await?.total.cast_signed())
}
