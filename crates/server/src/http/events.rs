//! `POST /v1/events`: native events, from whoever has an app's token.

use std::time::Instant;

use bytes::Bytes;
use domain::AppId;
use domain::app::{App, Apps};
use domain::log::{self, Outcome};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use sources::native;

use super::{Server, body, reply, token};
use crate::observe;

/// The name of this door, in logs and metrics too.
const DOOR: &str = "native";

/// `methods` are those that the path has.
pub(super) async fn answer(
    server: &Server,
    request: Request<Incoming>,
    methods: &'static str,
) -> Response<Bytes> {
    let began = Instant::now();
    let request_id = reply::request_id(&server.ctx);
    let mut app = None;
    let mut cause = None;
    let response = match take(server, request, methods, &mut app).await {
        Ok(response) | Err(Refusal::Client(response)) => response,
        Err(Refusal::Store(error)) => {
            cause = Some(error);
            reply::not_now()
        }
    };
    observe::answered(&observe::Answer {
        request_id: &request_id,
        dialect: DOOR,
        action: "events",
        app,
        outcome: reply::outcome_of(&response),
        cause: cause.as_ref(),
        took: began.elapsed(),
    });
    response
}

/// Why nothing was taken in.
enum Refusal {
    /// What is wrong with the request.
    Client(Response<Bytes>),
    /// What is wrong with us.
    Store(domain::Error),
}

async fn take(
    server: &Server,
    request: Request<Incoming>,
    methods: &'static str,
    app: &mut Option<AppId>,
) -> Result<Response<Bytes>, Refusal> {
    let refuse = |status, reason: &str| Refusal::Client(reply::error(status, reason));
    let (parts, incoming) = request.into_parts();
    let sender = match admit(&server.ctx.apps, &parts, methods) {
        Ok(sender) => sender,
        Err(response) => {
            body::drain(&parts.headers, incoming).await;
            return Err(Refusal::Client(*response));
        }
    };
    *app = Some(sender.id);
    let read = body::read(&parts.headers, incoming, native::BODY_BYTES_MAX, &server.bodies).await;
    let body = read.map_err(|fault| match fault {
        body::Fault::TooLarge => {
            let reason = format!("the body has more than {} bytes", native::BODY_BYTES_MAX);
            refuse(StatusCode::PAYLOAD_TOO_LARGE, &reason)
        }
        body::Fault::Broken => refuse(StatusCode::BAD_REQUEST, "the body did not arrive whole"),
        body::Fault::Busy => Refusal::Client(reply::not_now()),
    })?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let parsed = native::parse(sender.id, content_type, &body.bytes)
        .map_err(|refused| refuse(refused.status(), &refused.to_string()))?;
    record(server, parsed).await.map_err(Refusal::Store)
}

/// The app that may send, or what is wrong with the head.
fn admit<'a>(
    apps: &'a Apps,
    parts: &Parts,
    methods: &'static str,
) -> Result<&'a App, Box<Response<Bytes>>> {
    if parts.method != Method::POST {
        return Err(Box::new(reply::other_methods(methods, "events are sent with POST")));
    }
    let (status, reason) = token::REFUSAL;
    token::find_app(apps, &parts.headers).ok_or_else(|| Box::new(reply::error(status, reason)))
}

/// Stores what can be stored, and answers for each event when that is durable.
async fn record(
    server: &Server,
    parsed: Vec<Result<domain::log::Event, String>>,
) -> Result<Response<Bytes>, domain::Error> {
    let mut errors = vec![];
    let mut events = vec![];
    let mut places = vec![];
    for (index, event) in parsed.into_iter().enumerate() {
        match event {
            Ok(event) => {
                events.push(event);
                places.push(index);
            }
            Err(reason) => errors.push((index, reason)),
        }
    }
    observe::events(DOOR, "unintelligible", errors.len());
    let (mut accepted, mut duplicates, mut expired) = (0, 0, 0);
    for (index, outcome) in places.into_iter().zip(log::record(&server.ctx, events).await?) {
        observe::events(DOOR, outcome.name(), 1);
        match outcome {
            Outcome::Stored => accepted += 1,
            Outcome::Expired => {
                accepted += 1;
                expired += 1;
            }
            Outcome::Duplicate | Outcome::Conflict => duplicates += 1,
            Outcome::Refused(refused) => errors.push((index, refused.to_string())),
        }
    }
    errors.sort();
    let errors: Vec<_> = errors
        .into_iter()
        .map(|(index, reason)| serde_json::json!({ "index": index, "reason": reason }))
        .collect();
    let mut answer =
        serde_json::json!({ "accepted": accepted, "duplicates": duplicates, "errors": errors });
    // Told only where there is something to tell, so that most answers are as they always were.
    if expired > 0 {
        answer["expired"] = expired.into();
    }
    Ok(reply::json(StatusCode::OK, &answer))
}
