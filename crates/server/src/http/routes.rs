//! Which path is answered by whom.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::observe;

use super::{Server, dead_letters, events, front, hooks, native, reply};

/// Answers one request.
pub(super) async fn answer(server: &Server, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let response = match path {
        "/v1/events" | "/v1/events/" => events::answer(server, request).await,
        "/v1/dead-letters" | "/v1/dead-letters/" | "/v1/dead-letters/replay" => {
            dead_letters::answer(server, request).await
        }
        "/health/live" => get(request.method(), || reply::text(StatusCode::OK, "live\n")),
        "/health/ready" => get(request.method(), || ready(server)),
        "/metrics" => get(request.method(), || metrics(server)),
        _ if path.starts_with(dialects::native::PATH) => native::answer(server, request).await,
        _ if path.starts_with("/hooks/") => hooks::answer(server, request).await,
        // Clients put their path behind a base address that may end in a slash itself.
        _ if path.bytes().all(|byte| byte == b'/') => front::answer(server, request).await,
        _ => reply::error(StatusCode::NOT_FOUND, "nothing is served at this path"),
    };
    response.map(Full::new)
}

fn get(method: &Method, answer: impl FnOnce() -> Response<Bytes>) -> Response<Bytes> {
    match *method {
        Method::GET | Method::HEAD => answer(),
        _ => reply::error(StatusCode::METHOD_NOT_ALLOWED, "this path answers GET only"),
    }
}

fn ready(server: &Server) -> Response<Bytes> {
    match server.ctx.store.ready() {
        Ok(()) => reply::text(StatusCode::OK, "ready\n"),
        Err(error) => {
            // Operators ask this, and the reason is what they need.
            let told = format!("not ready: {}\n", observe::chain(&error));
            reply::text(StatusCode::SERVICE_UNAVAILABLE, told)
        }
    }
}

fn metrics(server: &Server) -> Response<Bytes> {
    reply::text(StatusCode::OK, server.metrics.render())
}
