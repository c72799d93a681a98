//! Whatever is done with users whose ids are scattered, and however often the store is opened
//! again meanwhile: every engine that keeps them says and shows what the model does.

use domain::ids::{AppId, UserId};
use domain::store::{IfTaken, NewUser, Registration, Store, Update};
use domain::users::{Profile, ProfileChange, User};
use proptest::prelude::*;

use super::engine::{Engine, fresh};
use super::{properties, wait};
use crate::memory::Memory;

/// How many ids there are, in each of two apps.
const IDS: i64 = 60;

/// Far from each other, in no order.
fn id(number: i64) -> UserId {
    let scattered = number.wrapping_mul(0x1e37_79b9_7f4a_7c15) & i64::MAX | 1;
    UserId::from_long(scattered).expect("an id")
}

/// Something that is done with a store.
#[derive(Clone, Debug)]
enum Step {
    Register { app: u32, numbers: Vec<i64>, name: u8, if_taken: IfTaken },
    Update { app: u32, numbers: Vec<i64>, name: u8 },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let numbers = || prop::collection::btree_set(0..IDS, 1..20);
    let numbers = move || numbers().prop_map(|numbers| numbers.into_iter().rev().collect());
    let if_taken = prop_oneof![Just(IfTaken::Leave), Just(IfTaken::Overwrite)];
    prop_oneof![
        6 => (1..3_u32, numbers(), 0..3_u8, if_taken).prop_map(|(app, numbers, name, if_taken)| {
            Step::Register { app, numbers, name, if_taken }
        }),
        3 => (1..3_u32, numbers(), 0..3_u8)
            .prop_map(|(app, numbers, name)| Step::Update { app, numbers, name }),
        1 => Just(Step::Reopen),
    ]
}

/// What a store says to a step.
fn tell(store: &dyn Store, step: &Step, now: i64) -> (Vec<Registration>, Vec<Update>) {
    match step {
        Step::Register { app, numbers, name, if_taken } => {
            let name = "n".repeat(1 + usize::from(*name) * 600);
            let profile = Profile { name, ..Profile::default() };
            let user = |number: &i64| NewUser { id: id(*number), profile: profile.clone() };
            let users = numbers.iter().map(user).collect();
            let done = wait(store.register_users(AppId(*app), users, *if_taken, now));
            (done.expect("registered"), vec![])
        }
        Step::Update { app, numbers, name } => {
            let name = Some("u".repeat(1 + usize::from(*name) * 600));
            let change = ProfileChange { name, ..ProfileChange::default() };
            let changes = numbers.iter().map(|number| (id(*number), change.clone())).collect();
            (vec![], wait(store.update_users(AppId(*app), changes, now)).expect("updated"))
        }
        Step::Reopen => (vec![], vec![]),
    }
}

fn everybody(store: &dyn Store) -> Vec<Option<User>> {
    let ids: Vec<UserId> = (0..IDS).map(id).collect();
    let found = [1, 2].map(|app| wait(store.find_users(AppId(app), &ids)).expect("found"));
    found.concat()
}

fn attack<E: Engine>(steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut store, place) = wait(fresh::<E>());
    let model = Memory::default();
    for (now, step) in (1..).zip(steps) {
        if let Step::Reopen = step {
            drop(store);
            store = wait(E::open(&place));
        }
        prop_assert_eq!(tell(&store, step, now), tell(&model, step, now));
        prop_assert_eq!(everybody(&store), everybody(&model));
    }
    Ok(())
}

properties! {
    #![cases = 64]

    #[test]
    fn wherever_users_lie_the_directory_is_that_of_the_model(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        attack::<E>(&steps)?;
    }
}
