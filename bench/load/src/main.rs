//! A load generator that sends validly signed requests over kept connections, and the bare server
//! that its figures stand beside.
//!
//! Signing is written here a second time on purpose: a generator that shared the server's code
//! would share its mistakes. Requests are made and signed before the measured time begins.
//!
//! Read in this order: [`sign`], [`requests`], [`answer`], [`drive`]; [`fixed`] is the other side.
//! [`story`] and [`senders`] are what [`events`] sends at full speed; [`visible`] and [`steady`]
//! send at a [`paced`] rate. [`broadcast`] and [`listen`] measure what the server sends. [`start`]
//! measures a program's start and rest, [`limits`] the machine.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};

mod answer;
mod broadcast;
mod drive;
mod events;
mod fill;
mod fixed;
mod ingest;
mod limits;
mod list;
mod listen;
mod metronome;
mod paced;
mod postgres;
mod requests;
mod senders;
mod server;
mod sign;
mod start;
mod steady;
mod story;
mod visible;

use broadcast::BroadcastArgs;
use drive::Plan;
use events::EventsArgs;
use fill::{FillArgs, UsersArgs};
use ingest::IngestArgs;
use limits::LimitsArgs;
use list::{AskArgs, ListArgs};
use listen::ListenArgs;
use postgres::PostgresArgs;
use requests::{Ids, Target};
use steady::SteadyArgs;
use visible::VisibleArgs;

