//! Whatever is done with users and their tags, wherever they lie, and however often the store is
//! opened again meanwhile: every engine shows the users, the tags, the counts and the audiences of
//! the model.

use domain::clock::FixedClock;
use domain::ids::{AppId, UserId};
use domain::store::{IfTaken, NewUser, Registration, Update, Walk};
use domain::users::audience::{self, Audience};
use domain::users::store::{Tagged, Unregistered};
use domain::users::tags::{TagChange, TagOp};
use domain::users::{Profile, ProfileChange, User};
use proptest::prelude::*;

use super::engine::{Engine, fresh};
use super::tags::walk;
use super::{properties, wait};
use crate::memory::Memory;

/// How many ids there are, in each of two apps.
const IDS: i64 = 40;

const TAGS: [&str; 6] = ["", "a", "ab", "b", "b\0", "签"];

/// Some far from each other, some neighbours, in no order.
fn id(number: i64) -> UserId {
    match number % 4 {
        0 => UserId::parse(&format!("n{number}")).expect("an id"),
        1 => UserId::from_long(number).expect("an id"),
        _ => {
            let scattered = number.wrapping_mul(0x1e37_79b9_7f4a_7c15) & i64::MAX | 1;
            UserId::from_long(scattered).expect("an id")
        }
    }
}

/// What is done with some users.
#[derive(Clone, Debug)]
enum Deed {
    Register(IfTaken, Vec<String>),
    Name,
    Retag(Vec<String>),
    Tag(TagChange),
    Unregister,
    Put(Vec<String>),
}

#[derive(Clone, Debug)]
enum Step {
    Do { app: u32, numbers: Vec<i64>, deed: Deed },
    Reopen,
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    let tag = prop::sample::select(&TAGS[..]).prop_map(str::to_owned);
    prop_oneof![1 => Just(vec![]), 3 => prop::collection::vec(tag, 0..4)]
}

