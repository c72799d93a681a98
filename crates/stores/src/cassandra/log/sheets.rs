//! The rows of a room, in partitions that have an end.
//!
//! A sheet takes rows until it is full, and then the next one does, so that no partition grows
//! with its room. Which sheets a room has stands in its root, and changes with the root's version.
//! The rows follow: what a round changes of them is in the note that the round leaves in the root,
//! and whoever reads the room takes that note for done. So they are written plainly, and may be
//! written twice, by whoever comes by; the version of the round is their time of writing, and so a
//! server that is late spoils nothing.

use std::collections::{BTreeMap, BTreeSet};

use domain::log::event::EventHash;
use domain::log::stay::RoomKey;
use futures::stream::{StreamExt, TryStreamExt, iter};
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;
use serde::{Deserialize, Serialize};

use super::rows::{FACTS, LOST, Place};
use crate::cassandra::cluster::{Bundle, Cluster, Prepare};
use crate::cassandra::fault::Result;

/// The number of a sheet. Below [`ROOT`] are those of events that lost.
pub(super) type Sheet = i32;

/// What is in no sheet, but in the root: rows of the first version of the schema.
pub(super) const ROOT: Sheet = 0;

/// A sheet is full when so many rows, or so many bytes of them, were put into it. Tests fill many.
pub(super) const SHEET_ROWS_MAX: u32 = if cfg!(test) { 7 } else { 10_000 };
const SHEET_BYTES_MAX: u32 = 4 << 20;

/// Over how many sheets the events that lost are spread: whoever looks for one must know where.
const LOST_SHEETS: i32 = 16;

/// How many sheets of a room are read at once, and how many are written.
const ABREAST: usize = 8;

/// How many rows a page of a sheet has: an event may have megabytes, so not many.
const PAGE_ROWS: i32 = 500;

/// How much goes into one step of a sheet.
const BUNDLE_LEN_MAX: usize = 1_000;
const BUNDLE_BYTES_MAX: usize = 1 << 20;

/// Where the events that lost to others of an identity are.
pub(super) fn sheet_of_lost(identity: &EventHash) -> Sheet {
    -1 - i32::from(identity[0]) % LOST_SHEETS
}

/// Which sheets a room has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Catalog {
    /// The one that takes rows, if it is not full. No number comes twice.
    last: Sheet,
    sheets: BTreeMap<Sheet, Fill>,
    /// When the first thing happened in the room.
    pub(super) first_unix_us: Option<i64>,
}

/// How full a sheet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Fill {
    /// How many rows are there.
    rows: u32,
    /// How many were put there, one that was put twice counted twice.
    puts: u32,
    /// How long these were.
    bytes: u32,
}

impl Catalog {
    /// The sheets that have rows.
    pub(super) fn sheets(&self) -> impl Iterator<Item = Sheet> + '_ {
        self.sheets.keys().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sheets.is_empty()
    }

    /// The sheet that a row goes into, unless it is one of an event that lost.
    pub(super) fn open(&mut self) -> Sheet {
        if self.last == ROOT || self.is_full(self.last) {
            self.last += 1;
        }
        self.last
    }

    /// Whether a sheet takes no more rows. One that is gone does not, either.
    pub(super) fn is_full(&self, sheet: Sheet) -> bool {
        let is_full = |fill: &Fill| fill.puts >= SHEET_ROWS_MAX || fill.bytes >= SHEET_BYTES_MAX;
        self.sheets.get(&sheet).is_none_or(is_full)
    }

    /// How many rows each sheet has, and how many were put there.
    #[cfg(test)]
    pub(super) fn fills(&self) -> Vec<(Sheet, u32, u32)> {
        self.sheets.iter().map(|(sheet, fill)| (*sheet, fill.rows, fill.puts)).collect()
    }

    /// A row of so many bytes is put into a sheet.
    fn put(&mut self, sheet: Sheet, bytes: usize) {
        let fill = self.sheets.entry(sheet).or_default();
        fill.rows += 1;
        fill.puts = fill.puts.saturating_add(1);
        fill.bytes = fill.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// A row goes from a sheet.
    fn remove(&mut self, sheet: Sheet) {
        if let Some(fill) = self.sheets.get_mut(&sheet) {
            fill.rows = fill.rows.saturating_sub(1);
        }
    }

    fn take_empty(&mut self) -> BTreeSet<Sheet> {
        let empty = self.sheets.extract_if(.., |_, fill| fill.rows == 0);
        empty.map(|(sheet, _)| sheet).collect()
    }
}

