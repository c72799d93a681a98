//! Many who come in the same seconds: pages begin in the middle of a second, and of a room.

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Presence, StayQuery};
use domain::store::Store;
use proptest::prelude::*;

use super::engine::{Engine, fresh};
use super::{properties, wait};
use crate::embedded::Embedded;
use crate::memory::Memory;

const FIRST_SECOND: i64 = 1_000;

/// What somebody in the crowd does: who, where, when they come, whether as a server, when they go.
type Visit = (u8, bool, i64, bool, Option<i64>);

fn visits() -> impl Strategy<Value = Vec<Visit>> {
    let visit = (
        0..80_u8,
        prop::bool::weighted(0.8),
        prop_oneof![6 => Just(0), 1 => 0..3_i64, 1 => 0..400_i64],
        prop::bool::weighted(0.2),
        prop::option::weighted(0.7, 0..300_i64),
    );
    prop::collection::vec(visit, 1..120)
}

fn events(number: usize, visit: Visit) -> Vec<Event> {
    let (participant, in_first_room, came, is_server, lasted) = visit;
    // Some names are so long that keys cannot hold what they begin.
    let name = match participant {
        0..40 => format!("p{participant:02}"),
        40..60 => format!("{}{participant}", "n".repeat(254)),
        _ => format!("{participant}{}", "m".repeat(254)),
    };
    let who = Presence {
        room: RoomId::parse(if in_first_room { "lesson" } else { "other" }).expect("a room"),
        call: Some(CallId::parse(&"c".repeat(250)).expect("a call")),
        participant: ParticipantId::parse(&name).expect("somebody"),
        connection: Some(ConnectionId::parse(&format!("k{number}")).expect("a connection")),
    };
    let os = if is_server { "linux" } else { "ios" };
    let client = ClientFacts::from_attributes([("os.name", os)]);
    let event = |kind: &str, second: i64, fact| Event {
        app: AppId(1),
        door: Door::parse("native").expect("a door"),
        source: SourceName::parse("sfu").expect("a source"),
        id: EventId::parse(&format!("{kind}{number}")).expect("an id"),
        time_unix_us: (FIRST_SECOND + second) * SECOND_US + 1,
        fact,
    };
    let joined = Fact::Joined { who: who.clone(), sole: false, client };
    let left = Fact::Left { who, joined_unix_us: None, client: ClientFacts::default() };
    let leave = lasted.map(|lasted| event("left", came + lasted, left));
    [event("joined", came, joined)].into_iter().chain(leave).collect()
}

/// Every page of every length, of the app and of the room, in windows that begin before, in and
/// behind the crowd.
async fn attack<E: Engine>(
    visits: Vec<Visit>,
    batch_len: usize,
    cut: i64,
) -> Result<(), TestCaseError> {
    let (store, _place) = fresh::<E>().await;
    let model = Memory::default();
    let events: Vec<Event> =
        visits.into_iter().enumerate().flat_map(|(number, visit)| events(number, visit)).collect();
    for batch in events.chunks(batch_len) {
        model.append_events(batch.to_vec()).await.expect("appended");
        store.append_events(batch.to_vec()).await.expect("appended");
        store.recount();
    }
    compare(&model, &store).await?;
    for either in [&model as &dyn Store, &store] {
        let before = (FIRST_SECOND + cut) * SECOND_US;
        while either.retire(before, 16).await.expect("a step").more {}
    }
    store.recount();
    compare(&model, &store).await
}

async fn compare(model: &Memory, store: &dyn Store) -> Result<(), TestCaseError> {
    let room = || Some(RoomId::parse("lesson").expect("a room"));
    for room in [None, room()] {
        for (from, until) in [(-10, 500), (0, 0), (0, 1), (1, 400), (2, 2), (70, 350)] {
            for with_servers in [false, true] {
                let whole = StayQuery {
                    app: AppId(1),
                    room: room.clone(),
                    participants: None,
                    with_servers,
                    from_unix_s: FIRST_SECOND + from,
                    until_unix_s: FIRST_SECOND + until,
                    offset: 0,
                    limit: u32::MAX,
                };
                let expected = model.page_of_stays(&whole).await.expect("a page");
                for limit in [2, 7] {
                    let mut pages = vec![];
                    for offset in (0..=expected.total).step_by(limit as usize) {
                        let query = StayQuery { offset, limit, ..whole.clone() };
                        let page = store.page_of_stays(&query).await.expect("a page");
                        prop_assert_eq!(page.total, expected.total, "{:?}", query);
                        pages.extend(page.stays);
                    }
                    prop_assert_eq!(&pages, &expected.stays, "{:?}", whole);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_crowd_that_turns_out_to_be_elsewhere_is_none() {
    wait(async {
        let (store, _place) = fresh::<Embedded>().await;
        let join =
            |number: usize, who: u8, second| events(number, (who, true, second, false, None));
        let at_once: Vec<Event> = (0..9).flat_map(|who| join(who.into(), who, 100)).collect();
        store.append_events(at_once).await.expect("appended");
        store.recount();
        for who in 0..9 {
            let earlier = join(100 + usize::from(who), who, i64::from(who));
            store.append_events(earlier).await.expect("appended");
            store.recount();
        }
    });
}

properties! {
    #![cases = 16]

    #[test]
    fn pages_of_a_crowd_are_whole(
        visits in visits(),
        batch_len in 1..60_usize,
        cut in 0..500_i64,
    ) {
        wait(attack::<E>(visits, batch_len, cut))?;
    }
}
