//! `BatchUpdateUser`: changes up to 10 users.
//!
//! What is absent or `null` stays as it is (V3); `[]` and `{}` clear, and a given Tags or Ext
//! replaces the whole (V5).

use domain::UserId;
use domain::app::EmptyString;
use domain::users::update::Updated;
use domain::users::{self, ProfileChange};
use serde::Deserialize;

use super::Asked;
pub(in crate::volcengine) use super::users::FailedUsers as Answer;
use super::users::{Failure, GivenUser, IdType, LIMITS};
use crate::volcengine::body::{self, Object};
use crate::volcengine::fault::Fault;

const USERS_MAX: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    users: Option<Vec<Object<GivenUser>>>,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let Parameters { users } = body::parse(asked.body, asked.headers)?;
    let given = body::check_len("Users", users, USERS_MAX)?;
    let empty_clears = empty_clears(asked);
    let mut longs = Vec::with_capacity(given.len());
    let mut changes = Vec::with_capacity(given.len());
    for (index, Object(user)) in given.into_iter().enumerate() {
        let missing = || Fault::missing(&format!("Users[{index}].UserId"));
        let long = user.user_id.ok_or_else(missing)?;
        let id = UserId::from_long(long);
        longs.push((long, id.is_some()));
        changes.extend(id.map(|id| (id, change(user, empty_clears))));
    }
    let done = users::update(asked.ctx, asked.app.id, changes, &LIMITS).await?;
    let mut done = done.into_iter();
    let outcomes = longs.into_iter().map(|(long, is_possible)| {
        let updated = if is_possible { done.next() } else { None };
        (long, updated.map_or(Some(Failure::NotPositive), failure))
    });
    Ok(Answer::new(outcomes, IdType::Number))
}

fn change(given: GivenUser, empty_clears: bool) -> ProfileChange {
    let text = |text: Option<String>| text.filter(|text| empty_clears || !text.is_empty());
    ProfileChange {
        name: text(given.nick_name),
        portrait: text(given.portrait),
        tags: given.tags,
        ext: given.ext,
        extra: None,
    }
}

/// QUIRK(volcengine): V4. The official Go SDK sends `""` for every text that its caller did not set.
/// Capture: go-volc-sdk-golang--BatchUpdateUser.
fn empty_clears(asked: &Asked<'_>) -> bool {
    match asked.app.quirks.empty_string {
        EmptyString::Clear => true,
        EmptyString::Keep => false,
        EmptyString::ByClient => !asked.is_from_go_sdk(),
    }
}

fn failure(updated: Updated) -> Option<Failure> {
    match updated {
        Updated::Yes => None,
        Updated::NotFound => Some(Failure::NotFound),
        Updated::Repeated => Some(Failure::Repeated),
        Updated::Invalid(fault) => Some(Failure::OverLimit(fault)),
    }
}