fn deed() -> impl Strategy<Value = Deed> {
    let if_taken = prop_oneof![Just(IfTaken::Leave), Just(IfTaken::Overwrite)];
    let op = prop_oneof![Just(TagOp::Add), Just(TagOp::Remove)];
    prop_oneof![
        4 => (if_taken, tags()).prop_map(|(if_taken, tags)| Deed::Register(if_taken, tags)),
        1 => Just(Deed::Name),
        1 => tags().prop_map(Deed::Retag),
        2 => (op, tags(), 0..5_usize)
            .prop_map(|(op, tags, tags_max)| Deed::Tag(TagChange { op, tags, tags_max })),
        3 => Just(Deed::Unregister),
        1 => tags().prop_map(Deed::Put),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let numbers = prop::collection::btree_set(0..IDS, 1..16);
    let numbers = numbers.prop_map(|numbers| numbers.into_iter().rev().collect());
    prop_oneof![
        12 => (1..3_u32, numbers, deed())
            .prop_map(|(app, numbers, deed)| Step::Do { app, numbers, deed }),
        1 => Just(Step::Reopen),
    ]
}

/// What a store says to a deed.
#[derive(Debug, PartialEq)]
enum Said {
    Registered(Vec<Registration>),
    Updated(Vec<Update>),
    Tagged(Vec<Tagged>),
    Unregistered(Vec<Unregistered>),
    Nothing,
}

fn tell(store: &dyn Walk, app: AppId, numbers: &[i64], deed: &Deed, now: i64) -> Said {
    let ids = || numbers.iter().map(|number| id(*number)).collect::<Vec<_>>();
    let profile = |tags: &[String]| Profile { tags: tags.to_vec(), ..Profile::default() };
    let update = |change: ProfileChange| {
        let changes = ids().into_iter().map(|id| (id, change.clone())).collect();
        Said::Updated(wait(store.update_users(app, changes, now)).expect("updated"))
    };
    match deed {
        Deed::Register(if_taken, tags) => {
            let new = |id| NewUser { id, profile: profile(tags) };
            let users = ids().into_iter().map(new).collect();
            let done = wait(store.register_users(app, users, *if_taken, now));
            Said::Registered(done.expect("registered"))
        }
        Deed::Name => {
            let name = Some(format!("n{now}").repeat(100));
            update(ProfileChange { name, ..ProfileChange::default() })
        }
        Deed::Retag(tags) => {
            update(ProfileChange { tags: Some(tags.clone()), ..ProfileChange::default() })
        }
        Deed::Tag(change) => {
            let done = wait(store.update_tags(app, ids(), change.clone(), now));
            Said::Tagged(done.expect("tagged"))
        }
        Deed::Unregister => {
            let done = wait(store.unregister_users(app, ids(), now));
            Said::Unregistered(done.expect("unregistered"))
        }
        Deed::Put(tags) => {
            let user = |id| User {
                id,
                profile: profile(tags),
                created_unix_ms: now,
                modified_unix_ms: now,
            };
            let users = ids().into_iter().map(|id| (app, user(id))).collect();
            wait(store.put_users(users)).expect("put");
            Said::Nothing
        }
    }
}

fn in_order(mut users: Vec<User>) -> Vec<User> {
    users.sort_by(|one, other| one.id.cmp(&other.id));
    users
}

/// Everything that a store tells of an app, with `limit` in a step. In place of what it does not
/// keep stands what it finds.
type Shown = (Vec<Option<User>>, Vec<User>, Vec<(String, Vec<User>)>, Vec<(String, u64)>, u64);

fn shown(store: &dyn Walk, app: AppId, limit: u32) -> Shown {
    let ids: Vec<UserId> = (0..IDS).map(id).collect();
    let users = wait(store.find_users(app, &ids)).expect("found");
    let everybody = in_order(wait(walk(store, app, &[], limit)));
    let by_tag: Vec<(String, Vec<User>)> = TAGS
        .iter()
        .map(|tag| ((*tag).to_owned(), in_order(wait(walk(store, app, &[tag], limit)))))
        .collect();
    let listed = wait(store.list_tags(app, "", None, 100)).expect("tags");
    let counts = listed.into_iter().map(|tag| {
        let found = || by_tag.iter().find(|(name, _)| *name == tag.tag).map_or(0, |it| it.1.len());
        let users = tag.users.unwrap_or_else(|| found() as u64);
        (tag.tag, users)
    });
    let counts = counts.filter(|(_, users)| *users > 0).collect();
    let clock = FixedClock::at_unix_s(0);
    let count = wait(audience::count(store, &clock, app, &Audience::Everybody, None));
    let count = count.expect("a count");
    (users, everybody, by_tag, counts, count.count)
}

fn attack<E: Engine>(
    steps: &[Step],
    audiences: &[Audience],
    limit: u32,
) -> Result<(), TestCaseError> {
    let (mut store, place) = wait(fresh::<E>());
    let model = Memory::default();
    for (now, step) in (1..).zip(steps) {
        match step {
            Step::Reopen => {
                drop(store);
                store = wait(E::open(&place));
            }
            Step::Do { app, numbers, deed } => {
                let told = tell(&store, AppId(*app), numbers, deed, now);
                prop_assert_eq!(told, tell(&model, AppId(*app), numbers, deed, now));
            }
        }
        store.recount();
        for app in [AppId(1), AppId(2)] {
            prop_assert_eq!(shown(&store, app, limit), shown(&model, app, limit));
        }
    }
    for meant in audiences {
        let everybody = wait(walk(&model, AppId(1), &[], 1_000));
        let naive = everybody.iter().filter(|user| meant.includes(&user.profile.tags)).count();
        let clock = FixedClock::at_unix_s(0);
        let counted = wait(audience::count(&store, &clock, AppId(1), meant, None));
        let counted = counted.expect("a count");
        prop_assert_eq!(counted.count, naive as u64, "{:?}", meant);
    }
    Ok(())
}

fn audiences() -> impl Strategy<Value = Audience> {
    let tag = || prop::sample::select(&TAGS[..]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        1 => Just(Audience::Everybody),
        4 => tag().prop_map(Audience::Tag),
        2 => tag().prop_map(Audience::Prefix),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            some().prop_map(Audience::All),
            some().prop_map(Audience::Any),
            inner.prop_map(|term| Audience::Not(Box::new(term))),
        ]
    })
}

properties! {
    #![cases = 48]

    #[test]
    fn users_tags_counts_and_audiences_are_those_of_the_model(
        steps in prop::collection::vec(step(), 1..25),
        audiences in prop::collection::vec(audiences(), 8),
        limit in 1..20_u32,
    ) {
        attack::<E>(&steps, &audiences, limit)?;
    }
}
