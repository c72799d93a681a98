//! `GET /v1/apps/{app}/stream`: what happens in an app, as it happens, as server-sent events.
//!
//! A task for each listener reads the app's ring and hands lines to the connection, one chunk at a
//! time: nothing waits in memory for a slow one. Who takes nothing for too long, or falls behind
//! the ring, is let go, and finds out by an event `gap` when they come back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dialects::native;
use domain::AppId;
use domain::broadcast::Broadcast;
use futures::stream::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use tokio::sync::{mpsc, watch};

use super::listener::Held;
use super::{Server, reply};
use crate::feed::Seat;
use crate::feed::line::{self, HEARTBEAT, Place};
use crate::feed::ring::{Ear, Found, Start};
use crate::observe;

/// How long nothing is said before something is, so that both ends see that the other is there.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// How long a listener may take to take what is there.
const SLOW_MAX: Duration = Duration::from_secs(30);
/// What a stream is asked with.
pub(super) const METHODS: &str = "GET";
/// How many broadcasts are read from the store at once.
const PAGE_BROADCASTS: u32 = 100;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Lines, as they come.
pub(super) type Lines = StreamBody<Frames>;

/// Chunks of lines from the task of a listener.
pub(super) struct Frames(mpsc::Receiver<Bytes>);

impl Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// Whether a path is that of an app's stream.
pub(super) fn is_stream(path: &str) -> bool {
    let of_app = path.strip_prefix(native::PATH);
    let rest = of_app.and_then(|it| it.split_once('/')).map(|(_, rest)| rest);
    matches!(rest, Some("stream" | "stream/"))
}

/// Begins a stream, or says why there is none.
pub(super) async fn answer(
    server: &Arc<Server>,
    request: Request<Incoming>,
    held: Held,
) -> Result<Response<Lines>, Response<Bytes>> {
    let began = Instant::now();
    let (parts, _) = request.into_parts();
    let request_id = reply::request_id(&server.ctx);
    let app = native::authorize(&server.ctx.apps, parts.uri.path(), &parts.headers);
    let Some(app) = app.map(|app| app.id) else {
        // In the dialect's own words.
        return Err(native::answer(&server.ctx, request_id, &parts).await.response);
    };
    let (answer, outcome, cause) = match begin(server, app, &parts.method, &parts.headers).await {
        Ok((ring, seat, start)) => {
            let (chunks, lines) = mpsc::channel(1);
            let listener =
                Listener { server: server.clone(), app, ring, start, chunks, _seat: seat };
            tokio::spawn(listener.run(held));
            (Ok(response(lines)), "ok", None)
        }
        Err(Refusal { status, reason, cause }) => {
            let refused = match status {
                StatusCode::METHOD_NOT_ALLOWED => reply::other_methods(METHODS, reason),
                _ => reply::error(status, reason),
            };
            let outcome = reply::outcome_of(&refused);
            (Err(refused), outcome, cause)
        }
    };
    observe::answered(&observe::Answer {
        request_id: &request_id,
        dialect: "native",
        action: "stream",
        app: Some(app),
        outcome,
        cause: cause.as_ref(),
        took: began.elapsed(),
    });
    answer
}

struct Refusal {
    status: StatusCode,
    reason: &'static str,
    cause: Option<domain::Error>,
}

impl Refusal {
    fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason, cause: None }
    }
}

async fn begin(
    server: &Arc<Server>,
    app: AppId,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(Ear, Seat, Start), Refusal> {
    if *method != Method::GET {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a stream is asked with GET"));
    }
    let Some(seat) = server.feed.sit_down() else {
        let reason = "as many listen to streams as may; try again later";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason));
    };
    let last_id = async { Ok(server.ctx.store.open_broadcasts(app).await?.last_id) };
    let ring = server.feed.turn_on(app, last_id).await.map_err(|error| Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        reason: "the store cannot be read now; try again later",
        cause: Some(error),
    })?;
    let last = headers.get(LAST_EVENT_ID);
    let last = last.map(|id| id.to_str().ok().and_then(Place::parse));
    let start = ring.start(last);
    Ok((ring, seat, start))
}

