//! Whether everybody in a tray lies there alone, and as many as are counted.

use std::collections::HashSet;

use domain::users::User;

use super::{Emptied, PROGRESS, Progress};
use crate::embedded::check::{Expected, Problem};
use crate::embedded::fault::Result;
use crate::embedded::key::Key;
use crate::embedded::tables::Tables;
use crate::embedded::transaction::Read;
use crate::embedded::users::key_of;
use crate::embedded::users::whose;
use crate::record;

/// Compares what lies in trays with what is told of them.
pub(in crate::embedded) fn check(read: Read<'_>, expected: &mut Expected<'_, '_>) -> Result<()> {
    let progress = read.tables.trays.find(read.txn, PROGRESS)?.unwrap_or_default();
    let mut seen = HashSet::new();
    let (before, rows) = match &progress.emptying {
        Some(Emptied { rows, .. }) => (progress.filling.checked_sub(1), *rows),
        None => (None, 0),
    };
    for parity in [0, 1] {
        let tray = [Some(progress.filling), before].into_iter().flatten();
        let Some(tray) = tray.into_iter().find(|tray| tray % 2 == parity) else {
            let pile = read.tables.pile(parity);
            expected.figure((pile.name, &[]), &0, &pile.len(read.txn)?);
            continue;
        };
        let told = if tray == progress.filling { progress.rows } else { rows };
        let pile = read.tables.pile(tray);
        expected.figure((pile.name, &[]), &told, &pile.len(read.txn)?);
        let (left, gone) = check_tray(read, expected, (tray, &progress), &mut seen)?;
        if let Some(emptied) = progress.emptying.as_ref().filter(|_| tray != progress.filling) {
            expected.figure(("trays", PROGRESS), &(emptied.left, emptied.gone), &(left, gone));
        } else {
            expected.figure(("trays", PROGRESS), &progress.gone, &gone);
        }
    }
    Ok(())
}

/// Looks at those in a tray who have not moved, and tells how many rows they have, and in how many
/// of these nobody lies any more.
fn check_tray(
    read: Read<'_>,
    expected: &mut Expected<'_, '_>,
    (tray, progress): (u64, &Progress),
    seen: &mut HashSet<Vec<u8>>,
) -> Result<(u32, u32)> {
    let Tables { users, .. } = read.tables;
    let pile = read.tables.pile(tray);
    let (mut left, mut gone) = (0, 0);
    for row in pile.all(read.txn)? {
        let (row, lying) = row?;
        if lying.is_gone() {
            pile.check(lying)?;
            gone += u32::from(progress.may_hold(tray, lying.key));
            left += u32::from(progress.may_hold(tray, lying.key));
            continue;
        }
        let user: User = record::unseal(pile.name, lying.key, lying.sealed)?;
        let app = whose(lying.key).map(|(app, _)| app);
        if app.is_none_or(|app| *key_of(app, &user.id) != *lying.key) {
            expected.note(pile.name, &Key::new().u32(row), Problem::Misplaced);
        }
        if !progress.may_hold(tray, lying.key) {
            continue;
        }
        left += 1;
        let is_in_users = users.find(read.txn, lying.key)?.is_some();
        if is_in_users || !seen.insert(lying.key.to_vec()) {
            expected.note(pile.name, lying.key, Problem::Twice);
        }
    }
    Ok((left, gone))
}

/// Shows everybody who lies in a tray.
pub(in crate::embedded) fn each(
    read: Read<'_>,
    show: &mut dyn FnMut(&[u8], User) -> Result<()>,
) -> Result<()> {
    let progress = read.tables.trays.find(read.txn, PROGRESS)?.unwrap_or_default();
    for tray in progress.trays() {
        for row in read.tables.pile(tray).all(read.txn)? {
            let (_, lying) = row?;
            if !lying.is_gone() && progress.may_hold(tray, lying.key) {
                show(lying.key, record::unseal("trays", lying.key, lying.sealed)?)?;
            }
        }
    }
    Ok(())
}
