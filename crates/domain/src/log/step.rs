//! What an event says of its participant, one step after the other.

use super::client::ClientFacts;
use super::end::Certainty;
use super::event::{Event, Fact, FactOrder, Presence, Rank};
use crate::ids::CallId;

/// One thing to be read, in the order of the room's facts.
pub(super) struct Step<'a> {
    pub(super) order: FactOrder,
    pub(super) event: &'a Event,
    pub(super) who: &'a Presence,
    pub(super) what: What<'a>,
}

pub(super) enum What<'a> {
    Join { client: Option<&'a ClientFacts>, certainty: JoinKind, sole: bool },
    Leave { client: &'a ClientFacts },
    Client { client: &'a ClientFacts },
    Publish,
}

/// Where the knowledge of a join comes from. A later kind gives way to an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum JoinKind {
    /// A join was reported.
    Own,
    /// The leave told when the join had been.
    ToldByLeave,
    /// A publication proves that there was one.
    ProvedByPublication,
}

impl<'a> Step<'a> {
    pub(super) fn of_event(event: &'a Event) -> impl Iterator<Item = Step<'a>> {
        let mut steps = [None, None];
        if let Some(who) = event.presence() {
            let mut order = event.order();
            let step = |order, what| Some(Step { order, event, who, what });
            match &event.fact {
                Fact::Joined { client, sole, .. } => {
                    let (certainty, sole) = (JoinKind::Own, *sole);
                    let what = What::Join { client: Some(client), certainty, sole };
                    steps[0] = step(order, what);
                }
                Fact::Left { joined_unix_us, client, .. } => {
                    if let Some(joined) = joined_unix_us {
                        let effective_unix_us = (*joined).min(order.effective_unix_us);
                        let rank = Rank::Join;
                        let told = FactOrder { effective_unix_us, rank, ..order.clone() };
                        let certainty = JoinKind::ToldByLeave;
                        if told.effective_unix_us == order.effective_unix_us {
                            // They were there for no time at all, and left behind that join.
                            order.rank = Rank::Rest;
                        }
                        steps[0] = step(told, What::Join { client: None, certainty, sole: false });
                    }
                    steps[1] = step(order, What::Leave { client });
                }
                Fact::Client { client, .. } => steps[0] = step(order, What::Client { client }),
                Fact::Published { .. } => steps[0] = step(order, What::Publish),
                Fact::RoomFinished { .. }
                | Fact::Snapshot { .. }
                | Fact::ServerRestarted
                | Fact::ServerStopped
                | Fact::RoomIdle { .. } => {}
            }
        }
        steps.into_iter().flatten()
    }

    pub(super) fn at(&self) -> i64 {
        self.order.effective_unix_us
    }

    pub(super) fn call(&self) -> Option<&CallId> {
        self.who.call.as_ref()
    }
}

/// How surely a join is known that is known in this way.
pub(super) fn certainty(kind: JoinKind) -> Certainty {
    match kind {
        JoinKind::Own | JoinKind::ToldByLeave => Certainty::Reported,
        JoinKind::ProvedByPublication => Certainty::Inferred,
    }
}
