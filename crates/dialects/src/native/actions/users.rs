//! What the actions on users have in common.

use std::collections::BTreeMap;

use domain::UserId;
use domain::users::User;
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

/// The user whom the path names. What cannot be an id is nobody's.
pub(super) fn named(asked: &Asked<'_>) -> Result<UserId, Fault> {
    let name = asked.names.first().ok_or_else(Fault::no_such_user)?;
    UserId::parse(name).map_err(|_| Fault::no_such_user())
}
