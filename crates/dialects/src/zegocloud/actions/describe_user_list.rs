//! `DescribeUserList`: who is in a room now, page by page.
//!
//! A page begins behind the user that its marker names, by the time of their login and their id, so
//! that whoever comes or goes meanwhile moves nobody else.

use std::collections::HashMap;

use domain::log::{self, Person};
use domain::{UserId, users};
use http::Method;
use serde::Serialize;

use super::Asked;
use super::rooms::{Told, reply, role, room};
use crate::zegocloud::action::Action;
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault};

const USERS_MAX: usize = 200;

/// What a request must be, for messages.
const EXPECTED: &str = "send a GET with RoomId=room1 in its query";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::zegocloud) struct Page {
    marker: String,
    user_list: Vec<Listed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    user_id: String,
    user_name: String,
    user_role: u32,
}

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Told<Page>>, Fault> {
    asked.check_method(&Method::GET, EXPECTED)?;
    let room = room(asked)?;
    let is_descending = is_descending(asked)?;
    let limit = limit(asked)?;
    let marker = Marker::parse(asked.query.value("Marker"))?;
    let now_unix_us = asked.ctx.clock.now_unix_us();
    if asked.ctx.settings.documented_limits
        && !asked.room_quotas.take(asked.app, room.clone(), now_unix_us)
    {
        return Err(Fault::too_frequent_of_room(Action::DescribeUserList));
    }

    let log::Present { mut people, more } =
        log::who_is_in(asked.ctx, asked.app, &room, None).await?;
    if more > 0 {
        let why = format!("the room has more than {} users", log::present::PEOPLE_MAX);
        return Err(Fault::new(Code::ListFailed, why));
    }
    if is_descending {
        people.reverse();
    }
    if let Some(marker) = marker {
        let is_shown = |person: &Person| match is_descending {
            true => Marker::of(person) >= marker,
            false => Marker::of(person) <= marker,
        };
        people.retain(|person| !is_shown(person));
    }
    let is_more = people.len() > limit;
    people.truncate(limit);
    let marker = match people.last() {
        Some(last) if is_more => Marker::of(last).to_string(),
        _ => String::new(),
    };
    let names = names(asked, &people).await?;
    let user_list = people.iter().map(|person| Listed {
        user_id: person.participant.as_str().to_owned(),
        user_name: names.get(person.participant.as_str()).cloned().unwrap_or_default(),
        user_role: role(person),
    });
    Ok(reply(Page { marker, user_list: user_list.collect() }))
}

/// What the directory calls those whom it knows.
async fn names(asked: &Asked<'_>, people: &[Person]) -> Result<HashMap<String, String>, Fault> {
    let ids = people.iter().map(|person| UserId::parse(person.participant.as_str()));
    let ids: Vec<UserId> = ids.filter_map(Result::ok).collect();
    let known = users::find(asked.ctx, asked.app, &ids).await?;
    let name = |user: users::User| (user.id.as_str().to_owned(), user.profile.name);
    Ok(known.into_iter().flatten().map(name).collect())
}

fn is_descending(asked: &Asked<'_>) -> Result<bool, Fault> {
    match asked.query.value("Mode") {
        "" | "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Fault::new(Code::InputParameter, "Mode is 0, ascending, or 1, descending")),
    }
}

/// QUIRK(zegocloud): Z13, 0 is in the documented range and would be a page of nobody; it is what
/// typed clients send for "not given".
fn limit(asked: &Asked<'_>) -> Result<usize, Fault> {
    let given = asked.query.value("Limit");
    let is_digits = given.bytes().all(|byte| byte.is_ascii_digit());
    let limit = match given {
        "" => Some(0),
        _ => given.parse().ok().filter(|limit| is_digits && *limit <= USERS_MAX),
    };
    match limit {
        Some(0) => Ok(USERS_MAX),
        Some(limit) => Ok(limit),
        None => Err(Fault::new(Code::InputParameter, "Limit is a number from 0 to 200")),
    }
}

/// The last user of a page: when they came, in microseconds since 1970, and who they are.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Marker {
    since_unix_us: i64,
    user_id: String,
}

impl Marker {
    fn of(person: &Person) -> Self {
        let user_id = person.participant.as_str().to_owned();
        Self { since_unix_us: person.since_unix_us, user_id }
    }

    /// `None` for none: a page from the beginning.
    fn parse(text: &str) -> Result<Option<Self>, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        let read = || {
            let (since, user_id) = text.split_once('-')?;
            let is_digits = since.bytes().all(|byte| byte.is_ascii_digit());
            let since_unix_us = since.parse().ok().filter(|_| is_digits)?;
            Some(Self { since_unix_us, user_id: user_id.to_owned() })
        };
        let none = || Fault::new(Code::InputParameter, "Marker is none that was given");
        read().map(Some).ok_or_else(none)
    }
}

impl std::fmt::Display for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.since_unix_us, self.user_id)
    }
}
