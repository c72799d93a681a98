//! Taking sightings in.

use super::{Noted, Sighting};
use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::log::record::{AHEAD_S_MAX, Outcome, Refused};

/// Notes sightings, and tells of each what became of it, in the order given. What is stored is
/// durable, and seen by the next question, when this returns.
///
/// As with events, what is older than the retention is passed over, and what is more than
/// [`AHEAD_S_MAX`] seconds ahead of our clock is refused.
pub async fn record(ctx: &Context, sightings: Vec<Sighting>) -> Result<Vec<Outcome>> {
    let latest = ctx.clock.now_unix_us() + AHEAD_S_MAX * SECOND_US;
    let earliest = ctx.retention_start_unix_us();
    let judge = |sighting: &Sighting| match sighting.connection.time_unix_us {
        time if time > latest => Some(Outcome::Refused(Refused::InTheFuture)),
        time if time < earliest => Some(Outcome::Expired),
        _ => None,
    };
    let judged: Vec<Option<Outcome>> = sightings.iter().map(judge).collect();
    let good = sightings.into_iter().zip(&judged).filter(|(_, judged)| judged.is_none());
    let good: Vec<Sighting> = good.map(|(sighting, _)| sighting).collect();
    let noted = match good.is_empty() {
        true => vec![],
        false => ctx.store.note_sightings(good).await?,
    };
    let mut noted = noted.into_iter().map(|noted| match noted {
        Noted::New => Outcome::Stored,
        Noted::Known => Outcome::Duplicate,
    });
    let fill = |outcome: Option<Outcome>| {
        outcome.unwrap_or_else(|| noted.next().expect("one outcome for each sighting noted"))
    };
    Ok(judged.into_iter().map(fill).collect())
}
