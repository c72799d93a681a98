//! `QueryUserOnlineState`: who is online.
//!
//! The vendor tells three states apart by the heartbeats and logouts of its own client: online;
//! offline, who was lost without a logout; and an error for whoever logged out, or never logged in.
//! Its callback `user_action` tells them here, too. Of whoever no such callback speaks the room log
//! does: whoever is in a room is online, whoever was lost there is offline, and whoever was
//! reported to have left is as good as logged out (Z10).

use domain::presence::{self, State};
use http::Method;
use serde::Serialize;

use super::Asked;
use super::list::Listed;
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault};

/// How many ids one request may name, repeats counted.
const USER_IDS_MAX: usize = 100;

/// What a request must be, for messages.
const EXPECTED: &str = "send a GET with UserId[]=userA&UserId[]=userB in its query";

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
    user_id: String,
    status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    user_id: String,
    sub_code: u32,
}

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Results>, Fault> {
    asked.check_method(&Method::GET, EXPECTED)?;
    let named: Listed<String, USER_IDS_MAX> = Listed::in_query(asked.query, "UserId");
    named.check_len("UserId", "ids")?;
    if named.count == 0 {
        let why = format!("the query has no UserId; {EXPECTED}");
        return Err(Fault::new(Code::BusinessParameter, why));
    }
    let ids = named.parse_ids("UserId")?;
    let states = presence::states(asked.ctx, asked.app, &ids).await?;

    let mut results = Results::default();
    for (id, state) in ids.into_iter().zip(states) {
        let user_id = id.as_str().to_owned();
        let status = match state {
            Some(State::Online) => Some("Online"),
            Some(State::Offline) => Some("Offline"),
            Some(State::LoggedOut) | None => None,
        };
        match status {
            Some(status) => results.found.push(Found { user_id, status }),
            None => {
                results.failed.push(Failed { user_id, sub_code: Code::NotLoggedIn.number() });
            }
        }
    }
    let (code, message) = match results.found.is_empty() {
        true => (Code::NotLoggedIn, "none of the users is logged in"),
        false => (Code::Success, "success"),
    };
    Ok(Reply { code, message, results })
}
