//! `/v1/apps/...`: the native API of one app.

use std::time::Instant;

use bytes::Bytes;
use dialects::{Answered, native};
use http::{Request, Response};
use hyper::body::Incoming;

use super::{Server, body, reply};
use crate::observe;

pub(super) async fn answer(server: &Server, request: Request<Incoming>) -> Response<Bytes> {
    let began = Instant::now();
    let (parts, incoming) = request.into_parts();
    // Nothing is asked by a body; but who sends one all the same is to see the answer.
    body::drain(&parts.headers, incoming).await;
    let request_id = reply::request_id(&server.ctx);
    let answered = native::answer(&server.ctx, request_id, &parts).await;
    let Answered { response, action, app, outcome, request_id, cause } = answered;
    observe::answered(&observe::Answer {
        request_id: &request_id,
        dialect: "native",
        action,
        app,
        outcome: &outcome,
        cause: cause.as_ref(),
        took: began.elapsed(),
    });
    response
}
