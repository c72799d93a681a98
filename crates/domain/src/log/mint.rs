//! Calls for intervals whose source knows no calls.
//!
//! Such a call begins with the first join into an empty room and ends when the room is empty again,
//! so the calls of a room are the runs of its intervals that touch each other.

use serde::{Deserialize, Serialize};

use super::end::End;
use super::event::FieldHash;
use super::intervals::Interval;
use crate::ids::{AppId, CallId, ParticipantId, RoomId};

/// An interval that needs a call, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncalled {
    /// Whose.
    pub participant: ParticipantId,
    /// The interval; its call is `None`.
    pub interval: Interval,
}

impl Uncalled {
    /// The order in which a room's joins are read.
    fn order(&self) -> impl Ord + '_ {
        let interval = &self.interval;
        (
            interval.joined_unix_us,
            &interval.connection,
            &interval.source,
            &interval.began_with,
            &self.participant,
        )
    }
}

/// A minted call, with the intervals that are in it, in the order of their joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    /// Its id: a hash of app, room, and the first join's time and id.
    pub call: CallId,
    /// Never empty.
    pub intervals: Vec<Uncalled>,
    /// When the room was empty again.
    pub end: End,
}

/// Cuts the intervals of a room into calls. The intervals may come in any order.
///
/// The cut at an instant at which nobody is in the room depends on nothing else: any part of a
/// room's intervals between two such instants may be minted alone.
pub fn mint(app: AppId, room: &RoomId, mut intervals: Vec<Uncalled>) -> Vec<Minted> {
    intervals.sort_by(|one, other| one.order().cmp(&other.order()));
    let mut calls: Vec<Minted> = vec![];
    for uncalled in intervals {
        let joined_unix_us = uncalled.interval.joined_unix_us;
        let end = uncalled.interval.end;
        match calls.last_mut() {
            Some(call) if !call.end.is_over_at(joined_unix_us) => {
                call.end = call.end.or_later(end);
                call.intervals.push(uncalled);
            }
            _ => {
                let call = call_id(app, room, &uncalled.interval);
                calls.push(Minted { call, end, intervals: vec![uncalled] });
            }
        }
    }
    calls
}

fn call_id(app: AppId, room: &RoomId, first: &Interval) -> CallId {
    let mut hash = FieldHash::default();
    hash.field(&app.0.to_be_bytes());
    hash.text(room.as_str());
    hash.field(&first.joined_unix_us.to_be_bytes());
    hash.text(first.began_with.as_str());
    CallId::parse(&hash.hex()).expect("32 hexadecimal digits are an id")
}
