//! `/console`: pages are made by the crate of that name; what comes line by line is sent from here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use console::{Answer, Answered, Live};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::listener::Held;
use super::routes::Body;
use super::{Server, body, reply, stream};
use crate::feed::Seat;
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

/// Answers one request. What is held of its connection is let go with the answer, unless the page
/// is told more.
pub(super) async fn answer(
    server: &Arc<Server>,
    request: Request<Incoming>,
    held: Held,
) -> Response<Body> {
    let began = Instant::now();
    let (mut parts, incoming) = request.into_parts();
    let read = body::read(&parts.headers, incoming, console::FORM_BYTES_MAX, &server.bodies).await;
    let Ok((bytes, _share)) = read.map(body::Body::into_parts) else {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return reply::error(status, "this is too much for a form, or it did not arrive")
            .map(whole);
    };
    let takes_gzip = takes_gzip(&parts.headers);
    let is_head = parts.method == Method::HEAD;
    parts.extensions.clear();
    let figures = || server.metrics.render();
    let asked = Request::from_parts(parts, bytes);
    let Answered { answer, page, app, cause } =
        server.console.answer(&server.ctx, asked, &figures).await;
    let response = match answer {
        Answer::Page(response) if takes_gzip && !is_head => compress(response).map(whole),
        Answer::Page(response) => response.map(whole),
        Answer::Live(live) => match server.feed.sit_down() {
            Some(seat) => begin(server, live, seat, held).map(Either::Right),
            None => {
                let reason = "as many listen as may; try again later";
                reply::error(StatusCode::SERVICE_UNAVAILABLE, reason).map(whole)
            }
        },
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
        name.trim() == "gzip" && weight.replace(' ', "") != "q=0"
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
fn begin(server: &Arc<Server>, live: Live, seat: Seat, held: Held) -> Response<stream::Lines> {
    let (chunks, lines) = mpsc::channel(1);
    tokio::spawn(run(server.clone(), live, seat, held, chunks));
    let mut response = stream::response(lines);
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Tells a live page what is so now, whenever that has changed.
async fn run(server: Arc<Server>, live: Live, seat: Seat, held: Held, chunks: mpsc::Sender<Bytes>) {
    let Held { mut stopping, under_way } = held;
    let told = async {
        let began = Instant::now();
        let mut last = String::new();
        let mut every = tokio::time::interval(LIVE_EVERY);
        while began.elapsed() < LIVE_FOR {
            every.tick().await;
            let Ok(now) = live.fragment(&server.ctx).await else { return };
            let line = match now == last {
                true => Bytes::from_static(b":\n\n"),
                false => Bytes::from(format!("event: now\ndata: {now}\n\n")),
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
