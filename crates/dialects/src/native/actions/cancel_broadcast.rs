//! `POST /v1/apps/{app}/broadcasts/{id}/cancel`: ends a broadcast.

use domain::broadcast;

use super::Asked;
pub(in crate::native) use super::broadcasts::ShownBroadcast as Answer;
use super::broadcasts::{named, tended};
use crate::native::fault::Fault;

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let id = named(asked)?;
    asked.query.only([])?;
    tended(broadcast::cancel(asked.ctx, asked.app.id, id).await?, "cancelled")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::broadcasts::tests::add;
    use crate::native::testing::World;

    #[test]
    fn what_is_over_cannot_be_cancelled() {
        let world = World::new();
        add(&world);
        let target = "/v1/apps/4111/broadcasts/1/cancel";
        let told = world.ask("POST", target);
        assert!(told.starts_with(r#"200 {"id":1,"state":"cancelled""#), "{told}");
        world.check("POST", target, expect![[r#"409 {"error":"a broadcast that is cancelled cannot be cancelled","code":"not_now"}"#]]);
        assert!(world.ask("POST", "/v1/apps/4111/broadcasts/7/cancel").starts_with("404 "));
    }
}
