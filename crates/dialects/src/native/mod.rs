//! The native API of one app: `/v1/apps/{app}/...`, in JSON, with cursors in place of pages.
//!
//! Read [`answer`] below, which decides what is checked first; `action`, what can be asked;
//! `signature`, who asks; `actions`, one file per action; `envelope` and `fault`, what goes out.
//!
//! What has no body of known length is not answered here: the server streams it itself, and asks
//! [`authorize`] who may listen.

mod action;
mod actions;
mod cursor;
mod envelope;
mod fault;
mod query;
mod signature;
#[cfg(test)]
mod testing;

use domain::Context;
use http::request::Parts;

use crate::Answered;
use action::{Action, Route};
use actions::{
    Asked, cancel_broadcast, count_users, delete_user, erase_user, get_broadcast, get_user,
    list_broadcasts, list_stays, list_tags, list_users, retry_broadcast,
};
use envelope::{Json, Stamp};
use fault::Fault;
use query::Query;
pub use signature::authorize;

/// What every path of this dialect begins with.
pub const PATH: &str = "/v1/apps/";

/// The one path under [`PATH`] that the server answers itself: a stream is no answer of an action.
pub const STREAM: &str = "/v1/apps/{app}/stream";

/// The whole native API in OpenAPI 3.1, also what of `/v1` the server answers itself. Each action
/// here is in it, and beside [`STREAM`] it has no others under [`PATH`].
pub const OPENAPI: &str = include_str!("openapi.json");

/// Answers one request, which has no body that counts. `request_id` is what the log knows it by.
pub async fn answer(ctx: &Context, request_id: String, parts: &Parts) -> Answered {
    let mut stamp = Stamp { request_id, action: "unknown", app: None };
    let outcome = serve(ctx, parts, &mut stamp).await;
    envelope::render(stamp, outcome)
}

/// First who asks, so that nobody else learns which apps or paths there are; then what.
async fn serve(ctx: &Context, parts: &Parts, stamp: &mut Stamp) -> Result<Json, Fault> {
    let route = Route::find(&parts.method, parts.uri.path());
    if let Ok(route) = &route {
        stamp.action = route.action.spec().name;
    }
    let app = authorize(&ctx.apps, parts.uri.path(), &parts.headers);
    let app = app.ok_or_else(Fault::unauthorized)?;
    stamp.app = Some(app.id);
    let route = route?;
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    let asked = Asked { ctx, app, names: &route.names, query: &query };
    Ok(match route.action {
        Action::CountUsers => Json::of(&count_users::answer(&asked).await?),
        Action::DeleteUser => Json::of(&delete_user::answer(&asked).await?),
        Action::ListTags => Json::of(&list_tags::answer(&asked).await?),
        Action::ListUsers => Json::of(&list_users::answer(&asked).await?),
        Action::EraseUser => Json::of(&erase_user::answer(&asked).await?),
        Action::GetUser => Json::of(&get_user::answer(&asked).await?),
        Action::ListStays => Json::of(&list_stays::answer(&asked).await?),
        Action::ListBroadcasts => Json::of(&list_broadcasts::answer(&asked).await?),
        Action::GetBroadcast => Json::of(&get_broadcast::answer(&asked).await?),
        Action::RetryBroadcast => Json::of(&retry_broadcast::answer(&asked).await?),
        Action::CancelBroadcast => Json::of(&cancel_broadcast::answer(&asked).await?),
    })
}
