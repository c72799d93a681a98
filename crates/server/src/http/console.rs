//! `/console`: pages are made by the crate of that name; what comes line by line is sent from here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use console::{Answer, Answered, Live};
use domain::AppId;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::MissedTickBehavior;

use super::listener::Held;
use super::routes::Body;
use super::{Server, body, reply, stream};
use crate::feed::line;
use crate::observe;

/// How often a live page is told what is so now.
const LIVE_EVERY: Duration = Duration::from_secs(2);
/// After how long a live page has to ask again: whoever was signed out is not told for ever.
const LIVE_FOR: Duration = Duration::from_secs(600);
/// How long a listener may take to take what is there.
const SLOW_MAX: Duration = Duration::from_secs(30);
/// From how many bytes on it pays to compress.
const COMPRESSED_FROM_BYTES: usize = 1_400;

/// Whether a path is one of the console.
pub(super) fn is_console(path: &str) -> bool {
    path.strip_prefix(console::PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How many pages are made at once: a page may read thousands of rows, and whoever looks can wait
/// for those who call.
const LOOKS_MAX: usize = 2;
/// How long a page waits for its turn.
const LOOK_PATIENCE: Duration = Duration::from_secs(5);
/// How many live pages are told at once.
const LIVE_MAX: usize = 200;

/// What the console's pages share.
pub(crate) struct Looks {
    turns: Semaphore,
    listeners: Arc<Semaphore>,
    /// What live pages show, and since when: equal ones are told the same.
    shown: Mutex<HashMap<Live, (Instant, Bytes)>>,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(LOOKS_MAX),
            listeners: Arc::new(Semaphore::new(LIVE_MAX)),
            shown: Mutex::default(),
        }
    }
}

impl Looks {
    /// What a live page shows now, read at most once in a while for all who look.
    async fn fragment(&self, server: &Server, live: &Live) -> domain::Result<Bytes> {
        let mut shown = self.shown.lock().await;
        shown.retain(|_, (since, _)| since.elapsed() < LIVE_EVERY);
        if let Some((_, fragment)) = shown.get(live) {
            return Ok(fragment.clone());
        }
        let fragment = Bytes::from(live.fragment(&server.ctx).await?);
        shown.insert(live.clone(), (Instant::now(), fragment.clone()));
        Ok(fragment)
    }
}

/// Answers one request. What is held of its connection is let go with the answer, unless the page
/// is told more.
pub(super) async fn answer(
    server: &Arc<Server>,
    request: Request<Incoming>,
    held: Held,
) -> Response<Body> {
    let began = Instant::now();
    let (parts, incoming) = request.into_parts();
    let read = body::read(&parts.headers, incoming, console::FORM_BYTES_MAX, &server.bodies).await;
    let (response, page, app, cause) = match read.map(body::Body::into_parts) {
        Ok((bytes, _share)) => look(server, Request::from_parts(parts, bytes), held).await,
        Err(fault) => (unread(fault).map(whole), "form", None, None),
    };
    observe::answered(&observe::Answer {
        request_id: &reply::request_id(&server.ctx),
        dialect: "console",
        action: page,
        app,
        outcome: outcome(response.status()),
        cause: cause.as_ref(),
        took: began.elapsed(),
    });
    response
}

type Looked = (Response<Body>, &'static str, Option<AppId>, Option<domain::Error>);

/// Makes a page when it is its turn.
async fn look(server: &Arc<Server>, asked: Request<Bytes>, held: Held) -> Looked {
    let takes_gzip = takes_gzip(asked.headers()) && *asked.method() != Method::HEAD;
    let turn = tokio::time::timeout(LOOK_PATIENCE, server.looks.turns.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        return (busy().map(whole), "busy", None, None);
    };
    let figures = || server.metrics.render();
    let Answered { answer, page, app, cause } =
        server.console.answer(&server.ctx, asked, &figures).await;
    let response = match answer {
        Answer::Page(response) if takes_gzip => compress(response).map(whole),
        Answer::Page(response) => response.map(whole),
        Answer::Live(live) => match server.looks.listeners.clone().try_acquire_owned() {
            Ok(seat) => begin(server, live, seat, held).map(Either::Right),
            Err(_) => busy().map(whole),
        },
    };
    (response, page, app, cause)
}

fn busy() -> Response<Bytes> {
    let reason = "as many look as may; try again in a moment";
    reply::error(StatusCode::SERVICE_UNAVAILABLE, reason)
}

fn unread(fault: body::Fault) -> Response<Bytes> {
    match fault {
        body::Fault::TooLarge => {
            reply::error(StatusCode::PAYLOAD_TOO_LARGE, "this is too much for a form")
        }
        body::Fault::Broken => reply::error(StatusCode::BAD_REQUEST, "the form did not arrive"),
        body::Fault::Busy => busy(),
    }
}

fn whole(body: Bytes) -> Body {
    Either::Left(Full::new(body))
}

fn outcome(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..400 => "ok",
        403 => "unauthentic",
        404 => "not_found",
        405 => "method",
        503 => "unavailable",
        _ => "bad_request",
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|it| it.to_str().ok());
    let mut codings = accepted.unwrap_or_default().split(',').map(str::trim);
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim() == "gzip" && weight.is_ok_and(|weight| weight > 0.0)
    })
}

fn compress(response: Response<Bytes>) -> Response<Bytes> {
    let (mut parts, body) = response.into_parts();
    if body.len() < COMPRESSED_FROM_BYTES {
        return Response::from_parts(parts, body);
    }
    let packed = console::gzip(&body);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(parts, packed)
}

/// Begins to tell a live page.
fn begin(
    server: &Arc<Server>,
    live: Live,
    seat: OwnedSemaphorePermit,
    held: Held,
) -> Response<stream::Lines> {
    let (chunks, lines) = mpsc::channel(1);
    tokio::spawn(run(server.clone(), live, seat, held, chunks));
    let mut response = stream::response(lines);
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Tells a live page what is so now, whenever that has changed.
async fn run(
    server: Arc<Server>,
    live: Live,
    seat: OwnedSemaphorePermit,
    held: Held,
    chunks: mpsc::Sender<Bytes>,
) {
    let Held { mut stopping, under_way } = held;
    let told = async {
        let began = Instant::now();
        let mut last = Bytes::new();
        let mut every = tokio::time::interval(LIVE_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while began.elapsed() < LIVE_FOR {
            every.tick().await;
            let Ok(now) = server.looks.fragment(&server, &live).await else { return };
            let line = match now == last {
                true => line::HEARTBEAT,
                false => [b"event: now\ndata: ", &*now, b"\n\n"].concat().into(),
            };
            last = now;
            let sent = tokio::time::timeout(SLOW_MAX, chunks.send(line)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    };
    tokio::select! {
        () = told => {}
        _ = stopping.changed() => {}
    }
    drop((under_way, seat));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whoever_takes_gzip_gets_it() {
        for (accepted, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, gzip;q=0.8", true),
            ("gzip;q=0", false),
            ("gzip; q=0", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("xgzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accepted.parse().expect("a value"));
            assert_eq!(takes_gzip(&headers), takes, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_path_that_only_begins_alike_is_another() {
        assert!(is_console("/console") && is_console("/console/4111/rooms"));
        assert!(!is_console("/consoles") && !is_console("/") && !is_console("/v1/console"));
    }
}
