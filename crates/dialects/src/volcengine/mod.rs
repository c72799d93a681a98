//! Volcengine RTC and IM, the server OpenAPI: `/?Action=...&Version=...`.
//!
//! Read [`answer`] below, which decides what is checked first; `action`, what can be asked;
//! `signature`, who asks; `actions`, one file per action; `envelope` and `fault`, what goes out.
//! What is odd, what is verified and what is chosen: `README.md`.
//!
//! Which dialect a request is meant for, and how its bytes arrive, is the server's business.

mod action;
mod actions;
mod body;
mod envelope;
mod fault;
mod query;
mod signature;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod time;

use bytes::Bytes;
use domain::Context;
use domain::app::{App, Grant};
use http::Request;

use crate::{Answered, BodyFault};
use action::{Action, Version};
use actions::{
    Asked, batch_get_user, batch_update_user, batch_update_user_tags, get_room_online_users,
    list_room_info, list_user_info, query_online_status, register_users, un_register_users,
    user_broadcast,
};
use envelope::{Json, Stamp, cut};
use fault::{Code, Fault};
use query::Query;
use signature::{Claims, Form, Keys, Signable};

/// What this dialect remembers between requests; of one config, and of one only.
#[derive(Default)]
pub struct State {
    keys: Keys,
}

/// Answers one request.
pub async fn answer(ctx: &Context, state: &State, request: crate::Asked) -> Answered {
    let mut stamp = Stamp::new(ctx.clock.now_unix_us());
    let outcome = serve((ctx, state), request, &mut stamp).await;
    envelope::render(stamp, outcome)
}

/// First what the vendor's gateway looks at: the action, then the signature; then the app, its
/// right and its quota; then the parameters.
async fn serve(
    (ctx, state): (&Context, &State),
    request: crate::Asked,
    stamp: &mut Stamp,
) -> Result<Json, Fault> {
    let (parts, body) = request.into_parts();
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    let (action, version) = find_action(&query, stamp)?;
    check_method(action, &parts.method)?;
    let request = Request::from_parts(parts, body.map_err(unread)?);
    let grant = authenticate((ctx, state), action, &request, &query, stamp)?;
    let app = find_app(ctx, action, &request, &query)?;
    let app = app.filter(|app| grant.apps.contains(&app.id)).ok_or_else(Fault::no_permission)?;
    stamp.app = Some(app.id);
    take_quota(ctx, action, app)?;

    let (headers, body) = (request.headers(), request.body());
    let asked = Asked { ctx, app, version, query: &query, headers, body };
    Ok(match action {
        Action::RegisterUsers => Json::of(&register_users::answer(&asked).await?),
        Action::UnRegisterUsers => Json::of(&un_register_users::answer(&asked).await?),
        Action::BatchUpdateUserTags => Json::of(&batch_update_user_tags::answer(&asked).await?),
        Action::BatchUpdateUser => Json::of(&batch_update_user::answer(&asked).await?),
        Action::BatchGetUser => batch_get_user::answer(&asked).await?,
        Action::QueryOnlineStatus => Json::of(&query_online_status::answer(&asked).await?),
        Action::UserBroadcast => Json::of(&user_broadcast::answer(&asked).await?),
        Action::ListUserInfo => Json::of(&list_user_info::answer(&asked).await?),
        Action::ListRoomInfo => Json::of(&list_room_info::answer(&asked).await?),
        Action::GetRoomOnlineUsers => Json::of(&get_room_online_users::answer(&asked).await?),
    })
}

fn find_action(query: &Query, stamp: &mut Stamp) -> Result<(Action, Version), Fault> {
    let name = query.find_filled("Action")?.ok_or_else(|| Fault::missing("Action"))?;
    stamp.echo_action(name);
    let version = query.find_filled("Version")?.ok_or_else(|| Fault::missing("Version"))?;
    stamp.echo_version(version);
    let (action, version) = Action::find(name, version).ok_or_else(|| {
        let (name, version) = (cut(name), cut(version));
        let message = format!("Could not find operation {name} for version {version}.");
        Fault::new(Code::InvalidActionOrVersion, message)
    })?;
    stamp.known_action = action.spec().name;
    Ok((action, version))
}

