//! Who was seen: a partition of one row for each user, changed as users are, by conditional writes.
//!
//! What is known of a user is the same whatever came first, so whoever does not know whether their
//! write was made reads again, and takes in what is still missing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::AppId;
use domain::ids::UserId;
use domain::presence::{Connection, Connections, Forgotten, Noted, Presences, Sighting};
use domain::store::Walked;
use futures::stream::{StreamExt, TryStreamExt, iter};
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use super::cluster::{Cas, Cluster, Prepare};
use super::fault::{Damage, Fault, Result};
use super::users::key_of;
use super::{Cassandra, walk};
use crate::record;

const TABLE: &str = "presences";

/// How often a change is tried while others change the same user, before it is given up.
const TRIES_MAX: usize = 16;

/// How many users of a request are read at once.
const ABREAST: usize = 64;

/// What is said about sightings.
pub(super) struct Statements {
    find: PreparedStatement,
    settle: PreparedStatement,
    add: PreparedStatement,
    change: PreparedStatement,
    remove: PreparedStatement,
    walk: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let find = "SELECT version, connections FROM {ks}.presences WHERE app = ? AND id = ?";
        let add = "INSERT INTO {ks}.presences (app, id, version, connections) \
                   VALUES (?, ?, ?, ?) IF NOT EXISTS";
        let change = "UPDATE {ks}.presences SET version = ?, connections = ? \
                      WHERE app = ? AND id = ? IF version = ?";
        let remove = "DELETE FROM {ks}.presences WHERE app = ? AND id = ? IF version = ?";
        let walk = "SELECT app, id, connections FROM {ks}.presences";
        Ok(Self {
            find: prepare.read(find).await?,
            settle: prepare.settle(find).await?,
            add: prepare.cas(add).await?,
            change: prepare.cas(change).await?,
            remove: prepare.cas(remove).await?,
            walk: prepare.walk(walk).await?,
        })
    }
}

/// Somebody, and where.
struct At<'c> {
    cluster: &'c Cluster,
    app: AppId,
    user: &'c UserId,
}

/// What the ring knows of somebody.
#[derive(Default)]
struct Found {
    /// `None` if there is no row.
    version: Option<Uuid>,
    connections: Connections,
}

impl At<'_> {
    async fn read(&self, statement: &PreparedStatement) -> Result<Found> {
        let values = (self.cluster.app(self.app), self.user.as_str());
        let row: Option<(Uuid, Vec<u8>)> = self.cluster.read_one(statement, values).await?;
        let Some((version, sealed)) = row else { return Ok(Found::default()) };
        let connections = record::unseal(TABLE, &key_of(self.app, self.user), &sealed)?;
        Ok(Found { version: Some(version), connections })
    }

    /// Changes what is known, until a change is made or `change` finds nothing to change; tells
    /// what it told of the change that was made.
    async fn change<T: Default>(
        &self,
        mut change: impl FnMut(&mut Connections) -> Option<T>,
    ) -> Result<T> {
        let statements = &self.cluster.presences;
        let mut found = self.read(&statements.find).await?;
        let mut tried: Vec<(Uuid, T)> = vec![];
        for _ in 0..TRIES_MAX {
            let mut connections = found.connections;
            let Some(told) = change(&mut connections) else {
                // If any attempt was of unknown outcome, it was made.
                return Ok(tried.pop().map_or_else(T::default, |(_, told)| told));
            };
            let mark = Uuid::new_v4();
            found = match self.write(found.version, &connections, mark).await? {
                Cas::Applied => return Ok(told),
                Cas::Refused => self.read(&statements.find).await?,
                Cas::Unknown => self.read(&statements.settle).await?,
            };
            tried.push((mark, told));
            let made = tried.iter().position(|(mark, _)| found.version == Some(*mark));
            if let Some(made) = made {
                return Ok(tried.swap_remove(made).1);
            }
        }
        Err(Fault::Crowded)
    }

    async fn write(
        &self,
        standing: Option<Uuid>,
        connections: &Connections,
        mark: Uuid,
    ) -> Result<Cas> {
        let statements = &self.cluster.presences;
        let (app, id) = (self.cluster.app(self.app), self.user.as_str());
        let sealed = record::seal(TABLE, &key_of(self.app, self.user), connections)?;
        match standing {
            None => self.cluster.cas(&statements.add, (app, id, mark, sealed)).await,
            Some(version) if connections.is_empty() => {
                self.cluster.cas(&statements.remove, (app, id, version)).await
            }
            Some(version) => {
                self.cluster.cas(&statements.change, (mark, sealed, app, id, version)).await
            }
        }
    }

    /// Takes sightings in, and tells of each whether it told anything.
    async fn note(&self, seen: &[&Connection]) -> Result<Vec<Noted>> {
        let new = self.change(|known| {
            let new: Vec<bool> = seen.iter().map(|seen| known.see(seen)).collect();
            new.contains(&true).then_some(new)
        });
        let new = new.await?;
        let noted = |at| if new.get(at) == Some(&true) { Noted::New } else { Noted::Known };
        Ok((0..seen.len()).map(noted).collect())
    }

    /// Forgets what was seen before an instant, or all, and tells how many connections.
    async fn forget(&self, before_unix_us: Option<i64>) -> Result<u64> {
        let forget = |known: &mut Connections| {
            let gone = match before_unix_us {
                Some(before_unix_us) => known.forget(before_unix_us),
                None => std::mem::take(known).len(),
            };
            (gone > 0).then_some(gone as u64)
        };
        self.change(forget).await
    }
}

