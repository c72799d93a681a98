//! The fields of a callback, whatever the form of its body. All of them become text, and numbers
//! keep the digits that they came with: ids here are beyond what a float can hold.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::safe;

/// Those that are read. All others are passed over and take no memory, since it is not known yet
/// who sent them.
const NAMES: &[&str] = &[
    "event",
    "appid",
    "timestamp",
    "nonce",
    "signature",
    "room_id",
    "room_seq",
    "room_session_id",
    "user_account",
    "user_id",
    "session_id",
    "login_time",
    "logout_time",
    "room_close_time",
    "create_time",
    "create_time_ms",
    "term_type",
    "action",
    "offline_time",
    "os",
];

/// What a callback tells, by name.
#[derive(Default)]
pub(super) struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    /// Takes a body apart; `None` if it is none of the three forms.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?.trim_start();
        // QUIRK(zegocloud): no content type is documented. "The callback data format is JSON, and
        // you need to UrlDecode it", while its own samples read form parameters.
        match text.as_bytes().first()? {
            b'{' => serde_json::from_str(text).ok(),
            b'%' => serde_json::from_str(&decode(text)?).ok(),
            _ => Some(Self::from_form(text)),
        }
    }

    fn from_form(text: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs(text) {
            fields.keep(&name, || Some(value.into_owned()));
        }
        fields
    }

    fn keep(&mut self, name: &str, value: impl FnOnce() -> Option<String>) {
        let known = NAMES.iter().find(|known| **known == name);
        if let Some((known, value)) = known.and_then(|known| Some((known, value()?))) {
            self.0.insert(known, value);
        }
    }

    /// The text of a field that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        debug_assert!(NAMES.contains(&name), "{name} is not kept");
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The field's number, if it is one.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }
}

/// The whole callback as JSON, whatever form its body has; `None` if that is none of the three.
pub(super) fn to_json(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = std::str::from_utf8(body).ok()?.trim_start();
    match text.as_bytes().first()? {
        b'{' => Some(text.as_bytes().into()),
        b'%' => Some(decode(text)?.into_owned().into_bytes().into()),
        _ => {
            let members: Vec<String> = pairs(text)
                .map(|(name, value)| format!("{}:{}", safe::text(&name), safe::text(&value)))
                .collect();
            Some(format!("{{{}}}", members.join(",")).into_bytes().into())
        }
    }
}

/// The fields of a form, in order; what cannot be decoded is passed over.
fn pairs(form: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(name, value)| Some((decode(name)?, decode(value)?)))
}

/// What a form's writer had before it was encoded.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Some(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned().into());
    }
    percent_decode_str(text).decode_utf8().ok()
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = object.next_key::<Cow<'de, str>>()? {
            let value: &'de RawValue = object.next_value()?;
            fields.keep(&name, || text_of(value));
        }
        Ok(fields)
    }
}

/// A text's characters or an integer's digits; nothing else is a field.
fn text_of(value: &RawValue) -> Option<String> {
    let raw = value.get();
    if raw.starts_with('"') {
        return serde_json::from_str(raw).ok();
    }
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| raw.to_owned())
}
