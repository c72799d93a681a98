//! The model that the other stores are tested against, and the store of tests and throw-away
//! environments: everything in maps, nothing durable, nothing clever.
//!
//! A room is folded anew from all its events whenever one of them is new, so this is not the store
//! for a room with a million of them.

mod broadcasts;
mod erasure;
mod presences;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Add;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::broadcast::{Broadcast, Ledger};
use domain::error::Result;
use domain::ids::{AppId, CallId, Door, UserId};
use domain::log::closing::is_heard_of;
use domain::log::dead::{DeadLetter, KeptLetter, LETTERS_BYTES_MAX, LETTERS_MAX, LetterPage};
use domain::log::event::EventHash;
use domain::log::open::OPEN_CALLS_MAX;
use domain::log::retire::{find_cut, is_spent};
use domain::log::stay::RoomKey;
use domain::log::{Event, LogFigures, OpenCall, Stay, StayPage, StayQuery, fold_room};
use domain::presence::Sighting;
use domain::store::{
    Appended, IfTaken, Look, NewUser, Registration, Retired, Store, Update, Walk, WalkLens, Walked,
    walked_weight,
};
use domain::users::{ProfileChange, User};

use directory::{Users, takes_a_robot};

mod directory;

/// A store that forgets everything when it is dropped.
#[derive(Default)]
pub struct Memory {
    users: Mutex<Users>,
    log: Mutex<Log>,
    presences: Mutex<presences::Known>,
    dead: Mutex<Dead>,
    jobs: Mutex<broadcasts::Jobs>,
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
        let mut register = |new: NewUser| {
            let standing = known.get(&(app, new.id.clone()));
            let is_new_robot = new.profile.robot && standing.is_none_or(|user| !user.profile.robot);
            let is_kept = standing.is_some() && if_taken == IfTaken::Leave;
            if is_new_robot && !is_kept && !takes_a_robot(&known, app) {
                return Registration::RobotsFull;
            }
            match known.get_mut(&(app, new.id.clone())) {
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
            }
        };
        Ok(users.into_iter().map(&mut register).collect())
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

