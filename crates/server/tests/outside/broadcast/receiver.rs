//! A receiver of broadcasts that does as it is told: takes, refuses, redirects, or says nothing.
//!
//! Whatever comes is held to the convention of signed webhooks first, by a signature made here.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver as Arrivals, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::clock::{Clock as _, SystemClock};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// What every receiver here shares with the server.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Longer than anything takes that is waited for: then something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is said to a delivery.
pub(crate) enum Say {
    /// This status.
    Status(u16),
    /// Come there.
    Redirect(String),
    /// Nothing, until the server hangs up.
    Silence,
}

/// What was seen.
#[derive(Debug)]
pub(crate) enum Seen {
    Came(Delivery),
    /// The server hung up on a silent receiver.
    HungUp,
}

/// A delivery whose signature is right.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) body: Value,
}

impl Delivery {
    pub(crate) fn users(&self) -> Vec<String> {
        let ids = self.body["data"]["userIds"].as_array().expect("a list of ids").iter();
        ids.map(|id| id.as_str().expect("a text").to_owned()).collect()
    }
}

/// A receiver; it takes what it was not told about.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    says: Arc<Mutex<VecDeque<Say>>>,
    seen: Arrivals<Seen>,
}

impl Receiver {
    pub(crate) fn start(says: impl IntoIterator<Item = Say>) -> Self {
        Self::start_at("127.0.0.1:0", says)
    }

    pub(crate) fn start_at(place: &str, says: impl IntoIterator<Item = Say>) -> Self {
        let listener = TcpListener::bind(place).expect("a port");
        let address = listener.local_addr().expect("an address");
        let says: Arc<Mutex<VecDeque<Say>>> = Arc::new(Mutex::new(says.into_iter().collect()));
        let (tell, seen) = mpsc::channel();
        let to_say = says.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (says, tell) = (to_say.clone(), tell.clone());
                thread::spawn(move || converse(stream, &says, &tell));
            }
        });
        Self { address, says, seen }
    }

    /// The address for the config.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/broadcasts?a=b", self.address)
    }

    /// Whatever else it was to say, it takes everything from now on.
    pub(crate) fn recover(&self) {
        self.says.lock().expect("no thread panicked").clear();
    }

    pub(crate) fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).expect("something arrives")
    }

    pub(crate) fn delivery(&self) -> Delivery {
        match self.next() {
            Seen::Came(delivery) => delivery,
            Seen::HungUp => panic!("the server hung up"),
        }
    }

    /// Everything that came and nobody has looked at.
    pub(crate) fn rest(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }
}

/// Takes what comes on a connection until it ends.
fn converse(stream: TcpStream, says: &Mutex<VecDeque<Say>>, tell: &Sender<Seen>) {
    let mut reader = BufReader::new(stream);
    while let Some(delivery) = read(&mut reader) {
        // Taken before it is told, so that whoever is told may change what comes next.
        let say = says.lock().expect("no thread panicked").pop_front().unwrap_or(Say::Status(204));
        // If nobody asks any more, the test is over.
        let _ = tell.send(Seen::Came(delivery));
        let head = match say {
            Say::Status(status) => format!("HTTP/1.1 {status} S\r\nContent-Length: 0\r\n\r\n"),
            Say::Redirect(to) => format!(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
            ),
            Say::Silence => {
                // Returns when the other end is gone, in one way or another.
                let _ = reader.read(&mut [0]);
                let _ = tell.send(Seen::HungUp);
                return;
            }
        };
        if reader.get_mut().write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next delivery; `None` at the end of the connection.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Delivery> {
    let mut head = vec![];
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        head.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let length = header("content-length").and_then(|it| it.parse().ok()).expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    assert_eq!(head[0], "POST /broadcasts?a=b HTTP/1.1");
    assert_eq!(header("content-type"), Some("application/json"));
    let id = header("webhook-id").expect("an id").to_owned();
    let at = header("webhook-timestamp").expect("a time");
    let age_s = SystemClock.now_unix_s() - at.parse::<i64>().expect("seconds");
    assert!((0..=60).contains(&age_s), "it was signed {age_s} s ago");
    assert_eq!(header("webhook-signature"), Some(&*sign(&id, at, &body)));
    Some(Delivery { id, body: serde_json::from_slice(&body).expect("JSON") })
}

fn sign(id: &str, at: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(&SECRET[6..]).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length will do");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
