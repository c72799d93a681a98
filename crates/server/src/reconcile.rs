//! Leaves get lost, and a media server tells each of them once. So one that can be asked who is in
//! its rooms is asked, every so often, and whomever the log shows and it does not know has left: a
//! snapshot, as any sender of events could have sent it.
//!
//! What is asked, and what an answer is worth, is the source's to say
//! ([`sources::livekit::reconcile`]); here it is sent, and counted. A failure ends nobody: who
//! cannot be reached is not empty.
//!
//! A round reads what the log shows, asks, and records a snapshot of each call that shows somebody
//! who has gone, and of no other: a log in which nothing is wrong does not grow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::app::{App, Secret};
use domain::clock::whole_second;
use domain::ids::{CallId, ParticipantId, RoomId};
use domain::log::query::PAGE_LEN_MAX;
use domain::log::{self, End, Event, Outcome, Stay, StayQuery};
use domain::{AppId, Context};
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use sources::Hook;
use sources::livekit::reconcile::{self, Absurd, Question};
use tokio::task::{JoinHandle, JoinSet};

use crate::config::Reconcile;
use crate::http::Server;
use crate::observe;
use crate::outgoing::{Client, Fault, Patience};

/// Who is asked.
const SOURCE: Hook = Hook::Livekit;
/// How many pages of the stays that are not over a round reads, the oldest first.
const PAGES_MAX: u64 = 200;
/// How many rooms a round asks about. The next round goes on behind them.
const ROOMS_MAX: usize = 1_000;
/// How many questions of an app are under way at a time.
const QUESTIONS_MAX: usize = 4;
/// After how many failures a round is given up: a server that is down is not asked about each room.
const FAILURES_MAX: usize = 8;
/// Room for as many participants as a snapshot may name, with all that LiveKit tells of them.
const PATIENCE: Patience =
    Patience { timeout: Duration::from_secs(5), body_bytes_max: 16 * 1024 * 1024 };

/// Whom to ask, and how.
pub(crate) struct Plan {
    wanted: Reconcile,
    client: Client,
}

impl Plan {
    /// Fails if its server cannot be asked from this machine.
    pub(crate) fn new(wanted: Reconcile) -> anyhow::Result<Self> {
        let client = Client::new(&wanted.url)?;
        Ok(Self { wanted, client })
    }
}

/// Begins it; it ends when the handles are aborted.
pub(crate) fn start(server: &Arc<Server>) -> Vec<JoinHandle<()>> {
    let begin = |at: usize| tokio::spawn(run(server.clone(), at));
    (0..server.reconcile.len()).map(begin).collect()
}

/// Carries out one of the plans.
async fn run(server: Arc<Server>, at: usize) {
    let Plan { wanted, client } = &server.reconcile[at];
    let (ctx, app) = (&server.ctx, wanted.app);
    let of_source = |app: &App| app.sources.get(SOURCE.name()).cloned();
    let credentials = ctx.apps.find(app).and_then(of_source).unwrap_or_default();
    let mut rounds = Rounds { ctx, app, credentials, url: &wanted.url, client, last: None };
    loop {
        tokio::time::sleep(wanted.every).await;
        let mut round = Round::default();
        if let Err(failure) = rounds.go(&mut round).await {
            round.failures.push(failure);
        }
        round.tell(app);
    }
}

/// What came of a round.
#[derive(Debug, Default)]
struct Round {
    /// How many participants were found to have left.
    ended: usize,
    failures: Vec<Failure>,
}

impl Round {
    fn tell(&self, app: AppId) {
        let (app, ended) = (app.0, self.ended);
        observe::reconciled(SOURCE.name(), ended, self.failures.is_empty());
        for failure in &self.failures {
            observe::reconcile_failure(SOURCE.name(), failure.name());
        }
        if let Some(first) = self.failures.first() {
            let (failures, cause) = (self.failures.len(), observe::chain(first));
            tracing::warn!(app, failures, cause, "LiveKit could not be asked who is there");
        }
        if ended > 0 {
            tracing::info!(app, ended, "participants had left, and LiveKit had not told");
        }
    }
}

