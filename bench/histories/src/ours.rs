//! What whowas shows of the webhooks that arrived: its own reader of LiveKit's webhooks, and its
//! own fold, without a server or a store.

use std::collections::BTreeMap;

use anyhow::Context;
use domain::AppId;
use domain::app::Secret;
use domain::clock::whole_second;
use domain::ids::{Door, RoomId};
use domain::log::stay::RoomKey;
use domain::log::{Certainty, End, Event, Span, Stay, fold_room};
use http::{HeaderMap, HeaderValue, header};
use sources::{Delivery, Hook};

use crate::{
    queue::Arrival,
    rows::{Row, RowKey},
    truth::RoomDay,
    webhook::{API_KEY, API_SECRET, Webhook, room_name, token, unix_ms, unix_s},
};

const APP: AppId = AppId(1);

/// A row, and how surely each part of it is known.
pub(crate) struct Shown {
    pub(crate) row: Row,
    pub(crate) spans: Vec<Known>,
}

/// One connection: its times, in whole seconds, and whether they were reported.
pub(crate) struct Known {
    pub(crate) joined: (i64, bool),
    /// `None` while nothing says that it is over.
    pub(crate) left: Option<(i64, bool)>,
}

/// What the log shows after these arrivals; their order has no part in it.
pub(crate) fn log(
    day: &RoomDay,
    told: &[Webhook],
    arrivals: &[Arrival],
) -> anyhow::Result<BTreeMap<RowKey, Shown>> {
    let mut events = BTreeMap::new();
    for arrival in arrivals {
        let body = told[arrival.webhook].body(day, arrival.webhook);
        let received = receive(&body, arrival.at_ms)?;
        events.extend(received.into_iter().map(|event| (event.identity(), event)));
    }
    let events: Vec<Event> = events.into_values().collect();
    let door = Door::parse(Hook::Livekit.name())?;
    let at = RoomKey { app: APP, door, room: RoomId::parse(&room_name(day))? };
    fold_room(&at, &events).iter().map(|stay| Ok((key(stay)?, shown(stay)))).collect()
}

fn receive(body: &str, now_ms: i64) -> anyhow::Result<Vec<Event>> {
    let mut headers = HeaderMap::new();
    let token = token(body, unix_s(now_ms));
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&token)?);
    let credentials = [("api_key", API_KEY), ("api_secret", API_SECRET)]
        .map(|(name, text)| (name.to_owned(), Secret::new(text)));
    let received = Hook::Livekit.receive(&Delivery {
        app: APP,
        rtc_id: None,
        credentials: &BTreeMap::from(credentials),
        headers: &headers,
        body: body.as_bytes(),
        now_unix_us: unix_ms(now_ms) * 1_000,
    })?;
    anyhow::ensure!(received.dead.is_empty(), "a webhook was not understood: {body}");
    Ok(received.events)
}

/// Undoes what [`crate::webhook`] made of numbers.
fn key(stay: &Stay) -> anyhow::Result<RowKey> {
    let call = stay.call.as_str().strip_prefix("RM_").and_then(|number| number.parse().ok());
    let who = stay.participant.as_str().strip_prefix("user");
    let who = who.and_then(|number| number.parse().ok());
    call.zip(who).context("a call or a participant that no webhook named")
}

fn shown(stay: &Stay) -> Shown {
    let record =
        |span: &Span| (whole_second(span.joined_unix_us), span.end.unix_us().map(whole_second));
    let over = stay.left_unix_s();
    let row = Row {
        record: stay.spans.iter().map(record).collect(),
        duration_s: over.map(|over| stay.duration_s(over)),
        published: stay.published,
    };
    let known = |span: &Span| Known {
        joined: (whole_second(span.joined_unix_us), span.join == Certainty::Reported),
        left: match span.end {
            End::Open => None,
            End::At(at, certainty) => Some((whole_second(at), certainty == Certainty::Reported)),
        },
    };
    Shown { row, spans: stay.spans.iter().map(known).collect() }
}
