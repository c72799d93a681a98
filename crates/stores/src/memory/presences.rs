//! Who was seen.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use domain::error::Result;
use domain::ids::{AppId, UserId};
use domain::presence::{Connections, Forgotten, Noted, Presences, Sighting};

use super::{Memory, lock};

/// What is known of everybody.
pub(super) type Known = BTreeMap<(AppId, UserId), Connections>;

/// All of it.
pub(super) fn all(known: &Known) -> Vec<Sighting> {
    let of = |((app, user), connections): (&(AppId, UserId), &Connections)| {
        let (app, user) = (*app, user.clone());
        let sighting = move |connection| Sighting { app, user: user.clone(), connection };
        connections.iter().cloned().map(sighting).collect::<Vec<_>>()
    };
    known.iter().flat_map(of).collect()
}

#[async_trait]
impl Presences for Memory {
    async fn note_sightings(&self, sightings: Vec<Sighting>) -> Result<Vec<Noted>> {
        let mut known = lock(&self.presences);
        let note = |Sighting { app, user, connection }: Sighting| match known
            .entry((app, user))
            .or_default()
            .see(&connection)
        {
            true => Noted::New,
            false => Noted::Known,
        };
        Ok(sightings.into_iter().map(note).collect())
    }

    async fn find_connections(&self, app: AppId, users: &[UserId]) -> Result<Vec<Connections>> {
        let known = lock(&self.presences);
        let find = |user: &UserId| known.get(&(app, user.clone())).cloned().unwrap_or_default();
        Ok(users.iter().map(find).collect())
    }

    /// A place is the last user that was looked at, behind their app.
    async fn forget_sightings(
        &self,
        before_unix_us: i64,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Forgotten> {
        let mut known = lock(&self.presences);
        let behind = from.and_then(parse).map_or(Bound::Unbounded, Bound::Excluded);
        let mut forgotten = Forgotten::default();
        let mut last = None;
        let users = known.range_mut((behind, Bound::Unbounded)).take(limit as usize);
        for (looked, ((app, user), connections)) in users.enumerate() {
            forgotten.connections += connections.forget(before_unix_us) as u64;
            if looked + 1 == limit as usize {
                last = Some([&app.0.to_be_bytes()[..], user.as_str().as_bytes()].concat());
            }
        }
        known.retain(|_, connections| !connections.is_empty());
        forgotten.next = last;
        Ok(forgotten)
    }

    async fn remove_sightings(&self, app: AppId, user: &UserId) -> Result<u64> {
        let gone = lock(&self.presences).remove(&(app, user.clone()));
        Ok(gone.map_or(0, |connections| connections.len() as u64))
    }
}

fn parse(place: &[u8]) -> Option<(AppId, UserId)> {
    let (app, user) = place.split_first_chunk()?;
    let user = UserId::parse(std::str::from_utf8(user).ok()?).ok()?;
    Some((AppId(u32::from_be_bytes(*app)), user))
}