    async fn look_at_users(&self, app: AppId, ids: &[UserId], look: &mut Look<'_>) -> Result<()> {
        let known = lock(&self.users);
        for (place, id) in ids.iter().enumerate() {
            if let Some(user) = known.get(&(app, id.clone())) {
                look(place, user.view());
            }
        }
        Ok(())
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

    async fn open_calls(
        &self,
        app: AppId,
        heard_before_unix_us: i64,
        limit: u32,
    ) -> Result<Vec<OpenCall>> {
        let log = lock(&self.log);
        let open = |stay: &&Stay| stay.app == app && stay.left_unix_s().is_none();
        let mut stays: Vec<&Stay> = log.stays.values().flatten().filter(open).collect();
        stays.sort_by(|one, other| one.order().cmp(&other.order()));
        let mut seen = BTreeSet::new();
        stays.retain(|stay| seen.insert((&stay.door, &stay.room, &stay.call)));
        let calls = stays.into_iter().filter_map(|stay| log.open_call(stay));
        let quiet = calls.filter(|call| call.last_heard_unix_us < heard_before_unix_us);
        Ok(quiet.take(limit.min(OPEN_CALLS_MAX) as usize).collect())
    }

    async fn log_figures(&self) -> Result<LogFigures> {
        let log = lock(&self.log);
        let stays = log.stays.values().flatten();
        Ok(stays.map(LogFigures::of).fold(LogFigures::default(), LogFigures::add))
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
        retired.dead_letters = lock(&self.dead).retire(before_unix_us);
        Ok(retired)
    }

    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<Vec<u64>> {
        let mut dead = lock(&self.dead);
        let ids = letters.into_iter().map(|letter| dead.keep(letter)).collect();
        dead.remove_too_many();
        Ok(ids)
    }

    async fn list_dead_letters(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<LetterPage> {
        let dead = lock(&self.dead);
        let of_app = || dead.letters.iter().filter(|(_, letter)| letter.app == app);
        let behind = of_app().filter(|(id, _)| after.is_none_or(|after| **id > after));
        let letters = behind.take(limit as usize);
        let letters = letters.map(|(id, letter)| KeptLetter { id: *id, letter: letter.clone() });
        Ok(LetterPage { total: of_app().count() as u64, letters: letters.collect() })
    }

    async fn remove_dead_letters(&self, app: AppId, ids: Vec<u64>) -> Result<u64> {
        let mut dead = lock(&self.dead);
        let before = dead.letters.len();
        dead.letters.retain(|id, letter| letter.app != app || !ids.contains(id));
        Ok((before - dead.letters.len()) as u64)
    }

    fn ready(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Walk for Memory {
    async fn walk_users(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<(AppId, User)>> {
        let known = lock(&self.users);
        let mut all: Vec<_> = known.iter().map(|((app, _), user)| (*app, user)).collect();
        all.sort_by_key(|(app, user)| (*app, &user.id));
        let all = all.into_iter().map(|(app, user)| (app, user.clone()));
        Ok(step(all, from, limit, |_| 1))
    }

    async fn walk_events(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Event>> {
        let log = lock(&self.log);
        let mut all: Vec<&Event> = log.events.values().flat_map(HashMap::values).collect();
        all.sort_by_cached_key(|event| (event.time_unix_us, event.identity()));
        Ok(step(all.into_iter().cloned(), from, limit, walked_weight))
    }

    async fn walk_dead_letters(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<DeadLetter>> {
        let dead = lock(&self.dead);
        let mut all: Vec<&DeadLetter> = dead.letters.values().collect();
        all.sort_by_key(|letter| letter.app);
        Ok(step(all.into_iter().cloned(), from, limit, |_| 1))
    }

    async fn walk_sightings(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Sighting>> {
        Ok(step(presences::all(&lock(&self.presences)).into_iter(), from, limit, |_| 1))
    }

    async fn walk_ledgers(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<(AppId, Ledger)>> {
        Ok(step(broadcasts::ledgers(&lock(&self.jobs)).into_iter(), from, limit, |_| 1))
    }

    async fn walk_lens(&self) -> Result<Option<WalkLens>> {
        let events = lock(&self.log).events.values().map(|events| events.len() as u64).sum();
        Ok(Some(WalkLens {
            users: lock(&self.users).len() as u64,
            events,
            dead_letters: lock(&self.dead).letters.len() as u64,
        }))
    }

    async fn put_users(&self, users: Vec<(AppId, User)>) -> Result<()> {
        let keyed = users.into_iter().map(|(app, user)| ((app, user.id.clone()), user));
        lock(&self.users).extend(keyed);
        Ok(())
    }

    async fn put_broadcasts(
        &self,
        app: AppId,
        ledger: Ledger,
        broadcasts: Vec<Broadcast>,
    ) -> Result<()> {
        broadcasts::put(&mut lock(&self.jobs), app, ledger, broadcasts);
        Ok(())
    }
}

/// A step of a walk. A place is how much is before it.
fn step<T>(
    all: impl ExactSizeIterator<Item = T>,
    from: Option<&[u8]>,
    limit: u32,
    weight: impl Fn(&T) -> usize,
) -> Walked<T> {
    let from = from.and_then(|from| from.try_into().ok()).map_or(0, u64::from_be_bytes);
    let len = all.len() as u64;
    let (mut found, mut sum) = (vec![], 0);
    for one in all.skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        if sum >= limit as usize {
            break;
        }
        sum += weight(&one);
        found.push(one);
    }
    let next = from.saturating_add(found.len() as u64);
    Walked { found, next: (next < len).then(|| next.to_be_bytes().to_vec()) }
}

#[derive(Default)]
struct Dead {
    last_id: u64,
    letters: BTreeMap<u64, DeadLetter>,
}

impl Dead {
    fn keep(&mut self, letter: DeadLetter) -> u64 {
        // From 1, so that all are behind 0.
        self.last_id += 1;
        self.letters.insert(self.last_id, letter);
        self.last_id
    }

    /// Removes the oldest of each app that has too many.
    fn remove_too_many(&mut self) {
        let mut of_apps: HashMap<AppId, (u64, u64)> = HashMap::new();
        let mut too_many = vec![];
        for (id, letter) in self.letters.iter().rev() {
            let (count, bytes) = of_apps.entry(letter.app).or_default();
            (*count, *bytes) = (*count + 1, *bytes + letter.bytes());
            if *count > LETTERS_MAX || *bytes > LETTERS_BYTES_MAX {
                too_many.push(*id);
            }
        }
        for id in too_many {
            self.letters.remove(&id);
        }
    }

    /// Removes those of each app that come before the first that is young enough.
    fn retire(&mut self, before_unix_us: i64) -> u64 {
        let before = self.letters.len();
        let mut with_young = BTreeSet::new();
        self.letters.retain(|_, letter| {
            let young = letter.received_unix_us >= before_unix_us;
            if young {
                with_young.insert(letter.app);
            }
            with_young.contains(&letter.app)
        });
        (before - self.letters.len()) as u64
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

    /// The call of a stay.
    fn open_call(&self, stay: &Stay) -> Option<OpenCall> {
        let at = RoomKey { app: stay.app, door: stay.door.clone(), room: stay.room.clone() };
        let events = self.events.get(&(at.app, at.door.clone(), Some(at.clone())))?;
        let mut named = events.values().filter_map(|event| event.presence()?.call.as_ref());
        let minted = named.all(|named| *named != stay.call);
        let call: Option<&CallId> = (!minted).then_some(&stay.call);
        let heard = events.values().filter(|event| is_heard_of(event, call));
        let last_heard_unix_us = heard.map(|event| event.time_unix_us).max()?;
        Some(OpenCall { at, call: stay.call.clone(), minted, last_heard_unix_us })
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
