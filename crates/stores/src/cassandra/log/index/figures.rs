//! What the log shows of all apps, counted: sums of the trees of each app.

use domain::log::LogFigures;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::counts::Tree;
use super::place::Scope;
use super::sum::Kind;
use super::{Index, SIDE_BY_SIDE};
use crate::cassandra::fault::Result;

/// The stays of all apps of the realm, counted.
pub(super) async fn log_figures(index: &Index<'_>) -> Result<LogFigures> {
    let apps: Vec<(i64,)> =
        index.read_all(&index.said().read_apps, (index.cluster.realm(),)).await?;
    let each = apps.into_iter().map(|(app,)| of_app(index, app));
    let each = stream::iter(each).buffer_unordered(SIDE_BY_SIDE);
    each.try_fold(LogFigures::default(), |all, one| async move { Ok(all + one) }).await
}

async fn of_app(index: &Index<'_>, app: i64) -> Result<LogFigures> {
    let [began, ended, inferred] = [Kind::Began, Kind::Ended, Kind::Inferred].map(|kind| Tree {
        app,
        scope: Scope::App,
        kind,
    });
    let (began, ended, inferred) =
        futures::try_join!(began.total(index), ended.total(index), inferred.total(index),)?;
    Ok(LogFigures {
        stays: began.all(),
        // Somebody may come and go between the reads.
        open_stays: began.all().saturating_sub(ended.all()),
        inferred_leaves: ended.leaves + inferred.leaves,
        inferred_joins: ended.joins + inferred.joins,
    })
}