#[derive(Parser)]
#[command(about = "Signed load for whowas, and a bare server to compare with")]
struct Cli {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// BatchGetUser of random users out of the ids 1 to --users
    BatchGet {
        #[command(flatten)]
        load: Load,
        #[arg(long, default_value_t = 100_000)]
        users: u64,
        #[arg(long, default_value_t = 50)]
        each: usize,
    },
    /// RegisterUsers of users that are new in each request
    Register {
        #[command(flatten)]
        load: Load,
        #[arg(long, value_enum, default_value = "increasing")]
        ids: Order,
        /// The first of the increasing ids
        #[arg(long, default_value_t = 1)]
        first: u64,
        #[arg(long, default_value_t = 20)]
        each: usize,
        /// How many requests are made beforehand; the run ends when they are used up
        #[arg(long, default_value_t = 100_000)]
        requests: usize,
        /// How many tags each user has, out of fifty
        #[arg(long, default_value_t = 1)]
        tags: u64,
    },
    /// Events of many rooms, one webhook each or batches of native ones, each stored once
    Events {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        events: EventsArgs,
    },
    /// How long from a LiveKit webhook until ListUserInfo shows it
    Visible {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        visible: VisibleArgs,
    },
    /// Broadcasts to everybody or to a tag, until all deliveries were taken
    Broadcast {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        broadcast: BroadcastArgs,
    },
    /// How long from a join until those who listen to the stream have its line
    Listen {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        listen: ListenArgs,
    },
    /// Reads and writes at a fixed rate
    Steady {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        steady: SteadyArgs,
    },
    /// ListUserInfo of the whole app, one page after the other
    List {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        list: ListArgs,
    },
    /// One ListUserInfo; prints the answer
    Ask {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Registers users with the profiles of `whowas-data`; not measured
    FillUsers {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        users: UsersArgs,
    },
    /// Tells the calls of `whowas-data`, a thousand events at once; not measured
    FillStays {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        stays: FillArgs,
    },
    /// Tells the calls of `whowas-data` as they happen in live rooms, in batches; measured
    Ingest {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        ingest: IngestArgs,
    },
    /// The same as `ingest`, to PostgreSQL
    IngestPostgres(PostgresArgs),
    /// The bytes of one of the above, or a small GET, to a server that does not read them
    Fixed {
        #[command(flatten)]
        load: Load,
        #[arg(long, value_enum, default_value = "get")]
        like: Like,
    },
    /// The bare server: hyper, a fixed body, no work
    ServeFixed {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        #[arg(long)]
        bytes: usize,
    },
    /// What this machine can do at best: one line for each thing
    Limits(LimitsArgs),
    /// Starts a program, and tells when it was ready, its memory at rest, and how it stopped
    Start {
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Args)]
struct Load {
    #[arg(long)]
    addr: SocketAddr,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before the measured ones
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Requests a second, however long they take; without it, as many as can be answered
    #[arg(long)]
    rate: Option<f64>,
    /// The server's process, to tell what it computed
    #[arg(long)]
    pid: Option<u32>,
    #[arg(long, default_value_t = 4111)]
    app: u64,
    /// How many apps are spoken to in turn; their ids follow each other. Of events only native ones
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    apps: u64,
    #[arg(long, default_value = "AKLTbench")]
    key: String,
    #[arg(long, default_value = "bench-secret")]
    secret: String,
    /// Of the random ids; the same seed makes the same requests
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    Increasing,
    Random,
}

#[derive(Clone, Copy, ValueEnum)]
enum Like {
    Get,
    BatchGet,
    Register,
}

/// Enough different requests that no cache holds their answers, made in a moment.
const POOL_LEN: usize = 20_000;

fn main() -> anyhow::Result<()> {
    match Cli::parse().work {
        Work::ServeFixed { listen, bytes } => fixed::serve(listen, bytes),
        Work::Limits(args) => limits::measure(&args),
        Work::Start { command } => start::measure(&command),
        Work::BatchGet { load, users, each } => {
            anyhow::ensure!(users > 0, "--users is at least 1");
            let mut random = fastrand::Rng::with_seed(load.seed);
            let requests = requests::batch_get(&load.target(), POOL_LEN, each, users, &mut random);
            measure(
                &load,
                Plan { requests, events: vec![], repeat: true, check: answer::found(each) },
            )
        }
        Work::Register { load, ids, first, each, requests, tags } => {
            let ids = load.ids(ids, first);
            let requests = requests::register(&load.target(), requests, (each, tags), ids);
            measure(
                &load,
                Plan { requests, events: vec![], repeat: false, check: answer::none_failed() },
            )
        }
        Work::Events { load, events } => events::measure(&load, &events),
        Work::List { load, list } => list::measure(&load, &list),
        Work::Ask { load, ask } => list::ask(&load, &ask),
        Work::FillUsers { load, users } => fill::users(&load, &users),
        Work::FillStays { load, stays } => fill::stays(&load, &stays),
        Work::Ingest { load, ingest } => ingest::measure(&load, &ingest),
        Work::IngestPostgres(args) => postgres::measure(&args),
        Work::Broadcast { load, broadcast } => broadcast::measure(&load, &broadcast),
        Work::Listen { load, listen } => listen::measure(&load, &listen),
        Work::Visible { load, visible } => visible::measure(&load, &visible),
        Work::Steady { load, steady } => steady::measure(&load, &steady),
        Work::Fixed { load, like } => {
            let target = load.target();
            let mut random = fastrand::Rng::with_seed(load.seed);
            let requests = match like {
                Like::Get => vec![requests::get(&target)],
                Like::BatchGet => requests::batch_get(&target, POOL_LEN, 50, 100_000, &mut random),
                Like::Register => {
                    let ids = load.ids(Order::Increasing, 1);
                    requests::register(&target, POOL_LEN, (20, 1), ids)
                }
            };
            measure(
                &load,
                Plan { requests, events: vec![], repeat: true, check: answer::anything() },
            )
        }
    }
}

impl Load {
    fn target(&self) -> Target<'_> {
        let Self { addr, app, apps, .. } = *self;
        Target { addr, app, apps, key: &self.key, secret: &self.secret }
    }

    fn times(&self) -> anyhow::Result<drive::Times> {
        Ok(drive::Times {
            warm_up: Duration::try_from_secs_f64(self.warm_up).context("--warm-up")?,
            measured: Duration::try_from_secs_f64(self.seconds).context("--seconds")?,
            rate: self.rate,
            pid: self.pid,
        })
    }

    fn ids(&self, order: Order, first: u64) -> Ids {
        match order {
            Order::Increasing => Ids::increasing(first),
            Order::Random => Ids::random(fastrand::Rng::with_seed(self.seed)),
        }
    }
}

/// One thread: the generator shares two cores with the server, and must be the smaller of both.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn measure(load: &Load, plan: Plan) -> anyhow::Result<()> {
    // Making and signing took its time: whoever wants to do something meanwhile waits for this.
    eprintln!("sending");
    let report =
        runtime()?.block_on(drive::run(load.addr, load.connections, load.times()?, plan))?;
    println!("{report}");
    Ok(())
}
