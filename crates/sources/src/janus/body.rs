//! A delivery holds one event, or an array of them, and may be compressed.

use std::borrow::Cow;
use std::fmt;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header};
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How many bytes a compressed body may have once it is whole: as many as one that is not.
pub(super) const INFLATED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How many events a delivery may hold. Janus groups no more than 100.
pub(super) const EVENTS_MAX: usize = 1_000;

/// The body as it was before it was compressed, or why it cannot be had.
pub(super) fn inflate<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
    let encoding = headers.get(header::CONTENT_ENCODING);
    let encoding = encoding.map_or(&b""[..], |encoding| encoding.as_bytes().trim_ascii());
    if encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity") {
        return Ok(Cow::Borrowed(body));
    }
    if !encoding.eq_ignore_ascii_case(b"gzip") && !encoding.eq_ignore_ascii_case(b"x-gzip") {
        return Err("the body's `Content-Encoding` is not gzip".to_owned());
    }
    let mut whole = vec![];
    // One byte more than is taken, to tell what is too long from what just fits.
    let mut inflating = MultiGzDecoder::new(body).take(INFLATED_BYTES_MAX as u64 + 1);
    inflating.read_to_end(&mut whole).map_err(|_| "the body is not gzip, but says so")?;
    if whole.len() > INFLATED_BYTES_MAX {
        return Err(format!("the body inflates to more than {INFLATED_BYTES_MAX} bytes"));
    }
    Ok(Cow::Owned(whole))
}

/// The events of a body, each as it stands.
pub(super) fn split(body: &[u8]) -> Result<Vec<&RawValue>, String> {
    // This sees that the whole body is JSON, however deep, without building anything of it. The
    // parser's own words could quote it.
    let body: &RawValue =
        serde_json::from_slice(body).map_err(|_| "the body is not JSON".to_owned())?;
    if !body.get().starts_with('[') {
        return Ok(vec![body]);
    }
    let group: Group<'_> = serde_json::from_str(body.get())
        .map_err(|_| format!("the body holds more than {EVENTS_MAX} events"))?;
    Ok(group.0)
}

/// An array of no more than [`EVENTS_MAX`] values.
struct Group<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Group<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;

        impl<'de> Visitor<'de> for Values {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut values = vec![];
                while let Some(value) = array.next_element()? {
                    if values.len() == EVENTS_MAX {
                        return Err(A::Error::custom("too many"));
                    }
                    values.push(value);
                }
                Ok(values)
            }
        }

        Ok(Self(deserializer.deserialize_seq(Values)?))
    }
}
