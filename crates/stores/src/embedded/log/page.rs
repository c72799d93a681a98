//! A page of stays, from the indexes. Only the stays of the page are read.
//!
//! Of a scope whose stays are counted, the sums tell `Total` and where the page begins. Otherwise
//! there are few: all rows of the window are counted, and those before the page are passed over in
//! their order.
//!
//! Each scope has a stream of rows per duration class, each in the order of answers, so a page is a
//! merge of streams.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use domain::log::{StayPage, StayQuery};

use super::crowds;
use super::index::{self, CLASSES, Found, Scope};
use super::stays;
use super::sums::SumsOf;
use crate::embedded::fault::Result;
use crate::embedded::key::KeyParts;
use crate::embedded::tables::{Index, Row};
use crate::embedded::transaction::Read;

/// One page of the stays that a query selects, and how many it selects in all.
pub(in crate::embedded) fn page<'t>(read: Read<'t>, query: &'t StayQuery) -> Result<StayPage> {
    // Of a window that ends before it begins, sums say nothing.
    if let [scope] = scopes(query)[..]
        && query.from_unix_s <= query.until_unix_s
        && let Some(sums) = SumsOf::find(read, scope)?
    {
        return counted_page(read, query, scope, &sums);
    }
    let mut rows = merged(read, query, &scopes(query), &Start::Window)?;
    let end = query.offset.saturating_add(u64::from(query.limit));
    let mut page = StayPage { total: 0, stays: vec![] };
    while page.total < end
        && let Some(number) = rows.next()?
    {
        if page.total >= query.offset {
            page.stays.push(stays::get(read, number)?);
        }
        page.total += 1;
    }
    page.total += rows.count()?;
    Ok(page)
}

/// A page of a scope whose stays are counted: only the rows of the page are visited, and those that
/// are passed over within a second; and, on pages that begin with whoever had come before the
/// window, all of them from the first on.
fn counted_page<'t>(
    read: Read<'t>,
    query: &'t StayQuery,
    scope: Scope<'t>,
    sums: &SumsOf<'t>,
) -> Result<StayPage> {
    let before = sums.before(Some(query.from_unix_s))?;
    let began_before = before.began.selected(query.with_servers);
    let ended_before = before.ended.selected(query.with_servers);
    let began = sums.before(query.until_unix_s.checked_add(1))?.began.selected(query.with_servers);
    // Whoever ends before the window began before it.
    let mut page = StayPage { total: began.saturating_sub(ended_before), stays: vec![] };
    if query.offset >= page.total || query.limit == 0 {
        return Ok(page);
    }
    let came_before = began_before.saturating_sub(ended_before);
    let (start, passed_over) = match query.offset.checked_sub(came_before) {
        None => (Start::Window, query.offset),
        // Whoever came during the window is selected, whenever they went.
        Some(behind) => {
            let rank = began_before.saturating_add(behind);
            let Some(place) = sums.began_at(rank, query.with_servers)? else { return Ok(page) };
            let (rest, passed_over) = crowds::seek(read, scope, place, query.with_servers)?;
            (Start::At(place.0, rest), passed_over)
        }
    };
    let mut rows = merged(read, query, &[scope], &start)?;
    for _ in 0..passed_over {
        rows.next()?;
    }
    while page.stays.len() < query.limit as usize
        && let Some(number) = rows.next()?
    {
        page.stays.push(stays::get(read, number)?);
    }
    Ok(page)
}

/// Where to begin to read.
enum Start {
    /// With the first that the query selects.
    Window,
    /// In a second in or behind its first, with what sorts like this or later.
    At(i64, Vec<u8>),
}

/// Streams of rows, each in the order of answers, as one.
struct Merged<'t, Rows> {
    streams: Vec<Stream<'t, Rows>>,
    heads: BinaryHeap<Reverse<Head<'t>>>,
}

/// The next stay of a stream, by its number. Without a number: nobody has looked yet, and it is
/// not before this place. So a stream is not read before its turn comes.
type Head<'t> = (Order<'t>, Option<u64>, usize);

impl<'t, Rows: Iterator<Item = Result<Row<'t>>>> Merged<'t, Rows> {
    /// The number of the next stay.
    fn next(&mut self) -> Result<Option<u64>> {
        while let Some(Reverse((_, number, which))) = self.heads.pop() {
            let next = self.streams[which].next()?;
            self.heads.extend(next.map(|(order, number)| Reverse((order, Some(number), which))));
            if number.is_some() {
                return Ok(number);
            }
        }
        Ok(None)
    }

    /// How many are left. Their order no longer matters.
    fn count(self) -> Result<u64> {
        let known = self.heads.iter().filter(|Reverse((_, number, _))| number.is_some());
        let mut left = known.count() as u64;
        for stream in self.streams {
            left += stream.count()?;
        }
        Ok(left)
    }
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

/// The rows that a query selects, of each of these scopes and of every class, from `start` on.
fn merged<'t>(
    read: Read<'t>,
    query: &'t StayQuery,
    scopes: &[Scope<'t>],
    start: &Start,
) -> Result<Merged<'t, impl Iterator<Item = Result<Row<'t>>> + use<'t>>> {
    let mut merged = Merged { streams: vec![], heads: BinaryHeap::new() };
    for &scope in scopes {
        for class in CLASSES {
            let (created_unix_s, rest) = match start {
                Start::Window => (index::earliest_created(class, query.from_unix_s), &[][..]),
                Start::At(second, rest) => (*second, &**rest),
            };
            if created_unix_s <= query.until_unix_s {
                let nobody_before = Order { created_unix_s, rest: Cow::Borrowed(&[]) };
                merged.heads.push(Reverse((nobody_before, None, merged.streams.len())));
                merged.streams.push(open(read, query, (scope, class), (created_unix_s, rest))?);
            }
        }
    }
    Ok(merged)
}

/// The rows of one scope and class, from a second and a place in it on.
fn open<'t>(
    read: Read<'t>,
    query: &'t StayQuery,
    (scope, class): (Scope<'t>, u8),
    (second, rest): (i64, &[u8]),
) -> Result<Stream<'t, impl Iterator<Item = Result<Row<'t>>> + use<'t>>> {
    let prefix = scope.prefix(class);
    let first = prefix.clone().time(second).bytes(rest);
    let end = match query.until_unix_s.checked_add(1) {
        Some(end) => prefix.clone().time(end),
        None => scope.prefix(class + 1),
    };
    let index = scope.index(read.tables);
    let rows = index.between(read.txn, &first, &end)?;
    let (prefix_len, ahead, ready) = (prefix.len(), None, VecDeque::new());
    Ok(Stream { read, query, scope, index, prefix_len, rows, ahead, ready })
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
