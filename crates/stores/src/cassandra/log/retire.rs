//! What is too old, room by room, door by door.
//!
//! A pass walks the lists of rooms by the hour of their first event, up to the hour from which on
//! everything is young. A room is read, and cut if it can be; what is held back is looked at once
//! in a pass. When all rooms of a door have been looked at, its restarts are. Where a pass stands
//! is not stored: a process that begins anew begins a new pass, and of two that are under way
//! neither harms the other.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::AppId;
use domain::clock::SECOND_US;
use domain::error::{Error, Result};
use domain::ids::Door;
use domain::log::Event;
use domain::log::event::EventHash;
use domain::log::retire::is_spent;
use domain::log::stay::RoomKey;
use domain::store::Retired;
use futures::stream::{StreamExt, TryStreamExt, iter};

use super::restarts;
use super::room::{self, How};
use super::rooms::{self, By, List, Place};
use super::rows::Head;
use super::state::{Ask, RoomState};
use super::sweep::goes_on;
use super::{Log, identities, waiting};
use crate::cassandra::cluster::Cluster;
use crate::cassandra::fault::Fault;

/// How many rooms are looked at in one step.
const ROOMS_MAX: usize = 256;

/// How many rooms are asked at once for their oldest event.
const ROOMS_ABREAST: usize = 32;

const HOUR_US: i64 = 3_600 * SECOND_US;

/// Where the search stands.
pub(super) struct Pass {
    before_unix_us: i64,
    doors: VecDeque<DoorPass>,
}

/// What is left to look at of a door.
struct DoorPass {
    app: AppId,
    door: Door,
    /// `None` before the first look.
    lists: Option<VecDeque<ListPass>>,
}

struct ListPass {
    list: List,
    from: Option<Place>,
    /// Whether no room was in it so far.
    is_empty: bool,
}

/// A step under way.
struct Step<'s> {
    log: &'s Arc<Log>,
    cluster: &'s Arc<Cluster>,
    before_unix_us: i64,
    retired: Retired,
    rooms: usize,
}

/// Takes a step; see [`domain::store::Store::retire`].
pub(in crate::cassandra) async fn retire(
    log: &Arc<Log>,
    cluster: &Arc<Cluster>,
    before_unix_us: i64,
    events_max: usize,
) -> Result<Retired> {
    let mut place = log.pass.lock().await;
    // A pass that fails is begun anew.
    let mut pass = match place.take() {
        Some(pass) => pass,
        None => Pass::begin(cluster, before_unix_us).await?,
    };
    let before_unix_us = pass.before_unix_us;
    let retired = Retired::default();
    let mut step = Step { log, cluster, before_unix_us, retired, rooms: 0 };
    while let Some(door) = pass.doors.front_mut() {
        if step.rooms >= ROOMS_MAX || step.retired.events >= events_max as u64 {
            step.retired.more = true;
            *place = Some(pass);
            break;
        }
        // A door that cannot be looked at any further is left to the next pass.
        if goes_on(door.go_on(&mut step).await)?.unwrap_or(true) {
            pass.doors.pop_front();
        }
    }
    Ok(step.retired)
}

impl Pass {
    async fn begin(cluster: &Cluster, before_unix_us: i64) -> Result<Self, Fault> {
        let doors = rooms::doors(cluster).await?.into_iter();
        let doors = doors.map(|(app, door)| DoorPass { app, door, lists: None });
        Ok(Self { before_unix_us, doors: doors.collect() })
    }
}

impl DoorPass {
    /// Looks at some rooms. Whether the door is done.
    async fn go_on(&mut self, step: &mut Step<'_>) -> Result<bool> {
        let cluster = step.cluster;
        let lists = match &mut self.lists {
            Some(lists) => lists,
            None => {
                let hours = (i64::MIN, Head::hour_of(step.before_unix_us));
                let lists = rooms::lists(cluster, (self.app, &self.door), By::First, hours).await?;
                let pass = |list| ListPass { list, from: None, is_empty: true };
                self.lists.insert(lists.into_iter().map(pass).collect())
            }
        };
        let Some(next) = lists.front_mut() else {
            step.retire_restarts(self.app, &self.door).await?;
            step.forget_lists(self.app, &self.door).await?;
            return Ok(true);
        };
        let page = rooms::page(cluster, &next.list, next.from.take()).await;
        let Some((rooms, from)) = goes_on(page.map_err(Error::from))? else {
            lists.pop_front();
            return Ok(false);
        };
        next.is_empty &= rooms.is_empty();
        step.rooms += rooms.len();
        for at in rooms {
            goes_on(step.retire_room(&next.list, at).await)?;
        }
        next.from = from;
        if next.from.is_none() {
            if next.is_empty && step.is_old(&next.list) {
                rooms::forget(cluster, &step.log.lists, &next.list).await?;
            }
            lists.pop_front();
        }
        Ok(false)
    }
}

