//! `POST /hooks/{source}/{numeric app id}`: what media servers tell.
//!
//! A media server takes most answers for "delivered" and never asks why. So whatever is authentic
//! is answered 200, once it is durable, and only what is not authentic is answered 401.

use std::time::Instant;

use bytes::Bytes;
use domain::app::App;
use domain::{AppId, log};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use sources::{Delivery, Hook, Received};

use super::{Server, body, reply};
use crate::observe;

/// How large a delivery may be, in bytes. The largest known is a hundredth of it.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) async fn answer(server: &Server, request: Request<Incoming>) -> Response<Bytes> {
    let began = Instant::now();
    let request_id = reply::request_id(&server.ctx);
    let hook = hook_of(request.uri().path());
    let app = hook.and_then(|(_, app)| server.ctx.apps.find(app));
    let mut cause = None;
    let response = match take(server, request, hook.map(|(hook, _)| hook), app).await {
        Ok(response) => response,
        Err(error) => {
            cause = Some(error);
            reply::not_now()
        }
    };
    observe::answered(&observe::Answer {
        request_id: &request_id,
        dialect: "hooks",
        action: hook.map_or("unknown", |(hook, _)| hook.name()),
        app: app.map(|app| app.id),
        outcome: reply::outcome_of(&response),
        cause: cause.as_ref(),
        took: began.elapsed(),
    });
    response
}

fn hook_of(path: &str) -> Option<(Hook, AppId)> {
    let (name, app) = path.strip_prefix("/hooks/")?.split_once('/')?;
    let app = app.trim_end_matches('/').parse().ok()?;
    Some((Hook::find(name)?, AppId(app)))
}

async fn take(
    server: &Server,
    request: Request<Incoming>,
    hook: Option<Hook>,
    app: Option<&App>,
) -> Result<Response<Bytes>, domain::Error> {
    let Some(hook) = hook else {
        let reason = "the path is /hooks/{source}/{numeric app id}, with a source of this version";
        return Ok(reply::error(StatusCode::NOT_FOUND, reason));
    };
    if request.method() != Method::POST {
        return Ok(reply::error(StatusCode::METHOD_NOT_ALLOWED, "hooks are called with POST"));
    }
    // An app that does not exist, one without this source, and a wrong signature are told apart in
    // the log only.
    let credentials = app.and_then(|app| app.sources.get(hook.name()));
    let (Some(app), Some(credentials)) = (app, credentials) else {
        tracing::warn!(source = hook.name(), "a delivery for an app that has no such source");
        return Ok(unauthentic());
    };
    let (parts, incoming) = request.into_parts();
    let body = match body::read(incoming, BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(body::Fault::TooLarge) => {
            observe::events(hook.name(), "too_large", 1);
            let reason = format!("the body has more than {BODY_BYTES_MAX} bytes");
            return Ok(reply::error(StatusCode::PAYLOAD_TOO_LARGE, &reason));
        }
        // Not the sender's last word: it sends again.
        Err(body::Fault::Broken) => return Ok(reply::not_now()),
    };
    let delivery = Delivery {
        app: app.id,
        credentials,
        headers: &parts.headers,
        body: &body,
        now_unix_us: server.ctx.clock.now_unix_us(),
    };
    match hook.receive(&delivery) {
        Ok(received) => record(server, hook, app.id, received).await,
        Err(reason) => {
            observe::events(hook.name(), "unauthentic", 1);
            tracing::warn!(source = hook.name(), app = app.id.0, %reason, "a delivery is refused");
            Ok(unauthentic())
        }
    }
}

async fn record(
    server: &Server,
    hook: Hook,
    app: AppId,
    received: Received,
) -> Result<Response<Bytes>, domain::Error> {
    let Received { events, dead, ignored } = received;
    for reason in &dead {
        tracing::warn!(source = hook.name(), app = app.0, %reason, "an event makes no sense");
    }
    observe::events(hook.name(), "unintelligible", dead.len());
    observe::events(hook.name(), "ignored", ignored);
    for outcome in log::record(&server.ctx, events).await? {
        observe::events(hook.name(), outcome.name(), 1);
    }
    Ok(reply::json(StatusCode::OK, &serde_json::json!({ "code": 0 })))
}

fn unauthentic() -> Response<Bytes> {
    let reason = "the delivery is not signed with the credentials of this app and source";
    reply::error(StatusCode::UNAUTHORIZED, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_source_and_an_app() {
        assert_eq!(hook_of("/hooks/livekit/4111"), Some((Hook::Livekit, AppId(4111))));
        assert_eq!(hook_of("/hooks/livekit/4111/"), Some((Hook::Livekit, AppId(4111))));
        for path in ["/hooks/", "/hooks/livekit", "/hooks/x/4111", "/hooks/livekit/-1", "/hooks//1"]
        {
            assert_eq!(hook_of(path), None, "{path}");
        }
    }
}
