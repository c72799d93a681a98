//! `QueryUserInfos`: who the users with these ids are.
//!
//! Documented as POST with a JSON body. What is unknown alone goes to `ErrorList`; what cannot be
//! asked refuses the whole call.

use std::collections::HashSet;
use std::fmt;

use domain::{AppId, Context, UserId, users};
use http::{Method, Request};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;

use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault, shown};
use crate::zegocloud::query::Query;

/// How many ids one request may name, repeats counted.
const USER_IDS_MAX: usize = 100;

/// What an id may consist of besides English letters and digits.
const USER_ID_SIGNS: &str = "!#$%&()+-:;<=.>?@[]^_ {}|~";

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

pub(in crate::zegocloud) async fn answer(
    ctx: &Context,
    app: AppId,
    query: &Query,
    request: &Request<bytes::Bytes>,
) -> Result<Reply<Results>, Fault> {
    let named = match *request.method() {
        Method::POST => Named::in_body(request.body())?,
        // QUIRK(zegocloud): not documented for this action, but other actions of the vendor take
        // their lists so, with all the ways of writing brackets. A GET's body is not read.
        Method::GET => Named::in_query(query)?,
        _ => {
            let method = shown(request.method().as_str());
            let why = format!("QueryUserInfos is not called by {method}; {EXPECTED}");
            return Err(Fault::new(Code::InputParameter, why));
        }
    };
    let ids = named.parse()?;
    let users = users::find(ctx, app, &ids).await?;
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

/// The ids as a request names them.
struct Named {
    /// Not more than may be asked for.
    first: Vec<String>,
    count: usize,
}

impl Named {
    fn in_body(body: &[u8]) -> Result<Self, Fault> {
        if body.is_empty() {
            return Err(unexpected("the body is empty"));
        }
        // serde would take an array for an object, too.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(unexpected("the body is not a JSON object"));
        }
        let asked: Asked = serde_json::from_slice(body).map_err(|error| {
            // Not serde's own words: they repeat the value that it did not expect.
            let found = match error.classify() {
                Category::Data => "UserIds is not one list of texts",
                Category::Io | Category::Syntax | Category::Eof => "the body is not JSON",
            };
            unexpected(&format!("{found} (line {} column {})", error.line(), error.column()))
        })?;
        asked.user_ids.ok_or_else(|| unexpected("the body has no UserIds"))
    }

    fn in_query(query: &Query) -> Result<Self, Fault> {
        let count = query.list("UserIds").count();
        if count == 0 {
            return Err(unexpected("the query has no UserIds"));
        }
        let first = query.list("UserIds").take(USER_IDS_MAX).map(str::to_owned).collect();
        Ok(Self { first, count })
    }

    /// Distinct, in the order asked.
    fn parse(self) -> Result<Vec<UserId>, Fault> {
        if self.count > USER_IDS_MAX {
            let why = format!("UserIds has {} ids, {USER_IDS_MAX} are allowed", self.count);
            return Err(Fault::new(Code::TooManyUsers, why));
        }
        if self.count == 0 {
            return Err(unexpected("UserIds is empty"));
        }
        let mut seen = HashSet::new();
        let mut ids = Vec::with_capacity(self.first.len());
        for (at, text) in self.first.iter().enumerate() {
            let id = parse_id(text).map_err(|why| {
                let why = format!("UserIds[{at}] cannot be a user ID: {why}");
                Fault::new(Code::BusinessParameter, why)
            })?;
            if seen.insert(text) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

fn unexpected(found: &str) -> Fault {
    Fault::new(Code::BusinessParameter, format!("{found}; {EXPECTED}"))
}

/// Tells why an id that nobody can have in this dialect is none.
fn parse_id(text: &str) -> Result<UserId, String> {
    let id = UserId::parse(text).map_err(|fault| fault.to_string())?;
    let allowed = |sign: char| sign.is_ascii_alphanumeric() || USER_ID_SIGNS.contains(sign);
    match text.chars().find(|sign| !allowed(*sign)) {
        Some(sign) => Err(format!("it holds the character U+{:04X}", u32::from(sign))),
        None => Ok(id),
    }
}

/// The body. Other fields are ignored.
#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "UserIds", default)]
    user_ids: Option<Named>,
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(NamedVisitor)
    }
}

struct NamedVisitor;

impl<'de> Visitor<'de> for NamedVisitor {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Named, A::Error> {
        let mut first = vec![];
        while first.len() < USER_IDS_MAX {
            match list.next_element()? {
                Some(text) => first.push(text),
                None => return Ok(Named { count: first.len(), first }),
            }
        }
        // Those that are too many are counted, but not kept.
        let mut count = first.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Named { first, count })
    }
}
