//! Users who go, and users by their tags: each question is asked of everybody.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use domain::error::Result;
use domain::ids::{AppId, UserId};
use domain::store::Walked;
use domain::users::User;
use domain::users::store::{
    Directory, ROBOTS_MAX, TAGS_LISTED_MAX, TagCount, Tagged, Unregistered, WALK_LEN_MAX,
};
use domain::users::tags::{Retag, TagChange, indexed};

use super::{Memory, lock};

pub(super) type Users = BTreeMap<(AppId, UserId), User>;

/// Those of an app, in the order of their ids.
fn of(users: &Users, app: AppId) -> impl Iterator<Item = &User> {
    users.iter().filter(move |((its, _), _)| *its == app).map(|(_, user)| user)
}

/// Whether an app may have one more robot.
pub(super) fn takes_a_robot(users: &Users, app: AppId) -> bool {
    (of(users, app).filter(|user| user.profile.robot).count() as u64) < ROBOTS_MAX
}

fn is_found_by(user: &User, tags: &[&str]) -> bool {
    let own = indexed(&user.profile.tags);
    tags.is_empty() || tags.iter().any(|tag| own.contains(tag))
}

#[async_trait]
impl Directory for Memory {
    async fn unregister_users(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        _: i64,
    ) -> Result<Vec<Unregistered>> {
        let mut users = lock(&self.users);
        let remove = |id| match users.remove(&(app, id)) {
            Some(_) => Unregistered::Done,
            None => Unregistered::NotFound,
        };
        Ok(ids.into_iter().map(remove).collect())
    }

    async fn update_tags(
        &self,
        app: AppId,
        ids: Vec<UserId>,
        change: TagChange,
        now_unix_ms: i64,
    ) -> Result<Vec<Tagged>> {
        let mut users = lock(&self.users);
        let update = |id| {
            let Some(user) = users.get_mut(&(app, id)) else { return Tagged::NotFound };
            user.profile.tags = match change.judge(&user.profile.tags) {
                Retag::Same => return Tagged::Done,
                Retag::TooMany => return Tagged::TooMany,
                Retag::To(tags) => tags,
            };
            user.modified_unix_ms = user.modified_unix_ms.max(now_unix_ms);
            Tagged::Done
        };
        Ok(ids.into_iter().map(update).collect())
    }

    async fn list_tags(
        &self,
        app: AppId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<TagCount>> {
        let users = lock(&self.users);
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for tag in of(&users, app).flat_map(|user| indexed(&user.profile.tags)) {
            *counts.entry(tag).or_default() += 1;
        }
        let behind = counts.into_iter().filter(|(tag, _)| after.is_none_or(|after| after < *tag));
        let listed = behind.filter(|(tag, _)| tag.starts_with(prefix));
        let count = |(tag, users): (&str, u64)| TagCount { tag: tag.into(), users: Some(users) };
        Ok(listed.map(count).take(limit.min(TAGS_LISTED_MAX) as usize).collect())
    }

    async fn count_tagged(&self, app: AppId, tag: Option<&str>) -> Result<Option<u64>> {
        let users = lock(&self.users);
        let tags: Vec<&str> = tag.into_iter().collect();
        Ok(Some(of(&users, app).filter(|user| is_found_by(user, &tags)).count() as u64))
    }

    async fn walk_tagged(
        &self,
        app: AppId,
        tags: &[&str],
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<User>> {
        let users = lock(&self.users);
        // A place is the id of the last who was found.
        let last = from.and_then(|from| std::str::from_utf8(from).ok());
        let last = last.and_then(|last| UserId::parse(last).ok());
        let begin = match last {
            Some(last) => Bound::Excluded((app, last)),
            None => Bound::Unbounded,
        };
        let behind = users.range((begin, Bound::Unbounded)).filter(|((its, _), _)| *its == app);
        let limit = limit.clamp(1, WALK_LEN_MAX) as usize;
        let found = behind.map(|(_, user)| user).filter(|user| is_found_by(user, tags));
        let found: Vec<User> = found.take(limit).cloned().collect();
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|last| last.id.as_str().as_bytes().to_vec());
        Ok(Walked { found, next })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use domain::clock::{Clock, SECOND_US};
    use domain::ids::{AppId, UserId};
    use domain::store::{IfTaken, NewUser, Store as _};
    use domain::users::Profile;
    use domain::users::audience::{self, Audience, COUNT_S};

    use crate::memory::Memory;

    /// A clock by which so many seconds go by each time it is looked at.
    struct Hasty(i64, AtomicI64);

    impl Clock for Hasty {
        fn now_unix_us(&self) -> i64 {
            self.1.fetch_add(self.0 * SECOND_US, Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_count_ends_after_some_seconds_and_goes_on_where_it_was() {
        const USERS: i64 = 2_500;
        let (store, app) = (Memory::default(), AppId(1));
        let new = |number| NewUser {
            id: UserId::from_long(number).unwrap(),
            profile: Profile { tags: vec!["a".into()], ..Profile::default() },
        };
        let users = (1..=USERS).map(new).collect();
        store.register_users(app, users, IfTaken::Leave, 1).await.unwrap();
        let meant = Audience::Not(Box::new(Audience::Tag("b".into())));
        // At once, after half of the time at the second look, and in time.
        for (pause_s, expected) in [(COUNT_S, 3), (COUNT_S / 2, 2), (0, 1)] {
            let clock = Hasty(pause_s, AtomicI64::new(0));
            let (mut counts, mut from) = (vec![], None);
            loop {
                let counted = audience::count(&store, &clock, app, &meant, from.as_deref()).await;
                let counted = counted.unwrap();
                counts.push(counted.count);
                from = counted.next;
                if from.is_none() {
                    break;
                }
            }
            assert_eq!(counts.iter().sum::<u64>(), USERS.unsigned_abs(), "{counts:?}");
            assert_eq!(counts.len(), expected, "{counts:?}");
        }
    }
}
