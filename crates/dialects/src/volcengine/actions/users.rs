//! What the actions on users have in common: the fields of a user, their limits, and how it is told
//! that one of several users failed.

use std::collections::BTreeMap;

use domain::users::profile::Length;
use domain::users::{Limits, ProfileFault};
use serde::{Deserialize, Serialize};

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
    Repeated,
    NotPositive,
    OverLimit(ProfileFault),
}

impl FailedUsers {
    /// `outcomes` in the order of the request.
    pub(super) fn new(
        outcomes: impl IntoIterator<Item = (i64, Option<Failure>)>,
        id_type: IdType,
    ) -> Self {
        let failed = outcomes.into_iter().filter_map(|(id, failure)| Some((id, failure?)));
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
            Self::Repeated | Self::NotPositive | Self::OverLimit(_) => "InvalidParameter",
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
