//! `whowas events ...`: the commands that ask a running server.
//!
//! What a person reads goes to standard output as text, or as JSON if it is wanted; progress and
//! what went wrong go to standard error, each with what to do next.

mod dead;
mod load;
mod replay;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::EXIT_WRONG_CONFIG;
use crate::cli::{EventsArgs, EventsCommand, TargetArgs};
use crate::config::{self, Target};
use crate::note;
use crate::remote::{Remote, Trouble};

const EXIT_SOME_REFUSED: u8 = 3;
/// As a shell tells the end by SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Done,
    SomeRefused,
    Interrupted,
}

/// Why a command did not do what it should.
#[derive(Debug)]
enum Failure {
    /// It was not told right what to do.
    Usage(String),
    /// It could not be done.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Runs a command to its end.
pub(crate) fn run(args: &EventsArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(&format!("whowas: the machine refuses what every program needs: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ending = runtime.block_on(async {
        match &args.command {
            EventsCommand::Load(args) => load::run(args).await,
            EventsCommand::Dead(args) => dead::run(args).await,
            EventsCommand::Replay(args) => replay::run(args).await,
        }
    });
    // What still reads standard input is not waited for.
    runtime.shutdown_background();
    match ending {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::SomeRefused) => ExitCode::from(EXIT_SOME_REFUSED),
        Ok(Ending::Interrupted) => ExitCode::from(EXIT_INTERRUPTED),
        Err(Failure::Usage(reason)) => {
            note(&format!("whowas: {reason}"));
            ExitCode::from(EXIT_WRONG_CONFIG)
        }
        Err(Failure::Failed(error)) => {
            note(&format!("whowas: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn target(args: &TargetArgs) -> Result<Target, Failure> {
    config::target(args).map_err(|fault| Failure::Usage(fault.to_string()))
}

/// What is said of a call that failed and is not tried again.
fn failed(trouble: Trouble) -> Failure {
    Failure::Failed(match trouble {
        Trouble::Again(reason) if reason.contains("certificate") => anyhow::anyhow!(
            "{reason}\nIf the authority behind its certificate is one of your own, name the file of \
             that authority's certificate in SSL_CERT_FILE."
        ),
        Trouble::Again(reason) => anyhow::anyhow!(
            "{reason}\nIs the server running? Start it with `whowas serve`, or name its address \
             with --server."
        ),
        Trouble::Final(reason) => anyhow::anyhow!(reason),
    })
}

fn remote(args: &TargetArgs) -> Result<Remote, Failure> {
    Ok(Remote::new(target(args)?)?)
}

/// Tells a result on standard output. That nobody reads it, as behind `| head`, is no failure.
fn tell(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the result cannot be written to standard output")
        }
        _ => Ok(()),
    }
}

/// A text of somebody else's, for a terminal: it cannot move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
