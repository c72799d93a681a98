//! The engines that the suite runs on, as the properties need them: opened again as often as it
//! pleases them.

use domain::store::Walk;
use proptest::prelude::ProptestConfig;
use tempfile::TempDir;

use crate::embedded::{self, Embedded};
use crate::memory::Memory;

/// A store that outlives those who use it.
pub(super) trait Engine: Walk + Sized {
    /// Where it is kept.
    type Place: Send + Sync;

    /// A place for an empty one.
    fn place() -> Self::Place;

    /// What is kept there, for somebody who knows nothing of it.
    async fn open(place: &Self::Place) -> Self;

    /// Panics unless what it repeats in other words is what it says.
    fn recount(&self) {}

    /// How many rows there are of each kind, of those of which a store that was told only what is
    /// left has as many.
    fn rows(&self) -> Vec<(&'static str, u64)> {
        vec![]
    }

    /// How many cases a property tries that has `usual` of them on an engine of this machine.
    fn cases(usual: u32) -> u32 {
        usual
    }
}

/// An empty store, and where it is kept.
pub(super) async fn fresh<E: Engine>() -> (E, E::Place) {
    let place = E::place();
    (E::open(&place).await, place)
}

/// What the environment variable `PROPTEST_CASES` says, else so many as the engine has patience
/// for.
pub(super) fn config<E: Engine>(usual: u32) -> ProptestConfig {
    const PROPTESTS_OWN: u32 = 256;
    let told = ProptestConfig::default();
    let cases = if told.cases == PROPTESTS_OWN { E::cases(usual) } else { told.cases };
    ProptestConfig { cases, ..told }
}

impl Engine for Memory {
    type Place = ();

    fn place() {}

    /// It forgets, so that only those may ask who open it once.
    async fn open((): &()) -> Self {
        Self::default()
    }
}

impl Engine for Embedded {
    type Place = TempDir;

    fn place() -> TempDir {
        tempfile::tempdir().expect("a folder")
    }

    async fn open(place: &TempDir) -> Self {
        let options = embedded::Options::new(place.path().join("data"));
        Self::open(&options).expect("it opens")
    }

    fn recount(&self) {
        self.recount();
    }

    fn rows(&self) -> Vec<(&'static str, u64)> {
        // What people depend on may be noted more widely than it has to be, and a room whose only
        // event gave way to one of another room keeps its number. Rooms that are large once stay so
        // until they are empty, and so do crowds for a while. Who is still there is listed twice
        // some time after somebody came, whoever it was. The recount has looked at all of these.
        let wide = ["counters", "watched", "watched_rooms", "rooms", "sums", "crowds", "by_room"];
        let wide = [&wide[..], &["by_participant", "aged"]].concat();
        let mut lens = self.lens();
        lens.retain(|(table, _)| !wide.contains(table));
        lens
    }
}

/// A ring, which may be far away, so that fewer cases have to do.
#[cfg(feature = "cassandra-tests")]
impl Engine for crate::cassandra::Cassandra {
    /// A realm: whoever opens it is one more server on it.
    type Place = u32;

    fn place() -> u32 {
        uuid::Uuid::new_v4().as_fields().0
    }

    async fn open(place: &u32) -> Self {
        crate::cassandra::tests::store_of(*place).await
    }

    fn cases(usual: u32) -> u32 {
        (usual / 16).max(1)
    }
}
