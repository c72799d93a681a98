//! `/v1/dead-letters`: an app looks at its dead letters, has them read again, and removes them.
//!
//! Native events have none: their sender is told in the answer what is wrong with each.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::app::App;
use domain::log::dead::{self, KeptLetter, LetterPage};
use domain::log::{self, Event, Outcome};
use domain::presence::{self, Sighting};
use domain::{AppId, Context};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use sources::{Hook, Received};

use super::{Server, body, reply, token};
use crate::observe;

/// How many letters a call lists or reads again, at most; and how many it removes.
const LETTERS_MAX: u32 = 100;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    List,
    Replay,
    Remove,
}

impl Action {
    fn find(method: &Method, path: &str) -> Option<Self> {
        match (path.trim_end_matches('/'), method) {
            ("/v1/dead-letters", &Method::GET) => Some(Self::List),
            ("/v1/dead-letters", &Method::DELETE) => Some(Self::Remove),
            ("/v1/dead-letters/replay", &Method::POST) => Some(Self::Replay),
            _ => None,
        }
    }

    /// Its name in logs and metrics.
    fn name(self) -> &'static str {
        match self {
            Self::List => "list_dead_letters",
            Self::Replay => "replay_dead_letters",
            Self::Remove => "remove_dead_letters",
        }
    }
}

/// `methods` are those that the path has.
pub(super) async fn answer(
    server: &Server,
    request: Request<Incoming>,
    methods: &'static str,
) -> Response<Bytes> {
    let began = Instant::now();
    let request_id = reply::request_id(&server.ctx);
    let (parts, incoming) = request.into_parts();
    // Nothing is asked by a body; but who sends one all the same is to see the answer.
    body::drain(&parts.headers, incoming).await;
    let app = token::find_app(&server.ctx.apps, &parts.headers);
    let action = Action::find(&parts.method, parts.uri.path());
    let mut cause = None;
    let response = match (app, action) {
        (None, _) => reply::error(token::REFUSAL.0, token::REFUSAL.1),
        (Some(_), None) => reply::other_methods(
            methods,
            "dead letters are listed with GET, removed with DELETE, and read again with POST to \
             /v1/dead-letters/replay",
        ),
        (Some(app), Some(action)) => {
            let query = parts.uri.query().unwrap_or_default();
            act(server, app, action, query).await.unwrap_or_else(|error| {
                cause = Some(error);
                reply::not_now()
            })
        }
    };
    observe::answered(&observe::Answer {
        request_id: &request_id,
        dialect: "native",
        action: action.map_or("dead_letters", Action::name),
        app: app.map(|app| app.id),
        outcome: reply::outcome_of(&response),
        cause: cause.as_ref(),
        took: began.elapsed(),
    });
    response
}

async fn act(
    server: &Server,
    app: &App,
    action: Action,
    query: &str,
) -> domain::Result<Response<Bytes>> {
    let asked = match Asked::parse(action, query) {
        Ok(asked) => asked,
        Err(reason) => return Ok(reply::error(StatusCode::BAD_REQUEST, &reason)),
    };
    let answer = match action {
        Action::List => list(&server.ctx, app.id, &asked).await?,
        Action::Replay => replay(server, app, &asked).await?,
        Action::Remove => {
            let removed = dead::remove(&server.ctx, app.id, asked.ids).await?;
            server.letters.clear();
            json!({ "removed": removed })
        }
    };
    Ok(reply::json(StatusCode::OK, &answer))
}

/// The query's parameters.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    after: Option<u64>,
    limit: Option<u32>,
    ids: Vec<u64>,
}

impl Asked {
    fn parse(action: Action, query: &str) -> Result<Self, String> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let number = value.parse::<u64>().map_err(|_| format!("`{name}` is not a number"));
            match (name.as_ref(), action) {
                ("after", Action::List | Action::Replay) => asked.after = Some(number?),
                ("limit", Action::List | Action::Replay) => {
                    let limit = number?.min(LETTERS_MAX.into());
                    asked.limit = u32::try_from(limit).ok().filter(|limit| *limit > 0);
                    asked.limit.ok_or("`limit` is 0")?;
                }
                ("id", Action::Remove) => asked.ids.push(number?),
                _ => return Err("there is a parameter that this call does not know".to_owned()),
            }
        }
        if asked.ids.len() > LETTERS_MAX as usize {
            return Err(format!("there are more than {LETTERS_MAX} of `id`"));
        }
        if action == Action::Remove && asked.ids.is_empty() {
            return Err("`id` is missing: which letters?".to_owned());
        }
        Ok(asked)
    }

    async fn page(&self, ctx: &Context, app: AppId) -> domain::Result<(LetterPage, Option<u64>)> {
        let limit = self.limit.unwrap_or(LETTERS_MAX);
        let page = dead::list(ctx, app, self.after, limit).await?;
        let is_full = page.letters.len() == limit as usize;
        let next = page.letters.last().map(|last| last.id).filter(|_| is_full);
        Ok((page, next))
    }
}

