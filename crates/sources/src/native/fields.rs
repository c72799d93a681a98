//! What a field of an event may be. Each reading names the field in its reason, and none of them
//! goes deeper than it needs to, so that nesting costs nothing.

use std::collections::BTreeMap;
use std::fmt;

use domain::ids::IdFault;
use domain::log::ClientFacts;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A field as it stands in the body, if it is there and not null.
pub(super) type Field<'a> = Option<&'a RawValue>;

pub(super) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// The known fields of an object; others are passed over. A known field that stands twice is
/// refused, since nobody can tell which of the two is meant.
pub(super) fn object<'a, T: Deserialize<'a>>(at: &str, value: &'a RawValue) -> Result<T, String> {
    // Without this an array would do: its values would be taken for the fields in order.
    if !is_object(value) {
        return Err(format!("{at} is not an object"));
    }
    serde_json::from_str(value.get()).map_err(|fault| format!("{at} cannot be read: {fault}"))
}

/// A field that must be there.
pub(super) fn required<'a>(at: &str, field: Field<'a>) -> Result<&'a RawValue, String> {
    field.ok_or_else(|| format!("`{at}` is missing"))
}

/// A field that is text.
pub(super) fn text(at: &str, field: Field<'_>) -> Result<String, String> {
    let value = required(at, field)?.get();
    if !value.starts_with('"') {
        return Err(format!("`{at}` is not text"));
    }
    // Half of a surrogate pair is JSON, but no text.
    serde_json::from_str(value).map_err(|_| format!("`{at}` is not Unicode text"))
}

/// A field that is text which can be a name of that kind.
pub(super) fn name<T>(
    at: &str,
    field: Field<'_>,
    parse: fn(&str) -> Result<T, IdFault>,
) -> Result<T, String> {
    parse(&text(at, field)?).map_err(|fault| format!("`{at}` cannot be used: {fault}"))
}

/// A field that names something of the media server's: text, or the integer that is its only name
/// where names are numbers.
pub(super) fn id<T>(
    at: &str,
    field: Field<'_>,
    parse: fn(&str) -> Result<T, IdFault>,
) -> Result<T, String> {
    let value = required(at, field)?.get();
    let id = if value.starts_with('"') {
        text(at, field)?
    } else if let Ok(integer) = value.parse::<i128>() {
        integer.to_string()
    } else {
        return Err(format!("`{at}` is neither text nor an integer"));
    };
    parse(&id).map_err(|fault| format!("`{at}` cannot be used: {fault}"))
}

/// The same where a sender may have none: empty text says so too.
pub(super) fn optional_id<T>(
    at: &str,
    field: Field<'_>,
    parse: fn(&str) -> Result<T, IdFault>,
) -> Result<Option<T>, String> {
    match field {
        None => Ok(None),
        Some(value) if value.get() == "\"\"" => Ok(None),
        Some(_) => id(at, field, parse).map(Some),
    }
}

/// What is told of a client. Attributes of other types than text, and empty ones, tell nothing: of
/// those that OpenTelemetry knows, some are numbers and lists, and none of these is ours.
pub(super) fn client(at: &str, field: Field<'_>) -> Result<ClientFacts, String> {
    let Some(value) = field else { return Ok(ClientFacts::default()) };
    let attributes: BTreeMap<String, &RawValue> = object(&format!("`{at}`"), value)?;
    let texts: Vec<(String, String)> = attributes
        .into_iter()
        .filter_map(|(key, value)| Some((key, serde_json::from_str(value.get()).ok()?)))
        .filter(|(_, text): &(String, String)| !text.is_empty())
        .collect();
    let pairs = texts.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    Ok(ClientFacts::from_attributes(pairs))
}

/// When something happened, as RFC 3339 writes it; what is finer than a microsecond is dropped.
pub(super) fn time_unix_us(at: &str, field: Field<'_>) -> Result<i64, String> {
    let text = text(at, field)?;
    // The parser also reads other forms of ISO 8601, and no more than nine digits of a fraction;
    // what is refused today may be taken tomorrow, but not the other way round.
    let time = rfc_3339(&text).and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.map(jiff::Timestamp::as_microsecond).ok_or_else(|| {
        format!("`{at}` is not a time like 2026-11-20T12:00:00.250Z or 2026-11-20T20:00:00+08:00")
    })
}

/// The same time with no more than six digits of a fraction, if it is written as RFC 3339 has it.
fn rfc_3339(text: &str) -> Option<String> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let fits = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                _ => byte == wanted,
            })
    };
    let digits = match rest.strip_prefix('.') {
        Some(fraction) => fraction.bytes().take_while(u8::is_ascii_digit).count(),
        None => 0,
    };
    let (fraction, offset) = match digits {
        0 => ("", rest),
        _ => rest.split_at(1 + digits),
    };
    let is_offset = matches!(offset, "Z" | "z")
        || ((fits(offset, "+00:00") || fits(offset, "-00:00"))
            && &offset[1..3] < "24"
            && &offset[4..6] < "60");
    let fraction = &fraction[..fraction.len().min(7)];
    (fits(date_time, "0000-00-00T00:00:00") && is_offset)
        .then(|| format!("{date_time}{fraction}{offset}"))
}

/// An array that must not be longer; the values beyond are read over, and nothing is kept of them.
pub(super) struct AtMost<'a, const MAX: usize> {
    /// `None` if there are more.
    pub(super) values: Option<Vec<&'a RawValue>>,
}

impl<'de: 'a, 'a, const MAX: usize> Deserialize<'de> for AtMost<'a, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values<const MAX: usize>;

        impl<'de, const MAX: usize> Visitor<'de> for Values<MAX> {
            type Value = Option<Vec<&'de RawValue>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut values = vec![];
                while values.len() < MAX {
                    match array.next_element()? {
                        Some(value) => values.push(value),
                        None => return Ok(Some(values)),
                    }
                }
                let mut over = false;
                while array.next_element::<IgnoredAny>()?.is_some() {
                    over = true;
                }
                Ok((!over).then_some(values))
            }
        }

        let values = deserializer.deserialize_seq(Values::<MAX>)?;
        Ok(Self { values })
    }
}
