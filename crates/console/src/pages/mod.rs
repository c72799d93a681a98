//! One file for each page, and those that are too small for one.

pub(crate) mod health;
pub(crate) mod live;
mod room;
mod rooms;
mod stay;
mod user;
mod users;

use askama::Template;
use bytes::Bytes;
use domain::app::App;
use http::Response;

use crate::Answer;
use crate::page::{Asked, Fault, Frame, html};
use crate::session::{Scope, Session};

/// Pages of an app, in the order in which they are offered.
const OF_APP: [&str; 8] =
    ["rooms", "room", "stay", "users", "user", "user/deregister", "live", "live/events"];

/// The name of a page for logs and metrics: of a bounded number.
pub(crate) fn name(rest: &str) -> &'static str {
    let in_app = rest.strip_prefix('/').and_then(|it| it.split_once('/')).map(|(_, name)| name);
    let known = in_app.and_then(|name| OF_APP.into_iter().find(|it| *it == name));
    known.unwrap_or(match rest {
        "" => "home",
        "/apps" => "apps",
        "/health" => "health",
        "/sign-in" => "sign-in",
        "/sign-out" => "sign-out",
        "/language" => "language",
        _ => "unknown",
    })
}

/// A page of an app.
pub(crate) async fn of_app(asked: &Asked<'_>, app: &App, name: &str) -> Result<Answer, Fault> {
    if asked.is_post && !matches!(name, "user" | "user/deregister") {
        return Err(Fault::Method);
    }
    Ok(Answer::Page(match name {
        "rooms" => rooms::answer(asked, app).await?,
        "room" => room::answer(asked, app).await?,
        "stay" => stay::answer(asked, app).await?,
        "users" => users::answer(asked, app).await?,
        "user" if asked.is_post => user::edit(asked, app).await?,
        "user" => user::answer(asked, app, None).await?,
        "user/deregister" => user::deregister(asked, app).await?,
        "live" => live::answer(asked, app).await?,
        "live/events" => return Ok(Answer::Live(live::Live::new(asked, app))),
        _ => return Err(Fault::None),
    }))
}

/// Where somebody begins: at the rooms of their app, if there is only one.
pub(crate) fn home(asked: &Asked<'_>, session: &Session) -> String {
    let mut apps = asked.ctx.apps.iter().filter(|app| session.scope.covers(app.id));
    match (apps.next(), apps.next()) {
        (Some(app), None) => format!("/console/{}/rooms", app.id),
        _ => "/console/apps".to_owned(),
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    frame: Frame<'a>,
    back: &'a str,
    refusal: Option<&'a str>,
}

pub(crate) fn sign_in(asked: &Asked<'_>, refusal: Option<&str>) -> Result<Response<Bytes>, Fault> {
    let given = if asked.is_post { asked.form.get("back") } else { asked.query.get("back") };
    let back = crate::page::own_path(given);
    Ok(html(&SignIn { frame: asked.frame(asked.words.sign_in, None), back, refusal }))
}

#[derive(Template)]
#[template(path = "apps.html")]
struct Apps<'a> {
    frame: Frame<'a>,
    apps: Vec<&'a App>,
}

pub(crate) fn apps(asked: &Asked<'_>, session: &Session) -> Result<Response<Bytes>, Fault> {
    if asked.is_post {
        return Err(Fault::Method);
    }
    let apps = asked.ctx.apps.iter().filter(|app| match session.scope {
        Scope::All => true,
        Scope::App(own) => own == app.id,
    });
    let frame = asked.frame(asked.words.apps, None).tab("apps");
    Ok(html(&Apps { frame, apps: apps.collect() }))
}
