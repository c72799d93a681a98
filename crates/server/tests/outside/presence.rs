//! Who is online: what ZIM's callback tells, durable in the answer to it.

use std::path::Path;

use serde_json::{Value, json};

use crate::client::{APP_ID, ask, post};
use crate::senders::{ONE, Sender, Sent, TWO, Tenant, config, now_unix_ms};
use crate::server::Server;

/// Somebody logged in (0), logged out (1) or was lost (2), so many seconds from now.
fn user_action(user: &str, session: &str, action: u8, at_s: i64) -> Value {
    let at = now_unix_ms() / 1_000 + at_s;
    let mut callback = json!({
        "event": "user_action", "appid": ONE.id.to_string(), "timestamp": at.to_string(),
        "nonce": "350176", "user_id": user, "user_name": "n", "os": "PC ", "action": action,
        "session_id": session, "login_time": at, "relogin": "0",
    });
    let told = ["login_time", "logout_time", "offline_time"][usize::from(action)];
    callback[told] = at.into();
    callback
}

fn tell(server: &Server, tenant: Tenant, body: &Value) -> u16 {
    let Sent { body, .. } = Sender::Zegocloud.sign(tenant, body);
    ask(server.address, "POST", &Sender::Zegocloud.path(ONE), &[], &body).status
}

/// The connections of whoever is online of three users, as `USER CONNECTION PLATFORM`.
fn online(server: &Server) -> Vec<String> {
    let asked = json!({ "AppId": APP_ID, "UserIds": [10001, 10002, 10003] });
    let answer = post(server.address, "QueryOnlineStatus", &asked).json();
    let results = answer["Result"]["QueryOnlineResults"].as_object().expect("results").clone();
    let show = |it: &Value| format!("{} {} {}", it["UserId"], it["ConnId"], it["Platform"]);
    results.values().flat_map(|all| all.as_array().expect("a list")).map(show).collect()
}

#[test]
fn who_logged_in_is_online_until_they_log_out_and_a_kill_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, data) = (folder.path().join("whowas.toml"), folder.path().join("data"));
    std::fs::write(&path, config()).expect("a file");
    let data: &Path = &data;

    let server = Server::configured(data, &path);
    assert_eq!(online(&server), [""; 0]);
    assert_eq!(tell(&server, ONE, &user_action("10001", "s1", 0, -60)), 200);
    assert_eq!(tell(&server, ONE, &user_action("10002", "s2", 0, -60)), 200);
    // With another app's secret nothing is believed.
    assert_eq!(tell(&server, TWO, &user_action("10003", "s3", 0, -60)), 401);
    // An hour ahead of this clock, and long before the retention: successes that change nothing.
    assert_eq!(tell(&server, ONE, &user_action("10003", "s3", 0, 3_600)), 200);
    assert_eq!(tell(&server, ONE, &user_action("10003", "s3", 0, -40 * 86_400)), 200);
    let both = [r#"10001 "s1" "windows""#, r#"10002 "s2" "windows""#];
    assert_eq!(online(&server), both);
    server.end("KILL");

    let server = Server::configured(data, &path);
    assert_eq!(online(&server), both);
    assert_eq!(tell(&server, ONE, &user_action("10001", "s1", 1, -50)), 200);
    assert_eq!(tell(&server, ONE, &user_action("10002", "s2", 2, -50)), 200);
    // Late: they logged in before.
    assert_eq!(tell(&server, ONE, &user_action("10001", "s1", 0, -60)), 200);
    assert_eq!(online(&server), [""; 0]);
    assert_eq!(tell(&server, ONE, &user_action("10002", "s4", 0, -40)), 200);
    assert_eq!(online(&server), [r#"10002 "s4" "windows""#]);

    // Nobody was registered by it.
    let asked = json!({ "AppId": APP_ID, "UserIds": [10001, 10002, 10003] });
    let answer = post(server.address, "BatchGetUser", &asked).json();
    assert_eq!(answer["Result"]["NotFoundUsers"], json!([10001, 10002, 10003]), "{answer}");
    // What lies ahead is kept as a dead letter.
    let token = format!("Bearer {}", ONE.token);
    let headers = [("Authorization", token.as_str())];
    let letters = ask(server.address, "GET", "/v1/dead-letters", &headers, b"").json();
    assert_eq!(letters["total"], 1, "{letters}");
    assert!(letters["letters"][0]["reason"].to_string().contains("ahead"), "{letters}");
}
