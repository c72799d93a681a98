//! A page of the stays of some participants, perhaps in one room. Nobody is in so many calls that
//! their places could not be gathered and sorted; only the stays of the page are read.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::ParticipantId;
use domain::log::{Stay, StayPage, StayQuery};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::counts::Tree;
use super::place::Scope;
use super::rows::{Key, Rows, STAYS, before_second, key_of};
use super::sum::Kind;
use super::walk::{Walk, Window};
use super::{Index, SIDE_BY_SIDE};
use crate::cassandra::fault::{Fault, Result};

/// How many stays a query of participants may select: their places are held in memory.
const PLACES_MAX: usize = 1_000_000;

/// Where the rows of some stays are, and the places of those that are selected.
type Found = (Rows, Vec<Key>);

/// One page of the stays of participants that a query selects, and how many it selects in all.
pub(super) async fn page(
    index: &Index<'_>,
    query: &StayQuery,
    some: &BTreeSet<ParticipantId>,
) -> Result<StayPage> {
    let each: Vec<_> = some.iter().map(|one| find(index, query, one)).collect();
    let mut each = stream::iter(each).buffer_unordered(SIDE_BY_SIDE);
    let mut found: Vec<Found> = vec![];
    let mut total = 0;
    while let Some(more) = each.try_next().await? {
        total += more.iter().map(|it| it.1.len()).sum::<usize>();
        if total > PLACES_MAX {
            return Err(Fault::TooManyRows { table: STAYS, rows_max: PLACES_MAX });
        }
        found.extend(more);
    }
    let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let mut places: Vec<&Key> = found.iter().flat_map(|it| &it.1).collect();
    places.sort_unstable();
    let shown: BTreeSet<&Key> =
        places.into_iter().skip(offset).take(query.limit as usize).collect();
    let read: Vec<_> = found.iter().map(|found| read(index, found, &shown)).collect();
    let mut read = stream::iter(read).buffer_unordered(SIDE_BY_SIDE);
    let mut stays = BTreeMap::new();
    while let Some(more) = read.try_next().await? {
        stays.extend(more.into_iter().map(|stay| (key_of(&stay), stay)));
    }
    Ok(StayPage { total: total as u64, stays: stays.into_values().collect() })
}

/// The places of the stays of one of them that are selected.
async fn find(index: &Index<'_>, query: &StayQuery, who: &ParticipantId) -> Result<Vec<Found>> {
    let scope = Scope::Participant(who.clone());
    let tree = Tree { app: index.app(query.app), scope, kind: Kind::Began };
    let window = Window {
        created: i64::MIN..=query.until_unix_s,
        alive_unix_s: query.from_unix_s,
        with_servers: query.with_servers,
    };
    let mut walk = Walk::begin(index, tree, window).await?;
    let mut found = vec![];
    while let Some(chunk) = walk.next(index).await? {
        let rows = walk.rows(index, &chunk);
        let mut keys = rows.keys(index, u64::MAX);
        let mut places = vec![];
        while let Some(key) = keys.next(index).await? {
            if query.room.as_ref().is_none_or(|room| room.as_str() == key.1) {
                places.push(key);
            }
            if places.len() > PLACES_MAX {
                return Err(Fault::TooManyRows { table: STAYS, rows_max: PLACES_MAX });
            }
        }
        found.push((rows, places));
    }
    Ok(found)
}

/// Those stays of some rows that are shown.
async fn read(
    index: &Index<'_>,
    (rows, places): &Found,
    shown: &BTreeSet<&Key>,
) -> Result<Vec<Stay>> {
    let mut here = places.iter().filter(|key| shown.contains(key));
    let Some(first) = here.next() else { return Ok(vec![]) };
    let last = here.next_back().unwrap_or(first);
    let mut rows = rows.clone();
    (rows.behind, rows.until_unix_s) = (before_second(first.0), last.0);
    let mut stays = vec![];
    let mut all = rows.stays(index, shown.len() as u64);
    while let Some(row) = all.next(index).await? {
        let stay = super::rows::unseal(row)?;
        if shown.contains(&key_of(&stay)) {
            stays.push(stay);
        }
    }
    Ok(stays)
}
