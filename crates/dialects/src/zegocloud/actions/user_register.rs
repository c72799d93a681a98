//! `UserRegister`: puts up to 100 users into the directory.
//!
//! An id that is taken fails, whatever its profile is: clients tell "it was there already" from
//! "it is new" by that. Nothing is ever overwritten.

use domain::app::Reregister;
use domain::users::register::{Registered, Wanted};
use domain::users::{self, Profile};

use super::Asked;
pub(in crate::zegocloud) use super::users::Failures as Results;
use super::users::{Failure, Given, LIMITS, given, reply};
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::Fault;

const USERS_MAX: usize = 100;

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Results>, Fault> {
    register(asked, given::<USERS_MAX>(asked)?, "user already exists").await
}

/// Registers whoever can be; of those who are there already, `exists` tells it.
pub(super) async fn register(
    asked: &Asked<'_>,
    given: Vec<Given>,
    exists: &'static str,
) -> Result<Reply<Results>, Fault> {
    let mut wanted = Vec::with_capacity(given.len());
    let mut named = Vec::with_capacity(given.len());
    for Given { written, id, user } in given {
        let impossible = match id {
            Ok(id) => {
                let name = user.user_name.unwrap_or_default();
                let portrait = user.user_avatar.unwrap_or_default();
                // QUIRK(zegocloud): Extra cannot be given here, only modified.
                let profile = Profile { name, portrait, ..Profile::default() };
                wanted.push(Wanted { id, profile });
                None
            }
            Err(failure) => Some(failure),
        };
        named.push((written, impossible));
    }
    let leave = Reregister::Refuse;
    let done = users::register(asked.ctx, asked.app, wanted, &LIMITS, leave).await?;
    let failures = done.into_iter().map(|outcome| match outcome {
        Registered::Yes => None,
        Registered::Already | Registered::Taken => Some(Failure::Exists(exists)),
        Registered::RobotsFull => {
            Some(Failure::NoId("the app has as many robots as it may have".to_owned()))
        }
        Registered::Repeated => Some(Failure::Repeated),
        Registered::Invalid(fault) => Some(Failure::OverLimit(fault)),
    });
    Ok(reply(named, failures, "no user was registered; ErrorList tells why"))
}
