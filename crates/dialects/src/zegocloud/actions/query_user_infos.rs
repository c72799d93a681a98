//! `QueryUserInfos`: who the users with these ids are.
//!
//! Documented as POST with a JSON body. What is unknown alone goes to `ErrorList`; what cannot be
//! asked refuses the whole call.

use domain::{UserId, users};
use http::Method;
use serde::{Deserialize, Serialize};

use super::Asked;
use super::list::{Listed, parse_body};
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault};
use crate::zegocloud::query::Query;

/// How many ids one request may name, repeats counted.
const USER_IDS_MAX: usize = 100;

type Ids = Listed<String, USER_IDS_MAX>;

/// What a request must be, for messages.
const EXPECTED: &str = r#"send a POST with a JSON object as its body: {"UserIds":["userA"]}"#;

#[derive(Debug, Default, Serialize)]
pub(in crate::zegocloud) struct Results {
    #[serde(rename = "Result")]
    found: Vec<Found>,
    #[serde(rename = "ErrorList")]
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    user_id: UserId,
    user_name: String,
    user_avatar: String,
    extra: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    user_id: UserId,
    sub_code: u32,
}

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Results>, Fault> {
    let named = match *asked.request.method() {
        // QUIRK(zegocloud): not documented for this action, but other actions of the vendor take
        // their lists so, with all the ways of writing brackets. A GET's body is not read.
        Method::GET => in_query(asked.query)?,
        _ => {
            asked.check_method(&Method::POST, EXPECTED)?;
            in_body(asked.request.body())?
        }
    };
    named.check_len("UserIds", "ids")?;
    if named.count == 0 {
        return Err(unexpected("UserIds is empty"));
    }
    let ids = named.parse_ids("UserIds")?;
    let users = users::find(asked.ctx, asked.app, &ids).await?;
    Ok(reply(ids, users))
}

fn reply(ids: Vec<UserId>, users: Vec<Option<users::User>>) -> Reply<Results> {
    let mut results = Results::default();
    for (user_id, user) in ids.into_iter().zip(users) {
        match user {
            Some(users::User { id, profile, .. }) => results.found.push(Found {
                user_id: id,
                user_name: profile.name,
                user_avatar: profile.portrait,
                extra: profile.extra,
            }),
            // QUIRK(zegocloud): Z1, the documented sample's code; 660700015 is documented too.
            None => {
                results.failed.push(Failed { user_id, sub_code: Code::BusinessParameter.number() })
            }
        }
    }
    // QUIRK(zegocloud): Z2, a code other than 0 with a filled list means that every id failed; the
    // documents do not say which code.
    let (code, message) = match results.found.is_empty() {
        true => (Code::BusinessParameter, "none of the UserIds is registered"),
        false => (Code::Success, "success"),
    };
    Reply { code, message, results }
}

fn in_body(body: &[u8]) -> Result<Ids, Fault> {
    let parsed = parse_body::<Parameters>(body, "UserIds is not one list of texts");
    let Parameters { user_ids } = parsed.map_err(|found| unexpected(&found))?;
    user_ids.ok_or_else(|| unexpected("the body has no UserIds"))
}

fn in_query(query: &Query) -> Result<Ids, Fault> {
    let ids = Ids::in_query(query, "UserIds");
    if ids.count == 0 {
        return Err(unexpected("the query has no UserIds"));
    }
    Ok(ids)
}

fn unexpected(found: &str) -> Fault {
    Fault::new(Code::BusinessParameter, format!("{found}; {EXPECTED}"))
}

/// The body. Other fields are ignored.
#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "UserIds", default)]
    user_ids: Option<Ids>,
}
