//! Reads and writes at a modest fixed rate, to see what something else that the server does adds to
//! their latency.

use std::{cell::Cell, rc::Rc, time::Duration};

use anyhow::Context;
use clap::Args;
use jiff::SignedDuration;
use tokio::{task::LocalSet, time::Instant};

use crate::{
    Load,
    paced::{self, Pace, Paced},
    requests, runtime,
    senders::{self, Sender},
    server,
    story::Story,
};

#[derive(Args)]
pub(crate) struct SteadyArgs {
    /// BatchGetUser of 50 each second
    #[arg(long, default_value_t = 200.0)]
    gets: f64,
    /// ListUserInfo of one room each second
    #[arg(long, default_value_t = 100.0)]
    lists: f64,
    /// Native events, one by one, each second
    #[arg(long, default_value_t = 200.0)]
    writes: f64,
    /// BatchGetUser asks for random users out of the ids 1 to this
    #[arg(long, default_value_t = 20_000)]
    users: u64,
    /// The number of the first event
    #[arg(long, default_value_t = 1 << 41)]
    first_event: u64,
}

/// Each kind of request has so many connections.
const CONNECTIONS: usize = 8;

pub(crate) fn measure(load: &Load, args: &SteadyArgs) -> anyhow::Result<()> {
    let seconds = Duration::try_from_secs_f64(load.seconds).context("--seconds")?;
    let streams = streams(load, args);
    LocalSet::new().block_on(&runtime()?, async {
        let retired = || server::counter(load.addr, "whowas_retired_total", &["what=\"event\""]);
        let before = retired().await?;
        let until = Instant::now() + seconds;
        let never = Rc::new(Cell::new(false));
        let running = streams.map(|(name, pace)| {
            (name, tokio::task::spawn_local(paced::run(load.addr, pace, until, never.clone())))
        });
        for (name, task) in running {
            print(name, &task.await.context("a stream panicked")??);
        }
        println!("retired_events={}", retired().await? - before);
        Ok(())
    })
}

fn print(name: &str, paced: &Paced) {
    let Paced { latency_us, errors } = paced;
    let quantile = |q| latency_us.value_at_quantile(q);
    println!(
        "kind={name} requests={} errors={errors} p50_us={} p99_us={} p999_us={} max_us={}",
        latency_us.len(),
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        latency_us.max()
    );
}

fn streams(load: &Load, args: &SteadyArgs) -> [(&'static str, Pace); 3] {
    let (target, now) = (load.target(), requests::now());
    let signer = requests::signer(&target);
    let mut random = fastrand::Rng::with_seed(load.seed);
    let count = |per_s: f64| (per_s * load.seconds).ceil() as u64;
    let until_ms = now.as_millisecond();
    let story = || {
        let written = count(args.writes);
        Story::new(args.first_event, written, until_ms - 600_000, until_ms).tell()
    };
    let window = (now - SignedDuration::from_hours(1), now + SignedDuration::from_hours(1));
    let ask = |room: &u64| {
        let room = format!("room{room}");
        requests::list_user_info(&target, &signer, senders::RTC_ID, &room, window)
    };
    let rooms: Vec<u64> = story().map(|happening| happening.room).collect();
    let pace = |per_s, requests, repeat| Pace { per_s, connections: CONNECTIONS, requests, repeat };
    let gets = requests::batch_get(&target, 1_000, 50, args.users, &mut random);
    let lists = rooms.iter().map(ask).collect();
    let (writes, _) = requests::events(&target, Sender::Native, 1, story(), now);
    [
        ("BatchGetUser", pace(args.gets, gets, true)),
        ("ListUserInfo", pace(args.lists, lists, true)),
        ("event", pace(args.writes, writes, false)),
    ]
}
