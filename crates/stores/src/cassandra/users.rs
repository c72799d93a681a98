//! The directory: a partition for each user, so that all users of a request are read or written
//! side by side, each at its own replicas.
//!
//! Whether an id is free, and what a change is applied to, is decided by conditional writes: the
//! first with `IF NOT EXISTS`, all further ones with `IF version = ?`. Each write brings a version
//! of its own, a random one, so that whoever does not know whether their write was made reads
//! again and looks for it.

use domain::AppId;
use domain::ids::UserId;
use domain::store::{IfTaken, Look, NewUser, Registration, Update, Walked};
use domain::users::{Profile, ProfileChange, ProfileView, User, UserView};
use futures::stream::{Stream, StreamExt, TryStreamExt, iter};
use scylla::statement::prepared::PreparedStatement;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::cluster::{Cas, Cluster, Prepare};
use super::fault::{Damage, Fault, Result};
use super::walk;
use crate::record;

const TABLE: &str = "users";

/// How often a change is tried while others change the same user, before it is given up.
const TRIES_MAX: usize = 16;

/// What is said about users.
pub(super) struct Statements {
    find: PreparedStatement,
    settle: PreparedStatement,
    add: PreparedStatement,
    change: PreparedStatement,
    put: PreparedStatement,
    walk: PreparedStatement,
}

/// How many users of a request are read at once.
const ABREAST: usize = 64;

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let find = "SELECT version, profile, created, modified FROM {ks}.users \
                    WHERE app = ? AND id = ?";
        let add = "INSERT INTO {ks}.users (app, id, version, profile, created, modified) \
                   VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS";
        let change = "UPDATE {ks}.users SET version = ?, profile = ?, modified = ? \
                      WHERE app = ? AND id = ? IF version = ?";
        let put = "UPDATE {ks}.users SET version = ?, profile = ?, created = ?, modified = ? \
                   WHERE app = ? AND id = ? IF version = ?";
        let walk = "SELECT app, id, profile, created, modified FROM {ks}.users";
        Ok(Self {
            find: prepare.read(find).await?,
            settle: prepare.settle(find).await?,
            add: prepare.cas(add).await?,
            change: prepare.cas(change).await?,
            put: prepare.cas(put).await?,
            walk: prepare.walk(walk).await?,
        })
    }
}

/// A user as the ring keeps them.
struct Found {
    version: Uuid,
    profile: Vec<u8>,
    created_unix_ms: i64,
    modified_unix_ms: i64,
}

/// What became of an attempt to write.
enum Attempt {
    Made,
    /// It was not; this is what stands.
    NotMade(Option<Found>),
}

/// One user, and when it is.
struct At<'c> {
    cluster: &'c Cluster,
    app: AppId,
    id: &'c UserId,
    now_unix_ms: i64,
}

/// Registers the users, and tells of each what became of them.
pub(super) async fn register(
    cluster: &Cluster,
    app: AppId,
    users: &[NewUser],
    if_taken: IfTaken,
    now_unix_ms: i64,
) -> Result<Vec<Registration>> {
    let by = Instant::now() + cluster.request_timeout;
    let places = cluster.places_for_users(users.len()).await?;
    let all = users.iter().map(|NewUser { id, profile }| {
        let at = At { cluster, app, id, now_unix_ms };
        in_time(by, async move { at.register(profile, if_taken).await })
    });
    side_by_side(all, places.len()).try_collect().await
}

/// Makes the changes, and tells of each what became of it.
pub(super) async fn update(
    cluster: &Cluster,
    app: AppId,
    changes: &[(UserId, ProfileChange)],
    now_unix_ms: i64,
) -> Result<Vec<Update>> {
    let by = Instant::now() + cluster.request_timeout;
    let places = cluster.places_for_users(changes.len()).await?;
    let all = changes.iter().map(|(id, change)| {
        let at = At { cluster, app, id, now_unix_ms };
        in_time(by, async move { at.update(change).await })
    });
    side_by_side(all, places.len()).try_collect().await
}

