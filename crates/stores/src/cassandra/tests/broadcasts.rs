//! Broadcasts whose records are damaged.

use domain::broadcast::{Added, Audience, Broadcasts as _, Message, Refusal, State};
use domain::{AppId, Error, UserId};

use super::Keyspace;

const APP: AppId = AppId(7);

#[tokio::test]
async fn a_damaged_broadcast_is_given_up_and_holds_up_nobody() {
    let keyspace = Keyspace::new().await;
    let store = keyspace.open(keyspace.options.clone()).await;
    let message = Message {
        dialect: "d".into(),
        action: "A".into(),
        sender: UserId::parse("1").expect("an id"),
        body: "{}".into(),
        audience: Audience::EVERYBODY,
        expires_unix_us: None,
        created_unix_us: 1,
    };
    for id in 1..=3 {
        let added = store.add_broadcast(APP, message.clone(), None).await.expect("added");
        assert_eq!(added, Added::Yes(id));
    }
    for set in ["progress = 0x00 WHERE app = 7 AND id = 1", "message = 0x WHERE app = 7 AND id = 2"]
    {
        keyspace.say(&format!("UPDATE {{ks}}.broadcasts SET {set}")).await;
    }
    let listed = async || {
        let page = store.list_broadcasts(APP, None, 10).await.expect("a page");
        page.iter().map(|job| job.id).collect::<Vec<u64>>()
    };
    assert_eq!(listed().await, [3]);
    for id in [1, 2] {
        assert!(matches!(store.find_broadcast(APP, id).await, Err(Error::Engine(_))));
        for is_news in [true, false] {
            let reason = Refusal { status: None, reason: "it is damaged".into() };
            let given_up = store.give_up_damaged(APP, id, reason, 9).await.expect("an answer");
            assert_eq!(given_up, is_news);
        }
    }
    assert_eq!(store.open_broadcasts(APP).await.expect("ids").ids, [3]);
    let first = store.find_broadcast(APP, 1).await.expect("read").expect("it is there");
    assert_eq!((first.progress.state, first.progress.place), (State::Failed, None));
    assert_eq!(listed().await, [1, 3]);
    assert_eq!(store.retire_broadcasts(APP, 10).await.expect("retired"), 2);
    assert_eq!(listed().await, [3]);
    keyspace.drop().await;
}
