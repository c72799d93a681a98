//! The facts of one participant in one room become intervals, one per connection.
//!
//! A join and a leave pair by connection id where both carry one. Otherwise a participant has at
//! most one open interval per call: a second join closes it, inferred, and a leave that names no
//! connection says that the participant left. A sender that lets nobody in twice says so with each
//! join, which then closes the participant's other connections, inferred. What nobody reported is
//! inferred and marked, and the real fact replaces it when it comes, so that nothing here depends
//! on arrival.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::client::ClientFacts;
use super::closing::{Closers, Proof, is_heard_of, may_be_same_call};
use super::end::{Certainty, End};
use super::event::{Event, Presence};
use super::step::{JoinKind, Step, What, certainty};
use crate::clock::whole_second;
use crate::ids::{CallId, ConnectionId, EventId, ParticipantId, SourceName};

/// One connection of a participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// In which call; `None` where the sender knows no calls.
    pub call: Option<CallId>,
    /// Which, where the sender names connections.
    pub connection: Option<ConnectionId>,
    /// Through which server they came.
    pub source: SourceName,
    /// The event that began it.
    pub began_with: EventId,
    /// When it began.
    pub joined_unix_us: i64,
    /// How surely its beginning is known.
    pub join: Certainty,
    /// How it ended; never before it began.
    pub end: End,
    /// What was told of the client.
    pub client: ClientFacts,
    /// Whether a stream was published.
    pub published: bool,
    /// The last instant at which something that was reported of them shows that they were there,
    /// other than the end.
    pub seen_unix_us: i64,
}

/// Folds the events of one participant in one room, in any order, into intervals in the order of
/// their beginning. Events about others must not be among them.
pub fn fold_participant<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    participant: &ParticipantId,
    closers: &impl Closers,
) -> Vec<Interval> {
    let mut facts: Vec<Step<'a>> = events.into_iter().flat_map(Step::of_event).collect();
    facts.sort_by(|one, other| one.order.cmp(&other.order));
    let mut sweep = Sweep {
        participant,
        closers,
        drafts: vec![],
        open: vec![],
        named: HashMap::new(),
        early: vec![],
        lone: vec![],
    };
    for step in &facts {
        sweep.apply(step);
    }
    sweep.finish()
}

/// An interval that is being put together.
struct Draft {
    interval: Interval,
    join: JoinKind,
    /// Whether the leave named this connection: such an end is final.
    left_by_connection: bool,
    /// A leave of the very instant of the join, which names no connection and ended nothing else:
    /// it ends this one, unless they are heard of later.
    perhaps_left: Option<(i64, ClientFacts)>,
}

impl Draft {
    fn may_be_in(&self, call: Option<&CallId>) -> bool {
        may_be_same_call(self.interval.call.as_ref(), call)
    }
}

struct Sweep<'s, C> {
    participant: &'s ParticipantId,
    closers: &'s C,
    drafts: Vec<Draft>,
    /// Which drafts are open, in the order of their beginning.
    open: Vec<usize>,
    /// The drafts of each connection, in the order in which it became known of them.
    named: HashMap<ConnectionId, Vec<usize>>,
    /// Client facts that came before any join that they could belong to.
    early: Vec<(Presence, ClientFacts)>,
    /// Leaves that ended nothing, and their instants.
    lone: Vec<(Presence, i64, ClientFacts)>,
}

