//! `RegisterUsers`: puts up to 20 users into the directory.
//!
//! An id that is taken with the same profile is a success, so that a repeat is harmless; with
//! another profile that user fails and nothing is overwritten (V1, and the app's `reregister`).

use domain::UserId;
use domain::app::FailedUserId;
use domain::users::register::Wanted;
use domain::users::{self, Profile};
use serde::Deserialize;

use super::Asked;
pub(in crate::volcengine) use super::users::FailedUsers as Answer;
use super::users::{Failure, GivenUser, IdType, LIMITS};
use crate::volcengine::body::{self, Object};
use crate::volcengine::fault::Fault;

const USERS_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    users: Option<Vec<Object<GivenUser>>>,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let Parameters { users } = body::parse(asked.body, asked.headers)?;
    let given = body::check_len("Users", users, USERS_MAX)?;
    let mut longs = Vec::with_capacity(given.len());
    let mut wanted = Vec::with_capacity(given.len());
    for (index, Object(user)) in given.into_iter().enumerate() {
        let missing = || Fault::missing(&format!("Users[{index}].UserId"));
        let long = user.user_id.ok_or_else(missing)?;
        let id = UserId::from_long(long);
        longs.push((long, id.is_some()));
        wanted.extend(id.map(|id| Wanted { id, profile: profile(user) }));
    }
    let reregister = asked.app.quirks.reregister;
    let done = users::register(asked.ctx, asked.app.id, wanted, &LIMITS, reregister).await?;
    let mut done = done.into_iter();
    let outcomes = longs.into_iter().map(|(long, is_possible)| {
        let registered = if is_possible { done.next() } else { None };
        (long, registered.map_or(Some(Failure::NotPositive), failure))
    });
    Ok(Answer::new(outcomes, id_type(asked)))
}

fn profile(given: GivenUser) -> Profile {
    Profile {
        name: given.nick_name.unwrap_or_default(),
        portrait: given.portrait.unwrap_or_default(),
        tags: given.tags.unwrap_or_default(),
        ext: given.ext.unwrap_or_default(),
        extra: String::new(),
    }
}

fn failure(registered: users::register::Registered) -> Option<Failure> {
    use users::register::Registered;
    match registered {
        Registered::Yes => None,
        Registered::Taken => Some(Failure::AlreadyExists),
        Registered::Repeated => Some(Failure::Repeated),
        Registered::Invalid(fault) => Some(Failure::OverLimit(fault)),
    }
}

/// QUIRK(volcengine): V2. The document says text, and the official Go SDK fails on text.
/// <https://www.volcengine.com/docs/6348/1125993>
fn id_type(asked: &Asked<'_>) -> IdType {
    match asked.app.quirks.failed_user_id {
        FailedUserId::Text => IdType::Text,
        FailedUserId::Number => IdType::Number,
        FailedUserId::ByClient if asked.is_from_go_sdk() => IdType::Number,
        FailedUserId::ByClient => IdType::Text,
    }
}
