//! A restart comes in, or gives way: it is written, and then the rooms are folded that it can
//! change. See [`super::restarts`] for why none is missed.

use std::sync::Arc;

use domain::AppId;
use domain::error::Result;
use domain::ids::Door;
use domain::log::Event;
use domain::log::stay::RoomKey;
use futures::stream::{StreamExt, TryStreamExt, iter};

use super::restarts::{self, Found};
use super::rooms::{self, By, Place};
use super::rows::Head;
use super::state::{Answer, Ask, Lost};
use super::unfinished::{self, Unfinished};
use super::{Log, waiting};
use crate::cassandra::cluster::Cluster;

/// How many rooms are folded at once because of a restart.
const ROOMS_ABREAST: usize = 32;

/// Adds a restart, and folds the rooms that it can change.
pub(super) async fn add(log: &Arc<Log>, cluster: &Arc<Cluster>, event: &Event) -> Result<Answer> {
    let (app, door, it) = (event.app, &event.door, Lost::of(event));
    let answer = match restarts::find(cluster, app, door, &it).await? {
        Found::New => {
            let mark = Unfinished::Restarts(app, door.clone());
            unfinished::add(cluster, &log.marks, mark).await?;
            restarts::put(cluster, event).await?;
            Answer::Added
        }
        // Whoever brought it first is dead, or at work.
        Found::Counts { is_pending: true } => Answer::Known,
        Found::Counts { is_pending: false } => return Ok(Answer::Known),
        Found::Lost { .. } => return Ok(Answer::Lost),
    };
    fold_rooms(log, cluster, app, door, &it).await?;
    Ok(answer)
}

/// Removes a restart that another event of its identity won against, and folds the rooms that it
/// could change.
pub(super) async fn lose(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    event: &Event,
    lost: &Lost,
) -> Result<()> {
    let (app, door) = (event.app, &event.door);
    if restarts::find(cluster, app, door, lost).await? != (Found::Lost { is_pending: false }) {
        unfinished::add(cluster, &log.marks, Unfinished::Restarts(app, door.clone())).await?;
        restarts::lose(cluster, app, door, lost).await?;
        fold_rooms(log, cluster, app, door, lost).await?;
    }
    Ok(())
}

/// Does for the restarts of a door what a server that died did not do any more.
pub(super) async fn finish(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    app: AppId,
    door: &Door,
) -> Result<()> {
    let (_, all) = restarts::list(cluster, app, door).await?;
    for it in all.into_iter().filter(|it| it.is_pending) {
        fold_rooms(log, cluster, app, door, &it.place).await?;
    }
    Ok(())
}

async fn fold_rooms(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    app: AppId,
    door: &Door,
    it: &Lost,
) -> Result<()> {
    restarts::touch(cluster, app, door).await?;
    let hours = (Head::hour_of(it.time_unix_us), Head::OPEN);
    for list in rooms::lists(cluster, (app, door), By::Last, hours).await? {
        let mut from = Place::starts();
        while !from.is_empty() {
            let (rooms, next) = rooms::pages(cluster, &list, from).await?;
            let fold = |at: RoomKey| async move {
                waiting::ask(log, cluster, &at, vec![Ask::Fold]).await.map(drop)
            };
            let folds = iter(rooms.into_iter().map(fold)).buffer_unordered(ROOMS_ABREAST);
            folds.try_collect::<()>().await?;
            from = next;
        }
    }
    Ok(restarts::finish(cluster, app, door, it).await?)
}
