//! Events as an app's own servers send them: CloudEvents 1.0 in JSON, one or many in a body.
//!
//! Who may send is the server's business (a bearer token); this is only the reading. Nothing in
//! one event can refuse another, and a reason names the field that it is about. Read `event` for
//! what an event must have, and `fields` for what a field may be.

use domain::AppId;
use domain::log::Event;
use serde_json::value::RawValue;

mod event;
mod fields;

use fields::AtMost;

/// The media type of one event.
pub const ONE: &str = "application/cloudevents+json";

/// The media type of an array of events.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// How many bytes a body may have.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many events a batch may have.
pub const EVENTS_MAX: usize = 1_000;

/// Why a body is refused as a whole: none of its events was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Neither of the two media types.
    #[error(
        "the content type is neither that of one CloudEvent nor that of a batch: {ONE}, {BATCH}"
    )]
    ContentType,
    /// More bytes than a body may have.
    #[error("the body has more than {BODY_BYTES_MAX} bytes; send fewer events at once")]
    TooLarge,
    /// More events than a batch may have.
    #[error("the batch has more than {EVENTS_MAX} events; send fewer at once")]
    TooMany,
    /// No JSON text.
    #[error("the body is not JSON: see line {line}, column {column}")]
    NotJson {
        /// Where it stops being JSON; the first line is 1.
        line: usize,
        /// How many bytes of that line were read.
        column: usize,
    },
    /// JSON, but no object, where one event was announced.
    #[error("the body is not an object; the content type of an array is {BATCH}")]
    NotAnEvent,
    /// JSON, but no array, where a batch was announced.
    #[error("the body is not an array; the content type of one event is {ONE}")]
    NotABatch,
}

impl Refused {
    /// The HTTP status that says the same.
    pub fn status(self) -> http::StatusCode {
        match self {
            Self::ContentType => http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge | Self::TooMany => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson { .. } | Self::NotAnEvent | Self::NotABatch => {
                http::StatusCode::BAD_REQUEST
            }
        }
    }
}

/// Reads a body. Each event, in the order of the body, is one for the log or the reason why not.
pub fn parse(
    app: AppId,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Vec<Result<Event, String>>, Refused> {
    let shape = content_type.and_then(Shape::find).ok_or(Refused::ContentType)?;
    if body.len() > BODY_BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    // This sees that the whole body is JSON, however deep, without building anything of it.
    let body: &RawValue = serde_json::from_slice(body)
        .map_err(|fault| Refused::NotJson { line: fault.line(), column: fault.column() })?;
    match shape {
        Shape::One if !fields::is_object(body) => Err(Refused::NotAnEvent),
        Shape::One => Ok(vec![event::parse(app, body)]),
        Shape::Batch => {
            let batch: AtMost<'_, EVENTS_MAX> =
                serde_json::from_str(body.get()).map_err(|_| Refused::NotABatch)?;
            let events = batch.values.ok_or(Refused::TooMany)?;
            Ok(events.into_iter().map(|one| event::parse(app, one)).collect())
        }
    }
}

/// What a content type says that the body is.
#[derive(Clone, Copy)]
enum Shape {
    One,
    Batch,
}

impl Shape {
    /// Parameters are passed over: JSON is UTF-8, whatever a `charset` says.
    fn find(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(ONE) {
            Some(Self::One)
        } else if essence.eq_ignore_ascii_case(BATCH) {
            Some(Self::Batch)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
