//! Going through all stays of a window, a page at a time, while the log goes on.
//!
//! A place is not a number of rows, which would move under whoever reads when something happens
//! earlier in the order, but a second and how many of it were told. So a stay that is there all the
//! while is told, and told once, unless something comes or goes in the very second in which a page
//! ended.

use super::query::{PAGE_LEN_MAX, StayQuery};
use super::stay::Stay;
use crate::context::Context;
use crate::error::Result;

/// Behind what a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StayPlace {
    /// The second in which the last stay of the page before began.
    pub began_unix_s: i64,
    /// How many of the stays that began in it were told.
    pub told: u64,
}

/// The next stays that `query` selects, in the order of answers, `limit` and [`PAGE_LEN_MAX`] of
/// them at most, and where to go on. What the query says of an offset does not count.
pub async fn list_onward(
    ctx: &Context,
    query: &StayQuery,
    from: Option<StayPlace>,
) -> Result<(Vec<Stay>, Option<StayPlace>)> {
    if query.until_unix_s < query.from_unix_s {
        return Ok((vec![], None));
    }
    let limit = query.limit.clamp(1, PAGE_LEN_MAX);
    let offset = match from {
        None => 0,
        Some(StayPlace { began_unix_s, told }) => {
            let until_unix_s = began_unix_s.saturating_sub(1).min(query.until_unix_s);
            let before = StayQuery { until_unix_s, offset: 0, limit: 0, ..query.clone() };
            // Nothing began before what nobody was there for.
            let total = match until_unix_s < query.from_unix_s {
                true => 0,
                false => ctx.store.page_of_stays(&before).await?.total,
            };
            total.saturating_add(told)
        }
    };
    let page = StayQuery { offset, limit, ..query.clone() };
    let page = ctx.store.page_of_stays(&page).await?;
    let is_last = offset.saturating_add(page.stays.len() as u64) >= page.total;
    let place = page.stays.last().filter(|_| !is_last).map(|last| {
        let began_unix_s = last.created_unix_s();
        let same = page.stays.iter().rev().take_while(|it| it.created_unix_s() == began_unix_s);
        let before = from.filter(|from| from.began_unix_s == began_unix_s).map_or(0, |it| it.told);
        StayPlace { began_unix_s, told: before + same.count() as u64 }
    });
    Ok((page.stays, place))
}
