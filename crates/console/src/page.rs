//! What all pages have in common: who asks, the frame around the content, headers and refusals.

use std::io::Write as _;

use askama::Template;
use bytes::Bytes;
use domain::Context;
use domain::app::App;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use subtle::ConstantTimeEq;

use crate::assets::{ICON_NAME, SCRIPT_NAME, STYLE_NAME};
use crate::query::{Query, encode};
use crate::session::{Scope, Session};
use crate::times::Zone;
use crate::words::{Lang, Words};

/// A request, read.
pub(crate) struct Asked<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) lang: Lang,
    pub(crate) words: &'static Words,
    pub(crate) zone: Zone,
    pub(crate) session: Option<Session>,
    pub(crate) is_post: bool,
    pub(crate) query: Query,
    pub(crate) form: Query,
    pub(crate) target: &'a str,
    pub(crate) now_unix_s: i64,
}

impl Asked<'_> {
    /// Whether the form is one that we gave to this session.
    pub(crate) fn has_form_key(&self, session: &Session) -> bool {
        session.form_key.as_bytes().ct_eq(self.form.exact("key").as_bytes()).into()
    }

    /// The frame of a page.
    pub(crate) fn frame<'f>(&'f self, title: &'f str, app: Option<&'f App>) -> Frame<'f> {
        let sees_all = self.session.as_ref().is_some_and(|it| it.scope == Scope::All);
        let form_key = self.session.as_ref().map_or("", |session| &session.form_key);
        Frame {
            title,
            app,
            words: self.words,
            lang: self.lang,
            form_key,
            target: self.target,
            sees_all,
            tab: "",
        }
    }
}

/// What stands around the content of a page.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    pub(crate) app: Option<&'a App>,
    pub(crate) words: &'static Words,
    pub(crate) lang: Lang,
    pub(crate) form_key: &'a str,
    pub(crate) target: &'a str,
    /// Whether whoever looks may see what is told of all apps together.
    pub(crate) sees_all: bool,
    /// Which part of the console it is in.
    pub(crate) tab: &'static str,
}

impl<'a> Frame<'a> {
    pub(crate) fn tab(mut self, tab: &'static str) -> Self {
        self.tab = tab;
        self
    }

    pub(crate) fn style(&self) -> &'static str {
        &STYLE_NAME
    }

    pub(crate) fn icon(&self) -> &'static str {
        &ICON_NAME
    }

    pub(crate) fn script(&self) -> &'static str {
        &SCRIPT_NAME
    }

    pub(crate) fn is_signed_in(&self) -> bool {
        !self.form_key.is_empty()
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The console is off.
    Off,
    /// There is no such page.
    None,
    /// There is no such app, for this session.
    App,
    /// A form without its key.
    Form,
    /// A page that is not asked so.
    Method,
    /// A time that nobody understands.
    Time,
    /// The store failed.
    Store(domain::Error),
}

impl From<domain::Error> for Fault {
    fn from(error: domain::Error) -> Self {
        Self::Store(error)
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    frame: Frame<'a>,
    reason: &'a str,
}

/// The page that says why there is none, and the reason inside, if any.
pub(crate) fn refuse(asked: &Asked<'_>, fault: Fault) -> (Response<Bytes>, Option<domain::Error>) {
    let words = asked.words;
    let (status, reason, cause) = match fault {
        Fault::Off => (StatusCode::NOT_FOUND, words.fault_off, None),
        Fault::None => (StatusCode::NOT_FOUND, words.fault_none, None),
        Fault::App => (StatusCode::NOT_FOUND, words.fault_app, None),
        Fault::Form => (StatusCode::FORBIDDEN, words.fault_form, None),
        Fault::Method => (StatusCode::METHOD_NOT_ALLOWED, words.fault_method, None),
        Fault::Time => (StatusCode::BAD_REQUEST, words.fault_time, None),
        Fault::Store(error) => (StatusCode::SERVICE_UNAVAILABLE, words.fault_store, Some(error)),
    };
    let mut page = html(&FaultPage { frame: asked.frame(reason, None), reason });
    *page.status_mut() = status;
    (page, cause)
}

/// What a page may do: load what is ours, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// A page of this content.
pub(crate) fn html(template: &impl Template) -> Response<Bytes> {
    let text = template.render().expect("nothing in a page fails to be shown");
    let mut response = Response::new(Bytes::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // Who has signed out is not to find pages by going back.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// A body as `Content-Encoding: gzip` has it.
pub fn gzip(body: &[u8]) -> Bytes {
    let mut packed = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packed.write_all(body).and_then(|()| packed.finish()).expect("memory takes it all").into()
}

/// Goes on at another page of ours, by `GET`.
pub(crate) fn redirect(to: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/console"));
    response.headers_mut().insert(LOCATION, to);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Goes to where one signs in, and comes back; a form that was sent is lost.
pub(crate) fn to_sign_in(asked: &Asked<'_>) -> Response<Bytes> {
    match asked.is_post {
        true => redirect("/console/sign-in"),
        false => redirect(&format!("/console/sign-in?back={}", encode(asked.target))),
    }
}

/// A path of the console, whatever was given: nobody is led elsewhere.
pub(crate) fn own_path(given: &str) -> &str {
    let rest = given.strip_prefix(crate::PATH);
    let is_ours = rest.is_some_and(|it| it.is_empty() || it.starts_with(['/', '?']));
    let is_plain = given.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours && is_plain { given } else { crate::PATH }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for ours in ["/console", "/console/4111/rooms?name=a%20b", "/console/"] {
            assert_eq!(own_path(ours), ours);
        }
        for other in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/console",
            "/consolex",
            "/console\\evil",
            "/console/\r\nSet-Cookie:a=b",
            "console",
            "/console.evil.example",
        ] {
            assert_eq!(own_path(other), "/console", "{other}");
        }
    }
}