/// An answer that goes on with these lines.
pub(super) fn response(lines: mpsc::Receiver<Bytes>) -> Response<Lines> {
    let mut response = Response::new(StreamBody::new(Frames(lines)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies are not to collect lines.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}

/// Somebody who listens.
struct Listener {
    server: Arc<Server>,
    app: AppId,
    ring: Ear,
    start: Start,
    chunks: mpsc::Sender<Bytes>,
    _seat: Seat,
}

/// The listener has gone, was too slow, or something failed: the stream ends here.
struct Ended;

impl Listener {
    /// Tells lines until it ends, in one way or another. The connection is held as long.
    async fn run(self, held: Held) {
        let Held { mut stopping, under_way } = held;
        let told = async {
            match self.catch_up().await {
                Ok(()) => self.go_on().await,
                Err(ended) => ended,
            }
        };
        tokio::select! {
            Ended = told => {}
            _ = stopping.changed() => {}
        }
        drop(under_way);
    }

    /// Everything up to the ring's lines.
    async fn catch_up(&self) -> Result<(), Ended> {
        let Start { place, gap, broadcasts, .. } = self.start;
        self.tell(line::beginning(place)).await?;
        if gap {
            self.tell(line::gap(place)).await?;
        }
        let Some((mut after, last)) = broadcasts else { return Ok(()) };
        while after < last {
            let store = &self.server.ctx.store;
            let page = store.list_broadcasts(self.app, Some(after), PAGE_BROADCASTS).await;
            let page = page.map_err(|_| Ended)?;
            if page.is_empty() {
                break;
            }
            for Broadcast { id, message, .. } in page {
                after = id;
                if id > last {
                    break;
                }
                let place = Place { broadcast: id, ..place };
                self.tell(line::broadcast(place, id, &message)).await?;
            }
        }
        Ok(())
    }

    /// The ring's lines, for ever.
    async fn go_on(&self) -> Ended {
        let mut tip: watch::Receiver<u64> = self.ring.tip();
        let mut line = self.start.line;
        loop {
            // Before it is read, so that what comes after that is seen.
            tip.borrow_and_update();
            let told = match self.ring.read(line) {
                Found::Lines(chunk, next) => {
                    line = next;
                    self.tell(chunk).await
                }
                Found::Gone => {
                    tracing::debug!(app = self.app.0, "a listener is too slow, and is let go");
                    return Ended;
                }
                Found::Nothing => match wait(&mut tip, &self.chunks).await {
                    Waited::More => Ok(()),
                    Waited::Quiet => self.tell(HEARTBEAT).await,
                    Waited::Gone => return Ended,
                },
            };
            if told.is_err() {
                return Ended;
            }
        }
    }

    async fn tell(&self, chunk: Bytes) -> Result<(), Ended> {
        let told = tokio::time::timeout(SLOW_MAX, self.chunks.send(chunk)).await;
        told.map_err(|_| Ended)?.map_err(|_| Ended)
    }
}

/// What comes of waiting for a line.
#[derive(Debug, PartialEq, Eq)]
enum Waited {
    More,
    /// Nothing was said for a while.
    Quiet,
    /// The listener has gone, or the ring has.
    Gone,
}

/// Who has gone is noticed at once, and not when there is something to say: others want the place.
async fn wait(tip: &mut watch::Receiver<u64>, chunks: &mpsc::Sender<Bytes>) -> Waited {
    tokio::select! {
        () = chunks.closed() => Waited::Gone,
        more = tokio::time::timeout(HEARTBEAT_EVERY, tip.changed()) => match more {
            Ok(Ok(())) => Waited::More,
            Ok(Err(_)) => Waited::Gone,
            Err(_) => Waited::Quiet,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_quiet_listener_who_has_gone_holds_no_place() {
        let (lines, mut tip) = watch::channel(0);
        let (chunks, listener) = mpsc::channel(1);
        let began = tokio::time::Instant::now();
        assert_eq!(wait(&mut tip, &chunks).await, Waited::Quiet);
        assert_eq!(began.elapsed(), HEARTBEAT_EVERY);
        lines.send_replace(1);
        assert_eq!(wait(&mut tip, &chunks).await, Waited::More);
        drop(listener);
        assert_eq!(wait(&mut tip, &chunks).await, Waited::Gone);
        assert_eq!(began.elapsed(), HEARTBEAT_EVERY, "at once");
    }

    #[test]
    fn a_stream_has_a_path_below_its_app() {
        for path in ["/v1/apps/4111/stream", "/v1/apps/x/stream/"] {
            assert!(is_stream(path), "{path}");
        }
        for path in ["/v1/apps/stream", "/v1/apps/1/streams", "/v1/apps/1/2/stream", "/stream"] {
            assert!(!is_stream(path), "{path}");
        }
    }
}
