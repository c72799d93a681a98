//! The rows of a tray: users in the order in which they came, as they will lie in `users`.

use std::ops::Bound;

use domain::users::User;
use heed::types::Bytes;
use heed::{Database, PutFlags, RoTxn, RwTxn};

use crate::embedded::fault::{Damage, Fault, Result};
use crate::record;

type Rows = Database<'static, Bytes, Bytes>;

/// A table whose keys are the numbers of rows, from 0. A value is the length of a key of `users`
/// in one byte, the key, and the record that is sealed under it: of nothing, if they are gone.
pub(in crate::embedded) struct Pile {
    pub(in crate::embedded) name: &'static str,
    pub(in crate::embedded) rows: Rows,
}

/// A user who lies in a tray.
#[derive(Clone, Copy)]
pub(super) struct Lying<'t> {
    pub(super) key: &'t [u8],
    pub(super) sealed: &'t [u8],
}

impl Lying<'_> {
    /// Whether nobody lies here any more. The row keeps their key, since those of a run are in the
    /// order of keys, and a record of nothing.
    pub(super) fn is_gone(&self) -> bool {
        self.sealed.len() == record::EMPTY_LEN
    }
}

impl Pile {
    pub(in crate::embedded) fn new(name: &'static str, rows: Rows) -> Self {
        Self { name, rows }
    }

    /// Whoever lies in this row.
    pub(super) fn find<'t>(&self, txn: &'t RoTxn<'_>, row: u32) -> Result<Option<Lying<'t>>> {
        let bytes = self.rows.get(txn, &row.to_be_bytes())?;
        bytes.map(|bytes| self.parse(bytes)).transpose()
    }

    /// Whoever lies in this row, in which somebody must.
    pub(super) fn get<'t>(&self, txn: &'t RoTxn<'_>, row: u32) -> Result<Lying<'t>> {
        self.find(txn, row)?.ok_or(Fault::damaged(self.name, Damage::Missing))
    }

    /// How many rows there are.
    pub(super) fn len(&self, txn: &RoTxn<'_>) -> Result<u32> {
        let len = self.rows.len(txn)?;
        u32::try_from(len).map_err(|_| self.damaged(Damage::Encoding))
    }

    /// All who lie here, with their rows; those who cannot be read as errors.
    pub(super) fn all<'t>(
        &self,
        txn: &'t RoTxn<'_>,
    ) -> Result<impl Iterator<Item = Result<(u32, Lying<'t>)>>> {
        self.from(txn, 0)
    }

    /// The same from a row on.
    pub(super) fn from<'t>(
        &self,
        txn: &'t RoTxn<'_>,
        first: u32,
    ) -> Result<impl Iterator<Item = Result<(u32, Lying<'t>)>>> {
        let first = first.to_be_bytes();
        let rows = self.rows.range(txn, &(Bound::Included(&first[..]), Bound::Unbounded))?;
        Ok(rows.map(|row| {
            let (row, bytes) = row?;
            let row = row.try_into().map_err(|_| self.damaged(Damage::Encoding))?;
            Ok((u32::from_be_bytes(row), self.parse(bytes)?))
        }))
    }

    /// Writes the row after the last one.
    pub(super) fn append(&self, txn: &mut RwTxn<'_>, row: u32, lying: Lying<'_>) -> Result<()> {
        let bytes = render(lying);
        Ok(self.rows.put_with_flags(txn, PutFlags::APPEND, &row.to_be_bytes(), &bytes)?)
    }

    /// Writes over a row.
    pub(super) fn put(&self, txn: &mut RwTxn<'_>, row: u32, lying: Lying<'_>) -> Result<()> {
        Ok(self.rows.put(txn, &row.to_be_bytes(), &render(lying))?)
    }

    /// Removes all rows.
    pub(super) fn clear(&self, txn: &mut RwTxn<'_>) -> Result<()> {
        Ok(self.rows.clear(txn)?)
    }

    /// Fails unless a row can be read, and whoever lies there.
    pub(in crate::embedded) fn read_row(&self, _: &[u8], bytes: &[u8]) -> Result<()> {
        let lying = self.parse(bytes)?;
        match lying.is_gone() {
            true => self.check(lying),
            false => Ok(record::unseal::<User>(self.name, lying.key, lying.sealed).map(drop)?),
        }
    }

    /// Fails unless the record is that of the key.
    pub(super) fn check(&self, lying: Lying<'_>) -> Result<()> {
        record::check(self.name, lying.key, lying.sealed)?;
        Ok(())
    }

    fn parse<'t>(&self, bytes: &'t [u8]) -> Result<Lying<'t>> {
        let parts =
            bytes.split_first().and_then(|(len, rest)| rest.split_at_checked(*len as usize));
        let (key, sealed) = parts.ok_or(self.damaged(Damage::Encoding))?;
        Ok(Lying { key, sealed })
    }

    fn damaged(&self, how: Damage) -> Fault {
        Fault::damaged(self.name, how)
    }
}

fn render(lying: Lying<'_>) -> Vec<u8> {
    let len = u8::try_from(lying.key.len()).expect("no key of `users` is so long");
    [&[len], lying.key, lying.sealed].concat()
}
