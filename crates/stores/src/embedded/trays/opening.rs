//! How a process begins with what lies in trays.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use super::{Map, PROGRESS, Progress, TRAY_LEN_MAX, Tray, Trays, Work};
use crate::embedded::fault::Result;
use crate::embedded::tables::Tables;
use crate::embedded::transaction::Env;

impl Trays {
    /// Reads where users lie. Both trays are read from end to end.
    pub(in crate::embedded) fn open(env: &Env, tables: &Tables) -> Result<(Self, Work)> {
        let trays = Self {
            list: RwLock::new(Arc::new([])),
            version: AtomicU64::new(0),
            hasher: Default::default(),
        };
        let mut work = Work::default();
        let txn = env.read_txn()?;
        let progress = tables.trays.find(&txn, PROGRESS)?.unwrap_or_default();
        let mut list = vec![];
        for number in progress.trays() {
            let map = trays.read_tray((tables, &txn), (number, &progress), work.runs(number))?;
            list.push(Tray::new(number, Arc::new(map)));
        }
        trays.set_list(list.into());
        work.is_untidy = !progress.is_over();
        Ok((trays, work))
    }

    /// The map of a tray, and where in it runs begin.
    fn read_tray(
        &self,
        (tables, txn): (&Tables, &heed::RoTxn<'_>),
        (number, progress): (u64, &Progress),
        runs: &mut Vec<u32>,
    ) -> Result<Map> {
        let pile = tables.pile(number);
        // Another version may have filled it.
        let map = Map::new(pile.len(txn)?.max(TRAY_LEN_MAX));
        let mut last: &[u8] = &[];
        for row in pile.all(txn)? {
            let (row, lying) = match row {
                Err(fault) if fault.is_damage() => {
                    tracing::error!(%fault, "somebody is not found");
                    continue;
                }
                row => row?,
            };
            if lying.key < last || row == 0 {
                runs.push(row);
            }
            last = lying.key;
            if progress.may_hold(number, lying.key) {
                map.add(self.hash(lying.key), row);
            }
        }
        Ok(map)
    }
}
