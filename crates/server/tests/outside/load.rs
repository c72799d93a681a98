//! `whowas events ...`, run as people run it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::client::{TOKEN, get, in_seconds, list_user_info};
use crate::dead_letters::{joined, now_unix_s, seed};
use crate::server::{Server, whowas};

/// `whowas events COMMAND`, told where the server is.
fn events(to: SocketAddr, args: &[&str]) -> Command {
    let mut command = whowas(&[]);
    command.arg("events").args(args).args(["--server", &format!("http://{to}")]);
    command.env("WHOWAS_EVENT_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub(crate) fn run(mut command: Command) -> Said {
    command.output().expect("it runs").into()
}

fn end(child: Child) -> Said {
    child.wait_with_output().expect("it ends").into()
}

/// A stay of a second: a join and a leave.
fn stay(number: usize, rooms: usize) -> [String; 2] {
    let event = |kind: &str, from_now_s| {
        json!({
            "specversion": "1.0", "id": format!("{kind}{number}"), "source": "history",
            "type": format!("rtc.participant.{kind}"), "time": in_seconds(from_now_s),
            "data": { "roomId": format!("room{}", number % rooms), "callId": "c",
                      "userId": format!("user{number}"), "connectionId": "k" },
        })
    };
    [event("joined", -1_000).to_string(), event("left", -999).to_string()]
}

fn write(folder: &Path, name: &str, lines: &[String]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, lines.join("\n")).expect("a file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// Waits until a load has brought so many events into the server.
fn wait_for_stored(server: &Server, loading: &mut Child, count: u64) {
    const NAME: &str = "whowas_events_total{source=\"native\",outcome=\"stored\"} ";
    let stored = || {
        let metrics = get(server.address, "/metrics").text();
        let line = metrics.lines().find_map(|line| line.strip_prefix(NAME));
        line.map_or(0, |count| count.parse::<u64>().expect("a number"))
    };
    while stored() < count {
        assert_eq!(loading.try_wait().expect("it is ours"), None, "it ended too early");
        std::thread::yield_now();
    }
}

const STAYS: usize = 25_000;
const ROOMS: usize = 100;

/// What the log has to have after a load of all stays.
fn check_rooms(server: &Server, rooms: usize, stays: usize) {
    for room in [0, 1, rooms - 1] {
        let found = list_user_info(server.address, &format!("room{room}"));
        assert_eq!(found["Total"], stays / rooms, "{room}");
        assert_eq!(found["UserList"][0]["Duration"], 1, "{found}");
    }
}

#[test]
fn fifty_thousand_lines_are_there_once_although_the_server_is_killed() {
    let (data, files) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let unknown = json!({ "specversion": "1.0", "type": "rtc.participant.danced", "id": "e" });
    let mut old: Value = serde_json::from_str(&stay(0, ROOMS)[0]).expect("JSON");
    old["time"] = json!("1999-12-31T23:59:59Z");
    let bad = [
        "no JSON".to_owned(),
        unknown.to_string(),
        "[]".to_owned(),
        format!("{{\"long\":\"{}\"}}", "x".repeat(5 << 20)),
    ];
    let mut lines: Vec<String> = (0..STAYS).flat_map(|number| stay(number, ROOMS)).collect();
    for (number, line) in bad.iter().enumerate() {
        lines.insert(number * 12_000 + 3, line.clone());
    }
    lines.insert(0, old.to_string());
    let file = write(files.path(), "history.ndjson", &lines);
    let rejects = files.path().join("rejects");

    let server = Server::unlimited(data.path());
    let address = server.address;
    let load = ["load", text(&file), "--json", "--rejects", text(&rejects)];
    let mut loading = events(address, &load).spawn().expect("it runs");
    wait_for_stored(&server, &mut loading, 10_000);
    server.end("KILL");
    let server = Server::again(data.path(), address);
    let said = end(loading);
    assert_eq!(said.status, Some(3), "{said:?}");
    let told = said.json();
    let count = |name: &str| told[name].as_u64().expect("a number");
    assert_eq!(count("accepted") + count("duplicates"), 2 * STAYS as u64 + 1, "{told}");
    assert_eq!((count("expired"), count("refused"), count("malformed")), (1, 1, 3), "{told}");
    assert_eq!(told["firstRefused"][0]["line"], 12_005, "{told}");
    let lines_at_fault: Vec<&Value> =
        told["firstMalformed"].as_array().expect("a list").iter().map(|it| &it["line"]).collect();
    assert_eq!(lines_at_fault, [5, 24_005, 36_005], "{told}");
    assert!(said.err.contains("trying again"), "{}", said.err);
    check_rooms(&server, ROOMS, STAYS);

    let rejected = std::fs::read_to_string(&rejects).expect("a file");
    let mut rejected: Vec<&str> = rejected.lines().collect();
    rejected.sort_unstable();
    let mut expected: Vec<&str> = bad.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert!(rejected == expected, "{} lines", rejected.len());
    assert!(!files.path().join("history.ndjson.whowas-load").exists(), "nothing is left to do");

    let again = run(events(address, &["load", text(&file), "--json"]));
    let told = again.json();
    assert_eq!(
        (&told["accepted"], &told["duplicates"]),
        (&1.into(), &(2 * STAYS).into()),
        "{told}"
    );
}

#[test]
fn a_load_that_is_interrupted_goes_on_where_it_was() {
    let (data, files) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let lines: Vec<String> = (0..STAYS).flat_map(|number| stay(number, ROOMS)).collect();
    let file = write(files.path(), "history.ndjson", &lines);
    let server = Server::unlimited(data.path());
    let mut loading =
        events(server.address, &["load", text(&file), "--json"]).spawn().expect("runs");
    wait_for_stored(&server, &mut loading, 10_000);
    let id = loading.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &id]).status().expect("kill runs").success());
    let said = end(loading);
    assert_eq!(said.status, Some(130), "{said:?}");
    assert!(said.err.contains("--resume"), "{}", said.err);
    let first = said.json()["accepted"].as_u64().expect("a number");
    assert!((10_000..2 * STAYS as u64).contains(&first), "{first}");

    let other = write(files.path(), "other.ndjson", &lines[1..]);
    let state = files.path().join("history.ndjson.whowas-load");
    let resume_other = ["load", text(&other), "--resume", "--state", text(&state)];
    let said = run(events(server.address, &resume_other));
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.err.contains("is not the file that it was"), "{}", said.err);

    let said = run(events(server.address, &["load", text(&file), "--json", "--resume"]));
    assert_eq!(said.status, Some(0), "{said:?}");
    let told = said.json();
    let (accepted, duplicates) = (&told["accepted"], &told["duplicates"]);
    assert_eq!(accepted.as_u64(), Some(2 * STAYS as u64 - first), "{told}");
    assert!(duplicates.as_u64().expect("a number") < first, "it did not begin again: {told}");
    check_rooms(&server, ROOMS, STAYS);
    assert!(!state.exists());
}

