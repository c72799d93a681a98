//! The store as the domain sees it.

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use domain::broadcast::{
    Added, Broadcast, Broadcasts, Ledger, Message, Open, Progress, Quota, Refusal,
};
use domain::erasure::{Erased, Erasures};
use domain::error::{EngineError, Error, Result};
use domain::ids::{AppId, ParticipantId, UserId};
use domain::log::dead::{DeadLetter, LetterPage};
use domain::log::{Event, LogFigures, OpenCall, StayPage, StayQuery};
use domain::presence::{Connections, Forgotten, Noted, Presences, Sighting};
use domain::store::{
    Appended, IfTaken, Look, NewUser, Registration, Retired, Store, Update, Walk, WalkLens, Walked,
};
use domain::users::{ProfileChange, User};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::{spawn_blocking, yield_now};

use super::broadcasts;
use super::change::{Answer, Change, Pending};
#[cfg(test)]
use super::check;
use super::dead;
use super::fault::Fault;
use super::log;
use super::open::{OpenError, Options, open};
use super::presences;
use super::recent::Recent;
use super::tables::Tables;
use super::transaction::{Env, Read};
use super::trays::{Directory, Trays};
use super::users;
use super::writer::Writer;

/// A store in a folder of this machine.
///
/// Changes are handed to one thread and awaited. Reads are done where they are asked for, inside
/// the `async fn`: they never wait for the writer and seldom for the disk, so moving them to
/// another thread would cost more than it gives. A read's transaction is never held over an
/// `.await`: what is read is read by a function that does not wait.
///
/// Dropping it finishes what is waiting, and waits for that.
pub struct Embedded {
    // In the order in which they go: the writer while there is an environment to write to, and the
    // lock last.
    pub(super) writer: Writer,
    pub(super) tables: Arc<Tables>,
    pub(super) env: Env,
    recent: Arc<Recent>,
    pub(super) trays: Arc<Trays>,
    pass: Mutex<log::Pass>,
    /// One for each step of a walk that may be under way.
    pub(super) steps: Arc<Semaphore>,
    _lock: File,
}

/// How many steps of walks over users are under way at once: each has a thread of its own, and
/// a thousand users in memory. Others wait for their turn.
const STEPS_MAX: usize = 4;

impl Embedded {
    /// Opens the store in a folder, or makes one there. It may take a moment of the disk's time.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let opened = open(options)?;
        let tables = Arc::new(opened.tables);
        let (env, folder) = (opened.env, options.folder.clone());
        let recent = Arc::new(Recent::default());
        let (trays, work) = Trays::open(&env, &tables).map_err(|fault| {
            let source = EngineError::new(fault);
            OpenError::Unreadable { folder: folder.clone(), source }
        })?;
        let trays = Arc::new(trays);
        let shared = (Arc::clone(&tables), Arc::clone(&recent), Arc::clone(&trays));
        let writer = Writer::start(env.clone(), shared, work, folder.clone())
            .map_err(|source| OpenError::Folder { folder, source })?;
        let (pass, steps) = (Mutex::default(), Arc::new(Semaphore::new(STEPS_MAX)));
        Ok(Self { writer, tables, env, recent, trays, pass, steps, _lock: opened.lock })
    }

    /// How many rows each table has.
    #[cfg(test)]
    pub(crate) fn lens(&self) -> Vec<(&'static str, u64)> {
        self.tables.lens(&self.env.read_txn().expect("a transaction"))
    }

    /// Panics unless everything that is repeated in other words is what it repeats.
    #[cfg(test)]
    pub(crate) fn recount(&self) {
        let txn = self.env.read_txn().expect("a transaction");
        let report = check::run(Read { tables: &self.tables, txn: &txn }, &mut |_| ());
        assert!(report.is_clean(), "{report:#?}");
    }

    pub(super) async fn change<Request, Outcome>(
        &self,
        kind: fn(Pending<Request, Outcome>) -> Change,
        request: Request,
    ) -> Result<Vec<Outcome>> {
        let (pending, answer): (_, Answer<Request, Outcome>) = Pending::new(request);
        self.writer.submit(kind(pending))?;
        // An answer is missing only if the thread is.
        answer.await.map_err(|_| Error::Stopped)?.0
    }

    /// The outcome of a change that has one.
    async fn change_one<Request, Outcome>(
        &self,
        kind: fn(Pending<Request, Outcome>) -> Change,
        request: Request,
    ) -> Result<Outcome> {
        let outcome = self.change(kind, request).await?.pop();
        Ok(outcome.expect("the writer leaves one outcome for each item"))
    }

    async fn retire_a_little(
        &self,
        pass: &mut log::Pass,
        before_unix_us: i64,
        events_max: usize,
    ) -> Result<Retired> {
        let (env, tables) = (self.env.clone(), Arc::clone(&self.tables));
        let mut going = std::mem::take(pass);
        // A room may take a while to be looked at.
        let look = move || -> Result<_, Fault> {
            let txn = env.read_txn()?;
            let step =
                going.next(Read { tables: &tables, txn: &txn }, before_unix_us, events_max)?;
            Ok((going, step))
        };
        let looked = spawn_blocking(look).await;
        let (going, step) = looked.map_err(|error| Error::Engine(EngineError::new(error)))??;
        *pass = going;
        let removal = match step {
            log::Step::Remove(removal) => removal,
            log::Step::GoOn => return Ok(Retired { more: true, ..Retired::default() }),
            log::Step::Over => return Ok(Retired::default()),
        };
        let mut removed = self.change(Change::Remove, removal).await?;
        let log::Removed { stays, events, dead_letters, refused } =
            removed.pop().unwrap_or_default();
        pass.refuse(refused);
        Ok(Retired { stays, events, dead_letters, more: true })
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(Read<'_>) -> Result<T, Fault>) -> Result<T> {
        let read = || {
            let txn = self.env.read_txn()?;
            read(Read { tables: &self.tables, txn: &txn })
        };
        Ok(read()?)
    }
}

