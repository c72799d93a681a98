//! One stay: its spans, what it was on, and how surely each end is known.

use askama::Template;
use bytes::Bytes;
use domain::app::App;
use domain::ids::{ParticipantId, UserId};
use domain::log::query::PAGE_LEN_MAX;
use domain::log::record::AHEAD_S_MAX;
use domain::log::{Access, Certainty, End, Os, Stay, StayQuery, list_stays};
use http::Response;

use super::room::Meant;
use crate::page::{Asked, Fault, Frame, html};
use crate::query::render;
use crate::times::length;

/// How many spans are shown at most; the last of them.
const SPANS_MAX: usize = 500;

#[derive(Template)]
#[template(path = "stay.html")]
struct StayPage<'a> {
    frame: Frame<'a>,
    who: &'a str,
    /// The query of the user's page, if their id can be one of the directory.
    user: Option<String>,
    room: &'a str,
    call: &'a str,
    door: &'a str,
    call_link: String,
    os: &'static str,
    access: &'static str,
    device: &'a str,
    sdk: &'a str,
    published: bool,
    duration: String,
    gaps: usize,
    spans: Vec<Row>,
}

struct Row {
    joined: String,
    joined_inferred: bool,
    left: Option<String>,
    left_inferred: bool,
    length: String,
}

pub(crate) async fn answer(asked: &Asked<'_>, app: &App) -> Result<Response<Bytes>, Fault> {
    let meant = Meant::of(asked).ok_or(Fault::None)?;
    let who = ParticipantId::parse(asked.query.exact("who")).map_err(|_| Fault::None)?;
    let query = StayQuery {
        app: app.id,
        room: Some(meant.room.clone()),
        participants: Some([who.clone()].into()),
        with_servers: true,
        from_unix_s: meant.at_unix_s,
        until_unix_s: asked.now_unix_s + AHEAD_S_MAX,
        offset: 0,
        limit: PAGE_LEN_MAX,
    };
    let stays = list_stays(asked.ctx, &query).await?.stays;
    let is_it = |stay: &&Stay| stay.door == meant.door && stay.call == meant.call;
    let stay = stays.iter().find(is_it).ok_or(Fault::None)?;
    let spans: Vec<Row> =
        stay.spans.iter().rev().take(SPANS_MAX).map(|it| row(asked, it)).collect();
    Ok(html(&StayPage {
        frame: asked.frame(who.as_str(), Some(app)).tab("rooms"),
        who: who.as_str(),
        user: UserId::parse(who.as_str()).ok().map(|id| render(&[("id", id.as_str())])),
        room: meant.room.as_str(),
        call: meant.call.as_str(),
        door: meant.door.as_str(),
        call_link: render(&[
            ("room", meant.room.as_str()),
            ("door", meant.door.as_str()),
            ("call", meant.call.as_str()),
            ("at", &meant.at_unix_s.to_string()),
        ]),
        os: stay.client.os.map_or("", os),
        access: stay.client.access.map_or("", access),
        device: stay.client.device.as_deref().unwrap_or_default(),
        sdk: stay.client.sdk_version.as_deref().unwrap_or_default(),
        published: stay.published,
        duration: length(stay.duration_s(asked.now_unix_s)),
        gaps: gaps(stay),
        spans,
    }))
}

/// How often nobody of theirs was there between two spans, for as long as anybody could notice.
fn gaps(stay: &Stay) -> usize {
    let (mut gaps, mut until): (usize, Option<i64>) = (0, None);
    for span in &stay.spans {
        gaps += usize::from(until.is_some_and(|until| span.joined_unix_us > until));
        let end = span.end.unix_us().unwrap_or(i64::MAX);
        until = Some(until.map_or(end, |until| until.max(end)));
    }
    gaps
}

fn row(asked: &Asked<'_>, span: &domain::log::Span) -> Row {
    let (left, left_inferred, end_us) = match span.end {
        End::Open => (None, false, asked.ctx.clock.now_unix_us()),
        End::At(at, certainty) => {
            (Some(asked.zone.millisecond(at)), certainty == Certainty::Inferred, at)
        }
    };
    Row {
        joined: asked.zone.millisecond(span.joined_unix_us),
        joined_inferred: span.join == Certainty::Inferred,
        left,
        left_inferred,
        length: length((end_us - span.joined_unix_us) / 1_000_000),
    }
}

fn os(os: Os) -> &'static str {
    match os {
        Os::Android => "Android",
        Os::Ios => "iOS",
        Os::Linux => "Linux",
        Os::Mac => "macOS",
        Os::Windows => "Windows",
        Os::Web => "Web",
        Os::Unknown => "?",
    }
}

fn access(access: Access) -> &'static str {
    match access {
        Access::G2 => "2G",
        Access::G3 => "3G",
        Access::G4 => "4G",
        Access::G5 => "5G",
        Access::Wifi => "Wi-Fi",
        Access::Unknown => "?",
    }
}
