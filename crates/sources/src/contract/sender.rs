//! What the suite knows of a source, and what must hold of whatever it makes of a delivery.

use std::collections::BTreeMap;

use domain::AppId;
use domain::app::Secret;
use domain::log::client::CLIENT_TEXT_BYTES_MAX;
use domain::log::{ClientFacts, Event, Fact};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Doc;
use crate::{Delivery, Hook, Received, Unauthentic, native};

pub(super) const APP: AppId = AppId(7);
pub(super) const RTC_ID: &str = "661e0000000000000000543c";
/// 2026-11-21, in the second in which the samples happen and a minute later.
pub(super) const NOW_US: i64 = 1_795_225_600_000_000;

/// What nobody but the app may see: the samples hold it wherever a person or a room is named, and
/// no reason may.
const PRIVATE: &str = "PRIVATE";

/// Credentials by their config names, in the order that a hook has them.
pub(super) type Keys<'a> = &'a [&'a str];

/// A source, as its sender sees it.
pub(super) struct Sender {
    /// The hook; `None` for native events, whose sender is known by a token that the server reads.
    pub(super) hook: Option<Hook>,
    /// This app's credentials,
    pub(super) keys: Keys<'static>,
    /// and another app's.
    pub(super) other_keys: Keys<'static>,
    /// How deliveries are signed.
    pub(super) signing: Signing,
    /// Whether a signature is refused once it is old; else whatever is sent again is known again.
    pub(super) signatures_age: bool,
    /// Whether an array of documents is a delivery of many.
    pub(super) takes_arrays: bool,
    /// Where a document says what kind of event it is.
    pub(super) kind: &'static str,
    /// A document of a kind that nobody knows.
    pub(super) unknown: &'static str,
    /// One document of each kind that the log has a use for.
    pub(super) samples: &'static [Sample],
}

/// How a sender proves who it is.
pub(super) enum Signing {
    /// By a header over the bytes of the body.
    Bytes(fn(&[u8], Keys<'_>) -> Headers),
    /// By a header over nothing else.
    Password(fn(Keys<'_>) -> Headers),
    /// By fields of the document itself, put in here; they cover all that is read.
    Document(fn(&mut Doc, Keys<'_>)),
    /// By fields of the document itself, which cover these fields and nothing else.
    Fields(fn(&mut Doc, Keys<'_>), &'static [&'static str]),
    /// Not here.
    Nowhere,
}

pub(super) type Headers = Vec<(&'static str, String)>;

/// A document of one kind.
pub(super) struct Sample {
    /// As [`kind_of`] calls its fact.
    pub(super) fact: &'static str,
    pub(super) json: &'static str,
    /// Where it names things.
    pub(super) names: &'static [Name],
    /// Where it says when: the field that counts first, then those that count without it.
    pub(super) times: &'static [(&'static str, Unit)],
    /// How much later than told the fact may be placed within its second, to keep an order.
    pub(super) placed_us_max: i64,
    /// What else nothing can be told without. Names and times are needed as they say.
    pub(super) needs: &'static [&'static str],
}

/// A name in a document.
pub(super) struct Name {
    pub(super) of: Of,
    pub(super) at: &'static str,
    /// Whether nothing can be told without.
    pub(super) is_needed: bool,
    /// Whether an integer is a name too.
    pub(super) may_be_number: bool,
}

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Room,
    Participant,
    Call,
    Connection,
    Event,
    Source,
}

/// What a time is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Us(i64),
    Rfc3339,
}

impl Unit {
    /// What `value` says in this unit, in microseconds since 1970.
    pub(super) fn read(self, value: &Doc) -> Option<i64> {
        match self {
            Self::Us(unit_us) => value.name()?.parse::<i64>().ok()?.checked_mul(unit_us),
            Self::Rfc3339 => {
                let time: jiff::Timestamp = value.name()?.parse().ok()?;
                Some(time.as_microsecond())
            }
        }
    }
}

/// What is sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) headers: Vec<(&'static str, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn of(headers: Headers, body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
        Self { headers: headers.collect(), body: body.into() }
    }
}

impl Sender {
    pub(super) fn name(&self) -> &'static str {
        self.hook.map_or("native", Hook::name)
    }

    /// Signs a document as the holder of `keys` would.
    pub(super) fn sign_as(&self, doc: &Doc, keys: Keys<'_>) -> Sent {
        let mut doc = doc.clone();
        if let Signing::Document(sign) | Signing::Fields(sign, _) = self.signing {
            sign(&mut doc, keys);
        }
        let body = doc.to_string();
        let headers = self.headers(body.as_bytes(), keys);
        Sent::of(headers, body)
    }

    pub(super) fn sign(&self, doc: &Doc) -> Sent {
        self.sign_as(doc, self.keys)
    }

    /// Bytes with whatever the sender proves outside the body.
    pub(super) fn sign_bytes(&self, body: &[u8]) -> Sent {
        Sent::of(self.headers(body, self.keys), body)
    }

    fn headers(&self, body: &[u8], keys: Keys<'_>) -> Headers {
        match self.signing {
            Signing::Bytes(sign) => sign(body, keys),
            Signing::Password(sign) => sign(keys),
            Signing::Document(_) | Signing::Fields(..) | Signing::Nowhere => vec![],
        }
    }

    /// Whether the proof stands in the document, so that what is no document proves nothing.
    pub(super) fn signs_inside(&self) -> bool {
        matches!(self.signing, Signing::Document(_) | Signing::Fields(..))
    }

    /// What the source makes of it, for an app with these credentials.
    pub(super) fn deliver_as(
        &self,
        credentials: &BTreeMap<String, Secret>,
        sent: &Sent,
        now_unix_us: i64,
    ) -> Result<Received, Unauthentic> {
        let Some(hook) = self.hook else { return Ok(native(&sent.body)) };
        let header = |(name, value): &(&'static str, Vec<u8>)| {
            let value = HeaderValue::from_bytes(value).ok()?;
            Some((HeaderName::from_static(name), value))
        };
        let headers: HeaderMap = sent.headers.iter().filter_map(header).collect();
        hook.receive(&Delivery {
            app: APP,
            rtc_id: Some(RTC_ID),
            credentials,
            headers: &headers,
            body: &sent.body,
            now_unix_us,
        })
    }

    /// The same for this app, now.
    pub(super) fn deliver(&self, sent: &Sent) -> Result<Received, Unauthentic> {
        self.deliver_as(&self.credentials(self.keys), sent, NOW_US)
    }

    pub(super) fn credentials(&self, keys: Keys<'_>) -> BTreeMap<String, Secret> {
        let names = self.hook.map_or(&[][..], Hook::credential_names);
        names.iter().zip(keys).map(|(name, key)| ((*name).to_owned(), Secret::new(*key))).collect()
    }

    /// What the source makes of a document that is signed rightly. Whatever it is, it holds.
    pub(super) fn receive(&self, doc: &Doc) -> Received {
        let received = self.deliver(&self.sign(doc));
        let received = received.unwrap_or_else(|why| panic!("{why}: {doc}"));
        self.check(doc, &received);
        received
    }

    /// The same where it must be one fact, or an arrival that is two.
    pub(super) fn events(&self, doc: &Doc) -> Vec<Event> {
        let received = self.receive(doc);
        assert_eq!((reasons(&received), received.ignored), (vec![], 0), "{doc}");
        assert!(!received.events.is_empty(), "{doc}");
        received.events
    }

    /// What holds of every authentic delivery: nothing of it vanishes, every reason keeps to
    /// itself what is private, and no fact is made up.
    pub(super) fn check(&self, doc: &Doc, received: &Received) {
        self.check_bytes(received);
        let outcomes = reasons(received).len() + received.ignored;
        let is_nothing = received.events.is_empty() && received.sightings.is_empty();
        assert_eq!(outcomes, usize::from(is_nothing), "{received:?}: {doc}");
        assert!(received.events.len() <= 2, "{received:?}: {doc}");
        received.events.iter().for_each(|event| self.check_told(doc, event));
        self.check_kept(doc, received);
    }

    /// That what may be kept of a document tells no less when it is read again, and makes up no
    /// fact either.
    fn check_kept(&self, doc: &Doc, received: &Received) {
        let Some(hook) = self.hook else { return };
        let Sent { body, .. } = self.sign(doc);
        for part in hook.keepable(&HeaderMap::new(), &body).into_iter().flatten() {
            let again = hook.reread(APP, Some(RTC_ID), &part);
            self.check_bytes(&again);
            again.events.iter().for_each(|event| self.check_told(doc, event));
            assert!(again.events.len() >= received.events.len(), "{doc}");
        }
    }

    /// What holds even of a delivery whose document nobody can tell.
    pub(super) fn check_bytes(&self, received: &Received) {
        for reason in reasons(received) {
            assert!(!reason.contains(PRIVATE), "{reason}");
            assert!(reason.len() < 400 && reason.len() > 10, "{reason}");
        }
        for event in &received.events {
            assert_eq!((event.app, event.door.as_str()), (APP, self.name()));
            if self.hook.is_some() {
                assert!(event.time_unix_us > 0, "{event:?}");
            }
            match &event.fact {
                Fact::Left { joined_unix_us, client, .. } => {
                    assert!(joined_unix_us.is_none_or(|joined| joined > 0), "{event:?}");
                    check_client(client);
                }
                Fact::Joined { client, .. } | Fact::Client { client, .. } => check_client(client),
                _ => {}
            }
        }
    }

    /// That an event says what stands in the document, and nothing else.
    fn check_told(&self, doc: &Doc, event: &Event) {
        let kind = kind_of(&event.fact);
        let sample = self.samples.iter().find(|sample| sample.fact == kind);
        let Sample { names, times, placed_us_max, .. } = sample.expect("a kind that has a sample");
        for name in *names {
            let Some(told) = named(event, name.of) else { continue };
            let stands = |value: &&Doc| {
                let is_text = matches!(value, Doc::Leaf(json) if json.starts_with('"'));
                (name.may_be_number || is_text) && value.name().as_ref() == Some(&told)
            };
            let found = doc.all(name.at).iter().any(stands);
            assert!(found, "{:?} {told:?} is made up: {doc}", name.of);
        }
        let may_be = |&(at, unit): &(&str, Unit)| {
            let told = doc.all(at).into_iter().filter_map(move |value| unit.read(value));
            told.collect::<Vec<_>>()
        };
        let placed = |told: &i64| (0..=*placed_us_max).contains(&(event.time_unix_us - told));
        let found = times.iter().flat_map(may_be).any(|told| placed(&told));
        assert!(found, "the time {} is made up: {doc}", event.time_unix_us);
    }
}

fn check_client(client: &ClientFacts) {
    for text in [&client.device, &client.sdk_version].into_iter().flatten() {
        assert!((1..=CLIENT_TEXT_BYTES_MAX).contains(&text.len()), "{text:?}");
    }
}

/// Native events, read as a hook's delivery: what is refused is what a hook would keep.
fn native(body: &[u8]) -> Received {
    let mut received = Received::default();
    match native::parse(APP, Some(native::ONE), body) {
        Ok(events) => events.into_iter().for_each(|event| match event {
            Ok(event) => received.events.push(event),
            Err(reason) => received.dead.push(reason),
        }),
        Err(refused) => received.dead.push(refused.to_string()),
    }
    received
}

/// Why what is dead is dead.
pub(super) fn reasons(received: &Received) -> Vec<&str> {
    received.dead.iter().map(String::as_str).collect()
}

pub(super) fn kind_of(fact: &Fact) -> &'static str {
    match fact {
        Fact::Joined { .. } => "joined",
        Fact::Left { .. } => "left",
        Fact::Client { .. } => "client",
        Fact::Published { .. } => "published",
        Fact::RoomFinished { .. } => "finished",
        Fact::Snapshot { .. } => "snapshot",
        Fact::ServerRestarted => "restarted",
        Fact::ServerStopped => "stopped",
        Fact::RoomIdle { .. } => "idle",
    }
}

/// What an event calls it.
pub(super) fn named(event: &Event, of: Of) -> Option<String> {
    let who = event.presence();
    match of {
        Of::Room => event.room().map(ToString::to_string),
        Of::Call => event.call().map(ToString::to_string),
        Of::Participant => who.map(|who| who.participant.to_string()),
        Of::Connection => who.and_then(|who| who.connection.as_ref()).map(ToString::to_string),
        Of::Event => Some(event.id.to_string()),
        Of::Source => Some(event.source.to_string()),
    }
}

impl Sample {
    pub(super) fn doc(&self) -> Doc {
        Doc::parse(self.json)
    }

    /// The document with one value changed.
    pub(super) fn with(&self, at: &str, value: &str) -> Doc {
        let mut doc = self.doc();
        doc.set(at, Doc::Leaf(value.to_owned()));
        doc
    }
}
