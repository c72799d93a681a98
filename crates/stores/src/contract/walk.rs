//! What every store promises of walks: whatever is there is found, as it was put there, and a
//! store that is told it shows the same.

use std::collections::BTreeMap;

use domain::ids::{AppId, Door, UserId};
use domain::log::Event;
use domain::log::dead::DeadLetter;
use domain::store::{Appended, IfTaken, NewUser, Registration, Walk, Walked};
use domain::users::{Profile, User};

use super::story;
use super::story::APP;

/// All that is found, by steps of so many.
async fn users(store: &dyn Walk, limit: u32) -> Vec<(AppId, User)> {
    let (mut all, mut from) = (vec![], None);
    loop {
        let Walked { found, next } = store.walk_users(from.as_deref(), limit).await.expect("users");
        assert!(found.len() <= limit as usize, "{} of {limit}", found.len());
        all.extend(found);
        from = next;
        if from.is_none() {
            let lens = store.walk_lens().await.expect("lens");
            assert_eq!(lens.map_or(all.len() as u64, |lens| lens.users), all.len() as u64);
            all.sort_by(|(app, one), (other_app, other)| {
                (app, &one.id).cmp(&(other_app, &other.id))
            });
            return all;
        }
    }
}

async fn events(store: &dyn Walk, limit: u32) -> Vec<Event> {
    let (mut all, mut from) = (vec![], None);
    loop {
        let step = store.walk_events(from.as_deref(), limit).await.expect("events");
        all.extend(step.found);
        from = step.next;
        if from.is_none() {
            let lens = store.walk_lens().await.expect("lens");
            assert_eq!(lens.map_or(all.len() as u64, |lens| lens.events), all.len() as u64);
            all.sort_by_cached_key(|event| (event.identity(), event.content_hash()));
            return all;
        }
    }
}

async fn letters(store: &dyn Walk, limit: u32) -> BTreeMap<AppId, Vec<DeadLetter>> {
    let (mut all, mut from): (BTreeMap<_, Vec<_>>, _) = (BTreeMap::new(), None);
    let mut last = None;
    loop {
        let step = store.walk_dead_letters(from.as_deref(), limit).await.expect("letters");
        for letter in step.found {
            let is_new = !all.contains_key(&letter.app);
            assert!(is_new || last == Some(letter.app), "those of an app come together");
            last = Some(letter.app);
            all.entry(letter.app).or_default().push(letter);
        }
        from = step.next;
        if from.is_none() {
            return all;
        }
    }
}

fn id(text: &str) -> UserId {
    UserId::parse(text).expect("an id")
}

fn user(text: &str, name: &str, created_unix_ms: i64) -> User {
    let profile = Profile { name: name.to_owned(), ..Profile::default() };
    User { id: id(text), profile, created_unix_ms, modified_unix_ms: created_unix_ms + 5 }
}

pub(super) async fn an_empty_store_has_nothing_to_walk(store: &dyn Walk) {
    assert_eq!(users(store, 10).await, []);
    assert_eq!(events(store, 10).await, []);
    assert!(letters(store, 10).await.is_empty());
}

pub(super) async fn every_user_is_found_wherever_they_lie(store: &dyn Walk) {
    const APPS: [AppId; 2] = [AppId(7), AppId(u32::MAX)];
    let mut expected = vec![];
    for (round, app) in APPS.into_iter().cycle().take(8).enumerate() {
        // Numbers far from each other, neighbours, and texts.
        let far = (1..9_i64).map(|it| it.wrapping_mul(0x1e37_79b9_7f4a_7c15) & (i64::MAX >> 8) | 1);
        let far = far.map(|it| (it.wrapping_add(round as i64)).to_string());
        let near = (1..6).map(|it| format!("{}", 10 * round + it));
        let text = (1..4).map(|it| format!("名{round}-{it}"));
        let ids: Vec<String> = far.chain(near).chain(text).collect();
        let new = |text: &String| NewUser { id: id(text), profile: Profile::default() };
        let new = ids.iter().map(new).collect();
        let now = 1_000 + round as i64;
        store.register_users(app, new, IfTaken::Leave, now).await.expect("registered");
        let user = |text: &String| User { modified_unix_ms: now, ..user(text, "", now) };
        expected.extend(ids.iter().map(|text| (app, user(text))));
        if round % 3 == 2 {
            expected.sort_by(|(app, one), (other, two)| (app, &one.id).cmp(&(other, &two.id)));
            for limit in [7, 1_000] {
                assert_eq!(users(store, limit).await, expected, "by {limit}");
            }
        }
    }
}

