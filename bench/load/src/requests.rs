//! The requests of a run, as the bytes that go out, made and signed before it begins.

use std::{collections::HashSet, fmt::Write, net::SocketAddr};

use jiff::Timestamp;

use crate::senders::{self, Sender};
use crate::sign::Signer;
use crate::story::Happening;

/// Whom the requests are for.
pub(crate) struct Target<'a> {
    pub(crate) addr: SocketAddr,
    /// The first of the apps.
    pub(crate) app: u64,
    /// How many apps are spoken to, at least 1: their numbers follow each other.
    pub(crate) apps: u64,
    pub(crate) key: &'a str,
    pub(crate) secret: &'a str,
}

impl Target<'_> {
    /// The app of the request with this number: they take turns.
    pub(crate) fn app_of(&self, number: usize) -> u64 {
        self.app + number as u64 % self.apps
    }
}

/// Ids that never come twice.
pub(crate) enum Ids {
    Increasing { next: u64 },
    Random { random: fastrand::Rng, seen: HashSet<u64> },
}

impl Ids {
    pub(crate) fn increasing(first: u64) -> Self {
        Self::Increasing { next: first }
    }

    pub(crate) fn random(random: fastrand::Rng) -> Self {
        Self::Random { random, seen: HashSet::new() }
    }

    fn next(&mut self) -> u64 {
        match self {
            Self::Increasing { next } => {
                *next += 1;
                *next - 1
            }
            // A Long is signed, and its upper half is far from the increasing ones.
            Self::Random { random, seen } => loop {
                let id = random.u64(1 << 62..i64::MAX as u64);
                if seen.insert(id) {
                    return id;
                }
            },
        }
    }
}

