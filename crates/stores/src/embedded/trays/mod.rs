//! Users whose ids are nobody's neighbours, until they can move into `users` together.
//!
//! A B-tree pays for every page that a commit touches, and a user with a random id is a page of
//! `users`. So those of a group whose ids are scattered are laid into a **tray** instead, in the
//! order in which they came, in the same commit. When a tray is full another one is filled, and
//! the full one is emptied: its users move into `users` in the order of their keys, some with each
//! group, so that those who share a page come together. There are two trays at most, and each user
//! lies in one place: in `users`, in the tray that is filled, or in the one that is emptied.
//!
//! Read: [`map`] (where in a tray somebody may lie), [`pile`] (its rows), [`arrivals`] (what is
//! laid there), [`emptying`] (how it becomes empty), [`order`] (how a walk goes over it),
//! [`opening`] (how a process begins).
//!
//! # What readers see
//!
//! Where a user lies is decided by the reader's transaction alone: [`Progress`] is a row of it. The
//! maps, which are in memory, only save the search, and for that need only this: *whoever lies in a
//! tray as of a transaction stands in a map that its reader has.*
//!
//! - The writer adds to a map before it commits the row. So all that was committed when the
//!   transaction began stands in the maps of that moment. What stands there too and is not
//!   committed, or never will be, leads to a row that is missing or somebody else's, and is passed
//!   over.
//! - Nothing is taken out of a map. A map goes as a whole, after the commit that emptied its tray.
//! - A reader takes the list of maps, begins its transaction, and begins again if the list has
//!   another version by then. So its list is that of the moment in which the transaction began: it
//!   has every tray of which a row was committed before, and of those it has lost none that was
//!   not empty, as of the transaction too.
//!
//! So a read is as of one instant, whatever moves meanwhile; it waits for nobody; and without
//! trays it costs two loads.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, PoisonError, RwLock};

use domain::users::User;
use heed::RoTxn;
use serde::{Deserialize, Serialize};

use self::map::Map;
use self::order::Order;
use self::pile::Lying;
use super::fault::Result;
use super::key::Key;
use super::tables::Tables;
use super::transaction::Env;
use crate::record;

mod arrivals;
mod check;
mod emptying;
mod group;
mod map;
mod opening;
mod order;
mod pile;

pub(super) use check::{check, each};
pub(super) use group::{Group, Work, committed, settle};
pub(super) use pile::Pile;

/// How many users a tray takes. The more, the more of them share a page of `users` when they move;
/// but a process that begins reads both trays. In the store's own tests so few that users move all
/// the time.
const TRAY_LEN_MAX: u32 = if cfg!(test) { 12 } else { 512 << 10 };

/// Of [`Progress`], in its table.
const PROGRESS: &[u8] = b"users";

/// Where users lie, as of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The number of the tray that is filled; they increase. Those with even numbers lie in one
    /// table and those with odd numbers in another.
    filling: u64,
    /// How many rows it has.
    rows: u32,
    /// In how many of them nobody lies any more.
    gone: u32,
    /// Of the tray before it, if that is not empty yet.
    emptying: Option<Emptied>,
}

/// How far a tray is emptied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Emptied {
    /// How many rows it had when it was full.
    rows: u32,
    /// How many of them have not moved.
    left: u32,
    /// In how many of these nobody lies any more.
    gone: u32,
    /// Whoever has this key or one before it has moved.
    moved: Vec<u8>,
}

impl Progress {
    /// Whether anybody lies in a tray.
    pub(super) fn is_over(&self) -> bool {
        self.rows == 0 && self.emptying.is_none()
    }

    /// How many trays were filled, or given up for filling because nobody came.
    #[cfg(test)]
    pub(super) fn turns(&self) -> u64 {
        self.filling
    }

    /// The numbers of the trays in which anybody lies.
    fn trays(&self) -> impl Iterator<Item = u64> {
        let emptying = self.emptying.as_ref().map(|_| self.filling - 1);
        emptying.into_iter().chain((self.rows > 0).then_some(self.filling))
    }