#[test]
fn standard_input_is_loaded_and_cannot_be_resumed() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::unlimited(data.path());
    let mut loading =
        events(server.address, &["load", "-"]).stdin(Stdio::piped()).spawn().expect("it runs");
    let mut input = loading.stdin.take().expect("it is piped");
    let lines: Vec<String> = (0..1_200).flat_map(|number| stay(number, 2)).collect();
    input.write_all(lines.join("\n").as_bytes()).expect("it reads");
    drop(input);
    let said = end(loading);
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(said.out.contains("accepted              2,400\n"), "{}", said.out);
    check_rooms(&server, 2, 1_200);
    let said = run(events(server.address, &["load", "-", "--resume"]));
    assert_eq!(said.status, Some(2), "{said:?}");
    assert!(said.err.contains("only a file can be resumed"), "{}", said.err);
}

#[test]
fn what_is_wrong_is_said_with_what_to_do_next() {
    let (data, files) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let file = write(files.path(), "one.ndjson", &stay(1, 1));
    let file = text(&file);
    let server = Server::unlimited(data.path());
    let address = server.address;
    let check = |mut command: Command, status: i32, words: &str| {
        let said: Said = command.output().expect("it runs").into();
        assert_eq!(said.status, Some(status), "{said:?}");
        assert!(said.err.contains(words), "{said:?}");
        assert!(!said.err.contains(TOKEN), "{said:?}");
    };
    for args in [&["load", file][..], &["dead"], &["replay"]] {
        let mut wrong = events(address, args);
        wrong.env("WHOWAS_EVENT_TOKEN", "wrong");
        check(wrong, 1, "does not know this token; it is the app's event_token");
        let mut none = events(address, args);
        none.env_remove("WHOWAS_EVENT_TOKEN");
        check(none, 2, "WHOWAS_EVENT_TOKEN");
    }
    check(events(address, &["load", "nowhere.ndjson"]), 2, "nowhere.ndjson cannot be read");
    check(events(address, &["load", text(files.path())]), 2, "is a folder");
    check(events(address, &["load", file, "--rejects", file]), 2, "name another file");
    check(events(address, &["load", file, "--rejects", "/no/such/folder"]), 2, "--rejects");
    server.end("TERM");
    for args in [&["load", file][..], &["dead"], &["replay"]] {
        check(events(address, args), 1, "Is the server running? Start it with `whowas serve`");
    }
    check(events(address, &["dance"]), 2, "unrecognized subcommand");
    check(events(address, &["dead", "--limit", "0"]), 2, "--limit");
}

