//! The model that the other stores are tested against, and the store of tests and throw-away
//! environments: everything in maps, nothing durable, nothing clever.
//!
//! A room is folded anew from all its events whenever one of them is new, so this is not the store
//! for a room with a million of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::error::Result;
use domain::ids::{AppId, Door, UserId};
use domain::log::event::EventHash;
use domain::log::retire::{find_cut, is_spent};
use domain::log::stay::RoomKey;
use domain::log::{Event, Stay, StayPage, StayQuery, fold_room};
use domain::store::{Appended, IfTaken, NewUser, Registration, Retired, Store, Update};
use domain::users::{ProfileChange, User};

/// A store that forgets everything when it is dropped.
#[derive(Default)]
pub struct Memory {
    users: Mutex<HashMap<(AppId, UserId), User>>,
    log: Mutex<Log>,
}

#[cfg(test)]
impl Memory {
    /// Every event.
    pub(crate) fn events(&self) -> Vec<Event> {
        lock(&self.log).events.values().flat_map(HashMap::values).cloned().collect()
    }
}

#[async_trait]
impl Store for Memory {
    async fn register_users(
        &self,
        app: AppId,
        users: Vec<NewUser>,
        if_taken: IfTaken,
        now_unix_ms: i64,
    ) -> Result<Vec<Registration>> {
        let mut known = lock(&self.users);
        let register = |new: NewUser| match known.get_mut(&(app, new.id.clone())) {
            None => {
                let NewUser { id, profile } = new;
                let user = User {
                    id: id.clone(),
                    profile,
                    created_unix_ms: now_unix_ms,
                    modified_unix_ms: now_unix_ms,
                };
                known.insert((app, id), user);
                Registration::Created
            }
            Some(user) if user.profile == new.profile => Registration::Unchanged,
            Some(user) => match if_taken {
                IfTaken::Leave => Registration::Taken,
                IfTaken::Overwrite => {
                    user.profile = new.profile;
                    user.modified_unix_ms = user.modified_unix_ms.max(now_unix_ms);
                    Registration::Overwritten
                }
            },
        };
        Ok(users.into_iter().map(register).collect())
    }

    async fn update_users(
        &self,
        app: AppId,
        changes: Vec<(UserId, ProfileChange)>,
        now_unix_ms: i64,
    ) -> Result<Vec<Update>> {
        let mut known = lock(&self.users);
        let update = |(id, change): (UserId, ProfileChange)| match known.get_mut(&(app, id)) {
            None => Update::NotFound,
            Some(user) => {
                change.apply(&mut user.profile);
                user.modified_unix_ms = user.modified_unix_ms.max(now_unix_ms);
                Update::Done
            }
        };
        Ok(changes.into_iter().map(update).collect())
    }

    async fn find_users(&self, app: AppId, ids: &[UserId]) -> Result<Vec<Option<User>>> {
        let known = lock(&self.users);
        Ok(ids.iter().map(|id| known.get(&(app, id.clone())).cloned()).collect())
    }

    async fn append_events(&self, events: Vec<Event>) -> Result<Vec<Appended>> {
        let mut log = lock(&self.log);
        let mut touched = BTreeSet::new();
        let appended = events.into_iter().map(|event| log.append(event, &mut touched)).collect();
        touched.iter().for_each(|room| log.fold(room));
        Ok(appended)
    }

    async fn page_of_stays(&self, query: &StayQuery) -> Result<StayPage> {
        let log = lock(&self.log);
        let all = log.stays.values().flatten();
        let mut selected: Vec<&Stay> = all.filter(|stay| query.selects(stay)).collect();
        selected.sort_by(|one, other| one.order().cmp(&other.order()));
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let page = selected.iter().skip(offset).take(query.limit as usize);
        Ok(StayPage {
            total: selected.len() as u64,
            stays: page.map(|stay| (*stay).clone()).collect(),
        })
    }

    /// All in one step.
    async fn retire(&self, before_unix_us: i64, _: usize) -> Result<Retired> {
        let mut log = lock(&self.log);
        let mut retired = Retired::default();
        let rooms: Vec<RoomKey> = log.events.keys().filter_map(|(_, _, at)| at.clone()).collect();
        for at in &rooms {
            log.retire(at, before_unix_us, &mut retired);
        }
        retired.events += log.retire_restarts(before_unix_us);
        Ok(retired)
    }

    fn ready(&self) -> Result<()> {
        Ok(())
    }
}

