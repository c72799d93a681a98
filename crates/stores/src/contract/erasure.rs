//! What every store promises of erasure: what is left is the log of what is left.

use std::collections::BTreeSet;

use domain::erasure::Erased;
use domain::ids::ParticipantId;
use domain::log::{Event, LogFigures};
use domain::store::{Appended, Store, Walk};
use domain::{AppId, log};
use proptest::prelude::*;

use super::engine::{Engine, fresh};
use super::histories::{
    Arrivals, arrivals, arrivals_without_calls, everything as whole, everything_of, participant,
    sorted, stays,
};
use super::story::{APP, append, events, everything, shown};
use super::{properties, wait};
use crate::memory::Memory;

fn who(text: &str) -> ParticipantId {
    ParticipantId::parse(text).expect("a participant")
}

/// All steps, each of so many events; they may be more, since an engine knows what a step is.
pub(super) async fn erase(
    store: &dyn Store,
    app: AppId,
    who: &ParticipantId,
    limit: u32,
) -> Erased {
    let mut all = Erased::default();
    loop {
        let step = store.erase_events(app, who, all.next.as_deref(), limit).await.expect("a step");
        all.events += step.events;
        all.snapshots += step.snapshots;
        all.stays += step.stays;
        all.next = step.next;
        if all.next.is_none() {
            return all;
        }
    }
}

async fn erase_anna(store: &dyn Store) -> (u64, u64, i64) {
    let Erased { events, snapshots, stays, .. } = erase(store, APP, &who("anna"), 2).await;
    (events, snapshots, stays)
}

pub(super) async fn whom_nobody_knows_leaves_nothing_to_erase(store: &dyn Store) {
    assert_eq!(erase_anna(store).await, (0, 0, 0));
    append(store, "10 join ben call=c\n11 present call=c ben").await;
    assert_eq!(erase_anna(store).await, (0, 0, 0));
    assert_eq!(shown(store, &everything()).await, ["room c ben 10.."]);
}

pub(super) async fn who_is_erased_is_in_no_stay_and_no_event(store: &dyn Walk) {
    append(
        store,
        "10 join anna call=c conn=k os=ios
         11 join ben call=c
         12 publish anna call=c conn=k
         20.5 leave anna call=c conn=k
         30 join anna call=d room=other
         40.5 leave anna call=gone room=third conn=x
         50 present call=d room=other anna ben
         60 client anna room=fourth door=janus os=web",
    )
    .await;
    assert_eq!(erase_anna(store).await, (6, 1, 2));
    assert_eq!(shown(store, &everything()).await, ["room c ben 11.."]);
    let left = everything_of(store).await;
    assert!(left.iter().all(|event| !event.names(&who("anna"))), "{left:?}");
    assert_eq!(left.len(), 2);
    assert_eq!(erase_anna(store).await, (0, 0, 0));
    let figures = store.log_figures().await.expect("figures");
    assert_eq!(figures, LogFigures { stays: 1, open_stays: 1, ..LogFigures::default() });
}

pub(super) async fn apps_and_names_that_begin_alike_are_others(store: &dyn Store) {
    append(
        store,
        "10 join anna call=c
         10 join annabel call=c
         10 join ann call=c
         10 join anna call=c app=2",
    )
    .await;
    assert_eq!(erase_anna(store).await, (1, 0, 1));
    let others = ["room c ann 10..", "room c annabel 10.."];
    assert_eq!(shown(store, &everything()).await, others);
    let app_2 = log::StayQuery { app: AppId(2), ..everything() };
    assert_eq!(shown(store, &app_2).await, ["room c anna 10.."]);
}

pub(super) async fn a_snapshot_that_lost_a_name_is_known_by_what_it_said(store: &dyn Walk) {
    let snapshot = "20 present call=c anna ben id=s";
    append(
        store,
        &format!("10 join anna call=c\n10 join ben call=c\n10 join cleo call=c\n{snapshot}"),
    )
    .await;
    assert_eq!(erase_anna(store).await, (1, 1, 1));
    let expected = ["room c ben 10..", "room c cleo 10-~20"];
    assert_eq!(shown(store, &everything()).await, expected);
    assert_eq!(append(store, snapshot).await, [Appended::Duplicate]);
    let present = |event: &Event| event.names(&who("anna"));
    assert!(!everything_of(store).await.iter().any(present));
    // Another erasure leaves the hash as it was.
    erase(store, APP, &who("ben"), 10).await;
    assert_eq!(append(store, snapshot).await, [Appended::Duplicate]);
    assert_eq!(shown(store, &everything()).await, ["room c cleo 10-~20"]);
}

