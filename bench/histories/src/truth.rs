//! What really happened: calls of one room in one day, as the media server itself saw them.
//!
//! Times are milliseconds since the day began. The figures below were chosen, not measured; the
//! shares of those who come back are what the results depend on most.

use std::{cmp::Reverse, collections::BTreeSet, f64::consts::TAU};

use fastrand::Rng;

pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// How long LiveKit keeps an empty room.
const DEPARTURE_MS: i64 = 20_000;
/// How long LiveKit takes to notice that a connection is dead.
const NOTICED_MS: i64 = 20_000;
/// Whoever has this little left does nothing more than leave.
const EVENTFUL_MS: i64 = 120_000;
/// How long a room that is kept elsewhere than on the server outlives its crash with nobody in it.
const KEPT_MS: i64 = 300_000;
/// Those who ever come to a room.
const REGULARS: usize = 60;

/// Of a connection that lasts, the share that ends in each of these ways.
const RETURNS: f64 = 0.08;
const DROPS_UNNOTICED: f64 = 0.06;
const DROPS_NOTICED: f64 = 0.02;
const SECOND_DEVICES: f64 = 0.03;
/// Of connections that are replaced, those whose leave is told after the new one's join.
const LEAVES_TOLD_LATE: f64 = 0.05;
/// Of connections, those that a failed attempt precedes.
const ATTEMPTS_FAILED: f64 = 0.01;
/// Of those whom a crash threw out, the ones who come back.
const RETURN_AFTER_CRASH: f64 = 0.85;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// They went, or the server noticed that they were gone.
    Left,
    /// The same identity came by another connection.
    Replaced { told_late: bool },
    /// The server crashed, and could tell nobody.
    Crashed,
    /// It never was one: media never flowed.
    Aborted,
}

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Within the day.
    pub(crate) number: usize,
    pub(crate) identity: usize,
    pub(crate) joined_ms: i64,
    /// When media flowed, and the join was told.
    pub(crate) active_ms: i64,
    pub(crate) left_ms: i64,
    pub(crate) end: End,
    /// From when until when each stream was published.
    pub(crate) streams: Vec<(i64, i64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) started_ms: i64,
    /// When the server said that the room was finished, if it lived to say so.
    pub(crate) finished_ms: Option<i64>,
    pub(crate) connections: Vec<Connection>,
}

#[derive(Clone, Debug)]
pub(crate) struct RoomDay {
    pub(crate) number: u64,
    pub(crate) calls: Vec<Call>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrashKind {
    /// Who comes back finds a new room of the same name.
    RoomsForgotten,
    /// Who comes back soon finds the same room.
    RoomsKept,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) at_ms: i64,
    pub(crate) kind: CrashKind,
}

