//! What the actions that change users have in common: the fields of a user, their limits, and how
//! it is told that one of several users failed.

use domain::UserId;
use domain::users::profile::Length;
use domain::users::{Limits, ProfileFault};
use http::Method;
use serde::{Deserialize, Serialize};

use super::Asked;
use super::list::{Listed, Object, parse_body, parse_id};
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault};

/// How many bytes the id of a user may have who is registered here; asked for and modified they may
/// have more.
const USER_ID_BYTES_MAX: usize = 32;

/// What a request must be, for messages.
const EXPECTED: &str = r#"send a POST with a JSON object as its body: {"UserInfo":[{"UserId":"userA","UserName":"Alice"}]}"#;

/// The documented limits, in bytes; this dialect has no words for tags and the map.
pub(super) const LIMITS: Limits = Limits {
    name: Length::Bytes(256),
    portrait: Length::Bytes(500),
    tags_max: 0,
    tag: Length::Bytes(0),
    ext_keys_max: 0,
    ext_key: Length::Bytes(0),
    ext_key_reserved_prefix: "",
    ext_value: Length::Bytes(0),
    extra: Length::Bytes(2_048),
};

/// A user as a request gives one. `null` is as good as nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GivenUser {
    user_id: Option<String>,
    pub(super) user_name: Option<String>,
    pub(super) user_avatar: Option<String>,
    pub(super) extra: Option<String>,
}

/// A user of a request, with the id that the directory knows them by or why it cannot.
pub(super) struct Given {
    pub(super) written: String,
    pub(super) id: Result<UserId, Failure>,
    pub(super) user: GivenUser,
}

/// The users of a request, one at least and not too many.
pub(super) fn given<const USERS_MAX: usize>(asked: &Asked<'_>) -> Result<Vec<Given>, Fault> {
    #[derive(Deserialize)]
    struct Parameters<const USERS_MAX: usize> {
        #[serde(rename = "UserInfo", default)]
        users: Option<Listed<Object<GivenUser>, USERS_MAX>>,
    }
    asked.check_method(&Method::POST, EXPECTED)?;
    let unexpected = |found: &str| {
        let why = format!("{found}; {EXPECTED}");
        Fault::new(Code::BusinessParameter, why)
    };
    let not_as_expected = "UserInfo is not one list of users whose fields are texts";
    let parsed = parse_body::<Parameters<USERS_MAX>>(asked.request.body(), not_as_expected);
    let Parameters { users } = parsed.map_err(|found| unexpected(&found))?;
    let users = users.ok_or_else(|| unexpected("the body has no UserInfo"))?;
    users.check_len("UserInfo", "users")?;
    if users.count == 0 {
        return Err(unexpected("UserInfo is empty"));
    }
    let known = |(at, Object(mut user)): (usize, Object<GivenUser>)| {
        let written = user.user_id.take().unwrap_or_default();
        if written.is_empty() {
            return Err(unexpected(&format!("UserInfo[{at}] has no UserId")));
        }
        Ok(Given { id: check_id(&written), written, user })
    };
    users.first.into_iter().enumerate().map(known).collect()
}

fn check_id(written: &str) -> Result<UserId, Failure> {
    if written.len() > USER_ID_BYTES_MAX {
        return Err(Failure::IdTooLong);
    }
    parse_id(written).map_err(Failure::NoId)
}

/// Why one user of a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The id has too many bytes.
    IdTooLong,
    /// Nobody can have the id, for this reason.
    NoId(String),
    /// It is not the id of a bot.
    NoRobot,
    /// The id is taken; that is told so.
    Exists(&'static str),
    /// Nobody has the id.
    NotRegistered,
    /// The same id stands earlier in the request.
    Repeated,
    /// A field is over its limit, for which there is a code.
    OverLimit(ProfileFault),
    /// A field is over its limit, in an action that has no code for it.
    TooLong(ProfileFault),
}

impl Failure {
    fn code(&self) -> Code {
        match self {
            Self::IdTooLong => Code::UserIdTooLong,
            Self::Exists(_) => Code::UserExists,
            Self::NotRegistered => Code::NotRegistered,
            Self::OverLimit(ProfileFault::Name(_)) => Code::NameTooLong,
            Self::OverLimit(ProfileFault::Portrait(_)) => Code::AvatarTooLong,
            Self::NoId(_)
            | Self::NoRobot
            | Self::Repeated
            | Self::OverLimit(_)
            | Self::TooLong(_) => Code::BusinessParameter,
        }
    }

    fn message(&self) -> String {
        match self {
            // The vendor's own words.
            Self::IdTooLong => "user length limit".to_owned(),
            Self::NoId(why) => format!("this cannot be a user ID: {why}"),
            Self::NoRobot => "the UserId of a bot begins with @RBT#".to_owned(),
            Self::Exists(told) => (*told).to_owned(),
            Self::NotRegistered => "nobody is registered with this UserId".to_owned(),
            Self::Repeated => {
                "this UserId stands earlier in the request; only that counts".to_owned()
            }
            Self::OverLimit(ProfileFault::Name(_)) | Self::TooLong(ProfileFault::Name(_)) => {
                "UserName has more than 256 bytes".to_owned()
            }
            Self::OverLimit(ProfileFault::Portrait(_))
            | Self::TooLong(ProfileFault::Portrait(_)) => {
                "UserAvatar has more than 500 bytes".to_owned()
            }
            Self::OverLimit(_) | Self::TooLong(_) => "Extra has more than 2048 bytes".to_owned(),
        }
    }
}

/// Those users of a request who failed.
#[derive(Debug, Default, Serialize)]
pub(in crate::zegocloud) struct Failures {
    #[serde(rename = "ErrorList")]
    failed: Vec<FailedUser>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailedUser {
    user_id: String,
    sub_code: u32,
    sub_message: String,
}

/// Tells who failed, in the order of the request; `outcomes` are those of the users whose ids are
/// some. If all failed, so says the code: it is that of the first (Z5).
pub(super) fn reply(
    given: Vec<(String, Option<Failure>)>,
    outcomes: impl IntoIterator<Item = Option<Failure>>,
    all_failed: &'static str,
) -> Reply<Failures> {
    let mut outcomes = outcomes.into_iter();
    let asked = given.len();
    let failed: Vec<(String, Failure)> = given
        .into_iter()
        .filter_map(|(written, impossible)| {
            let failure = impossible.or_else(|| outcomes.next().expect("one for each id"));
            Some((written, failure?))
        })
        .collect();
    let (code, message) = match failed.first() {
        Some((_, first)) if failed.len() == asked => (first.code(), all_failed),
        _ => (Code::Success, "success"),
    };
    let failed = failed.into_iter().map(|(user_id, failure)| FailedUser {
        user_id,
        sub_code: failure.code().number(),
        sub_message: failure.message(),
    });
    Reply { code, message, results: Failures { failed: failed.collect() } }
}
