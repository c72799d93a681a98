//! What a field may be. Nothing here goes deeper than it needs to, so that nesting costs nothing.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A field as it stands in the body, if it is there and not null.
pub(super) type Field<'a> = Option<&'a RawValue>;

/// The known fields of an object; others are passed over. `None` for what is no object, and for one
/// in which a known field stands twice.
pub(super) fn object<'a, T: Deserialize<'a>>(value: &'a str) -> Option<T> {
    // Without this an array would do: its values would be taken for the fields in order.
    value.starts_with('{').then(|| serde_json::from_str(value).ok()).flatten()
}

/// A text. Half of a surrogate pair is JSON, but no text.
pub(super) fn text(field: Field<'_>) -> Option<String> {
    serde_json::from_str(field?.get()).ok()
}

/// An integer, exactly as it stands: what has a fraction or an exponent is none.
pub(super) fn integer(field: Field<'_>) -> Option<i128> {
    field?.get().parse().ok()
}
