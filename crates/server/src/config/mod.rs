//! What the operator decided: a file, over it the environment, over it the command line.
//!
//! A wrong value is one sentence that names the file, the line and the key ([`Fault`]). This is the
//! only place that reads the environment.

mod apps;
mod broadcast;
mod console;
mod environment;
mod file;
mod listen;
mod reconcile;
mod store;
mod target;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};

use domain::Settings;
use domain::app::Apps;
use stores::cassandra::Options;

pub(crate) use broadcast::Receiver;
pub(crate) use console::ConsoleAs;
pub(crate) use environment::notify_socket;
pub(crate) use listen::Listen;
pub(crate) use reconcile::Reconcile;
pub(crate) use store::StoreAt;
pub(crate) use target::{Target, api_target, target};
pub(crate) use values::LogFormat;

use self::file::File;
use crate::cli::{FolderArgs, ServeArgs};
use crate::demo;
use crate::http::TlsFiles;

/// The embedded store's folder unless it is told.
const DATA_DEFAULT: &str = "whowas-data";

/// Everything that `serve` needs to know.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: Vec<Listen>,
    /// What is shown to those who come by TCP; without it they are not encrypted.
    pub(crate) tls: Option<TlsFiles>,
    /// What keeps everything.
    pub(crate) store: StoreAt,
    /// The tenants.
    pub(crate) apps: Apps,
    /// Which media servers are asked who is there.
    pub(crate) reconcile: Vec<Reconcile>,
    /// Who takes broadcasts.
    pub(crate) receivers: Vec<Receiver>,
    /// Whether they may be at addresses that are not of the open internet.
    pub(crate) allows_private_receivers: bool,
    /// Whether there is a console, and for whom.
    pub(crate) console: ConsoleAs,
    /// What holds for all of them.
    pub(crate) settings: Settings,
    /// How the log is written.
    pub(crate) log_format: LogFormat,
    /// The least severe level that is logged.
    pub(crate) log_level: tracing::Level,
    /// What is accepted and has no effect, for the log.
    pub(crate) remarks: Vec<String>,
}

/// Why a config cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file with the line, the environment variable or the flag that holds it.
    place: String,
    /// The key, if one can be told.
    key: Option<String>,
    /// What is wrong, and what would be right.
    reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if let Some(key) = &self.key {
            write!(f, ", key `{key}`")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    fn new(place: impl Into<String>, key: Option<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), key, reason: reason.into() }
    }

    /// A fault at a byte of a file: tells the line, and the key that stands on it.
    fn in_file(path: &Path, text: &str, at: Option<usize>, reason: &str) -> Self {
        let reason = reason.trim_end().replace('\n', ", ");
        let Some(at) = at else { return Self::new(path.display().to_string(), None, reason) };
        let before = text.get(..at).unwrap_or(text);
        let line_number = before.matches('\n').count() + 1;
        let line = text.lines().nth(line_number - 1).unwrap_or("");
        let key = line.split_once('=').map(|(key, _)| key.trim().to_owned());
        Self::new(format!("{}, line {line_number}", path.display()), key, reason)
    }
}

/// Reads the config that the command line asks for.
pub(crate) fn load(args: &ServeArgs) -> Result<Config, Fault> {
    load_with(args, environment::variables())
}

/// The folder of the embedded store that a command is about.
pub(crate) fn data_folder(args: &FolderArgs) -> Result<PathBuf, Fault> {
    if let Some(folder) = &args.data {
        return Ok(folder.clone());
    }
    match load(&ServeArgs { config: args.config.clone(), ..ServeArgs::default() })?.store {
        StoreAt::Embedded(folder) => Ok(folder),
        StoreAt::Memory | StoreAt::Cassandra(_) => {
            let reason = "this is about an embedded store, and the config names another one; \
                          give its folder with --data";
            Err(Fault::new("--data", None, reason))
        }
    }
}

/// A ring of these nodes, and how it is reached as a config and the environment say.
pub(crate) fn ring(config: Option<&Path>, points: &str, keyspace: &str) -> Result<Options, Fault> {
    ring_with(config, points, keyspace, environment::variables())
}

fn ring_with(
    config: Option<&Path>,
    points: &str,
    keyspace: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Options, Fault> {
    let named = |reason| Fault::new(format!("{points}/{keyspace}"), None, reason);
    let points = points.split(',').map(store::parse_contact_point).collect::<Result<Vec<_>, _>>();
    let (points, keyspace) =
        (points.map_err(named)?, store::parse_keyspace(keyspace).map_err(named)?);
    let (path, text) = match config {
        Some(path) => (path.to_owned(), read(path)?),
        None => (PathBuf::new(), String::new()),
    };
    let top = environment::read(variables)?.values.over(File::parse(&path, &text)?.top);
    top.store.options(points, &keyspace)
}

fn load_with(
    args: &ServeArgs,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, Fault> {
    let environment = environment::read(variables)?;
    let (path, text) = match args.config.as_ref().or(environment.config.as_ref()) {
        Some(path) => (path.clone(), read(path)?),
        None => (PathBuf::new(), String::new()),
    };
    let file = File::parse(&path, &text)?;
    let mut remarks = environment.remarks;
    let mut apps = apps::read(&path, &text, &file.apps)?;
    let receivers = apps::read_receivers(&path, &text, &file.apps, &mut remarks)?;
    let reconcile = apps::read_reconcile(&path, &text, &file.apps)?;
    if args.demo {
        apps.retain(|app| app.id != demo::APP_ID);
        apps.push(demo::app());
    }
    let apps = Apps::new(apps).map_err(|fault| {
        let at = apps::place_of(&fault, &file.apps);
        Fault::in_file(&path, &text, at, &format!("{fault}; each app needs its own"))
    })?;
    let mut top = environment.values.over(file.top);
    let listen = listen::read(args, &top)?;
    let tls = top.tls.read()?;
    let console = std::mem::take(&mut top.console).read(args.demo, tls.is_some())?;
    if args.demo && tls.is_some() {
        let reason = "--demo speaks plain HTTP, as it tells in what to switch; leave one out";
        return Err(Fault::new("--demo", Some("tls".to_owned()), reason));
    }
    if apps.iter().next().is_none() {
        let remark = "there are no apps, so every request will be refused: \
                      name some in a config file, or start with --demo";
        remarks.push(remark.to_owned());
    }
    let data = args.data.clone().or(top.data.clone()).unwrap_or_else(|| DATA_DEFAULT.into());
    Ok(Config {
        listen,
        console,
        tls,
        store: top.store.read(data)?,
        settings: top.settings(args.demo),
        log_format: top.log_format.unwrap_or_default(),
        log_level: top.log_level.map_or(tracing::Level::INFO, |level| level.0),
        apps,
        reconcile,
        receivers,
        allows_private_receivers: top.allow_private_broadcast_urls.unwrap_or(false),
        remarks,
    })
}

fn read(path: &Path) -> Result<String, Fault> {
    let unreadable = |error: std::io::Error| {
        Fault::new(path.display().to_string(), None, format!("the file cannot be read: {error}"))
    };
    std::fs::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests;
