//! What a group of changes does to trays, and what the writer remembers between groups.

use std::sync::Arc;

use domain::users::User;
use heed::RwTxn;

use super::arrivals::{self, Arrivals};
use super::emptying::{self, Queue};
use super::map::Map;
use super::pile::Lying;
use super::{Directory, List, PROGRESS, Place, Progress, TRAY_LEN_MAX, Tray, Trays};
use crate::embedded::fault::Result;
use crate::embedded::key::Key;
use crate::embedded::tables::Tables;
use crate::embedded::transaction::Write;
use crate::record;

/// What only the writer knows, and nobody needs to: it can be made again.
#[derive(Default)]
pub(in crate::embedded) struct Work {
    /// In which rows of a tray a run of users in the order of their keys begins. Of the trays with
    /// even numbers, and of those with odd numbers.
    pub(super) runs: [Vec<u32>; 2],
    /// Whoever is next to move, while a tray is emptied.
    pub(super) queue: Option<Queue>,
    /// A tray cannot be emptied, since somebody in it cannot be read.
    pub(super) is_stuck: bool,
    /// Something can be moved while nobody waits.
    pub(super) is_untidy: bool,
}

impl Work {
    pub(super) fn runs(&mut self, tray: u64) -> &mut Vec<u32> {
        &mut self.runs[usize::from(!tray.is_multiple_of(2))]
    }

    /// Whether something can be moved while nobody waits.
    pub(in crate::embedded) fn is_untidy(&self) -> bool {
        self.is_untidy
    }

    /// After a transaction that came to nothing.
    pub(in crate::embedded) fn failed(&mut self) {
        self.queue = None;
        // What failed is not tried again before something else went well.
        self.is_untidy = false;
    }
}

/// What a transaction knows of trays.
pub(in crate::embedded) struct Group<'g> {
    pub(super) shared: &'g Trays,
    pub(super) list: List,
    pub(super) work: &'g mut Work,
    pub(in crate::embedded) progress: Progress,
    /// What it was when the transaction began.
    before: Progress,
    pub(super) arrivals: Arrivals,
}

impl<'g> Group<'g> {
    /// For a transaction that begins.
    pub(in crate::embedded) fn begin(
        shared: &'g Trays,
        work: &'g mut Work,
        (tables, txn): (&Tables, &RwTxn<'_>),
    ) -> Result<Self> {
        let progress = tables.trays.find(txn, PROGRESS)?.unwrap_or_default();
        let list = shared.list();
        let before = progress.clone();
        Ok(Self { shared, list, work, progress, before, arrivals: Arrivals::default() })
    }

    /// The map of a tray, which readers have from now on.
    pub(super) fn map(&mut self, number: u64) -> Arc<Map> {
        if let Some(tray) = self.list.iter().find(|tray| tray.number == number) {
            return Arc::clone(&tray.map);
        }
        let map = Arc::new(Map::new(TRAY_LEN_MAX));
        let tray = Tray::new(number, Arc::clone(&map));
        self.list = self.list.iter().cloned().chain([tray]).collect();
        self.shared.set_list(Arc::clone(&self.list));
        map
    }
}

/// Where a user is found by whoever writes.
#[derive(Clone, Copy)]
pub(in crate::embedded) enum Found {
    /// New in this group.
    Arrival(usize),
    At(Place),
}

impl Write<'_> {
    /// The user with this key, as this transaction leaves them so far.
    pub(in crate::embedded) fn find_user(&self, key: &Key) -> Result<Option<(Found, User)>> {
        let Group { shared, list, progress, arrivals, .. } = &self.trays;
        if let Some(place) = arrivals.find(shared.hash(key), key) {
            let user = record::unseal("users", key, arrivals.sealed(place))?;
            return Ok(Some((Found::Arrival(place), user)));
        }
        let (tables, txn) = (self.tables, &*self.txn);
        let directory = Directory { shared, tables, txn, trays: list, progress };
        Ok(directory.find(key)?.map(|(place, user)| (Found::At(place), user)))
    }

