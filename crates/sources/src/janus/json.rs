//! What a field may be. Nothing here goes deeper than it needs to, so that nesting costs nothing.

use serde_json::value::RawValue;

/// A field as it stands in the body, if it is there and not null.
pub(super) type Field<'a> = Option<&'a RawValue>;

/// A text. Half of a surrogate pair is JSON, but no text.
pub(super) fn text(field: Field<'_>) -> Option<String> {
    serde_json::from_str(field?.get()).ok()
}

/// An integer, exactly as it stands: what has a fraction or an exponent is none.
pub(super) fn integer(field: Field<'_>) -> Option<i128> {
    field?.get().parse().ok()
}
