//! The binary from outside: started, asked, stopped and killed, as its users do.

mod about;
mod backup;
mod broadcast;
mod client;
mod console;
mod dead_letters;
mod directory;
mod doors;
mod events;
mod export;
mod hostile_hooks;
mod lifecycle;
mod load;
mod one_stay;
mod presence;
mod reconcile;
mod senders;
mod server;
mod store_copy;
mod users_erase;
