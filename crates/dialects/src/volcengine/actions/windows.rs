//! What the queries on the room log have in common: windows of time, pages, rooms.

use domain::context::DAY_S;
use domain::ids::RoomId;

use super::Asked;
use crate::volcengine::fault::{Code, Fault};
use crate::volcengine::time;

/// How far back one can ask.
const LOOK_BACK_S: i64 = 14 * DAY_S;
const PAGE_SIZE_DEFAULT: u32 = 20;
const PAGE_SIZE_MAX: u32 = 100;

/// First and last second asked for, both included; a window of more than `span_s_max` is cut. V14.
pub(super) fn window(asked: &Asked<'_>, span_s_max: i64) -> Result<(i64, i64), Fault> {
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
    Ok((from_unix_s, until_unix_s.min(from_unix_s.saturating_add(span_s_max))))
}

fn moment(asked: &Asked<'_>, name: &'static str) -> Result<i64, Fault> {
    let text = asked.query.find_filled(name)?.ok_or_else(|| Fault::missing(name))?;
    time::parse(text).ok_or_else(|| {
        let message = format!("{name} must be RFC 3339, like 2022-05-22T12:00:00+08:00.");
        Fault::new(Code::InvalidParameter, message)
    })
}

/// Which page is asked for.
pub(super) struct Page {
    /// From 1 on.
    pub(super) num: u64,
    /// How many rows it has at most.
    pub(super) size: u32,
}

impl Page {
    pub(super) fn of(asked: &Asked<'_>) -> Result<Self, Fault> {
        let num = number(asked, "PageNum")?.unwrap_or(1);
        let size = match number(asked, "PageSize")? {
            None => PAGE_SIZE_DEFAULT,
            Some(size) => u32::try_from(size).unwrap_or(u32::MAX).min(PAGE_SIZE_MAX),
        };
        Ok(Self { num, size })
    }

    /// How many rows come before it.
    pub(super) fn offset(&self) -> u64 {
        (self.num - 1).saturating_mul(u64::from(self.size))
    }
}

/// A number of at least 1. V15.
fn number(asked: &Asked<'_>, name: &'static str) -> Result<Option<u64>, Fault> {
    let Some(text) = asked.query.find_filled(name)? else { return Ok(None) };
    let is_unsigned = text.bytes().all(|byte| byte.is_ascii_digit());
    let long = text.parse().ok().filter(|_| is_unsigned);
    let number = long.and_then(|long: i64| u64::try_from(long).ok());
    number.filter(|&number| number > 0).map(Some).ok_or_else(|| {
        let message = format!("{name} must be a Long of at least 1.");
        Fault::new(Code::InvalidParameter, message)
    })
}

/// The room, if one is named.
pub(super) fn room(asked: &Asked<'_>) -> Result<Option<RoomId>, Fault> {
    let Some(id) = asked.query.find_filled("RoomId")? else { return Ok(None) };
    RoomId::parse(id)
        .map(Some)
        .map_err(|fault| Fault::new(Code::IllegalRoomID, format!("RoomId cannot be one: {fault}.")))
}

/// What a parameter says, if it is there. QUIRK(volcengine): Python sends `True`. V17. Capture:
/// pypi-volcengine--ListUserInfo.
pub(super) fn yes_or_no(asked: &Asked<'_>, name: &'static str) -> Result<Option<bool>, Fault> {
    match asked.query.find_filled(name)? {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => {
            let message = format!("{name} must be true or false.");
            Err(Fault::new(Code::InvalidParameter, message))
        }
    }
}
