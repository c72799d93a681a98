//! `BatchGetUser`: who up to 50 users are.
//!
//! Each id is answered once, in the order of the request (V7, V8). Only users whose ids are positive
//! numbers exist for this action, so a number that is not positive is one that nobody has.

use std::collections::{BTreeMap, HashSet};

use domain::users::{self, User};
use domain::{AppId, UserId};
use serde::{Deserialize, Serialize};

use super::Asked;
use crate::volcengine::body;
use crate::volcengine::fault::Fault;

const IDS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    user_ids: Option<Vec<i64>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct Answer {
    users: Vec<ShownUser>,
    not_found_users: Vec<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownUser {
    app_id: u32,
    user_id: i64,
    portrait: String,
    nick_name: String,
    tags: Vec<String>,
    create_time: i64,
    modify_time: i64,
    ext: BTreeMap<String, String>,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let Parameters { user_ids } = body::parse(asked.body, asked.headers)?;
    let mut longs = body::check_len("UserIds", user_ids, IDS_MAX)?;
    let mut seen = HashSet::with_capacity(longs.len());
    longs.retain(|&long| seen.insert(long));

    let ids: Vec<UserId> = longs.iter().copied().filter_map(UserId::from_long).collect();
    let mut found = users::find(asked.ctx, asked.app.id, &ids).await?.into_iter();
    let mut answer = Answer { users: vec![], not_found_users: vec![] };
    for long in longs {
        let user = if long > 0 { found.next().flatten() } else { None };
        match user {
            Some(user) => answer.users.push(show(asked.app.id, long, user)),
            None => answer.not_found_users.push(long),
        }
    }
    Ok(answer)
}

fn show(AppId(app_id): AppId, user_id: i64, user: User) -> ShownUser {
    let profile = user.profile;
    ShownUser {
        app_id,
        user_id,
        portrait: profile.portrait,
        nick_name: profile.name,
        tags: profile.tags,
        create_time: user.created_unix_ms,
        modify_time: user.modified_unix_ms,
        ext: profile.ext,
    }
}