/// The room of an event, or the servers of its door, if it is a restart.
type Place = (AppId, Door, Option<RoomKey>);

#[derive(Default)]
struct Log {
    known: HashMap<EventHash, (EventHash, Place)>,
    events: HashMap<Place, HashMap<EventHash, Event>>,
    stays: HashMap<RoomKey, Vec<Stay>>,
}

impl Log {
    fn append(&mut self, event: Event, touched: &mut BTreeSet<RoomKey>) -> Appended {
        let (identity, content) = (event.identity(), event.content_hash());
        let (appended, replaced) = match self.known.get(&identity) {
            None => (Appended::Stored, None),
            Some((known, _)) if *known == content => return Appended::Duplicate,
            Some((known, _)) if *known < content => return Appended::Conflict,
            Some((_, place)) => (Appended::Conflict, Some(place.clone())),
        };
        if let Some(place) = replaced {
            self.touch(&place, touched);
            self.events.entry(place).or_default().remove(&identity);
        }
        let place = place_of(&event);
        self.known.insert(identity, (content, place.clone()));
        self.events.entry(place.clone()).or_default().insert(identity, event);
        self.touch(&place, touched);
        appended
    }

    /// Notes which rooms show something else once this place has other events.
    fn touch(&self, place: &Place, touched: &mut BTreeSet<RoomKey>) {
        let (app, door, room) = place;
        match room {
            Some(room) => {
                touched.insert(room.clone());
            }
            None => touched.extend(
                self.events
                    .keys()
                    .filter(|(its_app, its_door, _)| its_app == app && its_door == door)
                    .filter_map(|(_, _, room)| room.clone()),
            ),
        }
    }

    /// Everything that concerns a room.
    fn events_of(&self, at: &RoomKey) -> Vec<Event> {
        let of = |room| self.events.get(&(at.app, at.door.clone(), room)).into_iter().flatten();
        let events = of(Some(at.clone())).chain(of(None));
        events.map(|(_, event)| event.clone()).collect()
    }

    fn fold(&mut self, at: &RoomKey) {
        self.stays.insert(at.clone(), fold_room(at, &self.events_of(at)));
    }

    fn retire(&mut self, at: &RoomKey, before_unix_us: i64, retired: &mut Retired) {
        while let Some(cut) = find_cut(self.events_of(at), before_unix_us) {
            let place = (at.app, at.door.clone(), Some(at.clone()));
            retired.events += self.remove(&place, |event| event.time_unix_us < cut);
            let shown = |log: &Self| log.stays.get(at).map_or(0, Vec::len) as u64;
            let before = shown(self);
            self.fold(at);
            retired.stays += before.saturating_sub(shown(self));
        }
    }

    fn retire_restarts(&mut self, before_unix_us: i64) -> u64 {
        let mut oldest: HashMap<(AppId, Door), i64> = HashMap::new();
        for ((app, door, _), events) in self.events.iter().filter(|((_, _, at), _)| at.is_some()) {
            for event in events.values() {
                let known = oldest.entry((*app, door.clone())).or_insert(event.time_unix_us);
                *known = event.time_unix_us.min(*known);
            }
        }
        let servers: Vec<Place> =
            self.events.keys().filter(|(_, _, at)| at.is_none()).cloned().collect();
        let mut removed = 0;
        for place in &servers {
            let oldest = oldest.get(&(place.0, place.1.clone())).copied();
            removed += self.remove(place, |event| is_spent(event, oldest, before_unix_us));
            let mut touched = BTreeSet::new();
            self.touch(place, &mut touched);
            touched.iter().for_each(|room| self.fold(room));
        }
        removed
    }

    /// Forgets some of the events of a place, and tells how many.
    fn remove(&mut self, place: &Place, goes: impl Fn(&Event) -> bool) -> u64 {
        let Some(events) = self.events.get_mut(place) else { return 0 };
        let before = events.len();
        let known = &mut self.known;
        events.retain(|identity, event| {
            let goes = goes(event);
            if goes {
                known.remove(identity);
            }
            !goes
        });
        let removed = before - events.len();
        if events.is_empty() {
            self.events.remove(place);
        }
        removed as u64
    }
}

fn place_of(event: &Event) -> Place {
    let room = event.room().map(|room| RoomKey {
        app: event.app,
        door: event.door.clone(),
        room: room.clone(),
    });
    (event.app, event.door.clone(), room)
}

/// What a panicking thread left behind is whole: every change is made of single insertions.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
