//! Calls for intervals whose source knows none, kept as [`domain::log::mint`] would cut the whole
//! room.
//!
//! The cut at an instant at which nobody is in the room depends on nothing else. So when intervals
//! change, the room is minted again from the beginning of the call before the first change, and
//! only until, behind the last change, the room is empty at an instant at which it was cut before.
//!
//! That call may be a lesson of ten thousand, and mostly the change is one more who comes, or one
//! who goes. So first it is asked whether somebody is there from before the changes until after the
//! last join: then all that is new is in their call, and nothing else can be in another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{CallId, ParticipantId};
use domain::log::mint::{Minted, Uncalled, mint};
use domain::log::{Certainty, End, Interval};

use super::place::Room;
use super::uncalled::{Changed, MintedInterval, interval_key};
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts, Part, time_bytes};
use crate::embedded::transaction::{Read, Write};

/// How many of those who came before the changes are asked whether they are still there.
const ASKED_MAX: usize = 256;

/// Mints again what the changes can have changed, and tells whose intervals are in other calls now.
pub(super) fn mint_again(
    write: &mut Write<'_>,
    room: Room<'_>,
    changed: &Changed,
) -> Result<BTreeSet<ParticipantId>> {
    let Some(scope) = scope(write.read(), room.number, changed)? else {
        return Ok(BTreeSet::new());
    };
    if let Some(call) = call_throughout(write.read(), room, scope)? {
        put_in_call(write, &changed.came, &call)?;
        return Ok(BTreeSet::new());
    }
    let stretch = stretch_to_mint(write.read(), room, scope)?;
    let calls = mint(room.at.app, &room.at.room, stretch.intervals);
    replace_calls(write, room.number, (stretch.first, stretch.end), &calls)?;
    let mut moved = BTreeSet::new();
    let mut places: BTreeMap<(i64, ParticipantId), u16> = BTreeMap::new();
    for Minted { call, intervals, .. } in calls {
        for uncalled in intervals {
            let (joined, participant) =
                (uncalled.interval.joined_unix_us, uncalled.participant.clone());
            let next = places.entry((joined, participant.clone())).or_insert(0);
            let key = interval_key(room.seat(&participant), (joined, *next));
            *next = next.saturating_add(1);
            if stretch.calls.get(&*key) != Some(&call) {
                let call = Some(call.clone());
                let minted = MintedInterval { uncalled, call };
                write.tables.uncalled.put(&mut write.txn, &key, &minted)?;
                moved.insert(participant);
            }
        }
    }
    Ok(moved)
}

/// The joins of the first and the last interval whose change can matter to others, and the last
/// join of all.
#[derive(Clone, Copy)]
struct Scope {
    first_changed: i64,
    last_changed: i64,
    last_joined: i64,
}

/// `None` if no change can matter: whoever left after everybody had joined leaves all in their
/// calls.
fn scope(read: Read<'_>, room: u64, changed: &Changed) -> Result<Option<Scope>> {
    let last =
        read.tables.uncalled.before(read.txn, &Key::in_room(room, Part::Uncalled), None)?.next();
    let last_joined = last.transpose()?.map(|(_, it)| it.uncalled.interval.joined_unix_us);
    // One that is gone may have been the last, and the beginning of a call.
    let joins = changed.changes.iter().map(|change| change.joined_unix_us);
    let last_joined = joins.chain(last_joined).max().unwrap_or(i64::MIN);
    let matters = changed
        .changes
        .iter()
        .filter(|change| change.ended_unix_us.is_none_or(|ended| ended <= last_joined));
    let joins: Vec<i64> = matters.map(|change| change.joined_unix_us).collect();
    let first_and_last = joins.iter().min().zip(joins.iter().max());
    Ok(first_and_last.map(|(&first_changed, &last_changed)| Scope {
        first_changed,
        last_changed,
        last_joined,
    }))
}

/// The call of somebody who is there from before the first change until after the last join.
fn call_throughout(read: Read<'_>, room: Room<'_>, scope: Scope) -> Result<Option<CallId>> {
    let prefix = Key::in_room(room.number, Part::Uncalled);
    let first_changed = time_bytes(scope.first_changed);
    let before = read.tables.uncalled.before(read.txn, &prefix, Some(&first_changed))?;
    for row in before.take(ASKED_MAX) {
        let (_, MintedInterval { uncalled, call }) = row?;
        if uncalled.interval.joined_unix_us < room.begins_unix_us {
            break;
        }
        if uncalled.interval.end.unix_us().is_none_or(|end| end > scope.last_joined) {
            return Ok(call);
        }
    }
    Ok(None)
}

