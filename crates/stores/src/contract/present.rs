//! Going through more stays than are read at once, while others come and go.

use std::collections::BTreeSet;

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{CallId, ConnectionId, Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::pages::Pages;
use domain::log::{ClientFacts, Event, Fact, Presence, StayQuery};
use domain::store::Walk;

const APP: AppId = AppId(1);
const FIRST_SECOND: i64 = 1_000;

fn room() -> RoomId {
    RoomId::parse("room").expect("a room")
}

fn who(participant: &str) -> Presence {
    Presence {
        room: room(),
        call: Some(CallId::parse("call").expect("a call")),
        participant: ParticipantId::parse(participant).expect("somebody"),
        connection: Some(ConnectionId::parse("k").expect("a connection")),
    }
}

fn event(second: i64, fact: Fact) -> Event {
    let id = match &fact {
        Fact::Joined { who, .. } => format!("joined {}", who.participant.as_str()),
        _ => format!("left {second} {fact:?}").chars().take(200).collect(),
    };
    Event {
        app: APP,
        door: Door::parse("native").expect("a door"),
        source: SourceName::parse("sfu").expect("a source"),
        id: EventId::parse(&id).expect("an id"),
        time_unix_us: (FIRST_SECOND + second) * SECOND_US,
        fact,
    }
}

fn joined(participant: &str, second: i64) -> Event {
    let client = ClientFacts::default();
    event(second, Fact::Joined { who: who(participant), sole: false, client })
}

fn left(participant: &str, second: i64) -> Event {
    let client = ClientFacts::default();
    event(second, Fact::Left { who: who(participant), joined_unix_us: None, client })
}

fn there(limit: u32) -> StayQuery {
    StayQuery {
        app: APP,
        room: Some(room()),
        participants: None,
        with_servers: true,
        from_unix_s: FIRST_SECOND + 1_000,
        until_unix_s: FIRST_SECOND + 2_000,
        offset: 0,
        limit,
    }
}

async fn shown(store: &dyn Walk, pages: &mut Pages) -> Option<Vec<String>> {
    let stays = pages.next(store).await.expect("a page")?;
    Some(stays.into_iter().map(|stay| stay.participant.as_str().to_owned()).collect())
}

pub(super) async fn whoever_is_there_all_the_while_is_shown_once(store: &dyn Walk) {
    let name = |number: i64| format!("p{number:03}");
    let all = (0..300).map(|number| joined(&name(number), number)).collect();
    store.append_events(all).await.expect("appended");
    let mut pages = Pages::new(there(40));
    let mut seen = shown(store, &mut pages).await.expect("the first page");
    assert_eq!(seen, (0..40).map(name).collect::<Vec<_>>());

    // More than a page of those before go: the next page would pass over as many.
    let gone = (0..35).map(|number| left(&name(number), 500)).collect();
    store.append_events(gone).await.expect("appended");
    let next = shown(store, &mut pages).await.expect("the next page");
    assert_eq!(next.first(), Some(&name(40)));
    seen.extend(next);

    // More than a page come before: the next page would show again whom it has shown.
    let late = (0..90).map(|number| joined(&format!("late{number}"), 1)).collect();
    store.append_events(late).await.expect("appended");
    // Whoever goes behind the place is not shown, and whoever comes there is.
    let changes = vec![left(&name(250), 500), joined("new", 260)];
    store.append_events(changes).await.expect("appended");
    // The last whom it has shown goes, too.
    let last = seen.last().cloned().expect("somebody");
    store.append_events(vec![left(&last, 500)]).await.expect("appended");
    while let Some(next) = shown(store, &mut pages).await {
        seen.extend(next);
    }
    let mut expected: BTreeSet<String> = (0..300).filter(|it| *it != 250).map(name).collect();
    expected.insert("new".to_owned());
    assert_eq!(seen.len(), expected.len(), "each once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}

pub(super) async fn pages_begin_with_whoever_began_in_a_second(store: &dyn Walk) {
    let all = (0..50).map(|number| joined(&format!("p{number:02}"), number)).collect();
    store.append_events(all).await.expect("appended");
    // However many it is said that come before.
    for before in [0, 1, 19, 20, 21, 49, 50, 1_000] {
        let mut pages = Pages::since(there(7), FIRST_SECOND + 20, before);
        let mut seen = vec![];
        while let Some(next) = shown(store, &mut pages).await {
            seen.extend(next);
        }
        let expected: Vec<String> = (20..50).map(|number| format!("p{number:02}")).collect();
        assert_eq!(seen, expected, "{before}");
    }
}

pub(super) async fn of_nobody_there_is_no_page(store: &dyn Walk) {
    assert_eq!(shown(store, &mut Pages::new(there(7))).await, None);
    store.append_events(vec![joined("a", 1)]).await.expect("appended");
    let mut pages = Pages::new(there(1));
    assert_eq!(shown(store, &mut pages).await, Some(vec!["a".to_owned()]));
    store.append_events(vec![left("a", 2)]).await.expect("appended");
    assert_eq!(shown(store, &mut pages).await, None);
}
