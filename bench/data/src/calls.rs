//! Calls: who was in which room, from when until when, on what.
//!
//! Most are of two to six people and some of hundreds; half are over after twelve minutes, and some
//! last for hours. Two of five are in rooms that come again, one call after the other. One lesson
//! may be among them, to which thousands come in the same second.

use std::collections::{HashSet, VecDeque};

use crate::{minted, mix, rhythm::Rhythm};

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many, about: whoever would have come after the end is left out.
    pub stays: u64,
    /// Participants have ids from 1 to this.
    pub users: u64,
    /// When the first call begins.
    pub from_unix_ms: i64,
    /// Nothing is later than this: whoever was there then is there still.
    pub until_unix_ms: i64,
    /// Different seeds share no rooms, calls and events.
    pub seed: u64,
    /// When the lesson begins to which everybody comes in one second, if there is one: a whole
    /// second.
    pub lesson_unix_ms: Option<i64>,
}

impl Plan {
    /// How many come to the lesson: ten thousand, or less where that would be most of the log.
    fn lesson_people(&self) -> u64 {
        let people = LESSON_PEOPLE.min(self.stays / 20).min(self.users / 2);
        if self.lesson_unix_ms.is_some() { people } else { 0 }
    }
}

/// The room of the lesson.
pub fn lesson_room(seed: u64) -> String {
    format!("lesson-{seed}")
}

/// One life of a room.
#[derive(Clone, Debug)]
pub struct Call {
    /// The room.
    pub room: String,
    /// The call.
    pub id: String,
    /// When its media server ended the room, if that is over.
    pub finished_unix_ms: Option<i64>,
    /// At least one.
    pub stays: Vec<Stay>,
}

/// Somebody in a call.
#[derive(Clone, Debug)]
pub struct Stay {
    /// Different for all stays of a plan; connections are named after it.
    pub number: u64,
    /// A user's number as text, or a server's name.
    pub participant: String,
    /// What they came with.
    pub client: &'static Client,
    /// When they first published, if they did.
    pub published_unix_ms: Option<i64>,
    /// Joins and leaves, in order, at least one; without a leave they are there still.
    pub passages: Vec<(i64, Option<i64>)>,
}

/// A kind of client.
#[derive(Debug)]
pub struct Client {
    /// As ListUserInfo shows it.
    pub os: &'static str,
    /// The model; empty if it was not told.
    pub device: &'static str,
    /// The version of the SDK.
    pub sdk: &'static str,
    /// The kind of network.
    pub access: &'static str,
}

const fn client(
    os: &'static str,
    device: &'static str,
    sdk: &'static str,
    access: &'static str,
) -> Client {
    Client { os, device, sdk, access }
}

static SERVER: Client = client("linux", "", "1.7.2", "wired");
static CLIENTS: [Client; 8] = [
    client("ios", "iPhone 15", "3.60.102", "wifi"),
    client("ios", "iPhone 13 mini", "3.58.1", "cellular"),
    client("android", "Pixel 8", "3.60.102", "wifi"),
    client("android", "Redmi Note 12", "3.52.3", "cellular"),
    client("android", "SM-S918B", "3.60.100", "wifi"),
    client("windows", "ThinkPad T14", "3.57.0", "wired"),
    client("mac", "MacBookPro18,3", "3.60.102", "wifi"),
    client("web", "", "4.66.1", "wifi"),
];

const MINUTE_MS: f64 = 60_000.0;
const CALL_MS_MEDIAN: f64 = 12.0 * MINUTE_MS;
/// Of the logarithm: one in a hundred takes longer than two and a half hours.
const CALL_SIGMA: f64 = 1.1;
const CALL_MS_MAX: f64 = 480.0 * MINUTE_MS;
const LESSON_PEOPLE: u64 = 10_000;
const LESSON_MS: i64 = 45 * 60_000;
/// From the last leave to the end of the room.
const FINISH_MS: i64 = 1_500;

/// Makes the calls in the order in which they begin.
pub fn calls(plan: Plan) -> impl Iterator<Item = Call> {
    let rhythm = Rhythm::new(plan.from_unix_ms, plan.until_unix_ms);
    let random = fastrand::Rng::with_seed(mix(plan.seed));
    let lesson = plan.lesson_unix_ms.filter(|_| plan.lesson_people() > 0);
    Maker { plan, rhythm, random, made: 0, lesson, rooms: VecDeque::new(), rooms_made: 0 }
}

/// How many a call is of, and its time.
#[derive(Clone, Copy)]
struct Shape {
    people: u64,
    begin: i64,
    end: i64,
    /// Whether everybody comes in its first second.
    at_once: bool,
}

struct Maker {
    plan: Plan,
    rhythm: Rhythm,
    random: fastrand::Rng,
    /// Stays, those of the lesson not counted.
    made: u64,
    /// When the lesson begins, if it is still to come.
    lesson: Option<i64>,
    /// Rooms that come again, and when each is free.
    rooms: VecDeque<(i64, String)>,
    rooms_made: u64,
}