pub(crate) fn batch_get(
    target: &Target<'_>,
    count: usize,
    each: usize,
    users: u64,
    random: &mut fastrand::Rng,
) -> Vec<Vec<u8>> {
    let signer = signer(target);
    let body = |number| {
        // Different ones: an id that is asked twice is answered once.
        let each = each.min(usize::try_from(users).unwrap_or(usize::MAX));
        let mut ids = HashSet::with_capacity(each);
        while ids.len() < each {
            ids.insert(random.u64(1..=users));
        }
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        format!(r#"{{"AppId":{},"UserIds":[{}]}}"#, target.app_of(number), ids.join(","))
    };
    let bodies = (0..count).map(body);
    bodies.map(|body| post(target, &signer, "BatchGetUser", &body)).collect()
}

pub(crate) fn register(
    target: &Target<'_>,
    count: usize,
    (each, tags): (usize, u64),
    mut ids: Ids,
) -> Vec<Vec<u8>> {
    let signer = signer(target);
    let body = |number| {
        let users: Vec<String> = (0..each).map(|_| user(ids.next(), tags)).collect();
        format!(r#"{{"AppId":{},"Users":[{}]}}"#, target.app_of(number), users.join(","))
    };
    let bodies = (0..count).map(body);
    bodies.map(|body| post(target, &signer, "RegisterUsers", &body)).collect()
}

/// A profile of an ordinary size.
fn user(id: u64, tags: u64) -> String {
    let mut text = String::with_capacity(128);
    let tags: Vec<String> =
        (0..tags).map(|place| format!("\"tag{}\"", (id + place) % 50)).collect();
    write!(
        text,
        r#"{{"UserId":{id},"NickName":"user {id}","Portrait":"https://img.example/{id}.png","Tags":[{}]}}"#,
        tags.join(",")
    )
    .expect("a String takes everything");
    text
}

/// The smallest request: what the bare server can do at best.
pub(crate) fn get(target: &Target<'_>) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", target.addr).into_bytes()
}

pub(crate) fn signer(target: &Target<'_>) -> Signer {
    Signer::new(target.key, target.secret, &target.addr.to_string(), now())
}

/// ListUserInfo of one room of the app whose RTC id is `rtc_id`, between two times.
pub(crate) fn list_user_info(
    target: &Target<'_>,
    signer: &Signer,
    rtc_id: &str,
    room: &str,
    (from, until): (Timestamp, Timestamp),
) -> Vec<u8> {
    let query = format!(
        "Action=ListUserInfo&AppId={rtc_id}&EndTime={}&RoomId={room}&StartTime={}&Version=2023-11-01",
        escaped(until),
        escaped(from)
    );
    get_signed(target, signer, &query)
}

pub(crate) fn escaped(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().replace(':', "%3A")
}

/// A GET with a canonical query, signed in its headers.
pub(crate) fn get_signed(target: &Target<'_>, signer: &Signer, query: &str) -> Vec<u8> {
    let signed = signer.sign("GET", query, b"");
    format!(
        "GET /?{query} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nX-Date: {}\r\n\
         X-Content-Sha256: {}\r\nAuthorization: {}\r\n\r\n",
        target.addr, signed.date, signed.body_sha256, signed.authorization
    )
    .into_bytes()
}

/// Facts as their sender tells them, and of each request how many.
pub(crate) fn events(
    target: &Target<'_>,
    sender: Sender,
    batch: usize,
    happenings: impl Iterator<Item = Happening>,
    now: Timestamp,
) -> (Vec<Vec<u8>>, Vec<u32>) {
    let mut happenings = happenings.filter(|it| senders::tells(sender, it.deed)).peekable();
    let (mut requests, mut facts) = (vec![], vec![]);
    while happenings.peek().is_some() {
        let len = senders::group_len(sender, requests.len(), batch);
        let group: Vec<Happening> = happenings.by_ref().take(len).collect();
        let told = senders::tell(sender, target.app, &group, now);
        facts.push(told.facts);
        requests.push(
            format!(
                "POST {} HTTP/1.1\r\nHost: {}\r\n{}Content-Length: {}\r\n\r\n{}",
                told.path,
                target.addr,
                told.headers,
                told.body.len(),
                told.body
            )
            .into_bytes(),
        );
    }
    (requests, facts)
}

#[expect(clippy::disallowed_methods, reason = "the server compares dates with its real clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A batch of native events for the app of that number.
pub(crate) fn native(target: &Target<'_>, number: usize, body: &str) -> Vec<u8> {
    // The token says which app is meant; the first one's is as in `config.toml`.
    let token = match number as u64 % target.apps {
        0 => senders::SECRET.to_owned(),
        place => format!("{}-{place}", senders::SECRET),
    };
    format!(
        "POST /v1/events HTTP/1.1\r\nHost: {}\r\n\
         Content-Type: application/cloudevents-batch+json\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        target.addr,
        body.len()
    )
    .into_bytes()
}

pub(crate) fn post(target: &Target<'_>, signer: &Signer, action: &str, body: &str) -> Vec<u8> {
    let query = format!("Action={action}&Version=2020-12-01");
    let signed = signer.sign("POST", &query, body.as_bytes());
    format!(
        "POST /?{query} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         X-Date: {}\r\nX-Content-Sha256: {}\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
        target.addr,
        signed.date,
        signed.body_sha256,
        signed.authorization,
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::story::Story;

    fn target() -> Target<'static> {
        let addr = SocketAddr::from(([127, 0, 0, 1], 7007));
        Target { addr, app: 7, apps: 1, key: "k", secret: "s" }
    }

    fn body(request: &[u8]) -> serde_json::Value {
        let text = std::str::from_utf8(request).expect("text");
        let (_, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).expect("JSON")
    }

    #[test]
    fn registers_no_user_twice() {
        for ids in [Ids::increasing(5), Ids::random(fastrand::Rng::with_seed(1))] {
            let requests = register(&target(), 30, (20, 3), ids);
            let users = requests.iter().flat_map(|it| body(it)["Users"].as_array().cloned());
            let ids: HashSet<i64> =
                users.flatten().map(|user| user["UserId"].as_i64().expect("a Long")).collect();
            assert_eq!(ids.len(), 600);
        }
    }

    #[test]
    fn apps_take_turns() {
        let requests = register(&Target { apps: 3, ..target() }, 4, (20, 0), Ids::increasing(1));
        let apps: Vec<i64> =
            requests.iter().map(|it| body(it)["AppId"].as_i64().expect("an id")).collect();
        assert_eq!(apps, [7, 8, 9, 7]);
    }

    #[test]
    fn asks_for_as_many_different_users_as_there_are() {
        let mut random = fastrand::Rng::with_seed(1);
        let requests = batch_get(&target(), 1, 50, 10, &mut random);
        assert_eq!(body(&requests[0])["UserIds"].as_array().map(Vec::len), Some(10));
    }

    #[test]
    fn each_sender_tells_the_whole_story_and_nothing_twice() {
        let now = "2026-11-21T02:02:43Z".parse().expect("a time");
        for &sender in Sender::value_variants() {
            let story = Story::new(5, 13 * 500, 1_795_000_000_000, 1_795_001_000_000).tell();
            let (requests, facts) = events(&target(), sender, 100, story, now);
            assert_eq!(facts.iter().sum::<u32>(), 13 * 500, "{sender:?}");
            let different: HashSet<&Vec<u8>> = requests.iter().collect();
            assert_eq!(different.len(), requests.len(), "{sender:?}");
            assert!(requests.iter().all(|request| body(request) != serde_json::Value::Null));
        }
    }
}
