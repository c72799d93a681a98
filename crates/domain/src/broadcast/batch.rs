//! The next users of a broadcast's audience.

use super::{BATCH_USERS_MAX, Broadcast};
use crate::context::Context;
use crate::error::Result;
use crate::ids::UserId;
use crate::users::audience;

/// How many steps of the walk are taken for one batch: an audience of whom few are found is gone
/// through in several batches, some of which are empty, so that its place is kept now and then.
const STEPS_MAX: usize = 64;

/// Users to deliver to, and where the walk goes on behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Those who belong to the audience now, [`BATCH_USERS_MAX`] at most. It may be nobody.
    pub users: Vec<UserId>,
    /// `None` if these were the last.
    pub place: Option<Vec<u8>>,
}

/// Finds the users behind a job's place.
pub async fn find_batch(ctx: &Context, job: &Broadcast) -> Result<Batch> {
    let wanted = &job.message.audience;
    let mut batch = Batch { users: vec![], place: job.progress.place.clone() };
    for _ in 0..STEPS_MAX {
        let limit = BATCH_USERS_MAX - u32::try_from(batch.users.len()).unwrap_or(BATCH_USERS_MAX);
        let from = batch.place.as_deref();
        let walked = audience::walk(&*ctx.store, job.app, &wanted.who, from, limit).await?;
        let belongs = walked.found.into_iter().map(|user| user.id).filter(|id| wanted.admits(id));
        batch.users.extend(belongs);
        batch.place = walked.next;
        if batch.place.is_none() || batch.users.len() >= BATCH_USERS_MAX as usize {
            break;
        }
    }
    Ok(batch)
}
