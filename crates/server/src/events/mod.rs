//! `whowas events ...`: the commands that ask a running server.
//!
//! What a person reads goes to standard output as text, or as JSON if it is wanted; progress and
//! what went wrong go to standard error, each with what to do next.

mod dead;
mod load;
mod replay;

use std::process::ExitCode;

use crate::cli::{EventsArgs, EventsCommand, TargetArgs};
use crate::command::{self, Ending, Failure, tell};
use crate::config::{self, Target};
use crate::remote::{Remote, Trouble};

/// Runs a command to its end.
pub(crate) fn run(args: &EventsArgs) -> ExitCode {
    command::run(async {
        match &args.command {
            EventsCommand::Load(args) => load::run(args).await,
            EventsCommand::Dead(args) => dead::run(args).await,
            EventsCommand::Replay(args) => replay::run(args).await,
        }
    })
}

fn target(args: &TargetArgs) -> Result<Target, Failure> {
    config::target(args).map_err(|fault| Failure::Usage(fault.to_string()))
}

fn remote(args: &TargetArgs) -> Result<Remote, Failure> {
    Ok(Remote::new(target(args)?)?)
}

/// What is said of a call that failed and is not tried again.
pub(crate) fn failed(trouble: Trouble) -> Failure {
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

/// A text of somebody else's, for a terminal: it cannot move the cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
