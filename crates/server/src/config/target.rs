//! Which server a command asks, and with which token: by flags, or as a server's own config says.

use domain::AppId;
use domain::app::{App, Apps, Secret};
use http::Uri;

use super::values::parse_url;
use super::{Config, Fault, listen, load};
use crate::cli::{ApiTargetArgs, ServeArgs, ServerArgs, TargetArgs};

/// Where a command's server is unless it is told.
const SERVER_DEFAULT: &str = "http://127.0.0.1:7007";

/// A server, and what opens an app of it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its address: scheme, authority, and a path that all of its own begin with.
    pub(crate) server: Uri,
    /// What opens the app.
    pub(crate) token: Secret,
}

/// A server, and an app of it whose native API is asked.
#[derive(Clone, Debug)]
pub(crate) struct ApiTarget {
    /// Where, and with the token that opens the app's API.
    pub(crate) target: Target,
    /// Which app.
    pub(crate) app: AppId,
}

/// The config that flags name, if they do, and where it is.
fn config_of(at: &ServerArgs) -> Result<(Option<Config>, String), Fault> {
    let Some(path) = &at.config else { return Ok((None, String::new())) };
    let config = load(&ServeArgs { config: Some(path.clone()), ..Default::default() })?;
    Ok((Some(config), path.display().to_string()))
}

/// What the flags say, and where they say nothing, the config that they name.
pub(crate) fn api_target(args: &ApiTargetArgs) -> Result<ApiTarget, Fault> {
    let ApiTargetArgs { at, token, app } = args;
    let id = app.map(AppId);
    let (loaded, place) = config_of(at)?;
    let found = loaded.as_ref().map(|config| find_api_token(&config.apps, id));
    let (app, token) = match (id, token, found) {
        (Some(app), Some(token), _) => (app, Secret::new(token)),
        (_, token, Some(found)) => {
            let (app, theirs) = found.map_err(|reason| Fault::new(place, None, reason))?;
            (app, token.as_ref().map_or(theirs, Secret::new))
        }
        (_, _, None) => {
            let reason = "which app? Give its number with --app, and its api_token (best in the \
                          environment, as WHOWAS_API_TOKEN), or name the server's config with \
                          --config";
            return Err(Fault::new("--app", None, reason));
        }
    };
    let server = server_of(at.server.as_ref(), loaded.as_ref())?;
    Ok(ApiTarget { target: checked(&server, token)?, app })
}

/// The token that opens the API of the app that is named, or of the only one that has any.
fn find_api_token(apps: &Apps, id: Option<AppId>) -> Result<(AppId, Secret), String> {
    let token = |app: &App| app.api_token.clone().or(app.event_token.clone());
    let all: Vec<(AppId, Secret)> =
        apps.iter().filter_map(|app| Some((app.id, token(app)?))).collect();
    let found = match (id, all.as_slice()) {
        (Some(id), all) => all.iter().find(|(app, _)| *app == id),
        (None, [one]) => Some(one),
        (None, _) => None,
    };
    found.cloned().ok_or_else(|| {
        let ids: Vec<String> = all.iter().map(|(app, _)| app.to_string()).collect();
        match ids.as_slice() {
            [] => "no app has an api_token or an event_token; give one of them an api_token".into(),
            ids => format!("which app? Name it with --app: {}", ids.join(", ")),
        }
    })
}

/// What the flags say, and where they say nothing, the config that they name.
pub(crate) fn target(args: &TargetArgs) -> Result<Target, Fault> {
    let (config, place) = config_of(&args.at)?;
    let server = server_of(args.at.server.as_ref(), config.as_ref())?;
    let token = match (&args.token, &config) {
        (Some(token), _) => Secret::new(token),
        (None, Some(config)) => find_token(&config.apps, args.app.map(AppId))
            .map_err(|reason| Fault::new(place, None, reason))?,
        (None, None) => {
            let reason = "which app? Give its event token (best in the environment, as \
                          WHOWAS_EVENT_TOKEN), or name the server's config with --config";
            return Err(Fault::new("--token", None, reason));
        }
    };
    checked(&server, token)
}

