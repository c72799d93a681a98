//! `WHOWAS_…`: every key outside `[[apps]]`, in upper case, with `_` where the file has a dot.

use std::path::PathBuf;

use serde::Deserialize;

use super::Fault;
use super::file::Top;

const PREFIX: &str = "WHOWAS_";

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// `WHOWAS_CONFIG`: the file to read.
    pub(super) config: Option<PathBuf>,
    /// The keys that it sets.
    pub(super) values: Top,
    /// Variables that look like ours and are not.
    pub(super) remarks: Vec<String>,
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn variables() -> Vec<(String, String)> {
    let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some((name, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(ours).collect()
}

/// Where the service manager wants to be told how it goes, if there is one.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn notify_socket() -> Option<String> {
    std::env::var("NOTIFY_SOCKET").ok().filter(|name| !name.is_empty())
}

/// How the text of a variable becomes the value of a key.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Whole,
    Truth,
    List,
}

/// Read by the commands that ask a server, as flags of theirs.
const OF_COMMANDS: [&str; 3] = ["SERVER", "EVENT_TOKEN", "API_TOKEN"];

const KEYS: [(&str, &str, Kind); 28] = [
    ("LISTEN", "listen", Kind::Text),
    ("DATA", "data", Kind::Text),
    ("LIMITS", "limits", Kind::Text),
    ("TIME_ZONE", "time_zone", Kind::Text),
    ("RETENTION_DAYS", "retention_days", Kind::Whole),
    ("IDLE_CLOSE_MINUTES", "idle_close_minutes", Kind::Whole),
    ("PRESENCE_EXPIRY_MINUTES", "presence_expiry_minutes", Kind::Whole),
    ("EXPLAIN_SIGNATURES", "explain_signatures", Kind::Truth),
    ("ALLOW_PRIVATE_BROADCAST_URLS", "allow_private_broadcast_urls", Kind::Truth),
    ("STRICT_NONCE", "strict_nonce", Kind::Truth),
    ("LOG_FORMAT", "log_format", Kind::Text),
    ("LOG_LEVEL", "log_level", Kind::Text),
    ("TLS_CERT_FILE", "tls.cert_file", Kind::Text),
    ("TLS_KEY_FILE", "tls.key_file", Kind::Text),
    ("CONSOLE_TOKEN", "console.token", Kind::Text),
    ("CONSOLE_SECURE", "console.secure", Kind::Truth),
    ("STORE_KIND", "store.kind", Kind::Text),
    ("STORE_CONTACT_POINTS", "store.contact_points", Kind::List),
    ("STORE_KEYSPACE", "store.keyspace", Kind::Text),
    ("STORE_REPLICATION_FACTOR", "store.replication_factor", Kind::Whole),
    ("STORE_LOCAL_DATA_CENTER", "store.local_data_center", Kind::Text),
    ("STORE_USER", "store.user", Kind::Text),
    ("STORE_PASSWORD", "store.password", Kind::Text),
    ("STORE_TLS", "store.tls", Kind::Truth),
    ("STORE_TLS_CHECK_ADDRESSES", "store.tls_check_addresses", Kind::Truth),
    ("STORE_CA_FILE", "store.ca_file", Kind::Text),
    ("STORE_CERT_FILE", "store.cert_file", Kind::Text),
    ("STORE_KEY_FILE", "store.key_file", Kind::Text),
];

pub(super) fn read(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Environment, Fault> {
    let mut environment = Environment::default();
    for (variable, text) in variables {
        let name = variable.strip_prefix(PREFIX).unwrap_or(&variable);
        if name == "CONFIG" {
            environment.config = Some(text.into());
            continue;
        }
        if OF_COMMANDS.contains(&name) {
            continue;
        }
        let Some((_, key, kind)) = KEYS.iter().find(|(known, ..)| *known == name) else {
            environment.remarks.push(format!("the environment's {variable} is no key of ours"));
            continue;
        };
        let fault =
            |reason: String| Fault::new(format!("the environment's {variable}"), None, reason);
        let value = value(&text, *kind).map_err(&fault)?;
        let table = nested(key, value);
        let set = Top::deserialize(table).map_err(|error| fault(error.message().to_owned()))?;
        environment.values = set.over(environment.values);
    }
    Ok(environment)
}

fn value(text: &str, kind: Kind) -> Result<toml::Value, String> {
    match kind {
        Kind::Text => Ok(toml::Value::String(text.to_owned())),
        Kind::Whole => {
            text.parse().map(toml::Value::Integer).map_err(|_| format!("{text:?} is no number"))
        }
        Kind::Truth => text
            .parse()
            .map(toml::Value::Boolean)
            .map_err(|_| format!("{text:?} is not true or false")),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(items.map(|item| toml::Value::String(item.to_owned())).collect::<Vec<_>>().into())
        }
    }
}

fn nested(key: &str, value: toml::Value) -> toml::Table {
    let mut table = toml::Table::new();
    match key.split_once('.') {
        None => table.insert(key.to_owned(), value),
        Some((outer, inner)) => {
            table.insert(outer.to_owned(), toml::Value::Table(nested(inner, value)))
        }
    };
    table
}
