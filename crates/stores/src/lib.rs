//! Where the domain keeps things: one folder per engine, each keeping the promises of
//! [`domain::store::Store`], held to them by one suite, `contract`.

pub mod cassandra;
pub mod embedded;
pub mod memory;
mod record;

#[cfg(test)]
mod contract;
