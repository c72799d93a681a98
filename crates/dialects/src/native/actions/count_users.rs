//! `GET /v1/apps/{app}/users/count`: how many users there are, or are meant by an expression of
//! tags.
//!
//! All, or those with one tag, are told at once where the store keeps counts. For other expressions
//! users are looked at one by one, which takes some seconds for millions: ten millions of them in a
//! request, and not for long. If there are more, `next` tells where to go on, and the counts are to
//! be added up.

use domain::users::audience;
use serde::Serialize;

use super::Asked;
use super::users::audience;
use crate::native::cursor;
use crate::native::fault::Fault;

#[derive(Debug, Serialize)]
pub(in crate::native) struct Answer {
    count: u64,
    next: Option<String>,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let [tags, given_cursor] = asked.query.only(["tags", "cursor"])?;
    let meant = audience(tags)?;
    let from = given_cursor.map(cursor::parse).transpose()?;
    let (store, clock) = (&*asked.ctx.store, &*asked.ctx.clock);
    let counted = audience::count(store, clock, asked.app.id, &meant, from.as_deref()).await?;
    Ok(Answer { count: counted.count, next: counted.next.as_deref().map(cursor::show) })
}