pub(super) async fn users_that_are_put_are_as_they_were(store: &dyn Walk) {
    let before = NewUser { id: id("2"), profile: Profile::default() };
    store.register_users(APP, vec![before], IfTaken::Leave, 9_999).await.expect("registered");
    let put = vec![
        (APP, user("1", "a", 10)),
        (APP, user("2", "b", 20)),
        (AppId(APP.0 + 1), user("2", "c", 30)),
    ];
    // Again, as whoever was interrupted does.
    for _ in 0..2 {
        store.put_users(put.clone()).await.expect("put");
        assert_eq!(users(store, 2).await, put);
    }
    let found = store.find_users(APP, &[id("2"), id("3")]).await.expect("found");
    assert_eq!(found, [Some(put[1].1.clone()), None]);
    let again = NewUser { id: id("1"), profile: put[0].1.profile.clone() };
    let done = store.register_users(APP, vec![again], IfTaken::Leave, 50).await.expect("done");
    assert_eq!(done, [Registration::Unchanged]);
}

pub(super) async fn every_event_is_found_once(store: &dyn Walk) {
    let mut expected = story::events(
        "1 restart
         10 join anna room=a call=c conn=k os=ios
         10.5 join bob room=a
         11 publish anna room=a call=c conn=k
         12 client bob room=b app=2 os=linux
         13 present room=a anna bob carl
         14 stop source=other door=janus
         14 leave anna room=a call=c conn=k joined=9
         20 idle room=b app=2 quiet=5
         30 over room=a",
    );
    let appended = store.append_events(expected.clone()).await.expect("appended");
    assert!(appended.iter().all(|it| *it == Appended::Stored), "{appended:?}");
    // Copies are no events of their own, and of two of one identity one counts.
    store.append_events(expected.clone()).await.expect("appended");
    let other = Event { fact: domain::log::Fact::ServerStopped, ..expected[0].clone() };
    store.append_events(vec![other.clone()]).await.expect("appended");
    if other.content_hash() < expected[0].content_hash() {
        expected[0] = other;
    }
    expected.sort_by_cached_key(|event| (event.identity(), event.content_hash()));
    for limit in [1, 3, 1_000] {
        assert_eq!(events(store, limit).await, expected, "by {limit}");
    }
}

pub(super) async fn letters_are_found_as_they_came(store: &dyn Walk) {
    let letter = |app, number: i64| DeadLetter {
        app,
        door: Door::parse("janus").expect("a door"),
        received_unix_us: -number,
        reason: number.to_string(),
        body: Some(vec![0, 159, 146, 150]),
    };
    let mut expected: BTreeMap<AppId, Vec<DeadLetter>> = BTreeMap::new();
    for number in 0..14 {
        let letter = letter(AppId([1, 256, 7][number as usize % 3]), number);
        store.keep_dead_letters(vec![letter.clone()]).await.expect("kept");
        expected.entry(letter.app).or_default().push(letter);
    }
    for limit in [1, 4, 100] {
        assert_eq!(letters(store, limit).await, expected, "by {limit}");
        let lens = store.walk_lens().await.expect("lens");
        assert_eq!(lens.map_or(14, |lens| lens.dead_letters), 14);
    }
}
