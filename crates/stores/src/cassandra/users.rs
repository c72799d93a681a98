//! The directory: a partition for each user, so that all users of a request are read or written
//! side by side, each at its own replicas.
//!
//! Whether an id is free, and what a change is applied to, is decided by conditional writes with
//! `IF version = ?`; of an id that nobody ever had it is null. Each write brings a version of its
//! own, a random one, so that whoever does not know whether their write was made reads again and
//! looks for it.
//!
//! Who is unregistered leaves a row without a profile, for the sake of its stamp: see `directory`.

use domain::AppId;
use domain::clock::{Clock, SystemClock};
use domain::ids::UserId;
use domain::store::{IfTaken, Look, NewUser, Registration, Update, Walked};
use domain::users::store::{Tagged, Unregistered};
use domain::users::tags::{Retag, TagChange};
use domain::users::{Profile, ProfileChange, ProfileView, User, UserView};
use futures::stream::{Stream, StreamExt, TryStreamExt, iter};
use scylla::statement::prepared::PreparedStatement;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::cluster::{Cas, Cluster, Prepare};
use super::directory::{self, Entry};
use super::fault::{Damage, Fault, Result};
use super::{robots, walk};
use crate::record;

mod robot;
#[cfg(all(test, feature = "cassandra-tests"))]
mod tests;

use robot::Robot;

const TABLE: &str = "users";

/// For how long the row of somebody who is gone is kept: clocks may differ by less.
pub(super) const GONE_S: i32 = 86_400;

/// How often a change is tried while others change the same user, before it is given up.
const TRIES_MAX: usize = 16;

/// What is said about users.
pub(super) struct Statements {
    find: PreparedStatement,
    settle: PreparedStatement,
    write: PreparedStatement,
    leave: PreparedStatement,
    walk: PreparedStatement,
}

/// How many users of a request are read at once.
const ABREAST: usize = 64;

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let find = "SELECT version, profile, created, modified FROM {ks}.users \
                    WHERE app = ? AND id = ?";
        let set = "SET version = ?, profile = ?, created = ?, modified = ? \
                   WHERE app = ? AND id = ? IF version = ?";
        let walk = "SELECT app, id, profile, created, modified FROM {ks}.users";
        Ok(Self {
            find: prepare.read(find).await?,
            settle: prepare.settle(find).await?,
            write: prepare.cas(&format!("UPDATE {{ks}}.users {set}")).await?,
            leave: prepare.cas(&format!("UPDATE {{ks}}.users USING TTL {GONE_S} {set}")).await?,
            walk: prepare.walk(walk).await?,
        })
    }
}

/// What a user's record holds, read without a copy or written.
#[derive(Serialize, Deserialize)]
struct Kept<Profile> {
    /// Of the last change: see `directory`.
    stamp: i64,
    /// `None` for somebody who is gone.
    profile: Option<Profile>,
}

/// A user as the ring keeps them, or kept them.
struct Found {
    version: Uuid,
    stamp: i64,
    profile: Option<Profile>,
    created_unix_ms: i64,
    modified_unix_ms: i64,
}

/// What is to be written over what was found.
struct Wanted<'w> {
    /// `None` for nobody.
    profile: Option<&'w Profile>,
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

/// Removes users, and tells of each what became of them.
pub(super) async fn unregister(
    cluster: &Cluster,
    app: AppId,
    ids: &[UserId],
    now_unix_ms: i64,
) -> Result<Vec<Unregistered>> {
    let by = Instant::now() + cluster.request_timeout;
    let places = cluster.places_for_users(ids.len()).await?;
    let all = ids.iter().map(|id| {
        let at = At { cluster, app, id, now_unix_ms };
        in_time(by, async move { at.unregister().await })
    });
    side_by_side(all, places.len()).try_collect().await
}

/// Changes tags, and tells of each user what became of theirs.
pub(super) async fn tag(
    cluster: &Cluster,
    app: AppId,
    ids: &[UserId],
    change: &TagChange,
    now_unix_ms: i64,
) -> Result<Vec<Tagged>> {
    let by = Instant::now() + cluster.request_timeout;
    let places = cluster.places_for_users(ids.len()).await?;
    let all = ids.iter().map(|id| {
        let at = At { cluster, app, id, now_unix_ms };
        in_time(by, async move { at.tag(change).await })
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
        async move { at.read_row(&cluster.users.find).await }
    });
    let mut all = side_by_side(all, ABREAST).enumerate();
    while let Some((place, row)) = all.next().await {
        let Some((_, sealed, created_unix_ms, modified_unix_ms)) = row? else { continue };
        let id = &ids[place];
        let kept: Kept<ProfileView<'_>> = record::unseal(TABLE, &key_of(app, id), &sealed)?;
        let Some(profile) = kept.profile else { continue };
        look(place, UserView { id: id.as_str(), profile, created_unix_ms, modified_unix_ms });
    }
    Ok(())
}