async fn note(cluster: &Cluster, sightings: &[Sighting]) -> Result<Vec<Noted>> {
    let mut of_users: BTreeMap<(AppId, &UserId), Vec<usize>> = BTreeMap::new();
    for (place, Sighting { app, user, .. }) in sightings.iter().enumerate() {
        of_users.entry((*app, user)).or_default().push(place);
    }
    let places = cluster.places_for_users(of_users.len()).await?;
    let all = of_users.into_iter().map(|((app, user), at)| async move {
        let seen: Vec<&Connection> = at.iter().map(|&at| &sightings[at].connection).collect();
        let noted = At { cluster, app, user }.note(&seen).await?;
        Ok::<_, Fault>(at.into_iter().zip(noted).collect::<Vec<_>>())
    });
    // Listed first: as with users, the compiler could not follow otherwise.
    let all = iter(all.collect::<Vec<_>>()).buffered(places.len());
    let mut noted: Vec<(usize, Noted)> =
        all.try_collect::<Vec<_>>().await?.into_iter().flatten().collect();
    noted.sort_by_key(|(place, _)| *place);
    Ok(noted.into_iter().map(|(_, noted)| noted).collect())
}

async fn find(cluster: &Cluster, app: AppId, users: &[UserId]) -> Result<Vec<Connections>> {
    let all = users.iter().map(|user| async move {
        let found = At { cluster, app, user }.read(&cluster.presences.find).await?;
        Ok(found.connections)
    });
    iter(all.collect::<Vec<_>>()).buffered(ABREAST).try_collect().await
}

type Known = ((AppId, UserId), Connections);

/// What is known of some users, in the order of the ring.
async fn some(cluster: &Cluster, from: Option<&[u8]>, limit: u32) -> Result<Walked<Known>> {
    let page = walk::Page::of(from);
    let (rows, behind) = cluster.read_page(&cluster.presences.walk, (), page.state()).await?;
    let read = |(app, id, sealed): (i64, String, Vec<u8>)| {
        let Some(app) = cluster.own_app(app) else { return Ok(None) };
        let id = UserId::parse(&id).map_err(|_| Fault::damaged(TABLE, Damage::Encoding))?;
        let connections = record::unseal(TABLE, &key_of(app, &id), &sealed)?;
        Ok(Some(((app, id), connections)))
    };
    let all = rows.into_iter().map(read).filter_map(Result::transpose);
    let weight = |(_, connections): &Known| connections.len();
    Ok(page.cut(all.collect::<Result<_>>()?, behind, limit, weight))
}

pub(super) async fn walk_sightings(
    cluster: &Cluster,
    from: Option<&[u8]>,
    limit: u32,
) -> Result<Walked<Sighting>> {
    let Walked { found, next } = some(cluster, from, limit).await?;
    let of = |((app, user), connections): Known| {
        let sighting =
            |it: &Connection| Sighting { app, user: user.clone(), connection: it.clone() };
        connections.iter().map(sighting).collect::<Vec<_>>()
    };
    Ok(Walked { found: found.into_iter().flat_map(of).collect(), next })
}

/// A page of users is a step: who goes would move those behind them to another place of a page.
async fn forget(cluster: &Cluster, before_unix_us: i64, from: Option<&[u8]>) -> Result<Forgotten> {
    let Walked { found, next } = some(cluster, from, u32::MAX).await?;
    let mut connections = 0;
    for ((app, user), mut known) in found {
        if known.forget(before_unix_us) > 0 {
            let at = At { cluster, app, user: &user };
            connections += at.forget(Some(before_unix_us)).await?;
        }
    }
    Ok(Forgotten { connections, next })
}

#[async_trait]
impl Presences for Cassandra {
    async fn note_sightings(&self, sightings: Vec<Sighting>) -> domain::Result<Vec<Noted>> {
        let cluster = self.connection.cluster()?;
        Ok(note(&cluster, &sightings).await?)
    }

    async fn find_connections(
        &self,
        app: AppId,
        users: &[UserId],
    ) -> domain::Result<Vec<Connections>> {
        let cluster = self.connection.cluster()?;
        Ok(find(&cluster, app, users).await?)
    }

    async fn forget_sightings(
        &self,
        before_unix_us: i64,
        from: Option<&[u8]>,
        _: u32,
    ) -> domain::Result<Forgotten> {
        let cluster = self.connection.cluster()?;
        Ok(forget(&cluster, before_unix_us, from).await?)
    }

    async fn remove_sightings(&self, app: AppId, user: &UserId) -> domain::Result<u64> {
        let cluster = self.connection.cluster()?;
        Ok(At { cluster: &cluster, app, user }.forget(None).await?)
    }
}
