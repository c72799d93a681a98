//! That the histories have everything that they are said to have, so that no property is hollow.
//! Whoever adds a fact or a rule adds a line.

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

const HISTORIES: usize = 1_000;

/// Always the same ones: what is counted does not depend on luck.
fn sample<S: Strategy>(strategy: &S) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    let mut one = || strategy.new_tree(&mut runner).expect("a history").current();
    (0..HISTORIES).map(|_| one()).collect()
}

struct Seen {
    events: Vec<Event>,
    intervals: Vec<(ParticipantId, Interval)>,
    stays: Vec<Stay>,
}

impl Seen {
    fn of(events: Vec<Event>) -> Self {
        let of = |who: ParticipantId| {
            let intervals = intervals_of(&events, &who);
            intervals.into_iter().map(move |it| (who.clone(), it))
        };
        let intervals = participants().flat_map(of).collect();
        Self { intervals, stays: fold_room(&at(), &events), events }
    }

    fn tells(&self, told: impl Fn(&Fact) -> bool) -> bool {
        self.events.iter().any(|it| told(&it.fact))
    }

    fn shows(&self, shown: impl Fn(&Interval) -> bool) -> bool {
        self.intervals.iter().any(|(_, it)| shown(it))
    }

    /// Whether a kind of closer is what ends an interval: without all of its kind, it ends
    /// elsewhere or not at all.
    fn closed_by(&self, closer: impl Fn(&Fact) -> bool) -> bool {
        let rest: Vec<Event> = self.events.iter().filter(|it| !closer(&it.fact)).cloned().collect();
        let without = |who: &ParticipantId| intervals_of(&rest, who);
        let inferred = |it: &Interval| it.end.unix_us().is_some() && !it.end.is_reported();
        participants().any(|who| {
            let mut theirs = self.intervals.iter().filter(|(whose, _)| *whose == who);
            theirs.any(|(_, it)| inferred(it) && !without(&who).contains(it))
        })
    }
}

