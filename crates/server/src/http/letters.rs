//! Keeps what is authentic and useless: the parts of a delivery that could not be read, and those
//! whose events the domain refuses.
//!
//! Letters are kept after the delivery's events and before its answer. If they cannot be kept, the
//! sender is told to send again, and its events are duplicates then; so neither a failure nor a
//! kill in between loses a letter or tells an event twice.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use domain::clock::SECOND_US;
use domain::ids::Door;
use domain::log::dead::{self, BODY_BYTES_MAX, DeadLetter, LETTERS_BYTES_MAX, REASON_BYTES_MAX};
use sources::{Delivery, Hook};

use super::Server;
use crate::observe;

/// How many letters of one delivery are kept; Janus groups no more than a hundred events.
const OF_ONE_DELIVERY_MAX: usize = 100;

/// How many letters are remembered, so that one that comes again is not kept again. So few that
/// none of them can have been pushed out by those that were kept after it.
const REMEMBERED_MAX: usize = 128;
const _: () = assert!(
    (REMEMBERED_MAX * (BODY_BYTES_MAX + REASON_BYTES_MAX + 64)) as u64 <= LETTERS_BYTES_MAX
);

/// How long a letter is remembered: a fault that lasts is to be seen in new letters too, and no
/// letter may be remembered for longer than it is kept.
const REMEMBERED_FOR_US: i64 = 3_600 * SECOND_US;

/// What of a delivery was of no use.
#[derive(Debug, Default)]
pub(super) struct Useless {
    /// A reason for each fact that is lost.
    pub(super) reasons: Vec<String>,
    /// When the events happened, by their own account, that the domain refuses; and why it does.
    pub(super) refused: Vec<(i64, String)>,
}

/// Keeps letters of what was of no use in a delivery. Nothing is done if nothing was.
pub(super) async fn keep(
    server: &Server,
    hook: Hook,
    delivery: &Delivery<'_>,
    useless: Useless,
) -> domain::Result<()> {
    if useless.reasons.is_empty() && useless.refused.is_empty() {
        return Ok(());
    }
    let now_unix_us = delivery.now_unix_us;
    let mut letters = write(hook, delivery, useless);
    let dropped = letters.split_off(letters.len().min(OF_ONE_DELIVERY_MAX)).len();
    let mut marks = vec![];
    let mut repeated = 0;
    letters.retain(|letter| {
        let mark = server.letters.mark(letter, delivery.body);
        let is_new = !marks.contains(&mark) && !server.letters.has(mark, now_unix_us);
        match is_new {
            true => marks.push(mark),
            false => repeated += 1,
        }
        is_new
    });
    let bodiless = letters.iter().filter(|letter| letter.body.is_none()).count();
    let whole = letters.len() - bodiless;
    dead::keep(&server.ctx, letters).await?;
    server.letters.add(marks, now_unix_us);
    observe::dead_letters(hook.name(), "kept", whole);
    observe::dead_letters(hook.name(), "kept_without_body", bodiless);
    observe::dead_letters(hook.name(), "repeated", repeated);
    observe::dead_letters(hook.name(), "dropped", dropped);
    Ok(())
}

/// The letters of a delivery: of each part that is of no use its safe form, and of what has none
/// the reason alone.
fn write(hook: Hook, delivery: &Delivery<'_>, useless: Useless) -> Vec<DeadLetter> {
    let Useless { mut reasons, refused } = useless;
    reasons.extend(refused.iter().map(|(_, reason)| reason.clone()));
    let letter = |reason: String, body: Option<Vec<u8>>| DeadLetter {
        app: delivery.app,
        door: Door::parse(hook.name()).expect("a hook's name is a door"),
        received_unix_us: delivery.now_unix_us,
        reason,
        body,
    };
    let lost = reasons.len();
    let mut letters = vec![];
    let mut told = 0;
    for part in hook.keepable(delivery.headers, delivery.body).into_iter().flatten() {
        let again = hook.reread(delivery.app, delivery.rtc_id, &part);
        let refused_of = |time_unix_us| refused.iter().find(|(time, _)| *time == time_unix_us);
        let of_events = again.events.iter().map(|event| event.time_unix_us);
        let of_sightings = again.sightings.iter().map(|it| it.connection.time_unix_us);
        let of_both = of_events.chain(of_sightings).filter_map(refused_of);
        let of_part: Vec<String> =
            again.dead.into_iter().chain(of_both.map(|(_, reason)| reason.clone())).collect();
        told += of_part.len();
        for reason in &of_part {
            let known = reasons.iter().position(|known| known == reason);
            known.map(|known| reasons.remove(known));
        }
        letters.extend(of_part.into_iter().next().map(|reason| letter(reason, Some(part))));
    }
    // A part that lost a secret may be told with another reason than before: it is told once.
    let untold = reasons.into_iter().take(lost.saturating_sub(told));
    letters.extend(untold.map(|reason| letter(reason, None)));
    letters
}

