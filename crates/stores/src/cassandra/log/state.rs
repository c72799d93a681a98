//! A room in memory: what its partition holds, and what follows from it. No ring is needed here.
//!
//! Asks are taken one after the other ([`RoomState::take`]); then [`RoomState::round`] folds the
//! room and says what the partition has to be told. The state is from then on as if that had been
//! applied: if it is not, the state is thrown away and read anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{CallId, ParticipantId};
use domain::log::closing::is_heard_of;
use domain::log::event::EventHash;
use domain::log::retire::find_cut;
use domain::log::stay::RoomKey;
use domain::log::{Certainty, End, Event, OpenCall, Stay, fold_room};

use super::restarts::Restarts;
use super::rows::{Head, Image, Place, Result, Row, Todo};

/// How many stays, and about how many bytes of them, a round changes at most. What is more changes
/// in the next round. A node takes no step of more than half a segment of its log, 16 MiB as
/// shipped, and a stay stands in it up to three times.
const STAYS_MAX: usize = 4_000;
const STAYS_BYTES_MAX: usize = 1 << 20;

/// How many asks a round takes at most, and about how many bytes of events. One event may be
/// larger: a snapshot that names 20,000 people has up to 5 MiB.
pub(super) const ASKS_MAX: usize = 1_000;
pub(super) const ASKS_BYTES_MAX: usize = 2 << 20;

/// An event of an identity that another of the same identity won against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lost {
    pub(super) time_unix_us: i64,
    pub(super) identity: EventHash,
    pub(super) content: EventHash,
}

impl Lost {
    /// An event, by its name.
    pub(super) fn of(event: &Event) -> Self {
        let (identity, content) = (event.identity(), event.content_hash());
        Self { time_unix_us: event.time_unix_us, identity, content }
    }
}

/// What is asked of a room.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// To have an event, if it is new.
    Add(Box<Event>),
    /// Not to have an event, now or ever.
    Remove(Lost),
    /// To have what is left of an event, in its place if it is there.
    Replace(Box<Event>),
    /// To look again what follows from what there is.
    Fold,
    /// To lose what is before this instant, if [`find_cut`] still says so of the bound.
    Cut { cut_unix_us: i64, before_unix_us: i64 },
}

impl Ask {
    /// Whether what is remembered of the room will not do. To add an event it does: if the room has
    /// changed since, the round is refused.
    pub(super) fn needs_the_last(&self) -> bool {
        matches!(self, Self::Fold | Self::Cut { .. })
    }
}

/// What became of an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The event is new.
    Added,
    /// The event was there.
    Known,
    /// Another event of this identity won.
    Lost,
    /// It is done, if there was anything to do.
    Done,
}

/// What a round writes, in one step, and what else is to be done because of it.
#[derive(Debug)]
pub(super) struct Round {
    /// The version that the partition must have; `None` if it must be empty.
    pub(super) expected: Option<i64>,
    /// The version that it has then.
    pub(super) version: i64,
    pub(super) head: Head,
    /// The head as it was.
    pub(super) head_before: Head,
    /// What the rows are then; `None` is none.
    pub(super) rows: BTreeMap<Place, Option<Vec<u8>>>,
    /// Events and losers before this instant go.
    pub(super) cut_unix_us: Option<i64>,
    /// Whether nothing is left in the partition but its version.
    pub(super) is_last: bool,
    /// What the index has to be told.
    pub(super) todo: Todo,
}

/// A room.
pub(super) struct RoomState {
    pub(super) at: RoomKey,
    pub(super) version: Option<i64>,
    head: Head,
    /// Those of the room, and of no other place.
    events: Vec<Event>,
    /// Where in `events` each is, and its content.
    known: HashMap<EventHash, (usize, EventHash)>,
    lost: BTreeSet<Lost>,
    /// As the partition has them.
    stays: BTreeMap<(CallId, ParticipantId), Stay>,
    /// What dead servers or we ourselves noted down for the index.
    todos: Vec<Todo>,
    restarts: Restarts,
    /// Of the round that is being put together. One change for each row: of two in one step, it
    /// would not be the later that counts.
    rows: BTreeMap<Place, Option<Vec<u8>>>,
    cut_unix_us: Option<i64>,
    bytes: usize,
}

