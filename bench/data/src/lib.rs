//! What is kept in every store that is compared: users, and two weeks of calls.
//!
//! The same sizes, times and seed make the same data, so nothing of it has to be kept. Each peer
//! gets it in its own form: [`copy`] for PostgreSQL, [`resp`] for Redis, [`tsv`] for ClickHouse,
//! [`json`] for whowas.
//!
//! Read in this order: [`users`], [`rhythm`], [`calls`], [`happenings`], [`batches`].

pub mod batches;
pub mod calls;
pub mod copy;
pub mod happenings;
pub mod json;
pub mod resp;
pub mod rhythm;
pub mod tsv;
pub mod users;

/// The app that all of it belongs to.
pub const APP: u32 = 4111;

/// One number out of another, far from its neighbours (the last steps of MurmurHash3).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// A name of 12 letters and digits, as media servers mint them: different for different numbers.
fn minted(prefix: &str, number: u64) -> String {
    const DIGITS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let mut name = String::with_capacity(prefix.len() + 13);
    name.push_str(prefix);
    let mixed = mix(number);
    name.extend((0..13).map(|place| char::from(DIGITS[(mixed >> (5 * place)) as usize % 32])));
    name
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_name_is_minted_twice() {
        let names: HashSet<String> = (0..100_000).map(|number| super::minted("", number)).collect();
        assert_eq!(names.len(), 100_000);
    }
}