fn check_method(action: Action, method: &http::Method) -> Result<(), Fault> {
    let spec = action.spec();
    if *method == spec.method {
        return Ok(());
    }
    let message = format!("{} is asked with {}, not with {method}.", spec.name, spec.method);
    Err(Fault::new(Code::MethodNotAllowed, message))
}

fn unread(fault: BodyFault) -> Fault {
    match fault {
        BodyFault::TooLarge { bytes_max } => {
            let message = format!("The body has more than {bytes_max} bytes.");
            Fault::new(Code::SizeOverLimit, message)
        }
        BodyFault::Broken => {
            Fault::new(Code::Unmarshal, "The body did not arrive whole, or not in time.")
        }
        BodyFault::Busy => {
            let message = "Too many requests are under way. Send the request again later.";
            Fault::new(Code::ServiceUnavailableTemp, message)
        }
    }
}

/// What the key opens that signed the request.
fn authenticate<'a>(
    (ctx, state): (&'a Context, &State),
    action: Action,
    request: &Request<Bytes>,
    query: &Query,
    stamp: &mut Stamp,
) -> Result<&'a Grant, Fault> {
    let explain = ctx.settings.explain_signatures;
    let of_signature = |fault| Fault::of_signature(fault, explain);
    let signable = Signable::new(request, query);
    let claims = Claims::parse(&signable).map_err(of_signature)?;
    stamp.region = Some(claims.scope.region.clone());
    let grant = ctx.apps.find_access_key(&claims.access_key_id).ok_or_else(|| {
        let id = &claims.access_key_id;
        let message = format!("The accesskey [{id}] included in the request is invalid.");
        Fault::new(Code::InvalidAccessKey, message)
    })?;
    let secret = (grant.secret.reveal(), &state.keys);
    let proof = signature::verify(&claims, &signable, secret, ctx.clock.now_unix_s())
        .map_err(of_signature)?;
    if let Some(name) = proof.uncovered {
        let name = cut(&name);
        let message =
            format!("X-SignedQueries does not list {name}, so anybody may have added it.");
        return Err(Fault::new(Code::SignatureDoesNotMatch, message));
    }
    if action.spec().changes && claims.form != Form::Header {
        let message = format!(
            "A presigned URL does not cover the body, so it cannot be used for {}; sign with an \
             Authorization header.",
            action.spec().name
        );
        return Err(Fault::new(Code::AccessDenied, message));
    }
    Ok(grant)
}

/// The app that the request is for, if there is such an app.
fn find_app<'a>(
    ctx: &'a Context,
    action: Action,
    request: &Request<Bytes>,
    query: &Query,
) -> Result<Option<&'a App>, Fault> {
    match action {
        Action::RegisterUsers
        | Action::UnRegisterUsers
        | Action::BatchUpdateUserTags
        | Action::BatchUpdateUser
        | Action::BatchGetUser
        | Action::QueryOnlineStatus
        | Action::UserBroadcast => {
            let id = body::parse_app_id(request.body(), request.headers())?;
            Ok(ctx.apps.find(id))
        }
        // QUIRK(volcengine): an app has a number for the IM actions, a text for the RTC actions.
        Action::ListUserInfo | Action::ListRoomInfo | Action::GetRoomOnlineUsers => {
            let id = query.find_filled("AppId")?.ok_or_else(|| Fault::missing("AppId"))?;
            Ok(ctx.apps.find_by_rtc_id(id))
        }
    }
}

/// A request that is refused later has been counted all the same. V25.
fn take_quota(ctx: &Context, action: Action, app: &App) -> Result<(), Fault> {
    let spec = action.spec();
    if ctx.quotas.take(app.id, spec.name, spec.per_second) {
        return Ok(());
    }
    let message = format!(
        "Request was rejected because the request speed of this openAPI is beyond the current flow \
         control limit. {} may be asked {} times a second.",
        spec.name, spec.per_second
    );
    Err(Fault::new(Code::FlowLimitExceeded, message))
}
