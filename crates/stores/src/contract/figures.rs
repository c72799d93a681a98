//! What every store promises of the numbers of its log.

use domain::log::LogFigures;
use domain::store::Store;

use super::retention::retire;
use super::story::append;

/// Stays, those that are open, inferred leaves, inferred joins.
async fn counts(store: &dyn Store, expected: [u64; 4]) {
    let LogFigures { stays, open_stays, inferred_leaves, inferred_joins } =
        store.log_figures().await.expect("figures");
    assert_eq!([stays, open_stays, inferred_leaves, inferred_joins], expected);
}

pub(super) async fn an_empty_log_has_nothing_to_count(store: &dyn Store) {
    counts(store, [0, 0, 0, 0]).await;
}

pub(super) async fn stays_are_counted_while_they_are_open_and_after(store: &dyn Store) {
    append(store, "10 join anna call=c conn=k\n11 join ben call=c app=2").await;
    counts(store, [2, 2, 0, 0]).await;
    append(store, "20.5 leave anna call=c conn=k id=l").await;
    counts(store, [2, 1, 0, 0]).await;
    // She comes back, by another connection of the same stay.
    append(store, "30 join anna call=c conn=k2 id=j").await;
    counts(store, [2, 2, 0, 0]).await;
}

pub(super) async fn what_is_inferred_is_counted_until_the_real_event_comes(store: &dyn Store) {
    append(store, "10 join anna call=c\n11 publish ben call=c\n12 join cleo call=c").await;
    counts(store, [3, 3, 0, 1]).await;
    append(store, "30 over call=c id=o").await;
    counts(store, [3, 0, 3, 1]).await;
    append(store, "25.5 leave anna call=c id=l").await;
    counts(store, [3, 0, 2, 1]).await;
    append(store, "10.5 join ben call=c id=j").await;
    counts(store, [3, 0, 2, 0]).await;
    // Told again, it is not counted again.
    append(store, "25.5 leave anna call=c id=l\n10.5 join ben call=c id=j").await;
    counts(store, [3, 0, 2, 0]).await;
}

pub(super) async fn what_is_too_old_is_not_counted(store: &dyn Store) {
    append(store, "10 join anna call=c\n11 publish ben call=c\n30 over call=c").await;
    append(store, "100 publish ben call=d id=x").await;
    counts(store, [3, 1, 2, 2]).await;
    retire(store, 50, 1).await;
    counts(store, [1, 1, 0, 1]).await;
    append(store, "110.5 leave ben call=d id=y").await;
    retire(store, 200, 1).await;
    counts(store, [0, 0, 0, 0]).await;
}
