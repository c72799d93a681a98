//! What ends an interval although no leave was reported.
//!
//! Leaves get lost: media servers crash, queues overflow. A room's end, a server's restart, a new
//! call in the same room, or a snapshot without the participant prove that an interval is over; so
//! does a long silence, if the operator says so. Such an end is inferred, and marked so; the real
//! leave replaces it if it still comes.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use super::event::{Event, Fact, Rank};
use super::intervals::Interval;
use crate::ids::{CallId, ParticipantId, SourceName};

/// Something that ends intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closer {
    /// When it counts.
    pub effective_unix_us: i64,
    /// Its place among the facts of that instant.
    pub rank: Rank,
    /// Which intervals it ends, and when they ended.
    pub reach: Reach,
}

/// Which intervals a closer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A room's end: those of the call, or of whichever call is on. They ended then.
    Finished(Option<CallId>),
    /// The first join of this call: those of all other calls. They ended with their own call.
    Superseded(CallId),
    /// A restart: those that joined through this server. They ended with their own call.
    Restarted(SourceName),
    /// A stop in order: those that joined through this server. They ended then.
    Stopped(SourceName),
    /// A snapshot: those of participants who are not in it. They ended then at the latest.
    Absent {
        /// The call that the snapshot is of, if it names one.
        call: Option<CallId>,
        /// Who is there.
        present: BTreeSet<ParticipantId>,
    },
    /// A silence: those of this very call, if nothing was heard of it in between, and nothing of
    /// themselves since. They ended with the last thing that was heard.
    Idle {
        /// The call; `None` is that of whoever's source names none.
        call: Option<CallId>,
        /// When the silence began.
        since_unix_us: i64,
    },
}

/// The end of an interval that nobody reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When the closer counts: what happens later happens after the end.
    pub known_unix_us: i64,
    /// The end itself, never before the join.
    pub left_unix_us: i64,
}

/// Which closers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// All of them.
    Any,
    /// Those that were reported of the room or the server, but not that others began a new call, or
    /// were silent: so that which intervals somebody has never depends on what others did.
    OfTheRoom,
}

impl Proof {
    /// Whether `closer` is one of them.
    pub fn admits(self, closer: &Closer) -> bool {
        self == Self::Any || !matches!(closer.reach, Reach::Superseded(_) | Reach::Idle { .. })
    }
}

/// Finds what ends intervals, in one room.
pub trait Closers {
    /// The first of the closers asked for that ends `interval`, which no leave ends.
    fn first_for(
        &self,
        interval: &Interval,
        participant: &ParticipantId,
        proof: Proof,
    ) -> Option<Closing>;
}

