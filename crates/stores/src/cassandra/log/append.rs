//! Events come in.
//!
//! Of each, its identity is looked at first: whether others of the same identity are known, and
//! which of them counts. Then the rooms are asked, each once for all that concerns it. Only when
//! they have answered is anything answered to the sender, so what fails half-way comes again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use domain::error::Result;
use domain::log::event::EventHash;
use domain::log::stay::RoomKey;
use domain::log::{Event, Fact};
use domain::store::Appended;
use futures::stream::{StreamExt, TryStreamExt, iter};

use super::rows::TABLE;
use super::state::{Answer, Ask, EVENTS_MAX, Lost};
use super::{Log, identities, restarted, room, waiting};
use crate::cassandra::cluster::Cluster;
use crate::cassandra::fault::Fault;

/// The events of a call that have one identity.
struct Group {
    identity: EventHash,
    /// Where each is in the call, and its content.
    events: Vec<(usize, EventHash)>,
    /// What was known before, if that had to be known.
    known: Option<EventHash>,
    /// All contents that are known now, the one that counts first.
    contents: Vec<EventHash>,
}

impl Group {
    /// The place and the content of the one of ours that may count.
    fn ours(&self) -> (usize, EventHash) {
        let smallest = self.events.iter().min_by_key(|(_, content)| *content);
        *smallest.expect("a group has an event")
    }

    /// Whether it has events that say different things.
    fn is_mixed(&self) -> bool {
        self.events.iter().any(|(_, content)| *content != self.events[0].1)
    }

    fn counts(&self) -> EventHash {
        self.contents.first().copied().map_or(self.ours().1, |first| first.min(self.ours().1))
    }
}

/// What is asked because of the events of a call.
#[derive(Default)]
struct Asks {
    /// Of each room, and which group waits for the answer.
    of_rooms: BTreeMap<RoomKey, Vec<(Ask, Option<EventHash>)>>,
    restarts: Vec<(Event, Option<EventHash>)>,
    lost_restarts: Vec<(Event, Lost)>,
}

impl Asks {
    fn add(&mut self, event: Event, whose: Option<EventHash>) {
        match room_of(&event) {
            Some(at) => {
                let asks = self.of_rooms.entry(at).or_default();
                asks.push((Ask::Add(Box::new(event)), whose));
            }
            None => self.restarts.push((event, whose)),
        }
    }

    fn remove(&mut self, event: Event) {
        let lost = Lost::of(&event);
        match room_of(&event) {
            Some(at) => self.of_rooms.entry(at).or_default().push((Ask::Remove(lost), None)),
            None => self.lost_restarts.push((event, lost)),
        }
    }
}

pub(super) fn room_of(event: &Event) -> Option<RoomKey> {
    let room = event.room()?.clone();
    Some(RoomKey { app: event.app, door: event.door.clone(), room })
}

/// Adds events to the log.
pub(in crate::cassandra) async fn append(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    events: Vec<Event>,
) -> Result<Vec<Appended>> {
    let mut groups = groups_of(&events);
    let look = |group| look_at_identity(cluster, &events, group);
    let looks: Vec<_> = groups.iter_mut().map(look).collect();
    iter(looks).buffer_unordered(identities::ABREAST).try_collect::<()>().await?;
    let asks = asks_of(cluster, &events, &groups).await?;
    let mut answers = answers_to(log, cluster, asks).await?;
    find_erased(cluster, &events, &groups, &mut answers).await?;
    forget_erased(cluster, &events, &groups, &answers).await?;
    let mut appended = vec![Appended::Duplicate; events.len()];
    for group in &groups {
        let answer = answers.get(&group.identity).copied();
        match group.is_mixed() {
            true => tell_one_by_one(group, &mut appended),
            false => tell(group, answer, &mut appended),
        }
    }
    Ok(appended)
}

/// What a room knows may be what is remembered of it, from before another server erased the event:
/// so of what is a repeat, and nothing else is known of, the room is asked whether it lost it.
async fn find_erased(
    cluster: &Cluster,
    events: &[Event],
    groups: &[Group],
    answers: &mut HashMap<EventHash, Answer>,
) -> Result<(), Fault> {
    let is_repeat = |group: &&Group| {
        group.contents.len() == 1 && answers.get(&group.identity) == Some(&Answer::Known)
    };
    let look = |group: &Group| {
        let (event, identity) = (&events[group.ours().0], group.identity);
        async move {
            match room_of(event) {
                Some(at) if room::has_lost(cluster, &at, &Lost::of(event)).await? => {
                    Ok::<_, Fault>(Some(identity))
                }
                _ => Ok(None),
            }
        }
    };
    let looks: Vec<_> = groups.iter().filter(is_repeat).map(look).collect();
    let found: Vec<_> = iter(looks).buffer_unordered(identities::ABREAST).try_collect().await?;
    answers.extend(found.into_iter().flatten().map(|identity| (identity, Answer::Lost)));
    Ok(())
}

/// What a room has lost and nothing else is known of was erased, and is told again: its room does
/// not take it, and so it is kept nowhere.
async fn forget_erased(
    cluster: &Cluster,
    events: &[Event],
    groups: &[Group],
    answers: &HashMap<EventHash, Answer>,
) -> Result<(), Fault> {
    for group in groups.iter().filter(|group| group.contents.len() == 1) {
        if answers.get(&group.identity) == Some(&Answer::Lost) {
            identities::forget(cluster, &events[group.ours().0]).await?;
        }
    }
    Ok(())
}