/// Shows those who exist of the users with these ids.
pub(super) async fn look_at(
    cluster: &Cluster,
    app: AppId,
    ids: &[UserId],
    look: &mut Look<'_>,
) -> Result<()> {
    let all = ids.iter().map(|id| {
        let at = At { cluster, app, id, now_unix_ms: 0 };
        async move { at.read(&cluster.users.find).await }
    });
    let mut all = side_by_side(all, ABREAST).enumerate();
    while let Some((place, found)) = all.next().await {
        let Some(found) = found? else { continue };
        let id = &ids[place];
        let profile: ProfileView<'_> = record::unseal(TABLE, &key_of(app, id), &found.profile)?;
        let Found { created_unix_ms, modified_unix_ms, .. } = found;
        look(place, UserView { id: id.as_str(), profile, created_unix_ms, modified_unix_ms });
    }
    Ok(())
}

/// Keeps users as they are, over those who have their ids.
pub(super) async fn put(cluster: &Cluster, users: &[(AppId, User)]) -> Result<()> {
    let places = cluster.places_for_users(users.len()).await?;
    let all = users.iter().map(|(app, user)| {
        let at = At { cluster, app: *app, id: &user.id, now_unix_ms: user.modified_unix_ms };
        // They may be many: each has a time of its own.
        async move { in_time(Instant::now() + cluster.request_timeout, at.put(user)).await }
    });
    side_by_side(all, places.len()).try_collect().await
}

/// Some users, in the order of the ring.
pub(super) async fn walk(
    cluster: &Cluster,
    from: Option<&[u8]>,
    limit: u32,
) -> Result<Walked<(AppId, User)>> {
    let page = walk::Page::of(from);
    let (rows, behind) = cluster.read_page(&cluster.users.walk, (), page.state()).await?;
    let read = |(app, id, sealed, created_unix_ms, modified_unix_ms): Walking| {
        let Some(app) = cluster.own_app(app) else { return Ok(None) };
        let id = UserId::parse(&id).map_err(|_| Fault::damaged(TABLE, Damage::Encoding))?;
        let profile = record::unseal(TABLE, &key_of(app, &id), &sealed)?;
        Ok(Some((app, User { id, profile, created_unix_ms, modified_unix_ms })))
    };
    let users = rows.into_iter().map(read).filter_map(Result::transpose);
    Ok(page.cut(users.collect::<Result<_>>()?, behind, limit, |_| 1))
}

/// A row of a walk.
type Walking = (i64, String, Vec<u8>, i64, i64);

/// What becomes of all of these, in their order; some of them are under way at once.
fn side_by_side<F: Future>(
    all: impl Iterator<Item = F>,
    abreast: usize,
) -> impl Stream<Item = F::Output> {
    // Listed first: an iterator that makes them while others are under way is more than the
    // compiler can follow.
    iter(all.collect::<Vec<_>>()).buffered(abreast)
}

/// Gives up on one user at some time: however often others get in the way, whoever waits is told
/// when a statement would be given up on.
async fn in_time<T>(by: Instant, one: impl Future<Output = Result<T>>) -> Result<T> {
    timeout_at(by, one).await.unwrap_or(Err(Fault::Unknown))
}

