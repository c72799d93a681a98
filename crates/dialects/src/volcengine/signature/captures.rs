//! The official SDKs' own requests, recorded, against the verifier: stage by stage, and altered.
//!
//! `../captures/*.json` are 79 requests of eight SDKs with what each of them signed, and 18 altered
//! ones with the verdict on each. They are never edited. All keys in them are invented.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bytes::Bytes;
use expect_test::expect;
use http::Request;
use proptest::prelude::*;
use serde::Deserialize;

use super::canonical::{self, Covered, Host, Payload, Signable, Variant};
use super::claims::Form;
use super::keys::Keys;
use super::verify::Proof;
use super::{Claims, Fault, verify};
use crate::volcengine::query::Query;

/// The clock of all captures, to the day.
const RECORDED_ON: &str = "20261121T";

#[derive(Clone, Deserialize)]
pub(in crate::volcengine) struct Capture {
    credentials: Credentials,
    pub(in crate::volcengine) request: Sent,
    expected: Expected,
    #[serde(default)]
    change: String,
}

#[derive(Clone, Deserialize)]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    region: String,
}

#[derive(Clone, Deserialize)]
pub(in crate::volcengine) struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Clone, Deserialize)]
struct Expected {
    ok: bool,
    #[serde(flatten)]
    stages: Option<Stages>,
}

#[derive(Clone, Deserialize)]
struct Stages {
    access_key_id: String,
    signed_headers: Vec<String>,
    query_set: String,
    host_used: Option<String>,
    canonical_request: String,
    string_to_sign: String,
    signature: String,
}

impl Stages {
    fn variant(&self) -> Variant {
        let covered = match self.query_set.as_str() {
            "all" => Covered::All,
            "listed" => Covered::Listed,
            "listed+X-Security-Token" => Covered::ListedAndToken,
            other => panic!("query_set {other}"),
        };
        let host = match self.host_used.as_deref() {
            None => Host::Unsigned,
            Some("no default port") => Host::NoDefaultPort,
            Some("stripped") => Host::Stripped,
            Some("as sent") => Host::AsSent,
            Some(other) => panic!("host_used {other}"),
        };
        let payload = if covered == Covered::All { Payload::Body } else { Payload::Nothing };
        Variant { covered, host, payload }
    }
}

impl Sent {
    /// What its `X-Date` says, in a header or in the query.
    pub(in crate::volcengine) fn dated(&self) -> &str {
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-date"));
        let in_query = || self.query.split('&').find_map(|pair| pair.strip_prefix("X-Date="));
        header.map(|(_, value)| value.as_str()).or_else(in_query).unwrap()
    }

    pub(in crate::volcengine) fn request(&self) -> http::Result<Request<Bytes>> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(format!("{}?{}", self.path, self.query));
        for (name, value) in &self.headers {
            request = request.header(name, value.as_bytes());
        }
        request.body(Bytes::from(self.body.clone()))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/volcengine/captures")
}

pub(in crate::volcengine) static CAPTURES: LazyLock<BTreeMap<String, Capture>> =
    LazyLock::new(|| {
        let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let captures = files.filter(|path| path.to_string_lossy().contains("--")).map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let capture = serde_json::from_slice(&fs::read(path).unwrap());
            (name, capture.unwrap())
        });
        captures.collect()
    });

fn derived() -> Vec<Capture> {
    serde_json::from_slice(&fs::read(folder().join("derived-changes.json")).unwrap()).unwrap()
}

/// The verdict at the very second of signing.
fn judge(request: &Request<Bytes>, secret: &str) -> Result<(Claims, Proof), Fault> {
    let query = Query::parse(request.uri().query().unwrap_or_default()).unwrap();
    let signable = Signable::new(request, &query);
    let claims = Claims::parse(&signable)?;
    let now_unix_s = claims.signed_unix_s;
    let proof = verify(&claims, &signable, (secret, &Keys::default()), now_unix_s)?;
    Ok((claims, proof))
}

fn check_stages(name: &str, capture: &Capture) {
    let stages = capture.expected.stages.as_ref().unwrap();
    let request = capture.request.request().unwrap();
    let query = Query::parse(request.uri().query().unwrap()).unwrap();
    let signable = Signable::new(&request, &query);

    let claims = Claims::parse(&signable).unwrap();
    assert!(claims.date.starts_with(RECORDED_ON), "{name}");
    assert_eq!(claims.access_key_id, stages.access_key_id, "{name}");
    assert_eq!(claims.access_key_id, capture.credentials.access_key_id, "{name}");
    assert_eq!(claims.scope.region, capture.credentials.region, "{name}");
    assert_eq!(claims.signed_headers, stages.signed_headers, "{name}");

    let canonical_request = canonical::request(&signable, &claims, stages.variant());
    assert_eq!(String::from_utf8_lossy(&canonical_request), stages.canonical_request, "{name}");
    let string_to_sign = canonical::string_to_sign(&claims, &canonical_request);
    assert_eq!(string_to_sign, stages.string_to_sign, "{name}");
    let secret = &capture.credentials.secret_access_key;
    let key = canonical::signing_key(&claims.scope, secret);
    assert_eq!(canonical::signature(&key, &string_to_sign), stages.signature, "{name}");

    let proof =
        verify(&claims, &signable, (secret, &Keys::default()), claims.signed_unix_s).unwrap();
    assert_eq!(proof.variant, stages.variant(), "{name}");
    assert_eq!(proof.covers_body, claims.form == Form::Header, "{name}");
}