impl Step<'_> {
    /// Whether nothing can be added to a list any more.
    fn is_old(&self, list: &List) -> bool {
        list.hour.saturating_add(1).saturating_mul(HOUR_US) <= self.before_unix_us
    }

    async fn read(&self, at: &RoomKey) -> Result<RoomState, Fault> {
        let image = room::read(self.cluster, at, How::Quorum).await?;
        let restarts = self.log.restarts.newest(self.cluster, at.app, &at.door).await?;
        Ok(RoomState::of(at.clone(), image, restarts))
    }

    /// Cuts a room until it cannot be cut any more.
    async fn retire_room(&mut self, list: &List, at: RoomKey) -> Result<()> {
        let mut room = self.read(&at).await?;
        while let Some(cut_unix_us) = room.find_cut(self.before_unix_us) {
            let goes: Vec<EventHash> = room.before(cut_unix_us).map(Event::identity).collect();
            // First of all, so that none is left behind without its event, which nobody would find.
            // Nobody tells of these events again, and if they are not cut now, they are later.
            identities::delete(self.cluster, at.app, &goes).await?;
            let ask = Ask::Cut { cut_unix_us, before_unix_us: self.before_unix_us };
            waiting::ask(self.log, self.cluster, &at, vec![ask]).await?;
            let after = self.read(&at).await?;
            let ((events, stays), (events_after, stays_after)) = (room.lens(), after.lens());
            self.retired.events += events.saturating_sub(events_after) as u64;
            self.retired.stays += stays.saturating_sub(stays_after) as u64;
            room = after;
            if room.find_cut(self.before_unix_us) == Some(cut_unix_us) {
                // It changed before it was cut. The next pass comes to it.
                break;
            }
        }
        if room.head().first_hour != Some(list.hour) && self.is_old(list) {
            rooms::strike(self.cluster, list, &at, room.version).await?;
        }
        Ok(())
    }

    /// Forgets what restarts nobody left can have been there for.
    async fn retire_restarts(&mut self, app: AppId, door: &Door) -> Result<()> {
        let (_, all) = restarts::list(self.cluster, app, door).await?;
        let may_go = |event: &Event| is_spent(event, None, self.before_unix_us);
        let is_old = |it: &restarts::Kept| match &it.event {
            Some(event) => may_go(event),
            None => it.place.time_unix_us < self.before_unix_us,
        };
        let old: Vec<restarts::Kept> = all.into_iter().filter(|it| is_old(it)).collect();
        if old.is_empty() {
            return Ok(());
        }
        let oldest = self.oldest_left(app, door).await?;
        for restarts::Kept { place, event, is_lost, .. } in old {
            let counts = event.filter(|_| !is_lost);
            if counts.as_ref().is_none_or(|it| is_spent(it, oldest, self.before_unix_us)) {
                if counts.is_some() {
                    identities::delete(self.cluster, app, &[place.identity]).await?;
                    self.retired.events += 1;
                }
                restarts::delete(self.cluster, app, door, &place).await?;
            }
        }
        restarts::touch(self.cluster, app, door).await?;
        Ok(())
    }

    /// The time of the oldest event about any room of a door.
    async fn oldest_left(&self, app: AppId, door: &Door) -> Result<Option<i64>> {
        let hours = (i64::MIN, i64::MAX);
        for list in rooms::lists(self.cluster, (app, door), By::First, hours).await? {
            let mut oldest: Option<i64> = None;
            let mut from = Place::starts();
            while !from.is_empty() {
                let (rooms, next) = rooms::pages(self.cluster, &list, from).await?;
                let first =
                    |at: RoomKey| async move { room::first_unix_us(self.cluster, &at).await };
                let mut firsts = iter(rooms.into_iter().map(first)).buffer_unordered(ROOMS_ABREAST);
                while let Some(first) = firsts.try_next().await? {
                    oldest = [oldest, first].into_iter().flatten().min();
                }
                from = next;
            }
            if oldest.is_some() {
                return Ok(oldest);
            }
        }
        Ok(None)
    }

    /// Forgets the lists by the last hour in which no room is any more.
    async fn forget_lists(&self, app: AppId, door: &Door) -> Result<()> {
        let hours = (i64::MIN, Head::hour_of(self.before_unix_us).saturating_sub(1));
        for list in rooms::lists(self.cluster, (app, door), By::Last, hours).await? {
            if self.is_old(&list) && !rooms::has_any(self.cluster, &list).await? {
                rooms::forget(self.cluster, &self.log.lists, &list).await?;
            }
        }
        Ok(())
    }
}