type Kind = (&'static str, fn(&Seen) -> bool);

const FACTS: &[Kind] = &[
    ("a join", |it| it.tells(|it| matches!(it, Fact::Joined { sole: false, .. }))),
    ("a sole join", |it| it.tells(|it| matches!(it, Fact::Joined { sole: true, .. }))),
    ("a leave", |it| it.tells(|it| matches!(it, Fact::Left { joined_unix_us: None, .. }))),
    ("a leave that tells the join", |it| {
        it.tells(|it| matches!(it, Fact::Left { joined_unix_us: Some(_), .. }))
    }),
    ("a leave that tells a join at its own instant", |it| {
        it.events.iter().any(|event| match event.fact {
            Fact::Left { joined_unix_us: Some(joined), .. } => joined == event.time_unix_us,
            _ => false,
        })
    }),
    ("a publication", |it| it.tells(|it| matches!(it, Fact::Published { .. }))),
    ("a client fact", |it| it.tells(|it| matches!(it, Fact::Client { .. }))),
    ("an end of a call", |it| {
        it.tells(|it| matches!(it, Fact::RoomFinished { call: Some(_), .. }))
    }),
    ("an end of a room", |it| it.tells(|it| matches!(it, Fact::RoomFinished { call: None, .. }))),
    ("a snapshot of a call", |it| {
        it.tells(|it| matches!(it, Fact::Snapshot { call: Some(_), .. }))
    }),
    ("a snapshot of a room", |it| it.tells(|it| matches!(it, Fact::Snapshot { call: None, .. }))),
    ("a silence of a call", |it| it.tells(|it| matches!(it, Fact::RoomIdle { call: Some(_), .. }))),
    ("a silence of no call", |it| it.tells(|it| matches!(it, Fact::RoomIdle { call: None, .. }))),
    ("restarts of two servers", |it| {
        let is_one = |it: &&Event| matches!(it.fact, Fact::ServerRestarted | Fact::ServerStopped);
        let restarts = it.events.iter().filter(is_one);
        restarts.map(|it| &it.source).collect::<BTreeSet<_>>().len() == 2
    }),
    ("a call with a name and one without", |it| {
        let named = |named| {
            it.events.iter().filter_map(Event::presence).any(|it| it.call.is_some() == named)
        };
        named(true) && named(false)
    }),
    ("a connection with a name and one without", |it| {
        let named = |named| {
            it.events.iter().filter_map(Event::presence).any(|it| it.connection.is_some() == named)
        };
        named(true) && named(false)
    }),
    ("a whole second and a fraction", |it| {
        let whole = |whole| it.events.iter().any(|it| (it.time_unix_us % SECOND_US == 0) == whole);
        whole(true) && whole(false)
    }),
    ("two facts of one instant", |it| {
        let instants: BTreeSet<i64> = it.events.iter().map(|it| it.time_unix_us).collect();
        instants.len() < it.events.len()
    }),
];

const RESULTS: &[Kind] = &[
    ("an end that was reported", |it| it.shows(|it| it.end.is_reported())),
    ("an end that was inferred", |it| {
        it.shows(|it| matches!(it.end, End::At(_, Certainty::Inferred)))
    }),
    ("somebody who is there", |it| it.shows(|it| it.end == End::Open)),
    ("a join that was inferred", |it| it.shows(|it| it.join == Certainty::Inferred)),
    ("an interval without length", |it| it.shows(|it| it.end.unix_us() == Some(it.joined_unix_us))),
    ("an end by a room's end", |it| it.closed_by(|it| matches!(it, Fact::RoomFinished { .. }))),
    ("an end by a snapshot", |it| it.closed_by(|it| matches!(it, Fact::Snapshot { .. }))),
    ("an end by a restart", |it| it.closed_by(|it| *it == Fact::ServerRestarted)),
    ("an end by a stop", |it| it.closed_by(|it| *it == Fact::ServerStopped)),
    ("an end by a silence", |it| it.closed_by(|it| matches!(it, Fact::RoomIdle { .. }))),
    ("an end by a join", |it| it.closed_by(|it| matches!(it, Fact::Joined { .. }))),
    ("an end by a sole join", |it| {
        it.closed_by(|it| matches!(it, Fact::Joined { sole: true, .. }))
    }),
    ("a lone leave", |it| {
        let leaves = it.events.iter().filter(|it| matches!(it.fact, Fact::Left { .. })).count();
        leaves > it.intervals.iter().filter(|(_, it)| it.end.is_reported()).count()
    }),
    ("a stay of several spans", |it| it.stays.iter().any(|it| it.spans.len() > 1)),
    ("spans that overlap", |it| {
        it.stays
            .iter()
            .flat_map(|it| it.spans.windows(2))
            .any(|pair| pair[0].end.unix_us().is_none_or(|end| end > pair[1].joined_unix_us))
    }),
    ("a minted call of two", |it| {
        let minted = it.stays.iter().filter(|it| it.call.as_str().len() == 32);
        let calls: Vec<&CallId> = minted.map(|it| &it.call).collect();
        calls.iter().collect::<BTreeSet<_>>().len() < calls.len()
    }),
    ("two minted calls", |it| {
        let minted = it.stays.iter().filter(|it| it.call.as_str().len() == 32);
        minted.map(|it| &it.call).collect::<BTreeSet<_>>().len() > 1
    }),
    ("a stay that published and one that did not", |it| {
        it.stays.iter().any(|it| it.published) && it.stays.iter().any(|it| !it.published)
    }),
    ("a server", |it| it.stays.iter().any(Stay::is_server)),
];

/// Holds each kind to be in one of fifty histories at least; most are in most.
#[track_caller]
fn all_come(seen: &[Seen], kinds: &[Kind]) {
    for (name, is_in) in kinds {
        let count = seen.iter().filter(|it| is_in(it)).count();
        println!("{name}: in {count} of {}", seen.len());
        assert!(count * 50 >= seen.len(), "{name}: in {count} of {} only", seen.len());
    }
}

#[test]
fn histories_have_every_fact_and_every_result() {
    let seen: Vec<Seen> = sample(&histories()).into_iter().map(Seen::of).collect();
    all_come(&seen, FACTS);
    all_come(&seen, RESULTS);
}

#[test]
fn truths_lose_some_and_keep_some() {
    let truths = sample(&truths());
    let count = |is: fn(&Truth) -> bool| truths.iter().filter(|it| is(it)).count();
    type Kind = (&'static str, fn(&Truth) -> bool);
    let kinds: [Kind; 6] = [
        ("named calls", |it| it.connections.iter().any(|it| it.who.call.is_some())),
        ("no calls", |it| it.connections.iter().any(|it| it.who.call.is_none())),
        ("a join is lost", |it| it.connections.iter().any(|it| it.loses == (true, false))),
        ("a leave is lost", |it| it.connections.iter().any(|it| it.loses == (false, true))),
        ("nothing is lost", |it| it.connections.iter().any(|it| it.loses == (false, false))),
        ("a name of two connections", |it| {
            let names = it.connections.iter().map(|it| (&it.who.participant, &it.who.connection));
            names.collect::<BTreeSet<_>>().len() < it.connections.len()
        }),
    ];
    for (name, is) in kinds {
        assert!(count(is) * 10 >= truths.len(), "{name}: in {} only", count(is));
    }
}
