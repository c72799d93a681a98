//! A page of stays, from the indexes: all rows of the window are counted, those before the page are
//! passed over in their order, and only the stays of the page are read.
//!
//! Each scope has a stream of rows per duration class, each in the order of answers, so a page is a
//! merge of streams.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use domain::log::{StayPage, StayQuery};

use super::index::{self, CLASSES, Found, Scope};
use super::stays;
use crate::embedded::fault::Result;
use crate::embedded::key::KeyParts;
use crate::embedded::tables::{Index, Row};
use crate::embedded::transaction::Read;

/// One page of the stays that a query selects, and how many it selects in all.
pub(in crate::embedded) fn page<'t>(read: Read<'t>, query: &'t StayQuery) -> Result<StayPage> {
    let mut streams = vec![];
    for scope in scopes(query) {
        for class in CLASSES {
            streams.extend(open(read, query, scope, class)?);
        }
    }
    let mut heads = BinaryHeap::new();
    for (which, stream) in streams.iter_mut().enumerate() {
        heads.extend(stream.next()?.map(|(order, number)| Reverse((order, number, which))));
    }
    let end = query.offset.saturating_add(u64::from(query.limit));
    let mut page = StayPage { total: 0, stays: vec![] };
    while page.total < end
        && let Some(Reverse((_, number, which))) = heads.pop()
    {
        if page.total >= query.offset {
            page.stays.push(stays::get(read, number)?);
        }
        page.total += 1;
        heads.extend(streams[which].next()?.map(|(order, number)| Reverse((order, number, which))));
    }
    // Behind the page, the order no longer matters.
    page.total += heads.len() as u64;
    for stream in streams {
        page.total += stream.count()?;
    }
    Ok(page)
}

fn scopes(query: &StayQuery) -> Vec<Scope<'_>> {
    match (&query.participants, &query.room) {
        (Some(some), _) => some.iter().map(|who| Scope::Participant(query.app, who)).collect(),
        (None, Some(room)) => vec![Scope::Room(query.app, room)],
        (None, None) => vec![Scope::App(query.app)],
    }
}

/// The place of a stay in the answers to one query.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Order<'t> {
    created_unix_s: i64,
    /// Room, call, participant and door, as far as they are not the same in the whole answer.
    rest: Cow<'t, [u8]>,
}

/// The rows of one scope and class that a query selects.
struct Stream<'t, Rows> {
    read: Read<'t>,
    query: &'t StayQuery,
    scope: Scope<'t>,
    index: &'t Index,
    prefix_len: usize,
    rows: Rows,
    /// Read ahead, to see that it is not like the one before.
    ahead: Option<Found<'t>>,
    /// In their order, ready to be given.
    ready: VecDeque<(Order<'t>, u64)>,
}

fn open<'t>(
    read: Read<'t>,
    query: &'t StayQuery,
    scope: Scope<'t>,
    class: u8,
) -> Result<Option<Stream<'t, impl Iterator<Item = Result<Row<'t>>> + use<'t>>>> {
    let earliest = index::earliest_created(class, query.from_unix_s);
    if earliest > query.until_unix_s {
        return Ok(None);
    }
    let prefix = scope.prefix(class);
    let first = prefix.clone().time(earliest);
    let end = match query.until_unix_s.checked_add(1) {
        Some(end) => prefix.clone().time(end),
        None => scope.prefix(class + 1),
    };
    let index = scope.index(read.tables);
    let rows = index.between(read.txn, &first, &end)?;
    let (prefix_len, ahead, ready) = (prefix.len(), None, VecDeque::new());
    Ok(Some(Stream { read, query, scope, index, prefix_len, rows, ahead, ready }))
}

impl<'t, Rows: Iterator<Item = Result<Row<'t>>>> Stream<'t, Rows> {
    /// The next stay's place, and its number.
    fn next(&mut self) -> Result<Option<(Order<'t>, u64)>> {
        if let Some(ready) = self.ready.pop_front() {
            return Ok(Some(ready));
        }
        let Some(row) = self.next_selected()? else { return Ok(None) };
        if !row.cut {
            return Ok(Some((self.order(&row), row.number)));
        }
        self.sort_those_like(&row)?;
        Ok(self.ready.pop_front())
    }

    /// How many are left.
    fn count(mut self) -> Result<u64> {
        let mut left = self.ready.len() as u64;
        while self.next_selected()?.is_some() {
            left += 1;
        }
        Ok(left)
    }

    fn next_selected(&mut self) -> Result<Option<Found<'t>>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        while let Some(row) = self.rows.next().transpose()? {
            let row = index::parse(self.prefix_len, row).ok_or_else(|| self.index.damaged())?;
            let alive = row.left_unix_s >= self.query.from_unix_s;
            let wanted = self.query.with_servers || !row.is_server;
            if alive && wanted && self.is_in_room(&row)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Whether a participant's stay is in the room that the query names, if it names one.
    fn is_in_room(&self, row: &Found<'t>) -> Result<bool> {
        let (Scope::Participant(..), Some(room)) = (self.scope, &self.query.room) else {
            return Ok(true);
        };
        let mut parts = KeyParts(row.rest);
        match parts.text() {
            Some(text) => Ok(text == room.as_str()),
            // The key was cut before the end of the room's name.
            None => Ok(stays::get(self.read, row.number)?.room == *room),
        }
    }

    fn order(&self, row: &Found<'t>) -> Order<'t> {
        let rest = match self.scope {
            Scope::App(_) | Scope::Room(..) => Cow::Borrowed(row.rest),
            // Others may be asked for as well.
            Scope::Participant(_, who) => Cow::Owned(index::with_participant(row.rest, who)),
        };
        Order { created_unix_s: row.created_unix_s, rest }
    }

    /// Puts in order the stays whose keys are cut at the same place, so that only they themselves
    /// tell their order: a room and a call of hundreds of bytes, joined by many in one second.
    fn sort_those_like(&mut self, first: &Found<'t>) -> Result<()> {
        let mut alike = vec![*first];
        while let Some(row) = self.next_selected()? {
            if (row.created_unix_s, row.rest) != (first.created_unix_s, first.rest) {
                self.ahead = Some(row);
                break;
            }
            alike.push(row);
        }
        let scope = match self.scope {
            Scope::Participant(app, _) => Scope::App(app),
            scope => scope,
        };
        let mut ready = Vec::with_capacity(alike.len());
        for row in alike {
            let stay = stays::get(self.read, row.number)?;
            let rest = Cow::Owned(scope.rest(&stay).to_vec());
            ready.push((Order { created_unix_s: row.created_unix_s, rest }, row.number));
        }
        ready.sort();
        self.ready = ready.into();
        Ok(())
    }
}
