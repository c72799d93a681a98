//! `QueryOnlineStatus`: which of up to 100 users are online, and on what.
//!
//! Whoever is in a room by the room log is online, and whoever's client told that it is; each
//! connection of theirs is an entry. Only users whose ids are positive numbers exist for this
//! action.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::ParticipantId;
use domain::log::present::open_spans;
use domain::{AppId, UserId, log, presence};
use serde::{Deserialize, Serialize};

use super::Asked;
use super::list_user_info::os;
use crate::volcengine::body;
use crate::volcengine::fault::Fault;

const IDS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    user_ids: Option<Vec<i64>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct Answer {
    app_id: u32,
    /// By the user's number; of those who are online only.
    query_online_results: BTreeMap<i64, Vec<Connection>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Connection {
    conn_id: String,
    user_id: i64,
    device_id: i64,
    client_version: i64,
    platform: &'static str,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let Parameters { user_ids } = body::parse(asked.body, asked.headers)?;
    let longs = body::check_len("UserIds", user_ids, IDS_MAX)?;
    let distinct: BTreeSet<i64> = longs.into_iter().collect();
    let users: Vec<UserId> = distinct.into_iter().filter_map(UserId::from_long).collect();
    let participant =
        |id: &UserId| ParticipantId::parse(id.as_str()).expect("an id of the log may be longer");
    let participants = users.iter().map(participant).collect();
    let mut query_online_results: BTreeMap<i64, Vec<Connection>> = BTreeMap::new();
    let mut show = |stay: &log::Stay| {
        let user_id = stay.participant.as_str().parse().expect("a number was asked for");
        let connections = open_spans(stay).map(|span| Connection {
            // V32. The log keeps no ids of connections, devices and versions as numbers.
            conn_id: span.joined_unix_us.to_string(),
            user_id,
            device_id: 0,
            client_version: 0,
            platform: os(stay.client.os),
        });
        query_online_results.entry(user_id).or_default().extend(connections);
    };
    log::where_are(asked.ctx, asked.app.id, participants, &mut show).await?;
    let online = presence::online(asked.ctx, asked.app.id, &users).await?;
    for (user, online) in users.iter().zip(online) {
        let Some(user_id) = user.as_long().filter(|_| !online.is_empty()) else { continue };
        let connections = online.into_iter().map(|it| Connection {
            conn_id: it.id.as_str().to_owned(),
            user_id,
            device_id: 0,
            client_version: 0,
            platform: os(it.os),
        });
        query_online_results.entry(user_id).or_default().extend(connections);
    }
    let AppId(app_id) = asked.app.id;
    Ok(Answer { app_id, query_online_results })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use domain::presence::State;

    use crate::volcengine::testing::{World, post};

    fn ask(world: &World, ids: &str) -> String {
        let body = format!(r#"{{"AppId":4111,"UserIds":[{ids}]}}"#);
        world.ask(post("QueryOnlineStatus", body))
    }

    #[test]
    fn whoever_is_in_a_room_is_online_with_each_connection() {
        let world = World::new();
        world.join(-60, ("r1", "c1"), "10001", "ios");
        world.join(-50, ("r2", "c2"), "10001", "web");
        world.join(-40, ("r1", "c1"), "10002", "BeOS");
        world.join(-60, ("r1", "c1"), "10003", "ios");
        world.leave(-10, ("r1", "c1"), "10003");
        world.join(-60, ("r1", "c1"), "010004", "ios");
        world.join(-60, ("r1", "c1"), "alice", "ios");
        expect![[r#"200 {"AppId":4111,"QueryOnlineResults":{"10001":[{"ClientVersion":0,"ConnId":"1795226503500000","DeviceId":0,"Platform":"ios","UserId":10001},{"ClientVersion":0,"ConnId":"1795226513500000","DeviceId":0,"Platform":"web","UserId":10001}],"10002":[{"ClientVersion":0,"ConnId":"1795226523500000","DeviceId":0,"Platform":"unknown","UserId":10002}]}}"#]].assert_eq(&ask(&world, "10002,10003,10001,10004,0,-1,10002"));
        expect![[r#"200 {"AppId":4111,"QueryOnlineResults":{}}"#]]
            .assert_eq(&ask(&world, "10003,9223372036854775807"));
    }

    #[test]
    fn whoever_logged_in_is_online_until_they_log_out_or_nothing_is_heard_of_them() {
        let world = World::new();
        world.join(-40, ("r1", "c1"), "10001", "ios");
        world.seen(-50, "10001", "s1", State::Online);
        world.seen(-60, "10002", "s2", State::Online);
        world.seen(-60, "10003", "s3", State::Online);
        world.seen(-50, "10003", "s3", State::LoggedOut);
        world.seen(-60, "10004", "s4", State::Online);
        world.seen(-50, "10004", "s4", State::Offline);
        world.seen(-86_401, "10005", "s5", State::Online);
        world.seen(-86_400, "10006", "s6", State::Online);
        expect![[r#"200 {"AppId":4111,"QueryOnlineResults":{"10001":[{"ClientVersion":0,"ConnId":"1795226523500000","DeviceId":0,"Platform":"ios","UserId":10001},{"ClientVersion":0,"ConnId":"s1","DeviceId":0,"Platform":"android","UserId":10001}],"10002":[{"ClientVersion":0,"ConnId":"s2","DeviceId":0,"Platform":"android","UserId":10002}],"10006":[{"ClientVersion":0,"ConnId":"s6","DeviceId":0,"Platform":"android","UserId":10006}]}}"#]].assert_eq(&ask(&world, "10001,10002,10003,10004,10005,10006,10002"));
    }

    #[test]
    fn one_to_100_numbers_stand_in_a_request() {
        let world = World::new();
        let told = [
            ask(&world, ""),
            ask(&world, &["1"; 101].join(",")),
            ask(&world, &["1"; 100].join(",")),
            ask(&world, "\"1\""),
            ask(&world, "1.0"),
            ask(&world, "null"),
            ask(&world, "9223372036854775808"),
            world.ask(post("QueryOnlineStatus", r#"{"AppId":4111}"#)),
            world.ask(post("QueryOnlineStatus", r#"{"AppId":4112,"UserIds":[1]}"#)),
            world.ask(post("QueryOnlineStatus", r#"{"AppId":"4111","UserIds":[1]}"#)),
            world.ask(post("QueryOnlineStatus", "")),
        ];
        expect![[r#"
            400 InvalidParameter 990001 UserIds is empty; it must have 1 to 100 items.
            400 InvalidParameter.UserCountOverLimit 990009 UserIds has 101 items; it must have 1 to 100.
            200 {"AppId":4111,"QueryOnlineResults":{}}
            400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: string "1", expected a Long, without quotes at line 1 column 28.
            400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: floating point `1.0`, expected a Long, without quotes at line 1 column 28.
            400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid type: null, expected a Long, without quotes at line 1 column 29.
            400 InvalidParameter.Unmarshal 990006 UserIds[0] cannot be read: invalid value: integer `9223372036854775808`, expected a Long, without quotes at line 1 column 44.
            400 MissingParameter 100002 The request is missing UserIds parameter.
            403 AccessDenied.NoPermissionForApp 990010 This access key has no permission for this AppId, or there is no such app. Check AppId and the access_keys of the app.
            400 InvalidParameter.IllegalAppId 990007 AppId must be a JSON integer from 0 to 4294967295, without quotes.
            400 InvalidParameter.BodyIsEmpty 990005 The body is empty; it must be a JSON object."#]].assert_eq(&told.join("\n"));
    }
}
