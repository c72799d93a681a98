//! Users by their tags, and how many there are: rows that follow the directory in the same
//! transaction, wherever in it a user lies.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::error::{EngineError, Error, Result as DomainResult};
use domain::ids::{AppId, UserId};
use domain::store::Walked;
use domain::users::store::{
    Directory as Port, TAGS_LISTED_MAX, TagCount, Tagged, Unregistered, WALK_LEN_MAX,
};
use domain::users::tags::{TagChange, indexed};
use domain::users::{Profile, User};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::change::Change;
use super::check::Expected;
use super::fault::{Damage, Fault, Result};
use super::key::{Key, KeyParts};
use super::store::Embedded;
use super::transaction::{Read, Write};
use super::trays::Directory;
use super::{trays, users};

/// How many there are of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Population {
    users: u64,
    robots: u64,
}

/// How many more there are than before the transaction.
#[derive(Clone, Copy, Default)]
struct More {
    users: i64,
    robots: i64,
}

/// What of a transaction's changes is still to be counted.
#[derive(Default)]
pub(super) struct Census {
    apps: HashMap<AppId, More>,
    tags: HashMap<(AppId, Box<str>), i64>,
}

/// The beginning of the keys of a tag's rows. The length stands first, so that no tag is the
/// beginning of another.
fn tag_key(app: AppId, tag: &str) -> Key {
    let len = u16::try_from(tag.len()).expect("no tag of the index is so long");
    Key::new().u32(app.0).u16(len).bytes(tag.as_bytes())
}

fn count_key(app: AppId, tag: &str) -> Key {
    Key::new().u32(app.0).bytes(tag.as_bytes())
}

/// The app of a user's key, and what is behind it.
fn parts(key: &[u8]) -> Result<(AppId, &[u8])> {
    let mut parts = KeyParts(key);
    let app = parts.array().ok_or(Fault::damaged("users", Damage::Encoding))?;
    Ok((AppId(u32::from_be_bytes(app)), parts.0))
}

/// Makes the index follow the change of a user; `None` stands for nobody.
pub(super) fn follow(
    write: &mut Write<'_>,
    key: &Key,
    before: Option<&Profile>,
    after: Option<&Profile>,
) -> Result<()> {
    let (app, user) = parts(key)?;
    let one = |profile: Option<&Profile>| i64::from(profile.is_some());
    let robot = |profile: Option<&Profile>| i64::from(profile.is_some_and(|it| it.robot));
    let (users, robots) = (one(after) - one(before), robot(after) - robot(before));
    if users != 0 || robots != 0 {
        let more = write.census.apps.entry(app).or_default();
        more.users += users;
        more.robots += robots;
    }
    let tags = |profile: Option<&'_ Profile>| match profile {
        Some(profile) => indexed(&profile.tags).into_iter().map(Box::from).collect(),
        None => vec![],
    };
    let (had, has): (Vec<Box<str>>, Vec<Box<str>>) = (tags(before), tags(after));
    for tag in had.iter().filter(|tag| has.binary_search(tag).is_err()) {
        write.tables.tags.delete(&mut write.txn, &tag_key(app, tag).bytes(user))?;
        *write.census.tags.entry((app, tag.clone())).or_default() -= 1;
    }
    for tag in has.iter().filter(|tag| had.binary_search(tag).is_err()) {
        write.tables.tags.put(&mut write.txn, &tag_key(app, tag).bytes(user), &[])?;
        *write.census.tags.entry((app, tag.clone())).or_default() += 1;
    }
    Ok(())
}

/// How many robots an app has, as this transaction leaves it so far.
pub(super) fn robots(write: &Write<'_>, app: AppId) -> Result<u64> {
    let known = write.tables.populations.find(&write.txn, &Key::new().u32(app.0))?;
    let more = write.census.apps.get(&app).map_or(0, |more| more.robots);
    Ok(known.unwrap_or_default().robots.saturating_add_signed(more))
}

