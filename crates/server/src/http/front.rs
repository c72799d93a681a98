//! `/`: tells which vendor's dialect a request speaks, and lets that dialect answer.

use std::time::Instant;

use bytes::Bytes;
use dialects::zegocloud::Unserved;
use dialects::{Answered, BodyFault, volcengine, zegocloud};
use http::request::Parts;
use http::{Request, Response, header};
use hyper::body::Incoming;

use super::Server;
use super::body::{self, Body, Fault};
use crate::observe;

/// How large the body of a dialect's request may be, in bytes: the largest that a vendor documents,
/// twenty users with every field at its limit and every character escaped, is under it.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Who is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Volcengine,
    Zegocloud,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Self::Volcengine => "volcengine",
            Self::Zegocloud => "zegocloud",
        }
    }

    /// `Version`, an Authorization header or `X-Signature` is Volcengine; else any of ZEGOCLOUD's
    /// public parameters is ZEGOCLOUD; else nobody can tell, and Volcengine says what is missing.
    fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or("").as_bytes();
        let names = |wanted: &[&str]| {
            form_urlencoded::parse(query).any(|(name, _)| wanted.contains(&name.as_ref()))
        };
        let volcengine =
            parts.headers.contains_key(header::AUTHORIZATION) || names(&["Version", "X-Signature"]);
        if !volcengine && names(&["SignatureNonce", "SignatureVersion", "Timestamp", "Signature"]) {
            Self::Zegocloud
        } else {
            Self::Volcengine
        }
    }
}

pub(super) async fn answer(server: &Server, request: Request<Incoming>) -> Response<Bytes> {
    let began = Instant::now();
    let (parts, incoming) = request.into_parts();
    let dialect = Dialect::of(&parts);
    let body = body::read(&parts.headers, incoming, BODY_BYTES_MAX, &server.bodies).await;
    // The share is given back when everything is answered.
    let (body, _share) = match body.map(Body::into_parts) {
        Ok((bytes, share)) => (Ok(bytes), share),
        Err(fault) => (Err(fault), None),
    };
    let bytes = body.as_ref().map_or(0, Bytes::len);
    let answer = async {
        match dialect {
            Dialect::Volcengine => ask_volcengine(server, parts, body).await,
            Dialect::Zegocloud => ask_zegocloud(server, parts, body).await,
        }
    };
    let answered = server.turns.take(bytes, answer).await;
    let Answered { response, action, app, outcome, request_id, cause } = answered;
    observe::answered(&observe::Answer {
        request_id: &request_id,
        dialect: dialect.name(),
        action,
        app,
        outcome: &outcome,
        cause: cause.as_ref(),
        took: began.elapsed(),
    });
    response
}

async fn ask_volcengine(server: &Server, parts: Parts, body: Result<Bytes, Fault>) -> Answered {
    let body = body.map_err(|fault| match fault {
        Fault::TooLarge => BodyFault::TooLarge { bytes_max: BODY_BYTES_MAX },
        Fault::Broken => BodyFault::Broken,
        Fault::Busy => BodyFault::Busy,
    });
    volcengine::answer(&server.ctx, &server.volcengine, Request::from_parts(parts, body)).await
}

async fn ask_zegocloud(server: &Server, parts: Parts, body: Result<Bytes, Fault>) -> Answered {
    let Server { ctx, zegocloud: state, .. } = server;
    match body {
        Ok(body) => zegocloud::answer(ctx, state, Request::from_parts(parts, body)).await,
        Err(Fault::TooLarge) => zegocloud::refuse(ctx, state, Unserved::BodyTooLarge),
        Err(Fault::Broken) => zegocloud::refuse(ctx, state, Unserved::BodyUnread),
        Err(Fault::Busy) => zegocloud::refuse(ctx, state, Unserved::Busy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_tells_which_dialect_it_speaks() {
        let of = |target: &str, authorized: bool| {
            let mut request = Request::builder().uri(target);
            if authorized {
                request = request.header("authorization", "HMAC-SHA256 …");
            }
            Dialect::of(&request.body(()).expect("a request").into_parts().0)
        };
        let zego = "/?Action=QueryUserInfos&AppId=1&SignatureNonce=a&Timestamp=1&Signature=b";
        assert_eq!(of("/?Action=A&Version=2020-12-01", false), Dialect::Volcengine);
        assert_eq!(of("/?Action=A&X-Signature=00", false), Dialect::Volcengine);
        assert_eq!(of("/?Action=A", true), Dialect::Volcengine);
        assert_eq!(of("/", false), Dialect::Volcengine);
        assert_eq!(of(zego, false), Dialect::Zegocloud);
        assert_eq!(of("/?SignatureVersion=2.0", false), Dialect::Zegocloud);
        assert_eq!(of("/?%53ignatureNonce=a", false), Dialect::Zegocloud);
        assert_eq!(of(&format!("{zego}&Version=1"), false), Dialect::Volcengine);
        assert_eq!(of(zego, true), Dialect::Volcengine);
    }
}
