//! JSON read leniently: a field that is not as expected is as if it were absent.

use domain::ids::IdFault;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::value::RawValue;

/// Reads an object, and nothing else: a derived reader would take an array for one, its values for
/// the fields in order. The parser's own words are not told, since they could quote the text.
pub(crate) fn object<'de, T: Deserialize<'de>>(json: &'de str) -> Option<T> {
    json.starts_with('{').then(|| serde_json::from_str(json).ok()).flatten()
}

/// The same of a whole body, which may begin with blanks, and is Unicode throughout.
pub(crate) fn body<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Option<T> {
    let json = std::str::from_utf8(body).ok()?;
    object(json.trim_start_matches([' ', '\t', '\r', '\n']))
}

/// A time in units of so many microseconds. None is at or before 1970: what a sender writes there
/// says that it does not know.
pub(crate) fn unix_us(time: i64, unit_us: i64) -> Option<i64> {
    time.checked_mul(unit_us).filter(|unix_us| *unix_us > 0)
}

/// A name that has to be there.
pub(crate) fn name<T>(
    at: &str,
    text: Option<&str>,
    parse: fn(&str) -> Result<T, IdFault>,
) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("`{at}` is missing"))?;
    parse(text).map_err(|fault| format!("`{at}` cannot be used: {fault}"))
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
    Ok(object(<&RawValue>::deserialize(deserializer)?.get()))
}

/// An integer, bare or as text.
pub(crate) struct Integer(pub(super) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Name(digits) = Deserialize::deserialize(deserializer)?;
        digits.parse().map(Self).map_err(D::Error::custom)
    }
}

impl Integer {
    /// The time that it is, as [`unix_us`] reads it.
    pub(crate) fn unix_us(&self, unit_us: i64) -> Option<i64> {
        unix_us(self.0, unit_us)
    }
}

/// Text, or an integer as the text of its digits, however many.
pub(crate) struct Name(pub(super) String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

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
