//! Which path is answered by whom.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use super::listener::Held;
use super::{Server, console, dead_letters, events, front, hooks, native, reply, stream};
use crate::observe;

/// A body that is there, or one that comes line by line.
pub(super) type Body = Either<Full<Bytes>, stream::Lines>;

/// Who answers a path of the native API that is no app's.
#[derive(Clone, Copy)]
enum Door {
    Events,
    DeadLetters,
    Document,
}

/// Those paths, all of them, and the methods of each. The document tells of all.
const V1: [(&str, &str, Door); 4] = [
    ("/v1/events", "POST", Door::Events),
    ("/v1/dead-letters", "GET, DELETE", Door::DeadLetters),
    ("/v1/dead-letters/replay", "POST", Door::DeadLetters),
    ("/v1/openapi.json", GET, Door::Document),
];

/// The methods of what is only read.
const GET: &str = "GET, HEAD";

/// Answers one request. What is held of its connection is let go with the answer, unless that is a
/// stream.
pub(super) async fn answer(
    server: &Arc<Server>,
    request: Request<Incoming>,
    held: Held,
) -> Response<Body> {
    let path = request.uri().path();
    if stream::is_stream(path) {
        return match stream::answer(server, request, held).await {
            Ok(response) => response.map(Either::Right),
            Err(refused) => refused.map(whole),
        };
    }
    if console::is_console(path) {
        return console::answer(server, request, held).await;
    }
    let bare = path.strip_suffix('/').unwrap_or(path);
    if let Some((_, methods, door)) = V1.into_iter().find(|(known, ..)| *known == bare) {
        let response = match door {
            Door::Events => events::answer(server, request, methods).await,
            Door::DeadLetters => dead_letters::answer(server, request, methods).await,
            Door::Document => get(request.method(), document),
        };
        return response.map(whole);
    }
    let response = match path {
        "/health/live" => get(request.method(), || reply::text(StatusCode::OK, "live\n")),
        "/health/ready" => get(request.method(), || ready(server)),
        "/metrics" => get(request.method(), || metrics(server)),
        _ if path.starts_with(dialects::native::PATH) => native::answer(server, request).await,
        _ if path.starts_with("/hooks/") => hooks::answer(server, request).await,
        // Clients put their path behind a base address that may end in a slash itself.
        _ if path.bytes().all(|byte| byte == b'/') => front::answer(server, request).await,
        _ => reply::error(StatusCode::NOT_FOUND, "nothing is served at this path"),
    };
    response.map(whole)
}

fn whole(body: Bytes) -> Body {
    Either::Left(Full::new(body))
}

fn get(method: &Method, answer: impl FnOnce() -> Response<Bytes>) -> Response<Bytes> {
    match *method {
        Method::GET | Method::HEAD => answer(),
        _ => reply::other_methods(GET, "this path answers GET only"),
    }
}

fn document() -> Response<Bytes> {
    reply::json_text(dialects::native::OPENAPI)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_tells_of_each_path_and_method_and_of_no_other() {
        let document: serde_json::Value =
            serde_json::from_str(dialects::native::OPENAPI).expect("JSON");
        let mut told = vec![];
        for (path, item) in document["paths"].as_object().expect("paths") {
            // Those of an app are the dialect's to tell of, and its own test looks at them; all
            // but the stream.
            let is_dialects = path.starts_with(dialects::native::PATH);
            if !is_dialects || path == dialects::native::STREAM {
                let methods = item.as_object().expect("methods").keys();
                let methods = methods.filter(|key| *key != "parameters");
                told.extend(methods.map(|method| (path.as_str(), method.to_uppercase())));
            }
        }
        // HEAD is GET without what is told.
        let methods = |methods: &'static str| methods.split(", ").filter(|it| *it != "HEAD");
        let mut served: Vec<_> = V1
            .into_iter()
            .map(|(path, all, _)| (path, all))
            .chain([(dialects::native::STREAM, stream::METHODS)])
            .flat_map(|(path, all)| methods(all).map(move |it| (path, it.to_owned())))
            .collect();
        assert!(stream::is_stream(&dialects::native::STREAM.replace("{app}", "1")));
        served.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, served, "openapi.json");
    }
}
