//! The store of one machine: LMDB in a folder, one writer, readers that wait for nobody.
//!
//! The README tells the tables: keys, values, and why in this order. Read the code in this order:
//! `open` (whose folder it is), `tables`, `record` and `key` (how rows are written down), `writer`
//! and `group` (how a change becomes durable), `users`, `directory` and `trays` (the directory),
//! `presences` (who was seen), `log` (the room log). `locks` is who may be there together, `backup`
//! a copy of everything, `check` whether everything is right.

mod backup;
mod broadcasts;
mod change;
mod check;
mod dead;
mod directory;
mod fault;
mod group;
mod key;
mod locks;
mod log;
mod open;
mod presences;
mod priority;
mod ranges;
mod recent;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod transaction;
mod trays;
mod users;
mod writer;

pub use backup::{BackupError, back_up, restore};
pub use check::{CheckError, Finding, Problem, Report, check};
pub use open::{MAP_SIZE_DEFAULT, OpenError, Options, is_there};
pub use store::Embedded;
