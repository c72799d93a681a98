//! For tests: whether rows, sums and crowds are those of the stays, and senders those of the
//! events.

use std::collections::{BTreeMap, BTreeSet};

use domain::AppId;
use domain::ids::RoomId;
use domain::log::Stay;

use super::index::{self, Scope};
use super::sums::{self, SumsOf};
use super::{crowds, few, participants, tally};
use crate::embedded::key::{Key, KeyParts};
use crate::embedded::tables::Index;
use crate::embedded::transaction::Read;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Panics with what is wrong.
pub(in crate::embedded) fn recount(read: Read<'_>) {
    let number = |key: &[u8]| KeyParts(key).u64().expect("a number");
    let rows = read.tables.stays.range(read.txn, &[], &[]).expect("rows");
    let rows = rows.map(|row| row.expect("a row"));
    let stays: Vec<(u64, Stay)> = rows.map(|(key, stay)| (number(key), stay)).collect();
    recount_senders(read);
    let mut found = Found::new(read);
    let mut apps: BTreeMap<AppId, Vec<&(u64, Stay)>> = BTreeMap::new();
    let mut rooms: BTreeMap<(AppId, &RoomId), Vec<&(u64, Stay)>> = BTreeMap::new();
    for stay in &stays {
        apps.entry(stay.1.app).or_default().push(stay);
        rooms.entry((stay.1.app, &stay.1.room)).or_default().push(stay);
    }
    for (app, stays) in apps {
        found.take(Scope::App(app), &stays);
    }
    for ((app, room), stays) in rooms {
        let is_large = SumsOf::of_room(read, app, room).expect("rows").is_some();
        found.take(Scope::Room(app, room), if is_large { &stays } else { &[] });
        let mut numbers = few::stays_in(read, app, room).expect("numbers");
        numbers.sort_unstable();
        assert_eq!(numbers, stays.iter().map(|it| it.0).collect::<Vec<_>>(), "{room}");
    }
    assert_eq!(found.sums, Rows::new(), "sums of nobody");
    assert_eq!(found.crowds, Rows::new(), "crowds of nobody");
    assert_eq!(found.listed, [Rows::new(), Rows::new()], "stays of nobody");
    let of_participants = all_rows(read, &read.tables.by_participant);
    assert_eq!(of_participants, participants::rows_of(read, &stays));
}

/// All rows that are not accounted for yet.
struct Found {
    sums: Rows,
    crowds: Rows,
    /// Of apps and of rooms.
    listed: [Rows; 2],
}

impl Found {
    fn new(read: Read<'_>) -> Self {
        let Read { tables, .. } = read;
        let [sums, crowds, by_app, by_room] =
            [&tables.sums, &tables.crowds, &tables.by_app, &tables.by_room]
                .map(|table| all_rows(read, table));
        Self { sums, crowds, listed: [by_app, by_room] }
    }

    /// Takes out the rows of a scope, and panics unless they are those of its stays.
    fn take(&mut self, scope: Scope<'_>, stays: &[&(u64, Stay)]) {
        let prefix = sums::prefix(scope);
        let sums = take(&mut self.sums, &prefix);
        assert_eq!(sums, sums::rows_of(&prefix, stays.iter().map(|it| &it.1)), "{scope:?}");
        let mut seconds: BTreeMap<i64, Vec<(Key, bool)>> = BTreeMap::new();
        for (_, stay) in stays {
            let rest = index::rest_in_key(&scope, stay);
            seconds.entry(stay.created_unix_s()).or_default().push((rest, stay.is_server()));
        }
        crowds::check(&prefix, &seconds, &take(&mut self.crowds, &prefix));
        let listed = match scope {
            Scope::App(_) => &mut self.listed[0],
            Scope::Room(..) => &mut self.listed[1],
        };
        for (number, stay) in stays {
            let (key, value) = index::row(&scope, stay, *number);
            assert_eq!(listed.remove(&*key), Some(value), "{scope:?}");
        }
    }
}

fn recount_senders(read: Read<'_>) {
    let mut senders: BTreeMap<Key, u64> = BTreeMap::new();
    for row in read.tables.events.range(read.txn, &[], &[]).expect("rows") {
        let event = row.expect("a row").1.event;
        if event.presence().is_some() {
            let sender = (event.app, event.door.clone(), event.source.clone());
            *senders.entry(tally::sender_key(&sender)).or_default() += 1;
        }
    }
    let known = read.tables.senders.range(read.txn, &[], &[]).expect("rows");
    let known = known.map(|row| row.expect("a row"));
    let known: BTreeMap<Key, u64> =
        known.map(|(key, events)| (Key::new().bytes(key), events)).collect();
    assert_eq!(known, senders);
}

fn all_rows(read: Read<'_>, table: &Index) -> Rows {
    let rows = table.range(read.txn, &[], &[]).expect("rows");
    rows.map(|row| row.expect("a row")).map(|(key, value)| (key.into(), value.into())).collect()
}

fn take(rows: &mut Rows, prefix: &[u8]) -> Rows {
    let keys: BTreeSet<Vec<u8>> =
        rows.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
    keys.into_iter().map(|key| (key.clone(), rows.remove(&key).expect("it is there"))).collect()
}
