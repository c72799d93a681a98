//! `DescribeUsers`: whether up to 10 users are in a room now, and since when.

use domain::log;
use http::Method;
use serde::Serialize;

use super::Asked;
use super::rooms::{Told, reply, role, room, users};
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault};

const USERS_MAX: usize = 10;

/// What a request must be, for messages.
const EXPECTED: &str = "send a GET with RoomId=room1&UserId[]=userA&UserId[]=userB in its query";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::zegocloud) struct Statuses {
    user_status_list: Vec<Status>,
}

/// Of somebody who is not there, everything but the id is 0.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    user_id: String,
    status: u32,
    /// In milliseconds.
    login_time: i64,
    user_role: u32,
}

pub(in crate::zegocloud) async fn answer(
    asked: &Asked<'_>,
) -> Result<Reply<Told<Statuses>>, Fault> {
    asked.check_method(&Method::GET, EXPECTED)?;
    let room = room(asked)?;
    let users = users(asked, USERS_MAX)?;
    let some = users.iter().cloned().collect();
    let people = log::who_is_in(asked.ctx, asked.app, &room, Some(some)).await?.people;
    if people.is_empty() && !log::is_anybody_in(asked.ctx, asked.app, &room).await? {
        return Err(Fault::new(Code::RoomUnknown, "nobody is in this room, so it does not exist"));
    }
    let status = |user_id: domain::ids::ParticipantId| {
        let there = people.iter().find(|person| person.participant == user_id);
        Status {
            user_id: user_id.as_str().to_owned(),
            status: u32::from(there.is_some()),
            login_time: there.map_or(0, |person| person.since_unix_us / 1_000),
            user_role: there.map_or(0, role),
        }
    };
    Ok(reply(Statuses { user_status_list: users.into_iter().map(status).collect() }))
}
