//! What is authentic and useless: kept without secrets, listed, read again, removed.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::AppId;
use domain::clock::{Clock, SystemClock};
use domain::ids::Door;
use domain::log::dead::DeadLetter;
use domain::store::Store as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stores::embedded::{Embedded, Options};

use crate::client::{APP_ID, Answer, TOKEN, ask, get, list_user_info};
use crate::server::Server;

const HOOK: &str = "/hooks/livekit/4111";
const PASSWORD: &str = "the-password-of-the-relay";

pub(crate) fn now_unix_s() -> i64 {
    SystemClock.now_unix_s()
}

/// A webhook, signed as LiveKit does with the demo's key.
fn send_webhook(to: SocketAddr, body: &str) -> Answer {
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let head = encode(json!({ "alg": "HS256", "typ": "JWT" }));
    let hash = STANDARD.encode(Sha256::digest(body));
    let now = now_unix_s();
    let claims = json!({ "iss": "devkey", "nbf": now, "exp": now + 300, "sha256": hash });
    let signed = format!("{head}.{}", encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("any length will do");
    mac.update(signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/webhook+json")];
    ask(to, "POST", HOOK, &headers, body.as_bytes())
}

/// Somebody who joins, in a room with a password.
pub(crate) fn joined(id: &str, identity: &Value, unix_s: i64) -> Value {
    json!({
        "event": "participant_joined", "id": id, "createdAt": unix_s.to_string(),
        "room": { "sid": "RM_1", "name": "Room9", "turnPassword": PASSWORD },
        "participant": { "sid": "PA_1", "identity": identity },
    })
}

/// Asks `/v1` with the demo's token.
pub(crate) fn native(server: &Server, method: &str, path: &str) -> Answer {
    let token = format!("Bearer {TOKEN}");
    ask(server.address, method, path, &[("Authorization", &token)], b"")
}

fn list(server: &Server) -> Value {
    let answer = native(server, "GET", "/v1/dead-letters");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn count(server: &Server, outcome: &str) -> u64 {
    let metrics = get(server.address, "/metrics").text();
    let name = format!("whowas_dead_letters_total{{source=\"livekit\",outcome=\"{outcome}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().expect("a number"))
}

fn holds(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn what_makes_no_sense_is_kept_without_its_secrets_and_once() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let nobody = joined("EV_1", &json!(17), now_unix_s()).to_string();
    for _ in 0..3 {
        assert_eq!(send_webhook(server.address, &nobody).status, 200);
    }
    let early = joined("EV_2", &json!("lovelace"), now_unix_s() + 86_400).to_string();
    assert_eq!(send_webhook(server.address, &early).status, 200);
    assert_eq!(send_webhook(server.address, "no JSON, turnPassword").status, 200);
    assert_eq!(ask(server.address, "POST", HOOK, &[], nobody.as_bytes()).status, 401);

    let listed = list(&server);
    assert_eq!((&listed["total"], &listed["next"]), (&3.into(), &Value::Null), "{listed}");
    let letters = listed["letters"].as_array().expect("a list");
    let reasons: Vec<&str> = letters.iter().filter_map(|it| it["reason"].as_str()).collect();
    assert_eq!(
        reasons,
        [
            "participant_joined EV_1: `participant.identity` is missing",
            "its time is more than 600 seconds ahead of this server's clock",
            "the body is not a JSON object",
        ]
    );
    assert!(letters.iter().all(|letter| letter["door"] == "livekit"));
    let body = letters[0]["body"].as_str().expect("a body");
    let mut expected: Value = serde_json::from_str(&nobody).expect("JSON");
    expected["room"].as_object_mut().expect("a room").remove("turnPassword");
    assert_eq!(serde_json::from_str::<Value>(body).expect("JSON"), expected);
    assert_eq!(letters[2].get("body"), None, "what cannot be searched is not kept");
    assert_eq!(count(&server, "kept"), 2);
    assert_eq!(count(&server, "kept_without_body"), 1);
    assert_eq!(count(&server, "repeated"), 2);

    let (_, said) = server.end("KILL");
    assert!(!said.contains(PASSWORD) && !said.contains("lovelace"), "{said}");
    assert!(holds(data.path(), b"EV_1"), "the letters are in a file");
    assert!(!holds(data.path(), PASSWORD.as_bytes()));
    let server = Server::unlimited(data.path());
    assert_eq!(list(&server), listed, "they survive a kill");
    let first = &letters[0]["id"];
    let remove = format!("/v1/dead-letters?id={first}&id=99999");
    assert_eq!(native(&server, "DELETE", &remove).json(), json!({ "removed": 1 }));
    assert_eq!(list(&server)["total"], 2);
    assert_eq!(send_webhook(server.address, &nobody).status, 200);
    assert_eq!(list(&server)["total"], 3, "what was removed is kept when it comes again");
}

/// Letters that an older version could not read, and this one can.
pub(crate) fn seed(data: &Path, letters: Vec<(&str, Option<String>)>) {
    let letter = |(door, body): (&str, Option<String>)| DeadLetter {
        app: AppId(APP_ID),
        door: Door::parse(door).expect("a door"),
        received_unix_us: SystemClock.now_unix_us(),
        reason: "an older version could not read it".to_owned(),
        body: body.map(String::into_bytes),
    };
    let seeded = tempfile::tempdir().expect("a folder");
    let store = Embedded::open(&Options::new(seeded.path())).expect("the store opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let letters = letters.into_iter().map(letter).collect();
    runtime.block_on(store.keep_dead_letters(letters)).expect("they are kept");
    drop(store);
    // A process that another test starts right now holds this one's locks until it is a program of
    // its own, so the server gets a copy that was never locked.
    for file in std::fs::read_dir(seeded.path()).expect("a folder") {
        let file = file.expect("a file");
        if !file.file_name().to_string_lossy().contains("lock") {
            std::fs::copy(file.path(), data.join(file.file_name())).expect("it is copied");
        }
    }
}

#[test]
fn what_a_newer_version_understands_is_recorded_and_goes() {
    let data = tempfile::tempdir().expect("a folder");
    let now = now_unix_s();
    seed(
        data.path(),
        vec![
            ("livekit", Some(joined("EV_1", &json!("ada"), now - 60).to_string())),
            ("livekit", Some(joined("EV_2", &json!(17), now - 60).to_string())),
            ("livekit", None),
            ("nobody", Some("{}".to_owned())),
            ("livekit", Some(joined("EV_3", &json!("bob"), now + 86_400).to_string())),
            ("livekit", Some(joined("EV_4", &json!("eve"), 1).to_string())),
        ],
    );
    let server = Server::unlimited(data.path());
    assert_eq!(list_user_info(server.address, "Room9")["Total"], 0);
    let replay = |query: &str| {
        let path = format!("/v1/dead-letters/replay{query}");
        let answer = native(&server, "POST", &path);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let first = replay("?limit=4");
    let next = first["next"].as_u64().expect("there are more");
    assert_eq!(
        first,
        json!({ "replayed": 1, "stored": 1, "duplicates": 0, "expired": 0, "stillDead": 3,
                "next": next })
    );
    assert_eq!(
        replay(&format!("?after={next}")),
        json!({ "replayed": 1, "stored": 0, "duplicates": 0, "expired": 1, "stillDead": 1,
                "next": null })
    );
    let found = list_user_info(server.address, "Room9");
    assert_eq!((&found["Total"], &found["UserList"][0]["UserId"]), (&1.into(), &"ada".into()));
    let listed = list(&server);
    assert_eq!(listed["total"], 4, "{listed}");
    assert_eq!(replay("")["replayed"], 0);
}

#[test]
fn letters_are_shown_page_by_page_to_their_app_alone() {
    let data = tempfile::tempdir().expect("a folder");
    seed(data.path(), (0..3).map(|n| ("livekit", Some(n.to_string()))).collect());
    let config = data.path().join("whowas.toml");
    let text = format!(
        "[[apps]]\nid = {APP_ID}\nevent_token = \"{TOKEN}\"\n[[apps]]\nid = 2\nevent_token = \"two\"\n"
    );
    std::fs::write(&config, text).expect("a file");
    let server = Server::configured(data.path(), &config);
    let page = |query: &str| native(&server, "GET", &format!("/v1/dead-letters?{query}")).json();
    let first = page("limit=2");
    let bodies = |page: &Value| {
        let letters = page["letters"].as_array().expect("a list").iter();
        letters.map(|letter| letter["body"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((bodies(&first), &first["total"]), (vec![json!("0"), json!("1")], &3.into()));
    let second = page(&format!("limit=2&after={}", first["next"]));
    assert_eq!((bodies(&second), &second["next"]), (vec![json!("2")], &Value::Null));

    let as_two = [("Authorization", "Bearer two")];
    let theirs = ask(server.address, "GET", "/v1/dead-letters", &as_two, b"").json();
    assert_eq!(theirs, json!({ "app": 2, "total": 0, "letters": [], "next": null }));
    let id = &first["letters"][0]["id"];
    let remove = format!("/v1/dead-letters?id={id}");
    let removed = ask(server.address, "DELETE", &remove, &as_two, b"").json();
    assert_eq!(removed, json!({ "removed": 0 }));
    for (method, path, status) in [
        ("GET", "/v1/dead-letters?limit=0", 400),
        ("DELETE", "/v1/dead-letters", 400),
        ("POST", "/v1/dead-letters", 405),
        ("GET", "/v1/dead-letters/replay", 405),
    ] {
        assert_eq!(native(&server, method, path).status, status, "{method} {path}");
        assert_eq!(ask(server.address, method, path, &[], b"").status, 401, "{method} {path}");
    }
    assert_eq!(list(&server)["total"], 3);
}
