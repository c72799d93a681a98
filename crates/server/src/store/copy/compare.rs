//! Whether the target shows what the source shows, to the letter: every user with their times,
//! every page of stays, every dead letter,
//! every broadcast.

use std::collections::BTreeMap;

use anyhow::ensure;
use domain::ids::{AppId, UserId};
use domain::log::StayQuery;
use domain::log::dead::KeptLetter;
use domain::presence::{Connections, Sighting};
use domain::users::User;

use super::{Copy, LETTERS_OF_A_STEP, SIGHTINGS_OF_A_STEP, USERS_OF_A_STEP};
use crate::progress::Progress;

/// How many stays are compared at a time.
const STAYS_OF_A_PAGE: u32 = 1_000;

/// What was found to be the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compared {
    pub(super) users: u64,
    pub(super) connections: u64,
    pub(super) stays: u64,
    pub(super) letters: u64,
    pub(super) broadcasts: u64,
}

impl Copy {
    /// Compares everything; fails at the first difference.
    pub(super) async fn compare(&self) -> anyhow::Result<Compared> {
        let users = self.compare_users().await?;
        let connections = self.compare_sightings().await?;
        let mut compared = Compared { users, connections, ..Compared::default() };
        let mut progress = Progress::start("comparing stays", 0, None);
        for app in self.state.apps.iter().copied().map(AppId) {
            compared.stays += self.compare_stays(app, &mut progress).await?;
        }
        for app in self.state.apps.iter().copied().map(AppId) {
            compared.letters += self.compare_letters(app).await?;
        }
        compared.broadcasts = self.compare_broadcasts().await?;
        let there = self.patiently(async || self.from.log_figures().await).await?;
        let here = self.patiently(async || self.to.log_figures().await).await?;
        ensure!(there == here, "the logs differ: the source has {there:?}, the target {here:?}");
        Ok(compared)
    }

    async fn compare_users(&self) -> anyhow::Result<u64> {
        let mut progress = Progress::start("comparing users", 0, Some(self.state.users));
        let (mut count, mut next) = (0, None);
        loop {
            let walk = async || self.from.walk_users(next.as_deref(), USERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            progress.add(step.found.len());
            count += step.found.len() as u64;
            let mut of_apps: BTreeMap<AppId, Vec<User>> = BTreeMap::new();
            for (app, user) in step.found {
                of_apps.entry(app).or_default().push(user);
            }
            for (app, users) in of_apps {
                self.compare_some_users(app, users).await?;
            }
            match step.next {
                Some(at) => next = Some(at),
                None => break,
            }
        }
        let there = self.count_users().await?;
        ensure!(there == count, "the source has {count} users, the target {there}");
        Ok(count)
    }

    async fn compare_some_users(&self, app: AppId, users: Vec<User>) -> anyhow::Result<()> {
        let ids: Vec<UserId> = users.iter().map(|user| user.id.clone()).collect();
        let found = self.patiently(async || self.to.find_users(app, &ids).await).await?;
        for (user, found) in users.iter().zip(found) {
            // Who it is, and what is known of them, is nobody else's business.
            ensure!(found.as_ref() == Some(user), "a user of app {app} is another in the target");
        }
        Ok(())
    }

    async fn count_users(&self) -> anyhow::Result<u64> {
        let (mut count, mut next) = (0, None);
        loop {
            let walk = async || self.to.walk_users(next.as_deref(), USERS_OF_A_STEP).await;
            let step = self.patiently(walk).await?;
            count += step.found.len() as u64;
            match step.next {
                Some(at) => next = Some(at),
                None => return Ok(count),
            }
        }
    }

    /// The target was empty, so it knows no more of anybody than the source does.
    async fn compare_sightings(&self) -> anyhow::Result<u64> {
        let (mut count, mut next) = (0, None);
        loop {
            let limit = SIGHTINGS_OF_A_STEP;
            let walk = async || self.from.walk_sightings(next.as_deref(), limit).await;
            let step = self.patiently(walk).await?;
            for Sighting { app, user, connection } in step.found {
                count += 1;
                let users = [user];
                let find = async || self.to.find_connections(app, &users).await;
                let found = self.patiently(find).await?;
                let is_there = found.iter().flat_map(Connections::iter).any(|it| *it == connection);
                ensure!(is_there, "a connection of a user of app {app} is not in the target");
            }
            match step.next {
                Some(at) => next = Some(at),
                None => return Ok(count),
            }
        }
    }

    async fn compare_stays(&self, app: AppId, progress: &mut Progress) -> anyhow::Result<u64> {
        let mut query = StayQuery {
            app,
            room: None,
            participants: None,
            with_servers: true,
            from_unix_s: i64::MIN,
            until_unix_s: i64::MAX,
            offset: 0,
            limit: STAYS_OF_A_PAGE,
        };
        loop {
            let expected = self.patiently(async || self.from.page_of_stays(&query).await).await?;
            let page = self.patiently(async || self.to.page_of_stays(&query).await).await?;
            let (offset, total) = (query.offset, expected.total);
            ensure!(
                page.total == total,
                "app {app} has {total} stays, in the target {}",
                page.total
            );
            let is_same = page.stays == expected.stays;
            ensure!(is_same, "of app {app}, the stays from {offset} on differ in the target");
            progress.add(page.stays.len());
            query.offset += page.stays.len() as u64;
            if page.stays.is_empty() || query.offset >= total {
                ensure!(query.offset == total, "app {app} shows fewer stays than it counts");
                return Ok(total);
            }
        }
    }

    async fn compare_letters(&self, app: AppId) -> anyhow::Result<u64> {
        let (mut count, mut after, mut after_here) = (0, None, None);
        loop {
            let limit = LETTERS_OF_A_STEP;
            let there = async || self.from.list_dead_letters(app, after, limit).await;
            let there = self.patiently(there).await?;
            let here = async || self.to.list_dead_letters(app, after_here, limit).await;
            let here = self.patiently(here).await?;
            let is_same = there
                .letters
                .iter()
                .map(|kept| &kept.letter)
                .eq(here.letters.iter().map(|kept| &kept.letter));
            ensure!(
                there.total == here.total && is_same,
                "the dead letters of app {app} differ: there are {}, in the target {}",
                there.total,
                here.total,
            );
            count += here.letters.len() as u64;
            let last = |letters: &[KeptLetter]| letters.last().map(|kept| kept.id);
            (after, after_here) = (last(&there.letters), last(&here.letters));
            if after.is_none() {
                return Ok(count);
            }
        }
    }
}
