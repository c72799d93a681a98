//! Who is in rooms now, on a page that is told when it changes.

use askama::Template;
use bytes::Bytes;
use domain::app::App;
use domain::log::record::AHEAD_S_MAX;
use domain::log::{OpenCall, StayQuery, list_stays};
use domain::{AppId, Context};
use http::Response;

use crate::page::{Asked, Fault, Frame, html};
use crate::query::render;
use crate::times::Zone;
use crate::words::{Lang, Words};

/// How many calls are told, the oldest.
const CALLS: u32 = 100;

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage<'a> {
    frame: Frame<'a>,
    fragment: String,
}

#[derive(Template)]
#[template(path = "live_now.html")]
struct Now<'a> {
    words: &'a Words,
    app: AppId,
    people: u64,
    calls: Vec<Row>,
    more: bool,
}

struct Row {
    room: String,
    call: String,
    minted: bool,
    door: String,
    link: String,
    heard: String,
}

/// A page that is told what happens. Pages that are equal are told the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Live {
    app: AppId,
    is_chinese: bool,
}

impl Live {
    pub(super) fn new(asked: &Asked<'_>, app: &App) -> Self {
        Self { app: app.id, is_chinese: asked.lang == Lang::Chinese }
    }

    /// What the page shows now, without line breaks.
    pub async fn fragment(&self, ctx: &Context) -> domain::Result<String> {
        let lang = if self.is_chinese { Lang::Chinese } else { Lang::English };
        let now = render_now(ctx, self.app, lang).await?;
        Ok(now.replace(['\r', '\n'], " "))
    }
}

async fn render_now(ctx: &Context, app: AppId, lang: Lang) -> domain::Result<String> {
    let now_unix_s = ctx.clock.now_unix_s();
    let query = StayQuery {
        app,
        room: None,
        participants: None,
        with_servers: true,
        from_unix_s: now_unix_s,
        until_unix_s: now_unix_s + AHEAD_S_MAX,
        offset: 0,
        limit: 0,
    };
    // Whoever leaves in this very second still counts: it is a figure to look at.
    let people = list_stays(ctx, &query).await?.total;
    let calls = ctx.store.open_calls(app, i64::MAX, CALLS + 1).await?;
    let more = calls.len() > CALLS as usize;
    let zone = Zone::new(ctx.settings.time_zone_offset_s);
    let calls =
        calls.into_iter().take(CALLS as usize).map(|call| row(call, now_unix_s, zone)).collect();
    let now = Now { words: lang.words(), app, people, calls, more };
    Ok(now.render().expect("nothing in a page fails to be shown"))
}

fn row(call: OpenCall, now_unix_s: i64, zone: Zone) -> Row {
    let heard = call.last_heard_unix_us.div_euclid(1_000_000);
    Row {
        link: render(&[
            ("room", call.at.room.as_str()),
            ("door", call.at.door.as_str()),
            ("call", call.call.as_str()),
            // Somebody is there now, and leads to the rest.
            ("at", &now_unix_s.to_string()),
        ]),
        room: call.at.room.to_string(),
        call: call.call.to_string(),
        minted: call.minted,
        door: call.at.door.to_string(),
        heard: zone.second(heard),
    }
}

pub(crate) async fn answer(asked: &Asked<'_>, app: &App) -> Result<Response<Bytes>, Fault> {
    let fragment = render_now(asked.ctx, app.id, asked.lang).await?;
    let frame = asked.frame(asked.words.live, Some(app)).tab("live");
    Ok(html(&LivePage { frame, fragment }))
}