/// Those of these ids, out of the index, who are there and belong under any of the entries. Rows of
/// the others are deleted.
pub(super) async fn find_listed(
    cluster: &Cluster,
    app: AppId,
    entries: &[Entry],
    ids: &[String],
) -> Result<Vec<User>> {
    let parse = |id: &String| UserId::parse(id).map_err(|_| damaged());
    let ids: Vec<UserId> = ids.iter().map(parse).collect::<Result<_>>()?;
    let all = ids.iter().map(|id| {
        let at = At { cluster, app, id, now_unix_ms: 0 };
        async move { at.read(&cluster.users.find).await }
    });
    let all: Vec<Option<Found>> = side_by_side(all, ABREAST).try_collect().await?;
    let mut users = vec![];
    for (id, found) in ids.into_iter().zip(all) {
        let Some(Found { stamp, profile, created_unix_ms, modified_unix_ms, .. }) = found else {
            let stamp = directory::forgotten_stamp();
            directory::remove(cluster, app, &id, (entries, stamp)).await;
            continue;
        };
        let has = Entry::all_of(profile.as_ref());
        let gone = entries.iter().filter(|entry| !has.contains(entry));
        match profile.filter(|_| entries.iter().any(|entry| has.contains(entry))) {
            Some(profile) => users.push(User { id, profile, created_unix_ms, modified_unix_ms }),
            None => directory::remove(cluster, app, &id, (gone, stamp)).await,
        }
    }
    Ok(users)
}

/// Keeps users as they are, over those who have their ids.
pub(super) async fn put(cluster: &Cluster, users: &[(AppId, User)]) -> Result<()> {
    let robots = users.iter().filter(|(_, user)| user.profile.robot);
    robots::put(cluster, &robots.map(|(app, user)| (*app, &user.id)).collect::<Vec<_>>()).await?;
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
        let id = UserId::parse(&id).map_err(|_| damaged())?;
        let kept: Kept<Profile> = record::unseal(TABLE, &key_of(app, &id), &sealed)?;
        let user = |profile| (app, User { id, profile, created_unix_ms, modified_unix_ms });
        Ok(kept.profile.map(user))
    };
    let users = rows.into_iter().map(read).filter_map(Result::transpose);
    Ok(page.cut(users.collect::<Result<_>>()?, behind, limit, |_| 1))
}

fn damaged() -> Fault {
    Fault::damaged(TABLE, Damage::Encoding)
}

