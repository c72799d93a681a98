//! A room in memory: what its partitions hold, and what follows from it. No ring is needed here.
//!
//! Asks are taken one after the other ([`RoomState::take`]); then [`RoomState::round`] folds the
//! room and says what the partitions have to be told. The state is from then on as if that had been
//! applied: if it is not, the state is thrown away and read anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{CallId, ParticipantId};
use domain::log::closing::is_heard_of;
use domain::log::event::EventHash;
use domain::log::retire::find_cut;
use domain::log::stay::RoomKey;
use domain::log::{Event, OpenCall, Stay};

use super::grown::Grown;
use super::restarts::Restarts;
use super::rows::{Head, Image, Place, Result, Row, Todo};
use super::sheets::{Catalog, Changes, ROOT, Sheet, sheet_of_lost};

/// How many asks a round takes at most, and about how many bytes of events. One event may be
/// larger: a snapshot that names 20,000 people has up to 5 MiB.
pub(super) const ASKS_MAX: usize = 1_000;
pub(super) const ASKS_BYTES_MAX: usize = 2 << 20;

/// How many events a room has at most.
pub(super) const EVENTS_MAX: usize = 2_000_000;

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
    /// The event is new, and the room has [`EVENTS_MAX`] already.
    Full,
}

/// What is known of an event by its identity.
pub(super) struct Known {
    /// Where it is among the events.
    pub(super) place: usize,
    content: EventHash,
    pub(super) sheet: Sheet,
}

/// A room.
pub(super) struct RoomState {
    pub(super) at: RoomKey,
    pub(super) version: Option<i64>,
    pub(super) head: Head,
    pub(super) catalog: Catalog,
    /// Those of the room, and of no other place.
    pub(super) events: Vec<Event>,
    pub(super) known: HashMap<EventHash, Known>,
    pub(super) lost: BTreeMap<Lost, Sheet>,
    /// As the sheets have them, or will have when they are told.
    pub(super) stays: BTreeMap<StayKey, (Stay, Sheet)>,
    /// What dead servers or we ourselves noted down for sheets and index.
    pub(super) todos: Vec<Todo>,
    restarts: Restarts,
    /// What is kept of a large room, until something comes that may concern everybody.
    pub(super) grown: Option<Grown>,
    /// About how much memory it takes.
    pub(super) memory_bytes: usize,
    /// Whether anything is in the root that belongs into sheets.
    pub(super) is_in_root: bool,
    // Of the round that is being put together.
    pub(super) changes: Changes,
    /// What goes from the root.
    pub(super) leaves_root: BTreeSet<Place>,
    pub(super) cut_unix_us: Option<i64>,
    /// Whether an event goes, and must not stand in the note for longer than it has to.
    pub(super) takes_away: bool,
    pub(super) bytes: usize,
}

impl RoomState {
    /// What the partitions say.
    pub(super) fn of(at: RoomKey, image: Image, restarts: Restarts) -> Self {
        let mut state = Self {
            version: image.version,
            head: image.head,
            catalog: image.catalog,
            events: vec![],
            known: HashMap::new(),
            lost: image.lost.into_iter().collect(),
            stays: BTreeMap::new(),
            todos: image.todos,
            restarts,
            grown: None,
            memory_bytes: 0,
            is_in_root: true,
            changes: Changes::default(),
            leaves_root: BTreeSet::new(),
            cut_unix_us: None,
            takes_away: false,
            bytes: 0,
            at,
        };
        image.events.into_iter().for_each(|(event, sheet)| state.insert(event, sheet));
        let stays = image.stays.into_iter();
        state.stays = stays.map(|(stay, sheet)| (key_of(&stay), (stay, sheet))).collect();
        state
    }

    fn insert(&mut self, event: Event, sheet: Sheet) {
        let (place, content) = (self.events.len(), event.content_hash());
        self.known.insert(event.identity(), Known { place, content, sheet });
        self.events.push(event);
    }

    /// Puts a row of a fact or a stay where there is room for it.
    fn put(&mut self, row: Row) -> Sheet {
        let sheet = self.catalog.open();
        self.put_into(sheet, row);
        sheet
    }

    pub(super) fn put_into(&mut self, sheet: Sheet, Row { place, value }: Row) {
        self.changes.put(&mut self.catalog, sheet, (place, value));
    }

    pub(super) fn remove(&mut self, sheet: Sheet, place: Place) {
        match sheet {
            ROOT => drop(self.leaves_root.insert(place)),
            _ => self.changes.remove(&mut self.catalog, sheet, place),
        }
    }

    /// Forgets an event whose row goes otherwise, and says in which sheet it was.
    fn forget(&mut self, identity: &EventHash) -> Option<(Event, Sheet)> {
        let Known { place, sheet, .. } = self.known.remove(identity)?;
        (self.grown, self.takes_away) = (None, true);
        let event = self.events.swap_remove(place);
        if let Some(moved) = self.events.get(place)
            && let Some(known) = self.known.get_mut(&moved.identity())
        {
            known.place = place;
        }
        Some((event, sheet))
    }

    fn remove_event(&mut self, identity: &EventHash) {
        if let Some((event, sheet)) = self.forget(identity) {
            self.remove(sheet, Place::of_event(event.time_unix_us, *identity));
        }
    }

