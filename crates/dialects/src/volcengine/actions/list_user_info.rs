//! `ListUserInfo`: who was in a room, or in any room of an app, in a window of time.
//!
//! A row is one participant of one call, with all their joins and leaves. Which rows, in which order
//! and how their times add up is the log's business; here are the parameters and the names.

use std::collections::BTreeSet;

use domain::context::DAY_S;
use domain::ids::{ParticipantId, RoomId};
use domain::log::{self, Access, Os, Stay, StayPage, StayQuery};
use serde::Serialize;

use super::Asked;
use crate::volcengine::action::Version;
use crate::volcengine::fault::{Code, Fault};
use crate::volcengine::time;

/// How far back one can ask.
const LOOK_BACK_S: i64 = 14 * DAY_S;
/// How long the window may be; a longer one is cut. V14.
const WINDOW_S_MAX: i64 = 6 * 3_600;
const PAGE_SIZE_DEFAULT: u32 = 20;
const PAGE_SIZE_MAX: u32 = 100;
const USER_IDS_MAX: usize = 10;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::volcengine) struct Answer {
    total: u64,
    page_num: u64,
    page_size: u32,
    user_list: Vec<Row>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    call_id: String,
    room_id: String,
    user_id: String,
    created_at: String,
    leave_at: String,
    access: &'static str,
    #[serde(rename = "OS")]
    os: &'static str,
    device_type: String,
    sdk_version: String,
    #[serde(rename = "Pub")]
    published: bool,
    duration: i64,
    finished: bool,
    record: Vec<Passage>,
}

/// One join or leave.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Passage {
    time: String,
    #[serde(rename = "Type")]
    kind: &'static str,
}

pub(in crate::volcengine) async fn answer(asked: &Asked<'_>) -> Result<Answer, Fault> {
    let (from_unix_s, until_unix_s) = window(asked)?;
    let page_num = number(asked, "PageNum")?.unwrap_or(1);
    let page_size = match number(asked, "PageSize")? {
        None => PAGE_SIZE_DEFAULT,
        Some(size) => u32::try_from(size).unwrap_or(u32::MAX).min(PAGE_SIZE_MAX),
    };
    let query = StayQuery {
        app: asked.app.id,
        room: room(asked)?,
        participants: participants(asked)?,
        with_servers: !exclude_servers(asked)?,
        from_unix_s,
        until_unix_s,
        offset: (page_num - 1).saturating_mul(u64::from(page_size)),
        limit: page_size,
    };
    let StayPage { total, stays } = log::list_stays(asked.ctx, &query).await?;
    let show = Show {
        offset_s: asked.ctx.settings.time_zone_offset_s,
        now_unix_s: asked.ctx.clock.now_unix_s(),
    };
    let user_list = stays.iter().map(|stay| show.row(stay)).collect();
    Ok(Answer { total, page_num, page_size, user_list })
}

/// First and last second asked for, both included.
fn window(asked: &Asked<'_>) -> Result<(i64, i64), Fault> {
    let from_unix_s = moment(asked, "StartTime")?;
    let until_unix_s = moment(asked, "EndTime")?;
    if until_unix_s < from_unix_s {
        let message = "EndTime is before StartTime.";
        return Err(Fault::new(Code::StartTimeAfterEndTime, message));
    }
    if !asked.ctx.settings.documented_limits {
        return Ok((from_unix_s, until_unix_s));
    }
    if from_unix_s < asked.ctx.clock.now_unix_s() - LOOK_BACK_S {
        let message = "StartTime is more than 14 days ago.";
        return Err(Fault::new(Code::OutofTimeRange, message));
    }
    Ok((from_unix_s, until_unix_s.min(from_unix_s.saturating_add(WINDOW_S_MAX))))
}

fn moment(asked: &Asked<'_>, name: &'static str) -> Result<i64, Fault> {
    let text = asked.query.find_filled(name)?.ok_or_else(|| Fault::missing(name))?;
    time::parse(text).ok_or_else(|| {
        let message = format!("{name} must be RFC 3339, like 2022-05-22T12:00:00+08:00.");
        Fault::new(Code::InvalidParameter, message)
    })
}

