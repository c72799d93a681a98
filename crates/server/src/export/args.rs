//! The command line of what is read out of a running server.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::ApiTargetArgs;

const EXIT_STATUS: &str = "\
Exit status:
  0    done
  1    failed; what to do next is said on standard error
  2    the command line or the config is wrong
  130  interrupted; the same command goes on where it was";

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A JSON object on each line, as the API tells it
    Ndjson,
    /// RFC 4180, with a head; what has no place in a cell is JSON
    Csv,
}

/// Where rows go.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
    /// How rows are written [default: as the file's name ends, else ndjson]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Into this file, which must not be there; until it is whole, FILE.part grows beside it, and
    /// who is interrupted goes on with the same command [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct StaysArgs {
    #[command(subcommand)]
    pub(crate) command: StaysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StaysCommand {
    /// List who was where, in the order of their joining
    #[command(after_help = EXIT_STATUS)]
    List(StaysListArgs),
    /// Write out all of them, any number
    #[command(after_help = EXIT_STATUS)]
    Export(StaysExportArgs),
}

/// Which stays.
#[derive(Debug, Args)]
pub(crate) struct WhichStaysArgs {
    /// Those that had not ended before, such as 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Those that had begun by then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// In this room
    #[arg(long, value_name = "ID")]
    pub(crate) room: Option<String>,
    /// Of this user
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StaysListArgs {
    #[command(flatten)]
    pub(crate) target: ApiTargetArgs,
    #[command(flatten)]
    pub(crate) which: WhichStaysArgs,
    /// How many to list
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) limit: u64,
    /// Tell everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StaysExportArgs {
    #[command(flatten)]
    pub(crate) target: ApiTargetArgs,
    #[command(flatten)]
    pub(crate) which: WhichStaysArgs,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UsersGetArgs {
    /// Who, by their ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) target: ApiTargetArgs,
    /// Tell everything as JSON, a user on each line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UsersExportArgs {
    #[command(flatten)]
    pub(crate) target: ApiTargetArgs,
    /// Only who is meant by this expression, such as 'vip AND NOT (bot OR test*)'
    #[arg(long, value_name = "EXPR")]
    pub(crate) tags: Option<String>,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}
