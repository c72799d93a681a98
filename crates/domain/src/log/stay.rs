//! The intervals of one participant in one call: what queries show.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::client::ClientFacts;
use super::end::{Certainty, End};
use super::intervals::Interval;
use crate::clock::whole_second;
use crate::ids::{AppId, CallId, Door, ParticipantId, RoomId};

/// One interval of a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// When it began.
    pub joined_unix_us: i64,
    /// How surely that is known.
    pub join: Certainty,
    /// How it ended.
    pub end: End,
}

/// One participant's presence in one call, however often they dropped and came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The tenant.
    pub app: AppId,
    /// The way its events came in: doors never share calls.
    pub door: Door,
    /// Where.
    pub room: RoomId,
    /// In which life of the room.
    pub call: CallId,
    /// Who.
    pub participant: ParticipantId,
    /// Never empty; in the order of their beginning, then of their end.
    pub spans: Vec<Span>,
    /// Of each fact, what the last join in time told that told it.
    pub client: ClientFacts,
    /// Whether any stream was published.
    pub published: bool,
}

/// The order of stays in answers. Two stays of one app never have the same.
pub type StayOrder<'a> = (i64, &'a RoomId, &'a CallId, &'a ParticipantId, &'a Door);

impl Stay {
    /// The first join, in whole seconds.
    pub fn created_unix_s(&self) -> i64 {
        whole_second(self.spans.first().expect("a stay has spans").joined_unix_us)
    }

    /// The last leave, in whole seconds; `None` for someone who is still there.
    pub fn left_unix_s(&self) -> Option<i64> {
        let mut last = i64::MIN;
        for span in &self.spans {
            last = last.max(whole_second(span.end.unix_us()?));
        }
        Some(last)
    }

    /// How long at least one connection was there, in whole seconds; for someone who is still
    /// there, until `now_unix_s`. The union of the spans as they are shown, never their sum.
    pub fn duration_s(&self, now_unix_s: i64) -> i64 {
        let mut covered = 0;
        let mut until = i64::MIN;
        for span in &self.spans {
            let joined = whole_second(span.joined_unix_us).max(until);
            let left = span.end.unix_us().map_or(now_unix_s, whole_second);
            covered += (left - joined).max(0);
            until = until.max(left);
        }
        covered
    }

    /// Whether it is of a server: a recorder, an agent, a bridge.
    pub fn is_server(&self) -> bool {
        self.client.os == Some(super::client::Os::Linux)
    }

    /// Its place in answers.
    pub fn order(&self) -> StayOrder<'_> {
        (self.created_unix_s(), &self.room, &self.call, &self.participant, &self.door)
    }
}

/// The room that stays are in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomKey {
    /// The tenant.
    pub app: AppId,
    /// The way its events came in.
    pub door: Door,
    /// The room.
    pub room: RoomId,
}

/// Puts the intervals of one participant that have calls together, one stay per call.
///
/// `intervals` come in the order of their beginning, each with the call that it is in.
pub fn stays_of<'a>(
    at: &RoomKey,
    participant: &ParticipantId,
    intervals: impl IntoIterator<Item = (&'a CallId, &'a Interval)>,
) -> Vec<Stay> {
    let mut stays: BTreeMap<&CallId, Stay> = BTreeMap::new();
    for (call, interval) in intervals {
        let stay = stays.entry(call).or_insert_with(|| Stay {
            app: at.app,
            door: at.door.clone(),
            room: at.room.clone(),
            call: call.clone(),
            participant: participant.clone(),
            spans: vec![],
            client: ClientFacts::default(),
            published: false,
        });
        stay.client.learn(&interval.client);
        stay.published |= interval.published;
        stay.spans.push(Span {
            joined_unix_us: interval.joined_unix_us,
            join: interval.join,
            end: interval.end,
        });
    }
    let mut stays: Vec<Stay> = stays.into_values().collect();
    for stay in &mut stays {
        // Of two that began at one instant, the one that was over first comes first.
        let ends = |span: &Span| span.end.unix_us().unwrap_or(i64::MAX);
        stay.spans.sort_by_key(|span| (span.joined_unix_us, ends(span)));
    }
    stays
}