/// A number of at least 1. V15.
fn number(asked: &Asked<'_>, name: &'static str) -> Result<Option<u64>, Fault> {
    let Some(text) = asked.query.find_filled(name)? else { return Ok(None) };
    let long = text.parse::<i64>().ok().and_then(|long| u64::try_from(long).ok());
    long.filter(|&number| number > 0).map(Some).ok_or_else(|| {
        let message = format!("{name} must be a Long of at least 1.");
        Fault::new(Code::InvalidParameter, message)
    })
}

/// The room; `None` for all rooms, which the older version does not know.
fn room(asked: &Asked<'_>) -> Result<Option<RoomId>, Fault> {
    match (asked.query.find_filled("RoomId")?, asked.version) {
        (Some(id), _) => RoomId::parse(id).map(Some).map_err(|fault| {
            Fault::new(Code::IllegalRoomID, format!("RoomId cannot be one: {fault}."))
        }),
        (None, Version::V20231101) => Ok(None),
        (None, Version::V20201201) => Err(Fault::missing("RoomId")),
    }
}

/// Who; `None` for everybody. V16.
fn participants(asked: &Asked<'_>) -> Result<Option<BTreeSet<ParticipantId>>, Fault> {
    let Some(list) = asked.query.find_filled("UserId")? else { return Ok(None) };
    let mut given = list.split(',').filter(|id| !id.is_empty());
    let first: Vec<&str> = given.by_ref().take(USER_IDS_MAX).collect();
    if given.next().is_some() {
        let message = format!("UserId names more than {USER_IDS_MAX} users.");
        return Err(Fault::new(Code::UserCountOverLimit, message));
    }
    // QUIRK(volcengine): ids that nobody can have are dropped, as documented ("默认剔除"); a list of
    // which nothing is left means nobody. <https://www.volcengine.com/docs/6348/1186716>
    Ok(Some(first.into_iter().filter_map(|id| ParticipantId::parse(id).ok()).collect()))
}

/// V17. QUIRK(volcengine): Python sends `True`. Capture: pypi-volcengine--ListUserInfo.
fn exclude_servers(asked: &Asked<'_>) -> Result<bool, Fault> {
    match asked.query.find_filled("ExcludeServerUser")? {
        None => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => {
            let message = "ExcludeServerUser must be true or false.";
            Err(Fault::new(Code::InvalidParameter, message))
        }
    }
}

/// How the times of an answer are shown.
struct Show {
    offset_s: i32,
    now_unix_s: i64,
}

impl Show {
    fn row(&self, stay: &Stay) -> Row {
        let left_unix_s = stay.left_unix_s();
        let mut record = Vec::with_capacity(2 * stay.spans.len());
        for span in &stay.spans {
            record.push(self.passage("join_room", span.joined_unix_us));
            let left = span.end.unix_us().map(|unix_us| self.passage("leave_room", unix_us));
            record.extend(left);
        }
        Row {
            call_id: stay.call.as_str().to_owned(),
            room_id: stay.room.as_str().to_owned(),
            user_id: stay.participant.as_str().to_owned(),
            created_at: self.second(stay.created_unix_s()),
            // Documented: empty while the user is online.
            leave_at: left_unix_s.map(|unix_s| self.second(unix_s)).unwrap_or_default(),
            access: access(stay.client.access),
            os: os(stay.client.os),
            device_type: stay.client.device.clone().unwrap_or_default(),
            sdk_version: stay.client.sdk_version.clone().unwrap_or_default(),
            published: stay.published,
            duration: stay.duration_s(self.now_unix_s),
            finished: left_unix_s.is_some(),
            record,
        }
    }

    fn passage(&self, kind: &'static str, unix_us: i64) -> Passage {
        Passage { time: self.second(domain::clock::whole_second(unix_us)), kind }
    }

    fn second(&self, unix_s: i64) -> String {
        time::render(unix_s, self.offset_s)
    }
}

fn os(os: Option<Os>) -> &'static str {
    match os {
        Some(Os::Android) => "android",
        Some(Os::Ios) => "ios",
        Some(Os::Linux) => "linux",
        Some(Os::Mac) => "mac",
        Some(Os::Windows) => "windows",
        Some(Os::Web) => "web",
        Some(Os::Unknown) | None => "unknown",
    }
}

fn access(access: Option<Access>) -> &'static str {
    match access {
        Some(Access::G2) => "2g",
        Some(Access::G3) => "3g",
        Some(Access::G4) => "4g",
        Some(Access::G5) => "5g",
        Some(Access::Wifi) => "wifi",
        Some(Access::Unknown) | None => "unknown",
    }
}
