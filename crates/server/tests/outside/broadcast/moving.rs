//! Broadcasts that are under way when their store is copied.

use std::path::Path;

use super::receiver::{Receiver, Say, Seen};
use super::{APP, AT_HOME, api, broadcast, job, register, start, wait_until_done, wish};
use crate::load::{Said, run};
use crate::server::whowas;

fn copy(from: &Path, to: &Path, more: &[&str]) -> Said {
    let at = |folder: &Path| format!("embedded:{}", folder.join("data").display());
    let mut command = whowas(&["store", "copy", "--from", &at(from), "--to", &at(to)]);
    command.args(more).arg("--state").arg(to.join("state"));
    run(command)
}

#[test]
fn what_is_left_to_the_source_is_not_delivered_from_the_copy_unless_it_is_retried() {
    let receiver = Receiver::start([Say::Silence]);
    let [from, to, cancelling] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let server = start(from.path(), AT_HOME, &[receiver.url()]);
    register(&server, APP, 3);
    broadcast(&server, &wish(APP, "one"));
    let held = receiver.delivery();
    server.end("KILL");
    assert!(matches!(receiver.next(), Seen::HungUp));

    let copied = copy(from.path(), to.path(), &[]);
    assert_eq!(copied.status, Some(0), "{copied:?}");
    assert!(copied.err.contains("1 broadcasts are under way. They go on in the"), "{copied:?}");
    let copied = copy(from.path(), cancelling.path(), &["--cancel-broadcasts"]);
    assert_eq!(copied.status, Some(0), "{copied:?}");
    assert!(copied.err.contains("under way. In the target they are cancelled"), "{copied:?}");

    let server = start(cancelling.path(), AT_HOME, &[receiver.url()]);
    let left = job(&server, APP, 1);
    assert_eq!(left["state"], "cancelled", "{left}");
    let reason = left["lastFailure"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("was left to the source"), "{left}");
    broadcast(&server, &wish(APP, "two"));
    assert_eq!(receiver.delivery().body["data"]["broadcastId"], 2);
    wait_until_done(&server, APP, 2);
    let retried = api(&server, "POST", APP, "broadcasts/1/retry");
    assert_eq!(retried.status, 200, "{}", retried.text());
    let again = receiver.delivery();
    assert_eq!((&again.id, again.users()), (&held.id, held.users()));
    wait_until_done(&server, APP, 1);
    server.end("TERM");

    let server = start(to.path(), AT_HOME, &[receiver.url()]);
    assert_eq!(receiver.delivery().id, held.id, "it goes on by itself");
    wait_until_done(&server, APP, 1);
    assert_eq!(receiver.rest().len(), 0);
}