/// Whether two mentions of a call can be the same: a sender that names none may mean any.
pub fn may_be_same_call(one: Option<&CallId>, other: Option<&CallId>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

impl Closer {
    /// The closer that an event is, if it is one by itself. A call's first join is one too, but
    /// only all events of the room together tell which join is the first.
    pub fn from_event(event: &Event) -> Option<Self> {
        let reach = match &event.fact {
            Fact::RoomFinished { call, .. } => Reach::Finished(call.clone()),
            Fact::ServerRestarted => Reach::Restarted(event.source.clone()),
            Fact::ServerStopped => Reach::Stopped(event.source.clone()),
            Fact::Snapshot { call, present, .. } => {
                Reach::Absent { call: call.clone(), present: present.clone() }
            }
            Fact::RoomIdle { call, quiet_us, .. } => {
                let since_unix_us = event.time_unix_us.saturating_sub(*quiet_us);
                Reach::Idle { call: call.clone(), since_unix_us }
            }
            _ => return None,
        };
        let order = event.order();
        Some(Self { effective_unix_us: order.effective_unix_us, rank: order.rank, reach })
    }

    /// The closer that the first join of a call is.
    pub fn superseding(call: CallId, first_joined_unix_us: i64) -> Self {
        let reach = Reach::Superseded(call);
        Self { effective_unix_us: first_joined_unix_us, rank: Rank::End, reach }
    }

    /// Whether it ends this interval; a silence only if it was one, which [`Closer::close`] tells.
    pub fn ends(&self, interval: &Interval, participant: &ParticipantId) -> bool {
        let began_before = match self.rank {
            // Ends come before the joins of their instant, ...
            Rank::End | Rank::Leave => interval.joined_unix_us < self.effective_unix_us,
            // ... snapshots after them.
            Rank::Join | Rank::Rest => interval.joined_unix_us <= self.effective_unix_us,
        };
        let call = interval.call.as_ref();
        began_before
            && match &self.reach {
                Reach::Finished(over) => may_be_same_call(over.as_ref(), call),
                Reach::Superseded(new) => Some(new) != call,
                Reach::Restarted(server) | Reach::Stopped(server) => *server == interval.source,
                Reach::Absent { call: of, present } => {
                    may_be_same_call(of.as_ref(), call) && !present.contains(participant)
                }
                Reach::Idle { call: of, .. } => {
                    of.as_ref() == call && interval.seen_unix_us < self.effective_unix_us
                }
            }
    }

    /// When `interval` ended, given the last thing that was heard of its call before this closer;
    /// `None` if it was a silence, and something was heard.
    pub fn close(&self, interval: &Interval, last_heard_unix_us: Option<i64>) -> Option<Closing> {
        // That somebody came is heard of a call, too, whoever told it, and when.
        let heard = last_heard_unix_us.unwrap_or(i64::MIN).max(interval.joined_unix_us);
        let ended = match self.reach {
            Reach::Finished(_) | Reach::Absent { .. } | Reach::Stopped(_) => self.effective_unix_us,
            // The call was over at some time between the last that was heard of it and now; the
            // earliest is taken, since a ghost is worse than a missing minute.
            Reach::Superseded(_) | Reach::Restarted(_) => heard,
            Reach::Idle { since_unix_us, .. } if heard <= since_unix_us => heard,
            Reach::Idle { .. } => return None,
        };
        let left_unix_us = ended.max(interval.joined_unix_us);
        Some(Closing { known_unix_us: self.effective_unix_us, left_unix_us })
    }

    /// Whether the end it gives depends on what else was heard of the call.
    pub fn asks_what_was_heard(&self) -> bool {
        matches!(self.reach, Reach::Superseded(_) | Reach::Restarted(_) | Reach::Idle { .. })
    }

    /// Whether it counts before `other`.
    pub fn is_before(&self, other: &Self) -> bool {
        (self.effective_unix_us, self.rank) < (other.effective_unix_us, other.rank)
    }
}

/// The first of `closers` that ends `interval`. `last_heard` tells when the last thing was heard of
/// the interval's call before a closer; it is asked only where the answer matters.
///
/// Of several at one instant, the one that gives the earliest end counts: the order in which they
/// are offered has no part in it.
pub fn first_of<C: Borrow<Closer>>(
    closers: impl IntoIterator<Item = C>,
    interval: &Interval,
    participant: &ParticipantId,
    mut last_heard: impl FnMut(&Closer) -> Option<i64>,
) -> Option<Closing> {
    let mut first: Option<(C, Closing)> = None;
    for offered in closers {
        let closer: &Closer = offered.borrow();
        if !closer.ends(interval, participant) {
            continue;
        }
        if first.as_ref().is_some_and(|(found, _)| found.borrow().is_before(closer)) {
            continue;
        }
        let heard = if closer.asks_what_was_heard() { last_heard(closer) } else { None };
        let Some(closing) = closer.close(interval, heard) else { continue };
        let better = match &first {
            None => true,
            Some((found, best)) => {
                closer.is_before(found.borrow()) || closing.left_unix_us < best.left_unix_us
            }
        };
        if better {
            first = Some((offered, closing));
        }
    }
    first.map(|(_, closing)| closing)
}

/// Whether `event`, of the same room, is something heard of a call: anything that was reported of
/// it, or of the room without naming a call. `None` is the call of whoever's source names none.
pub fn is_heard_of(event: &Event, call: Option<&CallId>) -> bool {
    let of_the_call = match call {
        Some(_) => may_be_same_call(event.call(), call),
        None => event.call().is_none(),
    };
    // That it is quiet is nothing that anybody reported.
    let reported =
        !matches!(event.fact, Fact::ServerRestarted | Fact::ServerStopped | Fact::RoomIdle { .. });
    of_the_call && reported
}

/// Whether `event` is something heard of the call of an interval before `closer`.
pub fn is_heard_before(event: &Event, call: Option<&CallId>, closer: &Closer) -> bool {
    is_heard_of(event, call) && event.time_unix_us < closer.effective_unix_us
}
