//! Receivers that fail, in each way that there is.

use std::net::TcpListener;

use serde_json::json;

use super::receiver::{Receiver, Say, Seen};
use super::{
    APP, AT_HOME, api, broadcast, job, numbers, reason, register, start, wait_for, wait_until_done,
    wish,
};

#[test]
fn a_receiver_that_fails_and_recovers_gets_everything_with_the_same_id() {
    let receiver = Receiver::start([500; 20].map(Say::Status));
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 3);
    broadcast(&server, &wish(APP, "hello"));
    let first = receiver.delivery();
    let failed = wait_for(&server, APP, 1, |job| job["lastFailure"].is_object());
    assert_eq!(
        failed["lastFailure"],
        json!({ "status": 500, "reason": "the receiver answered 500" })
    );
    assert_eq!(failed["users"], 0, "{failed}");
    // The next attempt may have begun by now.
    let is_later = failed["nextAttempt"].as_str() > failed["created"].as_str();
    assert!(failed["state"] == "running" || is_later, "{failed}");
    let second = receiver.delivery();
    assert_eq!((&second.id, &second.body), (&first.id, &first.body), "a repeat is recognisable");

    // Nobody waits for the back-off to end who says that the receiver is well again.
    wait_for(&server, APP, 1, |job| job["failures"].as_u64() >= Some(2));
    receiver.recover();
    let retried = api(&server, "POST", APP, "broadcasts/1/retry");
    // It cannot be retried while it is tried, or once it is done.
    assert!([200, 409].contains(&retried.status), "{}", retried.text());
    let done = wait_until_done(&server, APP, 1);
    assert_eq!((&done["users"], &done["deliveries"]), (&3.into(), &1.into()), "{done}");
    assert_eq!((&done["lastFailure"], &done["failures"]), (&json!(null), &0.into()), "{done}");
    let rest = receiver.rest();
    let is_first = |seen: &Seen| matches!(seen, Seen::Came(again) if again.id == first.id);
    assert!(!rest.is_empty() && rest.iter().all(is_first), "{rest:?}");
}

#[test]
fn a_receiver_that_never_answers_slows_only_itself() {
    let silent = Receiver::start([Say::Silence]);
    let quick = Receiver::start([]);
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[silent.url(), quick.url()]);
    let other = APP + 1;
    register(&server, APP, 1);
    register(&server, other, 2_001);
    broadcast(&server, &wish(APP, "slow"));
    let first = silent.delivery();
    broadcast(&server, &wish(other, "quick"));
    let done = wait_until_done(&server, other, 1);
    assert_eq!((&done["users"], &done["deliveries"]), (&2_001.into(), &3.into()), "{done}");
    let slow = job(&server, APP, 1);
    assert_eq!((&slow["state"], &slow["failures"]), (&"running".into(), &0.into()), "{slow}");

    assert!(matches!(silent.next(), Seen::HungUp), "the server gives up waiting");
    assert_eq!(reason(&server, APP, 1), "the receiver did not answer in 15 s");
    assert_eq!(silent.delivery().id, first.id, "and tries again");
    assert_eq!(wait_until_done(&server, APP, 1)["users"], 1);
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start([]);
    let receiver = Receiver::start([(); 3].map(|()| Say::Redirect(elsewhere.url())));
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 1);
    broadcast(&server, &wish(APP, "hello"));
    let first = receiver.delivery();
    let failed = wait_for(&server, APP, 1, |job| job["lastFailure"].is_object());
    let expected = json!({ "status": 307,
        "reason": "the receiver answered 307, a redirect, which is not followed" });
    assert_eq!(failed["lastFailure"], expected);
    receiver.recover();
    assert_eq!(receiver.delivery().id, first.id);
    wait_until_done(&server, APP, 1);
    assert_eq!(elsewhere.rest().len(), 0, "nobody was sent there");
}

