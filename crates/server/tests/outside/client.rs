//! Asks over a plain socket, signing as the vendors document it. Written apart from the dialects,
//! so that a mistake would have to be made twice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use domain::clock::{Clock, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) const APP_ID: u32 = 4111;
pub(crate) const RTC_ID: &str = "661e0000000000000000543c";
pub(crate) const KEY_ID: &str = "AKLTwhowasdemo";
pub(crate) const SECRET: &str = "d2hvd2FzLWRlbW8tc2VjcmV0LWtleQ==";
pub(crate) const TOKEN: &str = "whowas-demo-events";
pub(crate) const SERVER_SECRET: &str = "9193cc662a4c0ec135ec71fb57194b38";

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// `Error.Code` of a Volcengine answer.
    pub(crate) fn code(&self) -> String {
        let answer = self.json();
        let error = &answer["ResponseMetadata"]["Error"];
        assert_ne!(error["CodeN"].as_u64().unwrap_or(0), 0, "{answer}");
        assert!(!error["Message"].as_str().unwrap_or("").is_empty(), "{answer}");
        error["Code"].as_str().unwrap_or_else(|| panic!("no code: {answer}")).to_owned()
    }
}

pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// One request over a connection of its own.
pub(crate) fn ask(
    to: SocketAddr,
    method: &str,
    target: &str,
    headers: Headers<'_>,
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(to).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).expect("the head is taken");
    stream.write_all(body).expect("the body is taken");
    let mut answer = vec![];
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
    Answer { status, head: head.to_ascii_lowercase(), body: answer[end + 4..].to_vec() }
}

pub(crate) fn get(to: SocketAddr, target: &str) -> Answer {
    ask(to, "GET", target, &[], b"")
}

/// A Volcengine POST with the demo's key.
pub(crate) fn post(to: SocketAddr, action: &str, body: &Value) -> Answer {
    let target = format!("/?Action={action}&Version=2020-12-01");
    volcengine(to, "POST", &target, body.to_string().as_bytes(), SECRET)
}

/// A Volcengine request whose query is canonical already.
pub(crate) fn volcengine(
    to: SocketAddr,
    method: &str,
    target: &str,
    body: &[u8],
    secret: &str,
) -> Answer {
    let date = stamp(now_unix_s());
    let query = target.strip_prefix("/?").expect("a query");
    let hash = hex(&Sha256::digest(body));
    let canonical = format!(
        "{method}\n/\n{query}\nhost:{to}\nx-content-sha256:{hash}\nx-date:{date}\n\n\
         host;x-content-sha256;x-date\n{hash}"
    );
    let scope = format!("{}/cn-north-1/rtc/request", &date[..8]);
    let to_sign =
        format!("HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let key = [&date[..8], "cn-north-1", "rtc", "request"]
        .iter()
        .fold(secret.as_bytes().to_vec(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &to_sign));
    let authorization = format!(
        "HMAC-SHA256 Credential={KEY_ID}/{scope}, \
         SignedHeaders=host;x-content-sha256;x-date, Signature={signature}"
    );
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Date", date.as_str()),
        ("X-Content-Sha256", hash.as_str()),
        ("Authorization", authorization.as_str()),
    ];
    ask(to, method, target, &headers, body)
}

/// `ListUserInfo` of everybody within a minute of now, servers included.
pub(crate) fn list_user_info(to: SocketAddr, room: &str) -> Value {
    list_user_info_of(to, RTC_ID, room)
}

/// The same for any app that has the demo's key.
pub(crate) fn list_user_info_of(to: SocketAddr, rtc_id: &str, room: &str) -> Value {
    let at = |unix_s: u64| {
        let it = stamp(unix_s);
        let (date, time) = it.split_once('T').expect("date and time");
        let (day, time) = ((&date[..4], &date[4..6], &date[6..]), time);
        format!("{}-{}-{}T{}%3A{}%3A{}Z", day.0, day.1, day.2, &time[..2], &time[2..4], &time[4..6])
    };
    let (start, end) = (at(now_unix_s() - 3_600), at(now_unix_s() + 60));
    let target = format!(
        "/?Action=ListUserInfo&AppId={rtc_id}&EndTime={end}&ExcludeServerUser=false\
         &RoomId={room}&StartTime={start}&Version=2023-11-01"
    );
    let answer = volcengine(to, "GET", &target, b"", SECRET);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["Result"].clone()
}

/// ZEGOCLOUD's `QueryUserInfos`.
pub(crate) fn query_user_infos(to: SocketAddr, ids: &[&str]) -> Value {
    zegocloud(to, "QueryUserInfos", &serde_json::json!({ "UserIds": ids }))
}

/// A ZEGOCLOUD POST of the app that every test has.
pub(crate) fn zegocloud(to: SocketAddr, action: &str, body: &Value) -> Value {
    let timestamp = now_unix_s();
    let input = format!("{APP_ID}nonce{SERVER_SECRET}{timestamp}");
    let signature = hex(&Md5::digest(input.as_bytes()));
    let target = format!(
        "/?Action={action}&AppId={APP_ID}&SignatureNonce=nonce&Timestamp={timestamp}\
         &SignatureVersion=2.0&Signature={signature}"
    );
    let headers = [("Content-Type", "application/json")];
    ask(to, "POST", &target, &headers, body.to_string().as_bytes()).json()
}

/// Native events, sent with the demo's token.
pub(crate) fn send_events(to: SocketAddr, content_type: &str, body: &[u8]) -> Answer {
    let token = format!("Bearer {TOKEN}");
    let headers = [("Authorization", token.as_str()), ("Content-Type", content_type)];
    ask(to, "POST", "/v1/events", &headers, body)
}

/// RFC 3339, some seconds from now.
pub(crate) fn in_seconds(from_now: i64) -> String {
    let unix_s = now_unix_s().checked_add_signed(from_now).expect("after 1970");
    let it = stamp(unix_s);
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        &it[..4],
        &it[4..6],
        &it[6..8],
        &it[9..11],
        &it[11..13],
        &it[13..15]
    )
}

/// Now, as the header `Date` has it.
pub(crate) fn http_date() -> String {
    let now_unix_s = now_unix_s();
    let it = stamp(now_unix_s);
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month: usize = it[4..6].parse().expect("two digits");
    let day = days[(now_unix_s / 86_400 % 7) as usize];
    let (month, year) = (&months[3 * month - 3..3 * month], &it[..4]);
    format!(
        "{day}, {} {month} {year} {}:{}:{} GMT",
        &it[6..8],
        &it[9..11],
        &it[11..13],
        &it[13..15]
    )
}

pub(crate) fn now_unix_s() -> u64 {
    u64::try_from(SystemClock.now_unix_s()).expect("after 1970")
}

/// `YYYYMMDDTHHMMSSZ`.
fn stamp(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    // Howard Hinnant's days-to-civil, for dates after 1970.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
