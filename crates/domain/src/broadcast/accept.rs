//! Taking broadcasts in.

use super::{Added, Message, Quota};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::AppId;

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
    match ctx.store.add_broadcast(app, message.clone(), quota).await? {
        Added::Yes(id) => {
            ctx.witness.accepted_broadcast(app, id, &message);
            Ok(Accepted::Yes(id))
        }
        Added::OverQuota => Ok(Accepted::OverQuota),
        Added::TooManyOpen => Err(Error::Busy),
    }
}
