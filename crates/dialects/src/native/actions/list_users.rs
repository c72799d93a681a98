//! `GET /v1/apps/{app}/users`: who there is, or who is meant by an expression of tags.
//!
//! Users come in the store's own order. A page may have fewer than asked for, or none, although
//! there are more: as long as `next` is told there may be. Who comes or goes meanwhile is on a page
//! if they belong when it is made.

use domain::users::audience;
use serde::Serialize;

use super::Asked;
use super::users::{ShownUser, audience, limit};
use crate::native::cursor;
use crate::native::fault::Fault;

/// How many users a page has unless asked, and at most.
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

/// How often it is looked for more before a page is told that is not full.
const STEPS_MAX: usize = 16;

#[derive(Debug, Serialize)]
pub(in crate::native) struct Answer {
    users: Vec<ShownUser>,
    next: Option<String>,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let [tags, given_limit, given_cursor] = asked.query.only(["tags", "limit", "cursor"])?;
    let meant = audience(tags)?;
    let limit = limit(given_limit, LIMIT, LIMIT_MAX)?;
    let mut from = given_cursor.map(cursor::parse).transpose()?;
    let mut users: Vec<ShownUser> = vec![];
    for _ in 0..STEPS_MAX {
        let room = limit - u32::try_from(users.len()).unwrap_or(limit);
        let store = &*asked.ctx.store;
        let step = audience::walk(store, asked.app.id, &meant, from.as_deref(), room).await?;
        users.extend(step.found.into_iter().map(ShownUser::from));
        from = step.next;
        if from.is_none() || users.len() >= limit as usize {
            break;
        }
    }
    Ok(Answer { users, next: from.as_deref().map(cursor::show) })
}
