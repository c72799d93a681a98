//! What a request says of its own signature, in either of its two forms. Nothing is believed here.

use std::borrow::Cow;
use std::fmt;

use jiff::civil;
use jiff::tz::Offset;

use super::Fault;
use super::canonical::Signable;
use crate::volcengine::query::{Query, QueryFault};

pub(super) const TERMINATOR: &str = "request";
const ALGORITHM: &str = "HMAC-SHA256";
const SERVICE: &str = "rtc";

/// How many bytes an Authorization header may have.
const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;
/// How many headers, or parameters, may be listed as signed.
const LISTED_MAX: usize = 128;
/// How many bytes each part of a credential may have.
const CREDENTIAL_PART_BYTES_MAX: usize = 128;
/// How long a signature may hold at most: a week.
const EXPIRES_S_MAX: i64 = 604_800;

/// Where the signature stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::volcengine) enum Form {
    /// In the Authorization header, over the whole query and the body.
    Header,
    /// In the query, over the parameters whose names are listed.
    Presigned {
        /// The names, as `X-SignedQueries` has them.
        listed: Vec<String>,
    },
}

/// What the key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::volcengine) struct Scope {
    /// `YYYYMMDD`.
    pub(super) day: String,
    /// Any: it is part of the key, and echoed.
    pub(in crate::volcengine) region: String,
    /// `rtc`.
    pub(super) service: &'static str,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.day, self.region, self.service)
    }
}

/// Who signed, when, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::volcengine) struct Claims {
    pub(in crate::volcengine) access_key_id: String,
    pub(in crate::volcengine) scope: Scope,
    pub(in crate::volcengine) form: Form,
    /// When it was signed, as sent: `YYYYMMDDTHHMMSSZ`.
    pub(super) date: String,
    pub(super) signed_unix_s: i64,
    /// How long the client wants the signature to hold. It is covered by the signature.
    pub(super) expires_s: Option<i64>,
    /// Lower-case, in the client's order.
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
}

impl Claims {
    /// Reads what the request says; the Authorization header goes first.
    pub(in crate::volcengine) fn parse(signable: &Signable<'_>) -> Result<Self, Fault> {
        if signable.headers.contains_key(http::header::AUTHORIZATION) {
            return Self::parse_header(signable);
        }
        let query = signable.query;
        let begins = |name| parameter(query, name).map(|value| value.is_some());
        match (begins("X-Signature")?, begins("X-Credential")?, begins("X-Algorithm")?) {
            (true, _, _) => Self::parse_presigned(query),
            (false, false, false) => Err(Fault::Unsigned),
            (false, _, _) => Err(Fault::MissingSignature),
        }
    }

    fn parse_header(signable: &Signable<'_>) -> Result<Self, Fault> {
        let authorization = single_header(signable, "authorization")?.ok_or(Fault::Unsigned)?;
        let parts = Authorization::parse(&authorization)?;
        let date = single_header(signable, "x-date")?.ok_or(Fault::MissingDate)?;
        let signed_headers = names(parts.signed_headers)?;
        if !signed_headers.iter().any(|name| name == "x-date") {
            return Err(Fault::Malformed("SignedHeaders must name x-date."));
        }
        Self::new(Said {
            credential: parts.credential,
            date: date.trim(),
            // Every parameter is signed in this form, so this one is too.
            expires: parameter(signable.query, "X-Expires")?,
            signed_headers,
            signature: parts.signature,
            form: Form::Header,
        })
    }

    fn parse_presigned(query: &Query) -> Result<Self, Fault> {
        if parameter(query, "X-Algorithm")? != Some(ALGORITHM) {
            return Err(Fault::Malformed("X-Algorithm must be HMAC-SHA256."));
        }
        let listed = parameter(query, "X-SignedQueries")?.unwrap_or_default();
        let listed: Vec<String> = split_names(listed)?.map(str::to_owned).collect();
        let expires_is_signed = listed.iter().any(|name| name == "X-Expires");
        let missing = "The query of a presigned request must have X-Credential.";
        Self::new(Said {
            credential: parameter(query, "X-Credential")?
                .ok_or(Fault::InvalidCredential(missing))?,
            date: parameter(query, "X-Date")?.ok_or(Fault::MissingDate)?,
            expires: if expires_is_signed { parameter(query, "X-Expires")? } else { None },
            signed_headers: names(parameter(query, "X-SignedHeaders")?.unwrap_or_default())?,
            signature: parameter(query, "X-Signature")?.ok_or(Fault::MissingSignature)?,
            form: Form::Presigned { listed },
        })
    }

