//! What every store promises of who was seen.

use domain::AppId;
use domain::ids::{ConnectionId, UserId};
use domain::log::Os;
use domain::presence::{CONNECTIONS_MAX, Connection, Noted, Sighting, State};
use domain::store::{Store, Walk, Walked};
use proptest::prelude::*;

use super::engine::{Engine, fresh};
use super::story::APP;
use super::{properties, wait};
use crate::memory::Memory;

fn user(text: &str) -> UserId {
    UserId::parse(text).expect("an id")
}

fn seen(app: AppId, who: &str, connection: &str, time_unix_us: i64, state: State) -> Sighting {
    let id = ConnectionId::parse(connection).expect("an id");
    let connection = Connection { id, time_unix_us, state, os: Some(Os::Ios) };
    Sighting { app, user: user(who), connection }
}

async fn note(store: &dyn Store, sightings: &[Sighting]) -> Vec<Noted> {
    store.note_sightings(sightings.to_vec()).await.expect("noted")
}

/// What is known of somebody, the last first: `CONNECTION TIME STATE`.
async fn known(store: &dyn Store, app: AppId, who: &str) -> Vec<String> {
    let found = store.find_connections(app, &[user(who)]).await.expect("found");
    let show = |it: &Connection| format!("{} {} {:?}", it.id, it.time_unix_us, it.state);
    found[0].iter().map(show).collect()
}

pub(super) async fn nobody_is_known_who_was_not_seen(store: &dyn Store) {
    assert_eq!(note(store, &[]).await, []);
    let found = store.find_connections(APP, &[user("anna"), user("10")]).await.expect("found");
    assert!(found.len() == 2 && found.iter().all(|it| it.is_empty()), "{found:?}");
    assert_eq!(store.remove_sightings(APP, &user("anna")).await.expect("removed"), 0);
    let step = store.forget_sightings(i64::MAX, None, 10).await.expect("a step");
    assert_eq!((step.connections, step.next), (0, None));
}

pub(super) async fn of_each_connection_the_last_sighting_is_known(store: &dyn Store) {
    let done = note(
        store,
        &[
            seen(APP, "anna", "k1", 10, State::Online),
            seen(APP, "anna", "k2", 12, State::Online),
            seen(APP, "10", "k1", 5, State::Online),
            seen(APP, "anna", "k1", 11, State::LoggedOut),
            seen(APP, "anna", "k1", 11, State::Offline),
        ],
    )
    .await;
    assert_eq!(done, [Noted::New, Noted::New, Noted::New, Noted::New, Noted::Known]);
    assert_eq!(known(store, APP, "anna").await, ["k2 12 Online", "k1 11 LoggedOut"]);
    assert_eq!(known(store, APP, "10").await, ["k1 5 Online"]);
    // Late, and again.
    let late = seen(APP, "anna", "k2", 3, State::Offline);
    assert_eq!(note(store, &[late]).await, [Noted::Known]);
    let again = seen(APP, "anna", "k2", 12, State::Online);
    assert_eq!(note(store, &[again]).await, [Noted::Known]);
    let back = seen(APP, "anna", "k1", 20, State::Online);
    assert_eq!(note(store, &[back]).await, [Noted::New]);
    assert_eq!(known(store, APP, "anna").await, ["k1 20 Online", "k2 12 Online"]);
}

pub(super) async fn apps_see_their_own(store: &dyn Store) {
    note(store, &[seen(APP, "anna", "k", 10, State::Online)]).await;
    note(store, &[seen(AppId(2), "anna", "k", 9, State::Offline)]).await;
    assert_eq!(known(store, APP, "anna").await, ["k 10 Online"]);
    assert_eq!(known(store, AppId(2), "anna").await, ["k 9 Offline"]);
    assert_eq!(store.remove_sightings(AppId(2), &user("anna")).await.expect("removed"), 1);
    assert_eq!(known(store, APP, "anna").await, ["k 10 Online"]);
}

pub(super) async fn of_too_many_connections_the_last_are_known(store: &dyn Store) {
    let max = CONNECTIONS_MAX as i64;
    let many: Vec<Sighting> =
        (1..=max + 4).map(|it| seen(APP, "anna", &format!("k{it}"), it, State::Online)).collect();
    note(store, &many).await;
    let before = known(store, APP, "anna").await;
    assert_eq!(before.len(), CONNECTIONS_MAX);
    assert_eq!(before.last().map(String::as_str), Some("k5 5 Online"));
    // Backwards, once more.
    let backwards: Vec<Sighting> = many.into_iter().rev().collect();
    assert_eq!(note(store, &backwards).await, vec![Noted::Known; backwards.len()]);
    assert_eq!(known(store, APP, "anna").await, before);
}

pub(super) async fn who_is_removed_begins_anew(store: &dyn Store) {
    let sightings = [
        seen(APP, "anna", "k1", 10, State::Online),
        seen(APP, "anna", "k2", 11, State::Online),
        seen(APP, "ben", "k1", 10, State::Online),
    ];
    note(store, &sightings).await;
    assert_eq!(store.remove_sightings(APP, &user("anna")).await.expect("removed"), 2);
    assert_eq!(store.remove_sightings(APP, &user("anna")).await.expect("removed"), 0);
    assert_eq!(known(store, APP, "anna").await, [""; 0]);
    assert_eq!(known(store, APP, "ben").await, ["k1 10 Online"]);
    assert_eq!(note(store, &sightings[..1]).await, [Noted::New]);
    assert_eq!(known(store, APP, "anna").await, ["k1 10 Online"]);
}

