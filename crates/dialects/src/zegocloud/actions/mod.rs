//! One file per action, named as the vendor names it.

pub(super) mod describe_user_list;
pub(super) mod describe_user_num;
pub(super) mod describe_users;
pub(super) mod modify_user_info;
pub(super) mod query_user_infos;
pub(super) mod query_user_online_state;
pub(super) mod robot_register;
pub(super) mod send_message_to_all_users;
pub(super) mod user_register;

mod list;
mod rooms;
mod users;

use bytes::Bytes;
use domain::{AppId, Context};
use http::{Method, Request};

use super::fault::{Code, Fault, shown};
use super::query::Query;
use super::room_quotas::RoomQuotas;

/// A request that has proved for which app it speaks.
pub(super) struct Asked<'a> {
    pub(super) ctx: &'a Context,
    pub(super) room_quotas: &'a RoomQuotas,
    pub(super) app: AppId,
    pub(super) query: &'a Query,
    pub(super) request: &'a Request<Bytes>,
}

impl Asked<'_> {
    /// Refuses every other method than the documented one; `expected` is what to send, in words.
    fn check_method(&self, method: &Method, expected: &str) -> Result<(), Fault> {
        if self.request.method() == method {
            return Ok(());
        }
        let given = shown(self.request.method().as_str());
        let action = self.query.value("Action");
        let why = format!("{action} is not called by {given}; {expected}");
        Err(Fault::new(Code::InputParameter, why))
    }
}
