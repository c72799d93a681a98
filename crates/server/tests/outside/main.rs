//! The binary from outside: started, asked, stopped and killed, as its users do.

mod client;
mod dead_letters;
mod directory;
mod events;
mod lifecycle;
mod load;
mod reconcile;
mod server;
