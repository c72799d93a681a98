//! Putting users into the directory.

use std::collections::HashSet;

use super::{Limits, Profile, ProfileFault};
use crate::app::Reregister;
use crate::clock::SECOND_US;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{AppId, UserId};
use crate::store::{IfTaken, NewUser, Registration};

/// A user that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Their id.
    pub id: UserId,
    /// Their whole profile.
    pub profile: Profile,
}

/// What became of one user of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// They are in the directory with this profile now.
    Yes,
    /// They were in the directory with this very profile. Nothing was written.
    Already,
    /// The id is taken, with another profile, which stands.
    Taken,
    /// The app has as many robots as it may have.
    RobotsFull,
    /// The same id stands earlier in the request.
    Repeated,
    /// The profile is over a limit.
    Invalid(ProfileFault),
}

/// Registers each user who can be, and tells of each what became of them, in the order asked.
///
/// The users of one request stand or fall alone; those that stand are durable when this returns.
pub async fn register(
    ctx: &Context,
    app: AppId,
    wanted: Vec<Wanted>,
    limits: &Limits,
    reregister: Reregister,
) -> Result<Vec<Registered>> {
    let mut seen = HashSet::new();
    let mut outcomes = Vec::with_capacity(wanted.len());
    let mut new = Vec::with_capacity(wanted.len());
    for Wanted { id, profile } in wanted {
        let outcome = if !seen.insert(id.clone()) {
            Some(Registered::Repeated)
        } else {
            profile.check(limits).err().map(Registered::Invalid)
        };
        if outcome.is_none() {
            new.push(NewUser { id, profile });
        }
        outcomes.push(outcome);
    }
    let if_taken = match reregister {
        Reregister::Refuse => IfTaken::Leave,
        Reregister::Overwrite => IfTaken::Overwrite,
    };
    let mut written = write(ctx, app, new, if_taken).await?.into_iter();
    let fill = |outcome: Option<Registered>| {
        outcome.unwrap_or_else(|| written.next().expect("one outcome for each user written"))
    };
    Ok(outcomes.into_iter().map(fill).collect())
}

async fn write(
    ctx: &Context,
    app: AppId,
    new: Vec<NewUser>,
    if_taken: IfTaken,
) -> Result<Vec<Registered>> {
    if new.is_empty() {
        return Ok(vec![]);
    }
    let now_unix_ms = ctx.clock.now_unix_us() / (SECOND_US / 1_000);
    let done = ctx.store.register_users(app, new, if_taken, now_unix_ms).await?;
    let outcome = |registration| match registration {
        Registration::Created | Registration::Overwritten => Registered::Yes,
        Registration::Unchanged => Registered::Already,
        Registration::Taken => Registered::Taken,
        Registration::RobotsFull => Registered::RobotsFull,
    };
    Ok(done.into_iter().map(outcome).collect())
}
