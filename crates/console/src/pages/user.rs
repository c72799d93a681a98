//! One user: the profile, to be looked at, changed and deregistered, and the rooms they were in.

use std::collections::BTreeMap;

use askama::Template;
use bytes::Bytes;
use domain::UserId;
use domain::app::App;
use domain::context::DAY_S;
use domain::ids::ParticipantId;
use domain::log::query::PAGE_LEN_MAX;
use domain::log::record::AHEAD_S_MAX;
use domain::log::{Span, Stay, StayQuery, list_stays};
use domain::presence::{self, State};
use domain::users::profile::{Length, Limits};
use domain::users::unregister::Removed;
use domain::users::update::Updated;
use domain::users::{ProfileChange, ProfileFault, User, find, unregister, update};
use http::{Response, StatusCode};

use crate::page::{Asked, Fault, Frame, html, redirect};
use crate::query::{Query, encode, render};
use crate::times::length;

/// What fits every dialect that shows users.
const LIMITS: Limits = Limits {
    name: Length::Chars(100),
    portrait: Length::Chars(500),
    tags_max: 100,
    tag: Length::Chars(64),
    ext_keys_max: 20,
    ext_key: Length::Bytes(50),
    ext_key_reserved_prefix: "s:",
    ext_value: Length::Bytes(500),
    extra: Length::Bytes(2_048),
};

/// How many days are shown at a glance.
const DAYS: usize = 14;
/// How many stays are told, the last ones.
const STAYS: usize = 100;
/// How high the picture of days is, in pixels.
const DAYS_PX: i64 = 60;

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage<'a> {
    frame: Frame<'a>,
    id: &'a str,
    link: String,
    user: Option<Shown>,
    presence: &'a str,
    fault: Option<String>,
    is_saved: bool,
    is_gone: bool,
    days: Vec<Day>,
    stays: Vec<Row>,
    total: u64,
    is_cut: bool,
}

/// The form of a profile: what stands in its fields, and what stood there when it was made.
pub(crate) struct Shown {
    now: Fields,
    was: Fields,
    robot: bool,
    created: String,
    updated: String,
}

/// The fields as texts; lists are lines. `None` is what lines would not tell as it is.
#[derive(Clone)]
struct Fields {
    name: String,
    portrait: String,
    tags: Option<String>,
    ext: Option<String>,
    extra: String,
}

struct Day {
    name: String,
    hours: String,
    y: i64,
    height: i64,
    x: usize,
}

struct Row {
    room: String,
    link: String,
    began: String,
    ended: Option<String>,
    length: String,
    device: String,
    published: bool,
}

fn id(asked: &Asked<'_>) -> Result<UserId, Fault> {
    // Not from a field of a form, in which browsers change line ends.
    UserId::parse(asked.query.exact("id")).map_err(|_| Fault::None)
}

