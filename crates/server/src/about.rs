//! The commands that are about the program itself: whether a config is right, what opens the
//! console, what a shell
//! completes, and the pages of the manual.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;
use console::{Console, Scope};
use domain::AppId;
use domain::clock::{Clock as _, SystemClock};

use crate::cli::{Cli, CompletionsArgs, ConfigArgs, ConfigCommand, ManArgs, ServeArgs, TokenArgs};
use crate::command::{self, Ending, Failure, tell};
use crate::config::{self, Config, StoreAt};
use crate::http::Certificate;
use crate::note;

/// Runs `whowas config ...`.
pub(crate) fn config(args: &ConfigArgs) -> ExitCode {
    let ConfigCommand::Check(args) = &args.command;
    command::run(async { check(args) })
}

/// Reads a config as the server would, and tells what it comes to.
fn check(args: &ServeArgs) -> Result<Ending, Failure> {
    let config = config::load(args)?;
    if let Some(files) = &config.tls {
        Certificate::read(files).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    }
    config.remarks.iter().for_each(|remark| note(&format!("whowas: {remark}")));
    tell(&summary(&config))?;
    Ok(Ending::Done)
}

/// Runs `whowas token`.
pub(crate) fn token(args: &TokenArgs) -> ExitCode {
    command::run(async { make_ticket(args, SystemClock.now_unix_s()) })
}

fn make_ticket(args: &TokenArgs, now_unix_s: i64) -> Result<Ending, Failure> {
    let config = config::load(&ServeArgs { config: args.config.clone(), ..ServeArgs::default() })?;
    let usage = |reason: &str| Failure::Usage(reason.to_owned());
    let scope = match args.app.map(AppId) {
        None => Scope::All,
        Some(id) if config.apps.iter().any(|app| app.id == id) => Scope::App(id),
        Some(id) => return Err(usage(&format!("the config names no app {id}"))),
    };
    let console = Console::new(config.console.token, false);
    let until_unix_s = now_unix_s + args.hours * 3_600;
    let ticket = console.ticket(scope, until_unix_s);
    let ticket = ticket.ok_or_else(|| {
        usage("the console is off: set `token` under [console] in the config, or WHOWAS_CONSOLE_TOKEN")
    })?;
    tell(&format!("{ticket}\n"))?;
    Ok(Ending::Done)
}

fn summary(config: &Config) -> String {
    let mut text = String::from("The config is right.\n");
    let places: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    let encrypted = if config.tls.is_some() { ", TCP by TLS" } else { "" };
    let _ = writeln!(text, "  listens   {}{encrypted}", places.join(", "));
    let _ = match &config.store {
        StoreAt::Memory => writeln!(text, "  keeps     in memory: nothing outlives the server"),
        StoreAt::Embedded(folder) => writeln!(text, "  keeps     in {}", folder.display()),
        StoreAt::Cassandra(options) => {
            let points = options.contact_points.join(", ");
            writeln!(text, "  keeps     in the keyspace {} at {points}", options.keyspace)
        }
    };
    for app in config.apps.iter() {
        let sources: Vec<&str> = app.sources.keys().map(String::as_str).collect();
        let from = match sources.is_empty() {
            true => String::new(),
            false => format!(", fed by {}", sources.join(", ")),
        };
        let _ = writeln!(text, "  app       {} {}{from}", app.id, app.name);
    }
    text
}

/// Tells what a shell needs to complete our words.
pub(crate) fn completions(args: &CompletionsArgs) -> ExitCode {
    command::run(async {
        let mut script = vec![];
        clap_complete::generate(args.shell, &mut Cli::command(), "whowas", &mut script);
        tell(&String::from_utf8(script).context("the script is no text")?)?;
        Ok(Ending::Done)
    })
}

/// Tells the page of the manual, or writes all of them into a folder.
pub(crate) fn man(args: &ManArgs) -> ExitCode {
    command::run(async {
        match &args.folder {
            None => tell(&page()?)?,
            Some(folder) => write_pages(folder)
                .with_context(|| format!("no pages can be written into {}", folder.display()))?,
        }
        Ok(Ending::Done)
    })
}

fn page() -> anyhow::Result<String> {
    let mut page = vec![];
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    String::from_utf8(page).context("the page is no text")
}

fn write_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}
