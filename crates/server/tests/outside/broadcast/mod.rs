//! Broadcasts from outside: accepted in the vendors' words, delivered to receivers of all kinds,
//! told on the stream, looked after with the command.
//!
//! What is judged without a wire (back-off, leases, quotas of a day, who is reached) is held by the
//! tests inside the program.

mod addresses;
mod commands;
mod moving;
mod receiver;
mod receivers;
mod requests;
mod stream;

use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::receiver::SECRET;
use crate::client::{self, Answer, ask, post};
use crate::server::{Server, whowas};

/// The first app; another has the next number.
const APP: u32 = client::APP_ID;

fn token(app: u32) -> String {
    format!("token-{app}")
}

/// A config with an app for each receiver's address, and what else stands at its head.
fn config(head: &str, urls: &[String]) -> String {
    let (key, secret) = (client::KEY_ID, client::SECRET);
    let app = |(app, url): (u32, &String)| {
        let zego = client::SERVER_SECRET;
        let token = token(app);
        format!(
            "[[apps]]\nid = {app}\nrtc_id = \"661e{app:020}\"\nevent_token = \"events-{app}\"\n\
             api_token = \"{token}\"\nserver_secret = \"{zego}\"\nbroadcast_url = \"{url}\"\n\
             broadcast_secret = \"{SECRET}\"\n\
             access_keys = [{{ id = \"{key}\", secret = \"{secret}\" }}]\n"
        )
    };
    format!("{head}\n{}", (APP..).zip(urls).map(app).collect::<String>())
}

/// Without limits, and with receivers on this machine.
const AT_HOME: &str = "limits = \"off\"\nallow_private_broadcast_urls = true";

fn start(folder: &Path, head: &str, urls: &[String]) -> Server {
    let path = folder.join("whowas.toml");
    std::fs::write(&path, config(head, urls)).expect("a file");
    Server::configured(&folder.join("data"), &path)
}

/// The same at an address that has to be known beforehand; tells which port it is.
fn start_at(folder: &Path, ip: &str, urls: impl Fn(u16) -> Vec<String>) -> Server {
    let free = TcpListener::bind((ip, 0)).and_then(|it| it.local_addr()).expect("a port");
    let (path, data) = (folder.join("whowas.toml"), folder.join("data"));
    std::fs::write(&path, config(AT_HOME, &urls(free.port()))).expect("a file");
    let (config, data) = (path.to_str().expect("text"), data.to_str().expect("text"));
    let listen = free.to_string();
    Server::start(whowas(&["serve", "--config", config, "--listen", &listen, "--data", data]))
}

/// Registers users `1` to `count`.
fn register(server: &Server, app: u32, count: u32) {
    let ids: Vec<u32> = (1..=count).collect();
    for ids in ids.chunks(20) {
        let users: Vec<Value> =
            ids.iter().map(|id| json!({ "UserId": id, "NickName": "n" })).collect();
        let answer =
            post(server.address, "RegisterUsers", &json!({ "AppId": app, "Users": users }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["Result"]["FailedInfos"], json!([]));
    }
}

/// What is asked of `UserBroadcast`: to everybody, for an hour.
fn wish(app: u32, content: &str) -> Value {
    json!({ "AppId": app, "Sender": 1, "MsgType": 10_001, "Content": content, "MsgTTL": 3_600 })
}

fn broadcast(server: &Server, wish: &Value) {
    let answer = post(server.address, "UserBroadcast", wish);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Asks the native API of an app.
fn api(server: &Server, method: &str, app: u32, path: &str) -> Answer {
    let token = format!("Bearer {}", token(app));
    let path = format!("/v1/apps/{app}/{path}");
    ask(server.address, method, &path, &[("Authorization", &token)], b"")
}

fn job(server: &Server, app: u32, id: u64) -> Value {
    let answer = api(server, "GET", app, &format!("broadcasts/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Longer than anything takes that is waited for: then something hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before a server is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until the job is as it should be, which it is to become by itself.
fn wait_for(server: &Server, app: u32, id: u64, is_there: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let job = job(server, app, id);
        if is_there(&job) {
            return job;
        }
        let state = job["state"].as_str().expect("a state");
        assert!(["waiting", "running"].contains(&state), "it will never be: {job}");
        assert!(began.elapsed() < PATIENCE, "it is not in {PATIENCE:?}: {job}");
        thread::park_timeout(PAUSE);
    }
}

fn wait_until_done(server: &Server, app: u32, id: u64) -> Value {
    wait_for(server, app, id, |job| job["state"] == "done")
}

/// The reason why the last delivery of a job failed, once one has.
fn reason(server: &Server, app: u32, id: u64) -> String {
    let job = wait_for(server, app, id, |job| job["lastFailure"].is_object());
    job["lastFailure"]["reason"].as_str().expect("a reason").to_owned()
}

fn numbers(ids: impl IntoIterator<Item = u32>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    ids.sort();
    ids
}