impl RoomState {
    /// What a partition says.
    pub(super) fn of(at: RoomKey, image: Image, restarts: Restarts) -> Self {
        let mut state = Self {
            version: image.version,
            head: image.head,
            events: vec![],
            known: HashMap::new(),
            lost: image.lost.into_iter().collect(),
            stays: BTreeMap::new(),
            todos: image.todos,
            restarts,
            rows: BTreeMap::new(),
            cut_unix_us: None,
            bytes: 0,
            at,
        };
        image.events.into_iter().for_each(|event| state.insert(event));
        state.stays = image.stays.into_iter().map(|stay| (key_of(&stay), stay)).collect();
        state
    }

    fn insert(&mut self, event: Event) {
        let place = (self.events.len(), event.content_hash());
        self.known.insert(event.identity(), place);
        self.events.push(event);
    }

    fn put(&mut self, row: Row) {
        self.rows.insert(row.place, Some(row.value));
    }

    fn forget(&mut self, identity: &EventHash) -> Option<Event> {
        let (place, _) = self.known.remove(identity)?;
        let event = self.events.swap_remove(place);
        if let Some(moved) = self.events.get(place)
            && let Some(known) = self.known.get_mut(&moved.identity())
        {
            known.0 = place;
        }
        Some(event)
    }

