//! How the commands that are no server end, and what they say then.
//!
//! What a person reads goes to standard output as text, or as JSON if it is wanted; progress and
//! what went wrong go to standard error, each with what to do next.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use stores::cassandra::{Refusal, Trouble};

use crate::config::Fault;
use crate::{EXIT_WRONG_CONFIG, note};

const EXIT_SOME_REFUSED: u8 = 3;
/// As a shell tells the end by SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    SomeRefused,
    Interrupted,
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Failure {
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

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Usage(fault.to_string())
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: impl Future<Output = Result<Ending, Failure>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(&format!("whowas: the machine refuses what every program needs: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ending = runtime.block_on(command);
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
            failed(&error)
        }
    }
}

/// How whatever failed ends. A ring that refuses us does so until the config or the ring is
/// changed, so it is as with a config that is wrong: to start the program again does not help.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    let is_refused =
        error.is::<Refusal>() || matches!(error.downcast_ref(), Some(Trouble::Refused(_)));
    if is_refused { ExitCode::from(EXIT_WRONG_CONFIG) } else { ExitCode::FAILURE }
}

/// Tells a result on standard output. That nobody reads it, as behind `| head`, is no failure.
pub(crate) fn tell(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the result cannot be written to standard output")
        }
        _ => Ok(()),
    }
}
