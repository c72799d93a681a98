//! `QueryUserOnlineState`: who is online, as far as the room log knows.
//!
//! The vendor tells three states apart by the heartbeats and logouts of its own client: online;
//! offline, who was lost without a logout; and an error for whoever logged out, or never logged in.
//! Nothing of that comes in here: of ZIM's callback `user_action`, which would tell it, the log has
//! no events. So whoever is in a room is online, whoever was lost there is offline, and whoever was
//! reported to have left is as good as logged out (Z10).

use domain::context::DAY_S;
use domain::ids::ParticipantId;
use domain::log::{self, Seen};
use http::Method;
use serde::Serialize;

use super::Asked;
use super::list::Listed;
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault};

/// How many ids one request may name, repeats counted.
const USER_IDS_MAX: usize = 100;

/// For how long somebody who was lost is offline. Afterwards they are as good as logged out.
const LOST_S: i64 = DAY_S;

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
    let as_participant =
        |text: &str| ParticipantId::parse(text).expect("an id of the log may be longer");
    let participants = ids.iter().map(|id| as_participant(id.as_str())).collect();
    let since_unix_s = asked.ctx.clock.now_unix_s() - LOST_S;
    let seen = log::last_seen(asked.ctx, asked.app, participants, since_unix_s).await?;

    let mut results = Results::default();
    for id in ids {
        let user_id = id.as_str().to_owned();
        let status = match seen.get(&as_participant(&user_id)) {
            Some(Seen::There) => Some("Online"),
            Some(Seen::Lost) => Some("Offline"),
            Some(Seen::Left) | None => None,
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