async fn list(ctx: &Context, app: AppId, asked: &Asked) -> domain::Result<Value> {
    let (page, next) = asked.page(ctx, app).await?;
    let letters: Vec<Value> = page.letters.iter().map(show).collect();
    Ok(json!({ "app": app, "total": page.total, "letters": letters, "next": next }))
}

fn show(KeptLetter { id, letter }: &KeptLetter) -> Value {
    let received = jiff::Timestamp::from_microsecond(letter.received_unix_us);
    let received = received.map_or_else(|_| String::new(), |received| received.to_string());
    let mut shown = json!({
        "id": id, "door": letter.door.as_str(), "received": received, "reason": letter.reason,
    });
    match letter.body.as_deref().map(|body| (body, std::str::from_utf8(body))) {
        None => {}
        Some((_, Ok(text))) => shown["body"] = text.into(),
        Some((bytes, Err(_))) => shown["bodyBase64"] = STANDARD.encode(bytes).into(),
    }
    shown
}

/// Reads letters again, in the order in which they came. What is understood now is stored first,
/// and only then the letters of it are removed: after a kill in between they are read once more,
/// and their events are duplicates.
async fn replay(server: &Server, app: &App, asked: &Asked) -> domain::Result<Value> {
    let (page, next) = asked.page(&server.ctx, app.id).await?;
    let still_dead = page.letters.len();
    let mut read: Vec<Read> = page.letters.into_iter().filter_map(|it| reread(app, it)).collect();
    let events = read.iter_mut().flat_map(|read| std::mem::take(&mut read.events)).collect();
    let sightings = read.iter_mut().flat_map(|read| std::mem::take(&mut read.sightings)).collect();
    let mut of_events = log::record(&server.ctx, events).await?.into_iter();
    let mut of_sightings = presence::record(&server.ctx, sightings).await?.into_iter();
    let (mut stored, mut duplicates, mut expired) = (0_u64, 0_u64, 0_u64);
    let mut removed = vec![];
    for Read { id, hook, counts: (events, sightings), .. } in read {
        let mut is_whole = true;
        let outcomes = of_events.by_ref().take(events);
        for outcome in outcomes.chain(of_sightings.by_ref().take(sightings)) {
            observe::events(hook.name(), outcome.name(), 1);
            match outcome {
                Outcome::Stored => stored += 1,
                Outcome::Duplicate | Outcome::Conflict => duplicates += 1,
                Outcome::Expired => expired += 1,
                Outcome::Refused(_) => is_whole = false,
            }
        }
        removed.extend(is_whole.then_some(id));
    }
    let replayed = removed.len();
    if replayed > 0 {
        dead::remove(&server.ctx, app.id, removed).await?;
        server.letters.clear();
    }
    Ok(json!({
        "replayed": replayed, "stored": stored, "duplicates": duplicates, "expired": expired,
        "stillDead": still_dead - replayed, "next": next,
    }))
}

/// A letter that is understood now.
struct Read {
    id: u64,
    hook: Hook,
    events: Vec<Event>,
    sightings: Vec<Sighting>,
    /// How many there were of both.
    counts: (usize, usize),
}

/// What a letter tells, if it is understood without remainder. It was authentic when it came, so
/// that nobody asks for a signature.
fn reread(app: &App, KeptLetter { id, letter }: KeptLetter) -> Option<Read> {
    let hook = Hook::find(letter.door.as_str())?;
    let Received { events, sightings, dead, .. } =
        hook.reread(app.id, app.rtc_id.as_deref(), letter.body.as_deref()?);
    let counts = (events.len(), sightings.len());
    dead.is_empty().then_some(Read { id, hook, events, sightings, counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_a_path_say_what_is_asked() {
        let find = Action::find;
        assert_eq!(find(&Method::GET, "/v1/dead-letters"), Some(Action::List));
        assert_eq!(find(&Method::GET, "/v1/dead-letters/"), Some(Action::List));
        assert_eq!(find(&Method::DELETE, "/v1/dead-letters"), Some(Action::Remove));
        assert_eq!(find(&Method::POST, "/v1/dead-letters/replay"), Some(Action::Replay));
        assert_eq!(find(&Method::GET, "/v1/dead-letters/replay"), None);
        assert_eq!(find(&Method::POST, "/v1/dead-letters"), None);
    }

    #[test]
    fn a_query_is_taken_whole_or_refused() {
        let list = |query| Asked::parse(Action::List, query);
        assert_eq!(list(""), Ok(Asked::default()));
        let asked = Asked { after: Some(7), limit: Some(LETTERS_MAX), ids: vec![] };
        assert_eq!(list("after=7&limit=1000"), Ok(asked));
        for query in ["after=x", "after=-1", "limit=0", "id=1", "offset=1"] {
            assert!(list(query).is_err(), "{query}");
        }
        let remove = |query: &str| Asked::parse(Action::Remove, query).map(|asked| asked.ids);
        assert_eq!(remove("id=1&id=3"), Ok(vec![1, 3]));
        assert_eq!(remove(&"&id=1".repeat(100)[1..]).map(|ids| ids.len()), Ok(100));
        for query in ["", "id=", "after=1", &"&id=1".repeat(101)] {
            assert!(remove(query).is_err(), "{query}");
        }
    }
}
