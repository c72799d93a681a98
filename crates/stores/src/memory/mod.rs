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
use domain::log::stay::RoomKey;
use domain::log::{Event, Stay, StayPage, StayQuery, fold_room};
use domain::store::{Appended, IfTaken, NewUser, Registration, Store, Update};
use domain::users::{ProfileChange, User};

/// A store that forgets everything when it is dropped.
#[derive(Default)]
pub struct Memory {
    users: Mutex<HashMap<(AppId, UserId), User>>,
    log: Mutex<Log>,
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

    fn fold(&mut self, at: &RoomKey) {
        let of = |room| self.events.get(&(at.app, at.door.clone(), room)).into_iter().flatten();
        let events = of(Some(at.clone())).chain(of(None));
        let events: Vec<Event> = events.map(|(_, event)| event.clone()).collect();
        self.stays.insert(at.clone(), fold_room(at, &events));
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