/// The page; with a form that was refused, what was typed and why it cannot be.
pub(crate) async fn answer(
    asked: &Asked<'_>,
    app: &App,
    refused: Option<(Shown, String)>,
) -> Result<Response<Bytes>, Fault> {
    let id = id(asked)?;
    let user = find(asked.ctx, app.id, std::slice::from_ref(&id)).await?.pop().flatten();
    let states = presence::states(asked.ctx, app.id, std::slice::from_ref(&id)).await?;
    let (stays, total) = last_stays(asked, app, &id).await?;
    let (typed, fault) = refused.map_or((None, None), |(typed, why)| (Some(typed), Some(why)));
    let words = asked.words;
    let is_refused = fault.is_some();
    let mut page = html(&UserPage {
        frame: asked.frame(id.as_str(), Some(app)).tab("users"),
        id: id.as_str(),
        link: format!("id={}", encode(id.as_str())),
        user: typed.or(user.map(|user| shown(asked, user))),
        presence: match states.first().copied().flatten() {
            None => words.presence_none,
            Some(State::Online) => words.presence_online,
            Some(State::Offline) => words.presence_offline,
            Some(State::LoggedOut) => words.presence_out,
        },
        fault,
        is_saved: asked.query.get("done") == "saved",
        is_gone: asked.query.get("done") == "gone",
        days: days(asked, &stays),
        stays: stays.iter().rev().take(STAYS).map(|stay| row(asked, stay)).collect(),
        total,
        is_cut: total > stays.len() as u64,
    });
    if is_refused {
        *page.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(page)
}

/// Their last stays within the days that are shown, and how many there are.
async fn last_stays(asked: &Asked<'_>, app: &App, id: &UserId) -> Result<(Vec<Stay>, u64), Fault> {
    let Ok(participant) = ParticipantId::parse(id.as_str()) else { return Ok((vec![], 0)) };
    let query = StayQuery {
        app: app.id,
        room: None,
        participants: Some([participant].into()),
        with_servers: true,
        from_unix_s: first_day(asked),
        until_unix_s: asked.now_unix_s + AHEAD_S_MAX,
        offset: 0,
        limit: PAGE_LEN_MAX,
    };
    let page = list_stays(asked.ctx, &query).await?;
    let beyond = page.total.saturating_sub(u64::from(PAGE_LEN_MAX));
    if beyond == 0 {
        return Ok((page.stays, page.total));
    }
    let last = StayQuery { offset: beyond, ..query };
    Ok((list_stays(asked.ctx, &last).await?.stays, page.total))
}

fn first_day(asked: &Asked<'_>) -> i64 {
    asked.zone.midnight(asked.now_unix_s) - (DAYS as i64 - 1) * DAY_S
}

/// How long they were in rooms on each of the last days.
fn days(asked: &Asked<'_>, stays: &[Stay]) -> Vec<Day> {
    let first = first_day(asked);
    let mut seconds = [0_i64; DAYS];
    let second = |unix_us: i64| unix_us.div_euclid(1_000_000);
    let ends = |span: &Span| {
        let left = span.end.unix_us().map_or(asked.now_unix_s, second);
        (second(span.joined_unix_us), left)
    };
    let mut spans: Vec<_> = stays.iter().flat_map(|stay| &stay.spans).map(ends).collect();
    spans.sort_unstable();
    let mut until = i64::MIN;
    for (joined, left) in spans {
        // Two devices of one hour are one hour.
        let joined = joined.max(until);
        until = until.max(left);
        for (day, sum) in seconds.iter_mut().enumerate() {
            let begin = first + day as i64 * DAY_S;
            *sum += (left.min(begin + DAY_S) - joined.max(begin)).max(0);
        }
    }
    let most = seconds.iter().copied().max().unwrap_or(0).max(3_600);
    let day = |(n, sum): (usize, &i64)| {
        let height = (sum * DAYS_PX / most).max(i64::from(*sum > 0));
        Day {
            name: asked.zone.day(first + n as i64 * DAY_S),
            hours: length(*sum),
            y: DAYS_PX - height,
            height,
            x: n * 48,
        }
    };
    seconds.iter().enumerate().map(day).collect()
}

fn row(asked: &Asked<'_>, stay: &Stay) -> Row {
    let began = stay.created_unix_s();
    Row {
        room: stay.room.to_string(),
        link: render(&[
            ("room", stay.room.as_str()),
            ("door", stay.door.as_str()),
            ("call", stay.call.as_str()),
            ("at", &began.to_string()),
            ("who", stay.participant.as_str()),
        ]),
        began: asked.zone.second(began),
        ended: stay.left_unix_s().map(|left| asked.zone.second(left)),
        length: length(stay.duration_s(asked.now_unix_s)),
        device: stay.client.device.clone().unwrap_or_default(),
        published: stay.published,
    }
}

fn shown(asked: &Asked<'_>, user: User) -> Shown {
    let second = |unix_ms: i64| asked.zone.second(unix_ms.div_euclid(1_000));
    let profile = user.profile;
    let tags = profile.tags.join("\n");
    let pairs: Vec<String> =
        profile.ext.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let ext = pairs.join("\n");
    let now = Fields {
        // What could not be read again as it is must not be lost by changing something else.
        tags: (lines(&tags) == profile.tags).then_some(tags),
        ext: (parse_ext(&ext).as_ref() == Ok(&profile.ext)).then_some(ext),
        name: profile.name,
        portrait: profile.portrait,
        extra: profile.extra,
    };
    Shown {
        was: now.clone(),
        now,
        robot: profile.robot,
        created: second(user.created_unix_ms),
        updated: second(user.modified_unix_ms),
    }
}

/// What was typed, as it was typed.
fn typed(form: &Query) -> Shown {
    let fields = |before: &str| {
        let text = |name: &str| form.exact(&format!("{before}{name}")).to_owned();
        let list = |name: &str| form.has(&format!("was_{name}")).then(|| text(name));
        Fields {
            name: text("name"),
            portrait: text("portrait"),
            tags: list("tags"),
            ext: list("ext"),
            extra: text("extra"),
        }
    };
    let (created, updated) = (String::new(), String::new());
    Shown { now: fields(""), was: fields("was_"), robot: false, created, updated }
}

/// The lines that hold anything.
fn lines(text: &str) -> Vec<String> {
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

fn parse_ext(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut ext = BTreeMap::new();
    for line in lines(text) {
        let Some((key, value)) = line.split_once('=') else {
            return Err(format!("ext: there is no = in `{line}`"));
        };
        if ext.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("ext: `{key}` stands there twice"));
        }
    }
    Ok(ext)
}

