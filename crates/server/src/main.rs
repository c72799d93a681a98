//! whowas.

fn main() {}
