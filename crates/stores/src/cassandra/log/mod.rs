//! The log on the ring. `index` is what pages, totals and figures are read from.

pub(in crate::cassandra) mod index;
