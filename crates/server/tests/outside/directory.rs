//! Users, registered and asked for in two vendors' words.

use serde_json::{Value, json};

use crate::client::{self, ask, post, query_user_infos, volcengine};
use crate::server::Server;

fn users(ids: impl IntoIterator<Item = u64>) -> Value {
    let user = |id| json!({ "UserId": id, "NickName": format!("user {id}") });
    json!({ "AppId": 4111, "Users": ids.into_iter().map(user).collect::<Vec<_>>() })
}

fn get_ids(server: &Server, ids: &[u64]) -> Value {
    let answer = post(server.address, "BatchGetUser", &json!({ "AppId": 4111, "UserIds": ids }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["Result"].clone()
}

#[test]
fn one_user_is_known_to_both_dialects() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let answer = post(server.address, "RegisterUsers", &users([10_001]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["Result"], json!({ "FailedInfos": [] }));

    let found = get_ids(&server, &[10_001, 10_002]);
    assert_eq!(found["Users"][0]["NickName"], "user 10001");
    assert_eq!(found["NotFoundUsers"], json!([10_002]));

    let zim = query_user_infos(server.address, &["10001", "nobody"]);
    assert_eq!((&zim["Code"], &zim["Result"][0]["UserName"]), (&0.into(), &"user 10001".into()));
    assert_eq!(zim["ErrorList"], json!([{ "UserId": "nobody", "SubCode": 660_000_002 }]));
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    for first in (1..=200).step_by(20) {
        let answer = post(server.address, "RegisterUsers", &users(first..first + 20));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let (status, _) = server.end("KILL");
    assert_eq!(status.code(), None, "it was killed");

    let server = Server::unlimited(data.path());
    for first in (1..=200).step_by(50) {
        let ids: Vec<u64> = (first..first + 50).collect();
        assert_eq!(get_ids(&server, &ids)["NotFoundUsers"], json!([]));
    }
}

#[test]
fn bad_bodies_are_told_in_the_vendors_words_and_leave_no_trace() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let target = "/?Action=RegisterUsers&Version=2020-12-01";
    let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
    let too_large = vec![b' '; 10 * 1024 * 1024];
    let bodies: [&[u8]; 8] = [
        b"",
        b"{",
        b"[]",
        b"\"text\"",
        b"{\"AppId\":1e400,\"Users\":[{\"UserId\":1}]}",
        b"{\"AppId\":4111,\"Users\":[{\"UserId\":\"1\"}]}",
        deep.as_bytes(),
        &too_large,
    ];
    for body in bodies {
        let answer = volcengine(server.address, "POST", target, body, client::SECRET);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let status = if body.len() > 4 * 1024 * 1024 { 413 } else { 400 };
        assert_eq!(answer.status, status, "{shown}: {}", answer.text());
        assert!(answer.code().starts_with("InvalidParameter"), "{shown}: {}", answer.text());
    }
    assert_eq!(get_ids(&server, &[1])["NotFoundUsers"], json!([1]), "the next good request works");
}

#[test]
fn a_refused_signature_shows_the_canonical_request_and_no_secret() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let target = "/?Action=BatchGetUser&Version=2020-12-01";
    let answer = volcengine(server.address, "POST", target, b"{}", "wrong");
    assert_eq!((answer.status, answer.code().as_str()), (401, "SignatureDoesNotMatch"));
    let said = answer.text();
    assert!(said.contains("Action=BatchGetUser") && said.contains("x-content-sha256"), "{said}");
    assert!(!said.contains(client::SECRET), "{said}");

    let unsigned = ask(server.address, "POST", target, &[], b"{}");
    assert_eq!(unsigned.status, 400, "{}", unsigned.text());
    let nothing = ask(server.address, "GET", "/", &[], b"");
    assert_eq!((nothing.status, nothing.code().as_str()), (400, "MissingParameter"));
}

#[test]
fn the_documented_limit_is_told_in_the_vendors_words() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::demo(data.path(), &[]);
    let body = json!({ "AppId": 4111, "UserIds": [1] });
    let refused = (0..400)
        .map(|_| post(server.address, "BatchGetUser", &body))
        .find(|answer| answer.status != 200)
        .expect("a hundred a second are let through");
    assert_eq!((refused.status, refused.code().as_str()), (429, "FlowLimitExceeded"));
}
