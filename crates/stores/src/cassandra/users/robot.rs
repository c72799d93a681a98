//! What a change of a user does to the places of robots.

use domain::users::Profile;
use uuid::Uuid;

use super::At;
use crate::cassandra::fault::Result;
use crate::cassandra::robots;

/// A place among the robots of an app that a change takes or gives back.
#[derive(Default)]
pub(super) struct Robot {
    mark: Option<Uuid>,
}

impl Robot {
    /// The place of somebody who has this profile.
    pub(super) async fn of(at: &At<'_>, profile: &Profile) -> Result<Self> {
        let mark = match profile.robot {
            true => robots::mark_of(at.cluster, at.app, at.id).await?,
            false => None,
        };
        Ok(Self { mark })
    }

    /// What the registration of a profile needs; `false` if there is no place.
    pub(super) async fn prepare(
        &mut self,
        at: &At<'_>,
        there: Option<&Profile>,
        profile: &Profile,
    ) -> Result<bool> {
        let was_robot = there.is_some_and(|there| there.robot);
        match (was_robot, profile.robot) {
            (false, true) if self.mark.is_none() => {
                self.mark = robots::take(at.cluster, at.app, at.id).await?;
                Ok(self.mark.is_some())
            }
            (true, false) => {
                *self = Self { mark: robots::mark_of(at.cluster, at.app, at.id).await? };
                Ok(true)
            }
            _ => Ok(true),
        }
    }

    /// Gives the place back, unless whoever stands now is a robot.
    pub(super) async fn settle(self, at: &At<'_>, there: Option<&Profile>) -> Result<()> {
        match self.mark.filter(|_| there.is_none_or(|there| !there.robot)) {
            Some(mark) => robots::give_back(at.cluster, at.app, at.id, mark).await,
            None => Ok(()),
        }
    }
}
