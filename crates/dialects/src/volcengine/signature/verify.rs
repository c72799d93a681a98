//! Whether the client signed this very request with this secret, and not too long ago.

use subtle::ConstantTimeEq;

use super::Fault;
use super::canonical::{self, Covered, Payload, SECURITY_TOKEN, Signable, Variant};
use super::claims::{self, Claims, Form};
use super::keys::Keys;

/// How far a client's clock may be from ours, this second included. V11 in the README.
const SKEW_S_MAX: i64 = 900;
/// How many bytes of a canonical request are shown to a developer.
const EXPLAINED_BYTES_MAX: usize = 8 * 1024;

/// The parameters that make up a presigned URL's signature, which itself binds them or does not
/// need to. Whatever else a presigned URL has is something that an action might act on.
const OF_THE_SIGNATURE: [&str; 9] = [
    "X-Algorithm",
    "X-Credential",
    "X-Date",
    "X-Expires",
    "X-NotSignBody",
    SECURITY_TOKEN,
    "X-Signature",
    "X-SignedHeaders",
    "X-SignedQueries",
];

/// What a good signature proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::volcengine) struct Proof {
    /// Whether the body is what the client signed.
    #[cfg(test)]
    pub(super) covers_body: bool,
    /// A parameter that anybody may have added; a request that has one must not be acted on.
    pub(in crate::volcengine) uncovered: Option<String>,
    #[cfg(test)]
    pub(super) variant: Variant,
}

/// Holds the claims against the request. `secret` is that of the access key that they name, and in
/// `keys` are none of another secret.
pub(in crate::volcengine) fn verify(
    claims: &Claims,
    signable: &Signable<'_>,
    (secret, keys): (&str, &Keys),
    now_unix_s: i64,
) -> Result<Proof, Fault> {
    check_time(claims, now_unix_s)?;
    if claims.form == Form::Header {
        check_body(signable)?;
    }
    let variants = variants(claims, signable);
    let kept = keys.find(claims);
    let key = kept.unwrap_or_else(|| canonical::signing_key(&claims.scope, secret));
    let signed = |variant: &&Variant| {
        let canonical_request = canonical::request(signable, claims, **variant);
        let string_to_sign = canonical::string_to_sign(claims, &canonical_request);
        let computed = canonical::signature(&key, &string_to_sign);
        bool::from(computed.as_bytes().ct_eq(claims.signature.as_bytes()))
    };
    let found = variants.iter().find(signed);
    if found.is_some() && kept.is_none() {
        keys.keep(claims, key);
    }
    match found {
        #[cfg_attr(not(test), expect(unused_variables, reason = "only tests ask which it was"))]
        Some(variant) => Ok(Proof {
            #[cfg(test)]
            covers_body: variant.payload == Payload::Body,
            uncovered: uncovered(claims, signable),
            #[cfg(test)]
            variant: *variant,
        }),
        None => Err(Fault::Mismatch {
            canonical_request: explain(&canonical::request(signable, claims, variants[0])),
        }),
    }
}

fn check_time(claims: &Claims, now_unix_s: i64) -> Result<(), Fault> {
    let age_s = now_unix_s - claims.signed_unix_s;
    let valid_s = claims.expires_s.unwrap_or(SKEW_S_MAX);
    if age_s > valid_s {
        return Err(Fault::Expired { age_s, valid_s });
    }
    if age_s < -SKEW_S_MAX {
        return Err(Fault::FromTheFuture { ahead_s: -age_s });
    }
    Ok(())
}

fn check_body(signable: &Signable<'_>) -> Result<(), Fault> {
    match claims::content_sha256(signable)? {
        Some(said) if !said.trim().eq_ignore_ascii_case(&signable.body_sha256) => {
            Err(Fault::OtherBody)
        }
        Some(_) | None => Ok(()),
    }
}

/// The ways in which an SDK may have built what it signed, the likeliest first; never empty, and
/// eight at most.
fn variants(claims: &Claims, signable: &Signable<'_>) -> Vec<Variant> {
    let token = SECURITY_TOKEN.as_bytes();
    let has_token = || signable.query.iter().any(|parameter| parameter.name == token);
    let covered: &[Covered] = match claims.form {
        Form::Header => &[Covered::All],
        // QUIRK(volcengine): Python signs the session token of a presigned URL without listing it.
        // Capture: pypi-volcengine--ListUserInfo-presigned-sts.
        Form::Presigned { .. } if has_token() && !claims.lists(token) => {
            &[Covered::Listed, Covered::ListedAndToken]
        }
        Form::Presigned { .. } => &[Covered::Listed],
    };
    let payloads: &[Payload] = match claims.form {
        Form::Header => &[Payload::Body],
        // QUIRK(volcengine): a presigned POST is signed as if its body were empty; only PHP signs
        // the body. Capture: *--BatchGetUser-presigned-post.
        Form::Presigned { .. } if !signable.body_is_empty => &[Payload::Nothing, Payload::Body],
        Form::Presigned { .. } => &[Payload::Nothing],
    };
    let mut variants = vec![];
    for &covered in covered {
        for &host in signable.host_forms(claims) {
            variants.extend(payloads.iter().map(|&payload| Variant { covered, host, payload }));
        }
    }
    variants
}

fn uncovered(claims: &Claims, signable: &Signable<'_>) -> Option<String> {
    if claims.form == Form::Header {
        return None;
    }
    let is_covered = |name: &[u8]| {
        claims.lists(name) || OF_THE_SIGNATURE.iter().any(|own| own.as_bytes() == name)
    };
    let parameter = signable.query.iter().find(|parameter| !is_covered(&parameter.name))?;
    Some(String::from_utf8_lossy(&parameter.name).into_owned())
}