impl Iterator for Maker {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        let ordinary = self.plan.stays - self.plan.lesson_people();
        while self.made < ordinary {
            let begin = self.rhythm.at_unix_ms(self.made as f64 / ordinary as f64);
            // Calls come in the order in which they begin.
            if let Some(lesson) = self.lesson.take_if(|lesson| *lesson <= begin) {
                return self.lesson(lesson);
            }
            if let Some(call) = self.call(begin, ordinary) {
                return Some(call);
            }
        }
        None
    }
}

impl Maker {
    /// The next call; none if nobody of it came before the end.
    fn call(&mut self, begin: i64, ordinary: u64) -> Option<Call> {
        let people = self.people().min(ordinary - self.made);
        let first = self.made;
        self.made += people;
        let shape = Shape { people, begin, end: begin + self.length_ms(), at_once: false };
        let (stays, finished) = self.stays(first, shape);
        let room = self.room(begin, finished, first);
        self.until_now(room, first, stays, finished)
    }

    /// The call to which everybody comes at once. Its numbers are behind those of all others.
    fn lesson(&mut self, begin: i64) -> Option<Call> {
        let people = self.plan.lesson_people();
        let first = self.plan.stays - people;
        let shape = Shape { people, begin, end: begin + LESSON_MS, at_once: true };
        let (stays, finished) = self.stays(first, shape);
        self.until_now(lesson_room(self.plan.seed), first, stays, finished)
    }

    /// Everybody of a call, and when its room is ended.
    fn stays(&mut self, first: u64, shape: Shape) -> (Vec<Stay>, i64) {
        let (number, mut seen) = (mix(self.plan.seed).wrapping_add(first), HashSet::new());
        let stays: Vec<Stay> = (0..shape.people)
            .map(|place| self.stay(number.wrapping_add(place), place, shape, &mut seen))
            .collect();
        let last_leave = stays.iter().filter_map(|stay| stay.passages.last()?.1).max();
        (stays, last_leave.unwrap_or(shape.end) + FINISH_MS)
    }

    /// The call as far as it has happened at the end; none if nobody had come.
    fn until_now(
        &self,
        room: String,
        first: u64,
        mut stays: Vec<Stay>,
        finished: i64,
    ) -> Option<Call> {
        let Plan { until_unix_ms, seed, .. } = self.plan;
        stays.retain_mut(|stay| cut(stay, until_unix_ms));
        let finished_unix_ms = (finished <= until_unix_ms).then_some(finished);
        let id = minted("RM_", mix(seed).wrapping_add(first));
        (!stays.is_empty()).then_some(Call { room, id, finished_unix_ms, stays })
    }

    fn people(&mut self) -> u64 {
        let size = match self.random.u32(0..1_000) {
            0..450 => 2,
            450..650 => 3,
            650..770 => 4,
            770..850 => 5,
            850..900 => 6,
            900..998 => 7 + (33.0 * self.random.f64().powi(2)) as u64,
            _ => 100 + (700.0 * self.random.f64().powi(2)) as u64,
        };
        size.min(1 + self.plan.users / 2)
    }

    fn length_ms(&mut self) -> i64 {
        // Box and Muller's way to a number of the normal distribution.
        let (a, b) = (1.0 - self.random.f64(), self.random.f64());
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        let length = CALL_MS_MEDIAN * (CALL_SIGMA * normal).exp();
        length.clamp(MINUTE_MS / 2.0, CALL_MS_MAX) as i64
    }

    fn room(&mut self, begin: i64, finished: i64, number: u64) -> String {
        if self.random.u32(0..5) >= 2 {
            return minted("m-", mix(self.plan.seed).wrapping_add(number));
        }
        // A room comes again a quarter of an hour after its last call at the earliest.
        let room = match self.rooms.front() {
            Some((free, _)) if *free < begin => self.rooms.pop_front().map(|(_, room)| room),
            _ => None,
        };
        let room = room.unwrap_or_else(|| {
            self.rooms_made += 1;
            format!("class-{}-{}", self.plan.seed, self.rooms_made)
        });
        self.rooms.push_back((finished + 900_000, room.clone()));
        room
    }

    fn stay(&mut self, number: u64, place: u64, shape: Shape, seen: &mut HashSet<u64>) -> Stay {
        let Shape { people, begin, end, at_once } = shape;
        let is_server = place > 0 && self.random.u32(0..100) < 6;
        let (participant, client) = if is_server {
            (format!("recorder-{place}"), &SERVER)
        } else {
            (self.user(seen).to_string(), &CLIENTS[self.random.usize(..CLIENTS.len())])
        };
        let random = &mut self.random;
        let span = (end - begin) as f64;
        let late = if people < 40 { 20_000.0 } else { 60_000.0 };
        let joined = match place {
            0 => 0.0,
            _ if at_once => random.f64() * 999.0,
            _ if is_server || random.u32(0..4) < 3 => exponential(random, late).min(span * 0.8),
            _ => random.f64() * span * 0.8,
        };
        let left = match random.u32(0..10) {
            0..7 => span - exponential(random, 4_000.0).min((span - joined) / 2.0),
            _ if is_server => span,
            _ => joined + (span - joined) * (0.05 + 0.95 * random.f64()),
        };
        let join = begin + joined as i64;
        let leave = (begin + left as i64).max(join + 1);
        let publishes = random.u32(0..100) < if people <= 8 { 85 } else { 15 };
        let published_unix_ms = publishes.then_some((join + random.i64(200..2_500)).min(leave));
        let passages = passages(random, join, leave);
        Stay { number, participant, client, published_unix_ms, passages }
    }

