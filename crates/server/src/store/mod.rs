//! `whowas store ...`: the commands that work on stores themselves, without a server.

mod at;
mod backup;
mod check;
mod copy;
mod migrate;

use std::process::ExitCode;

use crate::cli::{StoreArgs, StoreCommand};
use crate::command;

/// Runs a command to its end.
pub(crate) fn run(args: &StoreArgs) -> ExitCode {
    command::run(async {
        match &args.command {
            StoreCommand::Migrate(args) => migrate::run(args).await,
            StoreCommand::Backup(args) => backup::back_up(args).await,
            StoreCommand::Restore(args) => backup::restore(args).await,
            StoreCommand::Check(args) => check::run(args).await,
            StoreCommand::Copy(args) => copy::run(args).await,
        }
    })
}
