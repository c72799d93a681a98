//! `ModifyUserInfo`: changes up to 100 users of the directory.
//!
//! A field that is absent or `null` stays as it is; `""` clears it (Z9). Of the codes for what is
//! too long this action documents none: all of it is a parameter error. Nor does it document how
//! long an id may be, and whoever is in the directory can be modified.

use domain::users::update::Updated;
use domain::users::{self, ProfileChange};

use super::Asked;
use super::list::parse_id;
pub(in crate::zegocloud) use super::users::Failures as Results;
use super::users::{Failure, Given, LIMITS, given, reply};
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::Fault;

const USERS_MAX: usize = 100;

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Results>, Fault> {
    let given = given::<USERS_MAX>(asked)?;
    let mut changes = Vec::with_capacity(given.len());
    let mut named = Vec::with_capacity(given.len());
    for Given { written, id, user } in given {
        let change = ProfileChange {
            name: user.user_name,
            portrait: user.user_avatar,
            extra: user.extra,
            ..ProfileChange::default()
        };
        let id = match id {
            Err(Failure::IdTooLong) => parse_id(&written).map_err(Failure::NoId),
            other => other,
        };
        let impossible = match id {
            Ok(id) => {
                changes.push((id, change));
                None
            }
            Err(failure) => Some(failure),
        };
        named.push((written, impossible));
    }
    let done = users::update(asked.ctx, asked.app, changes, &LIMITS).await?;
    let failures = done.into_iter().map(|outcome| match outcome {
        Updated::Yes => None,
        Updated::NotFound => Some(Failure::NotRegistered),
        Updated::Repeated => Some(Failure::Repeated),
        Updated::Invalid(fault) => Some(Failure::TooLong(fault)),
    });
    Ok(reply(named, failures, "no user was modified; ErrorList tells why"))
}
