//! Asking who users are.

use super::User;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, UserId};

/// Who the users with these ids are, in the order asked; `None` for an id that nobody has.
pub async fn find(ctx: &Context, app: AppId, ids: &[UserId]) -> Result<Vec<Option<User>>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    ctx.store.find_users(app, ids).await
}
