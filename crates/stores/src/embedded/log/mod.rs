//! The room log: events come in, and the stays that they show are kept up, in one transaction.
//!
//! What the stays are is defined by [`domain::log::fold_room`] over all events of a room. This
//! folder does the same to the part that an event can change, out of the same pieces. Read in this
//! order:
//!
//! 1. `append`: an event is written down once, and what it touches is noted (`touched`).
//! 2. `settle`: whose intervals can be others now, and what follows, room by room.
//! 3. `closers`: what ends an interval, looked up; and what was looked up, so that it is known
//!    later what would have changed the answer (`standing`).
//! 4. `calls`: minted calls for `uncalled` intervals, minted again where they can be others.
//! 5. `stays`: the records that answers are made of, and the rows by which they are found: of an
//!    app and of a large room (`index`), of a participant (`participants`).
//! 6. `tally`: how many there are, in `sums` by seconds and in `crowds` within a second.
//! 7. `page`: a page of them, of `few` of them; `open`: calls in which somebody is.
//! 8. `old`: what is too old, found without the writer; `remove`: how it goes.
//! 9. `erase`: somebody goes, wherever they are named.
//! 10. `walk`: all events, for whoever takes them elsewhere.
//! 11. `check`: whether all rows are those that follow from the events.

mod append;
mod calls;
mod check;
mod closers;
mod crowds;
mod erase;
mod few;
mod index;
mod old;
mod open;
mod page;
mod participants;
mod place;
mod remove;
mod settle;
mod standing;
mod stays;
mod sums;
mod tally;
mod touched;
mod uncalled;
mod walk;

pub(super) use append::{Arrival, KnownEvent, append};
pub(super) use check::check;
pub(super) use erase::{Erase, Gone, erase, find as find_named};
pub(super) use old::{Pass, Step};
pub(super) use open::Search;
pub(super) use page::page;
pub(super) use remove::{Cut, Removal, Removed, remove};
pub(super) use settle::settle;
pub(super) use standing::Standing;
pub(super) use tally::{Tally, count, figures};
pub(super) use touched::Touched;
pub(super) use uncalled::MintedInterval;
pub(super) use walk::walk;