fn explain(canonical_request: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(canonical_request).into_owned();
    text.truncate(text.floor_char_boundary(EXPLAINED_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use expect_test::{Expect, expect};
    use http::Request;

    use super::*;
    use crate::volcengine::query::Query;
    use crate::volcengine::signature::signing::{NOW_UNIX_S, SECRET, presign, sign, sign_headers};

    fn judge(request: &Request<Bytes>, now_unix_s: i64) -> Result<Proof, Fault> {
        let query = Query::parse(request.uri().query().unwrap_or_default()).unwrap();
        let signable = Signable::new(request, &query);
        verify(&Claims::parse(&signable)?, &signable, (SECRET, &Keys::default()), now_unix_s)
    }

    fn check(request: &Request<Bytes>, age_s: i64, expected: Expect) {
        let verdict = match judge(request, NOW_UNIX_S + age_s) {
            Ok(Proof { covers_body, uncovered, .. }) => {
                format!("covers_body {covers_body}, uncovered {uncovered:?}")
            }
            Err(fault) => format!("{fault:?}"),
        };
        expected.assert_eq(&verdict);
    }

    fn get(query: &str) -> Request<Bytes> {
        sign(Request::get(format!("/?{query}")).body(Bytes::new()).unwrap())
    }

    #[test]
    fn a_clock_may_be_900_seconds_off_both_ways() {
        check(&get("a=1"), 900, expect!["covers_body true, uncovered None"]);
        check(&get("a=1"), 901, expect!["Expired { age_s: 901, valid_s: 900 }"]);
        check(&get("a=1"), -900, expect!["covers_body true, uncovered None"]);
        check(&get("a=1"), -901, expect!["FromTheFuture { ahead_s: 901 }"]);
    }

    #[test]
    fn a_key_is_kept_once_it_has_proved_a_request_and_for_its_scope_only() {
        let request = get("a=1");
        let query = Query::parse("a=1").unwrap();
        let signable = Signable::new(&request, &query);
        let claims = Claims::parse(&signable).unwrap();
        let keys = Keys::default();
        let judge = |secret| verify(&claims, &signable, (secret, &keys), NOW_UNIX_S);
        assert!(judge("another secret").is_err());
        assert_eq!(keys.find(&claims), None);
        for _ in 0..2 {
            assert!(judge(SECRET).is_ok());
            assert_eq!(keys.find(&claims), Some(canonical::signing_key(&claims.scope, SECRET)));
        }
        let mut others = [claims.clone(), claims.clone(), claims.clone()];
        others[0].scope.day = "19990101".to_owned();
        others[1].scope.region = "elsewhere".to_owned();
        others[2].access_key_id = "another".to_owned();
        assert!(others.iter().all(|other| keys.find(other).is_none()));
    }

    #[test]
    fn x_expires_moves_only_the_end() {
        check(&get("X-Expires=604800"), 604_800, expect!["covers_body true, uncovered None"]);
        check(
            &get("X-Expires=604800"),
            604_801,
            expect!["Expired { age_s: 604801, valid_s: 604800 }"],
        );
        check(&get("X-Expires=604800"), -901, expect!["FromTheFuture { ahead_s: 901 }"]);
        check(&get("X-Expires=60"), 60, expect!["covers_body true, uncovered None"]);
        check(&get("X-Expires=60"), 61, expect!["Expired { age_s: 61, valid_s: 60 }"]);
        check(
            &presign("GET", "a=1&X-Expires=1000", "", ""),
            1_000,
            expect!["covers_body false, uncovered None"],
        );
        check(
            &presign("GET", "a=1", "&X-Expires=1000", ""),
            901,
            expect!["Expired { age_s: 901, valid_s: 900 }"],
        );
    }

    #[test]
    fn a_presigned_url_covers_what_it_lists_and_no_body() {
        check(&presign("GET", "a=1", "", ""), 0, expect!["covers_body false, uncovered None"]);
        check(&presign("POST", "a=1", "", "{}"), 0, expect!["covers_body false, uncovered None"]);
        check(
            &presign("GET", "a=1", "&b=2", ""),
            0,
            expect![[r#"covers_body false, uncovered Some("b")"#]],
        );
        check(
            &presign("GET", "a=1", "&X-B=2", ""),
            0,
            expect![[r#"covers_body false, uncovered Some("X-B")"#]],
        );
        check(
            &presign("GET", "a=1", "&X-Security-Token=2", ""),
            0,
            expect!["covers_body false, uncovered None"],
        );
        assert!(matches!(
            judge(&presign("GET", "a=1", "&a=2", ""), NOW_UNIX_S),
            Err(Fault::Mismatch { .. })
        ));
    }

    #[test]
    fn a_mismatch_tells_what_should_have_been_signed() {
        let request = Request::post("/?b=2&a=%31")
            .header("Host", "example.com:8080")
            .header("X-Two", " a  b ")
            .header("X-Two", "c")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        let mut request = sign_headers(request, "host;x-date;x-two;x-none");
        check(&request, 0, expect!["covers_body true, uncovered None"]);
        *request.body_mut() = Bytes::new();
        let Err(Fault::Mismatch { canonical_request }) = judge(&request, NOW_UNIX_S) else {
            panic!("the signature is of another body");
        };
        expect![[r#"
            POST
            /
            a=1&b=2
            host:example.com:8080
            x-date:20261121T020243Z
            x-two:a b,c
            x-none:

            host;x-date;x-two;x-none
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"#]]
        .assert_eq(&canonical_request);
    }
}
