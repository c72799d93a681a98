//! What a real server sent, replayed at the time at which it was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::AppId;
use domain::app::Secret;
use domain::ids::{Door, RoomId};
use domain::log::stay::RoomKey;
use domain::log::{Certainty, End, Event, Stay, fold_room};
use expect_test::expect;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::livekit::receive;
use crate::{Delivery, Received, Unauthentic, shown};

/// In the middle of the session.
const RECORDED_UNIX_US: i64 = 1_795_240_225_000_000;

#[derive(Deserialize)]
struct Capture {
    headers: Vec<(String, String)>,
    body: String,
}

fn captures() -> Vec<Capture> {
    let lines = include_str!("../captures/livekit-server-1.13.5.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a capture")).collect()
}

fn replay(capture: &Capture, secret: &str) -> Result<Received, Unauthentic> {
    let mut headers = HeaderMap::new();
    for (name, value) in &capture.headers {
        let name: HeaderName = name.parse().expect("a header's name");
        headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    let credentials: BTreeMap<String, Secret> = [("api_key", "devkey"), ("api_secret", secret)]
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .into();
    receive(&Delivery {
        rtc_id: None,
        app: AppId(7),
        credentials: &credentials,
        headers: &headers,
        body: capture.body.as_bytes(),
        now_unix_us: RECORDED_UNIX_US,
    })
}

const SECRET: &str = "conformance-livekit-secret-0123456789";

fn events() -> Vec<Event> {
    let received = |capture| replay(&capture, SECRET).expect("an authentic delivery").events;
    captures().into_iter().flat_map(received).collect()
}

#[test]
fn every_signature_verifies_and_every_webhook_is_understood() {
    let mut all = Received::default();
    for capture in captures() {
        let Received { events, dead, ignored, .. } = replay(&capture, SECRET).expect("authentic");
        all.events.extend(events);
        all.dead.extend(dead);
        all.ignored += ignored;
    }
    // Four room_started and five track_unpublished are of no interest.
    assert_eq!((all.events.len(), all.dead.len(), all.ignored), (34, 0, 9));
}

#[test]
fn no_signature_verifies_with_another_secret() {
    for capture in captures() {
        assert_eq!(replay(&capture, "conformance"), Err(Unauthentic::Mismatch));
    }
}

#[test]
fn nothing_private_is_in_what_goes_to_the_log() {
    let log = format!("{:?}", events());
    for private in ["turnPassword", "FnlnSamf63eQYiqzUkZTlMKwsvkO47zuwA2nRwiGRqy", "ALICE"] {
        assert!(captures().iter().any(|capture| capture.body.contains(private)));
        assert!(!log.contains(private), "{private} is in the log");
    }
}

fn show(stay: &Stay) -> String {
    let mut lines = format!("{} {} {}", stay.room, stay.call, stay.participant);
    if stay.published {
        lines.push_str(", published");
    }
    if stay.is_server() {
        lines.push_str(", a server");
    }
    let sure = |certainty| match certainty {
        Certainty::Reported => "",
        Certainty::Inferred => "?",
    };
    writeln!(lines, "\n  {}", shown::facts(&stay.client)).expect("a String takes everything");
    for span in &stay.spans {
        let end = match span.end {
            End::Open => "now".to_owned(),
            End::At(left, certainty) => format!("{}{}", time(left), sure(certainty)),
        };
        writeln!(lines, "  {}{} to {end}", time(span.joined_unix_us), sure(span.join))
            .expect("a String takes everything");
    }
    lines
}

/// Minute and second: the whole session was within two minutes.
fn time(unix_us: i64) -> String {
    shown::time(unix_us).replace("2026-11-21T05:", "").replace('Z', "")
}

fn log_of(events: &[Event]) -> String {
    let rooms: BTreeSet<&RoomId> = events.iter().filter_map(Event::room).collect();
    let stays = rooms.into_iter().flat_map(|room| {
        let here: Vec<Event> =
            events.iter().filter(|event| event.room() == Some(room)).cloned().collect();
        let door = Door::parse("livekit").expect("a door");
        fold_room(&RoomKey { app: AppId(7), door, room: room.clone() }, &here)
    });
    stays.map(|stay| show(&stay)).collect()
}

#[test]
fn the_log_shows_what_the_participants_did() {
    let log = log_of(&events());
    expect![[r#"
        Room1 RM_UKYwvkgwbVbF alice, published
          Ios Wifi "iPhone 11" "3.30.101"
          50:09.956 to 50:34?
        Room1 RM_UKYwvkgwbVbF bob, published
          Android G5 "Pixel Tablet" "3.58.2"
          50:10.044 to 50:13.999999
          50:15.411 to 50:18.999999
        Room1 RM_UKYwvkgwbVbF carol, published
          Web Unknown "Firefox 140" "4.66.2"
          50:10.106 to 50:33.999999
        Room1 RM_UKYwvkgwbVbF dave
          Windows G4 "ThinkPad X1" "3.57.0"
          50:10.067 to 50:13.999999
          50:13.326 to 50:18.999999
        Room1 RM_UKYwvkgwbVbF gina
          Ios G5 "iPhone 15 Pro" "3.58.3"
          50:33.423 to 50:34.999999
        Room1 RM_6cPn6iQEdYt7 alice
          Ios Wifi "iPhone 11" "3.30.101"
          50:38.528 to 50:41.999999
        课堂 (2) RM_wPxxgarhxCw7 bob
          Android G5 "Pixel Tablet" "3.58.2"
          50:10.11 to 50:13.999999
        课堂 (2) RM_wPxxgarhxCw7 erin, published
          Mac Wifi "MacBook Air" "3.58.3"
          50:10.086 to 50:13.999999
        课堂 (2) RM_wPxxgarhxCw7 frank
          - - - -
          50:10.087 to 50:13.999999
        课堂 (2) RM_wPxxgarhxCw7 robot, published, a server
          Linux Unknown "rack 4" "1.0.0"
          50:10.063 to 50:13.999999
        课堂 (2) RM_EsFJaXe2deEf erin
          Mac Wifi "MacBook Air" "3.58.3"
          50:18.488 to 50:20.999999
    "#]]
    .assert_eq(&log);
    let mut backwards = events();
    backwards.reverse();
    assert_eq!(log_of(&backwards), log);
}