fn groups_of(events: &[Event]) -> Vec<Group> {
    let mut groups: Vec<Group> = vec![];
    let mut places: HashMap<EventHash, usize> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        let (identity, content) = (event.identity(), event.content_hash());
        let group = *places.entry(identity).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Group { identity, events: vec![], known: None, contents: vec![] });
        }
        groups[group].events.push((place, content));
    }
    groups
}

async fn look_at_identity(
    cluster: &Cluster,
    events: &[Event],
    group: &mut Group,
) -> Result<(), Fault> {
    let ours = &events[group.ours().0];
    if group.is_mixed() {
        let known = identities::contents(cluster, ours.app, &group.identity).await?;
        group.known = known.first().copied();
    }
    // What was told of a snapshot must not take the place of what an erasure left of it.
    let is_there = matches!(ours.fact, Fact::Snapshot { .. })
        && identities::contents(cluster, ours.app, &group.identity)
            .await?
            .contains(&group.ours().1);
    if !is_there {
        identities::put(cluster, ours).await?;
    }
    group.contents = identities::contents(cluster, ours.app, &group.identity).await?;
    Ok(())
}

/// What the rooms are asked, so that of each identity the event that counts is there and no other.
async fn asks_of(cluster: &Cluster, events: &[Event], groups: &[Group]) -> Result<Asks, Fault> {
    let mut asks = Asks::default();
    for group in groups {
        let (place, content) = group.ours();
        let ours = &events[place];
        let counts = group.counts();
        let own: HashMap<EventHash, &Event> =
            group.events.iter().map(|(place, content)| (*content, &events[*place])).collect();
        let event_of = async |content: &EventHash| match own.get(content) {
            Some(event) => Ok(Some((*event).clone())),
            None => identities::event(cluster, ours.app, &group.identity, content).await,
        };
        let Some(winner) = event_of(&counts).await? else { continue };
        let its_room = room_of(&winner);
        asks.add(winner, (counts == content).then_some(group.identity));
        // Who brings the one that counts removes all others; who brings another, that one.
        let mut losers: HashSet<EventHash> = own.keys().copied().collect();
        if counts == content {
            losers.extend(&group.contents);
        }
        losers.remove(&counts);
        for loser in losers {
            // In the same room it gives way by itself.
            let loser = event_of(&loser).await?;
            if let Some(loser) = loser.filter(|it| it.room().is_none() || room_of(it) != its_room) {
                asks.remove(loser);
            }
        }
    }
    Ok(asks)
}

async fn answers_to(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    asks: Asks,
) -> Result<HashMap<EventHash, Answer>> {
    let Asks { of_rooms, restarts, lost_restarts } = asks;
    let ask = |(at, asks)| ask_room(log, cluster, at, asks);
    let of_rooms = iter(of_rooms.into_iter().map(ask)).buffer_unordered(waiting::ROOMS_ABREAST);
    let mut answers: Vec<(Option<EventHash>, Answer)> = of_rooms.try_concat().await?;
    for (event, lost) in &lost_restarts {
        restarted::lose(log, cluster, event, lost).await?;
    }
    for (event, whose) in &restarts {
        answers.push((*whose, restarted::add(log, cluster, event).await?));
    }
    Ok(answers.into_iter().filter_map(|(whose, answer)| Some((whose?, answer))).collect())
}

/// What a room answers, to those groups that wait for an answer.
async fn ask_room(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    at: RoomKey,
    asks: Vec<(Ask, Option<EventHash>)>,
) -> Result<Vec<(Option<EventHash>, Answer)>> {
    let (asks, whose): (Vec<Ask>, Vec<Option<EventHash>>) = asks.into_iter().unzip();
    let answers = waiting::ask(log, cluster, &at, asks).await?;
    if answers.contains(&Answer::Full) {
        return Err(Fault::TooManyRows { table: TABLE, rows_max: EVENTS_MAX }.into());
    }
    Ok(whose.into_iter().zip(answers).collect())
}

/// Tells what became of events that all say the same.
fn tell(group: &Group, answer: Option<Answer>, appended: &mut [Appended]) {
    let is_alone = group.contents.len() <= 1;
    let (first, further) = match answer {
        Some(Answer::Added) if is_alone => (Appended::Stored, Appended::Duplicate),
        Some(Answer::Added) => (Appended::Conflict, Appended::Duplicate),
        Some(Answer::Known) => (Appended::Duplicate, Appended::Duplicate),
        _ => (Appended::Conflict, Appended::Conflict),
    };
    for (number, (place, _)) in group.events.iter().enumerate() {
        appended[*place] = if number == 0 { first } else { further };
    }
}

/// Tells what became of events that say different things, as if each had come alone.
fn tell_one_by_one(group: &Group, appended: &mut [Appended]) {
    let mut known = group.known;
    for (place, content) in &group.events {
        appended[*place] = match known {
            None => Appended::Stored,
            Some(known) if known == *content => Appended::Duplicate,
            Some(_) => Appended::Conflict,
        };
        known = Some(known.map_or(*content, |known| known.min(*content)));
    }
}
