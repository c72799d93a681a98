//! `POST /v1/apps/{app}/users/{id}/erase`: whatever names a user goes, and a receipt says what.

use domain::erasure;
use domain::ids::ParticipantId;
use serde::Serialize;

use super::Asked;
use crate::native::cursor;
use crate::native::envelope::time;
use crate::native::fault::Fault;

/// What one call erased.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::native) struct Answer {
    app: u32,
    id: ParticipantId,
    erased: Erased,
    at: String,
    /// What the next call has to say to do the rest; nothing if all is done.
    next: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Erased {
    profiles: u64,
    connections: u64,
    dead_letters: u64,
    events: u64,
    snapshots: u64,
    /// Of all calls the sum is how many there were; one of them may show more than it removed.
    stays: i64,
}

pub(in crate::native) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let name = asked.names.first().map(String::as_str).unwrap_or_default();
    // The log knows longer ids than the directory.
    let id = ParticipantId::parse(name).map_err(|_| Fault::no_such_user())?;
    let [given] = asked.query.only(["cursor"])?;
    let from = given.map(cursor::parse).transpose()?;
    let receipt = erasure::erase(asked.ctx, asked.app.id, &id, from.as_deref()).await?;
    Ok(Answer {
        app: asked.app.id.0,
        id,
        erased: Erased {
            profiles: receipt.profiles,
            connections: receipt.connections,
            dead_letters: receipt.dead_letters,
            events: receipt.events,
            snapshots: receipt.snapshots,
            stays: receipt.stays,
        },
        at: time(receipt.at_unix_us / 1_000),
        next: receipt.next.as_deref().map(cursor::show),
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::{ConnectionId, Door, EventId, RoomId, SourceName};
    use domain::log::dead::DeadLetter;
    use domain::log::{ClientFacts, Event, Fact, Presence};
    use domain::presence::{Connection, Sighting, State};
    use domain::store::{IfTaken, NewUser};
    use domain::users::Profile;
    use domain::{AppId, UserId};
    use expect_test::expect;

    use super::*;
    use crate::native::testing::{World, wait};

    const APP: AppId = AppId(4111);
    /// A minute before the world's clock.
    const THEN_US: i64 = 1_795_226_503_000_000;

    fn event(id: &str, fact: Fact) -> Event {
        let door = Door::parse("native").unwrap();
        let source = SourceName::parse("sfu").unwrap();
        let id = EventId::parse(id).unwrap();
        Event { app: APP, door, source, id, time_unix_us: THEN_US, fact }
    }

    fn join(who: &str) -> Event {
        let who = Presence {
            room: RoomId::parse("room").unwrap(),
            call: None,
            participant: ParticipantId::parse(who).unwrap(),
            connection: None,
        };
        let id = who.participant.to_string();
        event(&id, Fact::Joined { who, sole: false, client: ClientFacts::default() })
    }

    fn world_with(who: &str) -> World {
        let world = World::new();
        let store = &world.ctx.store;
        let user = UserId::parse(who).unwrap();
        let new = vec![NewUser { id: user.clone(), profile: Profile::default() }];
        wait(store.register_users(APP, new, IfTaken::Leave, 5)).unwrap();
        let connection = Connection {
            id: ConnectionId::parse("s").unwrap(),
            time_unix_us: THEN_US,
            state: State::Online,
            os: None,
        };
        wait(store.note_sightings(vec![Sighting { app: APP, user, connection }])).unwrap();
        let letter = |body: &str| DeadLetter {
            app: APP,
            door: Door::parse("janus").unwrap(),
            received_unix_us: THEN_US,
            reason: "no sense".to_owned(),
            body: Some(body.as_bytes().to_vec()),
        };
        let letters = vec![letter(&format!("{{\"id\":\"{who}\"}}")), letter("{\"id\":\"other\"}")];
        wait(store.keep_dead_letters(letters)).unwrap();
        let room = RoomId::parse("room").unwrap();
        let present = [who, "other"].map(|it| ParticipantId::parse(it).unwrap()).into();
        let snapshot = event("s", Fact::Snapshot { room, call: None, present, told: None });
        wait(store.append_events(vec![join(who), join("other"), snapshot])).unwrap();
        world
    }

    #[test]
    fn a_receipt_says_what_is_gone_and_the_next_one_that_nothing_is_left() {
        let world = world_with("a/b 语");
        let target = "/v1/apps/4111/users/a%2Fb%20%E8%AF%AD/erase";
        world.check("POST", target, expect![[r#"200 {"app":4111,"id":"a/b 语","erased":{"profiles":1,"connections":1,"deadLetters":1,"events":1,"snapshots":1,"stays":1},"at":"2026-11-21T02:02:43.000Z","next":null}"#]]);
        world.check("POST", target, expect![[r#"200 {"app":4111,"id":"a/b 语","erased":{"profiles":0,"connections":0,"deadLetters":0,"events":0,"snapshots":0,"stays":0},"at":"2026-11-21T02:02:43.000Z","next":null}"#]]);
        let user = "/v1/apps/4111/users/a%2Fb%20%E8%AF%AD";
        assert!(world.ask("GET", user).starts_with("404 "));
    }

    #[test]
    fn somebody_unknown_has_a_receipt_of_zeros() {
        let world = World::new();
        world.check("POST", "/v1/apps/4111/users/nobody/erase", expect![[r#"200 {"app":4111,"id":"nobody","erased":{"profiles":0,"connections":0,"deadLetters":0,"events":0,"snapshots":0,"stays":0},"at":"2026-11-21T02:02:43.000Z","next":null}"#]]);
        // Longer than an id of the directory.
        let long = format!("/v1/apps/4111/users/{}/erase", "x".repeat(256));
        assert!(world.ask("POST", &long).starts_with("200 "));
    }

    #[test]
    fn what_is_told_later_brings_no_profile_back() {
        let world = world_with("anna");
        assert!(world.ask("POST", "/v1/apps/4111/users/anna/erase").starts_with("200 "));
        wait(world.ctx.store.append_events(vec![join("anna")])).unwrap();
        let connection = Connection {
            id: ConnectionId::parse("s").unwrap(),
            time_unix_us: THEN_US,
            state: State::Online,
            os: None,
        };
        let user = UserId::parse("anna").unwrap();
        let seen = Sighting { app: APP, user, connection };
        wait(world.ctx.store.note_sightings(vec![seen])).unwrap();
        assert!(world.ask("GET", "/v1/apps/4111/users/anna").starts_with("404 "));
    }

    #[test]
    fn what_nobody_can_have_or_say_is_refused() {
        let world = World::new();
        let told = [
            world.ask("POST", "/v1/apps/4111/users/a%00b/erase"),
            world.ask("POST", &format!("/v1/apps/4111/users/{}/erase", "x".repeat(257))),
            world.ask("POST", "/v1/apps/4111/users/a/erase?cursor="),
            world.ask("POST", "/v1/apps/4111/users/a/erase?cursor=a"),
            world.ask("POST", "/v1/apps/4111/users/a/erase?cursor=x%20y"),
            world.ask("POST", "/v1/apps/4111/users/a/erase?cursor=AA=="),
            world.ask("POST", "/v1/apps/4111/users/a/erase?all=1"),
            world.ask("GET", "/v1/apps/4111/users/a/erase"),
        ];
        expect![[r#"
            404 {"error":"nobody is registered with this id","code":"no_such_user"}
            404 {"error":"nobody is registered with this id","code":"no_such_user"}
            400 {"error":"`cursor` is none that a call before has told","code":"invalid_parameter"}
            400 {"error":"`cursor` is none that a call before has told","code":"invalid_parameter"}
            400 {"error":"`cursor` is none that a call before has told","code":"invalid_parameter"}
            400 {"error":"`cursor` is none that a call before has told","code":"invalid_parameter"}
            400 {"error":"there is no parameter `all` here","code":"invalid_parameter"}
            405 {"error":"this path is not asked with GET","code":"method_not_allowed"}"#]]
        .assert_eq(&told.join("\n"));
        assert!(world.ask("POST", "/v1/apps/4112/users/a/erase").starts_with("401 "));
    }
}