    /// In how many rows nobody lies any more.
    fn gone(&self) -> u32 {
        self.gone + self.emptying.as_ref().map_or(0, |emptied| emptied.gone)
    }

    /// The same of one tray.
    fn gone_of(&mut self, tray: u64) -> &mut u32 {
        match &mut self.emptying {
            Some(emptied) if tray != self.filling => &mut emptied.gone,
            _ => &mut self.gone,
        }
    }

    /// How many rows a tray has, and the key before all that count; `None` if it is none.
    fn rows_of(&self, tray: u64) -> Option<(u32, &[u8])> {
        match &self.emptying {
            _ if tray == self.filling => Some((self.rows, &[])),
            Some(emptied) if tray + 1 == self.filling => Some((emptied.rows, &emptied.moved)),
            _ => None,
        }
    }

    /// Whether whoever has this key can lie in the tray.
    fn may_hold(&self, tray: u64, key: &[u8]) -> bool {
        match &self.emptying {
            _ if tray == self.filling => true,
            Some(emptied) => tray + 1 == self.filling && *emptied.moved < *key,
            None => false,
        }
    }
}

/// What is in memory of a tray.
#[derive(Clone)]
struct Tray {
    number: u64,
    map: Arc<Map>,
    order: Arc<Order>,
}

impl Tray {
    fn new(number: u64, map: Arc<Map>) -> Self {
        Self { number, map, order: Arc::default() }
    }
}

type List = Arc<[Tray]>;

/// What readers and the writer share.
pub(super) struct Trays {
    list: RwLock<List>,
    /// Changes after the list does. Odd if there are trays.
    version: AtomicU64,
    /// Whoever chooses ids must not know which of them meet in a map.
    hasher: RandomState,
}

impl Trays {
    /// A list that cannot be half written.
    fn list(&self) -> List {
        Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Only the writer does.
    fn set_list(&self, list: List) {
        let is_any = u64::from(!list.is_empty());
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = list;
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(((version >> 1) + 1) << 1 | is_any, Ordering::SeqCst);
    }

    fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Begins a transaction and reads users in it.
    pub(super) fn read<T>(
        &self,
        env: &Env,
        tables: &Tables,
        read: impl FnOnce(Directory<'_>) -> Result<T>,
    ) -> Result<T> {
        let (txn, list) = loop {
            let version = self.version.load(Ordering::SeqCst);
            let list = (version & 1 == 1).then(|| self.list());
            let txn = env.read_txn()?;
            // What LMDB read to begin it comes before whatever is read now.
            fence(Ordering::SeqCst);
            if self.version.load(Ordering::SeqCst) == version {
                break (txn, list);
            }
        };
        let progress = match list {
            None => None,
            Some(_) => tables.trays.find(&txn, PROGRESS)?,
        };
        let trays = list.as_deref().unwrap_or_default();
        let progress = &progress.unwrap_or_default();
        read(Directory { shared: self, tables, txn: &txn, trays, progress })
    }
}

/// Those with the least keys.
struct Nearest {
    /// Each with the user, unless they lie in a tray.
    all: BTreeMap<Key, Option<User>>,
    limit: usize,
}

impl Nearest {
    /// Tells whether they are near enough.
    fn add(&mut self, key: &[u8], user: Option<User>) -> bool {
        let is_full = self.all.len() >= self.limit;
        if is_full && self.all.last_key_value().is_none_or(|(last, _)| **last < *key) {
            return false;
        }
        self.all.insert(Key::new().bytes(key), user);
        if self.all.len() > self.limit {
            self.all.pop_last();
        }
        true
    }
}

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Users,
    Tray { tray: u64, row: u32 },
}

/// All users, as of a transaction.
#[derive(Clone, Copy)]
pub(super) struct Directory<'d> {
    shared: &'d Trays,
    tables: &'d Tables,
    txn: &'d RoTxn<'d>,
    trays: &'d [Tray],
    progress: &'d Progress,
}