/// What others did stays as it was, but for what followed from her.
pub(super) async fn what_followed_from_them_follows_no_more(store: &dyn Store) {
    append(
        store,
        "10 join ben call=c
         15 publish ben call=c
         20 join anna call=d
         30 join cleo room=minted
         31 join anna room=minted
         40.5 leave cleo room=minted
         50 join dora room=minted
         60.5 leave anna room=minted",
    )
    .await;
    let before = [
        "room c ben 10-~15",
        "room d anna 20..",
        "minted minted cleo 30-40.5",
        "minted minted anna 31-60.5",
        "minted minted dora 50..",
    ];
    assert_eq!(shown(store, &everything()).await, before);
    let calls = async || {
        let stays = store.page_of_stays(&everything()).await.expect("a page").stays;
        let minted = stays.into_iter().filter(|stay| stay.room.as_str() == "minted");
        minted.map(|stay| stay.call).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(calls().await, 1);
    assert_eq!(erase_anna(store).await, (3, 0, 2));
    let after = ["room c ben 10..", "minted minted cleo 30-40.5", "minted minted dora 50.."];
    assert_eq!(shown(store, &everything()).await, after);
    assert_eq!(calls().await, 2);
}

pub(super) async fn what_is_told_later_is_stored(store: &dyn Store) {
    append(store, "10 join anna call=c id=j").await;
    assert_eq!(erase_anna(store).await, (1, 0, 1));
    assert_eq!(append(store, "20 join anna call=c id=k").await, [Appended::Stored]);
    assert_eq!(shown(store, &everything()).await, ["room c anna 20.."]);
    assert_eq!(erase_anna(store).await, (1, 0, 1));
    assert_eq!(shown(store, &everything()).await, [""; 0]);
}

pub(super) async fn an_erasure_that_was_cut_off_is_finished_by_the_next(store: &dyn Walk) {
    let mut story = String::new();
    for room in 0..40 {
        story.push_str(&format!("{} join anna room=r{room} call=c\n", 100 + room));
        story.push_str(&format!("{} join ben room=r{room} call=c\n", 100 + room));
        story.push_str(&format!("{} present room=r{room} call=c anna ben\n", 200 + room));
    }
    store.append_events(events(&story)).await.expect("appended");
    let anna = who("anna");
    let mut first = store.erase_events(APP, &anna, None, 7).await.expect("a step");
    // A step may have looked at others' events only.
    while first.events + first.snapshots == 0 {
        let from = first.next.clone().expect("there is something to erase");
        first = store.erase_events(APP, &anna, Some(&from), 7).await.expect("a step");
    }
    let Erased { events, snapshots, stays, .. } = erase(store, APP, &who("anna"), 7).await;
    let sums = (first.events + events, first.snapshots + snapshots, first.stays + stays);
    assert_eq!(sums, (40, 40, 40));
    let shown = shown(store, &everything()).await;
    assert_eq!(shown.len(), 40);
    assert!(shown.iter().all(|stay| stay.contains("ben") && stay.ends_with("..")), "{shown:?}");
    assert!(!everything_of(store).await.iter().any(|event| event.names(&who("anna"))));
}

/// Whatever comes meanwhile is erased or is there, whole.
pub(super) async fn an_erasure_beside_arrivals_leaves_the_log_of_what_is_left(store: &dyn Walk) {
    let story = |from: i64| {
        let mut story = String::new();
        for room in 0..12 {
            let at = from + room;
            story.push_str(&format!("{at} join anna room=r{room} call=c{from} id=a{at}\n"));
            story.push_str(&format!("{at} join ben room=r{room} call=c{from} id=b{at}\n"));
            story.push_str(&format!(
                "{}.5 leave anna room=r{room} call=c{from} id=l{at}\n",
                at + 50
            ));
            story.push_str(&format!("{} present room=r{room} anna ben id=p{at}\n", at + 60));
        }
        events(&story)
    };
    let before = story(100);
    store.append_events(before.clone()).await.expect("appended");
    let arrive = async {
        for from in [300, 500, 700] {
            store.append_events(story(from)).await.expect("appended");
        }
    };
    let anna = who("anna");
    tokio::join!(erase(store, APP, &anna, 3), arrive);
    let left = everything_of(store).await;
    let was_there: BTreeSet<_> = before.iter().map(Event::identity).collect();
    let old = left.iter().filter(|event| was_there.contains(&event.identity()));
    let (mut count, mut named) = (0, 0);
    old.for_each(|event| {
        count += 1;
        named += usize::from(event.names(&who("anna")));
    });
    assert_eq!((count, named), (24, 0), "of what was there, all that is about others");
    let told = Memory::default();
    told.append_events(left).await.expect("appended");
    assert_eq!(stays(store, &whole(1)).await, stays(&told, &whole(1)).await);
    erase(store, APP, &who("anna"), 3).await;
    let shown = shown(store, &everything()).await;
    assert!(shown.len() == 48 && shown.iter().all(|stay| stay.contains(" ben ")), "{shown:?}");
}

/// Both erase the same people between the same arrivals; of what comes then nothing was erased
/// before. At the end the store holds the rows of one that was told nothing else than what is left.
async fn attack<E: Engine>(
    arrivals: Arrivals,
    erasures: Vec<Option<(u32, u8)>>,
    limit: u32,
) -> Result<(), TestCaseError> {
    let model = Memory::default();
    let (mut store, place) = fresh::<E>().await;
    let mut gone = BTreeSet::new();
    let erasures = erasures.into_iter().chain(std::iter::repeat(None));
    for ((mut batch, reopen), erasure) in arrivals.into_iter().zip(erasures) {
        batch.retain(|event| !gone.contains(&event.identity()));
        let expected = model.append_events(batch.clone()).await.expect("appended");
        prop_assert_eq!(store.append_events(batch).await.expect("appended"), expected);
        if let Some((app, number)) = erasure {
            let (app, who) = (AppId(app), participant(number));
            let before = model.events();
            let theirs = before.iter().filter(|it| it.app == app && it.names(&who));
            let goes = theirs.filter(|it| (*it).clone().without(&who).is_none());
            gone.extend(goes.map(Event::identity));
            let left = before.iter().cloned().filter_map(|it| match it.app == app {
                true => it.without(&who),
                false => Some(it),
            });
            let left: Vec<Event> = left.collect();
            let expected = erase(&model, app, &who, limit).await;
            prop_assert_eq!(erase(&store, app, &who, limit).await, expected);
            // The model is held to the definition.
            let told = Memory::default();
            told.append_events(left).await.expect("appended");
            for app in [1, 2] {
                let (shown, expected) =
                    (stays(&model, &whole(app)).await, stays(&told, &whole(app)).await);
                prop_assert_eq!(shown, expected);
            }
        }
        if reopen {
            drop(store);
            store = E::open(&place).await;
        }
        store.recount();
        for app in [1, 2] {
            let expected = stays(&model, &whole(app)).await;
            prop_assert_eq!(stays(&store, &whole(app)).await, expected);
        }
        let expected = model.log_figures().await.expect("figures");
        prop_assert_eq!(store.log_figures().await.expect("figures"), expected);
    }
    let left = sorted(model.events());
    prop_assert_eq!(everything_of(&store).await, left.clone());
    let (other, _place) = fresh::<E>().await;
    other.append_events(left).await.expect("appended");
    prop_assert_eq!(store.rows(), other.rows());
    Ok(())
}

properties! {
    #![cases = 64]

    #[test]
    fn what_is_left_is_the_log_of_what_is_left(
        arrivals in arrivals(),
        erasures in prop::collection::vec(prop::option::weighted(0.3, (1..3_u32, 0..4_u8)), 12),
        limit in 1..9_u32,
    ) {
        wait(attack::<E>(arrivals, erasures, limit))?;
    }

    #[test]
    fn where_calls_are_minted_they_are_minted_again(
        arrivals in arrivals_without_calls(),
        erasures in prop::collection::vec(prop::option::weighted(0.3, (1..2_u32, 0..4_u8)), 12),
        limit in 1..9_u32,
    ) {
        wait(attack::<E>(arrivals, erasures, limit))?;
    }
}
