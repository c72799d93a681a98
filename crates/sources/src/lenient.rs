//! JSON read leniently: a field that is not as expected is as if it were absent.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::value::RawValue;

/// Reads an object, and nothing else: a derived reader would take an array for one.
pub(crate) fn object<'de, T: Deserialize<'de>>(json: &'de RawValue) -> Option<T> {
    let object = Some(json.get()).filter(|json| json.starts_with('{'))?;
    serde_json::from_str(object).ok()
}

/// The value, if it is one of these.
pub(crate) fn if_readable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let json = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(json.get()).ok())
}

/// The value, if it is an object of this kind.
pub(crate) fn if_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(object(<&RawValue>::deserialize(deserializer)?))
}

/// An integer, bare or as text.
pub(crate) struct Integer(pub(super) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Name(digits) = Deserialize::deserialize(deserializer)?;
        digits.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Text, or an integer as the text of its digits, however many.
pub(crate) struct Name(pub(super) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json: Box<RawValue> = Deserialize::deserialize(deserializer)?;
        let digits = json.get().strip_prefix('-').unwrap_or(json.get());
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(json.get().to_owned()));
        }
        serde_json::from_str(json.get()).map(Self).map_err(D::Error::custom)
    }
}