#[async_trait]
impl Store for Embedded {
    async fn register_users(
        &self,
        app: AppId,
        users: Vec<NewUser>,
        if_taken: IfTaken,
        now_unix_ms: i64,
    ) -> Result<Vec<Registration>> {
        let request = users::Register { app, users, if_taken, now_unix_ms };
        self.change(Change::Register, request).await
    }

    async fn update_users(
        &self,
        app: AppId,
        changes: Vec<(UserId, ProfileChange)>,
        now_unix_ms: i64,
    ) -> Result<Vec<Update>> {
        self.change(Change::Update, users::Change { app, changes, now_unix_ms }).await
    }

    async fn look_at_users(&self, app: AppId, ids: &[UserId], look: &mut Look<'_>) -> Result<()> {
        let read = |directory: Directory<'_>| users::look_at(directory, app, ids, look);
        Ok(self.trays.read(&self.env, &self.tables, read)?)
    }

    async fn append_events(&self, events: Vec<Event>) -> Result<Vec<Appended>> {
        let arrivals = events.into_iter().map(|event| log::Arrival::of(event, &self.tables));
        self.change(Change::Append, arrivals.collect::<Result<_, Fault>>()?).await
    }

    async fn page_of_stays(&self, query: &StayQuery) -> Result<StayPage> {
        self.read(|read| log::page(read, query))
    }

    async fn open_calls(
        &self,
        app: AppId,
        heard_before_unix_us: i64,
        limit: u32,
    ) -> Result<Vec<OpenCall>> {
        let mut search = log::Search::new(app, heard_before_unix_us, limit);
        while self.read(|read| search.step(read))? {
            // Others of this thread come first.
            yield_now().await;
        }
        Ok(search.into_found())
    }

    async fn log_figures(&self) -> Result<LogFigures> {
        self.read(log::figures)
    }

    async fn retire(&self, before_unix_us: i64, events_max: usize) -> Result<Retired> {
        // One step at a time, whoever asks for it.
        let mut pass = self.pass.lock().await;
        let _looking = self.recent.look();
        self.retire_a_little(&mut pass, before_unix_us, events_max).await
    }

    async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<Vec<u64>> {
        self.change(Change::KeepDead, letters).await
    }

    async fn list_dead_letters(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<LetterPage> {
        self.read(|read| dead::list(read, app, (after, limit)))
    }

    async fn remove_dead_letters(&self, app: AppId, ids: Vec<u64>) -> Result<u64> {
        let removed = self.change(Change::RemoveDead, dead::Remove { app, ids }).await?;
        Ok(removed.into_iter().filter(|removed| *removed).count() as u64)
    }

    fn ready(&self) -> Result<()> {
        self.writer.ready()
    }
}

#[async_trait]
impl Broadcasts for Embedded {
    async fn add_broadcast(
        &self,
        app: AppId,
        message: Message,
        quota: Option<Quota>,
    ) -> Result<Added> {
        self.change_one(Change::AddBroadcast, broadcasts::Add { app, message, quota }).await
    }

    async fn find_broadcast(&self, app: AppId, id: u64) -> Result<Option<Broadcast>> {
        self.read(|read| broadcasts::find(read, app, id))
    }