/// All rows of a room.
pub(super) type Rows = BTreeMap<(Sheet, Place), Vec<u8>>;

/// What a round changes of the rows in the sheets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changes {
    /// What the rows are then; `None` is none. One change for each row: of two in one step, it
    /// would not be the later that counts.
    rows: BTreeMap<(Sheet, Place), Option<Vec<u8>>>,
    /// Rows of facts before this instant go, from these sheets.
    cut: Option<(i64, BTreeSet<Sheet>)>,
    /// Sheets in which nothing is left.
    empty: BTreeSet<Sheet>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.cut.is_none() && self.empty.is_empty()
    }

    /// Puts a row into a sheet.
    pub(super) fn put(&mut self, catalog: &mut Catalog, sheet: Sheet, row: (Place, Vec<u8>)) {
        let (place, value) = row;
        catalog.put(sheet, place.key.len() + value.len());
        self.rows.insert((sheet, place), Some(value));
    }

    /// Removes a row that is there from a sheet.
    pub(super) fn remove(&mut self, catalog: &mut Catalog, sheet: Sheet, place: Place) {
        catalog.remove(sheet);
        self.rows.insert((sheet, place), None);
    }

    /// Removes the rows of facts before an instant, which are in these sheets.
    pub(super) fn cut(&mut self, catalog: &mut Catalog, cut_unix_us: i64, rows: &[Sheet]) {
        // What the same round adds below it would go with it.
        self.rows.retain(|(_, place), _| !place.is_of_fact() || place.at >= cut_unix_us);
        rows.iter().for_each(|sheet| catalog.remove(*sheet));
        self.cut = Some((cut_unix_us, rows.iter().copied().collect()));
    }

    /// All that was put together, which is a round's from now on.
    pub(super) fn take(&mut self, catalog: &mut Catalog) -> Self {
        let mut changes = std::mem::take(self);
        changes.empty = catalog.take_empty();
        changes.rows.retain(|(sheet, _), _| !changes.empty.contains(sheet));
        if let Some((_, sheets)) = &mut changes.cut {
            sheets.retain(|sheet| !changes.empty.contains(sheet));
        }
        changes
    }

    /// Makes the changes in rows that were read.
    pub(super) fn apply(&self, rows: &mut Rows) {
        if let Some((cut_unix_us, sheets)) = &self.cut {
            let goes = |(sheet, place): &(Sheet, Place)| {
                sheets.contains(sheet) && place.is_of_fact() && place.at < *cut_unix_us
            };
            rows.retain(|row, _| !goes(row));
        }
        for (row, value) in &self.rows {
            match value {
                Some(value) => drop(rows.insert(row.clone(), value.clone())),
                None => drop(rows.remove(row)),
            }
        }
        rows.retain(|(sheet, _), _| !self.empty.contains(sheet));
    }
}

/// What is said about sheets.
pub(super) struct Statements {
    read: PreparedStatement,
    has: PreparedStatement,
    put: PreparedStatement,
    delete: PreparedStatement,
    cut: PreparedStatement,
    clear: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(prepare: &Prepare<'_>) -> Result<Self> {
        let sheet = "app = ? AND door = ? AND room = ? AND sheet = ?";
        let row = format!("{sheet} AND part = ? AND at = ? AND key = ?");
        let read = format!("SELECT part, at, key, value FROM {{ks}}.room_sheets WHERE {sheet}");
        let has = format!("SELECT at FROM {{ks}}.room_sheets WHERE {row}");
        let put = "INSERT INTO {ks}.room_sheets (app, door, room, sheet, part, at, key, value) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
        let delete = "DELETE FROM {ks}.room_sheets USING TIMESTAMP ? WHERE";
        let mut pages = prepare.read(&read).await?;
        pages.set_page_size(PAGE_ROWS);
        Ok(Self {
            read: pages,
            has: prepare.read(&has).await?,
            put: prepare.write(put).await?,
            delete: prepare.write(&format!("{delete} {row}")).await?,
            cut: prepare.write(&format!("{delete} {sheet} AND part = ? AND at < ?")).await?,
            clear: prepare.write(&format!("{delete} {sheet}")).await?,
        })
    }
}