fn put_in_call(write: &mut Write<'_>, came: &[Key], call: &CallId) -> Result<()> {
    for key in came {
        let mut minted = write.tables.uncalled.get(&write.txn, key)?;
        minted.call = Some(call.clone());
        write.tables.uncalled.put(&mut write.txn, key, &minted)?;
    }
    Ok(())
}

/// A stretch of a room's intervals with nobody in the room before and after.
struct Stretch {
    /// When it begins.
    first: i64,
    /// When the next one does, if there is one.
    end: Option<i64>,
    intervals: Vec<Uncalled>,
    /// The calls that they had, by their keys.
    calls: HashMap<Vec<u8>, CallId>,
}

fn stretch_to_mint(
    read: Read<'_>,
    room: Room<'_>,
    Scope { first_changed, last_changed, .. }: Scope,
) -> Result<Stretch> {
    let prefix = Key::in_room(room.number, Part::Minted);
    // Whatever joined before the first change is as it was, so the call that was on then began as
    // it did.
    let minted = &read.tables.minted;
    let before = minted.before(read.txn, &prefix, &time_bytes(first_changed))?.next();
    let began = match before.transpose()? {
        Some((key, _)) => {
            Some(KeyParts(&key[prefix.len()..]).time().ok_or_else(|| minted.damaged())?)
        }
        None => None,
    };
    let first = began.filter(|began| *began >= room.begins_unix_us).unwrap_or(first_changed);
    let mut stretch = Stretch { first, end: None, intervals: vec![], calls: HashMap::new() };
    let mut occupied = End::At(first, Certainty::Reported);
    let prefix = Key::in_room(room.number, Part::Uncalled);
    for row in read.tables.uncalled.range(read.txn, &prefix, &time_bytes(first))? {
        let (key, MintedInterval { uncalled, call }) = row?;
        let Interval { joined_unix_us: joined, end, .. } = uncalled.interval;
        if joined > last_changed
            && occupied.is_over_at(joined)
            && began_at(read, room.number, joined)?
        {
            stretch.end = Some(joined);
            break;
        }
        occupied = occupied.or_later(end);
        stretch.calls.extend(call.map(|call| (key.to_vec(), call)));
        stretch.intervals.push(uncalled);
    }
    Ok(stretch)
}

/// Whether a call began at an instant when the room was minted last.
fn began_at(read: Read<'_>, room: u64, at: i64) -> Result<bool> {
    let prefix = Key::in_room(room, Part::Minted).time(at);
    Ok(read.tables.minted.range(read.txn, &prefix, &[])?.next().transpose()?.is_some())
}

/// Replaces the calls that began in a part of the room.
fn replace_calls(
    write: &mut Write<'_>,
    room: u64,
    (first, end): (i64, Option<i64>),
    calls: &[Minted],
) -> Result<()> {
    let key =
        |at: i64, call: &CallId| Key::in_room(room, Part::Minted).time(at).text(call.as_str());
    let began = |minted: &Minted| minted.intervals.first().map(|it| it.interval.joined_unix_us);
    let new: BTreeSet<Key> =
        calls.iter().filter_map(|it| Some(key(began(it)?, &it.call))).collect();
    let prefix = Key::in_room(room, Part::Minted);
    let behind = end.map(|end| Key::in_room(room, Part::Minted).time(end));
    let mut old = BTreeSet::new();
    let minted = &write.tables.minted;
    for row in minted.range(&write.txn, &prefix, &time_bytes(first))? {
        let (key, _) = row?;
        if behind.as_ref().is_some_and(|behind| key >= &**behind) {
            break;
        }
        old.insert(Key::new().bytes(key));
    }
    for gone in old.difference(&new) {
        minted.delete(&mut write.txn, gone)?;
    }
    for came in new.difference(&old) {
        minted.put(&mut write.txn, came, &[])?;
    }
    Ok(())
}