/// What changes: a field that is as it was when the form was made stays as it is now.
fn change(form: &Query) -> Result<ProfileChange, String> {
    // A browser sends line ends of its own.
    let plain = |name: &str| form.exact(name).replace("\r\n", "\n");
    let changed = |name: &str| {
        let now = plain(name);
        (now != plain(&format!("was_{name}"))).then_some(now)
    };
    Ok(ProfileChange {
        name: changed("name"),
        portrait: changed("portrait"),
        tags: changed("tags").map(|text| lines(&text)),
        ext: changed("ext").map(|text| parse_ext(&text)).transpose()?,
        extra: changed("extra"),
    })
}

/// Changes a profile.
pub(crate) async fn edit(asked: &Asked<'_>, app: &App) -> Result<Response<Bytes>, Fault> {
    let id = id(asked)?;
    let change = match change(&asked.form) {
        Ok(change) => change,
        Err(why) => return answer(asked, app, Some((typed(&asked.form), why))).await,
    };
    let done = update(asked.ctx, app.id, vec![(id.clone(), change)], &LIMITS).await?;
    match done.into_iter().next() {
        Some(Updated::Invalid(fault)) => {
            answer(asked, app, Some((typed(&asked.form), tell(fault)))).await
        }
        Some(Updated::Yes) => Ok(redirect(&path_of(app, &id, "saved"))),
        _ => Err(Fault::None),
    }
}

fn path_of(app: &App, id: &UserId, done: &str) -> String {
    format!("/console/{}/user?id={}&done={done}", app.id, encode(id.as_str()))
}

fn tell(fault: ProfileFault) -> String {
    let longest = |what: &str, length: Length| match length {
        Length::Chars(max) => format!("{what}: at most {max} characters"),
        Length::Bytes(max) => format!("{what}: at most {max} bytes"),
    };
    match fault {
        ProfileFault::Name(length) => longest("name", length),
        ProfileFault::Portrait(length) => longest("portrait", length),
        ProfileFault::Tags(max) => format!("tags: at most {max}"),
        ProfileFault::Tag(length) => longest("each tag", length),
        ProfileFault::ExtKeys(max) => format!("ext: at most {max} keys"),
        ProfileFault::ExtKey(length) => longest("each key of ext, which is not empty", length),
        ProfileFault::ExtKeyReserved(prefix) => format!("ext: no key begins with {prefix}"),
        ProfileFault::ExtValue(length) => longest("each value of ext", length),
        ProfileFault::Extra(length) => longest("extra", length),
    }
}

#[derive(Template)]
#[template(path = "deregister.html")]
struct Deregister<'a> {
    frame: Frame<'a>,
    app: &'a App,
    id: &'a str,
    link: String,
}

/// Asks whether somebody is to be deregistered, and does it.
pub(crate) async fn deregister(asked: &Asked<'_>, app: &App) -> Result<Response<Bytes>, Fault> {
    let id = id(asked)?;
    if asked.is_post {
        let done = unregister(asked.ctx, app.id, vec![id.clone()]).await?;
        return match done.first() {
            Some(Removed::Yes) => Ok(redirect(&path_of(app, &id, "gone"))),
            _ => Err(Fault::None),
        };
    }
    let frame = asked.frame(asked.words.deregister, Some(app)).tab("users");
    let link = format!("id={}", encode(id.as_str()));
    Ok(html(&Deregister { frame, app, id: id.as_str(), link }))
}
