//! What the domain keeps of a delivery that nobody could read.

use std::sync::Arc;

use domain::app::Apps;
use domain::clock::FixedClock;
use domain::context::{Context, Settings};
use domain::ids::Door;
use domain::log::dead::{BODY_BYTES_MAX, DeadLetter, REASON_BYTES_MAX, keep, list, remove};

use super::super::Options;
use super::{APP, open, wait};

#[test]
fn a_long_reason_is_cut_and_a_long_body_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    let clock = Arc::new(FixedClock::at_unix_s(1_000));
    let context = || {
        let store = Arc::new(open(&options));
        Context::new(store, clock.clone(), Apps::default(), Settings::default())
    };
    let letter = |body_len| DeadLetter {
        app: APP,
        door: Door::parse("janus").unwrap(),
        received_unix_us: 1,
        reason: "错".repeat(REASON_BYTES_MAX),
        body: Some(vec![b'a'; body_len]),
    };
    let ctx = context();
    let ids = wait(keep(&ctx, vec![letter(BODY_BYTES_MAX), letter(BODY_BYTES_MAX + 1)])).unwrap();
    drop(ctx);

    let ctx = context();
    let page = wait(list(&ctx, APP, None, u32::MAX)).unwrap();
    let kept = |at: usize| &page.letters[at].letter;
    assert_eq!(kept(0).reason.len(), REASON_BYTES_MAX / 3 * 3);
    let bodies = [0, 1].map(|at| kept(at).body.as_ref().map(Vec::len));
    assert_eq!(bodies, [Some(BODY_BYTES_MAX), None]);
    assert!(!format!("{:?}", kept(0)).contains("aaaa"), "bodies are never logged");
    assert_eq!(wait(remove(&ctx, APP, ids)).unwrap(), 2);
}