/// Reads all sheets of a room. If the room changes meanwhile, a part of that may be read.
pub(super) async fn read(cluster: &Cluster, at: &RoomKey, catalog: &Catalog) -> Result<Rows> {
    let sheets: Vec<Sheet> = catalog.sheets().collect();
    let read = sheets.into_iter().map(|sheet| read_sheet(cluster, at, sheet));
    let mut sheets = iter(read).buffer_unordered(ABREAST);
    let mut rows = Rows::new();
    while let Some(some) = sheets.try_next().await? {
        rows.extend(some);
    }
    Ok(rows)
}

async fn read_sheet(
    cluster: &Cluster,
    at: &RoomKey,
    sheet: Sheet,
) -> Result<Vec<((Sheet, Place), Vec<u8>)>> {
    type Read = (i8, i64, Vec<u8>, Option<Vec<u8>>);
    let mut rows = vec![];
    let mut next = Some(PagingState::start());
    while let Some(page) = next {
        let values = (cluster.app(at.app), at.door.as_str(), at.room.as_str(), sheet);
        let statement = &cluster.log.sheets.read;
        let (some, behind) = cluster.read_page::<Read>(statement, values, page).await?;
        let row = |(part, at, key, value): Read| {
            ((sheet, Place { part, at, key }), value.unwrap_or_default())
        };
        rows.extend(some.into_iter().map(row));
        next = behind;
    }
    Ok(rows)
}

/// Whether a row of an event that lost is there.
pub(super) async fn has_lost(
    cluster: &Cluster,
    room: &RoomKey,
    (identity, place): (&EventHash, &Place),
) -> Result<bool> {
    debug_assert_eq!(place.part, LOST);
    let (app, door, name) = (cluster.app(room.app), room.door.as_str(), room.room.as_str());
    let Place { part, at, key } = place;
    let values = (app, door, name, sheet_of_lost(identity), part, at, key);
    let row: Option<(i64,)> = cluster.read_one(&cluster.log.sheets.has, values).await?;
    Ok(row.is_some())
}

/// Makes the changes of a round.
pub(super) async fn write(
    cluster: &Cluster,
    at: &RoomKey,
    version: i64,
    changes: &Changes,
) -> Result<()> {
    let sent = bundles(cluster, at, version, changes).into_iter();
    iter(sent.map(|bundle| cluster.write_batch(bundle)))
        .buffer_unordered(ABREAST)
        .try_collect()
        .await
}

/// Each of rows of one sheet.
fn bundles(cluster: &Cluster, room: &RoomKey, version: i64, changes: &Changes) -> Vec<Bundle> {
    let statements = &cluster.log.sheets;
    let app = cluster.app(room.app);
    let names = || (room.door.as_str().to_owned(), room.room.as_str().to_owned());
    let mut full: Vec<Bundle> = vec![];
    for sheet in &changes.empty {
        let ((door, name), mut bundle) = (names(), Bundle::new());
        bundle.add(&statements.clear, (version, app, door, name, *sheet));
        full.push(bundle);
    }
    if let Some((cut_unix_us, sheets)) = &changes.cut {
        for (sheet, part) in sheets.iter().flat_map(|sheet| FACTS.map(|part| (*sheet, part))) {
            let ((door, name), mut bundle) = (names(), Bundle::new());
            let values = (version, app, door, name, sheet, part, *cut_unix_us);
            bundle.add(&statements.cut, values);
            full.push(bundle);
        }
    }
    let (mut of, mut bytes, mut bundle) = (ROOT, 0, Bundle::new());
    for ((sheet, Place { part, at, key }), value) in &changes.rows {
        if *sheet != of || bundle.len() >= BUNDLE_LEN_MAX || bytes >= BUNDLE_BYTES_MAX {
            full.push(std::mem::replace(&mut bundle, Bundle::new()));
            (of, bytes) = (*sheet, 0);
        }
        let ((door, name), key) = (names(), key.clone());
        match value {
            Some(value) => {
                bytes += value.len();
                let row = (app, door, name, *sheet, *part, *at, key, value.clone(), version);
                bundle.add(&statements.put, row);
            }
            None => {
                bundle.add(&statements.delete, (version, app, door, name, *sheet, *part, *at, key))
            }
        }
    }
    full.push(bundle);
    full
}
