//! `POST /v1/apps/{app}/broadcasts/{id}/retry`: has a broadcast go on at its place, at once.

use domain::broadcast;

use super::Asked;
pub(in crate::native) use super::broadcasts::ShownBroadcast as Answer;
use super::broadcasts::{named, tended};
use crate::native::fault::Fault;

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let id = named(asked)?;
    asked.query.only([])?;
    tended(broadcast::retry(asked.ctx, asked.app.id, id).await?, "retried")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::broadcasts::tests::{add, refuse};
    use crate::native::testing::World;

    #[test]
    fn what_can_go_on_does_so_at_once() {
        let world = World::new();
        add(&world);
        refuse(&world, 1);
        world.check("POST", "/v1/apps/4111/broadcasts/1/retry", expect![[r#"200 {"id":1,"state":"waiting","dialect":"volcengine","action":"UserBroadcast","sender":"10001","created":"2026-11-21T02:02:43.000Z","expires":"2026-11-21T02:03:43.000Z","changed":"2026-11-21T02:02:43.000Z","users":0,"deliveries":0,"failures":0,"nextAttempt":null,"lastFailure":{"status":503,"reason":"the receiver answered 503"}}"#]]);
        world.ask("POST", "/v1/apps/4111/broadcasts/1/cancel");
        let told = world.ask("POST", "/v1/apps/4111/broadcasts/1/retry");
        assert!(told.starts_with(r#"200 {"id":1,"state":"waiting""#), "{told}");
        assert!(world.ask("POST", "/v1/apps/4111/broadcasts/2/retry").starts_with("404 "));
        assert!(world.ask("GET", "/v1/apps/4111/broadcasts/1/retry").starts_with("405 "));
    }
}
