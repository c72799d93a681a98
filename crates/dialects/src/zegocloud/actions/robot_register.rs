//! `RobotRegister`: puts up to 20 bots into the directory.
//!
//! A bot is a user whose id begins with `@RBT#`; everything else is as in `UserRegister`.

use super::Asked;
use super::user_register::register;
pub(in crate::zegocloud) use super::users::Failures as Results;
use super::users::{Failure, given};
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::Fault;

const ROBOTS_MAX: usize = 20;

/// What the id of a bot begins with.
const ROBOT_PREFIX: &str = "@RBT#";

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Results>, Fault> {
    let mut given = given::<ROBOTS_MAX>(asked)?;
    for robot in &mut given {
        if robot.id.is_ok() && !robot.written.starts_with(ROBOT_PREFIX) {
            robot.id = Err(Failure::NoRobot);
        }
    }
    // The vendor's own words.
    register(asked, given, "Bot already exists").await
}
