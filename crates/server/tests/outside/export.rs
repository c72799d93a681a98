//! What is read out of a running server by the command line: `whowas stays` and `whowas users`.

use std::fs;

use serde_json::{Value, json};

use crate::client::{TOKEN, ask, now_unix_s, post};
use crate::server::{Server, whowas};

const USERS: usize = 1_250;

fn run(server: &Server, words: &[&str]) -> (Option<i32>, String, String) {
    let address = format!("http://{}", server.address);
    let target = ["--server", &address, "--app", "4111"];
    let mut command = whowas(&[words, &target].concat());
    let output = command.env("WHOWAS_API_TOKEN", TOKEN).output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn filled(folder: &std::path::Path) -> Server {
    let server = Server::unlimited(folder);
    let ids: Vec<usize> = (1..=USERS).collect();
    for some in ids.chunks(20) {
        let user = |id: &usize| {
            let (name, tag) = (format!("名 {id}, \"x\""), format!("m{}", id % 5));
            json!({"UserId": id, "NickName": name, "Tags": [tag]})
        };
        let users: Vec<Value> = some.iter().map(user).collect();
        let answer = post(server.address, "RegisterUsers", &json!({"AppId": 4111, "Users": users}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let event = |n: i64| {
        let time = jiff::Timestamp::from_second(now_unix_s() as i64 - 600 + n).expect("a time");
        json!({"specversion": "1.0", "id": format!("e{n}"), "source": "s",
               "type": "rtc.participant.joined", "time": time.to_string(),
               "data": {"roomId": format!("room{}", n % 2), "callId": "c",
                        "userId": (n + 1).to_string()}})
    };
    let events: Vec<Value> = (0..6).map(event).collect();
    let bearer = format!("Bearer {TOKEN}");
    let kind = "application/cloudevents-batch+json";
    let headers = [("Authorization", &*bearer), ("Content-Type", kind)];
    let body = Value::from(events).to_string();
    assert_eq!(ask(server.address, "POST", "/v1/events", &headers, body.as_bytes()).status, 200);
    server
}

#[test]
fn a_directory_and_a_log_are_written_out_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = filled(&folder.path().join("data"));
    let file = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();

    let (status, rows, said) = run(&server, &["users", "export"]);
    assert_eq!(status, Some(0), "{said}");
    let mut ids: Vec<u64> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).expect("JSON"))
        .map(|user| user["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"))
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=USERS as u64).collect::<Vec<_>>());

    let csv = file("some.csv");
    let some = ["users", "export", "--tags", "m1 OR m2", "--output", &csv];
    let (status, _, said) = run(&server, &some);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("500 users"), "{said}");
    let text = fs::read_to_string(&csv).expect("it is there");
    let mut lines = text.split("\r\n");
    let head = "id,name,portrait,tags,ext,extra,robot,created,modified";
    assert_eq!(lines.next(), Some(head));
    assert_eq!(text.matches("\r\n").count(), 501);
    assert!(text.contains("1,\"名 1, \"\"x\"\"\",,\"[\"\"m1\"\"]\",{},,false,"), "{text}");
    let (status, _, said) = run(&server, &some);
    assert_eq!(status, Some(2), "nothing is written over");
    assert!(said.contains("is there; name another file"), "{said}");

    let (status, rows, _) = run(&server, &["stays", "export", "--room", "room1"]);
    assert_eq!((status, rows.lines().count()), (Some(0), 3), "{rows}");
    let (status, table, said) = run(&server, &["stays", "list", "--limit", "4"]);
    assert_eq!((status, table.lines().count()), (Some(0), 5), "{table}");
    assert!(table.starts_with("JOINED ") && table.contains("  still there  "), "{table}");
    assert!(said.contains("there are more"), "{said}");
    let (_, told, _) = run(&server, &["stays", "list", "--user", "3", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["stays"][0]["userId"], &told["next"]), (&json!("3"), &Value::Null));
    let (status, _, said) = run(&server, &["stays", "list", "--from", "yesterday"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("`from` is no time, such as 2026-11-20T12:00:00Z is one"), "{said}");

    let (status, told, said) = run(&server, &["users", "get", "7", "nobody", "--json"]);
    assert_eq!(status, Some(1));
    assert_eq!(serde_json::from_str::<Value>(&told).expect("JSON")["id"], "7");
    assert!(said.contains("nobody has the id nobody"), "{said}");
    let (status, told, _) = run(&server, &["users", "get", "7"]);
    assert!(status == Some(0) && told.contains("name      名 7, \"x\"\n"), "{told}");
}

#[test]
fn an_export_that_was_cut_off_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = filled(&folder.path().join("data"));
    let file = folder.path().join("users.ndjson");
    let name = file.to_str().expect("text");
    let (_, whole, _) = run(&server, &["users", "export"]);
    // As a kill in the second page leaves it: it knows of one page, and has a part of another.
    let address = format!("http://{}", server.address);
    let bearer = format!("Bearer {TOKEN}");
    let target = "/v1/apps/4111/users?limit=1000";
    let page = ask(server.address, "GET", target, &[("Authorization", &bearer)], b"").json();
    let first: String = whole.lines().take(1_000).map(|line| format!("{line}\n")).collect();
    let asked = json!({"server": address, "app": 4111, "of": "users", "csv": false, "query": []});
    let at = json!({"asked": asked,
                    "bytes": first.len(), "rows": 1_000, "cursor": page["next"]});
    fs::write(format!("{name}.part"), format!("{first}{{\"id\":\"10")).expect("written");
    fs::write(format!("{name}.part.at"), at.to_string()).expect("written");
    let (status, _, said) = run(&server, &["users", "export", "--output", name]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("going on behind 1000 rows"), "{said}");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), whole);
}
