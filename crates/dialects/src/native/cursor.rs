//! Where a call goes on, as the call before told: bytes of the store, in base64 for addresses.
//!
//! Whoever makes one up begins somewhere. Only what no call can have told is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::fault::Fault;

/// How many characters a cursor may have.
const LEN_MAX: usize = 4_096;

/// The place that a cursor names.
pub(super) fn parse(cursor: &str) -> Result<Vec<u8>, Fault> {
    let decoded = match (1..=LEN_MAX).contains(&cursor.len()) {
        true => URL_SAFE_NO_PAD.decode(cursor).ok(),
        false => None,
    };
    decoded.ok_or_else(|| Fault::invalid("`cursor` is none that a call before has told"))
}

/// The cursor of a place.
pub(super) fn show(place: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_told_and_nothing_else_is() {
        for place in [&[0][..], &[255, 254], b"abc", &[7; 3_072]] {
            assert_eq!(parse(&show(place)).ok().as_deref(), Some(place));
        }
        for other in ["", "a", "AB", "AA=", "AA==", "A A", "a+b/", "\u{e4}", &"A".repeat(4_100)] {
            assert!(parse(other).is_err(), "{other}");
        }
    }
}