#[test]
fn who_is_gone_and_comes_back_is_delivered_to() {
    let data = tempfile::tempdir().expect("a folder");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let server = start(data.path(), AT_HOME, &[format!("http://{free}/broadcasts?a=b")]);
    register(&server, APP, 1);
    broadcast(&server, &wish(APP, "hello"));
    let said = reason(&server, APP, 1);
    assert_eq!(said, "no connection to the receiver could be made");
    let receiver = Receiver::start_at(&free.to_string(), []);
    assert_eq!(receiver.delivery().users(), ["1"]);
    wait_until_done(&server, APP, 1);
}

#[test]
fn a_message_ends_with_its_time() {
    let receiver = Receiver::start([500; 20].map(Say::Status));
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 1);
    let mut short = wish(APP, "now or never");
    short["MsgTTL"] = 4.into();
    broadcast(&server, &short);
    let over = wait_for(&server, APP, 1, |job| job["state"] == "expired");
    assert_eq!(over["users"], 0, "{over}");
    // On a machine that is slow its time may be over before it is tried.
    let why = &over["lastFailure"];
    assert!(why.is_null() || why["status"] == 500, "{over}");
    assert!(over["changed"].as_str() >= over["expires"].as_str(), "{over}");
    let kept = api(&server, "POST", APP, "broadcasts/1/retry");
    assert_eq!(kept.status, 409, "{}", kept.text());
    receiver.recover();
    broadcast(&server, &wish(APP, "later"));
    wait_until_done(&server, APP, 2);
    let came = receiver.rest().into_iter().map(|seen| match seen {
        Seen::Came(delivery) => delivery.body["data"]["broadcastId"].clone(),
        Seen::HungUp => json!(null),
    });
    let came: Vec<_> = came.collect();
    let (last, earlier) = came.split_last().expect("the later one came");
    assert_eq!(last, &json!(2), "{came:?}");
    assert!(earlier.iter().all(|id| *id == 1), "{came:?}");
}

/// A server is ended so in the middle of a broadcast to 2,500 users; the next one goes on.
fn end_in_the_middle(signal: &str) {
    let receiver = Receiver::start([Say::Status(200), Say::Silence]);
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 2_500);
    broadcast(&server, &wish(APP, "hello"));
    let (first, held) = (receiver.delivery(), receiver.delivery());
    assert_eq!((first.users().len(), held.users().len()), (1_000, 1_000));
    server.end(signal);
    assert!(matches!(receiver.next(), Seen::HungUp));
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    let again = receiver.delivery();
    assert_eq!((&again.id, again.users()), (&held.id, held.users()), "a repeat with its id");
    let last = receiver.delivery();
    let done = wait_until_done(&server, APP, 1);
    assert_eq!((&done["users"], &done["deliveries"]), (&2_500.into(), &3.into()), "{done}");
    let mut all = [first.users(), again.users(), last.users()].concat();
    all.sort();
    assert_eq!(all, numbers(1..=2_500), "nobody is missed, and nobody is in two ids");
    assert_eq!(receiver.rest().len(), 0);
}

#[test]
fn a_killed_server_goes_on_where_it_was() {
    end_in_the_middle("KILL");
}

#[test]
fn a_stopped_server_goes_on_where_it_was() {
    end_in_the_middle("TERM");
}

#[test]
fn nobody_is_told_twice_of_what_was_cancelled() {
    let receiver = Receiver::start([500; 20].map(Say::Status));
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 1);
    broadcast(&server, &wish(APP, "hello"));
    wait_for(&server, APP, 1, |job| job["lastFailure"].is_object());
    let cancelled = api(&server, "POST", APP, "broadcasts/1/cancel");
    assert_eq!(cancelled.json()["state"], "cancelled", "{}", cancelled.text());
    receiver.recover();
    broadcast(&server, &wish(APP, "other"));
    // What was on its way comes before: the broadcasts of an app take turns.
    while receiver.delivery().body["data"]["broadcastId"] != 2 {}
    wait_until_done(&server, APP, 2);
    server.end("KILL");
    let server = start(data.path(), AT_HOME, &[receiver.url()]);
    assert_eq!(job(&server, APP, 1)["state"], "cancelled");
    broadcast(&server, &wish(APP, "later"));
    assert_eq!(receiver.delivery().body["data"]["broadcastId"], 3);
    wait_until_done(&server, APP, 3);
    assert_eq!(receiver.rest().len(), 0);
}
