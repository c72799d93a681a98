//! Who speaks to the native API: whoever has an app's event token.

use domain::app::{App, Apps};
use http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq;

/// What is said to whoever shows no token, or one that opens nothing.
pub(super) const REFUSAL: (StatusCode, &str) = (
    StatusCode::UNAUTHORIZED,
    "the header `Authorization: Bearer <event_token>` is missing or wrong; \
     the token is the app's event_token in the config",
);

/// The app whose token the headers show. Every app is compared, so that the time tells nothing.
pub(super) fn find_app<'a>(apps: &'a Apps, headers: &HeaderMap) -> Option<&'a App> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let token = token.trim().as_bytes();
    let mut found = None;
    for app in apps.iter() {
        let Some(theirs) = &app.event_token else { continue };
        if bool::from(theirs.reveal().as_bytes().ct_eq(token)) {
            found = Some(app);
        }
    }
    found
}