pub(super) async fn what_is_too_old_is_forgotten_in_steps(store: &dyn Store) {
    for who in 0..40 {
        let app = AppId(1 + who % 2);
        let who = format!("u{who}");
        let both = [
            seen(app, &who, "old", 10, State::Online),
            seen(app, &who, "new", if who.ends_with('7') { 20 } else { 19 }, State::Online),
        ];
        note(store, &both).await;
    }
    let (mut forgotten, mut from) = (0, None);
    loop {
        let step = store.forget_sightings(20, from.as_deref(), 7).await.expect("a step");
        forgotten += step.connections;
        from = step.next;
        if from.is_none() {
            break;
        }
    }
    // Both of 36 users, and one of four.
    assert_eq!(forgotten, 76);
    assert_eq!(known(store, AppId(2), "u7").await, ["new 20 Online"]);
    assert_eq!(known(store, AppId(2), "u9").await, [""; 0]);
}

/// All sightings that a walk finds, in steps of so many.
async fn walked(store: &dyn Walk, limit: u32) -> Vec<Sighting> {
    let (mut all, mut from) = (vec![], None);
    loop {
        let Walked { found, next } =
            store.walk_sightings(from.as_deref(), limit).await.expect("sightings");
        all.extend(found);
        from = next;
        if from.is_none() {
            let key = |it: &Sighting| (it.app, it.user.clone(), it.connection.id.clone());
            all.sort_by_key(key);
            return all;
        }
    }
}

pub(super) async fn every_connection_is_found_by_a_walk(store: &dyn Walk) {
    let users = ["1", "9223372036854775807", "01", "a", "語", "a\u{1}"];
    let of = |app: u32| {
        let all = users.into_iter().flat_map(|who| [(who, "k1", 10), (who, "k2", 11)]);
        all.map(move |(who, it, time)| seen(AppId(app), who, it, time, State::Offline))
    };
    let mut expected: Vec<Sighting> = of(1).chain(of(u32::MAX)).collect();
    note(store, &expected).await;
    expected.sort_by_key(|it| (it.app, it.user.clone(), it.connection.id.clone()));
    for limit in [1, 3, 1_000] {
        assert_eq!(walked(store, limit).await, expected, "by {limit}");
    }
}

/// Something that is done with a store.
#[derive(Clone, Debug)]
enum Step {
    Note(Vec<Sighting>),
    Remove(AppId, UserId),
    Forget(i64),
    Reopen,
}

fn sighting() -> impl Strategy<Value = Sighting> {
    let states = [State::Online, State::Offline, State::LoggedOut];
    (1..3_u32, 0..3_u8, 0..20_u8, 0..30_i64, 0..3_usize).prop_map(
        move |(app, who, connection, time, state)| {
            let who = ["7", "anna", "ben"][usize::from(who)];
            seen(AppId(app), who, &format!("k{connection}"), time, states[state])
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let who = (1..3_u32, 0..3_usize);
    prop_oneof![
        8 => prop::collection::vec(sighting(), 1..30).prop_map(Step::Note),
        1 => who.prop_map(|(app, who)| Step::Remove(AppId(app), user(["7", "anna", "ben"][who]))),
        1 => (0..30_i64).prop_map(Step::Forget),
        1 => Just(Step::Reopen),
    ]
}

/// What a store says to a step.
fn tell(store: &dyn Store, step: &Step) -> (Vec<Noted>, u64) {
    match step {
        Step::Note(sightings) => (wait(note(store, sightings)), 0),
        Step::Remove(app, who) => {
            (vec![], wait(store.remove_sightings(*app, who)).expect("removed"))
        }
        Step::Forget(before) => {
            let step = wait(store.forget_sightings(*before, None, 1_000)).expect("forgotten");
            (vec![], step.connections)
        }
        Step::Reopen => (vec![], 0),
    }
}

fn attack<E: Engine>(steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut store, place) = wait(fresh::<E>());
    let model = Memory::default();
    for step in steps {
        if let Step::Reopen = step {
            drop(store);
            store = wait(E::open(&place));
        }
        let (said, expected) = (tell(&store, step), tell(&model, step));
        // A ring is walked page by page, others' rows between: what one step of it forgets is its
        // own affair.
        if !matches!(step, Step::Forget(_)) {
            prop_assert_eq!(said, expected);
        }
        if let Step::Forget(before) = step {
            let mut from = None;
            loop {
                let forget = store.forget_sightings(*before, from.as_deref(), 1_000);
                from = wait(forget).expect("forgotten").next;
                if from.is_none() {
                    break;
                }
            }
        }
        prop_assert_eq!(wait(walked(&store, 5)), wait(walked(&model, 1_000)));
    }
    Ok(())
}

properties! {
    #![cases = 64]

    #[test]
    fn whoever_was_seen_in_whatever_order_is_known_as_the_model_knows_them(
        steps in prop::collection::vec(step(), 1..12),
    ) {
        attack::<E>(&steps)?;
    }
}
