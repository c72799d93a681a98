//! `GET /v1/apps/{app}/users/count`: how many users there are, or are meant by an expression of
//! tags.
//!
//! All, or those with one tag, are told at once where the store keeps counts; other expressions are
//! counted one by one, which takes some seconds for millions.

use domain::users::audience;
use serde::Serialize;

use super::Asked;
use super::users::audience;
use crate::native::fault::Fault;

#[derive(Debug, Serialize)]
pub(in crate::native) struct Answer {
    count: u64,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let [tags] = asked.query.only(["tags"])?;
    let meant = audience(tags)?;
    let count = audience::count(&*asked.ctx.store, asked.app.id, &meant).await?;
    Ok(Answer { count })
}
