//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::export::args::{StaysArgs, UsersExportArgs, UsersGetArgs};

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
    #[command(after_help = EXIT_STATUS_OF_SERVE)]
    Serve(ServeArgs),
    /// Bring events into a running server, and look at those that it could not read
    Events(EventsArgs),
    /// Look after broadcasts: how far they have come, and what to do about them
    Broadcast(BroadcastArgs),
    /// Look after users: erase whoever wants to be forgotten
    Users(UsersArgs),
    /// Look into the room log: who was where, when, for how long
    Stays(StaysArgs),
    /// Look after stores: back up, restore, check, migrate, copy
    Store(StoreArgs),
    /// Make a ticket that opens the console for a while
    ///
    /// It is signed with the console's token, so that no server need be asked; another token in the
    /// config ends all tickets.
    Token(TokenArgs),
    /// Look at a config
    Config(ConfigArgs),
    /// Tell what a shell needs to complete the words of this program
    ///
    /// For bash: whowas completions bash > /etc/bash_completion.d/whowas
    Completions(CompletionsArgs),
    /// Tell the page of the manual
    Man(ManArgs),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS_OF_CONFIG)]
pub(crate) struct TokenArgs {
    /// The server's config, which has the console's token
    #[arg(long, value_name = "FILE", env = "WHOWAS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only this app may be looked at, by its numeric id [default: all]
    #[arg(long, value_name = "ID")]
    pub(crate) app: Option<u32>,
    /// For how many hours
    #[arg(long, value_name = "N", default_value_t = 12,
          value_parser = clap::value_parser!(i64).range(1..=console::TICKET_S_MAX / 3_600))]
    pub(crate) hours: i64,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read a config as the server would, with the environment and the flags, and tell what it
    /// comes to; what is wrong is told in the words of `serve`
    #[command(after_help = EXIT_STATUS_OF_CONFIG)]
    Check(ServeArgs),
}

const EXIT_STATUS_OF_CONFIG: &str = "\
Exit status:
  0    the config is right
  2    it is wrong; where and what is said on standard error";

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write the pages of all commands into this folder, instead of one to standard output
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

const EXIT_STATUS_OF_SERVE: &str = "\
Exit status:
  0    stopped
  1    failed; what to do next is said on standard error
  2    the command line or the config is wrong, or the ring refuses this server";

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

const EXIT_STATUS: &str = "\
Exit status:
  0    done
  1    failed; what to do next is said on standard error
  2    the command line or the config is wrong
  3    done, but some lines were refused, or some letters are still dead
  130  interrupted";

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct EventsArgs {
    #[command(subcommand)]
    pub(crate) command: EventsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Load events from a file: one CloudEvent in JSON on each line
    ///
    /// What the server has acknowledged is durable. Events that it has already are duplicates, so
    /// the same file can be loaded again at any time, and nothing changes.
    #[command(after_help = EXIT_STATUS)]
    Load(LoadArgs),
    /// List the dead letters: what came in at a hook, was authentic, and could not be read
    #[command(after_help = EXIT_STATUS)]
    Dead(DeadArgs),
    /// Have the server read its dead letters again, after an upgrade or a correction of its config
    #[command(after_help = EXIT_STATUS)]
    Replay(ReplayArgs),
}

/// Which server.
#[derive(Debug, Default, Args)]
pub(crate) struct ServerArgs {
    /// The server's address [default: what --config says, else http://127.0.0.1:7007]
    #[arg(long, value_name = "URL", env = "WHOWAS_SERVER")]
    pub(crate) server: Option<String>,
    /// The server's config: tells where it listens, and the token
    #[arg(long, value_name = "FILE", env = "WHOWAS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Which server, and which app of it.
#[derive(Debug, Default, Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    pub(crate) at: ServerArgs,
    /// The app's event token; others can see a flag, so better set the environment
    #[arg(long, env = "WHOWAS_EVENT_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Which app of the config, by its numeric id, if several have a token
    #[arg(long, value_name = "ID", requires = "config")]
    pub(crate) app: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// The file; - is standard input
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Go on where an earlier load of this file ended
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) resume: bool,
    /// Where is kept how far a load has come [default: FILE.whowas-load]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Write the lines that are refused to this file, to correct and load them
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Only look whether this version understands each line; no server is asked
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long to go on trying when the server does not answer
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) retry_for: u64,
    /// Tell the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeadArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// How many letters to list
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) limit: u64,
    /// Begin behind this letter
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<u64>,
    /// Tell everything as JSON, with the bodies, which hold names of people
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Tell the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which server, and which app of its native API.
#[derive(Debug, Default, Args)]
pub(crate) struct ApiTargetArgs {
    #[command(flatten)]
    pub(crate) at: ServerArgs,
    /// The app's API token; others can see a flag, so better set the environment
    #[arg(long, env = "WHOWAS_API_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Which app, by its numeric id; needed unless --config names one only
    #[arg(long, value_name = "ID")]
    pub(crate) app: Option<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS_OF_STORES)]