    /// Keeps a user whose key nobody has.
    pub(in crate::embedded) fn add_user(&mut self, key: Key, user: &User) -> Result<()> {
        let sealed = record::seal("users", &key, user)?;
        if let Some((tray, row)) = self.find_gone(&key)? {
            // Where they lay before: a key has one row in a tray, however often somebody goes and
            // comes again.
            *self.trays.progress.gone_of(tray) -= 1;
            let lying = Lying { key: &key, sealed: &sealed };
            return self.tables.pile(tray).put(&mut self.txn, row, lying);
        }
        let hash = self.trays.shared.hash(&key);
        self.trays.arrivals.add(hash, key, sealed);
        Ok(())
    }

    /// The row of a tray in which this key lay, if nobody lies there any more.
    fn find_gone(&self, key: &Key) -> Result<Option<(u64, u32)>> {
        let Group { shared, list, progress, .. } = &self.trays;
        if progress.gone() == 0 {
            return Ok(None);
        }
        let (tables, txn) = (self.tables, &*self.txn);
        let directory = Directory { shared, tables, txn, trays: list, progress };
        let found = directory.find_in_trays(key)?;
        Ok(found.filter(|(_, _, lying)| lying.is_gone()).map(|(tray, row, _)| (tray, row)))
    }

    /// Removes a user where they were found.
    pub(in crate::embedded) fn remove_user(&mut self, at: Found, key: &Key) -> Result<()> {
        match at {
            Found::Arrival(place) => {
                self.trays.arrivals.remove(place);
                Ok(())
            }
            Found::At(Place::Users) => self.tables.users.delete(&mut self.txn, key),
            Found::At(Place::Tray { tray, row }) => {
                let sealed = record::seal("users", key, &())?;
                *self.trays.progress.gone_of(tray) += 1;
                let lying = Lying { key, sealed: &sealed };
                self.tables.pile(tray).put(&mut self.txn, row, lying)
            }
        }
    }

    /// Keeps a user where they were found.
    pub(in crate::embedded) fn put_user(
        &mut self,
        at: Found,
        key: &Key,
        user: &User,
    ) -> Result<()> {
        match at {
            Found::Arrival(place) => {
                self.trays.arrivals.put(place, record::seal("users", key, user)?);
                Ok(())
            }
            Found::At(Place::Users) => self.tables.users.put(&mut self.txn, key, user),
            Found::At(Place::Tray { tray, row }) => {
                let sealed = record::seal("users", key, user)?;
                let lying = Lying { key, sealed: &sealed };
                self.tables.pile(tray).put(&mut self.txn, row, lying)
            }
        }
    }
}

/// Gives those who came in this group their places, and moves some others to theirs; when nothing
/// else is to be done, also such as could wait.
pub(in crate::embedded) fn settle(write: &mut Write<'_>, is_idle: bool) -> Result<()> {
    let scattered = arrivals::place(write)?;
    let before = &write.trays.before;
    if is_idle && before.emptying.is_none() && before.rows > 0 {
        emptying::turn(write);
    }
    emptying::empty(write, scattered, is_idle)?;
    if write.trays.progress != write.trays.before {
        let Write { tables, txn, trays, .. } = write;
        tables.trays.put(txn, PROGRESS, &trays.progress)?;
    }
    Ok(())
}

/// After the commit: lets go what it made empty.
pub(in crate::embedded) fn committed(shared: &Trays, work: &mut Work, progress: &Progress) {
    let is_used = |tray: &Tray| progress.trays().any(|number| number == tray.number);
    let list = shared.list();
    if !list.iter().all(is_used) {
        shared.set_list(list.iter().filter(|tray| is_used(tray)).cloned().collect());
    }
    work.is_untidy = !progress.is_over() && !work.is_stuck;
}