/// Why something could not be learnt, or not be recorded.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the app has no credentials")]
    NoCredentials,
    #[error("there was no answer")]
    Unanswered(#[from] Fault),
    #[error("the answer's status is {0}")]
    Refused(StatusCode),
    #[error("the answer is not believed")]
    Absurd(#[from] Absurd),
    #[error("the log could not be read or written")]
    Store(#[from] domain::Error),
}

impl Failure {
    /// Its name in metrics.
    fn name(&self) -> &'static str {
        match self {
            Self::Unanswered(_) => "unanswered",
            Self::NoCredentials | Self::Refused(_) => "refused",
            Self::Absurd(_) => "absurd",
            Self::Store(_) => "store",
        }
    }
}

/// Somebody whom the log shows in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    participant: ParticipantId,
    joined_unix_us: i64,
}

/// Whom the log shows in the calls of a room.
type Calls = BTreeMap<CallId, Vec<Shown>>;

/// A room in which the log shows somebody.
type Room = (RoomId, Calls);

/// The rounds of one app.
struct Rounds<'a> {
    ctx: &'a Context,
    app: AppId,
    credentials: BTreeMap<String, Secret>,
    url: &'a Uri,
    client: &'a Client,
    /// The last room that the last round asked about.
    last: Option<RoomId>,
}

impl Rounds<'_> {
    async fn go(&mut self, round: &mut Round) -> Result<(), Failure> {
        let rooms = take_turns(self.rooms_with_somebody().await?, self.last.as_ref());
        let Some((last, _)) = rooms.last() else { return Ok(()) };
        self.last = Some(last.clone());
        let asked_unix_us = self.ctx.clock.now_unix_us();
        let names = rooms.iter().map(|(room, _)| room);
        let question = reconcile::ask_for_rooms(&self.credentials, names, asked_unix_us);
        let answer = self.ask(question).await?;
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let known = Known {
            sids: reconcile::read_rooms(answer.body())?,
            as_of_unix_us: reconcile::as_of(asked_unix_us, date)?,
        };
        self.ask_who_is_there(rooms, &known, round).await;
        Ok(())
    }

    /// The rooms in which the log shows somebody.
    async fn rooms_with_somebody(&self) -> domain::Result<BTreeMap<RoomId, Calls>> {
        let now_unix_s = whole_second(self.ctx.clock.now_unix_us());
        let mut rooms = BTreeMap::new();
        for page in 0..PAGES_MAX {
            let query = StayQuery {
                app: self.app,
                room: None,
                participants: None,
                with_servers: true,
                from_unix_s: now_unix_s,
                until_unix_s: now_unix_s,
                offset: page * u64::from(PAGE_LEN_MAX),
                limit: PAGE_LEN_MAX,
            };
            let stays = log::list_stays(self.ctx, &query).await?.stays;
            let is_last = stays.len() < PAGE_LEN_MAX as usize;
            stays.iter().for_each(|stay| note_who_is_shown(&mut rooms, stay));
            if is_last {
                break;
            }
            // Others of this thread come first.
            tokio::task::yield_now().await;
        }
        Ok(rooms)
    }

    async fn ask_who_is_there(&self, rooms: Vec<Room>, known: &Known, round: &mut Round) {
        let mut rooms = rooms.into_iter();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < QUESTIONS_MAX && round.failures.len() < FAILURES_MAX {
                let Some(room) = rooms.next() else { break };
                let now_unix_us = self.ctx.clock.now_unix_us();
                let question =
                    reconcile::ask_for_participants(&self.credentials, &room.0, now_unix_us);
                let asking = self.ask(question);
                under_way.spawn(async move { (room, asking.await) });
            }
            let Some(answered) = under_way.join_next().await else { return };
            let (room, answer) = answered.expect("asking neither panics nor is aborted");
            match self.learn(room, answer, known).await {
                Ok(ended) => round.ended += ended,
                Err(failure) => round.failures.push(failure),
            }
        }
    }

    /// Sends a question, and gives the answer to it.
    fn ask(
        &self,
        question: Option<Question>,
    ) -> impl Future<Output = Result<Response<Bytes>, Failure>> + Send + use<> {
        let (client, request) = (self.client.clone(), self.request(question));
        async move {
            let answer = client.ask(request?, PATIENCE).await?;
            match answer.status() {
                StatusCode::OK => Ok(answer),
                status => Err(Failure::Refused(status)),
            }
        }
    }

    fn request(&self, question: Option<Question>) -> Result<Request<Full<Bytes>>, Failure> {
        let Question { path, authorization, body } = question.ok_or(Failure::NoCredentials)?;
        let url = format!("{}{path}", self.url.to_string().trim_end_matches('/'));
        let request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, authorization.reveal())
            .body(Full::from(body));
        Ok(request.expect("an address with a path behind it is one, and a token is a header"))
    }

    /// Records who has left a room, and tells how many.
    async fn learn(
        &self,
        room: Room,
        answer: Result<Response<Bytes>, Failure>,
        known: &Known,
    ) -> Result<usize, Failure> {
        let people = reconcile::read_participants(answer?.body())?;
        let mut ended = 0;
        for (event, gone) in known.find_gone(self.app, room, &people) {
            let outcomes = log::record(self.ctx, vec![event]).await?;
            outcomes.iter().for_each(|outcome| observe::events(SOURCE.name(), outcome.name(), 1));
            if outcomes == [Outcome::Stored] {
                ended += gone;
            }
        }
        Ok(ended)
    }
}

