//! Pages of stays that are few: of participants, and of rooms that are not large. All of them that
//! may be selected are looked at, and put in order then.

use std::collections::BTreeSet;

use domain::AppId;
use domain::ids::{Door, ParticipantId, RoomId};
use domain::log::stay::RoomKey;
use domain::log::{Stay, StayPage, StayQuery};

use super::append::room_key;
use super::participants::{self, Place};
use super::{standing, stays};
use crate::embedded::fault::Result;
use crate::embedded::key::{Key, KeyParts};
use crate::embedded::transaction::Read;

/// One page of the stays of these participants that a query selects.
pub(super) fn page_of_participants(
    read: Read<'_>,
    query: &StayQuery,
    participants: &BTreeSet<ParticipantId>,
) -> Result<StayPage> {
    let mut places: Vec<Place> = vec![];
    for who in participants {
        places.extend(participants::find(read, query, who)?);
    }
    places.sort_unstable();
    let total = places.len();
    let (begin, end) = ends(query, total);
    if begin == end {
        return Ok(StayPage { total: total as u64, stays: vec![] });
    }
    // Within a second only the stays themselves tell their order.
    let (first, last) = (places[begin].0, places[end - 1].0);
    let from = places.partition_point(|place| place.0 < first);
    let until = places.partition_point(|place| place.0 <= last);
    let read = |place: &Place| stays::get(read, place.1);
    let stays = places[from..until].iter().map(read).collect::<Result<_>>()?;
    let stays = in_order(stays).skip(begin - from).take(end - begin).collect();
    Ok(StayPage { total: total as u64, stays })
}

/// One page of the stays of a room that a query selects.
pub(super) fn page_of_room(read: Read<'_>, query: &StayQuery, room: &RoomId) -> Result<StayPage> {
    let mut selected = vec![];
    for number in stays_in(read, query.app, room)? {
        let stay = stays::get(read, number)?;
        if query.selects(&stay) {
            selected.push(stay);
        }
    }
    let total = selected.len();
    let (begin, end) = ends(query, total);
    let stays = in_order(selected).skip(begin).take(end - begin).collect();
    Ok(StayPage { total: total as u64, stays })
}

/// Where a page begins and ends among all.
fn ends(query: &StayQuery, total: usize) -> (usize, usize) {
    let begin = usize::try_from(query.offset).map_or(total, |offset| offset.min(total));
    (begin, begin.saturating_add(query.limit as usize).min(total))
}

fn in_order(mut stays: Vec<Stay>) -> impl Iterator<Item = Stay> {
    stays.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
    stays.into_iter()
}

/// The numbers of all stays of a room, whichever door they came through.
pub(super) fn stays_in(read: Read<'_>, app: AppId, room: &RoomId) -> Result<Vec<u64>> {
    let mut numbers = vec![];
    let of_app = Key::new().u32(app.0);
    let rooms = &read.tables.rooms;
    // Doors are few. The next one is behind all rooms of the one before.
    let mut behind = vec![];
    while let Some(row) = rooms.range(read.txn, &of_app, &behind)?.next() {
        let mut parts = KeyParts(&row?.0[of_app.len()..]);
        let door = parts.text().and_then(|text| Door::parse(text).ok());
        let door = door.ok_or_else(|| rooms.damaged())?;
        behind = [door.as_str().as_bytes(), &[1]].concat();
        let at = RoomKey { app, door, room: room.clone() };
        if let Some(number) = rooms.find(read.txn, &room_key(&at))? {
            for standing in standing::all_in(read, number)? {
                numbers.extend(standing?.stays);
            }
        }
    }
    Ok(numbers)
}