/// A row: version, record, created, modified.
type Row = (Uuid, Vec<u8>, i64, i64);

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
        let profile = Some(&user.profile);
        let (created_unix_ms, modified_unix_ms) = (user.created_unix_ms, user.modified_unix_ms);
        let wanted = Wanted { profile, created_unix_ms, modified_unix_ms };
        let mut standing = self.read(&self.cluster.users.find).await?;
        let mut marks = vec![];
        for _ in 0..TRIES_MAX {
            standing = match self.write(standing.as_ref(), &wanted, &mut marks).await? {
                Attempt::Made => return Ok(()),
                Attempt::NotMade(found) => found,
            };
        }
        Err(Fault::Crowded)
    }

    async fn register(&self, profile: &Profile, if_taken: IfTaken) -> Result<Registration> {
        // Mostly nobody has the id, and rows of the index that turn out to be wrong are few.
        let is_plain = profile.tags.is_empty() && !profile.robot;
        let mut standing = match is_plain && if_taken == IfTaken::Leave {
            true => None,
            false => self.read(&self.cluster.users.find).await?,
        };
        let mut marks = vec![];
        let mut robot = Robot::default();
        for _ in 0..TRIES_MAX {
            let there = standing.as_ref().and_then(|found| found.profile.as_ref());
            let refused = match there {
                Some(there) if there == profile => Some(Registration::Unchanged),
                Some(_) if if_taken == IfTaken::Leave => Some(Registration::Taken),
                _ if !robot.prepare(self, there, profile).await? => Some(Registration::RobotsFull),
                _ => None,
            };
            if let Some(refused) = refused {
                robot.settle(self, there).await?;
                return Ok(refused);
            }
            let now_unix_ms = self.now_unix_ms;
            let (done, created_unix_ms, modified_unix_ms) = match &standing {
                Some(found) if there.is_some() => {
                    let modified_unix_ms = found.modified_unix_ms.max(now_unix_ms);
                    (Registration::Overwritten, found.created_unix_ms, modified_unix_ms)
                }
                _ => (Registration::Created, now_unix_ms, now_unix_ms),
            };
            let wanted = Wanted { profile: Some(profile), created_unix_ms, modified_unix_ms };
            standing = match self.write(standing.as_ref(), &wanted, &mut marks).await? {
                Attempt::Made => {
                    robot.settle(self, Some(profile)).await?;
                    return Ok(done);
                }
                Attempt::NotMade(found) => found,
            };
        }
        Err(Fault::Crowded)
    }

    async fn update(&self, change: &ProfileChange) -> Result<Update> {
        let apply = |profile: &Profile| {
            let mut profile = profile.clone();
            change.apply(&mut profile);
            Ok(profile)
        };
        Ok(self.change(apply, Update::Done).await?.unwrap_or(Update::NotFound))
    }

    async fn tag(&self, change: &TagChange) -> Result<Tagged> {
        let apply = |profile: &Profile| match change.judge(&profile.tags) {
            Retag::Same => Err(Tagged::Done),
            Retag::TooMany => Err(Tagged::TooMany),
            Retag::To(tags) => Ok(Profile { tags, ..profile.clone() }),
        };
        Ok(self.change(apply, Tagged::Done).await?.unwrap_or(Tagged::NotFound))
    }

    /// Writes what `apply` makes of a profile, unless it refuses; `None` if nobody is there.
    async fn change<Outcome: Copy>(
        &self,
        apply: impl Fn(&Profile) -> Result<Profile, Outcome>,
        done: Outcome,
    ) -> Result<Option<Outcome>> {
        let mut standing = self.read(&self.cluster.users.find).await?;
        let mut marks = vec![];
        for _ in 0..TRIES_MAX {
            let Some(found) = &standing else { return Ok(None) };
            let Some(there) = &found.profile else { return Ok(None) };
            let profile = match apply(there) {
                Ok(profile) => profile,
                Err(outcome) => return Ok(Some(outcome)),
            };
            let wanted = Wanted {
                profile: Some(&profile),
                created_unix_ms: found.created_unix_ms,
                modified_unix_ms: found.modified_unix_ms.max(self.now_unix_ms),
            };
            standing = match self.write(Some(found), &wanted, &mut marks).await? {
                Attempt::Made => return Ok(Some(done)),
                Attempt::NotMade(found) => found,
            };
        }
        Err(Fault::Crowded)
    }

    async fn unregister(&self) -> Result<Unregistered> {
        let mut standing = self.read(&self.cluster.users.find).await?;
        let mut marks = vec![];
        for _ in 0..TRIES_MAX {
            let Some(found) = &standing else {
                return Ok(self.nobody(directory::forgotten_stamp()).await);
            };
            let Some(there) = &found.profile else { return Ok(self.nobody(found.stamp).await) };
            let robot = Robot::of(self, there).await?;
            let wanted = Wanted {
                profile: None,
                created_unix_ms: found.created_unix_ms,
                modified_unix_ms: found.modified_unix_ms.max(self.now_unix_ms),
            };
            standing = match self.write(Some(found), &wanted, &mut marks).await? {
                Attempt::Made => {
                    robot.settle(self, None).await?;
                    return Ok(Unregistered::Done);
                }
                Attempt::NotMade(found) => found,
            };
        }
        Err(Fault::Crowded)
    }

    /// Nobody is there, but a row of the index may be: a node may have failed when they went.
    async fn nobody(&self, stamp: i64) -> Unregistered {
        directory::remove(self.cluster, self.app, self.id, (&[Entry::Everybody], stamp)).await;
        Unregistered::NotFound
    }

    /// Writes over what was found: first where the user will be found too, then the user, and then
    /// where they are not found any more.
    async fn write(
        &self,
        found: Option<&Found>,
        wanted: &Wanted<'_>,
        marks: &mut Vec<Uuid>,
    ) -> Result<Attempt> {
        let Self { cluster, app, id, .. } = *self;
        let stamp = SystemClock.now_unix_us().max(found.map_or(1, |it| it.stamp + 1));
        let had = Entry::all_of(found.and_then(|found| found.profile.as_ref()));
        let has = Entry::all_of(wanted.profile);
        directory::add(cluster, app, id, (has.difference(&had), stamp)).await?;
        let kept = Kept { stamp, profile: wanted.profile };
        let sealed = record::seal(TABLE, &key_of(app, id), &kept)?;
        let statement = match wanted.profile {
            Some(_) => &cluster.users.write,
            None => &cluster.users.leave,
        };
        let version = Uuid::new_v4();
        let (created, modified) = (wanted.created_unix_ms, wanted.modified_unix_ms);
        let standing = found.map(|found| found.version);
        let values = (version, sealed, created, modified, cluster.app(app), id.as_str(), standing);
        let cas = cluster.cas(statement, values).await?;
        marks.push(version);
        let attempt = self.attempt(cas, marks).await?;
        if let Attempt::Made = attempt {
            directory::remove(cluster, app, id, (had.difference(&has), stamp)).await;
        }
        Ok(attempt)
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
        let Some((version, sealed, created_unix_ms, modified_unix_ms)) =
            self.read_row(statement).await?
        else {
            return Ok(None);
        };
        let kept: Kept<Profile> = record::unseal(TABLE, &key_of(self.app, self.id), &sealed)?;
        let Kept { stamp, profile } = kept;
        Ok(Some(Found { version, stamp, profile, created_unix_ms, modified_unix_ms }))
    }

    async fn read_row(&self, statement: &PreparedStatement) -> Result<Option<Row>> {
        let values = (self.cluster.app(self.app), self.id.as_str());
        self.cluster.read_one(statement, values).await
    }
}

/// What the record's checksum is of, besides the profile. The realm is not in it, so that a copy
/// of a realm is one of its rows.
pub(super) fn key_of(app: AppId, id: &UserId) -> Vec<u8> {
    [&app.0.to_be_bytes(), id.as_str().as_bytes()].concat()
}