impl At<'_> {
    async fn put(&self, user: &User) -> Result<()> {
        let (app, id) = (self.cluster.app(self.app), self.id.as_str());
        let (created, modified) = (user.created_unix_ms, user.modified_unix_ms);
        let statements = &self.cluster.users;
        let mut standing = self.read(&statements.find).await?;
        let mut marks = vec![];
        for _ in 0..TRIES_MAX {
            let (version, sealed) = (Uuid::new_v4(), self.seal(&user.profile)?);
            let cas = match &standing {
                None => {
                    let values = (app, id, version, sealed, created, modified);
                    self.cluster.cas(&statements.add, values).await?
                }
                Some(found) => {
                    let values = (version, sealed, created, modified, app, id, found.version);
                    self.cluster.cas(&statements.put, values).await?
                }
            };
            marks.push(version);
            standing = match self.attempt(cas, &marks).await? {
                Attempt::Made => return Ok(()),
                Attempt::NotMade(found) => found,
            };
        }
        Err(Fault::Crowded)
    }

    async fn register(&self, profile: &Profile, if_taken: IfTaken) -> Result<Registration> {
        let (mut standing, mut marks) = (None, vec![]);
        for _ in 0..TRIES_MAX {
            let (attempt, made) = match standing.as_ref() {
                None => (self.add(profile, &mut marks).await?, Registration::Created),
                Some(found) if self.profile_of(found)? == *profile => {
                    return Ok(Registration::Unchanged);
                }
                Some(_) if if_taken == IfTaken::Leave => return Ok(Registration::Taken),
                Some(found) => {
                    (self.change(found, profile, &mut marks).await?, Registration::Overwritten)
                }
            };
            standing = match attempt {
                Attempt::Made => return Ok(made),
                Attempt::NotMade(found) => found,
            };
        }
        Err(Fault::Crowded)
    }

    async fn update(&self, change: &ProfileChange) -> Result<Update> {
        let mut standing = self.read(&self.cluster.users.find).await?;
        let mut marks = vec![];
        for _ in 0..TRIES_MAX {
            let Some(found) = &standing else { return Ok(Update::NotFound) };
            let mut profile = self.profile_of(found)?;
            change.apply(&mut profile);
            standing = match self.change(found, &profile, &mut marks).await? {
                Attempt::Made => return Ok(Update::Done),
                Attempt::NotMade(found) => found,
            };
        }
        Err(Fault::Crowded)
    }

    async fn add(&self, profile: &Profile, marks: &mut Vec<Uuid>) -> Result<Attempt> {
        let (app, id, now) = (self.cluster.app(self.app), self.id.as_str(), self.now_unix_ms);
        let (version, sealed) = (Uuid::new_v4(), self.seal(profile)?);
        let values = (app, id, version, sealed, now, now);
        let cas = self.cluster.cas(&self.cluster.users.add, values).await?;
        marks.push(version);
        self.attempt(cas, marks).await
    }

    async fn change(
        &self,
        found: &Found,
        profile: &Profile,
        marks: &mut Vec<Uuid>,
    ) -> Result<Attempt> {
        let (app, id) = (self.cluster.app(self.app), self.id.as_str());
        let modified_unix_ms = found.modified_unix_ms.max(self.now_unix_ms);
        let (version, sealed) = (Uuid::new_v4(), self.seal(profile)?);
        let values = (version, sealed, modified_unix_ms, app, id, found.version);
        let cas = self.cluster.cas(&self.cluster.users.change, values).await?;
        marks.push(version);
        self.attempt(cas, marks).await
    }

    /// What became of a write. `marks` are the versions that it and the attempts before it brought,
    /// [`TRIES_MAX`] at most: one of those whose outcome was unknown may be made while the next is
    /// under way, so that the next is refused.
    ///
    /// Somebody may have changed the user again since then. Then the write is made once more, as
    /// if it had come after theirs: it was under way all the time.
    async fn attempt(&self, cas: Cas, marks: &[Uuid]) -> Result<Attempt> {
        let statements = &self.cluster.users;
        let found = match cas {
            Cas::Applied => return Ok(Attempt::Made),
            Cas::Refused => self.read(&statements.find).await?,
            Cas::Unknown => self.read(&statements.settle).await?,
        };
        match found {
            Some(found) if marks.contains(&found.version) => Ok(Attempt::Made),
            found => Ok(Attempt::NotMade(found)),
        }
    }

    async fn read(&self, statement: &PreparedStatement) -> Result<Option<Found>> {
        let values = (self.cluster.app(self.app), self.id.as_str());
        let row: Option<(Uuid, Vec<u8>, i64, i64)> =
            self.cluster.read_one(statement, values).await?;
        let found = |(version, profile, created_unix_ms, modified_unix_ms)| Found {
            version,
            profile,
            created_unix_ms,
            modified_unix_ms,
        };
        Ok(row.map(found))
    }

    fn seal(&self, profile: &Profile) -> Result<Vec<u8>> {
        Ok(record::seal(TABLE, &key_of(self.app, self.id), profile)?)
    }

    fn profile_of(&self, found: &Found) -> Result<Profile> {
        Ok(record::unseal(TABLE, &key_of(self.app, self.id), &found.profile)?)
    }
}

/// What the record's checksum is of, besides the profile. The realm is not in it, so that a copy
/// of a realm is one of its rows.
pub(super) fn key_of(app: AppId, id: &UserId) -> Vec<u8> {
    [&app.0.to_be_bytes(), id.as_str().as_bytes()].concat()
}
