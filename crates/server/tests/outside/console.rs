//! The console as a browser asks for it, and `whowas token`.

use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::client::{Answer, TOKEN as EVENT_TOKEN, ask, get};
use crate::server::{Server, whowas};

const TOKEN: &str = "whowas-demo-console";

/// Shows this at the door; tells the cookie that came back.
fn sign_in(server: &Server, shown: &str) -> Result<String, Answer> {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("token={shown}&back=%2Fconsole%2Fhealth");
    let answer = ask(server.address, "POST", "/console/sign-in", &form, body.as_bytes());
    if answer.status != 303 {
        return Err(answer);
    }
    assert!(answer.head.contains("\nlocation: /console/health\r"), "{}", answer.head);
    let (_, cookie) = answer.head.split_once("\nset-cookie: ").expect("a cookie");
    Ok(cookie.split(';').next().expect("its pair").to_owned())
}

fn look(server: &Server, path: &str, cookie: &str) -> Answer {
    ask(server.address, "GET", path, &[("Cookie", cookie)], b"")
}

#[test]
fn somebody_signs_in_and_sees_who_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::demo(folder.path(), &[]);
    let event = format!(
        r#"{{"specversion":"1.0","id":"e","source":"s","type":"rtc.participant.joined","time":"{}",
        "data":{{"roomId":"Room <1>","callId":"c","userId":"user1"}}}}"#,
        now()
    );
    let headers = [
        ("Authorization", &*format!("Bearer {EVENT_TOKEN}")),
        ("Content-Type", "application/cloudevents+json"),
    ];
    assert_eq!(ask(server.address, "POST", "/v1/events", &headers, event.as_bytes()).status, 200);

    assert_eq!(look(&server, "/console/4111/rooms", "").status, 303, "nobody is signed in");
    let refused = sign_in(&server, "wrong").expect_err("it is wrong");
    assert_eq!(refused.status, 403);
    let cookie = sign_in(&server, TOKEN).expect("it opens");
    let rooms = look(&server, "/console/4111/rooms", &cookie);
    assert!(rooms.text().contains("Room &#60;1&#62;"), "{}", rooms.text());
    assert!(rooms.head.contains("content-security-policy: default-src 'none'"), "{}", rooms.head);
    let gzip = [("Cookie", &*cookie), ("Accept-Encoding", "gzip")];
    let packed = ask(server.address, "GET", "/console/4111/rooms", &gzip, b"");
    assert!(packed.head.contains("\ncontent-encoding: gzip\r"), "{}", packed.head);
    let mut plain = String::new();
    GzDecoder::new(&*packed.body).read_to_string(&mut plain).expect("it is packed");
    assert!(plain.contains("Room &#60;1&#62;"));

    let health = look(&server, "/console/health", &cookie);
    assert!(health.text().contains("whowas_events_total"), "{}", health.text());
    let form = vec![b'a'; 70_000];
    let large = ask(server.address, "POST", "/console/4111/user", &[("Cookie", &cookie)], &form);
    assert_eq!(large.status, 413);
    let metrics = get(server.address, "/metrics").text();
    assert!(metrics.contains("dialect=\"console\",action=\"rooms\",outcome=\"ok\""), "{metrics}");
}

fn now() -> String {
    let now = domain::clock::Clock::now_unix_us(&domain::clock::SystemClock);
    jiff::Timestamp::from_microsecond(now).expect("a time").to_string()
}

#[test]
fn a_live_page_is_told_what_is_so_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::demo(folder.path(), &[]);
    let cookie = sign_in(&server, TOKEN).expect("it opens");
    let mut stream = std::net::TcpStream::connect(server.address).expect("it listens");
    let timeout = Some(std::time::Duration::from_secs(30));
    stream.set_read_timeout(timeout).expect("a timeout");
    let head =
        format!("GET /console/4111/live/events HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n");
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("it is taken");
    let mut told = String::new();
    while !told.contains("Nobody is in a room now.") {
        let mut some = [0; 4_096];
        let len = stream.read(&mut some).expect("it goes on");
        assert!(len > 0, "it ended: {told}");
        told.push_str(std::str::from_utf8(&some[..len]).expect("text"));
    }
    assert!(told.to_ascii_lowercase().contains("content-type: text/event-stream"), "{told}");
    assert!(told.contains("event: now\ndata: <p class=\"figures\">"), "{told}");
    // Whoever listens does not hold up the stop.
    let (status, said) = server.end("TERM");
    assert!(status.success(), "{said}");
    assert!(!said.contains("cut off"), "{said}");
}

#[test]
fn a_ticket_is_made_without_the_server_and_opens_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("whowas.toml");
    let token = "a-long-token-for-the-console";
    let apps = "[[apps]]\nid = 1\nname = \"one\"\n[[apps]]\nid = 2\nname = \"two\"\n";
    let write = |console: &str| {
        let text = format!("[store]\nkind = \"memory\"\n{console}{apps}");
        std::fs::write(&config, text).expect("written");
    };
    let make = |more: &[&str]| {
        let path = config.to_str().expect("text");
        let output = whowas(&[&["token", "--config", path], more].concat()).output();
        let output = output.expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    write("");
    let (status, _, said) = make(&[]);
    assert_eq!(status, Some(2));
    assert!(said.contains("the console is off: set `token` under [console]"), "{said}");
    write("[console]\ntoken = \"short\"\n");
    assert_eq!(make(&[]).0, Some(2));

    write(&format!("[console]\ntoken = \"{token}\"\n"));
    assert_eq!(make(&["--app", "3"]).0, Some(2));
    assert_eq!(make(&["--hours", "0"]).0, Some(2));
    let (status, ticket, _) = make(&["--app", "2"]);
    assert_eq!(status, Some(0));
    let server = Server::configured(folder.path(), &config);
    let cookie = sign_in(&server, ticket.trim()).expect("it opens");
    assert_eq!(look(&server, "/console/2/users", &cookie).status, 200);
    assert_eq!(look(&server, "/console/1/users", &cookie).status, 404);
}