/// One seed for each use of each day, so that what is drawn for one leaves the others as they were.
pub(crate) fn mix(seed: u64, number: u64, stream: u64) -> u64 {
    [seed, number, stream].iter().fold(0, |mixed: u64, part| {
        let mut mixed = (mixed ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

pub(crate) fn chance(random: &mut Rng, share: f64) -> bool {
    random.f64() < share
}

impl Call {
    /// When nothing more can happen to it.
    pub(crate) fn over_ms(&self) -> i64 {
        let last = self.connections.iter().map(|it| it.left_ms).max().unwrap_or(self.started_ms);
        self.finished_ms.unwrap_or(last).max(last)
    }
}

impl RoomDay {
    pub(crate) fn draw(number: u64, crash: Option<Crash>, random: &mut Rng) -> Self {
        let mut connections = vec![];
        let mut begins_ms = random.i64(0..2 * 3_600_000);
        loop {
            let length_ms = length_ms(random);
            if begins_ms + length_ms > DAY_MS {
                break;
            }
            connections.extend(people_of_a_call(begins_ms, begins_ms + length_ms, random));
            // An hour of the room's own, three on average.
            begins_ms += length_ms + 600_000 + random.i64(0..6 * 3_600_000);
        }
        if let Some(crash) = crash {
            connections = after_crash(connections, crash.at_ms, random);
        }
        connections.sort_by_key(|it| (it.joined_ms, Reverse(it.left_ms)));
        for (number, connection) in connections.iter_mut().enumerate() {
            connection.number = number;
        }
        Self { number, calls: cut_into_calls(connections, crash) }
    }
}

/// Half of the calls are over after 22 minutes; none lasts longer than four hours.
fn length_ms(random: &mut Rng) -> i64 {
    let (one, other) = (random.f64().max(f64::MIN_POSITIVE), random.f64());
    let normal = (-2.0 * one.ln()).sqrt() * (TAU * other).cos();
    let minutes = 22.0 * (0.8 * normal).exp();
    ((minutes * 60_000.0) as i64).clamp(60_000, 4 * 3_600_000)
}

fn people_of_a_call(begins_ms: i64, ends_ms: i64, random: &mut Rng) -> Vec<Connection> {
    let people = match random.f64() {
        share if share < 0.45 => 2,
        share if share < 0.85 => random.usize(3..=8),
        _ => random.usize(9..=40),
    };
    let mut identities = BTreeSet::new();
    while identities.len() < people {
        identities.insert(random.usize(0..REGULARS));
    }
    let mut connections = vec![];
    for identity in identities {
        let length_ms = ends_ms - begins_ms;
        let joined_ms = match chance(random, 0.75) {
            true => begins_ms + random.i64(0..=120_000.min(length_ms / 2)),
            false => begins_ms + random.i64(0..=length_ms / 2),
        };
        let left_ms = match chance(random, 0.75) {
            true => ends_ms - random.i64(0..=20_000.min(length_ms / 4)),
            false => ends_ms - random.i64(0..=length_ms / 4),
        };
        connections.extend(connections_of(identity, joined_ms, left_ms, random));
    }
    connections
}

/// How somebody was there between two times: seldom by one connection only.
fn connections_of(
    identity: usize,
    joined_ms: i64,
    left_ms: i64,
    random: &mut Rng,
) -> Vec<Connection> {
    let mut connections = vec![];
    let mut at_ms = joined_ms;
    loop {
        if chance(random, ATTEMPTS_FAILED) && left_ms - at_ms > EVENTFUL_MS {
            let mut attempt = connection(identity, at_ms, at_ms + 10_000, End::Aborted, random);
            attempt.streams.clear();
            connections.push(attempt);
            at_ms += 12_000;
        }
        let eventful = left_ms - at_ms > EVENTFUL_MS;
        let then_ms = if eventful { random.i64(at_ms + 30_000..left_ms - 70_000) } else { left_ms };
        let replaced = End::Replaced { told_late: chance(random, LEAVES_TOLD_LATE) };
        let happens = if eventful { random.f64() } else { 1.0 };
        let (gone_ms, back_ms, end) = if happens < RETURNS {
            (then_ms, then_ms + random.i64(5_000..300_000), End::Left)
        } else if happens < RETURNS + DROPS_UNNOTICED {
            let back_ms = then_ms + random.i64(2_000..NOTICED_MS);
            (back_ms, back_ms, replaced)
        } else if happens < RETURNS + DROPS_UNNOTICED + DROPS_NOTICED {
            let gone_ms = then_ms + NOTICED_MS;
            (gone_ms, gone_ms + random.i64(1_000..40_000), End::Left)
        } else if happens < RETURNS + DROPS_UNNOTICED + DROPS_NOTICED + SECOND_DEVICES {
            (then_ms, then_ms, replaced)
        } else {
            connections.push(connection(identity, at_ms, left_ms, End::Left, random));
            return connections;
        };
        connections.push(connection(identity, at_ms, gone_ms, end, random));
        if left_ms - back_ms < 10_000 && end == End::Left {
            return connections;
        }
        at_ms = back_ms;
    }
}

fn connection(
    identity: usize,
    joined_ms: i64,
    left_ms: i64,
    end: End,
    random: &mut Rng,
) -> Connection {
    let active_ms = joined_ms + random.i64(200..1_500);
    let mut streams = vec![];
    let publishes = |random: &mut Rng| active_ms + random.i64(300..3_000);
    if chance(random, 0.85) {
        streams.push((publishes(random), left_ms));
        if chance(random, 0.6) {
            let from_ms = publishes(random);
            match left_ms - from_ms > EVENTFUL_MS && chance(random, 0.2) {
                // The camera goes off for a while.
                true => {
                    let off_ms = random.i64(from_ms + 5_000..left_ms - 60_000);
                    streams.push((from_ms, off_ms));
                    streams.push((off_ms + random.i64(1_000..50_000), left_ms));
                }
                false => streams.push((from_ms, left_ms)),
            }
        }
    }
    streams.retain(|(from_ms, until_ms)| from_ms < until_ms);
    Connection { number: 0, identity, joined_ms, active_ms, left_ms, end, streams }
}

/// Everybody is thrown out; most of those who meant to stay come back within half a minute.
fn after_crash(connections: Vec<Connection>, at_ms: i64, random: &mut Rng) -> Vec<Connection> {
    let mut after = vec![];
    for mut one in connections {
        if one.left_ms <= at_ms || one.joined_ms >= at_ms {
            after.push(one);
            continue;
        }
        let (meant_until_ms, meant) = (one.left_ms, one.end);
        if one.active_ms < at_ms && one.end != End::Aborted {
            one.left_ms = at_ms;
            one.end = End::Crashed;
            one.streams.retain(|(from_ms, _)| *from_ms < at_ms);
            one.streams.iter_mut().for_each(|(_, until_ms)| *until_ms = at_ms.min(*until_ms));
            after.push(one.clone());
        }
        let back_ms = at_ms + random.i64(2_000..30_000);
        let comes_back = chance(random, RETURN_AFTER_CRASH);
        if comes_back && meant_until_ms - back_ms > 10_000 && meant != End::Aborted {
            after.push(connection(one.identity, back_ms, meant_until_ms, meant, random));
        }
    }
    after
}

/// A call is over when nobody was in the room for a while, or when its server crashed and forgot.
fn cut_into_calls(connections: Vec<Connection>, crash: Option<Crash>) -> Vec<Call> {
    let mut calls: Vec<Call> = vec![];
    let mut empty_ms = i64::MIN;
    for connection in connections {
        let between = |crash: &Crash| {
            let on = calls.last().is_some_and(|call| call.started_ms < crash.at_ms);
            on && crash.at_ms < empty_ms.saturating_add(DEPARTURE_MS)
                && connection.joined_ms >= crash.at_ms
        };
        // Of connections that were still there, those that the crash ended end with it.
        let continues = match crash.filter(between) {
            Some(Crash { kind: CrashKind::RoomsForgotten, at_ms }) => {
                calls.last().is_some_and(|call| call.started_ms >= at_ms)
            }
            Some(Crash { kind: CrashKind::RoomsKept, at_ms }) => {
                connection.joined_ms <= empty_ms.max(at_ms).saturating_add(KEPT_MS)
            }
            None => connection.joined_ms <= empty_ms.saturating_add(DEPARTURE_MS),
        };
        empty_ms = if continues { empty_ms.max(connection.left_ms) } else { connection.left_ms };
        match calls.last_mut() {
            Some(call) if continues => call.connections.push(connection),
            _ => calls.push(Call {
                started_ms: connection.joined_ms,
                finished_ms: None,
                connections: vec![connection],
            }),
        }
    }
    for call in &mut calls {
        let empty_ms = call.over_ms();
        // The crash took the room's end along if nobody came after it.
        let lost = crash.is_some_and(|crash| {
            (call.started_ms..empty_ms + DEPARTURE_MS).contains(&crash.at_ms)
                && call.connections.iter().all(|it| it.joined_ms < crash.at_ms)
        });
        call.finished_ms = (!lost).then_some(empty_ms + DEPARTURE_MS);
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(crash: Option<CrashKind>) -> impl Iterator<Item = (RoomDay, i64)> {
        (0..40).map(move |number| {
            let random = &mut Rng::with_seed(mix(3, number, 0));
            let at_ms = random.i64(0..DAY_MS);
            (RoomDay::draw(number, crash.map(|kind| Crash { at_ms, kind }), random), at_ms)
        })
    }

    #[test]
    fn nobody_is_there_twice_at_once() {
        for (day, _) in days(None).chain(days(Some(CrashKind::RoomsKept))) {
            for call in &day.calls {
                for one in &call.connections {
                    assert!(one.joined_ms < one.left_ms, "{one:?}");
                    let others = call.connections.iter().filter(|other| {
                        other.identity == one.identity && other.number != one.number
                    });
                    for other in others {
                        let apart =
                            one.left_ms <= other.joined_ms || other.left_ms <= one.joined_ms;
                        assert!(apart, "{one:?} {other:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn calls_of_a_room_follow_each_other() {
        for (day, _) in days(None) {
            for pair in day.calls.windows(2) {
                assert!(pair[0].over_ms() <= pair[1].started_ms);
            }
        }
    }

    #[test]
    fn a_crash_ends_everybody_and_no_call_goes_on_in_a_room_that_was_forgotten() {
        let mut ended = 0;
        for (day, at_ms) in days(Some(CrashKind::RoomsForgotten)) {
            for call in &day.calls {
                let here = &call.connections;
                ended += here.iter().filter(|it| it.end == End::Crashed).count();
                assert!(here.iter().all(|it| it.left_ms <= at_ms || it.joined_ms >= at_ms));
                let before = here.iter().filter(|it| it.joined_ms < at_ms).count();
                assert!(before == 0 || before == here.len());
            }
        }
        assert!(ended > 0);
    }
}
