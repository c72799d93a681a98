//! Calls, found by the room's name and by time.

use askama::Template;
use bytes::Bytes;
use domain::app::App;
use domain::ids::RoomId;
use domain::log::search::{FoundCall, Search, search_calls};
use http::Response;

use crate::page::{Asked, Fault, Frame, html};
use crate::query::render;
use crate::times::length;

/// How far back it is looked unless asked, in seconds: a day.
const BACK_S: i64 = 86_400;
/// How many calls a page shows.
const CALLS: usize = 50;

#[derive(Template)]
#[template(path = "rooms.html")]
struct Rooms<'a> {
    frame: Frame<'a>,
    name: &'a str,
    from: String,
    until: String,
    zone: String,
    room: &'a str,
    rows: Vec<Row>,
    is_cut: bool,
    earlier: Option<String>,
}

struct Row {
    room: String,
    call: String,
    link: String,
    began: String,
    ended: Option<String>,
    length: String,
    people: u64,
    present: u64,
    published: u64,
}

pub(crate) async fn answer(asked: &Asked<'_>, app: &App) -> Result<Response<Bytes>, Fault> {
    let (name, zone) = (asked.query.get("name"), asked.zone);
    let until = time(asked, "until")?.unwrap_or(asked.now_unix_s);
    let from = time(asked, "from")?.unwrap_or(until - BACK_S);
    let exact = asked.query.exact("room");
    let room = RoomId::parse(exact).ok();
    let offset = asked.query.get("skip").parse().unwrap_or(0);
    let search = Search {
        app: app.id,
        // A name that can be no room's is looked for as a part of one, and not found.
        name: if room.is_none() { format!("{exact}{name}") } else { name.to_owned() },
        room,
        from_unix_s: from,
        until_unix_s: until,
        offset,
        limit: CALLS,
    };
    let found = search_calls(asked.ctx, &search).await?;
    let (from, until) = (zone.field(from), zone.field(until));
    let earlier = (found.more > 0).then(|| {
        let skip = offset.saturating_add(CALLS).to_string();
        let query = [("name", name), ("room", exact), ("from", &from), ("until", &until)];
        render(&[&query[..], &[("skip", &skip)]].concat())
    });
    Ok(html(&Rooms {
        frame: asked.frame(asked.words.rooms, Some(app)).tab("rooms"),
        name,
        from,
        until,
        zone: zone.name(),
        room: exact,
        rows: found.calls.into_iter().map(|call| row(asked, call)).collect(),
        is_cut: found.is_cut,
        earlier,
    }))
}

/// A time that was typed; `None` if nothing was.
fn time(asked: &Asked<'_>, name: &str) -> Result<Option<i64>, Fault> {
    match asked.query.get(name) {
        "" => Ok(None),
        typed => asked.zone.parse(typed).map(Some).ok_or(Fault::Time),
    }
}

fn row(asked: &Asked<'_>, call: FoundCall) -> Row {
    let ended = call.ended_unix_s;
    let link = render(&[
        ("room", call.at.room.as_str()),
        ("door", call.at.door.as_str()),
        ("call", call.call.as_str()),
        ("at", &call.created_unix_s.to_string()),
    ]);
    Row {
        room: call.at.room.to_string(),
        call: call.call.to_string(),
        link,
        began: asked.zone.second(call.created_unix_s),
        ended: ended.map(|ended| asked.zone.second(ended)),
        length: length(ended.unwrap_or(asked.now_unix_s) - call.created_unix_s),
        people: call.people,
        present: call.present,
        published: call.published,
    }
}