/// Writes down what the transaction's changes come to.
pub(super) fn count(write: &mut Write<'_>) -> Result<()> {
    let Write { tables, txn, census, .. } = write;
    let Census { apps, tags } = std::mem::take(census);
    for (app, More { users, robots }) in apps {
        let key = Key::new().u32(app.0);
        let known = tables.populations.find(txn, &key)?.unwrap_or_default();
        let now = Population {
            users: known.users.saturating_add_signed(users),
            robots: known.robots.saturating_add_signed(robots),
        };
        match now.users {
            0 => tables.populations.delete(txn, &key)?,
            _ => tables.populations.put(txn, &key, &now)?,
        }
    }
    for ((app, tag), more) in tags.into_iter().filter(|(_, more)| *more != 0) {
        let key = count_key(app, &tag);
        let known = tables.tag_counts.find(txn, &key)?.unwrap_or(0);
        match known.saturating_add_signed(more) {
            0 => tables.tag_counts.delete(txn, &key)?,
            now => tables.tag_counts.put(txn, &key, &now)?,
        }
    }
    Ok(())
}

/// Compares the rows of the index and all counts with the users.
pub(super) fn check(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    let mut populations: HashMap<AppId, Population> = HashMap::new();
    let mut look = |key: &[u8], user: User| {
        let (app, behind) = parts(key)?;
        let population = populations.entry(app).or_default();
        population.users += 1;
        population.robots += u64::from(user.profile.robot);
        for tag in indexed(&user.profile.tags) {
            expected.row(read, &read.tables.tags, &tag_key(app, tag).bytes(behind), &[])?;
        }
        Ok(())
    };
    for row in read.tables.users.range(read.txn, &[], &[])? {
        let (key, user) = row?;
        look(key, user)?;
    }
    trays::each(read, &mut look)?;
    for (app, population) in populations {
        let key = Key::new().u32(app.0);
        expected.record(read, &read.tables.populations, &key, Some(&population))?;
    }
    // Those with one tag are neighbours.
    let mut last: Option<(Key, u64)> = None;
    for row in read.tables.tags.range(read.txn, &[], &[])? {
        let key = count_key_of(row?.0)?;
        match &mut last {
            Some((known, count)) if *known == key => *count += 1,
            _ => {
                if let Some((key, count)) = last.replace((key, 1)) {
                    expected.record(read, &read.tables.tag_counts, &key, Some(&count))?;
                }
            }
        }
    }
    last.map_or(Ok(()), |(key, count)| {
        expected.record(read, &read.tables.tag_counts, &key, Some(&count))
    })
}

/// Under which key those are counted whose tag a row of the index has.
fn count_key_of(row: &[u8]) -> Result<Key> {
    let damaged = || Fault::damaged("tags", Damage::Encoding);
    let mut parts = KeyParts(row);
    let app = parts.array::<4>().ok_or_else(damaged)?;
    let len = parts.array().map(u16::from_be_bytes).ok_or_else(damaged)?;
    let tag = parts.0.get(..usize::from(len)).ok_or_else(damaged)?;
    Ok(Key::new().bytes(&app).bytes(tag))
}

/// The next users of an app, by the bytes of their keys behind the app's.
fn walk(
    directory: Directory<'_>,
    app: AppId,
    tags: &[String],
    from: Option<&[u8]>,
    limit: usize,
) -> Result<Walked<User>> {
    let of_app = Key::new().u32(app.0);
    if tags.is_empty() {
        let behind = of_app.clone().bytes(from.unwrap_or_default());
        let users = directory.behind(Some(&behind), limit)?;
        let mut of_app = users.into_iter().take_while(|(key, _)| key.starts_with(&of_app));
        let users: Vec<(Key, User)> = of_app.by_ref().collect();
        let last = users.last().filter(|_| users.len() == limit);
        let next = last.map(|(key, _)| key[size_of::<u32>()..].to_vec());
        return Ok(Walked { found: users.into_iter().map(|(_, user)| user).collect(), next });
    }
    let keys = merge(directory, app, tags, from, limit)?;
    let find = |user: &Vec<u8>| {
        let key = of_app.clone().bytes(user);
        let found = directory.find::<User>(&key)?.map(|(_, user)| user);
        found.ok_or(Fault::damaged("users", Damage::Missing))
    };
    let found = keys.iter().map(find).collect::<Result<_>>()?;
    let next = if keys.len() == limit { keys.into_iter().next_back() } else { None };
    Ok(Walked { found, next })
}