    /// Whether another ask may go into the same round.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < ASKS_BYTES_MAX
    }

    /// The restarts that the fold looks at from now on.
    pub(super) fn set_restarts(&mut self, restarts: Restarts) {
        self.restarts = restarts;
    }

    pub(super) fn restarts(&self) -> &Restarts {
        &self.restarts
    }

    /// What is to be done in the index, of rounds that were applied.
    pub(super) fn todos(&self) -> &[Todo] {
        &self.todos
    }

    /// All that was to be done in the index is done.
    pub(super) fn todos_are_done(&mut self) {
        self.todos.iter_mut().for_each(|todo| todo.done = true);
    }

    /// The rows of what the index was told; they are taken for removed from now on.
    pub(super) fn take_done(&mut self) -> Vec<Place> {
        let (done, left): (Vec<Todo>, Vec<Todo>) =
            std::mem::take(&mut self.todos).into_iter().partition(|todo| todo.done && !todo.more);
        self.todos = left;
        done.iter().map(Todo::place).collect()
    }

    /// Takes an ask into the next round.
    pub(super) fn take(&mut self, ask: Ask) -> Result<Answer> {
        match ask {
            Ask::Add(event) => self.add(*event),
            Ask::Remove(lost) => {
                if self.lost.insert(lost) {
                    self.put(Row::of_lost(&self.at, &lost)?);
                }
                let stands = self.known.get(&lost.identity);
                if stands.is_some_and(|(_, content)| *content == lost.content) {
                    self.forget(&lost.identity);
                    self.rows.insert(Place::of_event(lost.time_unix_us, lost.identity), None);
                }
                Ok(Answer::Done)
            }
            Ask::Replace(left) => self.replace(*left),
            Ask::Fold => Ok(Answer::Done),
            Ask::Cut { cut_unix_us, before_unix_us } => {
                if self.find_cut(before_unix_us) == Some(cut_unix_us) {
                    self.cut(cut_unix_us);
                }
                Ok(Answer::Done)
            }
        }
    }

    /// What is left has the hash of what was told, see [`Event::without`]. Whoever brings what was
    /// told only now, or does not any more since they died, finds it there.
    fn replace(&mut self, left: Event) -> Result<Answer> {
        let identity = left.identity();
        match self.known.get(&identity) {
            Some((place, content)) if *content == left.content_hash() => {
                if self.events[*place] != left {
                    self.put_event(left)?;
                }
            }
            _ => drop(self.add(left)?),
        }
        Ok(Answer::Done)
    }

    fn add(&mut self, event: Event) -> Result<Answer> {
        let (identity, content) = (event.identity(), event.content_hash());
        if self.lost.contains(&Lost { time_unix_us: event.time_unix_us, identity, content }) {
            return Ok(Answer::Lost);
        }
        match self.known.get(&identity) {
            Some((_, known)) if *known == content => return Ok(Answer::Known),
            Some((_, known)) if *known < content => return Ok(Answer::Lost),
            _ => {}
        }
        self.put_event(event)?;
        Ok(Answer::Added)
    }

    fn put_event(&mut self, event: Event) -> Result<()> {
        let row = Row::of_event(&self.at, &event)?;
        self.bytes += row.value.len();
        // The row has the place of the one that gives way.
        self.put(row);
        self.forget(&event.identity());
        self.insert(event);
        Ok(())
    }

    /// See [`domain::log::retire::find_cut`].
    pub(super) fn find_cut(&self, before_unix_us: i64) -> Option<i64> {
        if self.first_unix_us()? >= before_unix_us {
            return None;
        }
        let restarts = self.restarts_in_reach();
        find_cut(self.events.iter().cloned().chain(restarts).collect(), before_unix_us)
    }

    /// The events before an instant.
    pub(super) fn before(&self, cut_unix_us: i64) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.time_unix_us < cut_unix_us)
    }

    fn cut(&mut self, cut_unix_us: i64) {
        let goes: Vec<EventHash> = self.before(cut_unix_us).map(Event::identity).collect();
        goes.iter().for_each(|identity| drop(self.forget(identity)));
        self.lost.retain(|lost| lost.time_unix_us >= cut_unix_us);
        // What the same round adds below it would go with it.
        self.rows.retain(|row, _| !row.is_of_fact() || row.at >= cut_unix_us);
        self.cut_unix_us = Some(cut_unix_us.max(self.cut_unix_us.unwrap_or(i64::MIN)));
    }

    /// Restarts that can end an interval of this room: those of servers that anybody here came
    /// through.
    fn restarts_in_reach(&self) -> Vec<Event> {
        let sources: BTreeSet<_> = self.events.iter().map(|event| &event.source).collect();
        let reach = self.restarts.events.iter().filter(|event| sources.contains(&event.source));
        reach.cloned().collect()
    }

    /// How many events and how many stays there are.
    pub(super) fn lens(&self) -> (usize, usize) {
        (self.events.len(), self.stays.len())
    }

    /// When the first thing happened here.
    fn first_unix_us(&self) -> Option<i64> {
        self.events.iter().map(|event| event.time_unix_us).min()
    }

    /// Where the room is listed.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// What the partition is to be told, if it is to be told anything. `now_unix_us` becomes its
    /// version, unless that would be a step back.
    pub(super) fn round(&mut self, now_unix_us: i64) -> Result<Option<Round>> {
        let restarts = self.restarts_in_reach();
        let own = self.events.len();
        self.events.extend(restarts);
        let stays = fold_room(&self.at, &self.events);
        let restarted = self.events.drain(own..).map(|event| event.time_unix_us).max();

        let head = self.head_for(&stays, restarted);
        let version = self.version.map_or(now_unix_us, |last| now_unix_us.max(last + 1));
        let todo = self.change_stays(stays, version)?;
        let changes_nothing = self.rows.is_empty()
            && self.cut_unix_us.is_none()
            && todo.is_empty()
            && head == self.head
            && !self.todos.iter().any(|todo| todo.done && todo.is_left_over);
        if changes_nothing {
            return Ok(None);
        }
        let (done, left): (Vec<Todo>, Vec<Todo>) =
            std::mem::take(&mut self.todos).into_iter().partition(|todo| todo.done);
        self.rows.extend(done.iter().map(|todo| (todo.place(), None)));
        self.todos = left;
        if !todo.is_empty() {
            self.put(Row::of_todo(&self.at, &todo)?);
            self.todos.push(todo.clone());
        }
        let round = Round {
            expected: self.version,
            version,
            head,
            head_before: self.head,
            rows: std::mem::take(&mut self.rows),
            cut_unix_us: self.cut_unix_us.take(),
            is_last: self.events.is_empty() && self.lost.is_empty() && self.stays.is_empty(),
            todo,
        };
        self.version = Some(version);
        self.head = head;
        self.bytes = 0;
        Ok(Some(round))
    }

    /// Where the room is found: by its first event, and by the end of what a restart can change.
    fn head_for(&self, stays: &[Stay], restarted_unix_us: Option<i64>) -> Head {
        let last = self.events.iter().map(Event::effective_unix_us).max();
        let ends = || stays.iter().flat_map(|stay| &stay.spans).map(|span| span.end);
        // Whoever goes if a restart counts comes back if it gives way.
        let inferred = ends().any(|end| matches!(end, End::At(_, Certainty::Inferred)));
        let restarted = restarted_unix_us.filter(|_| inferred);
        let is_open = ends().any(|end| end == End::Open);
        Head {
            first_hour: self.first_unix_us().map(Head::hour_of),
            last_hour: match is_open {
                true => Some(Head::OPEN),
                false => last.map(|last| Head::hour_of(last.max(restarted.unwrap_or(last)))),
            },
        }
    }

    /// Makes the partition's stays those that were folded, or nearer to them.
    fn change_stays(&mut self, folded: Vec<Stay>, version: i64) -> Result<Todo> {
        let mut todo = Todo::empty(version);
        let mut bytes = 0;
        let folded: BTreeMap<_, _> = folded.into_iter().map(|stay| (key_of(&stay), stay)).collect();
        let vanished: Vec<_> =
            self.stays.keys().filter(|key| !folded.contains_key(*key)).cloned().collect();
        let wanted = vanished.into_iter().map(|key| (key, None));
        let wanted = wanted.chain(folded.into_iter().map(|(key, stay)| (key, Some(stay))));
        for (key, stay) in wanted {
            if self.stays.get(&key) == stay.as_ref() {
                continue;
            }
            if todo.gone.len().max(todo.come.len()) >= STAYS_MAX || bytes >= STAYS_BYTES_MAX {
                todo.more = true;
                break;
            }
            if let Some(before) = self.stays.remove(&key) {
                bytes += size_of::<Stay>() + size_of_val(&before.spans[..]);
                todo.gone.push(before);
            }
            match stay {
                Some(stay) => {
                    let row = Row::of_stay(&self.at, &stay)?;
                    bytes += row.value.len();
                    self.put(row);
                    todo.come.push(stay.clone());
                    self.stays.insert(key, stay);
                }
                None => drop(self.rows.insert(Place::of_stay(&key.0, &key.1), None)),
            }
        }
        Ok(todo)
    }

    /// A call of the room in which somebody is, as [`domain::store::Store::open_calls`] tells it;
    /// `None` if nobody is, or no longer.
    pub(super) fn open_call(&self, call: &CallId) -> Option<OpenCall> {
        let is_open = |stay: &Stay| stay.call == *call && stay.left_unix_s().is_none();
        if !self.stays.values().any(is_open) {
            return None;
        }
        let mut named = self.events.iter().filter_map(|event| event.presence()?.call.as_ref());
        let minted = named.all(|named| named != call);
        let heard_of = (!minted).then_some(call);
        let heard = self.events.iter().filter(|event| is_heard_of(event, heard_of));
        let last_heard_unix_us = heard.map(|event| event.time_unix_us).max()?;
        Some(OpenCall { at: self.at.clone(), call: call.clone(), minted, last_heard_unix_us })
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let spans: usize = self.stays.values().map(|stay| size_of_val(&stay.spans[..])).sum();
        let known = size_of::<EventHash>() * 4;
        let present: usize = self
            .events
            .iter()
            .map(|event| match &event.fact {
                domain::log::Fact::Snapshot { present, .. } => {
                    present.len() * size_of::<ParticipantId>() * 2
                }
                _ => 0,
            })
            .sum();
        size_of::<Self>()
            + self.events.len() * (size_of::<Event>() + known)
            + self.stays.len() * size_of::<Stay>() * 2
            + spans
            + present
    }
}

fn key_of(stay: &Stay) -> (CallId, ParticipantId) {
    (stay.call.clone(), stay.participant.clone())
}