    fn new(said: Said<'_>) -> Result<Self, Fault> {
        let (access_key_id, scope) = parse_credential(said.credential)?;
        let signed_unix_s = parse_date(said.date)
            .ok_or(Fault::InvalidDate("X-Date must look like 20060102T150405Z, in UTC."))?;
        if !said.date.starts_with(&scope.day) {
            let other_day = "The day in the credential must be the day of X-Date.";
            return Err(Fault::InvalidCredential(other_day));
        }
        Ok(Self {
            access_key_id,
            scope,
            form: said.form,
            date: said.date.to_owned(),
            signed_unix_s,
            expires_s: said.expires.map(parse_expires).transpose()?,
            signed_headers: said.signed_headers,
            signature: said.signature.to_owned(),
        })
    }

    /// Whether a presigned URL lists the parameter of this name as signed.
    pub(super) fn lists(&self, name: &[u8]) -> bool {
        match &self.form {
            Form::Header => false,
            Form::Presigned { listed } => listed.iter().any(|one| one.as_bytes() == name),
        }
    }
}

/// The texts of both forms, not yet looked into.
struct Said<'a> {
    credential: &'a str,
    date: &'a str,
    expires: Option<&'a str>,
    signed_headers: Vec<String>,
    signature: &'a str,
    form: Form,
}

/// `HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
struct Authorization<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Self, Fault> {
        const FORM: &str = "It must look like \
             HMAC-SHA256 Credential=.../.../.../rtc/request, SignedHeaders=...;..., Signature=....";
        if header.len() > AUTHORIZATION_BYTES_MAX {
            return Err(Fault::Malformed("It has more than 8,192 bytes."));
        }
        let (algorithm, rest) = header.trim().split_once(' ').ok_or(Fault::Malformed(FORM))?;
        if algorithm != ALGORITHM {
            return Err(Fault::Malformed("The algorithm must be HMAC-SHA256."));
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or(Fault::Malformed(FORM))?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(Fault::Malformed(FORM)),
            };
            if place.replace(value).is_some() {
                return Err(Fault::Malformed("It names one of its parts twice."));
            }
        }
        Ok(Self {
            credential: credential.ok_or(Fault::InvalidCredential("It has no Credential."))?,
            signed_headers: signed_headers.ok_or(Fault::Malformed(FORM))?,
            signature: signature.ok_or(Fault::MissingSignature)?,
        })
    }
}

fn parse_credential(text: &str) -> Result<(String, Scope), Fault> {
    const FORM: &str = "A credential must look like \
         AccessKeyId/YYYYMMDD/region/rtc/request.";
    let parts: Vec<&str> = text.split('/').take(6).collect();
    let [access_key_id, day, region, service, terminator] = parts[..] else {
        return Err(Fault::InvalidCredential(FORM));
    };
    let is_word = |part: &str| {
        (1..=CREDENTIAL_PART_BYTES_MAX).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    let all_words = [access_key_id, region, service].into_iter().all(is_word);
    if !all_words || !is_day || terminator != TERMINATOR {
        return Err(Fault::InvalidCredential(FORM));
    }
    if service != SERVICE {
        return Err(Fault::OtherService(service.to_owned()));
    }
    let scope = Scope { day: day.to_owned(), region: region.to_owned(), service: SERVICE };
    Ok((access_key_id.to_owned(), scope))
}

/// QUIRK(volcengine): the IM pages print `2006-01-02T15:04:05Z`; no SDK sends that. Captures: all.
fn parse_date(text: &str) -> Option<i64> {
    if text.len() != 16 || !text.is_ascii() || &text[8..9] != "T" || &text[15..] != "Z" {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = &text[from..to];
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i16>().ok())?
    };
    let small = |from: usize| number(from, from + 2).and_then(|number| i8::try_from(number).ok());
    let date = civil::Date::new(number(0, 4)?, small(4)?, small(6)?).ok()?;
    let time = civil::Time::new(small(9)?, small(11)?, small(13)?, 0).ok()?;
    Some(Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?.as_second())
}

fn parse_expires(text: &str) -> Result<i64, Fault> {
    let expires_s = text.parse().ok().filter(|expires_s| (1..=EXPIRES_S_MAX).contains(expires_s));
    expires_s.ok_or(Fault::InvalidDate("X-Expires must be a number from 1 to 604800."))
}

fn names(text: &str) -> Result<Vec<String>, Fault> {
    Ok(split_names(text)?.map(str::to_ascii_lowercase).collect())
}

