//! The program: the only crate that knows all the others.
//!
//! [`config`] says what is wanted, [`wiring`] puts it together, [`http`] serves it. [`events`],
//! [`tend`] and [`users`] are the commands that ask a running server, through [`remote`], and
//! [`store`] those that work on stores themselves.

mod about;
mod broadcast;
mod cli;
mod command;
mod config;
mod demo;
mod events;
mod export;
mod feed;
mod http;
mod notify;
mod observe;
mod outgoing;
mod progress;
mod reconcile;
mod remote;
mod store;
mod tend;
#[cfg(test)]
mod testing;
mod upkeep;
mod users;
mod wiring;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::cli::{Cli, Command, ServeArgs};
use crate::http::{Certificate, Door};

/// What a wrong command line and a wrong config end with, and a ring that refuses us.
const EXIT_WRONG_CONFIG: u8 = 2;

/// Tells a line on standard error. If nobody reads that, there is nobody to be told so, and what is
/// being done goes on.
fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve(&args),
        Command::Events(args) => events::run(&args),
        Command::Broadcast(args) => tend::run(&args),
        Command::Users(args) => users::run(&args),
        Command::Stays(args) => export::stays(&args),
        Command::Store(args) => store::run(&args),
        Command::Token(args) => about::token(&args),
        Command::Config(args) => about::config(&args),
        Command::Completions(args) => about::completions(&args),
        Command::Man(args) => about::man(&args),
    }
}

fn serve(args: &ServeArgs) -> ExitCode {
    let config = match config::load(args) {
        Ok(config) => config,
        Err(fault) => {
            note(&format!("whowas: {fault}"));
            return ExitCode::from(EXIT_WRONG_CONFIG);
        }
    };
    // Held until the end: dropping it writes out what is still buffered.
    let _log = observe::start_logging(config.log_format, config.log_level);
    match run(args, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("whowas: {error:#}"));
            command::failed(&error)
        }
    }
}

fn run(args: &ServeArgs, config: config::Config) -> anyhow::Result<()> {
    config.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (listen, tls) = (config.listen.clone(), config.tls.clone());
    let workers = runtime.metrics().num_workers();
    runtime.block_on(async {
        let certificate = tls.as_ref().map(Certificate::read).transpose()?;
        let certificate = certificate.map(|(certificate, known)| {
            let certificate = Arc::new(certificate);
            tokio::spawn(certificate.clone().follow(known));
            certificate
        });
        let server = wiring::server(config, workers).await?;
        let mut doors = vec![];
        for place in &listen {
            doors.push(Door::open(place, certificate.as_ref()).await?);
        }
        let signals = http::Signals::listen()?;
        let mut is_introduced = !args.demo;
        for door in &doors {
            if let Some(address) = door.plain_address()?.filter(|_| !is_introduced) {
                demo::introduce(address);
                is_introduced = true;
            }
            note(&format!("listening on {}", door.address()?));
        }
        notify::ready();
        http::serve(doors, server, signals).await
    })
}
