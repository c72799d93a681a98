//! A page of stays, from the indexes. Only the stays of the page are read.
//!
//! The stays of an app and of a large room are counted: the sums tell `Total` and where the page
//! begins. Their rows are a stream per duration class, each in the order of answers, so a page is a
//! merge of streams. Of participants and of other rooms there are few (`few`).

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use domain::log::{StayPage, StayQuery};

use super::index::{self, CLASSES, Found, Scope};
use super::sums::SumsOf;
use super::{crowds, few, stays};
use crate::embedded::fault::Result;
use crate::embedded::tables::{Index, Row};
use crate::embedded::transaction::Read;

/// One page of the stays that a query selects, and how many it selects in all.
pub(in crate::embedded) fn page<'t>(read: Read<'t>, query: &'t StayQuery) -> Result<StayPage> {
    let (scope, sums) = match (&query.participants, &query.room) {
        (Some(some), _) => return few::page_of_participants(read, query, some),
        (None, None) => (Scope::App(query.app), SumsOf::of_app(read, query.app)),
        (None, Some(room)) => match SumsOf::of_room(read, query.app, room)? {
            Some(sums) => (Scope::Room(query.app, room), sums),
            None => return few::page_of_room(read, query, room),
        },
    };
    // Of a window that ends before it begins, sums say nothing.
    match query.from_unix_s <= query.until_unix_s {
        true => counted_page(read, query, scope, &sums),
        false => visited_page(read, query, scope),
    }
}

/// A page for which all rows that are selected are visited.
fn visited_page<'t>(read: Read<'t>, query: &'t StayQuery, scope: Scope<'t>) -> Result<StayPage> {
    let mut rows = merged(read, query, scope, &Start::Window)?;
    let end = query.offset.saturating_add(u64::from(query.limit));
    let mut page = StayPage { total: 0, stays: vec![] };
    while let Some(number) = rows.next()? {
        if (query.offset..end).contains(&page.total) {
            page.stays.push(stays::get(read, number)?);
        }
        page.total += 1;
    }
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
    let before = sums.before(query.from_unix_s)?;
    let began_before = before.began.selected(query.with_servers);
    let ended_before = before.ended.selected(query.with_servers);
    // No stay begins in the last second that there is a number for.
    let until = query.until_unix_s.saturating_add(1);
    let began = sums.before(until)?.began.selected(query.with_servers);
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
    let mut rows = merged(read, query, scope, &start)?;
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
}

/// The place of a stay in the answers to one query.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Order<'t> {
    created_unix_s: i64,
    /// [`Scope::rest`].
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

/// The rows of a scope that a query selects, of every class, from `start` on.
fn merged<'t>(
    read: Read<'t>,
    query: &'t StayQuery,
    scope: Scope<'t>,
    start: &Start,
) -> Result<Merged<'t, impl Iterator<Item = Result<Row<'t>>> + use<'t>>> {
    let mut merged = Merged { streams: vec![], heads: BinaryHeap::new() };
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
            let rest = Cow::Borrowed(row.rest);
            return Ok(Some((Order { created_unix_s: row.created_unix_s, rest }, row.number)));
        }
        self.sort_those_like(&row)?;
        Ok(self.ready.pop_front())
    }

    fn next_selected(&mut self) -> Result<Option<Found<'t>>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        while let Some(row) = self.rows.next().transpose()? {
            let row = index::parse(self.prefix_len, row).ok_or_else(|| self.index.damaged())?;
            let alive = row.left_unix_s >= self.query.from_unix_s;
            let wanted = self.query.with_servers || !row.is_server;
            if alive && wanted {
                return Ok(Some(row));
            }
        }
        Ok(None)
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
        let mut ready = Vec::with_capacity(alike.len());
        for row in alike {
            let stay = stays::get(self.read, row.number)?;
            let rest = Cow::Owned(self.scope.rest(&stay).to_vec());
            ready.push((Order { created_unix_s: row.created_unix_s, rest }, row.number));
        }
        ready.sort();
        self.ready = ready.into();
        Ok(())
    }
}
