//! What is accepted, in both vendors' words, and who gets it.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{APP, AT_HOME, api, broadcast, numbers, register, start, wait_until_done, wish};
use crate::client::{now_unix_s, post, zegocloud};
use crate::server::Server;

const CONTENT_BYTES_MAX: usize = 32 * 1024;

/// How many broadcasts were accepted.
fn accepted(server: &Server) -> usize {
    let told = api(server, "GET", APP, "broadcasts?limit=100").json();
    told["broadcasts"].as_array().expect("a list").len()
}

#[test]
fn content_of_32_kib_arrives_whole_and_a_byte_more_is_refused() {
    let receiver = Receiver::start([]);
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 1);
    let largest = format!("{}ab", "语".repeat(CONTENT_BYTES_MAX / 3));
    assert_eq!(largest.len(), CONTENT_BYTES_MAX);
    broadcast(&server, &wish(APP, &largest));
    assert_eq!(receiver.delivery().body["data"]["message"]["Content"], *largest);
    let refused = post(server.address, "UserBroadcast", &wish(APP, &format!("{largest}c")));
    assert_eq!((refused.status, &*refused.code()), (413, "InvalidParameter.SizeOverLimit"));

    let message = |text: &str| json!({ "FromUserId": "1", "MessageType": 1, "MessageBody": { "Message": text } });
    let taken = zegocloud(server.address, "SendMessageToAllUsers", &message(&largest));
    assert_eq!(taken["Code"], 0, "{taken}");
    let delivered = receiver.delivery();
    assert_eq!(delivered.body["data"]["message"]["MessageBody"]["Message"], *largest);
    assert_eq!(delivered.body["data"]["action"], "SendMessageToAllUsers");
    let refused =
        zegocloud(server.address, "SendMessageToAllUsers", &message(&format!("{largest}c")));
    assert_eq!(refused["Code"], 660_400_001, "{refused}");
    assert_eq!(accepted(&server), 2);
    assert_eq!(receiver.rest().len(), 0);
}

/// A user with these tags.
fn register_tagged(server: &Server, id: u32, tags: &[&str]) {
    let user = json!({ "UserId": id, "NickName": "n", "Tags": tags });
    let body = json!({ "AppId": APP, "Users": [user] });
    assert_eq!(post(server.address, "RegisterUsers", &body).status, 200);
}

#[test]
fn a_broadcast_reaches_those_who_are_meant_and_to_nobody_nothing_is_sent() {
    let receiver = Receiver::start([]);
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    broadcast(&server, &wish(APP, "to an app without users"));
    wait_until_done(&server, APP, 1);
    register_tagged(&server, 1, &["a"]);
    register_tagged(&server, 2, &["a", "b"]);
    register_tagged(&server, 3, &["c"]);
    let to = |tag_op: u32, tags: &[&str]| {
        let mut wish = wish(APP, "hello");
        wish["TagOp"] = tag_op.into();
        wish["Tags"] = tags.into();
        broadcast(&server, &wish);
    };
    for (tag_op, tags) in [(0, &["nobody"][..]), (1, &["a", "c"]), (1, &["a", "nobody"])] {
        to(tag_op, tags);
    }
    for id in 1..=4 {
        let done = wait_until_done(&server, APP, id);
        assert_eq!((&done["users"], &done["deliveries"]), (&0.into(), &0.into()), "{done}");
    }
    for (tag_op, tags, reached) in
        [(0, &["b", "c"][..], vec![2, 3]), (1, &["a", "b"], vec![2]), (0, &[], vec![1, 2, 3])]
    {
        to(tag_op, tags);
        let mut users = receiver.delivery().users();
        users.sort();
        assert_eq!(users, numbers(reached), "{tag_op} {tags:?}");
    }
    assert_eq!(receiver.rest().len(), 0, "nothing was sent to nobody");
}

#[test]
fn the_21st_of_a_day_is_refused_though_the_server_was_killed_meanwhile() {
    let receiver = Receiver::start([]);
    let data = tempfile::tempdir().expect("a folder");
    // A time zone in which it is noon, so that no day ends meanwhile.
    let offset_h = 12 - i64::try_from(now_unix_s() / 3_600 % 24).expect("a small number");
    let head = format!("allow_private_broadcast_urls = true\ntime_zone = \"{offset_h:+03}:00\"");
    let urls = [receiver.url()];
    let server = start(data.path(), &head, &urls);
    register(&server, APP, 1);
    for _ in 0..12 {
        broadcast(&server, &wish(APP, "hello"));
    }
    server.end("KILL");
    let server = start(data.path(), &head, &urls);
    for _ in 12..20 {
        broadcast(&server, &wish(APP, "hello"));
    }
    let refused = post(server.address, "UserBroadcast", &wish(APP, "one more"));
    assert_eq!((refused.status, &*refused.code()), (429, "FlowLimitExceeded"));
    assert!(refused.text().contains("20 times a day"), "{}", refused.text());
    assert_eq!(accepted(&server), 20);
    wait_until_done(&server, APP, 20);
}

#[test]
fn whoever_is_deregistered_is_delivered_nothing() {
    let receiver = Receiver::start([]);
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 3);
    let gone: Value = json!({ "AppId": APP, "UserIds": [2] });
    let answer = post(server.address, "UnRegisterUsers", &gone);
    assert_eq!(answer.status, 200, "{}", answer.text());
    broadcast(&server, &wish(APP, "hello"));
    let mut users = receiver.delivery().users();
    users.sort();
    assert_eq!(users, ["1", "3"]);
}
