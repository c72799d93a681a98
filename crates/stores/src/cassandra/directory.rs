//! Users by their tags: an index beside the users, who stay the truth.
//!
//! A row of the index says that a user may be found here: among everybody, or by a tag. Rows that
//! a change adds are written before the user is, and those that it takes away are deleted after. So
//! everybody who is there has all of their rows, and whoever walks looks at the users themselves.
//!
//! **Clocks do not matter.** A row is written and deleted with a timestamp of ours: the *stamp* of
//! the change, a number in the user's own row that only grows, since that is written by compare and
//! set. So a deletion that comes late, or twice, never takes away what a later change added. The
//! stamp outlives the user for a day ([`super::users::GONE_S`]), for whoever registers the id
//! again: it begins with the time, and servers' clocks differ by less than a day.
//!
//! **What is left over.** A change that loses its race, or whose server dies, may leave rows too
//! many. A walk that meets one deletes it, with the stamp that the user has: what somebody is about
//! to add has a greater one. Where the stamp is gone, too, it does so with the time of a day ago.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::AppId;
use domain::clock::{Clock, SECOND_US, SystemClock};
use domain::error::Result as DomainResult;
use domain::ids::UserId;
use domain::store::Walked;
use domain::users::store::{
    Directory, TAGS_LISTED_MAX, TagCount, Tagged, Unregistered, WALK_LEN_MAX,
};
use domain::users::tags::{TagChange, indexed};
use domain::users::{Profile, User};
use futures::stream::{StreamExt, TryStreamExt, iter};
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use super::cluster::{Cluster, Prepare};
use super::fault::Result;
use super::{Cassandra, users};

/// Over how many partitions those with one tag are spread. It stands in keys.
const SHARDS: u8 = 64;

/// How many rows of the index are written at once for one user.
const ABREAST: usize = 32;

/// Where a user may be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    Everybody,
    Tag(String),
}

impl Entry {
    /// Where whoever has this profile is found; nobody is found nowhere.
    pub(super) fn all_of(profile: Option<&Profile>) -> BTreeSet<Self> {
        let Some(profile) = profile else { return BTreeSet::new() };
        let tags = indexed(&profile.tags).into_iter().map(|tag| Self::Tag(tag.to_owned()));
        tags.chain([Self::Everybody]).collect()
    }

    /// As keys have it.
    fn key(&self) -> (i32, &str) {
        match self {
            Self::Everybody => (0, ""),
            Self::Tag(tag) => (1, tag),
        }
    }
}

/// What is said about tags.
pub(super) struct Statements {
    add: PreparedStatement,
    remove: PreparedStatement,
    add_name: PreparedStatement,
    first: PreparedStatement,
    behind: PreparedStatement,
    names: PreparedStatement,
    names_behind: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let add = "INSERT INTO {ks}.tagged (app, kind, tag, shard, id) VALUES (?, ?, ?, ?, ?) \
                   USING TIMESTAMP ?";
        let remove = "DELETE FROM {ks}.tagged USING TIMESTAMP ? \
                      WHERE app = ? AND kind = ? AND tag = ? AND shard = ? AND id = ?";
        let first = "SELECT id FROM {ks}.tagged \
                     WHERE app = ? AND kind = ? AND tag = ? AND shard = ? LIMIT ?";
        let behind = "SELECT id FROM {ks}.tagged \
                      WHERE app = ? AND kind = ? AND tag = ? AND shard = ? AND id > ? LIMIT ?";
        let add_name = "INSERT INTO {ks}.tag_names (app, tag) VALUES (?, ?)";
        let names = "SELECT tag FROM {ks}.tag_names WHERE app = ? AND tag >= ? LIMIT ?";
        let names_behind = "SELECT tag FROM {ks}.tag_names WHERE app = ? AND tag > ? LIMIT ?";
        Ok(Self {
            add: prepare.write(add).await?,
            remove: prepare.write(remove).await?,
            add_name: prepare.write(add_name).await?,
            first: prepare.read(first).await?,
            behind: prepare.read(behind).await?,
            names: prepare.read(names).await?,
            names_behind: prepare.read(names_behind).await?,
        })
    }
}