impl<'d> Directory<'d> {
    /// The user with this key, as a type that is encoded as `User` is.
    pub(super) fn find<View: Deserialize<'d>>(&self, key: &[u8]) -> Result<Option<(Place, View)>> {
        if !self.trays.is_empty()
            && let Some((tray, row, lying)) = self.find_in_trays(key)?
            && !lying.is_gone()
        {
            let place = Place::Tray { tray, row };
            return Ok(Some((place, record::unseal("trays", key, lying.sealed)?)));
        }
        let view = self.tables.users.view(self.txn, key)?;
        Ok(view.map(|view| (Place::Users, view)))
    }

    /// The first users whose keys come behind one, in the order of their keys, `limit` at most.
    pub(super) fn behind(&self, key: Option<&[u8]>, limit: usize) -> Result<Vec<(Key, User)>> {
        let mut found = Nearest { all: BTreeMap::new(), limit };
        for tray in self.trays {
            self.behind_in_tray(tray, key.unwrap_or_default(), &mut found)?;
        }
        let is_behind = |other: &[u8]| key.is_none_or(|key| key < other);
        for row in self.tables.users.range(self.txn, &[], key.unwrap_or_default())?.take(limit + 1)
        {
            let (key, user) = row?;
            if is_behind(key) {
                found.add(key, Some(user));
            }
        }
        let find = |(key, user): (Key, Option<User>)| {
            let user = match user {
                Some(user) => Some(user),
                None => self.find::<User>(&key)?.map(|(_, user)| user),
            };
            Ok(user.map(|user| (key, user)))
        };
        found.all.into_iter().map(find).filter_map(Result::transpose).collect()
    }

    /// Adds those who lie in a tray and whose keys come behind one, as far as they are near enough.
    fn behind_in_tray(&self, tray: &Tray, key: &[u8], found: &mut Nearest) -> Result<()> {
        let Some((rows, moved)) = self.progress.rows_of(tray.number) else { return Ok(()) };
        let (pile, key) = (self.tables.pile(tray.number), key.max(moved));
        let order = tray.order.of(pile, self.txn, rows)?;
        let mut begin = 0..order.len();
        while !begin.is_empty() {
            let middle = begin.start + begin.len() / 2;
            match pile.get(self.txn, order[middle])?.key <= key {
                true => begin.start = middle + 1,
                false => begin.end = middle,
            }
        }
        for row in &order[begin.start..] {
            let lying = pile.get(self.txn, *row)?;
            // Those behind are still farther.
            if !lying.is_gone() && !found.add(lying.key, None) {
                break;
            }
        }
        let first_loose = u32::try_from(order.len()).unwrap_or(rows);
        for row in pile.from(self.txn, first_loose)?.take((rows - first_loose) as usize) {
            let (_, lying) = row?;
            if key < lying.key && !lying.is_gone() {
                found.add(lying.key, None);
            }
        }
        Ok(())
    }

    /// How many users there are.
    pub(super) fn len(&self) -> Result<u64> {
        let Progress { rows, gone, emptying, .. } = self.progress;
        let left = emptying.as_ref().map_or(0, |emptied| emptied.left - emptied.gone);
        Ok(self.tables.users.len(self.txn)? + u64::from(rows - gone) + u64::from(left))
    }

    /// All tables, seen in the same transaction.
    pub(super) fn tables(&self) -> &'d Tables {
        self.tables
    }

    /// The transaction that they are seen in.
    pub(super) fn txn(&self) -> &'d RoTxn<'d> {
        self.txn
    }

    /// The row of this key in a tray: where, and what. There is one at most that counts.
    fn find_in_trays(&self, key: &[u8]) -> Result<Option<(u64, u32, Lying<'d>)>> {
        let hash = self.shared.hash(key);
        for tray in self.trays.iter().filter(|tray| self.progress.may_hold(tray.number, key)) {
            let pile = self.tables.pile(tray.number);
            for row in tray.map.find(hash) {
                let Some(lying) = pile.find(self.txn, row)? else { continue };
                if lying.key == key {
                    if lying.is_gone() {
                        pile.check(lying)?;
                    }
                    return Ok(Some((tray.number, row, lying)));
                }
                // It is somebody else's, unless it is damaged.
                pile.check(lying)?;
            }
        }
        Ok(None)
    }
}
