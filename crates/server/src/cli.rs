//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Who is this user, and who was in this room: a user directory and a room log in the wire formats
/// of Volcengine RTC/IM and ZEGOCLOUD ZIM.
#[derive(Debug, Parser)]
#[command(name = "whowas", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
}

/// Flags beat the environment (WHOWAS_LISTEN, WHOWAS_DATA, ...), which beats the file.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// The config, in TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen, such as 127.0.0.1:7007; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// The embedded store's folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Add an app with published keys, to try things out; on loopback only
    #[arg(long)]
    pub(crate) demo: bool,
}
