//! `GET /v1/apps/{app}/tags`: which tags there are, and how many users have each.
//!
//! Over a ring nobody keeps counts: `users` is `null` then, and a tag that nobody has any more may
//! be listed.

use serde::Serialize;

use super::Asked;
use super::users::limit;
use crate::native::cursor;
use crate::native::fault::Fault;

/// How many tags a page has unless asked, and at most.
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

#[derive(Debug, Serialize)]
pub(in crate::native) struct Answer {
    tags: Vec<Tag>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct Tag {
    tag: String,
    users: Option<u64>,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let [prefix, given_limit, given_cursor] = asked.query.only(["prefix", "limit", "cursor"])?;
    let limit = limit(given_limit, LIMIT, LIMIT_MAX)?;
    let after = given_cursor.map(cursor::parse).transpose()?;
    // What is no text was not told here, and begins somewhere, as any other place that was not.
    let after = after.as_deref().map(String::from_utf8_lossy);
    let prefix = prefix.unwrap_or_default();
    let listed = asked.ctx.store.list_tags(asked.app.id, prefix, after.as_deref(), limit).await?;
    let is_full = listed.len() == limit as usize;
    let next = listed.last().filter(|_| is_full).map(|last| cursor::show(last.tag.as_bytes()));
    let tags = listed.into_iter().map(|it| Tag { tag: it.tag, users: it.users }).collect();
    Ok(Answer { tags, next })
}
