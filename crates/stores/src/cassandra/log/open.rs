//! Calls in which somebody is, and when each was last heard of.

use std::collections::HashSet;

use domain::AppId;
use domain::ids::CallId;
use domain::log::OpenCall;
use domain::log::open::OPEN_CALLS_MAX;
use domain::log::stay::RoomKey;
use futures::stream::{StreamExt, TryStreamExt, iter};

use super::index::OpenStays;
use super::restarts::Restarts;
use super::room::{self, How};
use super::state::RoomState;
use crate::cassandra::cluster::Cluster;
use crate::cassandra::fault::Result;

/// How many rooms are read at once.
const ROOMS_ABREAST: usize = 32;

/// See [`domain::store::Store::open_calls`].
pub(in crate::cassandra) async fn open_calls(
    cluster: &Cluster,
    app: AppId,
    heard_before_unix_us: i64,
    limit: u32,
) -> Result<Vec<OpenCall>> {
    let limit = limit.min(OPEN_CALLS_MAX) as usize;
    let mut stays = OpenStays::begin(cluster, app).await?;
    let mut seen = HashSet::new();
    let mut quiet: Vec<OpenCall> = vec![];
    let mut is_over = false;
    while quiet.len() < limit && !is_over {
        let mut some = vec![];
        while some.len() < ROOMS_ABREAST && !is_over {
            match stays.next(cluster).await? {
                None => is_over = true,
                Some(stay) => {
                    let at = RoomKey { app, door: stay.door, room: stay.room };
                    if seen.insert((at.clone(), stay.call.clone())) {
                        some.push((at, stay.call));
                    }
                }
            }
        }
        let look = |(at, call)| open_call(cluster, at, call);
        let found: Vec<Option<OpenCall>> =
            iter(some.into_iter().map(look)).buffered(ROOMS_ABREAST).try_collect().await?;
        let is_quiet = |call: &OpenCall| call.last_heard_unix_us < heard_before_unix_us;
        quiet.extend(found.into_iter().flatten().filter(is_quiet));
    }
    quiet.truncate(limit);
    Ok(quiet)
}

async fn open_call(cluster: &Cluster, at: RoomKey, call: CallId) -> Result<Option<OpenCall>> {
    let image = room::read(cluster, &at, How::Quorum).await?;
    Ok(RoomState::of(at, image, Restarts::default()).open_call(&call))
}