    /// Somebody who is not in the call; those with low ids come more often.
    fn user(&mut self, seen: &mut HashSet<u64>) -> u64 {
        loop {
            let user = 1 + (self.plan.users as f64 * self.random.f64().powf(1.5)) as u64;
            if seen.insert(user) {
                return user;
            }
        }
    }
}

fn exponential(random: &mut fastrand::Rng, mean: f64) -> f64 {
    -(1.0 - random.f64()).ln() * mean
}

/// One in twelve of those who stay for minutes drops out and comes back.
fn passages(random: &mut fastrand::Rng, join: i64, leave: i64) -> Vec<(i64, Option<i64>)> {
    const GAP_MS_MAX: i64 = 60_000;
    if leave - join < 3 * GAP_MS_MAX || random.u32(0..12) > 0 {
        return vec![(join, Some(leave))];
    }
    let dropped = random.i64(join + 10_000..leave - GAP_MS_MAX - 10_000);
    vec![(join, Some(dropped)), (dropped + random.i64(2_000..GAP_MS_MAX), Some(leave))]
}

/// Takes away what comes after the end; says whether anything is left.
fn cut(stay: &mut Stay, until: i64) -> bool {
    stay.passages.retain(|(join, _)| *join <= until);
    for (_, leave) in &mut stay.passages {
        *leave = leave.filter(|leave| *leave <= until);
    }
    stay.published_unix_ms = stay.published_unix_ms.filter(|published| *published <= until);
    !stay.passages.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn plan() -> Plan {
        let lesson_unix_ms = Some(DAY_MS + 1_000);
        let (from_unix_ms, until_unix_ms) = (0, 3 * DAY_MS);
        Plan { stays: 50_000, users: 5_000, from_unix_ms, until_unix_ms, seed: 1, lesson_unix_ms }
    }

    #[test]
    fn makes_what_was_asked_for() {
        let all: Vec<Call> = calls(plan()).collect();
        let stays: Vec<&Stay> = all.iter().flat_map(|call| &call.stays).collect();
        assert!(stays.len() > 49_000 && stays.len() <= 50_000, "{}", stays.len());
        let servers = stays.iter().filter(|stay| stay.client.os == "linux").count();
        assert!((0.03..0.07).contains(&(servers as f64 / stays.len() as f64)), "{servers}");
        let present =
            stays.iter().filter(|stay| stay.passages.last().is_some_and(|it| it.1.is_none()));
        assert!((10..2_000).contains(&present.count()));
        let mut ids: Vec<&str> = all.iter().map(|call| call.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all.len());
    }

    #[test]
    fn everybody_comes_to_the_lesson_in_one_second() {
        let all: Vec<Call> = calls(plan()).collect();
        let begins = |call: &Call| call.stays.iter().map(|stay| stay.passages[0].0).min();
        assert!(all.is_sorted_by_key(begins));
        let room = lesson_room(1);
        let lessons: Vec<&Call> = all.iter().filter(|call| call.room == room).collect();
        let [lesson] = lessons.as_slice() else { panic!("{} lessons", lessons.len()) };
        assert_eq!(lesson.stays.len(), 2_500);
        assert!(lesson.stays.iter().all(|it| it.passages[0].0.div_euclid(1_000) == 86_401));
        let without = calls(Plan { lesson_unix_ms: None, ..plan() });
        assert!(without.into_iter().all(|call| call.room != room));
    }

    #[test]
    fn nobody_is_in_a_call_twice_and_time_goes_forward() {
        for call in calls(plan()) {
            let names: HashSet<&str> =
                call.stays.iter().map(|it| it.participant.as_str()).collect();
            assert_eq!(names.len(), call.stays.len());
            for stay in &call.stays {
                let times: Vec<i64> = stay
                    .passages
                    .iter()
                    .flat_map(|(join, leave)| [Some(*join), *leave])
                    .flatten()
                    .collect();
                assert!(times.is_sorted() && *times.last().expect("a join") <= 3 * DAY_MS);
            }
        }
    }

    #[test]
    fn calls_of_one_room_do_not_overlap() {
        let mut ends = std::collections::HashMap::new();
        let mut again = 0;
        for call in calls(plan()) {
            let begin = call.stays.iter().map(|stay| stay.passages[0].0).min().expect("a stay");
            let end = call.finished_unix_ms.unwrap_or(i64::MAX);
            if let Some(before) = ends.insert(call.room, end) {
                again += 1;
                assert!(before < begin);
            }
        }
        assert!(again > 100, "{again}");
    }
}