    /// Whether another ask may go into the same round.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < ASKS_BYTES_MAX
    }

    /// The restarts that the fold looks at from now on.
    pub(super) fn set_restarts(&mut self, restarts: Restarts) {
        self.grown = None;
        self.restarts = restarts;
    }

    pub(super) fn restarts(&self) -> &Restarts {
        &self.restarts
    }

    /// What is to be done in sheets and index, of rounds that were applied.
    pub(super) fn todos(&self) -> &[Todo] {
        &self.todos
    }

    /// All that was to be done in sheets and index is done.
    pub(super) fn todos_are_done(&mut self) {
        self.todos.iter_mut().for_each(|todo| todo.done = true);
    }

    /// Up to which version all is done, if that is to be written down. It is taken for written.
    pub(super) fn take_told(&mut self) -> Option<i64> {
        let is_over = |todo: &Todo| todo.done && !todo.more && !todo.is_old;
        if self.is_over() || !self.todos.iter().all(is_over) {
            return None;
        }
        std::mem::take(&mut self.todos).iter().map(|todo| todo.version).max()
    }

    /// Takes an ask into the next round.
    pub(super) fn take(&mut self, ask: Ask) -> Result<Answer> {
        match ask {
            Ask::Add(event) => self.add(*event),
            Ask::Remove(lost) => {
                if !self.lost.contains_key(&lost) {
                    self.put_lost(lost)?;
                }
                let stands = self.known.get(&lost.identity);
                if stands.is_some_and(|known| known.content == lost.content) {
                    self.remove_event(&lost.identity);
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

    fn put_lost(&mut self, lost: Lost) -> Result<()> {
        let sheet = sheet_of_lost(&lost.identity);
        let row = Row::of_lost(&self.at, &lost)?;
        self.put_into(sheet, row);
        self.lost.insert(lost, sheet);
        Ok(())
    }

    /// What is left has the hash of what was told, see [`Event::without`]. Whoever brings what was
    /// told only now, or does not any more since they died, finds it there.
    fn replace(&mut self, left: Event) -> Result<Answer> {
        let identity = left.identity();
        match self.known.get(&identity) {
            Some(known) if known.content == left.content_hash() => {
                if self.events[known.place] != left {
                    self.put_event(left)?;
                }
            }
            _ => drop(self.add(left)?),
        }
        Ok(Answer::Done)
    }

    fn add(&mut self, event: Event) -> Result<Answer> {
        let (identity, content) = (event.identity(), event.content_hash());
        if self.lost.contains_key(&Lost { time_unix_us: event.time_unix_us, identity, content }) {
            return Ok(Answer::Lost);
        }
        match self.known.get(&identity) {
            Some(known) if known.content == content => return Ok(Answer::Known),
            Some(known) if known.content < content => return Ok(Answer::Lost),
            None if self.events.len() >= EVENTS_MAX => return Ok(Answer::Full),
            _ => {}
        }
        self.put_event(event)?;
        Ok(Answer::Added)
    }

    fn put_event(&mut self, event: Event) -> Result<()> {
        let row = Row::of_event(&self.at, &event)?;
        self.bytes += row.value.len();
        self.remove_event(&event.identity());
        let sheet = self.put(row);
        self.grown = self.grown.take().and_then(|mut grown| grown.takes(&event).then_some(grown));
        self.memory_bytes += memory_of(&event);
        self.insert(event, sheet);
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
        let events = goes.iter().filter_map(|identity| self.forget(identity));
        let mut sheets: Vec<Sheet> = events.map(|(_, sheet)| sheet).collect();
        self.lost.retain(|lost, sheet| {
            let stays = lost.time_unix_us >= cut_unix_us;
            sheets.extend((!stays).then_some(*sheet));
            stays
        });
        sheets.retain(|sheet| *sheet != ROOT);
        self.changes.cut(&mut self.catalog, cut_unix_us, &sheets);
        self.cut_unix_us = Some(cut_unix_us.max(self.cut_unix_us.unwrap_or(i64::MIN)));
    }

    /// Restarts that can end an interval of this room: those of servers that anybody here came
    /// through.
    pub(super) fn restarts_in_reach(&self) -> Vec<Event> {
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

    /// A call of the room in which somebody is, as [`domain::store::Store::open_calls`] tells it;
    /// `None` if nobody is, or no longer.
    pub(super) fn open_call(&self, call: &CallId) -> Option<OpenCall> {
        let is_open = |stay: &Stay| stay.call == *call && stay.left_unix_s().is_none();
        if !self.stays.values().any(|(stay, _)| is_open(stay)) {
            return None;
        }
        let mut named = self.events.iter().filter_map(|event| event.presence()?.call.as_ref());
        let minted = named.all(|named| named != call);
        let heard_of = (!minted).then_some(call);
        let heard = self.events.iter().filter(|event| is_heard_of(event, heard_of));
        let last_heard_unix_us = heard.map(|event| event.time_unix_us).max()?;
        Some(OpenCall { at: self.at.clone(), call: call.clone(), minted, last_heard_unix_us })
    }

    /// Counts how much memory it takes.
    pub(super) fn weigh(&mut self) {
        let stays = self.stays.values();
        let spans: usize = stays.map(|(stay, _)| size_of_val(&stay.spans[..])).sum();
        let events: usize = self.events.iter().map(memory_of).sum();
        let stays = self.stays.len() * size_of::<Stay>() * 2;
        self.memory_bytes = size_of::<Self>() + events + stays + spans;
    }
}

fn memory_of(event: &Event) -> usize {
    let present = match &event.fact {
        domain::log::Fact::Snapshot { present, .. } => {
            present.len() * size_of::<ParticipantId>() * 2
        }
        _ => 0,
    };
    size_of::<Event>() + size_of::<EventHash>() * 8 + present
}

/// What a stay of a room is known by.
pub(super) type StayKey = (CallId, ParticipantId);

pub(super) fn key_of(stay: &Stay) -> StayKey {
    (stay.call.clone(), stay.participant.clone())
}
