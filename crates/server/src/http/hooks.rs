//! `POST /hooks/{source}/{numeric app id}`: what media servers tell.
//!
//! A media server takes most answers for "delivered" and never asks why. So whatever is authentic
//! is answered 200, once it is durable, and only what is not authentic is answered 401. What is
//! authentic and useless is durable as a dead letter: see [`letters`].

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use domain::AppId;
use domain::app::{App, Secret};
use domain::log::{self, Outcome};
use domain::presence;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use sources::{Again, Delivery, Hook, Received};

use super::letters::{self, Useless};
use super::{Server, body, reply};
use crate::observe;

/// How large a delivery may be, in bytes. The largest known is a hundredth of it.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An app's credentials for one source.
type Credentials = BTreeMap<String, Secret>;

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
            hook.map_or_else(reply::not_now, |(hook, _)| again(hook))
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
    let (parts, incoming) = request.into_parts();
    let (hook, app, credentials) = match admit(&parts.method, hook, app) {
        Ok(admitted) => admitted,
        Err((status, reason)) => {
            body::drain(&parts.headers, incoming).await;
            return Ok(reply::error(status, reason));
        }
    };
    let body = match body::read(&parts.headers, incoming, BODY_BYTES_MAX, &server.bodies).await {
        Ok(body) => body,
        Err(body::Fault::TooLarge) => {
            observe::events(hook.name(), "too_large", 1);
            let reason = format!("the body has more than {BODY_BYTES_MAX} bytes");
            return Ok(reply::error(StatusCode::PAYLOAD_TOO_LARGE, &reason));
        }
        // Not the sender's last word: it sends again.
        Err(body::Fault::Broken | body::Fault::Busy) => return Ok(again(hook)),
    };
    let delivery = Delivery {
        app: app.id,
        rtc_id: app.rtc_id.as_deref(),
        credentials,
        headers: &parts.headers,
        body: &body.bytes,
        now_unix_us: server.ctx.clock.now_unix_us(),
    };
    match hook.receive(&delivery) {
        Ok(received) => record(server, hook, &delivery, received).await,
        Err(reason) => {
            observe::events(hook.name(), "unauthentic", 1);
            tracing::warn!(source = hook.name(), app = app.id.0, %reason, "a delivery is refused");
            let (status, reason) = UNAUTHENTIC;
            Ok(reply::error(status, reason))
        }
    }
}

/// What is said when nothing could be stored now.
fn again(hook: Hook) -> Response<Bytes> {
    let mut response = reply::not_now();
    if hook.again() == Again::Silence {
        response.extensions_mut().insert(reply::Silence);
    }
    response
}

/// Whose delivery it would be, or what is wrong with its address.
fn admit<'a>(
    method: &Method,
    hook: Option<Hook>,
    app: Option<&'a App>,
) -> Result<(Hook, &'a App, &'a Credentials), (StatusCode, &'static str)> {
    let Some(hook) = hook else {
        let reason = "the path is /hooks/{source}/{numeric app id}, with a source of this version";
        return Err((StatusCode::NOT_FOUND, reason));
    };
    if method != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "hooks are called with POST"));
    }
    // An app that does not exist, one without this source, and a wrong signature are told apart in
    // the log only.
    match app.and_then(|app| Some((hook, app, app.sources.get(hook.name())?))) {
        Some(admitted) => Ok(admitted),
        None => {
            tracing::warn!(source = hook.name(), "a delivery for an app that has no such source");
            Err(UNAUTHENTIC)
        }
    }
}

/// Stores what a delivery tells, then keeps what was of no use in it, and answers then.
async fn record(
    server: &Server,
    hook: Hook,
    delivery: &Delivery<'_>,
    received: Received,
) -> Result<Response<Bytes>, domain::Error> {
    let Received { events, sightings, dead, ignored } = received;
    let (source, app) = (hook.name(), delivery.app.0);
    for reason in &dead {
        tracing::warn!(source, app, %reason, "an event makes no sense");
    }
    observe::events(source, "unintelligible", dead.len());
    observe::events(source, "ignored", ignored);
    let of_events = events.iter().map(|event| event.time_unix_us);
    let of_sightings = sightings.iter().map(|sighting| sighting.connection.time_unix_us);
    let times: Vec<i64> = of_events.chain(of_sightings).collect();
    let mut useless = Useless { reasons: dead, refused: vec![] };
    let mut outcomes = log::record(&server.ctx, events).await?;
    outcomes.extend(presence::record(&server.ctx, sightings).await?);
    for (time_unix_us, outcome) in times.into_iter().zip(outcomes) {
        observe::events(source, outcome.name(), 1);
        if let Outcome::Refused(reason) = outcome {
            tracing::warn!(source, app, %reason, "an event is refused");
            useless.refused.push((time_unix_us, reason.to_string()));
        }
    }
    letters::keep(server, hook, delivery, useless).await?;
    Ok(reply::json(StatusCode::OK, &serde_json::json!({ "code": 0 })))
}

/// What is said of every delivery that proves nothing, whatever it lacks.
const UNAUTHENTIC: (StatusCode, &str) = (
    StatusCode::UNAUTHORIZED,
    "the delivery is not signed with the credentials of this app and source",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_any_status_for_a_success_is_given_none() {
        let is_silent = |hook| again(hook).extensions().get::<reply::Silence>().is_some();
        assert!(is_silent(Hook::Janus));
        assert!(!is_silent(Hook::Livekit));
    }

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
