//! One call of a room, as a timeline.

use askama::Template;
use bytes::Bytes;
use domain::app::App;
use domain::ids::{CallId, Door, RoomId};
use domain::log::query::PAGE_LEN_MAX;
use domain::log::record::AHEAD_S_MAX;
use domain::log::{Stay, StayQuery, list_stays};
use http::Response;

use crate::page::{Asked, Fault, Frame, html, redirect};
use crate::query::render;
use crate::timeline::{Bar, Mark, ROW_PX, Window, bars, marks};
use crate::times::length;

/// How many rows are drawn at most.
const ROWS_MAX: usize = 1_000;
/// How many stays of the room are read at most to find those of the call.
const READ_MAX: u64 = 5_000;

#[derive(Template)]
#[template(path = "room.html")]
struct Room<'a> {
    frame: Frame<'a>,
    room: &'a str,
    call: &'a str,
    door: &'a str,
    /// What finds the call, whatever part of it is shown.
    link: String,
    began: String,
    ended: Option<String>,
    length: String,
    published: usize,
    is_cut: bool,
    from: i64,
    until: i64,
    zoomed_in: (i64, i64),
    zoomed_out: (i64, i64),
    marks: Vec<Mark>,
    rows: Vec<Row>,
    row_px: usize,
    height_px: usize,
    zone: String,
}

struct Row {
    who: String,
    link: String,
    told: String,
    kind: &'static str,
    bars: Vec<Bar>,
    y: usize,
}

/// Which call is meant.
pub(super) struct Meant {
    pub(super) room: RoomId,
    pub(super) door: Door,
    pub(super) call: CallId,
    /// A second from which on it is looked for: that of its first join.
    pub(super) at_unix_s: i64,
}

impl Meant {
    pub(super) fn of(asked: &Asked<'_>) -> Option<Self> {
        let query = &asked.query;
        Some(Self {
            room: RoomId::parse(query.exact("room")).ok()?,
            door: Door::parse(query.exact("door")).ok()?,
            call: CallId::parse(query.exact("call")).ok()?,
            at_unix_s: query.get("at").parse().unwrap_or(0),
        })
    }

    fn link(&self) -> String {
        render(&[
            ("room", self.room.as_str()),
            ("door", self.door.as_str()),
            ("call", self.call.as_str()),
            ("at", &self.at_unix_s.to_string()),
        ])
    }

    fn holds(&self, stay: &Stay) -> bool {
        stay.door == self.door && stay.call == self.call
    }
}

/// How often the beginning of a call is looked for further back.
const LOOKS_MAX: usize = 8;
/// How long after its last leave nobody comes back into a call, in seconds.
const QUIET_S: i64 = 6 * 3_600;

/// The first stays of the call, and whether there may be more. A link may lead to a second in the
/// middle of it, so that it is looked for from the first join on that was found.
async fn find_stays(
    asked: &Asked<'_>,
    app: &App,
    meant: &Meant,
) -> Result<(Vec<Stay>, bool), Fault> {
    let mut from_unix_s = meant.at_unix_s;
    let mut found = find_from(asked, app, meant, from_unix_s).await?;
    for _ in 0..LOOKS_MAX {
        let began = found.0.iter().map(Stay::created_unix_s).min();
        let Some(earlier) = began.filter(|began| *began < from_unix_s) else { break };
        from_unix_s = earlier;
        found = find_from(asked, app, meant, from_unix_s).await?;
    }
    Ok(found)
}