/// Writes rows of the index, before the user.
pub(super) async fn add(
    cluster: &Cluster,
    app: AppId,
    id: &UserId,
    (entries, stamp): (impl IntoIterator<Item = &Entry>, i64),
) -> Result<()> {
    let statements = &cluster.directory;
    let add = |entry: &Entry| {
        let ((kind, tag), app, entry) = (entry.key(), cluster.app(app), entry.clone());
        let values = (app, kind, tag.to_owned(), shard_of(id), id.as_str(), stamp);
        async move {
            if let Entry::Tag(tag) = &entry {
                cluster.write(&statements.add_name, (app, tag)).await?;
            }
            cluster.write(&statements.add, values).await
        }
    };
    let all: Vec<_> = entries.into_iter().map(add).collect();
    iter(all).buffer_unordered(ABREAST).try_collect().await
}

/// Deletes rows of the index, after the user. One that stays harms nobody, so that a failure is
/// none of whoever made the change.
pub(super) async fn remove(
    cluster: &Cluster,
    app: AppId,
    id: &UserId,
    (entries, stamp): (impl IntoIterator<Item = &Entry>, i64),
) {
    let remove = |entry: &Entry| {
        let (kind, tag) = entry.key();
        let values = (stamp, cluster.app(app), kind, tag.to_owned(), shard_of(id), id.as_str());
        async move { cluster.write(&cluster.directory.remove, values).await }
    };
    let all: Vec<_> = entries.into_iter().map(remove).collect();
    let mut all = iter(all).buffer_unordered(ABREAST);
    while let Some(removed) = all.next().await {
        if let Err(fault) = removed {
            tracing::debug!(%fault, "a row of the index of tags is left over");
        }
    }
}

/// A stamp for rows of somebody who has none: they have had none for [`users::GONE_S`].
pub(super) fn forgotten_stamp() -> i64 {
    SystemClock.now_unix_us() - i64::from(users::GONE_S) * SECOND_US
}

fn shard_of(id: &UserId) -> i32 {
    // The upper bits, since the lower ones of a CRC tell less of short texts.
    i32::from((crc32fast::hash(id.as_str().as_bytes()) >> 24) as u8 % SHARDS)
}

/// Some users of an app, by shard and then by id.
async fn walk(
    cluster: &Cluster,
    app: AppId,
    entries: &[Entry],
    from: Option<&[u8]>,
    limit: usize,
) -> Result<Walked<User>> {
    let (mut shard, mut last) = match from.and_then(<[u8]>::split_first) {
        Some((shard, last)) => (*shard, std::str::from_utf8(last).unwrap_or_default().to_owned()),
        None => (0, String::new()),
    };
    let (mut found, mut seen) = (vec![], 0);
    while shard < SHARDS {
        let room = limit - seen;
        let ids = ids_behind(cluster, app, (entries, shard), &last, room).await?;
        seen += ids.len();
        let is_full = seen == limit;
        last = if is_full { ids.last().cloned().unwrap_or_default() } else { String::new() };
        found.extend(users::find_listed(cluster, app, entries, &ids).await?);
        if is_full {
            return Ok(Walked { found, next: Some([&[shard], last.as_bytes()].concat()) });
        }
        shard += 1;
    }
    Ok(Walked { found, next: None })
}

/// The next ids of a shard that stand under any of the entries, each once.
///
/// Who goes from one entry to another gets the new row before the old one is deleted. Entries are
/// read apart, so one could be read too early and the other too late: several are read twice.
async fn ids_behind(
    cluster: &Cluster,
    app: AppId,
    (entries, shard): (&[Entry], u8),
    last: &str,
    limit: usize,
) -> Result<Vec<String>> {
    let mut ids = BTreeSet::new();
    for _ in 0..entries.len().min(2) {
        let read = |entry: &Entry| {
            let entry = entry.clone();
            async move { ids_of_entry(cluster, app, (&entry, shard), last, limit).await }
        };
        let all: Vec<_> = entries.iter().map(read).collect();
        let all: Vec<Vec<(String,)>> = iter(all).buffered(ABREAST).try_collect().await?;
        ids.extend(all.into_iter().flatten().map(|(id,)| id));
    }
    // Each has told its first so many, so that the first so many of all are among them.
    Ok(ids.into_iter().take(limit).collect())
}

