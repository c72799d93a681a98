//! `GET /v1/apps/{app}/tags`: which tags there are, and how many users have each.
//!
//! Over a ring nobody keeps counts: `users` is `null` then, and a tag that nobody has any more may
//! be listed.

use serde::Serialize;

use super::Asked;
use super::users::{cursor, limit, show_cursor};
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
    let after = given_cursor.map(cursor).transpose()?;
    let after = after.as_deref().map(std::str::from_utf8).transpose();
    let after = after.map_err(|_| Fault::invalid("`cursor` is not one that was told here"))?;
    let prefix = prefix.unwrap_or_default();
    let listed = asked.ctx.store.list_tags(asked.app.id, prefix, after, limit).await?;
    let is_full = listed.len() == limit as usize;
    let next = listed.last().filter(|_| is_full).map(|last| show_cursor(last.tag.as_bytes()));
    let tags = listed.into_iter().map(|it| Tag { tag: it.tag, users: it.users }).collect();
    Ok(Answer { tags, next })
}