/// What a round knows of all rooms that it asks about.
struct Known {
    /// The ids of their calls, of those that LiveKit knows.
    sids: BTreeMap<String, String>,
    /// The time as of which it knows anything.
    as_of_unix_us: i64,
}

impl Known {
    /// A snapshot of each call of a room that shows somebody who has gone, and how many those are.
    fn find_gone(
        &self,
        app: AppId,
        (room, calls): Room,
        people: &BTreeSet<ParticipantId>,
    ) -> Vec<(Event, usize)> {
        let sid = self.sids.get(room.as_str()).map(String::as_str);
        let look = |(call, shown): (CallId, Vec<Shown>)| {
            let present = reconcile::present_in(&call, sid, people).cloned().unwrap_or_default();
            let has_gone = |shown: &&Shown| {
                shown.joined_unix_us <= self.as_of_unix_us && !present.contains(&shown.participant)
            };
            let gone = shown.iter().filter(has_gone).count();
            let event = reconcile::snapshot(app, room.clone(), call, present, self.as_of_unix_us);
            (gone > 0).then_some((event, gone))
        };
        calls.into_iter().filter_map(look).collect()
    }
}

/// Notes down who of a stay is there, if it is one of this source's.
fn note_who_is_shown(rooms: &mut BTreeMap<RoomId, Calls>, stay: &Stay) {
    let open = stay.spans.iter().filter(|span| span.end == End::Open);
    // Of several connections the first: a snapshot that ends it is needed.
    let first = open.map(|span| span.joined_unix_us).min();
    let Some(joined_unix_us) = first.filter(|_| stay.door.as_str() == SOURCE.name()) else {
        return;
    };
    let calls = rooms.entry(stay.room.clone()).or_default();
    let shown = Shown { participant: stay.participant.clone(), joined_unix_us };
    calls.entry(stay.call.clone()).or_default().push(shown);
}

/// The rooms of one round: those behind the last one of the last round come first.
fn take_turns(mut rooms: BTreeMap<RoomId, Calls>, last: Option<&RoomId>) -> Vec<Room> {
    let mut behind = match last {
        Some(last) => rooms.split_off(last),
        None => BTreeMap::new(),
    };
    let last = last.and_then(|last| behind.remove_entry(last));
    behind.into_iter().chain(rooms).chain(last).take(ROOMS_MAX).collect()
}

#[cfg(test)]
mod tests;
