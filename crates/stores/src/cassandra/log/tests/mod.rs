//! Of the log: what needs no ring, and what needs a real one.

#[cfg(feature = "cassandra-tests")]
mod erasure;
#[cfg(feature = "cassandra-tests")]
mod moved;
#[cfg(feature = "cassandra-tests")]
mod ring;
mod rooms;
mod told;

#[cfg(feature = "cassandra-tests")]
pub(super) use ring::Deaths;
