//! ZEGOCLOUD ZIM (In-app Chat), server API: `/?Action=...`, signature 2.0, always HTTP 200.
//!
//! Read in this order: `answer` below, which decides what is checked first; `signature`,
//! `action`, `actions`, one file per action; `envelope` and `fault`, what goes out. What is odd,
//! what is verified and what is inferred: `README.md`.
//!
//! Which dialect a request is meant for, and how its bytes arrive, is the server's business.

mod action;
mod actions;
mod envelope;
mod fault;
mod nonces;
mod query;
mod room_quotas;
mod signature;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use domain::{AppId, Context};
use http::Request;

use crate::Answered;
use action::Action;
use actions::{
    Asked, describe_user_list, describe_user_num, describe_users, modify_user_info,
    query_user_infos, query_user_online_state, robot_register, send_message_to_all_users,
    user_register,
};
use envelope::{Nothing, Reply, RequestIds, Stamp, render};
use fault::{Code, Fault};
use nonces::{Nonces, Use};
use query::Query;
use room_quotas::RoomQuotas;
use signature::Claim;

/// How many bytes a body may have: far more than 100 ids need, so that a list that is too long is
/// told as such.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What this dialect remembers between requests: make one, and share it.
#[derive(Debug, Default)]
pub struct State {
    request_ids: RequestIds,
    nonces: Nonces,
    room_quotas: RoomQuotas,
}

/// Why the server has no whole request to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// The body has more than [`BODY_BYTES_MAX`] bytes.
    BodyTooLarge,
    /// The body did not arrive, or not in time.
    BodyUnread,
    /// Too many requests are being answered.
    Busy,
}

/// Answers one request.
pub async fn answer(ctx: &Context, state: &State, request: Request<Bytes>) -> Answered {
    let mut stamp = state.stamp(ctx);
    if request.body().len() > BODY_BYTES_MAX {
        return render::<Nothing>(stamp, Err(Unserved::BodyTooLarge.into()));
    }
    let query = match Query::parse(request.uri().query().unwrap_or_default()) {
        Ok(query) => query,
        Err(fault) => return render::<Nothing>(stamp, Err(fault)),
    };
    let named = Action::parse(query.value("Action"));
    stamp.action = named.as_ref().map_or("unknown", |action| action.name());
    let app = match admit(ctx, state, &query) {
        Ok(app) => app,
        Err(fault) => return render::<Nothing>(stamp, Err(fault)),
    };
    stamp.app = Some(app);
    let action = match named {
        Ok(action) => action,
        Err(fault) => return render::<Nothing>(stamp, Err(fault)),
    };
    let asked =
        Asked { ctx, room_quotas: &state.room_quotas, app, query: &query, request: &request };
    serve(stamp, &asked, action).await
}

/// Answers a request that has proved for which app it speaks.
async fn serve(stamp: Stamp, asked: &Asked<'_>, action: Action) -> Answered {
    macro_rules! answer_with {
        ($action:ident) => {
            render(stamp, within_quota(asked, action, $action::answer(asked)).await)
        };
    }
    match action {
        Action::QueryUserInfos => answer_with!(query_user_infos),
        Action::UserRegister => answer_with!(user_register),
        Action::RobotRegister => answer_with!(robot_register),
        Action::ModifyUserInfo => answer_with!(modify_user_info),
        Action::QueryUserOnlineState => answer_with!(query_user_online_state),
        Action::SendMessageToAllUsers => answer_with!(send_message_to_all_users),
        Action::DescribeUserList => answer_with!(describe_user_list),
        Action::DescribeUserNum => answer_with!(describe_user_num),
        Action::DescribeUsers => answer_with!(describe_users),
    }
}

/// Answers a request that the server could not take in whole.
pub fn refuse(ctx: &Context, state: &State, why: Unserved) -> Answered {
    render::<Nothing>(state.stamp(ctx), Err(why.into()))
}

/// The app that a request speaks for.
///
/// In this order nobody learns more than they should: first what can be told from the request and
/// the clock alone; then, as the vendor documents it, whether the app exists; what comes after
/// that, the actions and their limits included, only somebody with the app's secret is told.
fn admit(ctx: &Context, state: &State, query: &Query) -> Result<AppId, Fault> {
    let now_unix_s = ctx.clock.now_unix_s();
    let claim = Claim::parse(query)?;
    claim.check_age(now_unix_s)?;
    let secret = ctx.apps.find(claim.app).and_then(|app| app.server_secret.as_ref());
    let unknown = || {
        let why = format!("no ServerSecret is known for the AppId {}", claim.app);
        Fault::new(Code::ServerSecretUnknown, why)
    };
    claim.verify(secret.ok_or_else(unknown)?)?;
    if ctx.settings.strict_nonce {
        // QUIRK(zegocloud): Z4, the vendor has no code for a repeated nonce.
        match state.nonces.use_up(&claim, now_unix_s) {
            Use::First => {}
            Use::Repeat => {
                let why = "the SignatureNonce was used before; sign each request anew";
                return Err(Fault::new(Code::SignatureWrong, why));
            }
            Use::NoRoom => return Err(Fault::server_busy()),
        }
    }
    Ok(claim.app)
}

/// What is answered if the app has not called too often. A request that is refused later has been
/// counted all the same.
async fn within_quota<T>(
    asked: &Asked<'_>,
    action: Action,
    answer: impl Future<Output = Result<Reply<T>, Fault>>,
) -> Result<Reply<T>, Fault> {
    match asked.ctx.quotas.take(asked.app, action.name(), action.per_second()) {
        true => answer.await.map_err(|fault| fault.of(action)),
        false => Err(Fault::too_frequent(action)),
    }
}

impl State {
    fn stamp(&self, ctx: &Context) -> Stamp {
        let request_id = self.request_ids.mint(ctx.clock.now_unix_us());
        Stamp { request_id, action: "unknown", app: None }
    }
}
