//! Bodies: JSON objects, read strictly. A value of another type than the documented one refuses the
//! whole request, since nobody can know what it was meant to be.

use std::fmt;
use std::marker::PhantomData;

use domain::AppId;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::envelope::cut;
use super::fault::{Code, Fault};

/// How many bytes of a parser's complaint are told: it quotes what it complains about.
const COMPLAINT_BYTES_MAX: usize = 200;

/// A JSON object, and nothing that merely looks like its fields in a row.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfFields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfFields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(OfFields(PhantomData))
    }
}

/// The app that a body names, whatever else is in it. A body that has one is UTF-8 and JSON.
pub(super) fn parse_app_id(body: &[u8], headers: &HeaderMap) -> Result<AppId, Fault> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(rename = "AppId", borrow)]
        app_id: Option<&'a RawValue>,
    }
    if body.is_empty() {
        let message = "The body is empty; it must be a JSON object.";
        return Err(Fault::new(Code::BodyIsEmpty, message));
    }
    // The parser passes over the texts that nobody asks for.
    let text = std::str::from_utf8(body).map_err(|error| {
        Fault::new(Code::Unmarshal, format!("The body cannot be read: {error}."))
    })?;
    let parsed = serde_json::from_str::<Object<Named<'_>>>(text);
    let Object(named) = parsed.map_err(|error| unreadable(&error, headers))?;
    let written = named.app_id.ok_or_else(|| Fault::missing("AppId"))?.get();
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit());
    let app_id = written.parse().ok().filter(|_| is_number);
    let illegal = "AppId must be a JSON integer from 0 to 4294967295, without quotes.";
    app_id.map(AppId).ok_or_else(|| Fault::new(Code::IllegalAppId, illegal))
}

/// The parameters of a body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8], headers: &HeaderMap) -> Result<T, Fault> {
    let parsed = serde_json::from_slice::<Object<T>>(body);
    parsed.map(|Object(parameters)| parameters).map_err(|error| match wrong_type::<T>(body) {
        Some(told) => Fault::new(Code::Unmarshal, told),
        None => unreadable(&error, headers),
    })
}

/// Which field has a value of another type than the documented one, in words.
fn wrong_type<T: DeserializeOwned>(body: &[u8]) -> Option<String> {
    // Only a body that was refused is read again, with the path kept in mind.
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let error = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?;
    let path = error.path().to_string();
    let error = error.into_inner();
    if !error.is_data() || path == "." {
        return None;
    }
    let complaint = error.to_string().replace("expected i64", "expected a Long, without quotes");
    let path = cut(&path);
    Some(format!("{path} cannot be read: {}.", shorten(complaint, &error)))
}

/// A complaint that quotes no more than is useful.
fn shorten(mut complaint: String, error: &serde_json::Error) -> String {
    if complaint.len() > COMPLAINT_BYTES_MAX {
        let place = format!("... at line {} column {}", error.line(), error.column());
        complaint.truncate(complaint.floor_char_boundary(COMPLAINT_BYTES_MAX));
        complaint.push_str(&place);
    }
    complaint
}

fn unreadable(error: &serde_json::Error, headers: &HeaderMap) -> Fault {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    // QUIRK(volcengine): some SDKs send JSON under a form's Content-Type, so the type is looked at
    // only once the body has turned out not to be JSON. Captures: *--BatchGetUser-form.
    if error.is_syntax() && content_type.starts_with(b"application/x-www-form-urlencoded") {
        let message = "The body must be a JSON object with the Content-Type application/json; \
                       forms are not read.";
        return Fault::new(Code::Unmarshal, message);
    }
    let mut complaint = error.to_string();
    // The parser's own words for half of a surrogate pair help nobody.
    if complaint.contains("surrogate") || complaint.contains("hex escape") {
        let (line, column) = (error.line(), error.column());
        complaint = format!("a text holds half a surrogate pair at line {line} column {column}");
    }
    let complaint = shorten(complaint, error);
    Fault::new(Code::Unmarshal, format!("The body cannot be read: {complaint}."))
}

/// A list of at least one and at most `len_max` items.
pub(super) fn check_len<T>(
    name: &str,
    items: Option<Vec<T>>,
    len_max: usize,
) -> Result<Vec<T>, Fault> {
    let items = items.ok_or_else(|| Fault::missing(name))?;
    let len = items.len();
    if len == 0 {
        let message = format!("{name} is empty; it must have 1 to {len_max} items.");
        return Err(Fault::new(Code::InvalidParameter, message));
    }
    if len > len_max {
        let message = format!("{name} has {len} items; it must have 1 to {len_max}.");
        return Err(Fault::new(Code::UserCountOverLimit, message));
    }
    Ok(items)
}