#[test]
fn every_capture_is_verified_stage_by_stage() {
    assert_eq!(CAPTURES.len(), 80);
    for (name, capture) in CAPTURES.iter() {
        check_stages(name, capture);
    }
}

#[test]
fn every_altered_request_has_its_verdict() {
    let mut verdicts = String::new();
    for capture in derived() {
        if capture.expected.ok {
            check_stages(&capture.change, &capture);
        }
        let secret = &capture.credentials.secret_access_key;
        let verdict = match judge(&capture.request.request().unwrap(), secret) {
            Ok((_, Proof { uncovered: Some(name), .. })) => format!("holds, but not for {name}"),
            Ok((_, Proof { covers_body: true, .. })) => "holds".to_owned(),
            Ok((_, Proof { covers_body: false, .. })) => "holds, but not for the body".to_owned(),
            Err(Fault::Mismatch { .. }) => "mismatch".to_owned(),
            Err(fault) => format!("{fault:?}"),
        };
        assert_eq!(capture.expected.ok, verdict.starts_with("holds"), "{}", capture.change);
        verdicts.push_str(&format!("{}: {verdict}\n", capture.change));
    }
    expect![[r#"
        one id in the body changed, X-Content-Sha256 left as it was: OtherBody
        body changed and X-Content-Sha256 recomputed, signature left as it was: mismatch
        wrong secret: mismatch
        region of the credential scope changed: mismatch
        X-Date one second later: mismatch
        Host (signed) changed: mismatch
        User-Agent (not signed) changed: holds
        extra query parameter: mismatch
        query parameters in another order: holds
        StartTime sent with a raw + (decodes to a space) under a signature over %2B: mismatch
        space sent as %20 where the SDK sent +: holds
        lower-case percent escapes on the wire: holds
        Host changed (this SDK does not sign Host): holds
        Content-Type changed (this SDK does not sign Content-Type): holds
        query parameter appended that X-SignedQueries does not list: the signature still holds: holds, but not for UserId
        listed parameter changed: mismatch
        path, not the query, changed: mismatch
        body of a presigned POST changed: the signature still holds: holds, but not for the body
    "#]].assert_eq(&verdicts);
}

/// Alters one bit of what the signature covers, so that it is still a request.
fn alter(capture: &Capture, place: usize, bit: u8) -> Option<Sent> {
    let mut sent = capture.request.clone();
    let signed = &capture.expected.stages.as_ref()?.signed_headers;
    let texts = std::iter::empty()
        .chain([&mut sent.method, &mut sent.query, &mut sent.body])
        .chain(sent.headers.iter_mut().filter_map(|(name, value)| {
            signed.contains(&name.to_ascii_lowercase()).then_some(value)
        }));
    let texts: Vec<&mut String> = texts.filter(|text| !text.is_empty()).collect();
    let mut place = place % texts.iter().map(|text| text.len()).sum::<usize>();
    for text in texts {
        if place < text.len() {
            let mut bytes = std::mem::take(text).into_bytes();
            bytes[place] ^= 1 << (bit % 7);
            *text = String::from_utf8(bytes).ok()?;
            return Some(sent);
        }
        place -= text.len();
    }
    None
}

/// What a header is worth in a canonical request.
fn blanks_folded(sent: &Sent) -> Vec<(String, String)> {
    let fold = |(name, value): &(String, String)| {
        (name.clone(), value.split([' ', '\t']).filter(|word| !word.is_empty()).collect())
    };
    sent.headers.iter().map(fold).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_flipped_bit_is_refused(nth in 0..79_usize, place: usize, bit: u8) {
        let capture = CAPTURES.values().nth(nth).unwrap();
        let is_header_form = capture.request.headers.iter().any(|(name, _)| name == "Authorization");
        prop_assume!(is_header_form);
        let Some(sent) = alter(capture, place, bit) else { return Ok(()) };
        let Ok(request) = sent.request() else { return Ok(()) };
        // Another spelling of the same query, or other blanks, are the same request.
        let same_query = Query::parse(&sent.query) == Query::parse(&capture.request.query);
        let same_headers = blanks_folded(&sent) == blanks_folded(&capture.request);
        let same = same_query && same_headers && sent.body == capture.request.body
            && sent.method == capture.request.method;
        let accepted = judge(&request, &capture.credentials.secret_access_key).is_ok();
        prop_assert_eq!(accepted, same);
    }
}
