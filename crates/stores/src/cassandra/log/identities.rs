//! Which events there are of an identity: a repeat, or an event that says something else, is known
//! by it, in whatever room it is.
//!
//! Whoever has an event writes its row first and reads the others then, so that of two servers that
//! have two events of one identity at least one sees both. Of these the one with the smallest
//! content counts. Its row holds the event, so that whoever sees it can bring it into its room,
//! also if the server that had it died before.

use domain::AppId;
use domain::log::Event;
use domain::log::event::EventHash;
use domain::store::{Walked, walked_weight};
use futures::stream::{StreamExt, TryStreamExt, iter};
use scylla::statement::prepared::PreparedStatement;

use crate::cassandra::cluster::{Cluster, Prepare};
use crate::cassandra::fault::{Damage, Fault, Result};
use crate::cassandra::walk::Page;
use crate::record::{seal, unseal};

const TABLE: &str = "identities";

/// How many events of one identity there may be.
const CONTENTS_MAX: usize = 100_000;

/// How many identities of a request are looked at at once.
pub(super) const ABREAST: usize = 64;

/// How many events are read at a time in a walk: some have megabytes.
const WALKED_ROWS: i32 = 64;

/// What is said about identities.
pub(super) struct Statements {
    put: PreparedStatement,
    contents: PreparedStatement,
    event: PreparedStatement,
    delete: PreparedStatement,
    forget: PreparedStatement,
    all: PreparedStatement,
    walk: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let put = "INSERT INTO {ks}.identities (app, identity, content, event) \
                   VALUES (?, ?, ?, ?)";
        let contents = "SELECT content FROM {ks}.identities WHERE app = ? AND identity = ?";
        let event = "SELECT event FROM {ks}.identities \
                     WHERE app = ? AND identity = ? AND content = ?";
        let delete = "DELETE FROM {ks}.identities WHERE app = ? AND identity = ?";
        let walk = "SELECT app, identity, content, event FROM {ks}.identities \
                    PER PARTITION LIMIT 1";
        let forget = "DELETE FROM {ks}.identities WHERE app = ? AND identity = ? AND content = ?";
        let all = "SELECT app, identity, content, event FROM {ks}.identities";
        let mut all = prepare.walk(all).await?;
        all.set_page_size(WALKED_ROWS);
        let mut walk = prepare.walk(walk).await?;
        walk.set_page_size(WALKED_ROWS);
        Ok(Self {
            walk,
            all,
            forget: prepare.write(forget).await?,
            put: prepare.write(put).await?,
            contents: prepare.read(contents).await?,
            event: prepare.read(event).await?,
            delete: prepare.write(delete).await?,
        })
    }
}

/// Writes an event down.
pub(super) async fn put(cluster: &Cluster, event: &Event) -> Result<()> {
    let (identity, content) = (event.identity(), event.content_hash());
    let sealed = seal(TABLE, &[identity, content].concat(), event)?;
    let values = (cluster.app(event.app), &identity[..], &content[..], sealed);
    cluster.write(&cluster.log.identities.put, values).await
}

/// The contents of an identity, in their order: the first counts.
pub(super) async fn contents(
    cluster: &Cluster,
    app: AppId,
    identity: &EventHash,
) -> Result<Vec<EventHash>> {
    let values = (cluster.app(app), &identity[..]);
    let statement = &cluster.log.identities.contents;
    let rows: Vec<(Vec<u8>,)> = cluster.read(statement, values, (TABLE, CONTENTS_MAX)).await?;
    let damaged = |_| Fault::damaged(TABLE, Damage::Encoding);
    rows.into_iter().map(|(content,)| content.as_slice().try_into().map_err(damaged)).collect()
}

/// An event by its identity and content; `None` if it has been forgotten meanwhile.
pub(super) async fn event(
    cluster: &Cluster,
    app: AppId,
    identity: &EventHash,
    content: &EventHash,
) -> Result<Option<Event>> {
    let values = (cluster.app(app), &identity[..], &content[..]);
    let row: Option<(Vec<u8>,)> = cluster.read_one(&cluster.log.identities.event, values).await?;
    let Some((sealed,)) = row else { return Ok(None) };
    Ok(Some(unseal(TABLE, &[*identity, *content].concat(), &sealed)?))
}

/// Forgets identities, with all their events.
pub(super) async fn delete(cluster: &Cluster, app: AppId, all: &[EventHash]) -> Result<()> {
    let delete = |identity: &EventHash| {
        let values = (cluster.app(app), identity.to_vec());
        cluster.write(&cluster.log.identities.delete, values)
    };
    iter(all.iter().map(delete).collect::<Vec<_>>()).buffer_unordered(ABREAST).try_collect().await
}

/// Forgets one event of its identity.
pub(super) async fn forget(cluster: &Cluster, event: &Event) -> Result<()> {
    let (identity, content) = (event.identity(), event.content_hash());
    let values = (cluster.app(event.app), &identity[..], &content[..]);
    cluster.write(&cluster.log.identities.forget, values).await
}

/// A page of all events, in the order of the ring, those that lost too; and where the next begins.
pub(super) async fn all(
    cluster: &Cluster,
    from: Option<&[u8]>,
) -> Result<(Vec<Event>, Option<Vec<u8>>)> {
    let page = Page::of(from);
    let statement = &cluster.log.identities.all;
    let (rows, behind) = cluster.read_page(statement, (), page.state()).await?;
    let events = rows.into_iter().map(|row| read(cluster, row)).filter_map(Result::transpose);
    let events = events.collect::<Result<_>>()?;
    let Walked { found, next } = page.cut(events, behind, u32::MAX, |_| 1);
    Ok((found, next))
}

/// A row of a walk: the event, if it is of our realm.
fn read(
    cluster: &Cluster,
    (app, identity, content, sealed): (i64, Vec<u8>, Vec<u8>, Vec<u8>),
) -> Result<Option<Event>> {
    let Some(_) = cluster.own_app(app) else { return Ok(None) };
    Ok(Some(unseal(TABLE, &[identity, content].concat(), &sealed)?))
}

/// Some events, in the order of the ring: of each identity the one that counts.
pub(in crate::cassandra) async fn walk(
    cluster: &Cluster,
    from: Option<&[u8]>,
    limit: u32,
) -> Result<Walked<Event>> {
    let page = Page::of(from);
    let statement = &cluster.log.identities.walk;
    let (rows, behind) = cluster.read_page(statement, (), page.state()).await?;
    let events = rows.into_iter().map(|row| read(cluster, row)).filter_map(Result::transpose);
    Ok(page.cut(events.collect::<Result<_>>()?, behind, limit, walked_weight))
}
