//! Taking broadcasts in.

use super::{Added, Message, Quota};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::AppId;
use crate::witness::see_through;

/// What became of a broadcast that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable, has this id, and will be delivered.
    Yes(u64),
    /// As many were accepted as may be for now.
    OverQuota,
}

/// Accepts a broadcast. A quota holds only while documented limits do. Fails with [`Error::Busy`]
/// while too many of the app are under way.
pub async fn accept(ctx: &Context, app: AppId, message: Message, quota: Quota) -> Result<Accepted> {
    let quota = ctx.settings.documented_limits.then_some(quota);
    let (store, witness) = (ctx.store.clone(), ctx.witness.clone());
    let added = see_through(&ctx.witness, async move {
        let added = store.add_broadcast(app, message.clone(), quota).await?;
        if let Added::Yes(id) = added {
            witness.accepted_broadcast(app, id, &message);
        }
        Ok(added)
    });
    match added.await? {
        Added::Yes(id) => Ok(Accepted::Yes(id)),
        Added::OverQuota => Ok(Accepted::OverQuota),
        Added::TooManyOpen => Err(Error::Busy),
    }
}