/// How many rows an id has under an entry.
#[cfg(all(test, feature = "cassandra-tests"))]
pub(super) async fn rows_of(
    cluster: &Cluster,
    app: AppId,
    entry: &Entry,
    id: &UserId,
) -> Result<usize> {
    let shard = u8::try_from(shard_of(id)).expect("fewer than 256");
    let rows = ids_of_entry(cluster, app, (entry, shard), "", WALK_LEN_MAX as usize).await?;
    Ok(rows.iter().filter(|(other,)| other == id.as_str()).count())
}

/// The first ids behind one that stand under an entry.
async fn ids_of_entry(
    cluster: &Cluster,
    app: AppId,
    (entry, shard): (&Entry, u8),
    last: &str,
    limit: usize,
) -> Result<Vec<(String,)>> {
    let rows = i32::try_from(limit).unwrap_or(i32::MAX);
    let (app, shard, directory) = (cluster.app(app), i32::from(shard), &cluster.directory);
    let (kind, tag) = entry.key();
    let read = |page| async move {
        match last {
            "" => {
                let values = (app, kind, tag, shard, rows);
                cluster.read_page(&directory.first, values, page).await
            }
            last => {
                let values = (app, kind, tag, shard, last, rows);
                cluster.read_page(&directory.behind, values, page).await
            }
        }
    };
    until(limit, read).await
}

/// So many rows, or all that there are. A page may be short, or empty, though more rows follow: a
/// node that passes over many deletions ends it early.
async fn until<Row, Page>(limit: usize, read: impl Fn(PagingState) -> Page) -> Result<Vec<Row>>
where
    Page: Future<Output = Result<(Vec<Row>, Option<PagingState>)>>,
{
    let (mut rows, mut next) = (vec![], Some(PagingState::start()));
    while let Some(page) = next.filter(|_| rows.len() < limit) {
        let (more, behind) = read(page).await?;
        rows.extend(more);
        next = behind;
    }
    Ok(rows)
}

async fn list(
    cluster: &Cluster,
    app: AppId,
    (prefix, after): (&str, Option<&str>),
    limit: usize,
) -> Result<Vec<TagCount>> {
    let rows = i32::try_from(limit).unwrap_or(i32::MAX);
    let (app, directory) = (cluster.app(app), &cluster.directory);
    let after = after.filter(|after| *after >= prefix);
    let read = |page| async move {
        match after {
            Some(after) => {
                cluster.read_page(&directory.names_behind, (app, after, rows), page).await
            }
            None => cluster.read_page(&directory.names, (app, prefix, rows), page).await,
        }
    };
    let tags: Vec<(String,)> = until(limit, read).await?;
    let tags = tags.into_iter().map(|(tag,)| tag).take_while(|tag| tag.starts_with(prefix));
    Ok(tags.map(|tag| TagCount { tag, users: None }).collect())
}

#[async_trait]
impl Directory for Cassandra {
    async fn unregister_users(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        now_unix_ms: i64,
    ) -> DomainResult<Vec<Unregistered>> {
        let cluster = self.connection.cluster()?;
        Ok(users::unregister(&cluster, app, &ids, now_unix_ms).await?)
    }

    async fn update_tags(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        change: TagChange,
        now_unix_ms: i64,
    ) -> DomainResult<Vec<Tagged>> {
        let cluster = self.connection.cluster()?;
        Ok(users::tag(&cluster, app, &ids, &change, now_unix_ms).await?)
    }

    async fn list_tags(
        &self,
        app: AppId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> DomainResult<Vec<TagCount>> {
        let cluster = self.connection.cluster()?;
        let limit = limit.min(TAGS_LISTED_MAX) as usize;
        Ok(list(&cluster, app, (prefix, after), limit).await?)
    }

    /// Unknown: the users of each row would have to be looked at.
    async fn count_tagged(&self, _: AppId, _: Option<&str>) -> DomainResult<Option<u64>> {
        Ok(None)
    }

    async fn walk_tagged(
        &self,
        app: AppId,
        tags: &[&str],
        from: Option<&[u8]>,
        limit: u32,
    ) -> DomainResult<Walked<User>> {
        let cluster = self.connection.cluster()?;
        let limit = limit.clamp(1, WALK_LEN_MAX) as usize;
        let mut entries: Vec<Entry> =
            indexed(tags).into_iter().map(|tag| Entry::Tag(tag.to_owned())).collect();
        if tags.is_empty() {
            entries.push(Entry::Everybody);
        }
        Ok(walk(&cluster, app, &entries, from, limit).await?)
    }
}