/// The server's address, by a flag, or as its config says.
fn server_of(flag: Option<&String>, config: Option<&Config>) -> Result<String, Fault> {
    match (flag, config) {
        (Some(server), _) => Ok(server.clone()),
        (None, Some(config)) => {
            listen::url_of(&config.listen, config.tls.is_some()).ok_or_else(|| {
                let reason = "the config has no address of TCP; tell how the server is reached";
                Fault::new("--server", None, reason)
            })
        }
        (None, None) => Ok(SERVER_DEFAULT.to_owned()),
    }
}

fn checked(server: &str, token: Secret) -> Result<Target, Fault> {
    if token.reveal().is_empty() || token.reveal().contains(|c: char| c.is_ascii_control()) {
        return Err(Fault::new("--token", None, "no token is empty, or of several lines"));
    }
    Ok(Target { server: parse_server(server)?, token })
}

fn parse_server(text: &str) -> Result<Uri, Fault> {
    parse_url(text.trim_end_matches('/')).ok_or_else(|| {
        let reason = format!("{text:?} is no address of a server; one is {SERVER_DEFAULT}");
        Fault::new("--server", None, reason)
    })
}

/// The token of the app that is named, or of the only one that has any.
fn find_token(apps: &Apps, id: Option<AppId>) -> Result<Secret, String> {
    let with_token: Vec<(&App, &Secret)> =
        apps.iter().filter_map(|app| Some((app, app.event_token.as_ref()?))).collect();
    let ids: Vec<String> = with_token.iter().map(|(app, _)| app.id.to_string()).collect();
    let found = match (id, with_token.as_slice()) {
        (Some(id), all) => all.iter().find(|(app, _)| app.id == id),
        (None, [one]) => Some(one),
        (None, _) => None,
    };
    found.map(|(_, token)| (*token).clone()).ok_or_else(|| match (id, ids.as_slice()) {
        (_, []) => "no app has an event_token; give one of them an event_token".to_owned(),
        (Some(id), ids) => {
            format!("no app {id} with an event_token; these have one: {}", ids.join(", "))
        }
        (None, ids) => format!("which app? Name it with --app: {}", ids.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_http_and_shows_no_password() {
        for good in ["http://127.0.0.1:7007", "https://a.example/whowas", "http://[::1]:7007/"] {
            let parsed = parse_server(good).expect("an address").to_string();
            assert_eq!(parsed.trim_end_matches('/'), good.trim_end_matches('/'));
        }
        for bad in ["", "127.0.0.1:7007", "ftp://a", "http://u:p@a", "http://a/?b", "/v1"] {
            assert!(parse_server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_token_is_that_of_the_app_meant() {
        let config = |text: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("whowas.toml");
            std::fs::write(&path, text).expect("a file");
            let app = text.contains("# two").then_some(2);
            let at = ServerArgs { config: Some(path), server: None };
            let args = TargetArgs { at, app, ..Default::default() };
            let told = target(&args).map(|it| (it.server.to_string(), it.token));
            told.map_err(|fault| fault.to_string().rsplit("toml: ").next().map(str::to_owned))
        };
        let one = "[[apps]]\nid = 1\nevent_token = \"a\"\n[[apps]]\nid = 3\n";
        let two = format!("{one}[[apps]]\nid = 2\nevent_token = \"b\"\n");
        let listen = format!("listen = \"0.0.0.0:7\"\n{one}");
        let at = |server: &str, token: &str| Ok((server.to_owned(), Secret::new(token)));
        assert_eq!(config(one), at("http://127.0.0.1:7007/", "a"));
        assert_eq!(config(&listen), at("http://127.0.0.1:7/", "a"));
        assert_eq!(config(&format!("# two\n{two}")), at("http://127.0.0.1:7007/", "b"));
        let asked = Err(Some("which app? Name it with --app: 1, 2".to_owned()));
        assert_eq!(config(&two), asked);
        let none = Err(Some("no app 2 with an event_token; these have one: 1".to_owned()));
        assert_eq!(config(&format!("# two\n{one}")), none);
    }
}
