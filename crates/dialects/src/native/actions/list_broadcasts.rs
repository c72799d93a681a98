//! `GET /v1/apps/{app}/broadcasts`: the broadcasts of an app, the oldest first.

use domain::broadcast;
use serde::Serialize;

use super::Asked;
use super::broadcasts::ShownBroadcast;
use crate::native::fault::Fault;

/// How many are shown at once, unless fewer are asked for.
const LEN_MAX: u32 = 100;

#[derive(Debug, Serialize)]
pub(in crate::native) struct Answer {
    broadcasts: Vec<ShownBroadcast>,
    /// Behind which the next are, if there may be more.
    next: Option<u64>,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let [after, limit] = asked.query.only(["after", "limit"])?;
    let after: Option<u64> = number("after", after)?;
    let limit = number("limit", limit)?.unwrap_or(LEN_MAX);
    if !(1..=LEN_MAX).contains(&limit) {
        return Err(Fault::invalid(format!("`limit` is 1 to {LEN_MAX}")));
    }
    let found = broadcast::list(asked.ctx, asked.app.id, after, limit).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().map(|last| last.id).filter(|_| is_full);
    Ok(Answer { broadcasts: found.into_iter().map(ShownBroadcast::from).collect(), next })
}

fn number<T: std::str::FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, Fault> {
    let wrong = |_| Fault::invalid(format!("`{name}` is not a number"));
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::broadcasts::tests::{add, refuse};
    use crate::native::testing::World;

    #[test]
    fn broadcasts_are_listed_without_what_was_sent() {
        let world = World::new();
        let target = "/v1/apps/4111/broadcasts";
        world.check("GET", target, expect![[r#"200 {"broadcasts":[],"next":null}"#]]);
        (0..3).for_each(|_| add(&world));
        refuse(&world, 1);
        world.check("GET", &format!("{target}?limit=1"), expect![[r#"200 {"broadcasts":[{"id":1,"state":"waiting","dialect":"volcengine","action":"UserBroadcast","sender":"10001","created":"2026-11-21T02:02:43.000Z","expires":"2026-11-21T02:03:43.000Z","changed":"2026-11-21T02:02:43.000Z","users":0,"deliveries":0,"failures":1,"nextAttempt":"2026-11-21T02:02:44.000Z","lastFailure":{"status":503,"reason":"the receiver answered 503"}}],"next":1}"#]]);
        let told = world.ask("GET", &format!("{target}?after=1&limit=2"));
        let ids: Vec<_> =
            told.match_indices("\"id\":").map(|(at, _)| &told[at + 5..at + 6]).collect();
        assert_eq!((ids, told.ends_with(r#""next":3}"#)), (vec!["2", "3"], true), "{told}");
        assert!(world.ask("GET", &format!("{target}?after=3")).contains(r#""broadcasts":[]"#));
        for query in ["after=x", "after=-1", "limit=0", "limit=101", "offset=1"] {
            let told = world.ask("GET", &format!("{target}?{query}"));
            assert!(told.starts_with("400 "), "{query}: {told}");
        }
    }
}
