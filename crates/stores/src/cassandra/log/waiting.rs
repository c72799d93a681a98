//! What is asked of rooms, in the order in which it came. Of each room one task at a time, its
//! leader, does the work: what is asked meanwhile waits, and goes together into the next round. It
//! keeps what it knows of the room for the next time, so that mostly nothing has to be read.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::error::{Error, Result};
use domain::log::stay::RoomKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Log;
use super::leader::lead;
use super::state::{Answer, Ask, RoomState};
use crate::cassandra::cluster::Cluster;

/// How many asks wait at most, of all rooms; who comes then is told that we are busy.
const WAITING_MAX: usize = 100_000;

/// How many rooms of a request are asked at once.
pub(super) const ROOMS_ABREAST: usize = 128;

/// How many bytes of rooms are remembered at most; one room is, however large.
const REMEMBERED_BYTES_MAX: usize = 256 << 20;

/// Asks of one request, and who waits for the answers.
pub(super) struct Waiting {
    pub(super) asks: Vec<Ask>,
    pub(super) answer: oneshot::Sender<Result<Vec<Answer>>>,
    pub(super) _place: OwnedSemaphorePermit,
}

/// The rooms that are asked something, and those that are remembered.
pub(super) struct Rooms {
    queues: Mutex<HashMap<RoomKey, VecDeque<Waiting>>>,
    remembered: Mutex<Remembered>,
    places: Arc<Semaphore>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            queues: Mutex::default(),
            remembered: Mutex::default(),
            places: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }
}

impl Rooms {
    fn queues(&self) -> MutexGuard<'_, HashMap<RoomKey, VecDeque<Waiting>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked next, as much as goes well into one go; `None` if nothing is, and then the
    /// leader is the leader no more, and what it knows is remembered.
    pub(super) fn next(
        &self,
        at: &RoomKey,
        asks_max: usize,
        state: &mut Option<RoomState>,
    ) -> Option<Vec<Waiting>> {
        let mut queues = self.queues();
        let mut taken: Vec<Waiting> = vec![];
        let mut asks = 0;
        if let Some(queue) = queues.get_mut(at) {
            while let Some(next) = queue.front()
                && (taken.is_empty() || asks + next.asks.len() <= asks_max)
            {
                asks += next.asks.len();
                taken.extend(queue.pop_front());
            }
        }
        if taken.is_empty() {
            if let Some(state) = state.take() {
                self.remembered().put(state);
            }
            queues.remove(at);
            return None;
        }
        Some(taken)
    }

    /// Whether anything is asked that the leader has not taken.
    pub(super) fn is_asked(&self, at: &RoomKey) -> bool {
        self.queues().get(at).is_some_and(|queue| !queue.is_empty())
    }

    /// What is remembered of a room. It is not remembered any more then.
    pub(super) fn recall(&self, at: &RoomKey) -> Option<RoomState> {
        self.remembered().take(at)
    }

    /// A leader is gone without having answered: whoever waits is told so.
    pub(super) fn abandon(&self, at: &RoomKey) {
        self.queues().remove(at);
    }
}

/// Asks something of a room, and waits for the answers, one for each ask.
pub(super) async fn ask(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    at: &RoomKey,
    asks: Vec<Ask>,
) -> Result<Vec<Answer>> {
    let places = u32::try_from(asks.len()).unwrap_or(u32::MAX);
    let place = Arc::clone(&log.rooms.places).try_acquire_many_owned(places);
    let _place = place.map_err(|_| Error::Busy)?;
    let (answer, answered) = oneshot::channel();
    let waiting = Waiting { asks, answer, _place };
    let is_first = {
        let mut queues = log.rooms.queues();
        let is_first = !queues.contains_key(at);
        queues.entry(at.clone()).or_default().push_back(waiting);
        is_first
    };
    if is_first {
        // It goes on if whoever asked does not wait any more.
        tokio::spawn(lead(Arc::clone(log), Arc::clone(cluster), at.clone()));
    }
    // Nobody answers if the leader panicked.
    answered.await.unwrap_or(Err(Error::Busy))
}

/// Rooms by when they were used last.
#[derive(Default)]
struct Remembered {
    rooms: HashMap<RoomKey, (u64, usize, RoomState)>,
    by_use: BTreeMap<u64, RoomKey>,
    uses: u64,
    bytes: usize,
}

impl Remembered {
    fn put(&mut self, state: RoomState) {
        self.take(&state.at);
        self.uses += 1;
        let bytes = state.memory_bytes;
        self.bytes += bytes;
        self.by_use.insert(self.uses, state.at.clone());
        self.rooms.insert(state.at.clone(), (self.uses, bytes, state));
        while self.bytes > REMEMBERED_BYTES_MAX
            && self.rooms.len() > 1
            && let Some((_, at)) = self.by_use.first_key_value()
        {
            let at = at.clone();
            self.take(&at);
        }
    }

    fn take(&mut self, at: &RoomKey) -> Option<RoomState> {
        let (used, bytes, state) = self.rooms.remove(at)?;
        self.by_use.remove(&used);
        self.bytes -= bytes;
        Some(state)
    }
}
