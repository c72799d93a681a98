//! What every store promises of dead letters.

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::Door;
use domain::log::dead::{BODY_BYTES_MAX, DeadLetter, LETTERS_BYTES_MAX, LETTERS_MAX, LetterPage};
use domain::store::Store;

use super::story::APP;

fn letter(app: AppId, received_s: i64) -> DeadLetter {
    DeadLetter {
        app,
        door: Door::parse("janus").expect("a door"),
        received_unix_us: received_s * SECOND_US,
        reason: format!("the {received_s}th cannot be read"),
        body: (received_s % 2 == 0).then(|| vec![0, 159, 146, 150]),
    }
}

fn letters(app: AppId, received_s: impl IntoIterator<Item = i64>) -> Vec<DeadLetter> {
    received_s.into_iter().map(|second| letter(app, second)).collect()
}

async fn keep(store: &dyn Store, letters: Vec<DeadLetter>) -> Vec<u64> {
    store.keep_dead_letters(letters).await.expect("kept")
}

async fn list(store: &dyn Store, app: AppId, after: Option<u64>, limit: u32) -> LetterPage {
    store.list_dead_letters(app, after, limit).await.expect("a page")
}

/// When those of a page came, in seconds.
fn seconds(page: &LetterPage) -> Vec<i64> {
    page.letters.iter().map(|kept| kept.letter.received_unix_us / SECOND_US).collect()
}

pub(super) async fn letters_are_listed_as_they_came(store: &dyn Store) {
    assert_eq!(list(store, APP, None, 10).await, LetterPage { total: 0, letters: vec![] });
    let mut ids = keep(store, letters(APP, 1..=3)).await;
    ids.extend(keep(store, letters(APP, 4..=5)).await);
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let page = list(store, APP, None, 10).await;
    assert_eq!((page.total, seconds(&page)), (5, vec![1, 2, 3, 4, 5]));
    for (kept, id) in page.letters.iter().zip(&ids) {
        let second = kept.letter.received_unix_us / SECOND_US;
        assert_eq!((kept.id, &kept.letter), (*id, &letter(APP, second)));
    }
    assert_eq!(list(store, APP, Some(0), 10).await, page, "who begins behind 0 misses nothing");
    let page = list(store, APP, Some(ids[1]), 2).await;
    assert_eq!((page.total, seconds(&page)), (5, vec![3, 4]));
    assert_eq!(seconds(&list(store, APP, Some(ids[4]), 2).await), [0_i64; 0]);
    assert_eq!(seconds(&list(store, APP, Some(u64::MAX), 2).await), [0_i64; 0]);
    assert_eq!(seconds(&list(store, APP, None, 0).await), [0_i64; 0]);
}

pub(super) async fn letters_go_when_they_are_removed(store: &dyn Store) {
    let ids = keep(store, letters(APP, 1..=4)).await;
    let removed = store.remove_dead_letters(APP, vec![ids[0], ids[2], ids[2], 1_000]).await;
    assert_eq!(removed.expect("removed"), 2);
    let page = list(store, APP, None, 10).await;
    assert_eq!((page.total, seconds(&page)), (2, vec![2, 4]));
    // Their ids are not given again.
    let next = keep(store, letters(APP, [5])).await;
    assert!(next[0] > ids[3]);
}

pub(super) async fn apps_have_letters_of_their_own(store: &dyn Store) {
    // An id may be that of one letter of each app.
    let ids = keep(store, [letters(APP, [1, 3]), letters(AppId(2), [2])].concat()).await;
    assert_eq!(store.remove_dead_letters(AppId(2), vec![ids[1]]).await.expect("removed"), 0);
    assert_eq!(seconds(&list(store, APP, None, 10).await), [1, 3]);
    assert_eq!(seconds(&list(store, AppId(2), None, 10).await), [2]);
    assert_eq!(list(store, AppId(3), None, 10).await.total, 0);
}

pub(super) async fn of_too_many_the_oldest_go(store: &dyn Store) {
    let max = LETTERS_MAX.cast_signed();
    keep(store, letters(AppId(2), [1])).await;
    keep(store, letters(APP, 1..=max)).await;
    assert_eq!(seconds(&list(store, APP, None, 1).await), [1]);
    keep(store, letters(APP, max + 1..=max + 2)).await;
    let page = list(store, APP, None, 1).await;
    assert_eq!((page.total, seconds(&page)), (LETTERS_MAX, vec![3]));
    assert_eq!(seconds(&list(store, AppId(2), None, 1).await), [1]);
}

pub(super) async fn of_too_many_bytes_the_oldest_go(store: &dyn Store) {
    let long = |second| DeadLetter { body: Some(vec![7; BODY_BYTES_MAX]), ..letter(APP, second) };
    let each = long(100).bytes();
    let fit = (LETTERS_BYTES_MAX / each).cast_signed();
    keep(store, (100..100 + fit).map(long).collect()).await;
    assert_eq!(list(store, APP, None, 0).await.total, fit.cast_unsigned());
    keep(store, vec![long(400), long(401), long(402)]).await;
    let page = list(store, APP, None, 1).await;
    assert_eq!((page.total, seconds(&page)), (fit.cast_unsigned(), vec![103]));
}

/// As far as all that came before them are old.
pub(super) async fn old_letters_go_with_old_events(store: &dyn Store) {
    keep(store, letters(APP, [1, 2, 50, 3])).await;
    keep(store, letters(AppId(2), [4, 60])).await;
    let mut gone = 0;
    loop {
        let step = store.retire(50 * SECOND_US, 1).await.expect("a step");
        gone += step.dead_letters;
        if !step.more {
            break;
        }
    }
    assert_eq!(gone, 3);
    assert_eq!(seconds(&list(store, APP, None, 10).await), [50, 3]);
    assert_eq!(seconds(&list(store, AppId(2), None, 10).await), [60]);
}
