//! The store of one machine: LMDB in a folder, one writer, readers that wait for nobody.
//!
//! The README tells the tables: keys, values, and why in this order. Read the code in this order:
//! `open` (whose folder it is), `tables`, `record` and `key` (how rows are written down), `writer`
//! and `group` (how a change becomes durable), `users` (the directory).

mod change;
mod fault;
mod group;
#[allow(dead_code, reason = "the log, which comes next, uses it")]
mod key;
mod open;
mod record;
mod store;
#[allow(dead_code, reason = "the log, which comes next, uses it")]
mod tables;
mod users;
mod writer;

pub use open::{MAP_SIZE_DEFAULT, OpenError, Options};
pub use store::Embedded;