impl<C: Closers> Sweep<'_, C> {
    fn apply(&mut self, step: &Step<'_>) {
        match &step.what {
            What::Join { client, certainty, sole } => {
                if *sole {
                    self.close_others(step);
                }
                self.join(step, *certainty, *client);
            }
            What::Leave { client } => self.leave(step, client),
            What::Client { client } => self.client(step, client),
            What::Publish => self.publish(step),
        }
    }

    fn join(&mut self, step: &Step<'_>, kind: JoinKind, client: Option<&ClientFacts>) {
        // Of two that were reported, the second begins anew; what was only concluded gives way.
        let continued = self
            .open_of(step.who)
            .filter(|&index| kind != JoinKind::Own || self.drafts[index].join != JoinKind::Own);
        match continued {
            Some(index) if kind < self.drafts[index].join => self.tell_join(index, step, kind),
            Some(_) => {}
            None => {
                self.close_what_this_join_ends(step);
                self.begin(step, kind);
            }
        }
        let index = continued.unwrap_or_else(|| self.drafts.len() - 1);
        if let Some(client) = client {
            self.drafts[index].interval.client.learn(client);
        }
    }

    /// The open draft that a join of this connection may be the beginning of: one of the same
    /// connection, both having none included, or one that only a publication proved.
    fn open_of(&self, who: &Presence) -> Option<usize> {
        let fits = |&&index: &&usize| {
            let draft = &self.drafts[index];
            let connection = draft.interval.connection.as_ref();
            let same = connection == who.connection.as_ref();
            let proved = draft.join == JoinKind::ProvedByPublication
                && (connection.is_none() || who.connection.is_none());
            (same || proved) && draft.may_be_in(who.call.as_ref())
        };
        self.open.iter().rev().find(fits).copied()
    }

    fn tell_join(&mut self, index: usize, step: &Step<'_>, kind: JoinKind) {
        let draft = &mut self.drafts[index];
        draft.join = kind;
        draft.interval.joined_unix_us = step.at();
        draft.interval.seen_unix_us = draft.interval.seen_unix_us.max(step.at());
        draft.interval.join = certainty(kind);
        draft.interval.source = step.event.source.clone();
        draft.interval.began_with = step.event.id.clone();
        if draft.interval.call.is_none() {
            draft.interval.call = step.call().cloned();
        }
        if let (None, Some(connection)) = (&draft.interval.connection, &step.who.connection) {
            draft.interval.connection = Some(connection.clone());
            self.named.entry(connection.clone()).or_default().push(index);
        }
    }

    /// Closes the open drafts that cannot go on beside a new one: of the same connection, or where
    /// either has none.
    fn close_what_this_join_ends(&mut self, step: &Step<'_>) {
        self.close_if(step, |theirs, new| theirs.is_none() || new.is_none() || theirs == new);
    }

    /// Closes the open drafts of other connections, whose place this one takes.
    fn close_others(&mut self, step: &Step<'_>) {
        self.close_if(step, |theirs, new| theirs != new);
    }

    fn close_if(
        &mut self,
        step: &Step<'_>,
        ends: impl Fn(Option<&ConnectionId>, Option<&ConnectionId>) -> bool,
    ) {
        let drafts = &mut self.drafts;
        self.open.retain(|&index| {
            let draft = &mut drafts[index];
            let theirs = draft.interval.connection.as_ref();
            let new = step.who.connection.as_ref();
            if !ends(theirs, new) || !draft.may_be_in(step.who.call.as_ref()) {
                return true;
            }
            let at = step.at().max(draft.interval.joined_unix_us);
            draft.interval.end = End::At(at, Certainty::Inferred);
            false
        });
    }

    fn begin(&mut self, step: &Step<'_>, kind: JoinKind) {
        let index = self.drafts.len();
        let mut client = ClientFacts::default();
        self.early.retain(|(who, facts)| {
            let theirs = may_be_same_connection(who, step.who)
                && may_be_same_call(who.call.as_ref(), step.call());
            if theirs {
                client.learn(facts);
            }
            !theirs
        });
        self.drafts.push(Draft {
            interval: Interval {
                call: step.call().cloned(),
                connection: step.who.connection.clone(),
                source: step.event.source.clone(),
                began_with: step.event.id.clone(),
                joined_unix_us: step.at(),
                join: certainty(kind),
                end: End::Open,
                client,
                published: false,
                seen_unix_us: step.at(),
            },
            join: kind,
            left_by_connection: false,
            perhaps_left: None,
        });
        self.open.push(index);
        if let Some(connection) = &step.who.connection {
            self.named.entry(connection.clone()).or_default().push(index);
        }
        self.leave_at_once(index, step);
    }

    /// Leaves stand before the joins of their instant, so whoever was there for no time at all has
    /// left before they came. If the leave names the connection, that is sure; else only if nothing
    /// is heard of them later.
    fn leave_at_once(&mut self, index: usize, step: &Step<'_>) {
        let theirs = |named: bool| {
            move |(who, at, _): &(Presence, i64, ClientFacts)| {
                *at == step.at()
                    && who.connection.is_some() == named
                    && may_be_same_connection(who, step.who)
                    && may_be_same_call(who.call.as_ref(), step.call())
            }
        };
        let is_named = step.who.connection.is_some();
        if let Some(leave) = self.lone.iter().position(theirs(true)).filter(|_| is_named) {
            let (_, at, client) = self.lone.swap_remove(leave);
            self.end(index, at, &client);
            self.drafts[index].left_by_connection = true;
        } else if let Some(leave) = self.lone.iter().position(theirs(false)) {
            let (_, at, client) = self.lone.swap_remove(leave);
            self.drafts[index].perhaps_left = Some((at, client));
        }
    }

    fn leave(&mut self, step: &Step<'_>, client: &ClientFacts) {
        match self.of_connection(step) {
            Some(index) if self.drafts[index].left_by_connection => {}
            Some(index) => {
                let (index, at) = match self.ended_by_rejoin_at(index, step) {
                    Some(before) => (before, step.event.time_unix_us),
                    None => (index, step.at()),
                };
                self.end(index, at, client);
                self.drafts[index].left_by_connection = true;
            }
            None if self.leave_unpaired(step, client) => {}
            None => self.lone.push((step.who.clone(), step.at(), client.clone())),
        }
    }

    /// The draft of the same connection that the join of `index` closed, if that join has the very
    /// time of this leave: then both are dated in whole seconds, and the leave came first.
    fn ended_by_rejoin_at(&self, index: usize, step: &Step<'_>) -> Option<usize> {
        let at = step.event.time_unix_us;
        let Interval { connection, joined_unix_us, .. } = &self.drafts[index].interval;
        let closed_then = |draft: &Draft| {
            draft.interval.connection == *connection
                && draft.may_be_in(step.call())
                && draft.interval.end == End::At(at, Certainty::Inferred)
        };
        let rejoined = *joined_unix_us == at;
        rejoined.then(|| self.drafts[..index].iter().rposition(closed_then)).flatten()
    }

    /// A leave whose connection no join named, or that names none; whether it ends anything.
    fn leave_unpaired(&mut self, step: &Step<'_>, client: &ClientFacts) -> bool {
        // Not paired by connection, it comes before the joins of its second, even if it stands here
        // at the second's end because it names a connection.
        let at = step.event.time_unix_us;
        let names_none = step.who.connection.is_none();
        let began_before = |draft: &Draft| {
            let joined = draft.interval.joined_unix_us;
            joined < at || (names_none && joined == at)
        };
        let fits = |draft: &Draft| {
            draft.may_be_in(step.call())
                && began_before(draft)
                && (names_none || draft.interval.connection.is_none())
        };
        let open: Vec<usize> =
            self.open.iter().copied().filter(|&index| fits(&self.drafts[index])).collect();
        let (there, gone): (Vec<usize>, Vec<usize>) =
            open.into_iter().partition(|&index| !self.is_closed_by(index, at));
        let ended = match (there.is_empty(), gone.last()) {
            (false, _) => there,
            (true, Some(&last)) => vec![last],
            (true, None) => Vec::from_iter(self.closed_by_a_join_since(at, &fits)),
        };
        ended.iter().for_each(|&index| self.end(index, at, client));
        !ended.is_empty()
    }

    /// The draft that a later join of the same second closed before this leave was read.
    fn closed_by_a_join_since(&self, at: i64, fits: &impl Fn(&Draft) -> bool) -> Option<usize> {
        let closed_since = |draft: &Draft| match draft.interval.end {
            End::At(end, Certainty::Inferred) => end >= at,
            _ => false,
        };
        self.drafts.iter().rposition(|draft| fits(draft) && closed_since(draft))
    }

    fn end(&mut self, index: usize, at: i64, client: &ClientFacts) {
        let draft = &mut self.drafts[index];
        let at = at.max(draft.interval.joined_unix_us);
        draft.interval.end = End::At(at, Certainty::Reported);
        draft.interval.client.learn(client);
        self.open.retain(|&open| open != index);
    }

    /// Whether a closer had ended this open draft by then.
    fn is_closed_by(&self, index: usize, at: i64) -> bool {
        let interval = &self.drafts[index].interval;
        let closing = self.closers.first_for(interval, self.participant, Proof::OfTheRoom);
        closing.is_some_and(|closing| closing.known_unix_us <= at)
    }

    fn client(&mut self, step: &Step<'_>, client: &ClientFacts) {
        match self.known_of(step) {
            Some(index) => {
                self.drafts[index].interval.client.learn(client);
                self.see(index, step);
            }
            None => self.early.push((step.who.clone(), client.clone())),
        }
    }

    fn publish(&mut self, step: &Step<'_>) {
        let shown = self.known_of(step).filter(|&index| {
            let draft = &self.drafts[index];
            let named =
                step.who.connection.is_some() && draft.interval.connection == step.who.connection;
            named || self.is_there_at(index, step.at())
        });
        let index = shown.unwrap_or_else(|| {
            self.close_what_this_join_ends(step);
            self.begin(step, JoinKind::ProvedByPublication);
            self.drafts.len() - 1
        });
        self.drafts[index].interval.published = true;
        self.see(index, step);
    }

    /// Notes that they were there, if they had not left, by something that is heard of their call.
    fn see(&mut self, index: usize, step: &Step<'_>) {
        let interval = &mut self.drafts[index].interval;
        if interval.end == End::Open && is_heard_of(step.event, interval.call.as_ref()) {
            interval.seen_unix_us = interval.seen_unix_us.max(step.at());
        }
    }

    /// The newest draft of the connection that a fact names, in the call that it names.
    fn of_connection(&self, step: &Step<'_>) -> Option<usize> {
        let drafts = self.named.get(step.who.connection.as_ref()?)?;
        drafts.iter().rev().copied().find(|&index| self.drafts[index].may_be_in(step.call()))
    }

    /// The draft that a fact which is neither a join nor a leave is about: that of its connection,
    /// else the newest one that is open, else the newest.
    fn known_of(&self, step: &Step<'_>) -> Option<usize> {
        let fits = |index: &usize| {
            let draft = &self.drafts[*index];
            let other_connection =
                step.who.connection.is_some() && draft.interval.connection.is_some();
            !other_connection && draft.may_be_in(step.call())
        };
        self.of_connection(step)
            .or_else(|| self.open.iter().rev().copied().find(|index| fits(index)))
            .or_else(|| (0..self.drafts.len()).rev().find(|index| fits(index)))
    }

    /// Whether they are in the room then, or left in that very second: a leave in whole seconds
    /// may stand before what happened in its second.
    fn is_there_at(&self, index: usize, at: i64) -> bool {
        match self.drafts[index].interval.end {
            End::Open => !self.is_closed_by(index, at),
            End::At(left, _) => whole_second(left) >= whole_second(at),
        }
    }

    /// Ends what no leave ended.
    fn finish(self) -> Vec<Interval> {
        let mut intervals = Vec::with_capacity(self.drafts.len());
        for Draft { mut interval, perhaps_left, .. } in self.drafts {
            let left = perhaps_left.filter(|(at, _)| interval.seen_unix_us <= *at);
            if let Some((at, client)) = left.filter(|_| !interval.end.is_reported()) {
                interval.end = End::At(at, Certainty::Reported);
                interval.client.learn(&client);
            } else if !interval.end.is_reported()
                && let Some(closing) =
                    self.closers.first_for(&interval, self.participant, Proof::Any)
                && interval.end.unix_us().is_none_or(|end| closing.known_unix_us <= end)
            {
                interval.end = End::At(closing.left_unix_us, Certainty::Inferred);
            }
            intervals.push(interval);
        }
        intervals.sort_by_key(|interval| interval.joined_unix_us);
        intervals
    }
}

fn may_be_same_connection(one: &Presence, other: &Presence) -> bool {
    match (&one.connection, &other.connection) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
