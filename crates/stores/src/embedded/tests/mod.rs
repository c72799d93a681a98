//! What is promised of this engine alone: whose folder it is, that what was acknowledged is there
//! again, and what happens when there is no room, when nothing can be written, when a record is
//! damaged.

use domain::AppId;
use domain::error::Result;
use domain::ids::UserId;
use domain::store::{IfTaken, NewUser, Registration, Store};
use domain::users::Profile;

use super::{Embedded, Options};

mod backup;
mod broadcasts;
mod check;
mod children;
mod crowded;
mod dead;
mod durability;
mod erasure;
mod idle;
mod opening;
mod overload;
mod retention;
mod trays;

/// Waits for `future` on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

const APP: AppId = AppId(7);

fn open(options: &Options) -> Embedded {
    Embedded::open(options).expect("it opens")
}

fn new(number: i64, name: &str) -> NewUser {
    let profile = Profile { name: name.to_owned(), ..Profile::default() };
    NewUser { id: UserId::from_long(number).expect("an id"), profile }
}

fn register(store: &Embedded, number: i64, name: &str) -> Result<Vec<Registration>> {
    let registered = store.register_users(APP, vec![new(number, name)], IfTaken::Leave, number);
    wait(registered)
}

/// The name of a user, if there is such a user.
fn name_of(store: &Embedded, number: i64) -> Result<Option<String>> {
    let id = UserId::from_long(number).expect("an id");
    let mut found = wait(store.find_users(APP, &[id]))?;
    Ok(found.remove(0).map(|user| user.profile.name))
}
