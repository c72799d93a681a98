//! What the actions on users have in common: the fields of a user, their limits, and how it is told
//! that one of several users failed.

use std::collections::BTreeMap;

use domain::UserId;
use domain::users::profile::Length;
use domain::users::store::ROBOTS_MAX;
use domain::users::{Limits, ProfileFault};
use serde::{Deserialize, Serialize};

use super::Asked;
use crate::volcengine::body::{self, Object};
use crate::volcengine::fault::Fault;

/// The documented limits, and those of the official Go SDK where the documents are silent. V9.
pub(super) const LIMITS: Limits = Limits {
    name: Length::Chars(100),
    portrait: Length::Chars(500),
    tags_max: 100,
    tag: Length::Chars(64),
    ext_keys_max: 20,
    ext_key: Length::Bytes(50),
    ext_key_reserved_prefix: "s:",
    ext_value: Length::Bytes(500),
    // This dialect has no such field.
    extra: Length::Bytes(0),
};

/// A user as a request gives one. `null` is as good as nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GivenUser {
    pub(super) user_id: Option<i64>,
    pub(super) nick_name: Option<String>,
    pub(super) portrait: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) ext: Option<BTreeMap<String, String>>,
    /// Nobody but RegisterUsers looks at it.
    pub(super) is_robot: Option<bool>,
}

/// A user of a request, with the id that the directory would know them by, if it can.
pub(super) struct Given {
    pub(super) long: i64,
    pub(super) id: Option<UserId>,
    pub(super) user: GivenUser,
}

/// The users of a request, at most `users_max`.
pub(super) fn given(asked: &Asked<'_>, users_max: usize) -> Result<Vec<Given>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Parameters {
        users: Option<Vec<Object<GivenUser>>>,
    }
    let Parameters { users } = body::parse(asked.body, asked.headers)?;
    let users = body::check_len("Users", users, users_max)?;
    let known = |(index, Object(user)): (usize, Object<GivenUser>)| {
        let missing = || Fault::missing(&format!("Users[{index}].UserId"));
        let long = user.user_id.ok_or_else(missing)?;
        Ok(Given { long, id: UserId::from_long(long), user })
    };
    users.into_iter().enumerate().map(known).collect()
}

/// The numbers in a request's `UserIds`, at least one and at most `ids_max`.
pub(super) fn given_ids(asked: &Asked<'_>, ids_max: usize) -> Result<Vec<i64>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Parameters {
        user_ids: Option<Vec<i64>>,
    }
    let Parameters { user_ids } = body::parse(asked.body, asked.headers)?;
    body::check_len("UserIds", user_ids, ids_max)
}

/// Whether each number can be anybody's, and the ids of those that can.
pub(super) fn possible(longs: &[i64]) -> (Vec<(i64, bool)>, Vec<UserId>) {
    let told = longs.iter().map(|&long| (long, UserId::from_long(long).is_some())).collect();
    (told, longs.iter().filter_map(|&long| UserId::from_long(long)).collect())
}

/// The ids of a request's users, in its order, and whether each can be anybody's.
pub(super) fn ids(given: &[Given]) -> Vec<(i64, bool)> {
    given.iter().map(|given| (given.long, given.id.is_some())).collect()
}

/// A list of those users of a request who failed; `[]` if nobody did. V23.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct FailedUsers {
    failed_infos: Vec<FailedInfo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailedInfo {
    user_id: FailedId,
    code: &'static str,
    message: String,
}

/// The id of a user who failed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum FailedId {
    Text(String),
    Number(i64),
}

/// The JSON type of the ids of users who failed.
#[derive(Clone, Copy, Debug)]
pub(super) enum IdType {
    Text,
    Number,
}

/// Why one user of a request failed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    AlreadyExists,
    NotFound,
    TooManyRobots,
    Repeated,
    NotPositive,
    OverLimit(ProfileFault),
}

impl FailedUsers {
    /// `ids` in the order of the request; `outcomes` of those that were possible, in that order.
    pub(super) fn new(
        ids: Vec<(i64, bool)>,
        outcomes: impl IntoIterator<Item = Option<Failure>>,
        id_type: IdType,
    ) -> Self {
        let mut outcomes = outcomes.into_iter();
        let failed = ids.into_iter().filter_map(|(id, is_possible)| {
            let outcome = if is_possible { outcomes.next() } else { None };
            Some((id, outcome.unwrap_or(Some(Failure::NotPositive))?))
        });
        let failed_infos = failed.map(|(id, failure)| FailedInfo {
            user_id: match id_type {
                IdType::Text => FailedId::Text(id.to_string()),
                IdType::Number => FailedId::Number(id),
            },
            code: failure.code(),
            message: failure.to_string(),
        });
        Self { failed_infos: failed_infos.collect() }
    }
}

impl Failure {
    fn code(self) -> &'static str {
        match self {
            Self::AlreadyExists => "UserAlreadyExist",
            Self::NotFound => "UserNotFound",
            Self::TooManyRobots | Self::Repeated | Self::NotPositive | Self::OverLimit(_) => {
                "InvalidParameter"
            }
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fault = match self {
            Self::AlreadyExists => {
                return f.write_str(
                    "This UserId is registered with another profile, which is unchanged; \
                     use BatchUpdateUser to change it.",
                );
            }
            Self::NotFound => {
                return f.write_str("UserisNotFound: nobody is registered with this UserId.");
            }
            Self::TooManyRobots => {
                return write!(f, "An app may have at most {ROBOTS_MAX} robots.");
            }
            Self::Repeated => {
                return f.write_str("This UserId stands earlier in the request; only that counts.");
            }
            Self::NotPositive => return f.write_str("UserId must be a positive Long."),
            Self::OverLimit(fault) => fault,
        };
        let (what, length) = match fault {
            ProfileFault::Name(length) => ("NickName", length),
            ProfileFault::Portrait(length) => ("Portrait", length),
            ProfileFault::Tag(length) => ("A tag", length),
            ProfileFault::ExtKey(length) => ("A key of Ext, which may not be empty,", length),
            ProfileFault::ExtValue(length) => ("A value of Ext", length),
            ProfileFault::Extra(length) => ("Extra", length),
            ProfileFault::Tags(max) => return write!(f, "Tags may have at most {max} items."),
            ProfileFault::ExtKeys(max) => return write!(f, "Ext may have at most {max} keys."),
            ProfileFault::ExtKeyReserved(prefix) => {
                return write!(f, "A key of Ext may not begin with {prefix:?}.");
            }
        };
        match length {
            Length::Chars(max) => write!(f, "{what} may have at most {max} characters."),
            Length::Bytes(max) => write!(f, "{what} may have at most {max} bytes."),
        }
    }
}