pub(crate) struct BroadcastArgs {
    #[command(subcommand)]
    pub(crate) command: BroadcastCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BroadcastCommand {
    /// List the broadcasts that are kept, the oldest first
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    List(BroadcastListArgs),
    /// Tell how far one has come, and what was sent
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    Show(BroadcastNamedArgs),
    /// Have one go on at its place at once, after a failure or a cancellation
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    Retry(BroadcastNamedArgs),
    /// End one; what is on its way may still arrive
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    Cancel(BroadcastNamedArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BroadcastListArgs {
    #[command(flatten)]
    pub(crate) target: ApiTargetArgs,
    /// How many broadcasts to list
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) limit: u64,
    /// Begin behind this broadcast
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<u64>,
    /// Tell everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BroadcastNamedArgs {
    /// The broadcast
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) target: ApiTargetArgs,
    /// Tell everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const EXIT_STATUS_OF_USERS: &str = "\
Exit status:
  0    done
  1    failed, or whoever was asked did not say yes; what to do next is said on standard error
  2    the command line or the config is wrong
  130  interrupted";

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS_OF_USERS)]
pub(crate) struct UsersArgs {
    #[command(subcommand)]
    pub(crate) command: UsersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Tell who users are
    #[command(after_help = EXIT_STATUS_OF_USERS)]
    Get(UsersGetArgs),
    /// Write out all users, or whoever is meant by their tags, any number
    #[command(after_help = EXIT_STATUS_OF_USERS)]
    Export(UsersExportArgs),
    /// Erase whatever names somebody, and tell a receipt: profile, presence, dead letters, and
    /// their part of the room log
    ///
    /// Whether they are registered or not. If it is interrupted, the same command does the rest,
    /// and its receipt is of the rest.
    #[command(after_help = EXIT_STATUS_OF_USERS)]
    Erase(UsersEraseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct UsersEraseArgs {
    /// Who, by their ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) target: ApiTargetArgs,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub(crate) yes: bool,
    /// Tell each receipt as JSON, on a line of its own
    #[arg(long)]
    pub(crate) json: bool,
}

const EXIT_STATUS_OF_STORES: &str = "\
Exit status:
  0    done
  1    failed; what to do next is said on standard error
  2    the command line or the config is wrong, or the ring refuses them
  130  interrupted";

const EXIT_STATUS_OF_CHECK: &str = "\
Exit status:
  0    it is whole
  1    it could not be looked at; what to do next is said on standard error
  2    the command line or the config is wrong
  3    something is wrong with it; what, and what to do, is said on standard output";

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS_OF_STORES)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Back an embedded store up into one file, also while its server runs
    ///
    /// The backup is compact, and is the store as of one instant: whatever was acknowledged before
    /// is in it. What is written meanwhile makes the server's own file grow, since nothing that the
    /// backup still reads is written over. In a container, run it in the server's own:
    /// `docker exec CONTAINER whowas store backup ...`.
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    Backup(BackupArgs),
    /// Make an embedded store of a backup, in a folder that is empty or missing
    ///
    /// All or nothing: before all of it is there and its checksum right, there is no store.
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    Restore(RestoreArgs),
    /// Look whether an embedded store is whole, also while its server runs
    ///
    /// Reads every record, and compares every row that repeats something with what it repeats: the
    /// indexes, the sums, and the stays of each room with what its events show. Nothing is changed.
    #[command(after_help = EXIT_STATUS_OF_CHECK)]
    Check(CheckArgs),
    /// Make the tables of a ring, or bring them to this program's version
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    Migrate(MigrateArgs),
    /// Copy everything from one store into another, and compare the two
    ///
    /// The servers of both are stopped meanwhile. Users with their times, events, connections, dead
    /// letters and broadcasts are copied; the log follows from the events. A copy that was
    /// interrupted, or killed, goes on with --resume.
    #[command(after_help = EXIT_STATUS_OF_STORES)]
    Copy(CopyArgs),
}

/// Which embedded store.
#[derive(Debug, Default, Args)]
pub(crate) struct FolderArgs {
    /// The store's folder [default: what --config says, else whowas-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The server's config: tells the folder
    #[arg(long, value_name = "FILE", env = "WHOWAS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Where to: a file that is not there yet, a folder, in which the backup is called by its time,
    /// or - for standard output
    #[arg(value_name = "FILE|DIR")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) store: FolderArgs,
    /// Tell the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) store: FolderArgs,
    /// Tell the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) from: PathBuf,
    #[command(flatten)]
    pub(crate) store: FolderArgs,
    /// Tell the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a store is named on the command line.
const STORE: &str = "STORE";

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The ring: cassandra:HOST,HOST:PORT/KEYSPACE; if none is named, that of the config
    #[arg(long, value_name = STORE)]
    pub(crate) to: Option<String>,
    /// The config: which ring, and how it is reached
    #[arg(long, value_name = "FILE", env = "WHOWAS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// Copy this: embedded:DIR or cassandra:HOST,HOST:PORT/KEYSPACE
    #[arg(long, value_name = STORE)]
    pub(crate) from: String,
    /// Copy it into this, which is empty
    #[arg(long, value_name = STORE)]
    pub(crate) to: String,
    /// A config whose `store` table says how a ring is reached: login, TLS, data centre, replicas
    #[arg(long, value_name = "FILE", env = "WHOWAS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Go on where an earlier copy ended
    #[arg(long)]
    pub(crate) resume: bool,
    /// Cancel the broadcasts in the target that are under way: a server goes on with the source
    #[arg(long)]
    pub(crate) cancel_broadcasts: bool,
    /// Where is kept how far a copy has come
    #[arg(long, value_name = "FILE", default_value = "whowas-store-copy.json")]
    pub(crate) state: PathBuf,
    /// How long to go on trying when a store does not answer
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) retry_for: u64,
    /// Tell the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