fn split_names(text: &str) -> Result<impl Iterator<Item = &str>, Fault> {
    let names = || text.split(';').filter(|name| !name.is_empty());
    if names().nth(LISTED_MAX).is_some() {
        return Err(Fault::Malformed("More than 128 names are listed as signed."));
    }
    Ok(names())
}

fn parameter<'a>(query: &'a Query, name: &'static str) -> Result<Option<&'a str>, Fault> {
    query.find(name).map_err(|fault| match fault {
        QueryFault::Repeated(_) => {
            Fault::Malformed("One of the query's X- parameters is given more than once.")
        }
        QueryFault::NotText(_) | QueryFault::TooLong | QueryFault::TooMany => {
            Fault::Malformed("One of the query's X- parameters is not UTF-8.")
        }
    })
}

fn single_header<'a>(
    signable: &Signable<'a>,
    name: &'static str,
) -> Result<Option<Cow<'a, str>>, Fault> {
    let mut values = signable.headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        let twice = "Authorization, X-Date and X-Content-Sha256 may be given once only.";
        return Err(Fault::Malformed(twice));
    }
    Ok(Some(String::from_utf8_lossy(value.as_bytes())))
}

/// The hash that the client says the body has.
pub(super) fn content_sha256<'a>(signable: &Signable<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    single_header(signable, "x-content-sha256")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use expect_test::{Expect, expect};
    use http::Request;

    use super::*;

    const CREDENTIAL: &str = "Credential=AKLTtest/20261121/cn-north-1/rtc/request";

    fn check(headers: &[(&str, &str)], query: &str, expected: Expect) {
        let mut request = Request::get(format!("/?{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::new()).unwrap();
        let query = Query::parse(query).unwrap();
        let said = match Claims::parse(&Signable::new(&request, &query)) {
            Ok(claims) => format!("{} in {}", claims.access_key_id, claims.scope),
            Err(fault) => format!("{fault:?}"),
        };
        expected.assert_eq(&said);
    }

    fn check_authorization(authorization: &str, expected: Expect) {
        let date = ("X-Date", "20261121T020243Z");
        check(&[("Authorization", authorization), date], "", expected);
    }

    #[test]
    fn a_request_that_is_not_signed_is_told_so() {
        check(&[], "", expect!["Unsigned"]);
        check(&[("X-Date", "20261121T020243Z")], "Action=X", expect!["Unsigned"]);
        check(&[], "X-Credential=a", expect!["MissingSignature"]);
        check(&[], "X-Signature=a", expect![[r#"Malformed("X-Algorithm must be HMAC-SHA256.")"#]]);
        check(
            &[],
            "X-Algorithm=HMAC-SHA256&X-Signature=a",
            expect![[
                r#"InvalidCredential("The query of a presigned request must have X-Credential.")"#
            ]],
        );
        check(
            &[],
            "X-Signature=a&X-Signature=a",
            expect![[r#"Malformed("One of the query's X- parameters is given more than once.")"#]],
        );
    }

    #[test]
    fn an_authorization_header_has_one_form() {
        let rest = "SignedHeaders=x-date, Signature=0";
        let good = format!("HMAC-SHA256 {CREDENTIAL}, {rest}");
        check_authorization(&good, expect!["AKLTtest in 20261121/cn-north-1/rtc/request"]);
        check_authorization(
            &good.replace(", ", ","),
            expect!["AKLTtest in 20261121/cn-north-1/rtc/request"],
        );
        check_authorization(
            "",
            expect![[
                r#"Malformed("It must look like HMAC-SHA256 Credential=.../.../.../rtc/request, SignedHeaders=...;..., Signature=....")"#
            ]],
        );
        check_authorization(
            "Bearer 1",
            expect![[r#"Malformed("The algorithm must be HMAC-SHA256.")"#]],
        );
        check_authorization(
            &good.replace("HMAC", "AWS4-HMAC"),
            expect![[r#"Malformed("The algorithm must be HMAC-SHA256.")"#]],
        );
        check_authorization(
            &format!("HMAC-SHA256 {rest}"),
            expect![[r#"InvalidCredential("It has no Credential.")"#]],
        );
        check_authorization(
            &format!("{good}, Signature=0"),
            expect![[r#"Malformed("It names one of its parts twice.")"#]],
        );
        check_authorization(&good.replace(", Signature=0", ""), expect!["MissingSignature"]);
        check_authorization(
            &good.replace("x-date", "host"),
            expect![[r#"Malformed("SignedHeaders must name x-date.")"#]],
        );
        check_authorization(
            &good.replace("x-date", &"x-date;".repeat(128)),
            expect!["AKLTtest in 20261121/cn-north-1/rtc/request"],
        );
        check_authorization(
            &good.replace("x-date", &"x-date;".repeat(129)),
            expect![[r#"Malformed("More than 128 names are listed as signed.")"#]],
        );
        check_authorization(
            &format!("{good}{}", " ".repeat(8_192)),
            expect![[r#"Malformed("It has more than 8,192 bytes.")"#]],
        );
    }

    #[test]
    fn a_credential_has_five_parts() {
        let with = |credential: &str| {
            format!("HMAC-SHA256 Credential={credential}, SignedHeaders=x-date, Signature=0")
        };
        check_authorization(
            &with("a/20261121/any-region/rtc/request"),
            expect!["a in 20261121/any-region/rtc/request"],
        );
        check_authorization(&with("a/20261121/r/iam/request"), expect![[r#"OtherService("iam")"#]]);
        check_authorization(
            &with("a/20261121/r/rtc/aws4_request"),
            expect![[
                r#"InvalidCredential("A credential must look like AccessKeyId/YYYYMMDD/region/rtc/request.")"#
            ]],
        );
        check_authorization(
            &with("/20261121/r/rtc/request"),
            expect![[
                r#"InvalidCredential("A credential must look like AccessKeyId/YYYYMMDD/region/rtc/request.")"#
            ]],
        );
        check_authorization(
            &with("a/2026112/r/rtc/request"),
            expect![[
                r#"InvalidCredential("A credential must look like AccessKeyId/YYYYMMDD/region/rtc/request.")"#
            ]],
        );
        check_authorization(
            &with("a/20261122/r/rtc/request"),
            expect![[
                r#"InvalidCredential("The day in the credential must be the day of X-Date.")"#
            ]],
        );
        check_authorization(
            &with("a/20261121/r/rtc/request/x"),
            expect![[
                r#"InvalidCredential("A credential must look like AccessKeyId/YYYYMMDD/region/rtc/request.")"#
            ]],
        );
        check_authorization(
            &with(""),
            expect![[
                r#"InvalidCredential("A credential must look like AccessKeyId/YYYYMMDD/region/rtc/request.")"#
            ]],
        );
        let long = format!("{}/20261121/r/rtc/request", "a".repeat(129));
        check_authorization(
            &with(&long),
            expect![[
                r#"InvalidCredential("A credential must look like AccessKeyId/YYYYMMDD/region/rtc/request.")"#
            ]],
        );
    }

    #[test]
    fn a_request_says_once_when_it_was_signed() {
        let good = format!("HMAC-SHA256 {CREDENTIAL}, SignedHeaders=x-date, Signature=0");
        let authorization = ("Authorization", good.as_str());
        let date = ("X-Date", "20261121T020243Z");
        check(&[authorization], "", expect!["MissingDate"]);
        check(
            &[authorization, date, date],
            "",
            expect![[
                r#"Malformed("Authorization, X-Date and X-Content-Sha256 may be given once only.")"#
            ]],
        );
        check(
            &[authorization, authorization, date],
            "",
            expect![[
                r#"Malformed("Authorization, X-Date and X-Content-Sha256 may be given once only.")"#
            ]],
        );
        check(
            &[authorization, date],
            "X-Expires=604800",
            expect!["AKLTtest in 20261121/cn-north-1/rtc/request"],
        );
        check(
            &[authorization, date],
            "X-Expires=604801",
            expect![[r#"InvalidDate("X-Expires must be a number from 1 to 604800.")"#]],
        );
        check(
            &[authorization, date],
            "X-Expires=0",
            expect![[r#"InvalidDate("X-Expires must be a number from 1 to 604800.")"#]],
        );
        check(
            &[authorization, date],
            "X-Expires=soon",
            expect![[r#"InvalidDate("X-Expires must be a number from 1 to 604800.")"#]],
        );
        check(
            &[authorization, date],
            "X-Expires=1&X-Expires=1",
            expect![[r#"Malformed("One of the query's X- parameters is given more than once.")"#]],
        );
        for wrong in [
            "2026-11-21T02:02:43Z",
            "20261121T020260Z",
            "20261121T240000Z",
            "20260229T000000Z",
            "20261121 020243Z",
            "20261121T020243+",
            "+0261121T020243Z",
            "２０２６１１２１T02Z",
        ] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
        assert_eq!(parse_date("20261121T020243Z"), Some(1_795_226_563));
    }
}
