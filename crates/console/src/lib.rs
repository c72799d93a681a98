//! The web console: rooms, people and what became of requests, for those who would rather look.
//!
//! Pages are made here, on the server, and are whole without their little script. A page parses
//! what was asked (`query`), asks the domain, and renders a template; no rule lives here. Who may
//! look is in `session`. Nothing changes by `GET`, and a form counts only with the key of its
//! session.
//!
//! Read [`Console::answer`] first, then a page in `pages/`.

mod assets;
mod page;
mod pages;
mod query;
mod session;
mod timeline;
mod times;
mod words;

use bytes::Bytes;
use domain::app::{App, Secret};
use domain::{AppId, Context};
use http::{Method, Request, Response, StatusCode};

pub use page::gzip;
use page::{Asked, Fault};
pub use pages::live::Live;
use query::Query;
use session::{Desk, Session};
pub use session::{SESSION_S, Scope, TICKET_S_MAX, TOKEN_BYTES_MIN};
use times::Zone;
use words::Lang;

/// What every path of the console begins with.
pub const PATH: &str = "/console";

/// How large a form may be, in bytes.
pub const FORM_BYTES_MAX: usize = 64 * 1024;

/// The name of the cookie that holds a session.
const SESSION_COOKIE: &str = "whowas_session";
/// The name of the cookie that holds a language.
const LANG_COOKIE: &str = "whowas_lang";

/// The console of a server.
pub struct Console {
    desk: Option<Desk>,
    is_secure: bool,
}

/// What comes out.
pub enum Answer {
    /// A page, or a piece of one.
    Page(Response<Bytes>),
    /// A page that is told what happens: again and again what [`Live::fragment`] renders, as
    /// server-sent events.
    Live(Live),
}

/// An answer, and what the server's log and metrics say of it.
pub struct Answered {
    /// What goes out.
    pub answer: Answer,
    /// The name of the page; `unknown` if there is none.
    pub page: &'static str,
    /// The tenant, if the page is about one and may be seen.
    pub app: Option<AppId>,
    /// Why it failed inside, for the log only.
    pub cause: Option<domain::Error>,
}

impl Console {
    /// A console that this token opens; without one it is off. `is_secure` tells browsers to send
    /// the session over encrypted connections only.
    pub fn new(token: Option<Secret>, is_secure: bool) -> Self {
        Self { desk: token.map(Desk::new), is_secure }
    }

    /// A ticket that opens the console until then, if it is not off.
    pub fn ticket(&self, scope: Scope, until_unix_s: i64) -> Option<String> {
        Some(self.desk.as_ref()?.ticket(scope, until_unix_s))
    }

    /// Answers one request under [`PATH`]. `figures` is what `/metrics` would tell.
    pub async fn answer(
        &self,
        ctx: &Context,
        request: Request<Bytes>,
        figures: &(dyn Fn() -> String + Send + Sync),
    ) -> Answered {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().trim_end_matches('/');
        let rest = path.strip_prefix(PATH).unwrap_or_default();
        if let Some(name) = rest.strip_prefix("/assets/") {
            return Answered::page("asset", None, assets::answer(name));
        }
        if path.len() < parts.uri.path().len() {
            // Links are told from the last slash on.
            let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Answered::page("home", None, page::redirect(&format!("{path}{query}")));
        }
        let lang = lang(&parts.headers);
        let desk = self.desk.as_ref();
        let now_unix_s = ctx.clock.now_unix_s();
        let session =
            cookie(&parts.headers, SESSION_COOKIE).and_then(|kept| desk?.session(kept, now_unix_s));
        let asked = Asked {
            ctx,
            lang,
            words: lang.words(),
            zone: Zone::new(ctx.settings.time_zone_offset_s),
            session,
            is_post: parts.method == Method::POST,
            query: Query::parse(parts.uri.query().unwrap_or_default().as_bytes()),
            form: Query::parse(&body),
            target: parts.uri.path_and_query().map_or(PATH, |it| it.as_str()),
            now_unix_s,
        };
        let known = matches!(parts.method, Method::GET | Method::HEAD | Method::POST);
        let answered = match known {
            true => self.serve(&asked, rest, figures).await,
            false => Err(Fault::Method),
        };
        let name = pages::name(rest);
        match answered {
            Ok((app, answer)) => Answered { answer, page: name, app, cause: None },
            Err(fault) => {
                let (response, cause) = page::refuse(&asked, fault);
                Answered { answer: Answer::Page(response), page: name, app: None, cause }
            }
        }
    }

