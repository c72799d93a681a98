//! What the actions of RTC on rooms have in common: `Data`, ids of rooms, and roles.
//!
//! They tell who is in a room now, and nothing of what was. A room in which nobody is does not
//! exist, as the vendor documents it.

use domain::ids::{IdFault, ParticipantId, RoomId};
use domain::log::Person;
use serde::Serialize;

use super::Asked;
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault};

/// QUIRK(zegocloud): results of RTC stand in `Data`. A refusal has none.
#[derive(Debug, Serialize)]
pub(in crate::zegocloud) struct Told<T> {
    #[serde(rename = "Data", skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self { data: None }
    }
}

pub(super) fn reply<T>(data: T) -> Reply<Told<T>> {
    Reply { code: Code::Success, message: "success", results: Told { data: Some(data) } }
}

/// The one room that a request names.
pub(super) fn room(asked: &Asked<'_>) -> Result<RoomId, Fault> {
    RoomId::parse(asked.query.value("RoomId")).map_err(|fault| of_id("RoomId", fault))
}

/// The rooms of a list, each once.
pub(super) fn rooms(asked: &Asked<'_>, rooms_max: usize) -> Result<Vec<RoomId>, Fault> {
    let parse = |id: &str| RoomId::parse(id).map_err(|fault| of_id("a RoomId", fault));
    let count = asked.query.list("RoomId").count();
    let too_many = |why| Fault::new(Code::InputParameter, why);
    list(asked, "RoomId", (count, rooms_max), parse, too_many)
}

/// The users of a list, each once.
pub(super) fn users(asked: &Asked<'_>, users_max: usize) -> Result<Vec<ParticipantId>, Fault> {
    let parse = |id: &str| ParticipantId::parse(id).map_err(|fault| of_id("a UserId", fault));
    let count = asked.query.list("UserId").count();
    let too_many = |why| Fault::new(Code::UserListTooLong, why);
    list(asked, "UserId", (count, users_max), parse, too_many)
}

fn list<T: PartialEq>(
    asked: &Asked<'_>,
    name: &'static str,
    (count, count_max): (usize, usize),
    parse: impl Fn(&str) -> Result<T, Fault>,
    too_many: impl Fn(String) -> Fault,
) -> Result<Vec<T>, Fault> {
    if count == 0 {
        let why = format!("the query has no {name}");
        return Err(Fault::new(Code::InputParameter, why));
    }
    if count > count_max {
        return Err(too_many(format!("{name} has {count} ids, {count_max} are allowed")));
    }
    let mut distinct = Vec::with_capacity(count);
    for text in asked.query.list(name) {
        let id = parse(text)?;
        if !distinct.contains(&id) {
            distinct.push(id);
        }
    }
    Ok(distinct)
}

fn of_id(what: &str, fault: IdFault) -> Fault {
    let code = match fault {
        IdFault::TooLong { .. } => Code::ParameterTooLong,
        IdFault::Empty | IdFault::Nul => Code::InputParameter,
    };
    Fault::new(code, format!("{what} cannot be one: {fault}"))
}

/// QUIRK(zegocloud): Z12, roles mean something to the vendor's LiveRoom only, and the log has none:
/// 4, an administrator, is a server, as a recorder; 2, the audience, is everybody else.
pub(super) fn role(person: &Person) -> u32 {
    match person.is_server {
        true => 4,
        false => 2,
    }
}
