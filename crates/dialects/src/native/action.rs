//! What can be asked: a method and a path each.

use http::Method;
use percent_encoding::percent_decode_str;

use super::fault::{Code, Fault};

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    CountUsers,
    ListUsers,
    ListTags,
    GetUser,
    DeleteUser,
    EraseUser,
    ListStays,
    ListBroadcasts,
    GetBroadcast,
    RetryBroadcast,
    CancelBroadcast,
}

/// How it is asked.
#[derive(Debug)]
pub(super) struct Spec {
    /// In the log and in metrics.
    pub(super) name: &'static str,
    pub(super) method: Method,
    /// What stands in braces is any name.
    pub(super) path: &'static str,
}

impl Action {
    /// Every action. Of two whose paths are the same to a request, the first is meant.
    pub(super) const ALL: [Self; 11] = [
        Self::CountUsers,
        Self::ListUsers,
        Self::ListTags,
        Self::GetUser,
        Self::DeleteUser,
        Self::EraseUser,
        Self::ListStays,
        Self::ListBroadcasts,
        Self::GetBroadcast,
        Self::RetryBroadcast,
        Self::CancelBroadcast,
    ];

    pub(super) fn spec(self) -> Spec {
        let (name, method, path) = match self {
            Self::CountUsers => ("count_users", Method::GET, "/v1/apps/{app}/users/count"),
            Self::ListUsers => ("list_users", Method::GET, "/v1/apps/{app}/users"),
            Self::ListTags => ("list_tags", Method::GET, "/v1/apps/{app}/tags"),
            Self::GetUser => ("get_user", Method::GET, "/v1/apps/{app}/users/{id}"),
            Self::DeleteUser => ("delete_user", Method::DELETE, "/v1/apps/{app}/users/{id}"),
            Self::EraseUser => ("erase_user", Method::POST, "/v1/apps/{app}/users/{id}/erase"),
            Self::ListStays => ("list_stays", Method::GET, "/v1/apps/{app}/stays"),
            Self::ListBroadcasts => ("list_broadcasts", Method::GET, "/v1/apps/{app}/broadcasts"),
            Self::GetBroadcast => ("get_broadcast", Method::GET, "/v1/apps/{app}/broadcasts/{id}"),
            Self::RetryBroadcast => {
                ("retry_broadcast", Method::POST, "/v1/apps/{app}/broadcasts/{id}/retry")
            }
            Self::CancelBroadcast => {
                ("cancel_broadcast", Method::POST, "/v1/apps/{app}/broadcasts/{id}/cancel")
            }
        };
        Spec { name, method, path }
    }
}

/// An action, and the names in its path behind the app's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) action: Action,
    pub(super) names: Vec<String>,
}

impl Route {
    /// What a request is for. Words of a path are told before escapes are resolved, so that a name
    /// that looks like a word can be written as an escape.
    pub(super) fn find(method: &Method, path: &str) -> Result<Self, Fault> {
        let fits = |action: &Action| names_in(action.spec().path, path).is_some();
        // Literal paths come first, and hide what looks like a name for every method.
        let Some(first) = Action::ALL.into_iter().find(fits) else {
            return Err(Fault::new(Code::NoSuchPath, "nothing is served at this path"));
        };
        let same = first.spec().path;
        let mut actions = Action::ALL.into_iter().filter(|it| it.spec().path == same);
        let Some(action) = actions.find(|action| action.spec().method == *method) else {
            let message = format!("this path is not asked with {method}");
            let all = Action::ALL.map(Action::spec).into_iter().filter(|it| it.path == same);
            let allowed: Vec<String> = all.map(|it| it.method.to_string()).collect();
            let fault = Fault::new(Code::MethodNotAllowed, message);
            return Err(Fault { allowed: Some(allowed.join(", ")), ..fault });
        };
        let raw = names_in(same, path).unwrap_or_default();
        let decoded = raw.into_iter().skip(1).map(|name| {
            let name = percent_decode_str(name).decode_utf8();
            name.map(String::from).map_err(|_| Fault::invalid("a name in the path is not UTF-8"))
        });
        Ok(Self { action, names: decoded.collect::<Result<_, _>>()? })
    }
}

/// What stands in a path for the names of its pattern, if it fits.
fn names_in<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    let mut names = vec![];
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return Some(names),
            (Some(pattern), Some(part)) if pattern.starts_with('{') && !part.is_empty() => {
                names.push(part);
            }
            (Some(pattern), Some(part)) if pattern == part => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_a_path_say_what_is_asked() {
        let find = |method: Method, path: &str| {
            Route::find(&method, path).map(|route| (route.action, route.names)).ok()
        };
        let user = |name: &str| Some((Action::GetUser, vec![name.to_owned()]));
        assert_eq!(find(Method::GET, "/v1/apps/1/users/a"), user("a"));
        assert_eq!(find(Method::GET, "/v1/apps/1/users/a/"), user("a"));
        assert_eq!(find(Method::GET, "/v1/apps/1/users/a%2Fb%20%E8%AF%AD"), user("a/b 语"));
        assert_eq!(find(Method::GET, "/v1/apps/1/users/%ff"), None);
        assert_eq!(find(Method::GET, "/v1/apps/1/users/a/b"), None);
        assert_eq!(find(Method::GET, "/v1/apps/1/users//"), None);
        assert_eq!(find(Method::PATCH, "/v1/apps/1/users/a"), None);
    }

    #[test]
    fn the_document_has_each_action_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(super::super::OPENAPI).unwrap();
        let mut told = vec![];
        for (path, item) in document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            let ours = path.starts_with(super::super::PATH) && path != super::super::STREAM;
            told.extend(methods.filter(|_| ours).map(|it| (it.to_uppercase(), path.clone())));
        }
        let own =
            Action::ALL.map(Action::spec).map(|it| (it.method.to_string(), it.path.to_owned()));
        let mut own = own.to_vec();
        told.sort_unstable();
        own.sort_unstable();
        assert_eq!(told, own, "openapi.json");
    }

    #[test]
    fn each_action_has_its_row() {
        let readme = include_str!("README.md");
        for Spec { name, method, path } in Action::ALL.map(Action::spec) {
            let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}`")));
            let row = row.unwrap_or_else(|| panic!("{name} has no row"));
            assert!(row.contains(&format!("`{method} {path}`")), "{row}");
        }
    }
}