    async fn serve(
        &self,
        asked: &Asked<'_>,
        rest: &str,
        figures: &(dyn Fn() -> String + Send + Sync),
    ) -> Result<(Option<AppId>, Answer), Fault> {
        let desk = self.desk.as_ref().ok_or(Fault::Off)?;
        if rest == "/language" {
            return Ok((None, Answer::Page(self.set_language(asked)?)));
        }
        if rest == "/sign-in" {
            let page =
                if asked.is_post { self.sign_in(desk, asked) } else { pages::sign_in(asked, None) };
            return page.map(|page| (None, Answer::Page(page)));
        }
        let Some(session) = &asked.session else {
            return Ok((None, Answer::Page(page::to_sign_in(asked))));
        };
        if asked.is_post && !asked.has_form_key(session) {
            return Err(Fault::Form);
        }
        let in_app = rest.strip_prefix('/').and_then(|it| it.split_once('/'));
        if let Some((app, name)) = in_app
            && let Ok(id) = app.parse()
        {
            let app = find_app(asked.ctx, session, AppId(id))?;
            let answer = pages::of_app(asked, app, name).await?;
            return Ok((Some(app.id), answer));
        }
        let response = match rest {
            "" => Ok(page::redirect(&pages::home(asked, session))),
            "/apps" => pages::apps(asked, session),
            // It tells of all apps.
            "/health" if session.scope == Scope::All => pages::health::answer(asked, figures).await,
            "/sign-out" if asked.is_post => {
                let mut response = page::redirect("/console/sign-in");
                self.set_cookie(&mut response, SESSION_COOKIE, "", 0);
                Ok(response)
            }
            "/sign-out" => Err(Fault::Method),
            _ => Err(Fault::None),
        };
        Ok((None, Answer::Page(response?)))
    }

    fn sign_in(&self, desk: &Desk, asked: &Asked<'_>) -> Result<Response<Bytes>, Fault> {
        let Some((kept, lasts_s)) = desk.admit(asked.form.get("token"), asked.now_unix_s) else {
            let mut page = pages::sign_in(asked, Some(asked.words.fault_token))?;
            *page.status_mut() = StatusCode::FORBIDDEN;
            return Ok(page);
        };
        let mut response = page::redirect(page::own_path(asked.form.get("back")));
        self.set_cookie(&mut response, SESSION_COOKIE, &kept, lasts_s);
        Ok(response)
    }

    fn set_language(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Fault> {
        let lang = Lang::parse(asked.form.get("lang")).filter(|_| asked.is_post);
        let lang = lang.ok_or(Fault::Method)?;
        let mut response = page::redirect(page::own_path(asked.form.get("back")));
        self.set_cookie(&mut response, LANG_COOKIE, lang.code(), 365 * 86_400);
        Ok(response)
    }

    fn set_cookie(&self, response: &mut Response<Bytes>, name: &str, value: &str, lasts_s: i64) {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let cookie = format!(
            "{name}={value}; Path={PATH}; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}"
        );
        let cookie = cookie.parse().expect("letters, digits and signs");
        response.headers_mut().append(http::header::SET_COOKIE, cookie);
    }
}

impl Answered {
    fn page(page: &'static str, app: Option<AppId>, response: Response<Bytes>) -> Self {
        Self { answer: Answer::Page(response), page, app, cause: None }
    }
}

/// The app, if whoever is signed in may look at it; else it is as if there were none.
fn find_app<'a>(ctx: &'a Context, session: &Session, id: AppId) -> Result<&'a App, Fault> {
    let app = ctx.apps.iter().find(|app| app.id == id);
    app.filter(|app| session.scope.covers(app.id)).ok_or(Fault::App)
}

fn cookie<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(http::header::COOKIE).into_iter();
    let pairs = all.filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(';'));
    pairs.filter_map(|it| it.trim().split_once('=')).find(|(it, _)| *it == name).map(|(_, it)| it)
}

fn lang(headers: &http::HeaderMap) -> Lang {
    let accepted = headers.get(http::header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    let chosen = cookie(headers, LANG_COOKIE).and_then(Lang::parse);
    chosen.unwrap_or_else(|| Lang::of_browser(accepted.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