#[test]
fn the_history_is_not_written_over() {
    let files = tempfile::tempdir().expect("a folder");
    let file = write(files.path(), "history.ndjson", &stay(1, 1));
    let link = files.path().join("also-the-history");
    std::fs::hard_link(&file, &link).expect("a link");
    let history = std::fs::read(&file).expect("a file");
    for flag in ["--state", "--rejects"] {
        for other in [&file, &link] {
            let args = ["events", "load", text(&file), "--dry-run", flag, text(other)];
            let said = run(whowas(&args));
            assert_eq!(said.status, Some(2), "{said:?}");
            assert!(said.err.contains("is the input; name another file"), "{said:?}");
        }
    }
    assert_eq!(std::fs::read(&file).expect("it is still there"), history);
}

#[test]
fn a_result_that_nobody_reads_is_no_failure_and_one_that_cannot_be_written_is() {
    let data = tempfile::tempdir().expect("a folder");
    let files = tempfile::tempdir().expect("one");
    let file = write(files.path(), "history.ndjson", &stay(1, 1));
    let server = Server::unlimited(data.path());
    let file = text(&file);
    for args in [&["load", file][..], &["load", file, "--dry-run"], &["dead"], &["replay"]] {
        let (nobody, unread) = std::io::pipe().expect("a pipe");
        drop(nobody);
        let mut command = events(server.address, args);
        command.stdout(unread);
        let said = run(command);
        assert_eq!((said.status, &*said.err), (Some(0), ""), "{args:?}");

        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let mut command = events(server.address, args);
        command.stdout(full);
        let said = run(command);
        assert_eq!(said.status, Some(1), "{args:?}: {said:?}");
        assert!(said.err.contains("cannot be written to standard output"), "{said:?}");
    }
    let (nobody, unread) = std::io::pipe().expect("a pipe");
    drop(nobody);
    // It says that there is nothing to resume.
    let mut command = events(server.address, &["load", file, "--resume"]);
    command.stderr(unread);
    let said = run(command);
    assert_eq!(said.status, Some(0), "{said:?}");
}

#[test]
fn a_dry_run_needs_no_server() {
    let files = tempfile::tempdir().expect("a folder");
    let mut lines = stay(1, 1).to_vec();
    lines.push(r#"{"specversion":"0.3"}"#.to_owned());
    lines.push("{".to_owned());
    let file = write(files.path(), "history.ndjson", &lines);
    let rejects = files.path().join("rejects");
    let dry_run = ["events", "load", text(&file), "--dry-run", "--rejects", text(&rejects)];
    let said = run(whowas(&dry_run));
    assert_eq!(said.status, Some(3), "{said:?}");
    for words in ["Nothing was sent.", "line 3: `specversion` is not", "line 4: the line is not"] {
        assert!(said.out.contains(words), "{}", said.out);
    }
    let rejected = std::fs::read_to_string(&rejects).expect("a file");
    assert_eq!(rejected, format!("{}\n{{\n", lines[2]));
}

#[test]
fn dead_letters_are_listed_and_replayed() {
    let data = tempfile::tempdir().expect("a folder");
    let now = now_unix_s();
    let understood = |n: usize| joined(&format!("EV_{n}"), &json!(format!("u{n}")), now - 60);
    let mut letters: Vec<_> =
        (0..250).map(|n| ("livekit", Some(understood(n).to_string()))).collect();
    letters.push(("livekit", Some(r#"{"name":"Ada"}"#.to_owned())));
    seed(data.path(), letters);
    let config = data.path().join("whowas.toml");
    let server = Server::unlimited(data.path());
    let listen = format!(
        "listen = \"{}\"\n[[apps]]\nid = 4111\nevent_token = \"{TOKEN}\"\n",
        server.address
    );
    std::fs::write(&config, listen).expect("a file");
    let by_config = |args: &[&str]| {
        let mut command = whowas(&["events"]);
        run({
            command.args(args).args(["--config", text(&config)]);
            command
        })
    };
    let said = by_config(&["dead", "--limit", "2"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(said.out.contains("an older version could not read it"), "{}", said.out);
    assert!(said.out.contains("2 of 251 dead letters; the next: --after "), "{}", said.out);
    assert_eq!(said.out.lines().count(), 4, "{}", said.out);
    let all = by_config(&["dead", "--limit", "1000", "--json"]).json();
    assert_eq!((all["letters"].as_array().map(Vec::len), &all["total"]), (Some(251), &251.into()));
    assert_eq!(all["letters"][250]["body"], r#"{"name":"Ada"}"#);

    let said = by_config(&["replay", "--json"]);
    assert_eq!(said.status, Some(3), "one stays dead: {said:?}");
    assert_eq!(
        said.json(),
        json!({ "replayed": 250, "stored": 250, "duplicates": 0, "expired": 0, "stillDead": 1 })
    );
    assert_eq!(list_user_info(server.address, "Room9")["Total"], 250);
    let said = by_config(&["dead"]);
    assert!(said.out.contains("1 of 1 dead letters\n"), "{}", said.out);
    assert!(!said.out.contains("Ada"), "a table shows no bodies: {}", said.out);
}