/// The next keys of those who have any of the tags, each once.
fn merge(
    directory: Directory<'_>,
    app: AppId,
    tags: &[String],
    from: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Vec<u8>>> {
    // Whoever comes behind a key has it, and something more, or a greater one.
    let from = from.map_or(Key::new(), |last| Key::new().bytes(last).u8(0));
    let mut rows = vec![];
    for tag in indexed(tags) {
        let prefix = tag_key(app, tag);
        let prefix_len = prefix.len();
        let mut users = directory.tables().tags.range(directory.txn(), &prefix, &from)?;
        let mut next = move || users.next().transpose().map(|row| Some(&row?.0[prefix_len..]));
        rows.push((next()?, next));
    }
    let mut keys: Vec<Vec<u8>> = vec![];
    while keys.len() < limit {
        let Some(least) = rows.iter().filter_map(|(head, _)| *head).min() else { break };
        for (head, next) in rows.iter_mut().filter(|(head, _)| *head == Some(least)) {
            *head = next()?;
        }
        keys.push(least.to_vec());
    }
    Ok(keys)
}

fn list(
    read: Read<'_>,
    app: AppId,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<TagCount>> {
    let begins = count_key(app, prefix);
    // Those behind a tag that comes before the prefix are all that have the prefix.
    let from = match after {
        Some(after) if after >= prefix => match after.strip_prefix(prefix) {
            Some(rest) => Key::new().bytes(rest.as_bytes()).u8(0),
            None => return Ok(vec![]),
        },
        _ => Key::new(),
    };
    let rows = read.tables.tag_counts.range(read.txn, &begins, &from)?;
    let tag = |row: Result<(&[u8], u64)>| {
        let (key, users) = row?;
        let tag = std::str::from_utf8(&key[size_of::<u32>()..]);
        let tag = tag.map_err(|_| read.tables.tag_counts.damaged())?.to_owned();
        Ok(TagCount { tag, users: Some(users) })
    };
    rows.take(limit).map(tag).collect()
}

#[async_trait]
impl Port for Embedded {
    async fn unregister_users(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        _: i64,
    ) -> DomainResult<Vec<Unregistered>> {
        self.change(Change::Unregister, users::Unregister { app, ids }).await
    }

    async fn update_tags(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        change: TagChange,
        now_unix_ms: i64,
    ) -> DomainResult<Vec<Tagged>> {
        let request = users::Tag { app, ids, change, now_unix_ms };
        self.change(Change::Tag, request).await
    }

    async fn list_tags(
        &self,
        app: AppId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> DomainResult<Vec<TagCount>> {
        let limit = limit.min(TAGS_LISTED_MAX) as usize;
        self.read(|read| list(read, app, prefix, after, limit))
    }

    async fn count_tagged(&self, app: AppId, tag: Option<&str>) -> DomainResult<Option<u64>> {
        let count = |read: Read<'_>| match tag {
            Some(tag) if indexed(&[tag]).is_empty() => Ok(0),
            Some(tag) => {
                let count = read.tables.tag_counts.find(read.txn, &count_key(app, tag))?;
                Ok(count.unwrap_or(0))
            }
            None => {
                let known = read.tables.populations.find(read.txn, &Key::new().u32(app.0))?;
                Ok(known.unwrap_or_default().users)
            }
        };
        self.read(count).map(Some)
    }

    async fn walk_tagged(
        &self,
        app: AppId,
        tags: &[&str],
        from: Option<&[u8]>,
        limit: u32,
    ) -> DomainResult<Walked<User>> {
        let limit = limit.clamp(1, WALK_LEN_MAX) as usize;
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let from = from.map(<[u8]>::to_vec);
        let (env, tables) = (self.env.clone(), Arc::clone(&self.tables));
        let trays = Arc::clone(&self.trays);
        let turn = Arc::clone(&self.steps).acquire_owned().await.expect("nobody closes it");
        // Not beside those who wait for a short read: a thousand users are a few ms.
        let walked = spawn_blocking(move || {
            // Until it is over, also if nobody waits for it any more.
            let _turn = turn;
            trays.read(&env, &tables, |directory| {
                walk(directory, app, &tags, from.as_deref(), limit)
            })
        });
        let walked = walked.await.map_err(|error| Error::Engine(EngineError::new(error)))?;
        Ok(walked?)
    }
}
