//! `DescribeUserNum`: how many are in each of up to 10 rooms now.

use domain::log;
use http::Method;
use serde::Serialize;

use super::Asked;
use super::rooms::{Told, reply, rooms};
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::Fault;

const ROOMS_MAX: usize = 10;

/// What a request must be, for messages.
const EXPECTED: &str = "send a GET with RoomId[]=room1&RoomId[]=room2 in its query";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::zegocloud) struct Counts {
    user_count_list: Vec<Counted>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counted {
    room_id: String,
    user_count: u64,
    /// These are among the others.
    admin_user_count: u64,
}

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Told<Counts>>, Fault> {
    asked.check_method(&Method::GET, EXPECTED)?;
    let mut user_count_list = vec![];
    for room in rooms(asked, ROOMS_MAX)? {
        let log::Present { people, more } =
            log::who_is_in(asked.ctx, asked.app, &room, None).await?;
        let admins = people.iter().filter(|person| person.is_server).count();
        user_count_list.push(Counted {
            room_id: room.as_str().to_owned(),
            // Those beyond what is told apart are counted by their stays.
            user_count: people.len() as u64 + more,
            admin_user_count: admins as u64,
        });
    }
    Ok(reply(Counts { user_count_list }))
}
