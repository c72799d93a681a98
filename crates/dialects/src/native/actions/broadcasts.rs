//! What the actions on broadcasts have in common.

use domain::broadcast::{Broadcast, Refusal, State, Tended};
use domain::clock::SECOND_US;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Asked;
use crate::native::envelope::time;
use crate::native::fault::{Code, Fault};

/// A broadcast as documents show one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::native) struct ShownBroadcast {
    id: u64,
    state: &'static str,
    dialect: String,
    action: String,
    sender: String,
    created: String,
    expires: Option<String>,
    changed: String,
    /// How many users the deliveries named that were taken.
    users: u64,
    deliveries: u64,
    /// How often the next delivery failed.
    failures: u32,
    /// When it is tried again.
    next_attempt: Option<String>,
    last_failure: Option<ShownFailure>,
    /// Only where one broadcast is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct ShownFailure {
    status: Option<u16>,
    reason: String,
}

impl From<Broadcast> for ShownBroadcast {
    fn from(job: Broadcast) -> Self {
        let Broadcast { id, message, progress, .. } = job;
        let at = |unix_us: i64| time(unix_us.div_euclid(SECOND_US / 1_000));
        let waits = progress.state == State::Waiting && progress.failures > 0;
        let shown = |Refusal { status, reason }| ShownFailure { status, reason };
        Self {
            id,
            state: progress.state.name(),
            dialect: message.dialect,
            action: message.action,
            sender: message.sender.to_string(),
            created: at(message.created_unix_us),
            expires: message.expires_unix_us.map(at),
            changed: at(progress.changed_unix_us),
            users: progress.users,
            deliveries: progress.batches,
            failures: progress.failures,
            next_attempt: waits.then(|| at(progress.not_before_unix_us)),
            last_failure: progress.refusal.map(shown),
            message: None,
        }
    }
}

impl ShownBroadcast {
    /// With what was sent.
    pub(super) fn whole(job: Broadcast) -> Self {
        let message = RawValue::from_string(job.message.body.clone()).ok();
        Self { message, ..Self::from(job) }
    }
}

/// The broadcast whom the path names. What cannot be an id is none's.
pub(super) fn named(asked: &Asked<'_>) -> Result<u64, Fault> {
    let name = asked.names.first().and_then(|name| name.parse().ok());
    name.ok_or_else(Fault::no_such_broadcast)
}

/// What became of a wish; `wish` is it in a word.
pub(super) fn tended(tended: Tended, wish: &str) -> Result<ShownBroadcast, Fault> {
    match tended {
        Tended::Done(job) => Ok((*job).into()),
        Tended::NotNow(job) => {
            let state = job.progress.state.name();
            let message = format!("a broadcast that is {state} cannot be {wish}");
            Err(Fault::new(Code::NotNow, message))
        }
        Tended::NotFound => Err(Fault::no_such_broadcast()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use domain::broadcast::{Audience, Message, Quota, Worker, accept};
    use domain::{AppId, UserId};

    use super::*;
    use crate::native::testing::{World, wait};

    pub(in crate::native) const APP: AppId = AppId(4111);
    const WORKER: Worker = Worker { id: 1, has_peers: false };

    /// Has a broadcast accepted.
    pub(in crate::native) fn add(world: &World) {
        let now_unix_us = world.ctx.clock.now_unix_us();
        let message = Message {
            dialect: "volcengine".into(),
            action: "UserBroadcast".into(),
            sender: UserId::parse("10001").unwrap(),
            body: r#"{"Content":"hello"}"#.into(),
            audience: Audience::EVERYBODY,
            expires_unix_us: Some(now_unix_us + 60 * SECOND_US),
            created_unix_us: now_unix_us,
        };
        let quota = Quota { since_unix_us: 0, max: 100 };
        wait(accept(&world.ctx, APP, message, quota)).unwrap();
    }

    /// A receiver does not take a delivery.
    pub(in crate::native) fn refuse(world: &World, id: u64) {
        let store = &world.ctx.store;
        let job = wait(store.find_broadcast(APP, id)).unwrap().unwrap();
        let now_unix_us = world.ctx.clock.now_unix_us();
        let refusal = Refusal { status: Some(503), reason: "the receiver answered 503".into() };
        let claimed = job.progress.claimed(WORKER, now_unix_us);
        assert!(wait(store.save_progress(APP, id, claimed.clone())).unwrap());
        let refused = claimed.refused(refusal, now_unix_us);
        assert!(wait(store.save_progress(APP, id, refused)).unwrap());
    }
}
