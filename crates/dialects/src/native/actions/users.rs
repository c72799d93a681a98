//! What the actions on users have in common.

use std::collections::BTreeMap;

use domain::UserId;
use domain::users::User;
use domain::users::audience::Audience;
use serde::Serialize;

use super::Asked;
use crate::native::envelope::time;
use crate::native::fault::Fault;

/// A user as documents show one.
#[derive(Debug, Serialize)]
pub(in crate::native) struct ShownUser {
    id: UserId,
    name: String,
    portrait: String,
    tags: Vec<String>,
    ext: BTreeMap<String, String>,
    extra: String,
    robot: bool,
    created: String,
    modified: String,
}

impl From<User> for ShownUser {
    fn from(user: User) -> Self {
        let (created, modified) = (time(user.created_unix_ms), time(user.modified_unix_ms));
        let profile = user.profile;
        Self {
            id: user.id,
            name: profile.name,
            portrait: profile.portrait,
            tags: profile.tags,
            ext: profile.ext,
            extra: profile.extra,
            robot: profile.robot,
            created,
            modified,
        }
    }
}

/// Who is meant by an expression of tags; everybody without one.
pub(super) fn audience(tags: Option<&str>) -> Result<Audience, Fault> {
    let parsed = Audience::parse(tags.unwrap_or_default());
    parsed.map_err(|fault| Fault::invalid(format!("`tags` cannot be read: {fault}")))
}

/// How many a page may have.
pub(super) fn limit(given: Option<&str>, usual: u32, max: u32) -> Result<u32, Fault> {
    let Some(given) = given else { return Ok(usual) };
    let number: u64 = given.parse().map_err(|_| Fault::invalid("`limit` is not a number"))?;
    match number {
        0 => Err(Fault::invalid("`limit` is 0")),
        number => Ok(u32::try_from(number).unwrap_or(max).min(max)),
    }
}

/// The user whom the path names. What cannot be an id is nobody's.
pub(super) fn named(asked: &Asked<'_>) -> Result<UserId, Fault> {
    let name = asked.names.first().ok_or_else(Fault::no_such_user)?;
    UserId::parse(name).map_err(|_| Fault::no_such_user())
}
