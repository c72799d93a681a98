//! Users, found by id, by the beginning of a name, or by tags.

use askama::Template;
use bytes::Bytes;
use domain::UserId;
use domain::app::App;
use domain::users::{Audience, User, audience, find};
use http::Response;

use crate::page::{Asked, Fault, Frame, html};
use crate::query::{encode, render};

/// How many users a page shows.
const ROWS: usize = 50;
/// How many users are looked at for one page.
const LOOKED_AT_MAX: usize = 10_000;
/// How many are looked at in one step.
const STEP: u32 = 200;
/// How many tags of a user are shown.
const TAGS: usize = 20;

#[derive(Template)]
#[template(path = "users.html")]
struct Users<'a> {
    frame: Frame<'a>,
    id: &'a str,
    name: &'a str,
    tags: &'a str,
    fault: Option<String>,
    rows: Vec<Row>,
    more: Option<String>,
}

struct Row {
    id: String,
    link: String,
    name: String,
    tags: Vec<String>,
    robot: bool,
    created: String,
}

pub(crate) async fn answer(asked: &Asked<'_>, app: &App) -> Result<Response<Bytes>, Fault> {
    let query = &asked.query;
    let (id, name, tags) = (query.exact("id"), query.get("name"), query.get("tags"));
    let mut page = Users {
        frame: asked.frame(asked.words.users, Some(app)).tab("users"),
        id,
        name,
        tags,
        fault: None,
        rows: vec![],
        more: None,
    };
    if !id.is_empty() {
        // As it was typed, or without the spaces that came along.
        let mut ids: Vec<UserId> =
            [id, id.trim()].into_iter().filter_map(|id| UserId::parse(id).ok()).collect();
        ids.dedup();
        let found = find(asked.ctx, app.id, &ids).await?;
        page.rows = found.into_iter().flatten().map(|user| row(asked, user)).collect();
        return Ok(html(&page));
    }
    match Audience::parse(tags) {
        Err(fault) => page.fault = Some(fault.to_string()),
        Ok(meant) => {
            let from = parse_cursor(query.get("after"));
            let (users, next) = walk(asked, app, &meant, name, from).await?;
            page.rows = users.into_iter().map(|user| row(asked, user)).collect();
            let more = |next: Vec<u8>| {
                render(&[("name", name), ("tags", tags), ("after", &show_cursor(&next))])
            };
            page.more = next.map(more);
        }
    }
    Ok(html(&page))
}

/// The next users who are meant and whose names begin so, and where to go on.
async fn walk(
    asked: &Asked<'_>,
    app: &App,
    meant: &Audience,
    name: &str,
    mut from: Option<Vec<u8>>,
) -> Result<(Vec<User>, Option<Vec<u8>>), Fault> {
    let (mut users, mut looked_at) = (vec![], 0);
    let prefix = name.to_lowercase();
    loop {
        // A step is shown whole, since it is left at its end only.
        let step =
            if prefix.is_empty() { u32::try_from(ROWS - users.len()).unwrap_or(1) } else { STEP };
        let walked =
            audience::walk(&*asked.ctx.store, app.id, meant, from.as_deref(), step).await?;
        looked_at += step as usize;
        let begins = |user: &User| user.profile.name.to_lowercase().starts_with(&prefix);
        users.extend(walked.found.into_iter().filter(begins));
        from = walked.next;
        if from.is_none() || users.len() >= ROWS || looked_at >= LOOKED_AT_MAX {
            return Ok((users, from));
        }
    }
}

fn show_cursor(cursor: &[u8]) -> String {
    cursor.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A cursor that we gave; what is none begins at the beginning.
fn parse_cursor(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.is_ascii() || !text.len().is_multiple_of(2) || text.len() > 4_096 {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

fn row(asked: &Asked<'_>, user: User) -> Row {
    Row {
        link: format!("id={}", encode(user.id.as_str())),
        id: user.id.to_string(),
        name: user.profile.name,
        tags: user.profile.tags.into_iter().take(TAGS).collect(),
        robot: user.profile.robot,
        created: asked.zone.second(user.created_unix_ms.div_euclid(1_000)),
    }
}
