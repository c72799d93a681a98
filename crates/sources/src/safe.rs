//! The form in which a body may be kept: JSON without what opens something to whoever reads it.
//!
//! What is secret is told by its name, wherever it stands, also in JSON that is held by a text:
//! passwords, tokens, keys, signatures, and addresses, since those of streams hold keys. This
//! removes too much rather than too little; no name that a source reads is among them. Everything
//! else stays as it is, byte for byte.

use std::borrow::Cow;
use std::fmt;

use domain::log::dead::BODY_BYTES_MAX;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep what is kept may be nested, texts that hold JSON included.
const DEPTH_MAX: usize = 32;

/// In a name without regard to case and punctuation.
const CONTAINED: &[&str] =
    &["credential", "nonce", "passwd", "password", "secret", "signature", "token"];
const ENDINGS: &[&str] = &["key", "keys", "pwd"];
const WHOLE: &[&str] = &["authorization", "cookie", "jsep", "noce", "pin", "sdp", "sign"];

/// Names of addresses, if what they name has a slash: that of a library with such a name has none.
const ENDINGS_OF_ADDRESSES: &[&str] = &["url", "urls"];

/// In a text: how a session description names its password.
const IN_TEXTS: &str = "ice-pwd";

/// The JSON of a body without its secrets, and without members of these names (as [`plain`] writes
/// them). `None` for what cannot be kept: no JSON, too long, or nested too deep to be searched.
pub(crate) fn json(body: &[u8], also_without: &[&str]) -> Option<Vec<u8>> {
    if body.len() > BODY_BYTES_MAX {
        return None;
    }
    let json: &RawValue = serde_json::from_slice(body).ok()?;
    let kept = Search { also_without }.clean(json, 0)?;
    Some(kept.into_owned().into_bytes())
}

/// Case and punctuation do not make another name.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

struct Search<'a> {
    also_without: &'a [&'a str],
}

impl Search<'_> {
    fn is_secret(&self, name: &str, value: &RawValue) -> bool {
        // Whether there is a password is no secret.
        if matches!(value.get(), "true" | "false" | "null") {
            return false;
        }
        let name = plain(name);
        let has_end = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        CONTAINED.iter().any(|part| name.contains(part))
            || has_end(ENDINGS)
            || has_end(ENDINGS_OF_ADDRESSES) && value.get().contains('/')
            || WHOLE.contains(&name.as_str())
            || self.also_without.contains(&name.as_str())
    }

    /// The value without what is secret in it; borrowed if nothing is.
    fn clean<'a>(&self, value: &'a RawValue, depth: usize) -> Option<Cow<'a, str>> {
        if depth > DEPTH_MAX {
            return None;
        }
        let raw = value.get();
        match raw.as_bytes().first()? {
            b'{' => self.clean_object(raw, depth),
            b'[' => self.clean_array(raw, depth),
            b'"' => self.clean_text(raw, depth),
            _ => Some(raw.into()),
        }
    }

    fn clean_object<'a>(&self, raw: &'a str, depth: usize) -> Option<Cow<'a, str>> {
        let members: Members<'a> = serde_json::from_str(raw).ok()?;
        let mut kept = Vec::with_capacity(members.0.len());
        let mut changed = false;
        for (name, value) in members.0 {
            if self.is_secret(&name, value) {
                changed = true;
                continue;
            }
            let value = self.clean(value, depth + 1)?;
            changed |= matches!(value, Cow::Owned(_));
            kept.push(format!("{}:{value}", text(&name)));
        }
        Some(if changed { format!("{{{}}}", kept.join(",")).into() } else { raw.into() })
    }

    fn clean_array<'a>(&self, raw: &'a str, depth: usize) -> Option<Cow<'a, str>> {
        let values: Vec<&'a RawValue> = serde_json::from_str(raw).ok()?;
        let values = values.into_iter().map(|value| self.clean(value, depth + 1));
        let values: Vec<Cow<'a, str>> = values.collect::<Option<_>>()?;
        let changed = values.iter().any(|value| matches!(value, Cow::Owned(_)));
        Some(if changed { format!("[{}]", values.join(",")).into() } else { raw.into() })
    }

    fn clean_text<'a>(&self, raw: &'a str, depth: usize) -> Option<Cow<'a, str>> {
        const NOTHING: &str = "null";
        // What is JSON and yet no text cannot be searched.
        let Ok(held) = serde_json::from_str::<Cow<'_, str>>(raw) else {
            return Some(NOTHING.to_owned().into());
        };
        if held.contains(IN_TEXTS) {
            return Some(NOTHING.to_owned().into());
        }
        if !held.trim_start().starts_with(['{', '[']) {
            return Some(raw.into());
        }
        let Ok(inner) = serde_json::from_str::<&RawValue>(&held) else { return Some(raw.into()) };
        Some(match self.clean(inner, depth + 1)? {
            Cow::Owned(inner) => text(&inner).into(),
            Cow::Borrowed(_) => raw.into(),
        })
    }
}

/// A text, as JSON writes it.
pub(crate) fn text(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

/// The members of an object, in order, also those that stand twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut members = vec![];
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        Ok(Self(deserializer.deserialize_map(Object)?))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(body: &str, expected: Expect) {
        let kept = json(body.as_bytes(), &["egressinfo"]);
        let kept = kept.map(|kept| String::from_utf8(kept).expect("JSON is text"));
        expected.assert_eq(kept.as_deref().unwrap_or("nothing"));
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        for body in [
            r#"{ "a" : [1.50, 12345678901234567890123, "\u0041"], "a": {"b":null} }"#,
            r#"{"signal":1,"pins":2,"api_secret":false,"keyboard":"k","libcurl":"7.88","turn":"turn:x"}"#,
            r#"[{"text":"{\"id\": 1}"},"[","{not json"]"#,
            "17",
        ] {
            assert_eq!(json(body.as_bytes(), &[]).as_deref(), Some(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn what_has_the_name_of_a_secret_goes_wherever_it_stands() {
        check(
            r#"{"room":{"name":"r","turnPassword":"x"},"PIN":1,"ok": 1.0,"a":[{"stream_key":"x"}]}"#,
            expect![[r#"{"room":{"name":"r"},"ok":1.0,"a":[{}]}"#]],
        );
        check(
            r#"{"turn\u0050assword":"x","Signature":"x","Noce":"x","rtmp_url":["rtmp:\/\/x"]}"#,
            expect!["{}"],
        );
        check(r#"{"egress_info":{"room_id":"x"},"id":"EV"}"#, expect![[r#"{"id":"EV"}"#]]);
        check(
            r#"{"EventData":"{\"RoomId\":\"r\",\"Token\":\"x\"}"}"#,
            expect![[r#"{"EventData":"{\"RoomId\":\"r\"}"}"#]],
        );
        check(
            r#"{"about":"v=0\r\na=ice-pwd:x","all":["a=ice-pwd:x"]}"#,
            expect![[r#"{"about":null,"all":[null]}"#]],
        );
    }

    #[test]
    fn what_cannot_be_searched_is_not_kept() {
        check("{", expect!["nothing"]);
        check(r#"{"a":"\ud800"}"#, expect![[r#"{"a":null}"#]]);
        check(r#"{"\ud800":1}"#, expect!["nothing"]);
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(json(nested(DEPTH_MAX + 1).as_bytes(), &[]), Some(nested(DEPTH_MAX + 1).into()));
        check(&nested(DEPTH_MAX + 2), expect!["nothing"]);
        assert_eq!(json(text(&"a".repeat(BODY_BYTES_MAX)).as_bytes(), &[]), None);
    }
}
