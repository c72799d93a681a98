//! What must hold of any signature.

use proptest::prelude::*;

use super::*;

/// `text` with another byte at a place of it; never only the other case of a letter.
fn flipped(text: &str, place: prop::sample::Index, other: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at = place.index(bytes.len());
    let before = std::mem::replace(&mut bytes[at], other);
    if before.eq_ignore_ascii_case(&other) {
        return None;
    }
    String::from_utf8(bytes).ok()
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused(
        part in 0..4_usize,
        place in any::<prop::sample::Index>(),
        other in 0..128_u8,
    ) {
        let mut sent = Sent::new();
        sent.signature = Some("43e5cfcca828314675f91b001390566a".into());
        let part = [
            &mut sent.app_id,
            &mut sent.nonce,
            &mut sent.timestamp,
            &mut sent.signature,
        ].into_iter().nth(part).expect("one of four");
        let changed = flipped(part.as_deref().expect("all are there"), place, other);
        prop_assume!(changed.is_some());
        *part = changed;
        let answered = world().ask(sent.write());
        prop_assert!(answered.outcome != "ok" && answered.app.is_none(), "{}", answered.outcome);
    }

    #[test]
    fn no_query_and_no_body_brings_it_down(
        more in "[ -~]{0,40}",
        body in prop::collection::vec(any::<u8>(), 0..200),
        get in any::<bool>(),
    ) {
        let more: String = more.replace(['#', ' ', '<', '>', '"', '\\', '^', '`'], "&");
        let method = if get { Method::GET } else { Method::POST };
        // Its shape is checked as that of every answer.
        world().ask(Sent { method, more, body, ..Sent::new() }.write());
    }
}