    async fn list_broadcasts(
        &self,
        app: AppId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Broadcast>> {
        self.read(|read| broadcasts::list(read, app, (after, limit)))
    }

    async fn open_broadcasts(&self, app: AppId) -> Result<Open> {
        self.read(|read| broadcasts::open(read, app))
    }

    async fn save_progress(&self, app: AppId, id: u64, progress: Progress) -> Result<bool> {
        self.change_one(Change::SaveBroadcast, broadcasts::Save { app, id, progress }).await
    }

    async fn give_up_damaged(
        &self,
        app: AppId,
        id: u64,
        reason: Refusal,
        now_unix_us: i64,
    ) -> Result<bool> {
        let request = broadcasts::GiveUp { app, id, reason, now_unix_us };
        self.change_one(Change::GiveUpBroadcast, request).await
    }

    async fn retire_broadcasts(&self, app: AppId, before_unix_us: i64) -> Result<u64> {
        let request = broadcasts::Retire { app, before_unix_us };
        self.change_one(Change::RetireBroadcasts, request).await
    }

    fn is_shared(&self) -> bool {
        false
    }
}

#[async_trait]
impl Erasures for Embedded {
    async fn erase_events(
        &self,
        app: AppId,
        who: &ParticipantId,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Erased> {
        let (env, tables) = (self.env.clone(), Arc::clone(&self.tables));
        let (named, from) = (who.clone(), from.map(<[u8]>::to_vec));
        // Not beside those who wait for a short read: it looks at thousands of rows.
        let look = move || -> Result<_, Fault> {
            let txn = env.read_txn()?;
            let read = Read { tables: &tables, txn: &txn };
            log::find_named(read, (app, &named), from.as_deref(), limit as usize)
        };
        let looked = spawn_blocking(look).await;
        let (erase, next) = looked.map_err(|error| Error::Engine(EngineError::new(error)))??;
        if erase.len() == 0 {
            return Ok(Erased { next, ..Erased::default() });
        }
        let log::Gone { events, snapshots, stays } = self.change_one(Change::Erase, erase).await?;
        Ok(Erased { events, snapshots, stays, next })
    }
}

#[async_trait]
impl Presences for Embedded {
    async fn note_sightings(&self, sightings: Vec<Sighting>) -> Result<Vec<Noted>> {
        self.change(Change::NoteSightings, sightings).await
    }

    async fn find_connections(&self, app: AppId, users: &[UserId]) -> Result<Vec<Connections>> {
        self.read(|read| presences::find(read, app, users))
    }

    async fn forget_sightings(
        &self,
        before_unix_us: i64,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Forgotten> {
        let place = (from, limit as usize);
        let (keys, next) = self.read(|read| presences::find_old(read, before_unix_us, place))?;
        if keys.is_empty() {
            return Ok(Forgotten { connections: 0, next });
        }
        let request = presences::Forget { keys, before_unix_us: Some(before_unix_us) };
        let connections = self.change_one(Change::ForgetSightings, request).await?;
        Ok(Forgotten { connections, next })
    }

    async fn remove_sightings(&self, app: AppId, user: &UserId) -> Result<u64> {
        let request = presences::Forget::all_of(app, user);
        self.change_one(Change::ForgetSightings, request).await
    }
}

#[async_trait]
impl Walk for Embedded {
    async fn walk_users(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<(AppId, User)>> {
        let read = |directory: Directory<'_>| users::walk(directory, from, limit as usize);
        Ok(self.trays.read(&self.env, &self.tables, read)?)
    }

    async fn walk_events(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Event>> {
        self.read(|read| log::walk(read, from, limit as usize))
    }

    async fn walk_dead_letters(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<DeadLetter>> {
        self.read(|read| dead::walk(read, from, limit as usize))
    }

    async fn walk_sightings(&self, from: Option<&[u8]>, limit: u32) -> Result<Walked<Sighting>> {
        self.read(|read| presences::walk(read, from, limit as usize))
    }

    async fn walk_ledgers(
        &self,
        from: Option<&[u8]>,
        limit: u32,
    ) -> Result<Walked<(AppId, Ledger)>> {
        self.read(|read| broadcasts::walk(read, from, limit as usize))
    }

    async fn walk_lens(&self) -> Result<Option<WalkLens>> {
        let read = |directory: Directory<'_>| {
            Ok(WalkLens {
                users: directory.len()?,
                events: self.tables.events.len(directory.txn())?,
                dead_letters: self.tables.dead_letters.len(directory.txn())?,
            })
        };
        Ok(Some(self.trays.read(&self.env, &self.tables, read)?))
    }

    async fn put_users(&self, users: Vec<(AppId, User)>) -> Result<()> {
        self.change(Change::Put, users).await.map(drop)
    }

    async fn put_broadcasts(
        &self,
        app: AppId,
        ledger: Ledger,
        broadcasts: Vec<Broadcast>,
    ) -> Result<()> {
        let request = broadcasts::Put { app, ledger, broadcasts };
        self.change(Change::PutBroadcasts, request).await.map(drop)
    }
}
