//! `whowas store migrate`: the tables of a ring, as this program needs them.

use stores::cassandra::{Cassandra, Options};

use super::at::At;
use crate::cli::{MigrateArgs, ServeArgs};
use crate::command::{Ending, Failure, tell};
use crate::config::{self, StoreAt};

pub(super) async fn run(args: &MigrateArgs) -> Result<Ending, Failure> {
    let options = options(args)?;
    let migrated = Cassandra::migrate(&options).await.map_err(anyhow::Error::new)?;
    let keyspace = &options.keyspace;
    let altered = match migrated.altered {
        0 => String::new(),
        some => format!("Tables whose options were those of an older program: {some}.\n"),
    };
    let of_version = match (migrated.from, migrated.to) {
        (0, to) => format!("The keyspace {keyspace} has its tables now, of version {to}.\n"),
        (from, to) if from == to && migrated.altered == 0 => {
            format!("The keyspace {keyspace} has version {to} already; nothing was changed.\n")
        }
        (from, to) if from == to => format!("The keyspace {keyspace} has version {to} already.\n"),
        (from, to) => format!("The keyspace {keyspace} had version {from} and has {to} now.\n"),
    };
    tell(&format!("{of_version}{altered}"))?;
    Ok(Ending::Done)
}

fn options(args: &MigrateArgs) -> Result<Options, Failure> {
    let at = match &args.to {
        Some(to) => At::parse("--to", to, args.config.as_deref())?,
        None => {
            let config = ServeArgs { config: args.config.clone(), ..ServeArgs::default() };
            let config = config::load(&config);
            match config.map_err(|fault| Failure::Usage(fault.to_string()))?.store {
                StoreAt::Cassandra(options) => At::Cassandra(options),
                StoreAt::Memory | StoreAt::Embedded(_) => {
                    let reason = "which ring? Name it with --to, or name a config whose \
                                  `store.kind` is \"cassandra\" with --config";
                    return Err(Failure::Usage(reason.to_owned()));
                }
            }
        }
    };
    match at {
        At::Cassandra(options) => Ok(*options),
        At::Embedded(_) => {
            let reason = "--to: an embedded store is brought to this version when it is opened; \
                          only a ring is migrated";
            Err(Failure::Usage(reason.to_owned()))
        }
    }
}