/// Those of them that had not ended before a second.
async fn find_from(
    asked: &Asked<'_>,
    app: &App,
    meant: &Meant,
    from_unix_s: i64,
) -> Result<(Vec<Stay>, bool), Fault> {
    let (mut stays, mut offset): (Vec<Stay>, u64) = (vec![], 0);
    loop {
        let page = StayQuery {
            app: app.id,
            room: Some(meant.room.clone()),
            participants: None,
            with_servers: true,
            from_unix_s,
            until_unix_s: asked.now_unix_s + AHEAD_S_MAX,
            offset,
            limit: PAGE_LEN_MAX,
        };
        let page = list_stays(asked.ctx, &page).await?;
        offset += page.stays.len() as u64;
        let last = page.stays.last().map(Stay::created_unix_s);
        let Some(last) = last.filter(|_| offset < page.total) else {
            stays.extend(page.stays.into_iter().filter(|stay| meant.holds(stay)));
            break;
        };
        stays.extend(page.stays.into_iter().filter(|stay| meant.holds(stay)));
        if is_over(&stays, last) {
            break;
        }
        if stays.len() > ROWS_MAX || offset >= READ_MAX {
            stays.truncate(ROWS_MAX);
            return Ok((stays, true));
        }
    }
    let is_cut = stays.len() > ROWS_MAX;
    stays.truncate(ROWS_MAX);
    Ok((stays, is_cut))
}

/// Whether everybody has left long before a second.
fn is_over(stays: &[Stay], unix_s: i64) -> bool {
    let left: Option<Vec<i64>> = stays.iter().map(Stay::left_unix_s).collect();
    left.and_then(|all| all.into_iter().max()).is_some_and(|left| left + QUIET_S < unix_s)
}

pub(crate) async fn answer(asked: &Asked<'_>, app: &App) -> Result<Response<Bytes>, Fault> {
    let Some(meant) = Meant::of(asked) else {
        // A room alone: its calls are told.
        let query = render(&[("room", asked.query.exact("room"))]);
        return Ok(redirect(&format!("/console/{}/rooms?{query}", app.id)));
    };
    let (stays, is_cut) = find_stays(asked, app, &meant).await?;
    let began = stays.iter().map(Stay::created_unix_s).min().ok_or(Fault::None)?;
    let left: Option<Vec<i64>> = stays.iter().map(Stay::left_unix_s).collect();
    let ended = left.and_then(|all| all.into_iter().max());
    let last = ended.unwrap_or(asked.now_unix_s);
    let from = asked.zone.parse(asked.query.get("from")).unwrap_or(began);
    let until = asked.zone.parse(asked.query.get("to")).unwrap_or(last);
    let window = Window::of_seconds(from, until);
    let (from, until) = window.seconds();
    let now_unix_us = asked.ctx.clock.now_unix_us();
    let link = meant.link();
    let rows: Vec<Row> = stays
        .iter()
        .enumerate()
        .map(|(n, stay)| row(asked, stay, bars(stay, window, now_unix_us), n))
        .collect();
    Ok(html(&Room {
        frame: asked.frame(meant.room.as_str(), Some(app)).tab("rooms"),
        room: meant.room.as_str(),
        call: meant.call.as_str(),
        door: meant.door.as_str(),
        link,
        began: asked.zone.second(began),
        ended: ended.map(|ended| asked.zone.second(ended)),
        length: length(last - began),
        published: stays.iter().filter(|stay| stay.published).count(),
        is_cut,
        from,
        until,
        zoomed_in: window.zoomed(true),
        zoomed_out: window.zoomed(false),
        marks: marks(window, asked.zone),
        height_px: rows.len() * ROW_PX,
        rows,
        row_px: ROW_PX,
        zone: asked.zone.name(),
    }))
}

fn row(asked: &Asked<'_>, stay: &Stay, bars: Vec<Bar>, n: usize) -> Row {
    let words = asked.words;
    let began = stay.created_unix_s();
    let ended = match stay.left_unix_s() {
        Some(left) => asked.zone.clock(left),
        None => words.still_there.to_owned(),
    };
    let length = length(stay.duration_s(asked.now_unix_s));
    let kind = match (stay.is_server(), stay.published) {
        (true, _) => "server",
        (false, true) => "pub",
        (false, false) => "quiet",
    };
    Row {
        who: stay.participant.to_string(),
        link: render(&[("who", stay.participant.as_str())]),
        told: format!("{} – {ended}, {length}", asked.zone.clock(began)),
        kind,
        bars,
        y: n * ROW_PX,
    }
}
