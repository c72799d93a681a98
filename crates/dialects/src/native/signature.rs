//! Who asks: whoever shows the app's token.

use domain::AppId;
use domain::app::{App, Apps};
use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use super::PATH;

/// The app that a path names, if the headers show its token: `Authorization: Bearer <api_token>`.
/// Whoever is refused does not learn whether there is such an app.
///
/// An app without an `api_token` is opened by its `event_token`; one that has one, by that only.
pub fn authorize<'a>(apps: &'a Apps, path: &str, headers: &HeaderMap) -> Option<&'a App> {
    let (name, _) = path.strip_prefix(PATH)?.split_once('/')?;
    let is_canonical = name == "0" || !name.starts_with('0');
    let is_number = is_canonical && name.bytes().all(|byte| byte.is_ascii_digit());
    let app = name.parse().ok().filter(|_| is_number).and_then(|id| apps.find(AppId(id)));
    let theirs = app.and_then(|app| app.api_token.as_ref().or(app.event_token.as_ref()));
    let shown = bearer(headers)?.as_bytes();
    // An app that is not there, or that nobody may ask, is compared with all the same.
    let expected = theirs.map_or(&b""[..], |token| token.reveal().as_bytes());
    let is_same = bool::from(expected.ct_eq(shown));
    app.filter(|_| is_same && theirs.is_some())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use domain::app::Secret;
    use http::HeaderValue;

    use super::*;
    use crate::native::testing::app;

    #[test]
    fn an_app_is_opened_by_its_own_token_and_no_other() {
        let secret = |token: &str| Some(Secret::new(token));
        let apps = Apps::new([
            App { event_token: secret("one"), ..app(1) },
            App { event_token: secret("two"), api_token: secret("api"), ..app(2) },
            app(3),
        ]);
        let apps = apps.unwrap();
        let opened = |path: &str, authorization: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static(authorization));
            authorize(&apps, path, &headers).map(|app| app.id.0)
        };
        assert_eq!(opened("/v1/apps/1/users", "Bearer one"), Some(1));
        assert_eq!(opened("/v1/apps/1/users", "bearer  one"), Some(1));
        assert_eq!(opened("/v1/apps/2/users", "Bearer api"), Some(2));
        for (path, authorization) in [
            ("/v1/apps/1/users", "Bearer two"),
            ("/v1/apps/1/users", "Basic one"),
            ("/v1/apps/1/users", "Bearer"),
            ("/v1/apps/2/users", "Bearer two"),
            ("/v1/apps/2/users", "Bearer one"),
            ("/v1/apps/3/users", "Bearer "),
            ("/v1/apps/3/users", "Bearer one"),
            ("/v1/apps/4/users", "Bearer one"),
            ("/v1/apps/01/users", "Bearer one"),
            ("/v1/apps/+1/users", "Bearer one"),
            ("/v1/apps/one/users", "Bearer one"),
            ("/v1/apps/1", "Bearer one"),
        ] {
            assert_eq!(opened(path, authorization), None, "{path} {authorization}");
        }
        assert!(authorize(&apps, "/v1/apps/1/users", &HeaderMap::new()).is_none());
    }
}
