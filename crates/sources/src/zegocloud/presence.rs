//! ZIM's `user_action`: somebody logged in, logged out, or was lost.

use domain::AppId;
use domain::clock::SECOND_US;
use domain::ids::{ConnectionId, UserId};
use domain::log::Os;
use domain::presence::{Connection, Sighting, State};

use super::callback::name;
use super::fields::Fields;
use crate::lenient;

/// The callback's name.
pub(super) const EVENT: &str = "user_action";

/// What an authentic callback tells, or why it cannot be understood.
pub(super) fn read(app: AppId, fields: &Fields) -> Result<Sighting, String> {
    let (state, at) = match fields.text("action") {
        Some("0") => (State::Online, "login_time"),
        Some("1") => (State::LoggedOut, "logout_time"),
        Some("2") => (State::Offline, "offline_time"),
        Some(_) => return Err("`action` is none of 0, 1 and 2".to_owned()),
        None => return Err("`action` is missing".to_owned()),
    };
    let user = name(fields, "user_id", UserId::parse)?;
    let id = name(fields, "session_id", ConnectionId::parse)?;
    let time_unix_us = unix_us(fields, at)?;
    let connection = Connection { id, time_unix_us, state, os: os(fields) };
    Ok(Sighting { app, user, connection })
}

/// QUIRK(zegocloud): times are seconds here, and milliseconds in the callbacks of RTC. The sample
/// of the document lacks the time that it names for `offline`: then the callback's own counts,
/// which is when it was sent.
fn unix_us(fields: &Fields, at: &str) -> Result<i64, String> {
    let time = fields.integer(at).filter(|time| *time > 0).or(fields.integer("timestamp"));
    let time = time.and_then(|time| lenient::unix_us(time, SECOND_US));
    time.ok_or_else(|| format!("`{at}` is missing"))
}

fn os(fields: &Fields) -> Option<Os> {
    // QUIRK(zegocloud): the sample has `"PC "`, with a space.
    match fields.text("os")?.trim() {
        "" => None,
        // As in the callbacks of RTC, PC stands beside Mac and Linux.
        "PC" => Some(Os::Windows),
        "IOS_PHONE" => Some(Os::Ios),
        "ANDROID" | "ANDROID_TV" => Some(Os::Android),
        "MAC" => Some(Os::Mac),
        "LINUX" => Some(Os::Linux),
        "WEB" => Some(Os::Web),
        _ => Some(Os::Unknown),
    }
}
