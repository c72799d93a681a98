//! Names of doors that are damaged.

use domain::AppId;
use domain::ids::{Door, EventId, ParticipantId, RoomId, SourceName};
use domain::log::{ClientFacts, Event, Fact, Presence};
use domain::store::{Retired, Store as _};

use super::Keyspace;

#[tokio::test]
async fn a_damaged_name_of_a_door_holds_up_no_other_door() {
    let keyspace = Keyspace::new().await;
    let store = keyspace.open(keyspace.options.clone()).await;
    let who = Presence {
        room: RoomId::parse("room").expect("a room"),
        call: None,
        participant: ParticipantId::parse("anna").expect("somebody"),
        connection: None,
    };
    let client = ClientFacts::default();
    let left = Event {
        app: AppId(7),
        door: Door::parse("native").expect("a door"),
        source: SourceName::parse("s").expect("a name"),
        id: EventId::parse("e").expect("an id"),
        time_unix_us: 2_000_000,
        fact: Fact::Left { who, joined_unix_us: Some(1_000_000), client },
    };
    store.append_events(vec![left]).await.expect("appended");
    for name in ["a\0b", "zz\0"] {
        let say = format!("INSERT INTO {{ks}}.doors (realm, app, door) VALUES (0, 7, '{name}')");
        keyspace.say(&say).await;
    }
    let mut all = Retired { more: true, ..Retired::default() };
    while all.more {
        let step = store.retire(1_000_000_000_000, 100).await.expect("a step");
        all.stays += step.stays;
        all.more = step.more;
    }
    assert_eq!(all.stays, 1);
    keyspace.drop().await;
}
