//! Signs requests as the SDKs do. Only for tests: the captures prove that it is how they do it.

use bytes::Bytes;
use http::{HeaderValue, Request, Uri};

use super::Claims;
use super::canonical::{self, Covered, Host, Payload, Signable, Variant};
use super::claims::Form;
use crate::volcengine::query::Query;

pub(in crate::volcengine) const KEY_ID: &str = "AKLTtest";
pub(in crate::volcengine) const SECRET: &str = "c2VjcmV0==";
/// 2026-11-21T02:02:43Z.
pub(in crate::volcengine) const NOW_UNIX_S: i64 = 1_795_226_563;
const DATE: &str = "20261121T020243Z";
const SCOPE: &str = "20261121/cn-north-1/rtc/request";

/// Signs with the Authorization header, as the Java SDK that signs `x-date` alone.
pub(in crate::volcengine) fn sign(request: Request<Bytes>) -> Request<Bytes> {
    sign_headers(request, "x-date")
}

/// The same over these headers.
pub(in crate::volcengine) fn sign_headers(
    mut request: Request<Bytes>,
    signed_headers: &str,
) -> Request<Bytes> {
    request.headers_mut().insert("x-date", HeaderValue::from_static(DATE));
    let credential = format!("{KEY_ID}/{SCOPE}");
    let mut authorize = |signature: &str| {
        let authorization = format!(
            "HMAC-SHA256 Credential={credential}, SignedHeaders={signed_headers}, \
             Signature={signature}"
        );
        request.headers_mut().insert("authorization", authorization.parse().unwrap());
        signature_of(&request)
    };
    let signature = authorize("");
    authorize(&signature);
    request
}

/// Signs `query` of a presigned request to `/`, and adds `unlisted` to it.
pub(in crate::volcengine) fn presign(
    method: &str,
    query: &str,
    unlisted: &str,
    body: &'static str,
) -> Request<Bytes> {
    let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    let listed = names.join("%3B");
    let credential = format!("{KEY_ID}%2F{}", SCOPE.replace('/', "%2F"));
    let presigned = |signature: &str, unlisted: &str| {
        let query = format!(
            "{query}&X-Algorithm=HMAC-SHA256&X-Credential={credential}&X-Date={DATE}\
             &X-NotSignBody=&X-SignedHeaders=&X-SignedQueries={listed}&X-Signature={signature}\
             {unlisted}"
        );
        let uri: Uri = format!("/?{query}").parse().unwrap();
        let body = Bytes::from_static(body.as_bytes());
        Request::builder().method(method).uri(uri).body(body).unwrap()
    };
    presigned(&signature_of(&presigned("", "")), unlisted)
}

fn signature_of(request: &Request<Bytes>) -> String {
    let query = Query::parse(request.uri().query().unwrap_or_default()).unwrap();
    let signable = Signable::new(request, &query);
    let claims = Claims::parse(&signable).unwrap();
    let variant = match claims.form {
        Form::Header => {
            Variant { covered: Covered::All, host: Host::NoDefaultPort, payload: Payload::Body }
        }
        Form::Presigned { .. } => {
            Variant { covered: Covered::Listed, host: Host::Unsigned, payload: Payload::Nothing }
        }
    };
    let canonical_request = canonical::request(&signable, &claims, variant);
    let string_to_sign = canonical::string_to_sign(&claims, &canonical_request);
    canonical::signature(&canonical::signing_key(&claims.scope, SECRET), &string_to_sign)
}