/// The letters that were kept last.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    hash: RandomState,
    /// The latest last: what stands for a letter, and when it was kept.
    marks: Mutex<VecDeque<(u64, i64)>>,
}

impl Remembered {
    /// What stands for a letter. Of one without a body the whole delivery does.
    fn mark(&self, letter: &DeadLetter, delivered: &[u8]) -> u64 {
        let DeadLetter { app, door, reason, body, .. } = letter;
        let body = body.as_deref().unwrap_or(delivered);
        self.hash.hash_one((app, door, reason, body))
    }

    fn has(&self, mark: u64, now_unix_us: i64) -> bool {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now_unix_us - REMEMBERED_FOR_US;
        marks.iter().any(|&(known, kept_unix_us)| known == mark && kept_unix_us >= since)
    }

    fn add(&self, added: Vec<u64>, now_unix_us: i64) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.extend(added.into_iter().map(|mark| (mark, now_unix_us)));
        let surplus = marks.len().saturating_sub(REMEMBERED_MAX);
        marks.drain(..surplus);
    }

    /// Forgets all of them: somebody has removed letters, and each of these is to be kept again.
    pub(super) fn clear(&self) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::AppId;
    use http::HeaderMap;

    use super::*;

    fn letters_of(hook: Hook, body: &str, useless: Useless) -> Vec<(String, Option<String>)> {
        let delivery = Delivery {
            app: AppId(1),
            rtc_id: None,
            credentials: &BTreeMap::new(),
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
            now_unix_us: 7,
        };
        let letters = write(hook, &delivery, useless).into_iter();
        let text = |body| String::from_utf8(body).expect("text");
        letters.map(|letter| (letter.reason, letter.body.map(text))).collect()
    }

    fn published(time_unix_us: i64, opaque_id: &str) -> String {
        format!(
            r#"{{"emitter":"j","type":64,"timestamp":{time_unix_us},"handle_id":3,"opaque_id":"{opaque_id}","event":{{"plugin":"janus.plugin.videoroom","data":{{"event":"published","room":1,"id":2}}}}}}"#
        )
    }

    #[test]
    fn of_a_group_what_was_of_no_use_is_kept_and_nothing_else() {
        let facts = r#"{\"os.name\":\"ios\",\"token\":\"x\"}"#;
        let group = [published(5, ""), "17".to_owned(), published(9, facts), published(6, "")];
        let useless = Useless {
            reasons: vec!["the event is not an object that can be read".to_owned()],
            // A publication with client facts is two events.
            refused: vec![(9, "too early".to_owned()), (9, "too early".to_owned())],
        };
        let letters = letters_of(Hook::Janus, &format!("[{}]", group.join(",")), useless);
        let kept = published(9, facts).replace(r#",\"token\":\"x\""#, "");
        assert_eq!(
            letters,
            [
                ("the event is not an object that can be read".to_owned(), Some("17".to_owned())),
                ("too early".to_owned(), Some(kept)),
            ]
        );
    }

    #[test]
    fn what_cannot_be_kept_leaves_its_reason() {
        let useless = || Useless { reasons: vec!["a".into(), "b".into()], refused: vec![] };
        let nothing = |reason: &str| (reason.to_owned(), None);
        assert_eq!(letters_of(Hook::Janus, "[", useless()), [nothing("a"), nothing("b")]);
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
        let one = Useless { reasons: vec!["a".into()], refused: vec![] };
        assert_eq!(letters_of(Hook::Livekit, &long, one), [nothing("a")]);
    }

    #[test]
    fn a_letter_is_known_for_an_hour_or_until_many_others_came() {
        let remembered = Remembered::default();
        let letter = |reason: &str, body: Option<&[u8]>| DeadLetter {
            app: AppId(1),
            door: Door::parse("livekit").expect("a door"),
            received_unix_us: 0,
            reason: reason.to_owned(),
            body: body.map(<[u8]>::to_vec),
        };
        let mark =
            |reason, body, delivered: &[u8]| remembered.mark(&letter(reason, body), delivered);
        let one = mark("a", Some(b"x"), b"delivered");
        assert_eq!(one, mark("a", Some(b"x"), b"delivered otherwise"));
        assert_ne!(one, mark("b", Some(b"x"), b"delivered"));
        assert_ne!(one, mark("a", Some(b"y"), b"delivered"));
        assert_ne!(mark("a", None, b"x"), mark("a", None, b"y"));

        assert!(!remembered.has(one, 0));
        remembered.add(vec![one], 0);
        assert!(remembered.has(one, REMEMBERED_FOR_US));
        assert!(!remembered.has(one, REMEMBERED_FOR_US + 1));
        let others = |count: usize| (0..count as u64).map(|n| one.wrapping_add(n + 1)).collect();
        remembered.add(others(REMEMBERED_MAX - 1), 0);
        assert!(remembered.has(one, 0));
        remembered.add(others(1), 0);
        assert!(!remembered.has(one, 0));
        remembered.add(vec![one], 0);
        remembered.clear();
        assert!(!remembered.has(one, 0));
    }
}
