//! For tests: whether sums and crowds are those of the stays, and senders those of the events.

use std::collections::{BTreeMap, BTreeSet};

use domain::log::Stay;

use super::crowds;
use super::index;
use super::sums::{self, Counted};
use super::tally;
use crate::embedded::key::Key;
use crate::embedded::transaction::Read;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Panics with what is wrong.
pub(in crate::embedded) fn recount(read: Read<'_>) {
    let mut scopes: BTreeMap<Counted, Vec<Stay>> = BTreeMap::new();
    for row in read.tables.stays.range(read.txn, &[], &[]).expect("rows") {
        let (_, stay) = row.expect("a row");
        scopes.entry(Counted::App(stay.app)).or_default().push(stay.clone());
        scopes.entry(Counted::Room(stay.app, stay.room.clone())).or_default().push(stay);
    }
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
    let rows = |table: &crate::embedded::tables::Index| -> Rows {
        let rows = table.range(read.txn, &[], &[]).expect("rows");
        rows.map(|row| row.expect("a row")).map(|(key, value)| (key.into(), value.into())).collect()
    };
    let (mut sums_left, mut crowds_left) = (rows(&read.tables.sums), rows(&read.tables.crowds));
    for (scope, stays) in &scopes {
        let prefix = sums::prefix(scope.scope()).expect("it is counted");
        let found = take(&mut sums_left, &prefix);
        let pieces = take(&mut crowds_left, &prefix);
        if matches!(scope, Counted::Room(..)) && found.is_empty() {
            assert!(pieces.is_empty(), "{scope:?} is not counted, and has crowds");
            continue;
        }
        assert_eq!(found, sums::rows_of(&prefix, stays), "{scope:?}");
        let mut seconds: BTreeMap<i64, Vec<(Key, bool)>> = BTreeMap::new();
        for stay in stays {
            let rest = index::rest_in_key(&scope.scope(), stay);
            seconds.entry(stay.created_unix_s()).or_default().push((rest, stay.is_server()));
        }
        crowds::check(&prefix, &seconds, &pieces);
    }
    assert_eq!((sums_left, crowds_left), (Rows::new(), Rows::new()), "of nobody");
}

fn take(rows: &mut Rows, prefix: &[u8]) -> Rows {
    let keys: BTreeSet<Vec<u8>> =
        rows.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
    keys.into_iter().map(|key| (key.clone(), rows.remove(&key).expect("it is there"))).collect()
}
