//! What one transaction does: every change of a group in its order.

use super::broadcasts;
use super::change::Change;
use super::dead;
use super::directory;
use super::fault::Result;
use super::log::{self, Touched};
use super::presences;
use super::recent::Recent;
use super::transaction::Write;
use super::trays;
use super::users;

/// Applies the changes, and leaves the outcomes in them.
///
/// A group without changes is for what can be done while nobody waits.
pub(super) fn apply(write: &mut Write<'_>, changes: &mut [Change], recent: &Recent) -> Result<()> {
    let is_idle = changes.is_empty();
    let mut touched = Touched::default();
    for change in &mut *changes {
        match change {
            Change::Register(it) => it.outcomes = users::register(write, &it.request)?,
            Change::Update(it) => it.outcomes = users::update(write, &it.request)?,
            Change::Unregister(it) => it.outcomes = users::unregister(write, &it.request)?,
            Change::Tag(it) => it.outcomes = users::tag(write, &it.request)?,
            Change::Put(it) => users::put(write, &it.request)?,
            Change::Append(it) => {
                it.outcomes = log::append(write, &mut touched, &it.request)?;
            }
            Change::KeepDead(it) => it.outcomes = dead::keep(write, &it.request)?,
            Change::RemoveDead(it) => it.outcomes = dead::remove(write, &it.request)?,
            Change::AddBroadcast(it) => it.outcomes = vec![broadcasts::add(write, &it.request)?],
            Change::SaveBroadcast(it) => it.outcomes = vec![broadcasts::save(write, &it.request)?],
            Change::RetireBroadcasts(it) => {
                it.outcomes = vec![broadcasts::retire(write, &it.request)?];
            }
            Change::GiveUpBroadcast(it) => {
                it.outcomes = vec![broadcasts::give_up(write, &it.request)?];
            }
            Change::PutBroadcasts(it) => broadcasts::put(write, &it.request)?,
            Change::NoteSightings(it) => it.outcomes = presences::note(write, &it.request)?,
            Change::ForgetSightings(it) => {
                it.outcomes = vec![presences::forget(write, &it.request)?];
            }
            Change::Remove(_) | Change::Erase(_) => {}
        }
    }
    directory::count(write)?;
    trays::settle(write, is_idle)?;
    recent.note(touched.rooms());
    // Once for the whole group: those who come together often concern each other.
    log::settle(write, touched)?;
    // Last, since what is removed is what has been settled.
    for change in changes {
        match change {
            Change::Remove(it) => {
                it.outcomes = vec![log::remove(write, &it.request, recent)?];
            }
            Change::Erase(it) => it.outcomes = vec![log::erase(write, &it.request, recent)?],
            _ => {}
        }
    }
    log::count(write)
}
