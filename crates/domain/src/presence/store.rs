//! What every store promises of presence. What is common to all its methods stands in
//! [`crate::store`].

use async_trait::async_trait;

use super::{Connections, Forgotten, Sighting};
use crate::error::Result;
use crate::ids::{AppId, UserId};

/// What became of one sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It told something.
    New,
    /// What is known already is later, or the same.
    Known,
}

/// Where the domain keeps who was seen.
#[async_trait]
pub trait Presences: Send + Sync {
    /// Notes sightings: afterwards what is known of each user is [`Connections`] of all that was
    /// ever noted of them, whatever the order.
    async fn note_sightings(&self, sightings: Vec<Sighting>) -> Result<Vec<Noted>>;

    /// What is known of the users with these ids, in the order of the ids; nothing of whoever was
    /// not seen.
    async fn find_connections(&self, app: AppId, users: &[UserId]) -> Result<Vec<Connections>>;

    /// Forgets connections that were seen before an instant, of some users: a step through all of
    /// them, which looks at about `limit` users and begins where the step before it said. Whoever
    /// takes all steps has forgotten what was older all the while.
    async fn forget_sightings(
        &self,
        before_unix_us: i64,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Forgotten>;

    /// Forgets all connections of a user, and tells how many there were.
    async fn remove_sightings(&self, app: AppId, user: &UserId) -> Result<u64>;
}
