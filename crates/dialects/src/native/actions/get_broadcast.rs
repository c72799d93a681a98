//! `GET /v1/apps/{app}/broadcasts/{id}`: a broadcast, and what was sent.

use domain::broadcast;

use super::Asked;
pub(in crate::native) use super::broadcasts::ShownBroadcast as Answer;
use super::broadcasts::named;
use crate::native::fault::Fault;

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let id = named(asked)?;
    asked.query.only([])?;
    let found = broadcast::find(asked.ctx, asked.app.id, id).await?;
    found.map(Answer::whole).ok_or_else(Fault::no_such_broadcast)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::broadcasts::tests::{add, refuse};
    use crate::native::testing::World;

    #[test]
    fn tells_all_of_one() {
        let world = World::new();
        add(&world);
        world.check("GET", "/v1/apps/4111/broadcasts/1", expect![[r#"200 {"id":1,"state":"waiting","dialect":"volcengine","action":"UserBroadcast","sender":"10001","created":"2026-11-21T02:02:43.000Z","expires":"2026-11-21T02:03:43.000Z","changed":"2026-11-21T02:02:43.000Z","users":0,"deliveries":0,"failures":0,"nextAttempt":null,"lastFailure":null,"message":{"Content":"hello"}}"#]]);
        refuse(&world, 1);
        world.check("GET", "/v1/apps/4111/broadcasts/1", expect![[r#"200 {"id":1,"state":"waiting","dialect":"volcengine","action":"UserBroadcast","sender":"10001","created":"2026-11-21T02:02:43.000Z","expires":"2026-11-21T02:03:43.000Z","changed":"2026-11-21T02:02:43.000Z","users":0,"deliveries":0,"failures":1,"nextAttempt":"2026-11-21T02:02:44.000Z","lastFailure":{"status":503,"reason":"the receiver answered 503"},"message":{"Content":"hello"}}"#]]);
        for id in ["2", "0", "x", "-1", "18446744073709551616"] {
            let told = world.ask("GET", &format!("/v1/apps/4111/broadcasts/{id}"));
            assert!(told.starts_with("404 ") && told.contains("no_such_broadcast"), "{told}");
        }
        let refused = world.ask_with("GET", "/v1/apps/4111/broadcasts/1", "wrong");
        assert!(refused.starts_with("401 "), "{refused}");
    }
}
