//! Asking who is online.
//!
//! Whoever is in a room is online. Of everybody else what their clients told counts, if they told
//! anything within the retention; else how the room log lost sight of them.

use std::collections::BTreeSet;

use super::{Connection, Connections, State};
use crate::clock::SECOND_US;
use crate::context::{Context, DAY_S};
use crate::error::Result;
use crate::ids::{AppId, ParticipantId, UserId};
use crate::log::{self, Seen};

/// For how long somebody whom only the room log knows, and lost without a leave, is offline.
/// Afterwards nothing is known of them.
pub const LOST_S: i64 = DAY_S;

/// How these users are, in the order asked; `None` for whoever nothing is known of.
pub async fn states(ctx: &Context, app: AppId, users: &[UserId]) -> Result<Vec<Option<State>>> {
    let told = find(ctx, app, users).await?;
    let participants: BTreeSet<ParticipantId> = users.iter().map(as_participant).collect();
    let since_unix_s = ctx.clock.now_unix_s() - LOST_S;
    let seen = log::last_seen(ctx, app, participants, since_unix_s).await?;
    let since_unix_us = online_since_unix_us(ctx);
    let state = |(user, told): (&UserId, Connections)| {
        let seen = seen.get(&as_participant(user));
        let told = told.state(since_unix_us);
        told.filter(|_| seen != Some(&Seen::There)).or(seen.map(|seen| match seen {
            Seen::There => State::Online,
            Seen::Lost => State::Offline,
            Seen::Left => State::LoggedOut,
        }))
    };
    Ok(users.iter().zip(told).map(state).collect())
}

/// The connections by which these users are online, apart from those that the room log knows, in
/// the order asked.
pub async fn online(ctx: &Context, app: AppId, users: &[UserId]) -> Result<Vec<Vec<Connection>>> {
    let since_unix_us = online_since_unix_us(ctx);
    let told = find(ctx, app, users).await?;
    Ok(told.iter().map(|told| told.online(since_unix_us).cloned().collect()).collect())
}

async fn find(ctx: &Context, app: AppId, users: &[UserId]) -> Result<Vec<Connections>> {
    if users.is_empty() {
        return Ok(vec![]);
    }
    let mut found = ctx.store.find_connections(app, users).await?;
    for connections in &mut found {
        connections.forget(ctx.retention_start_unix_us());
    }
    Ok(found)
}

/// Who was not seen since then is not taken to be online any more.
fn online_since_unix_us(ctx: &Context) -> i64 {
    let minutes = ctx.settings.presence_expiry_minutes;
    minutes.map_or(i64::MIN, |minutes| {
        ctx.clock.now_unix_us() - i64::from(minutes.get()) * 60 * SECOND_US
    })
}

fn as_participant(user: &UserId) -> ParticipantId {
    ParticipantId::parse(user.as_str()).expect("an id of the log may be longer")
}
