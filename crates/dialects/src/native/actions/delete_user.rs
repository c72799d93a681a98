//! `DELETE /v1/apps/{app}/users/{id}`: takes a user out of the directory.
//!
//! What the room log has of them stays.

use domain::users;
use domain::users::unregister::Removed;
use serde::Serialize;

use super::Asked;
use super::users::named;
use crate::native::fault::Fault;

#[derive(Debug, Serialize)]
pub(in crate::native) struct Answer {
    removed: bool,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let id = named(asked)?;
    asked.query.only([])?;
    match users::unregister(asked.ctx, asked.app.id, vec![id]).await?[..] {
        [Removed::Yes] => Ok(Answer { removed: true }),
        _ => Err(Fault::no_such_user()),
    }
}
