//! Asking who users are.

use super::User;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, UserId};
use crate::store::Look;

/// Who the users with these ids are, in the order asked; `None` for an id that nobody has.
pub async fn find(ctx: &Context, app: AppId, ids: &[UserId]) -> Result<Vec<Option<User>>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    ctx.store.find_users(app, ids).await
}

/// Shows `look` those who exist of the users with these ids, in the order asked, each with the
/// place of their id. If it fails, what was shown before means nothing.
pub async fn look_at(ctx: &Context, app: AppId, ids: &[UserId], look: &mut Look<'_>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    ctx.store.look_at_users(app, ids, look).await
}
